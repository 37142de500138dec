//! How many requests does this rollout lose, and why?
//!
//! One Deployment behind a Service rolls from `web:1` to `web:2` while a client sends. Each line of the table
//! changes one thing, and below it stands what was lost and in which stretch of a pod's life.
//!
//! ## The bound
//!
//! A deletion reaches the kubelet, which runs the preStop hook, and the endpoint controller, which writes the
//! slice, at the same time. The last proxy sends to the pod until
//!
//! ```text
//! last update = deletion + watch delivery + API write + propagation to the slowest proxy
//! ```
//!
//! and what it sent just before is answered a service time later. A process that exits when it is asked to
//! stop therefore loses nothing if, and only if,
//!
//! ```text
//! preStop ≥ watch delivery + API write + propagation + service time
//! ```
//!
//! A sleep is counted in whole seconds, so the smallest one is the right side rounded up. (One that drains
//! needs the service time no more, and one that accepts until it is killed may count its shutdown in.) That
//! holds as long as the endpoint controller's client is not held back by its rate. The search below finds the
//! smallest sleep by trying, and the two agree. It sends a fluid, which loses a fraction of a request where
//! requests one by one could be lucky.

use core::fmt::{self, Write};
use std::collections::BTreeMap;
use std::time::Duration;
use wavetank::{
    App, AppBehaviour, Cause, Cluster, Error, ImageBehaviour, KeepAlive, Load, Profile, ProxyDelay, Rate, RateProfile,
    Report, ServiceTime, Source, Spacing, StopBehaviour, Time, Window,
};

const SERVICE_TIME: Duration = Duration::from_millis(20);
/// From the start of the container until it listens.
const WARM_UP: Duration = Duration::from_secs(3);

/// What may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Seed of all chance.
    pub seed: u64,
    /// Requests per second.
    pub rate: f64,
    /// How long the proxies take to learn of a change.
    pub propagation: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0, rate: 100.0, propagation: Duration::from_millis(1_500) }
    }
}

/// Why the story cannot be told.
#[derive(Debug)]
pub enum Fault {
    /// A rollout could not be made.
    Rollout(Error),
    /// The search and the bound differ, which would be a fault of the simulator or of the bound.
    Bound {
        /// At which propagation.
        propagation: Duration,
        /// Seconds found by trying.
        searched: u64,
        /// Seconds by the bound.
        bound: u64,
    },
    /// Nowhere to write to.
    Text(fmt::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rollout(error) => error.fmt(f),
            Self::Bound { propagation, searched, bound } => {
                write!(f, "at {propagation:?} the search found {searched} s, the bound says {bound} s")
            }
            Self::Text(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Fault {}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Rollout(error)
    }
}

impl From<fmt::Error> for Fault {
    fn from(error: fmt::Error) -> Self {
        Self::Text(error)
    }
}

/// The whole story as text.
///
/// # Errors
/// If a rollout cannot be made, or the search does not find what the bound says.
pub fn tell(options: &Options) -> Result<String, Fault> {
    let mut out = String::new();
    let enough = bound(options.propagation);
    let sleeping = Rollout { pre_stop_seconds: enough, ..PLAIN };
    let rollouts = [
        PLAIN,
        Rollout { name: "preStop too short", pre_stop_seconds: enough.saturating_sub(1), ..PLAIN },
        Rollout { name: "preStop long enough", ..sleeping },
        Rollout { name: "no readiness probe", readiness_probe: false, ..sleeping },
        Rollout { name: "maxUnavailable 0, no preStop", strategy: ONE_MORE, ..PLAIN },
        Rollout { name: "maxUnavailable 0, preStop", strategy: ONE_MORE, ..sleeping },
        Rollout { name: "keep-alive, no preStop", keep_alive: true, ..PLAIN },
        Rollout { name: "keep-alive, preStop", keep_alive: true, ..sleeping },
    ];
    let (rate, propagation) = (options.rate, millis(options.propagation));
    writeln!(out, "A Deployment of 4 pods rolls from web:1 to web:2, 10 s after a client began to send.")?;
    writeln!(
        out,
        "{rate} requests a second; a request takes {}; a container listens {} after its start and",
        millis(SERVICE_TIME),
        millis(WARM_UP)
    )?;
    writeln!(out, "exits when it is asked to stop; a proxy learns of a change after {propagation}.\n")?;
    writeln!(out, "{:<30} {:>7} {:>8} {:>9} {:>6}", "ROLLOUT", "PRESTOP", "SENT", "ANSWERED", "LOST")?;
    for rollout in &rollouts {
        let load = Load::Open { rate: rate_of(options)?, spacing: Spacing::Poisson };
        let (report, _) = roll(options, rollout, options.propagation, load)?;
        let sleep = format!("{} s", rollout.pre_stop_seconds);
        let (sent, answered, lost) = (report.sent(), report.answered(), report.lost());
        writeln!(out, "{:<30} {sleep:>7} {sent:>8} {answered:>9} {lost:>6}", rollout.name)?;
        for ((cause, window), (count, first, last)) in losses(&report) {
            let (first, last) = (seconds(first), seconds(last));
            writeln!(out, "  {count:>5} {cause}, {window}, from {first} to {last}")?;
        }
    }
    writeln!(out, "\nThe smallest preStop that loses nothing, found by trying, and by the bound")?;
    writeln!(out, "watch delivery + API write + propagation + service time, in whole seconds:\n")?;
    writeln!(out, "{:>12} {:>9} {:>6}", "PROPAGATION", "BY TRYING", "BOUND")?;
    for propagation in [400, 1_500, 2_960, 2_990].map(Duration::from_millis) {
        let (searched, bound) = (search(options, propagation)?, bound(propagation));
        writeln!(out, "{:>12} {:>9} {:>6}", millis(propagation), format!("{searched} s"), format!("{bound} s"))?;
        if searched != bound {
            return Err(Fault::Bound { propagation, searched, bound });
        }
    }
    Ok(out)
}

/// What is tried.
#[derive(Clone, Copy)]
struct Rollout {
    name: &'static str,
    pre_stop_seconds: u64,
    readiness_probe: bool,
    strategy: &'static str,
    keep_alive: bool,
}

const ONE_MORE: &str = "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}";

const PLAIN: Rollout = Rollout {
    name: "no preStop",
    pre_stop_seconds: 0,
    readiness_probe: true,
    strategy: "{rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}",
    keep_alive: false,
};

fn manifest(rollout: &Rollout) -> String {
    let probe = if rollout.readiness_probe {
        "readinessProbe: {httpGet: {path: /readyz, port: 80}, periodSeconds: 1}"
    } else {
        "imagePullPolicy: IfNotPresent"
    };
    let lifecycle = match rollout.pre_stop_seconds {
        0 => "{}".to_owned(),
        seconds => format!("{{preStop: {{sleep: {{seconds: {seconds}}}}}}}"),
    };
    let strategy = rollout.strategy;
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 4
  strategy: {strategy}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
      - name: web
        image: web:1
        lifecycle: {lifecycle}
        {probe}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
"
    )
}

