//! How long the control plane takes, hop by hop.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_engine::Time;

/// Latencies and limits of the control plane.
///
/// [`Profile::instant`] makes it take no time: what is seen is what is stored, and the recorded
/// traces were made so. The default is typical of a healthy cluster of moderate size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Profile {
    /// From sending a write to its being stored and answered. Default 5 ms: upstream's scalability
    /// objective allows 1 s at the 99th percentile for single-object writes; measured medians of
    /// healthy clusters lie at a few milliseconds, most of it etcd's commit to disk.
    pub api_write: Duration,
    /// From sending a read to its answer. Default 2 ms: the API server answers from its cache. Only passes
    /// of autoscalers read; all others decide by what they have seen.
    pub api_read: Duration,
    /// From a change being stored to its reaching the controllers' caches. Default 2 ms, the order
    /// of a watch event on a local network.
    pub watch_delivery: Duration,
    /// Passes that run at a time, for each controller. Default 5: `--concurrent-deployment-syncs` and
    /// `--concurrent-replicaset-syncs`.
    pub workers: u32,
    /// Most pods that one pass of a ReplicaSet creates or deletes. 500, upstream's `BurstReplicas`.
    pub burst_replicas: u32,
    /// Limit on requests of each controller's client. Default 20 a second with bursts of 30:
    /// `--kube-api-qps` and `--kube-api-burst` of kube-controller-manager.
    pub client_rate: Option<ClientRate>,
    /// From an owner's deletion being seen to the requests that delete its dependents. Default 10 ms.
    pub garbage_collection: Duration,
    /// From a pod's creation to its binding, where the node model does not say. Default 10 ms: watch
    /// delivery to the scheduler, its cycle, and the write of the binding.
    pub scheduling: Duration,
}

/// A token bucket, as client-go's flow control has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRate {
    /// Requests a second in the long run, at least 1.
    pub per_second: u32,
    /// Requests at once after a rest, at least 1.
    pub burst: u32,
}

impl Profile {
    /// A control plane that takes no time and has no limits.
    #[must_use]
    pub const fn instant() -> Self {
        Self {
            api_write: Duration::ZERO,
            api_read: Duration::ZERO,
            watch_delivery: Duration::ZERO,
            workers: u32::MAX,
            burst_replicas: 500,
            client_rate: None,
            garbage_collection: Duration::ZERO,
            scheduling: Duration::ZERO,
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            api_write: Duration::from_millis(5),
            api_read: Duration::from_millis(2),
            watch_delivery: Duration::from_millis(2),
            workers: 5,
            burst_replicas: 500,
            client_rate: Some(ClientRate { per_second: 20, burst: 30 }),
            garbage_collection: Duration::from_millis(10),
            scheduling: Duration::from_millis(10),
        }
    }
}

/// How far a client has used up its rate.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// When the bucket would be full again; none: it is full.
    full_at: Option<Time>,
}

impl Bucket {
    /// Takes a token: when the request may leave.
    pub(crate) fn take(&mut self, rate: Option<ClientRate>, now: Time) -> Time {
        let Some(rate) = rate else { return now };
        let each = Duration::from_secs(1) / rate.per_second.max(1);
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + each;
        self.full_at = Some(full_at);
        (full_at - each * rate.burst.max(1)).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_at_the_rate() {
        let rate = Some(ClientRate { per_second: 20, burst: 30 });
        let mut bucket = Bucket::default();
        let times: Vec<i64> = (0..32).map(|_| bucket.take(rate, Time::ZERO).as_millis()).collect();
        assert_eq!(times[29..], [0, 50, 100]);
        assert_eq!(bucket.take(rate, Time::from_seconds(60)), Time::from_seconds(60));
    }
}
