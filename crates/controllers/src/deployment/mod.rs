//! Deployments: replace the pods of one template by those of another, within limits.
//!
//! Follows `pkg/controller/deployment` of Kubernetes 1.36.

mod write;

pub use write::{DeploymentInputs, DeploymentWrite, SetSeen};
