//! A Deployment from a manifest file rolls out a new image: events, sizes over time, what it cost.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;
use wavetank::history::log::Happening;
use wavetank::{Cluster, ImageBehaviour, Kind, Time};

/// Rolls a Deployment from its manifest's image to another one, under virtual time.
#[derive(Parser)]
struct Options {
    /// Seed of all chance.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Manifest with one Deployment.
    #[arg(long, default_value_os_t = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/deployment-demo.yaml")))]
    manifest: PathBuf,
    /// The new image.
    #[arg(long, default_value = "demoapp:v1.1")]
    image: String,
    /// How long each of the two rollouts may take, in virtual seconds.
    #[arg(long, default_value_t = 3600)]
    deadline: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let manifest = std::fs::read_to_string(&options.manifest)
        .map_err(|error| format!("{}: {error}", options.manifest.display()))?;
    let new_image = ImageBehaviour::new().pull(Duration::from_secs(4)).start(Duration::from_millis(800));
    let mut cluster = Cluster::builder().seed(options.seed).image(&options.image, new_image).build();
    let deadline = Duration::from_secs(options.deadline);

    let applied = cluster.apply(&manifest)?;
    let name = applied
        .iter()
        .find_map(|applied| applied.object.strip_prefix("deployment.apps/"))
        .ok_or("the manifest has no Deployment")?
        .to_owned();
    for applied in &applied {
        println!("{} created", applied.object);
    }
    let complete = cluster.run_until(|cluster| cluster.is_complete(&name), deadline)?;
    println!("complete at {}", clock(complete));

    let begun = cluster.now();
    cluster.set_image(&name, "*", &options.image, None)?;
    println!("deployment.apps/{name} image updated to {} at {}", options.image, clock(begun));
    cluster.run_until(|cluster| cluster.is_complete(&name), deadline)?;
    let took = cluster.now().since(begun);

    println!("\nEvents of deployment/{name} and its ReplicaSets");
    println!("{:>10}  {:<8} {:<18} {:<38} MESSAGE", "TIME", "TYPE", "REASON", "OBJECT");
    for entry in cluster.history() {
        if let Happening::Event { about, event, .. } = &entry.what {
            println!(
                "{:>10}  {:<8} {:<18} {:<38} {}",
                clock(entry.time),
                event.kind,
                event.reason,
                about.to_string(),
                event.message
            );
        }
    }
    print_sizes(&cluster);

    let counters = cluster.counters();
    println!("\nMeasured");
    println!("  the rollout took        {:>8.3} s of virtual time", took.as_secs_f64());
    println!("  events of the engine    {:>8}", counters.events);
    println!("  changes of the store    {:>8}", counters.changes);
    println!("  Deployment passes       {:>8}", counters.deployment_passes);
    println!("  ReplicaSet passes       {:>8}", counters.set_passes);
    let status = &cluster.json(Kind::Deployment, &name)?["status"];
    println!("  available replicas      {:>8}", status["availableReplicas"]);
    println!("digest: {}", cluster.digest());
    Ok(())
}

/// Ready, current and desired replicas of each set.
type Sizes = Vec<(i32, i32, i32)>;

/// Prints the sizes of each ReplicaSet whenever one of them changed.
fn print_sizes(cluster: &Cluster) {
    let mut names: Vec<String> = Vec::new();
    let mut rows: Vec<(Time, Sizes)> = Vec::new();
    let mut sizes: Sizes = Vec::new();
    for entry in cluster.history() {
        let Happening::Change(wavetank::Change::ReplicaSet { new: Some(set), .. }) = &entry.what else { continue };
        let position = names.iter().position(|name| **name == *set.meta.name).unwrap_or_else(|| {
            names.push(set.meta.name.to_string());
            sizes.push((0, 0, 0));
            names.len() - 1
        });
        sizes[position] = (set.status.ready_replicas, set.status.replicas, set.spec.replicas);
        match rows.last_mut() {
            Some((time, row)) if *time == entry.time => row.clone_from(&sizes),
            Some((_, row)) if *row == sizes => {}
            _ => rows.push((entry.time, sizes.clone())),
        }
    }
    println!("\nReplicaSets over time (ready / current / desired)");
    print!("{:>10}", "TIME");
    for name in &names {
        print!("  {name:>28}");
    }
    println!();
    for (time, row) in rows {
        print!("{:>10}", clock(time));
        for (ready, current, desired) in row {
            print!("  {:>28}", format!("{ready} / {current} / {desired}"));
        }
        println!();
    }
}

fn clock(time: Time) -> String {
    let millis = time.as_millis();
    format!("{}.{:03}s", millis / 1000, millis % 1000)
}
