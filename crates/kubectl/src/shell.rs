//! A session at a simulated cluster: kubectl's commands, and some for time and forks.

use crate::files::Files;
use crate::flags::parse_span;
use crate::kubectl::{Output, kubectl};
use core::time::Duration;
use std::collections::BTreeMap;
use wavetank::{Cluster, ImageBehaviour};
use wavetank_metrics::{Curve, Group, Share, Usage};
use wavetank_model::{Quantity, Selector};

/// What a command takes at a terminal: connecting, asking, printing.
const COMMAND: Duration = Duration::from_millis(100);
/// Longest wait of `until`.
const PATIENCE: Duration = Duration::from_secs(3600);

const HELP: &str = "\
kubectl's commands, with or without the word kubectl, which take 0.1 s of virtual time each, and:
  advance SPAN          let virtual time pass, such as 30s or 1m30s
  until CONDITION TYPE/NAME [within SPAN]
                        let time pass until a condition holds, such as available deployment/web,
                        or until an object is deleted
  time                  say what time it is
  image IMAGE WORDS     say what an image does: missing, never-ready, pull SPAN, start SPAN, ready SPAN,
                        crashes SPAN
  usage SELECTOR RESOURCE AMOUNT [each|together]
                        say what the ready pods of a selector use from now on, such as
                        usage app=web cpu 300m; each of them, or all together
  fork                  go on in a copy of the cluster
  back                  throw the copy away
  seed [NUMBER]         say what chance comes from, or begin again with another
  digest                sum up the history so far
  help                  this text
  exit                  end the session
";

/// A session: a cluster, the clusters that were left for a fork, and files for `-f`.
#[derive(Debug)]
pub struct Shell<F> {
    cluster: Cluster,
    left: Vec<Cluster>,
    files: F,
    begin: fn(u64) -> Cluster,
    seed: u64,
}

/// The cluster of a session that says nothing else: three nodes and the latencies of a real one.
fn usual(seed: u64) -> Cluster {
    Cluster::builder().seed(seed).node("node-0").node("node-1").node("node-2").build()
}

impl Shell<BTreeMap<String, String>> {
    /// A session on a cluster of three nodes, without files.
    #[must_use]
    pub fn new() -> Self {
        Self::with_files(BTreeMap::new())
    }
}

impl Default for Shell<BTreeMap<String, String>> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Files> Shell<F> {
    /// A session on a cluster of three nodes, with files for `-f`.
    #[must_use]
    pub fn with_files(files: F) -> Self {
        Self { cluster: usual(0), left: Vec::new(), files, begin: usual, seed: 0 }
    }

    /// A session on clusters of one's own; `begin` makes one of a seed.
    #[must_use]
    pub fn on(begin: fn(u64) -> Cluster, files: F) -> Self {
        Self { cluster: begin(0), left: Vec::new(), files, begin, seed: 0 }
    }

