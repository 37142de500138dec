//! One pod on its node, in full: what its kubelet does with it.
//!
//! [`Machine`] is the state of one pod. It is driven by time alone: [`Machine::advance`] carries out
//! what is due and answers when something is due next. What runs in the containers is an
//! [`Application`], who looks on is a [`Witness`]. While nothing can change nothing is due: probes
//! whose answers are known to stay the same are not played one by one.
//!
//! - [`application`]: what runs in the containers.
//! - [`machine`]: the state, and the loop of one instant.
//! - [`worker`]: the pod worker: one sync after another.
//! - [`actions`]: what a sync finds to do.
//! - [`starting`]: images and starts of containers.
//! - [`stopping`]: hooks, signals and the order in which containers stop.
//! - [`probing`]: probe workers.
//! - [`status`]: the status that the node holds.
//! - [`generate`], [`phase`], [`conditions`]: how it follows from what the runtime says.
//! - [`restart`], [`restart_back_off`]: whether and when a container runs again.
//! - [`hooks`]: what runs after a start and before a stop.
//! - [`image_name`]: names that images can have.
//! - [`http_probe`]: requests of HTTP probes and what their answers mean.
//! - [`sight`]: what an onlooker sees; the kubelet's events.

pub mod actions;
pub mod application;
pub mod conditions;
pub mod generate;
pub mod hooks;
pub mod http_probe;
pub mod image_name;
pub mod machine;
pub mod phase;
pub mod probing;
pub mod restart;
pub mod restart_back_off;
pub mod sight;
pub mod starting;
pub mod status;
pub mod stopping;
pub mod worker;

pub use application::{Answer, Application, Hooked, ProbeKind, Pull, Run, RunOf, Stopping, Verdict};
pub use machine::{Fault, Machine, Scene, Settings};
pub use sight::{KubeletEvent, Nobody, Sight, Witness};
pub use status::{ContainerState, ContainerStatus, NodeStatus, Terminated};

use core::time::Duration;

/// A duration as Go writes it.
#[must_use]
pub fn go_duration(span: Duration) -> String {
    let nanos = span.as_nanos();
    let fraction = |whole: u128, unit: u128, suffix: &str| {
        let digits = format!("{:0width$}", whole % unit, width = unit.ilog10() as usize);
        let digits = digits.trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        format!("{}{point}{digits}{suffix}", whole / unit)
    };
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => fraction(nanos, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(nanos, 1_000_000, "ms"),
        _ => {
            let seconds = nanos / 1_000_000_000;
            let rest = fraction(nanos % 60_000_000_000, 1_000_000_000, "s");
            match (seconds / 3600, seconds / 60 % 60) {
                (0, 0) => rest,
                (0, minutes) => format!("{minutes}m{rest}"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        let written = |nanos| go_duration(Duration::from_nanos(nanos));
        assert_eq!(written(0), "0s");
        assert_eq!(written(1_500), "1.5µs");
        assert_eq!(written(600_000_000), "600ms");
        assert_eq!(written(10_000_000_000), "10s");
        assert_eq!(written(80_000_000_000), "1m20s");
        assert_eq!(written(300_000_000_000), "5m0s");
        assert_eq!(written(3_600_500_000_000), "1h0m0.5s");
    }
}
