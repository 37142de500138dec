//! Would the autoscaler have flapped?
//!
//! A recorded series of half an hour is given to the autoscaler that ran then, and to one that somebody
//! proposes because the pods stayed for so long. The recording goes on as it went, whatever they decide.
//! The table leaves out periods in which all decide what they decided in the one before.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use clap::Parser;
use std::time::Duration;
use wavetank_controllers::horizontal::HorizontalConfig;
use wavetank_metrics::Recording;
use wavetank_sweep::backtest::Columns;
use wavetank_sweep::{Backtest, Decision, backtest};

/// Gives recorded metrics to two autoscalers.
#[derive(Parser)]
struct Options {
    /// A table of seconds, cores that a pod used on average, and replicas; the one beside this example by default.
    #[arg(long)]
    recording: Option<std::path::PathBuf>,
    /// Percentage that the proposed autoscaler aims at.
    #[arg(long, default_value_t = 50)]
    target: u32,
    /// Seconds for which it holds a scale-down back.
    #[arg(long, default_value_t = 0)]
    window: u32,
}

/// Thousandths of a core that each of the recorded pods asks for.
const REQUEST: i64 = 200;
/// What turns around so soon flaps.
const SOON: Duration = Duration::from_secs(600);

fn autoscaler(target: u32, window: u32) -> String {
    format!(
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: shop}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: shop}}
  minReplicas: 2
  maxReplicas: 20
  metrics:
  - type: Resource
    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {target}}}}}
  behavior: {{scaleDown: {{stabilizationWindowSeconds: {window}}}}}
"
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let text = match &options.recording {
        Some(path) => std::fs::read_to_string(path)?,
        None => include_str!("recordings/shop.csv").to_owned(),
    };
    let recording = Recording::read(&text)?;
    let columns = Columns { usage: "cpu", replicas: "replicas" };
    let would = |target, window| {
        backtest(&autoscaler(target, window), REQUEST, &recording, columns, &HorizontalConfig::default())
    };
    let (then, proposed) = (would(50, 300)?, would(options.target, options.window)?);

    let name = format!("{} %, {} s", options.target, options.window);
    println!("{:>6} {:>6} {:>5} {:>9}   {:<31} {name}", "SECOND", "CPU", "PODS", "RECORDED", "50 %, 300 s");
    let mut last = None;
    for (ours, theirs) in then.decisions.iter().zip(&proposed.decisions) {
        let now = Some((ours.recorded, decided(ours), decided(theirs)));
        if now != last {
            let Decision { seconds, replicas, recorded, .. } = ours;
            let usage = ours.usage_milli.map_or("-".to_owned(), |milli| format!("{milli}m"));
            println!("{seconds:>6} {usage:>6} {replicas:>5} {recorded:>9}   {:<31} {}", decided(ours), decided(theirs));
        }
        last = now;
    }
    println!();
    for (name, test) in [("50 %, 300 s", &then), (name.as_str(), &proposed)] {
        tell(name, test);
    }
    Ok(())
}

fn decided(decision: &Decision) -> String {
    format!("{} {}", decision.decided, decision.reason)
}

fn tell(name: &str, test: &Backtest) {
    let (agreeing, all, flaps) = (test.agreeing(), test.decisions.len(), test.flaps(SOON));
    println!("{name}: as recorded in {agreeing} of {all} periods; turned around within ten minutes: {flaps}");
}
