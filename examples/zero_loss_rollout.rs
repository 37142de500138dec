//! How many requests does this rollout lose, and why? See [`wavetank_examples::zero_loss`].
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use clap::Parser;
use std::time::Duration;
use wavetank_examples::zero_loss::{Options, tell};

/// Rolls a Deployment under load, in several ways.
#[derive(Parser)]
struct Arguments {
    /// Seed of all chance.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Requests per second.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Milliseconds until the proxies learn of a change.
    #[arg(long, default_value_t = 1_500)]
    propagation: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { seed, rate, propagation } = Arguments::parse();
    print!("{}", tell(&Options { seed, rate, propagation: Duration::from_millis(propagation) })?);
    Ok(())
}
