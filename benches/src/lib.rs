//! Benches; run them with `cargo bench`.
