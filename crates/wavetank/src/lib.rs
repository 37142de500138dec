//! A Kubernetes cluster you can cargo test.