    /// The cluster as it is.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The cluster, to be changed from outside.
    pub const fn cluster_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    /// Carries out a line; nothing once the session is over. Empty lines and comments say nothing.
    pub fn line(&mut self, line: &str) -> Option<Output> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Some(Output::default());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = match words.as_slice() {
            ["exit" | "quit"] => return None,
            ["help" | "?"] => Ok(HELP.to_owned()),
            ["advance", span] => self.advance(span),
            ["until", rest @ ..] => self.until(rest),
            ["time"] => Ok(self.time()),
            ["fork"] => Ok(self.fork()),
            ["back"] => self.back(),
            ["image", image, words @ ..] => self.image(image, words),
            ["usage", selector, resource, amount] => self.usage(selector, resource, amount, Share::EachReady),
            ["usage", selector, resource, amount, "each"] => self.usage(selector, resource, amount, Share::EachReady),
            ["usage", selector, resource, amount, "together"] => {
                self.usage(selector, resource, amount, Share::AmongReady)
            }
            ["seed"] => Ok(format!("seed {}\n", self.seed)),
            ["seed", number] => self.reseed(number),
            ["digest"] => Ok(format!("digest {:?}\n", self.cluster.digest())),
            _ => {
                let said = kubectl(&mut self.cluster, &self.files, line);
                self.cluster.run_for(COMMAND);
                return Some(said);
            }
        };
        Some(match said {
            Ok(stdout) => Output { stdout, ..Output::default() },
            Err(why) => Output { stderr: format!("error: {why}\n"), code: 1, ..Output::default() },
        })
    }

    fn advance(&mut self, span: &str) -> Result<String, String> {
        let span = parse_span(span).ok_or_else(|| format!("{span} is no span of time; try 30s or 1m30s"))?;
        self.cluster.run_for(span);
        Ok(self.time())
    }

    fn time(&self) -> String {
        let now = self.cluster.now();
        let stamp = wavetank_manifest::Edge::new(self.cluster.calendar()).spell_time(now);
        let millis = now.as_millis();
        format!("{stamp}, {}.{:03} s since the start\n", millis / 1000, millis % 1000)
    }

    /// `until available deployment/web within 5m`.
    fn until(&mut self, words: &[&str]) -> Result<String, String> {
        let (words, patience) = match words {
            [words @ .., "within", span] => {
                (words, parse_span(span).ok_or_else(|| format!("{span} is no span of time"))?)
            }
            words => (words, PATIENCE),
        };
        let [condition, object] = words else {
            return Err("usage: until CONDITION TYPE/NAME [within SPAN]".to_owned());
        };
        let goal = match *condition {
            "deleted" => "delete".to_owned(),
            "created" => "create".to_owned(),
            condition => format!("condition={condition}"),
        };
        let line = format!("wait --for={goal} {object} --timeout={}s", patience.as_secs());
        let output = kubectl(&mut self.cluster, &self.files, &line);
        if output.code == 0 {
            return Ok(format!("{}{}", output.stdout, self.time()));
        }
        Err(output.stderr.trim_start_matches("error: ").trim_end().to_owned())
    }

    /// `image nginx:1.91 missing`.
    fn image(&mut self, image: &str, words: &[&str]) -> Result<String, String> {
        let mut behaviour = ImageBehaviour::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut span = || {
                let text = words.next().ok_or_else(|| format!("{word} wants a span of time"))?;
                parse_span(text).ok_or_else(|| format!("{text} is no span of time"))
            };
            behaviour = match *word {
                "missing" => behaviour.fails_to_pull(),
                "never-ready" => behaviour.never_ready(),
                "pull" => behaviour.pull(span()?),
                "start" => behaviour.start(span()?),
                "ready" => behaviour.ready_after(span()?),
                "crashes" => behaviour.crashes_after(span()?),
                other => return Err(format!("{other} is nothing that an image does; help lists the words")),
            };
        }
        self.cluster.set_image_behaviour(image, behaviour);
        Ok(String::new())
    }

    /// `usage app=web cpu 300m`.
    fn usage(&mut self, selector: &str, resource: &str, amount: &str, share: Share) -> Result<String, String> {
        let selector = Selector::parse(selector).map_err(|error| error.to_string())?;
        let amount = Quantity::parse(amount).map_err(|error| error.to_string())?;
        let group = Group { namespace: "default".into(), selector };
        let usage = Usage::of_resource(group, resource, share, Curve::Constant(amount.milli_value()));
        self.cluster.change_metrics(|metrics| metrics.set_usage(usage));
        Ok(String::new())
    }

    fn fork(&mut self) -> String {
        self.left.push(self.cluster.clone());
        format!("forked; back leads to where this one began ({} deep)\n", self.left.len())
    }

    fn back(&mut self) -> Result<String, String> {
        self.cluster = self.left.pop().ok_or("there is nothing to go back to")?;
        Ok(self.time())
    }

    fn reseed(&mut self, number: &str) -> Result<String, String> {
        let seed = number.parse().map_err(|_| format!("{number} is no seed; it is a whole number"))?;
        self.seed = seed;
        self.left.clear();
        self.cluster = (self.begin)(seed);
        Ok(format!("a new cluster with seed {seed}\n"))
    }
}
