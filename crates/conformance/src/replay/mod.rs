//! Replaying the scenario of a recorded trace and comparing what came of it.
//!
//! - [`scenario`]: what a scenario says.
//! - [`commands`]: what its user does, as verbs of a cluster.
//! - [`load`]: what its pods use.
//! - [`recorder`]: from the changes of a cluster to the entries of a trace.

mod autoscaler;
pub mod commands;
pub mod load;
mod names;
pub mod recorder;
pub mod scenario;

use crate::Mismatch;
use crate::trace::{Entry, TraceFile};
use core::time::Duration;
use recorder::Recorder;
use scenario::{Command, START_UNIX_SECONDS, Scenario};
use wavetank::{Calendar, Cluster, LogLevel, Profile, Time};

/// Replays the scenario of a recorded trace and compares every projection that the file names.
///
/// # Errors
/// The first difference, or why the scenario cannot be replayed.
pub fn trace_case(file: &TraceFile) -> Result<(), Mismatch> {
    let scenario: Scenario = serde_json::from_value(file.scenario.clone())
        .map_err(|error| Mismatch::not_run(format!("the scenario is not understood: {error}")))?;
    file.compare(&replay(&scenario)?)
}

/// Plays a scenario in a cluster whose control plane takes no time, as that of the recordings.
///
/// # Errors
/// If something in the scenario is not simulated.
pub fn replay(scenario: &Scenario) -> Result<Vec<Entry>, Mismatch> {
    let mut builder = Cluster::builder()
        .calendar(Calendar::from_unix_seconds(START_UNIX_SECONDS))
        .profile(Profile::instant())
        .scripted(scenario.kubelet.clone())
        .log(LogLevel::Everything);
    for node in &scenario.nodes {
        builder = builder.labelled_node(&node.name, node.labels.iter().collect());
    }
    let mut stage = Stage { cluster: builder.build(), recorder: Recorder::new(), taken: 0 };
    load::put(&mut stage.cluster, &scenario.load);
    stage.listen();
    for manifest in &scenario.manifests {
        commands::create(&mut stage.cluster, manifest).map_err(|error| Mismatch::not_run(error.to_string()))?;
        stage.pass_time(0);
    }
    let mut commands: Vec<&Command> = scenario.commands.iter().filter(|c| c.at_ms <= scenario.duration_ms).collect();
    commands.sort_by_key(|command| command.at_ms);
    for command in commands {
        stage.cluster.run_before(Time::from_millis(command.at_ms));
        stage.listen();
        stage.carry_out(command)?;
    }
    stage.pass_time(scenario.duration_ms);
    Ok(stage.recorder.into_entries())
}

/// A cluster and who writes down what it does.
struct Stage {
    cluster: Cluster,
    recorder: Recorder,
    /// Entries of the cluster's history that the recorder has taken.
    taken: usize,
}

impl Stage {
    /// Lets the recorder take what happened since it did last.
    fn listen(&mut self) {
        let new = self.cluster.history().get(self.taken..).unwrap_or_default();
        self.recorder.take(new, self.cluster.store());
        self.taken = self.cluster.history().len();
    }

    /// Lets time pass to an instant, all that falls due at it included.
    fn pass_time(&mut self, to_ms: i64) {
        let now = self.cluster.now().as_nanos();
        let span = to_ms.saturating_mul(1_000_000).saturating_sub(now);
        self.cluster.run_for(Duration::from_nanos(u64::try_from(span).unwrap_or(0)));
        self.listen();
    }

    fn carry_out(&mut self, command: &Command) -> Result<(), Mismatch> {
        let time = self.cluster.now();
        self.recorder.command(time, command.op.as_str(), command.name.as_deref());
        let name = self.recorder.real_name(command.name.as_deref().unwrap_or_default()).to_owned();
        let done = commands::carry_out(&mut self.cluster, command, &name);
        self.listen();
        match done {
            Ok(()) => Ok(()),
            Err(commands::CommandError::Refused(error)) => {
                self.recorder.refused(time, command.op.as_str(), &error.to_string());
                Ok(())
            }
            Err(commands::CommandError::NotSimulated(what)) => Err(Mismatch::not_run(what)),
        }
    }
}
