//! `cordon`, `uncordon`, `drain` and `taint`.
//!
//! Source: `kubectl/pkg/cmd/drain`, `kubectl/pkg/cmd/taint`.

use crate::api::{self, Address, Wanted};
use crate::command::delete;
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::resource::Resource;
use crate::run::{self, DryRun, Found, Pick, Run};
use core::time::Duration;
use serde_json::{Value, json};
use wavetank::{PatchKind, Propagation};

/// Flags of `cordon` and `uncordon`.
pub(super) const CORDON_FLAGS: &str = "dry-run:o selector,l:s";
/// Flags of `drain`.
pub(super) const DRAIN_FLAGS: &str = "chunk-size:i delete-emptydir-data disable-eviction dry-run:o force grace-period:i \
                                      ignore-daemonsets pod-selector:s selector,l:s skip-wait-for-delete-timeout:i \
                                      timeout:d";
/// Flags of `taint`.
pub(super) const TAINT_FLAGS: &str = "all allow-missing-template-keys dry-run:o field-manager:s output,o:s overwrite \
                                      selector,l:s show-managed-fields template:s validate:o";

/// Longest wait of `drain` for pods to go.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

fn nodes(run: &Run<'_>) -> Result<Resource, Fault> {
    run::resource_of(run.cluster, "nodes")
}

/// The nodes that arguments name or a selector chooses.
fn targets(run: &Run<'_>) -> Result<Vec<Found>, Fault> {
    let words = &run.arguments.words;
    let selected = run.arguments.given("selector");
    if words.is_empty() && !selected {
        let path = run.path.rsplit(' ').next().unwrap_or_default();
        return said(format!("error: USAGE: {path} NODE [flags]\nSee 'kubectl {path} -h' for help and examples"));
    }
    if !words.is_empty() && selected {
        return said("error: cannot specify both a node name and a --selector option");
    }
    let nodes = nodes(run)?;
    let named = |word: &String| {
        let name = word.strip_prefix("node/").or_else(|| word.strip_prefix("nodes/")).unwrap_or(word);
        Pick::Named(nodes.clone(), name.to_owned())
    };
    let picks: Vec<Pick> = if selected { vec![Pick::All(nodes.clone())] } else { words.iter().map(named).collect() };
    let findings = run.find_picked(&picks);
    Fault::of_many(findings.faults)?;
    Ok(findings.found)
}

/// Closes a node to new pods, or opens it again, and says so.
fn mark(run: &mut Run<'_>, node: &Found, closed: bool, dry_run: DryRun) -> Result<(), Fault> {
    let word = if closed { "cordoned" } else { "uncordoned" };
    if (node.object["spec"]["unschedulable"] == true) == closed {
        return run.report(&node.at, &node.object, &format!("already {word}"), dry_run);
    }
    if dry_run != DryRun::Client {
        let patch =
            if closed { json!({"spec": {"unschedulable": true}}) } else { json!({"spec": {"unschedulable": null}}) };
        run.request(dry_run, |cluster| api::patch(cluster, &node.at, PatchKind::Strategic, &patch))?;
    }
    run.report(&node.at, &node.object, word, dry_run)
}

/// `cordon`.
pub(super) fn cordon(run: &mut Run<'_>) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    targets(run)?.iter().try_for_each(|node| mark(run, node, true, dry_run))
}

/// `uncordon`.
pub(super) fn uncordon(run: &mut Run<'_>) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    targets(run)?.iter().try_for_each(|node| mark(run, node, false, dry_run))
}

/// `drain`: closes nodes and takes their pods away.
pub(super) fn drain(run: &mut Run<'_>) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let nodes = targets(run)?;
    for node in &nodes {
        mark(run, node, true, dry_run)?;
    }
    for node in &nodes {
        let name = &node.at.name;
        let pods = pods_on(run, name)?;
        let loose: Vec<&str> = pods.iter().filter(|pod| pod.unmanaged).map(|pod| pod.at.name.as_str()).collect();
        if !loose.is_empty() && !run.arguments.on("force") {
            let list: Vec<String> = pods.iter().filter(|pod| pod.unmanaged).map(Evicted::path).collect();
            return said(format!(
                "unable to drain node {} due to error: cannot delete cannot delete Pods that declare no controller (use \
                 --force to override): {}, continuing command...\nThere are pending nodes to be drained:\n {name}\ncannot \
                 delete cannot delete Pods that declare no controller (use --force to override): {}",
                quoted(name),
                list.join(", "),
                list.join(", ")
            ));
        }
        if !loose.is_empty() {
            let list: Vec<String> = pods.iter().filter(|pod| pod.unmanaged).map(Evicted::path).collect();
            run.warn(&format!("Warning: deleting Pods that declare no controller: {}", list.join(", ")));
        }
        evict(run, &pods, dry_run)?;
        run.report(&node.at, &node.object, "drained", dry_run)?;
    }
    Ok(())
}

/// A pod that `drain` takes away.
struct Evicted {
    at: Address,
    uid: Value,
    unmanaged: bool,
}

impl Evicted {
    fn path(&self) -> String {
        format!("{}/{}", self.at.namespace, self.at.name)
    }
}

