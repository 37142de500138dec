//! A Deployment of a million pods is created and rolled to a new image: what happened, and what it cost.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::time::Duration;
use wavetank::{Cluster, LogLevel, Profile};
use wavetank_node::scripted::{Behaviour, Scripted};

/// How pods turn ready.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ready {
    /// All that were made at one instant at one instant.
    Together,
    /// One 10 ms after the other.
    Staggered,
}

/// Creates a Deployment, waits until it is complete, rolls it to a new image.
#[derive(Parser)]
struct Options {
    /// Pods wanted.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    replicas: u32,
    /// How they turn ready.
    #[arg(long, value_enum, default_value = "together")]
    ready: Ready,
    /// Seed of all chance.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

const DEADLINE: Duration = Duration::from_secs(100_000_000);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let stagger = if options.ready == Ready::Staggered { 10 } else { 0 };
    let fallback =
        Behaviour { start_ms: 980, ready_after_ms: 1_000, ready_stagger_ms: stagger, ..Behaviour::default() };
    let script = Scripted { schedule_ms: 20, shutdown_ms: 1_000, fallback, ..Scripted::default() };
    let builder = Cluster::builder().seed(options.seed).profile(Profile::instant());
    let mut cluster = builder.scripted(script).log(LogLevel::Digest).build();

    let bar = ProgressBar::new(2 * u64::from(options.replicas));
    bar.set_style(ProgressStyle::with_template("{msg:>7} {wide_bar} {human_pos}/{human_len} pods ready")?);
    cluster.apply(&manifest(options.replicas))?;
    let created = complete(&mut cluster, &bar, "create", 0)?;
    cluster.set_image("web", "app", "app:v2", None)?;
    let updated = complete(&mut cluster, &bar, "update", u64::from(options.replicas))?;
    bar.finish_and_clear();

    let counters = cluster.counters();
    let per_pod = |sum: u64| format!("{:.1}", precise(sum) / f64::from(options.replicas));
    println!("{:<28} {:>14} {:>12}", "", "in all", "for a pod");
    for (what, sum) in [
        ("events", counters.events),
        ("changes of objects", counters.changes),
        ("passes for the Deployment", counters.deployment_passes),
        ("passes for its ReplicaSets", counters.set_passes),
    ] {
        println!("{what:<28} {sum:>14} {:>12}", per_pod(sum));
    }
    if let Some(millis) = cpu_millis() {
        let micros = format!("{:.2} us", precise(millis) * 1_000.0 / f64::from(options.replicas));
        println!("{:<28} {:>12.2} s {micros:>12}", "CPU time", precise(millis) / 1_000.0);
    }
    if let Some(bytes) = peak_resident_bytes() {
        let each = format!("{} B", bytes / u64::from(options.replicas));
        println!("{:<28} {:>11.1} MB {each:>12}", "memory at its peak", precise(bytes) / 1e6);
    }
    println!("{:<28} {:>12.2} s", "virtual time of the creation", created.as_secs_f64());
    println!("{:<28} {:>12.2} s", "virtual time of the update", updated.as_secs_f64());
    println!("digest: {}", cluster.digest());
    Ok(())
}

/// Waits for a rollout, telling now and then how far it is; answers its virtual time.
fn complete(
    cluster: &mut Cluster,
    bar: &ProgressBar,
    what: &'static str,
    before: u64,
) -> Result<Duration, Box<dyn std::error::Error>> {
    bar.set_message(what);
    let begun = cluster.now();
    let mut looks = 0_u32;
    cluster.run_until(
        |cluster| {
            looks = looks.wrapping_add(1);
            let status = cluster.deployment("web").map(|deployment| &deployment.status);
            if looks.is_multiple_of(256)
                && let Ok(status) = status
            {
                let ready = status.ready_replicas.min(status.updated_replicas);
                bar.set_position(before + u64::try_from(ready).unwrap_or(0));
            }
            cluster.is_complete("web")
        },
        DEADLINE,
    )?;
    Ok(cluster.now().since(begun))
}

fn manifest(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: 'app:v1'}}]}}
"
    )
}

/// For people to read; what is compared stays whole.
#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
const fn precise(number: u64) -> f64 {
    number as f64
}

/// CPU time of this process; none where the kernel does not tell.
fn cpu_millis() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks * 10)
}

/// Most memory that was resident at once; none where the kernel does not tell.
fn peak_resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
