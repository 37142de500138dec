//! Runs recorded answers of the real system against ours.
