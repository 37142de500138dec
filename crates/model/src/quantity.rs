//! Quantities: exact decimal and binary numbers with suffixes.
