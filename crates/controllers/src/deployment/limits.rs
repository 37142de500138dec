//! How many pods a rollout may add and miss, in plain numbers.

use wavetank_model::int_or_string::{resolve_fenceposts, scaled_value};
use wavetank_model::{DeploymentSpec, PassError, Strategy};

/// Pods allowed beyond `replicas`, and pods that may be missing; zero where they cannot be read.
fn fenceposts(spec: &DeploymentSpec) -> (i32, i32) {
    match &spec.strategy {
        Strategy::RollingUpdate(Some(limits)) => {
            resolve_fenceposts(limits.max_surge.as_ref(), limits.max_unavailable.as_ref(), spec.replicas)
                .unwrap_or_default()
        }
        // Without parameters the limits are those of parameters that are absent.
        Strategy::RollingUpdate(None) => resolve_fenceposts(None, None, spec.replicas).unwrap_or_default(),
        Strategy::Recreate | Strategy::Unknown(_) => (0, 0),
    }
}

/// Pods allowed beyond `replicas`, and pods that may be missing, at most `replicas`; both are 0 unless it
/// is a rolling update.
pub(super) fn limits(spec: &DeploymentSpec) -> (i32, i32) {
    let (surge, unavailable) = fenceposts(spec);
    (surge, if spec.replicas == 0 { 0 } else { unavailable.min(spec.replicas) })
}

/// The size that the new ReplicaSet should have, given its size now and all pods by spec.
pub(super) fn new_set_size(spec: &DeploymentSpec, all_pods: i32, size: i32) -> Result<i32, PassError> {
    match &spec.strategy {
        Strategy::Recreate => Ok(spec.replicas),
        Strategy::RollingUpdate(limits) => {
            let surge = limits.as_ref().and_then(|limits| limits.max_surge.as_ref());
            let surge =
                scaled_value(surge, spec.replicas, true).map_err(|error| PassError::Stuck(error.to_string().into()))?;
            Ok(rolling_size(spec.replicas, surge, all_pods, size))
        }
        Strategy::Unknown(kind) => Err(PassError::Stuck(format!("deployment type {kind} isn't supported").into())),
    }
}

/// Grows as far as the surge allows, not beyond `replicas`.
fn rolling_size(replicas: i32, surge: i32, all_pods: i32, size: i32) -> i32 {
    let max_pods = replicas.wrapping_add(surge);
    if all_pods >= max_pods {
        return size;
    }
    let room = max_pods.wrapping_sub(all_pods).min(replicas.wrapping_sub(size));
    size.wrapping_add(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_set_grows_into_the_surge_and_not_beyond_replicas() {
        assert_eq!(rolling_size(10, 3, 10, 0), 3);
        assert_eq!(rolling_size(10, 3, 13, 3), 3);
        assert_eq!(rolling_size(10, 3, 4, 4), 10);
    }
}