/// Rolls the Deployment while `load` is sent; answers what became of requests one by one, and how many of a
/// fluid were lost.
fn roll(options: &Options, rollout: &Rollout, propagation: Duration, load: Load) -> Result<(Report, f64), Error> {
    // Without a readiness probe a kubelet calls a container ready as soon as it runs.
    let ready_after = if rollout.readiness_probe { WARM_UP } else { Duration::ZERO };
    let image = || ImageBehaviour::new().start(Duration::from_secs(2)).ready_after(ready_after);
    let mut cluster = Cluster::builder().seed(options.seed).image("web:1", image()).image("web:2", image()).build();
    cluster.set_propagation(ProxyDelay::fixed(propagation));
    let service_time = ServiceTime::Fixed(SERVICE_TIME);
    let behaviour = AppBehaviour { service_time, stop: StopBehaviour::ExitsAtOnce, ..AppBehaviour::default() };
    for image in ["web:1", "web:2"] {
        cluster.set_app(image, App { behaviour: behaviour.clone(), listens_after: Some(WARM_UP) })?;
    }
    cluster.apply(&manifest(rollout))?;
    cluster.run_for(Duration::from_secs(30));

    let (target, origin) = (cluster.service_target("web", "80")?, cluster.inside("node-1")?);
    let mut client = Source::new("client", origin, target, load).timeout(Duration::from_secs(5));
    if rollout.keep_alive {
        client = client.keep_alive(KeepAlive::connections(16));
    }
    let client = cluster.send(client)?;
    cluster.run_for(Duration::from_secs(10));
    cluster.set_image("web", "*", "web:2", None)?;
    cluster.run_for(Duration::from_secs(120));
    cluster.stop_sending(client);
    cluster.run_for(Duration::from_secs(10));
    let lost = cluster.fluid_report(client).map_or(0.0, |report| report.total_lost());
    Ok((cluster.traffic_report(), lost))
}

fn rate_of(options: &Options) -> Result<RateProfile, Error> {
    Ok(RateProfile::constant(Rate::of(options.rate)?))
}

/// The smallest sleep by the bound, in seconds.
fn bound(propagation: Duration) -> u64 {
    let profile = Profile::default();
    let needed = profile.watch_delivery + profile.api_write + propagation + SERVICE_TIME;
    needed.as_secs() + u64::from(needed.subsec_nanos() > 0)
}

/// The smallest sleep by trying, in seconds.
fn search(options: &Options, propagation: Duration) -> Result<u64, Error> {
    // A longer sleep never loses more, so the first that loses nothing is found by halving.
    let (mut loses, mut keeps) = (0, 30);
    while keeps - loses > 1 {
        let pre_stop_seconds = (loses + keeps) / 2;
        let fluid = Load::Fluid { rate: rate_of(options)? };
        let (_, lost) = roll(options, &Rollout { pre_stop_seconds, ..PLAIN }, propagation, fluid)?;
        if lost < 1e-9 {
            keeps = pre_stop_seconds;
        } else {
            loses = pre_stop_seconds;
        }
    }
    Ok(keeps)
}

/// Losses by cause and by stretch of a pod's life, whichever pod it was: how many, the first and the last.
fn losses(report: &Report) -> BTreeMap<(Cause, Window), (u64, Time, Time)> {
    let mut all: BTreeMap<(Cause, Window), (u64, Time, Time)> = BTreeMap::new();
    for (cause, _, window, losses) in report.losses() {
        let (count, first, last) = all.entry((cause, window)).or_insert((0, losses.first, losses.last));
        *count += losses.count;
        (*first, *last) = ((*first).min(losses.first), (*last).max(losses.last));
    }
    all
}

fn millis(span: Duration) -> String {
    format!("{} ms", span.as_millis())
}

fn seconds(time: Time) -> String {
    format!("{}.{:03} s", time.as_seconds(), time.as_millis().rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_told_as_it_was() {
        let told = tell(&Options::default()).expect("the search agrees with the bound");
        let before = include_str!("../sessions/zero_loss_rollout.txt");
        assert_eq!(told, before, "if that is meant, write the new one into examples/sessions/zero_loss_rollout.txt");
    }
}
