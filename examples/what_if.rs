//! Which autoscaler setting should it be?
//!
//! One Deployment under a load that rises and falls is tried with many settings, on all cores. Each line
//! of the table is one of them; the same seed gives the same table whichever core ran what.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use clap::Parser;
use std::io::Write;
use std::time::Duration;
use wavetank::{Cluster, LogLevel, Profile};
use wavetank_metrics::{Curve, Group, Share, Usage};
use wavetank_model::Selector;
use wavetank_sweep::{Row, Scenario, Setting, sweep, to_csv};

/// Tries autoscaler settings beside each other.
#[derive(Parser)]
struct Options {
    /// Seed of all chance.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Hours that the load lasts.
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// Print the table as CSV.
    #[arg(long)]
    csv: bool,
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: 'web:1', resources: {requests: {cpu: 200m}}}]}
";

fn setting(percent: u32, window: u32) -> Setting {
    let manifest = format!(
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: 2
  maxReplicas: 50
  metrics:
  - type: Resource
    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {percent}}}}}
  behavior: {{scaleDown: {{stabilizationWindowSeconds: {window}}}}}
"
    );
    Setting { name: format!("{percent} %, window {window} s"), manifest }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let mut cluster = Cluster::builder().seed(options.seed).profile(Profile::instant()).log(LogLevel::Digest).build();
    cluster.create(DEPLOYMENT)?;
    let group = Group { namespace: "default".into(), selector: Selector::parse("app=web")? };
    // A day with its peak at two in the afternoon, and twenty minutes' ripples on top of it.
    let ripple = Curve::Wave { low: 0, high: 600, period: Duration::from_secs(1200), peak: Duration::ZERO };
    let curve = Curve::Sum(vec![Curve::daily(400, 4_000, 14), ripple]);
    let usage = Usage { jitter_per_mille: 150, ..Usage::of_resource(group, "cpu", Share::AmongReady, curve) };
    cluster.change_metrics(|metrics| metrics.add_usage(usage));

    let settings: Vec<Setting> = [30, 50, 70, 90]
        .into_iter()
        .flat_map(|percent| [0, 60, 300, 900].map(|window| setting(percent, window)))
        .collect();
    let scenario = Scenario::new(cluster, "web", Duration::from_secs(options.hours * 3_600));
    let rows = sweep(&scenario, &settings, &|done, of| {
        let mut screen = std::io::stderr().lock();
        // A bar that cannot be drawn is no reason to stop.
        let _drawn = write!(screen, "\r[{}{}] {done}/{of}", "#".repeat(done), ".".repeat(of - done));
        if done == of {
            let _drawn = writeln!(screen);
        }
    })?;
    if options.csv {
        print!("{}", to_csv(&rows)?);
    } else {
        print_table(&rows);
    }
    Ok(())
}

fn print_table(rows: &[Row]) {
    println!("{:<22} {:>10} {:>10} {:>6} {:>6} {:>6}", "SETTING", "POD-HOURS", "OVER", "MOST", "SCALED", "FLAPS");
    for row in rows {
        println!(
            "{:<22} {:>10} {:>8} s {:>6} {:>6} {:>6}",
            row.setting,
            row.pod_seconds / 3_600,
            row.over_target_seconds,
            row.most_replicas,
            row.scale_events,
            row.flaps
        );
    }
}