/// Pods on a node that are to go; those of DaemonSets stay.
fn pods_on(run: &Run<'_>, node: &str) -> Result<Vec<Evicted>, Fault> {
    let pods = run::resource_of(run.cluster, "pods")?;
    let wanted = Wanted {
        namespace: None,
        labels: run.arguments.text("pod-selector").map(str::to_owned),
        fields: Some(format!("spec.nodeName={node}")),
    };
    let controller = |pod: &Value| {
        let owners = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        owners.filter(|owner| owner["controller"] == true).find_map(|owner| owner["kind"].as_str().map(str::to_owned))
    };
    let found = api::list(run.cluster, &pods, &wanted)?;
    let going = found.iter().filter(|pod| controller(pod).as_deref() != Some("DaemonSet"));
    Ok(going
        .map(|pod| Evicted {
            at: Address::of(pods.clone(), pod),
            uid: pod["metadata"]["uid"].clone(),
            unmanaged: controller(pod).is_none(),
        })
        .collect())
}

fn evict(run: &mut Run<'_>, pods: &[Evicted], dry_run: DryRun) -> Result<(), Fault> {
    for pod in pods {
        run.say(&format!("evicting pod {}{}", pod.path(), dry_run.suffix()));
    }
    if dry_run != DryRun::No {
        return Ok(());
    }
    let grace = run.arguments.number("grace-period").filter(|seconds| *seconds >= 0).map(i64::from);
    for pod in pods {
        api::delete(run.cluster, &pod.at, Propagation::Background, grace)?;
    }
    let gone: Vec<(Address, Value)> = pods.iter().map(|pod| (pod.at.clone(), pod.uid.clone())).collect();
    let timeout = run.arguments.span("timeout").filter(|span| !span.is_zero()).unwrap_or(PATIENCE);
    if !delete::wait_until_gone(run.cluster, &gone, timeout) {
        return said("global timeout reached");
    }
    for pod in pods {
        run.say(&format!("{} evicted", pod.at.label()));
    }
    Ok(())
}

/// One taint to be set, or a key to be freed of taints.
struct Taint {
    key: String,
    value: String,
    effect: String,
    removes: bool,
}

fn taint_of(text: &str) -> Result<Taint, Fault> {
    let wrong = || Fault::Said(format!("unknown taint spec: {text}"));
    let (plain, removes) = text.strip_suffix('-').map_or((text, false), |plain| (plain, true));
    let (pair, effect) = plain.split_once(':').unwrap_or((plain, ""));
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
    if key.is_empty() || !(known || removes && effect.is_empty()) {
        return Err(if effect.is_empty() || known {
            wrong()
        } else {
            Fault::Said(format!("invalid taint effect: {effect}, unsupported taint effect"))
        });
    }
    Ok(Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned(), removes })
}

/// `taint`.
pub(super) fn taint(run: &mut Run<'_>) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let is_taint = |word: &String| word.contains(':') || word.contains('=') || word.ends_with('-');
    let (specs, words): (Vec<String>, Vec<String>) = run.arguments.words.clone().into_iter().partition(is_taint);
    if words.is_empty() {
        return said("one or more resources must be specified as <resource> <name>");
    }
    if specs.is_empty() {
        return said("at least one taint update is required");
    }
    let taints = specs.iter().map(|spec| taint_of(spec)).collect::<Result<Vec<_>, _>>()?;
    let findings = run.find_some(&words)?;
    let mut faults = findings.faults;
    for found in findings.found {
        if found.at.resource.kind != "Node" {
            return said(format!("invalid resource type {}, only node(s) is supported", found.at.resource.name));
        }
        match tainted(run, &found, &taints) {
            Err(fault) => faults.push(fault),
            Ok((list, done)) => {
                let patch = json!({"spec": {"taints": list}});
                match run.request(dry_run, |cluster| api::patch(cluster, &found.at, PatchKind::Merge, &patch)) {
                    Ok((_, after)) => run.report(&found.at, &after, done, dry_run)?,
                    Err(refusal) => faults.push(refusal.into()),
                }
            }
        }
    }
    Fault::of_many(faults)
}

/// The taints that a node will have, and the word for what is done.
fn tainted(run: &Run<'_>, node: &Found, taints: &[Taint]) -> Result<(Value, &'static str), Fault> {
    let mut list = node.object["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let (mut added, mut removed) = (false, false);
    for taint in taints {
        let same = |other: &Value| {
            other["key"] == taint.key.as_str()
                && (other["effect"] == taint.effect.as_str() || taint.removes && taint.effect.is_empty())
        };
        if taint.removes {
            let before = list.len();
            list.retain(|other| !same(other));
            if list.len() == before {
                return said(format!("taint {} not found", quoted(&spelled(taint))));
            }
            removed = true;
            continue;
        }
        let mut new = json!({"effect": taint.effect, "key": taint.key});
        if !taint.value.is_empty() {
            new["value"] = taint.value.as_str().into();
        }
        match list.iter().position(same) {
            Some(_) if !run.arguments.on("overwrite") => {
                let (name, key) = (&node.at.name, &taint.key);
                return said(format!(
                    "node {name} already has {key} taint(s) with same effect(s) and --overwrite is false"
                ));
            }
            Some(at) => list[at] = new,
            None => list.push(new),
        }
        added = true;
    }
    let done = match (added, removed) {
        (true, true) => "modified",
        (false, true) => "untainted",
        (true | false, false) => "tainted",
    };
    Ok((if list.is_empty() { Value::Null } else { list.into() }, done))
}

fn spelled(taint: &Taint) -> String {
    if taint.effect.is_empty() { taint.key.clone() } else { format!("{}:{}", taint.key, taint.effect) }
}
