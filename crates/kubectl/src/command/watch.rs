//! `get --watch`: tables that go on as virtual time does.

use crate::api::{self, Address, Served};
use crate::command::table::{printed_kind, table_options, warn_of_old_kinds};
use crate::fault::{Fault, said};
use crate::output;
use crate::resource::Resource;
use crate::run::{self, Pick, Run};
use core::time::Duration;
use serde_json::Value;
use wavetank::{Cluster, WatchId};
use wavetank_model::Selector;
use wavetank_printers::{Now, TableWriter};

/// How long a watch goes on that nothing limits, in virtual time.
const UNLIMITED: Duration = Duration::from_secs(300);

/// A watch under way.
#[derive(Clone, Debug)]
pub(crate) struct Watching {
    watch: WatchId,
    resource: Resource,
    name: Option<String>,
    labels: Selector,
    writer: TableWriter,
    format: String,
    wide: bool,
    with_events: bool,
    kind_only: bool,
}

impl Watching {
    /// Begins the watch that a `get --watch` asks for; what is there already is written to `run`.
    pub(crate) fn begin(run: &mut Run<'_>) -> Result<Self, Fault> {
        let words = run.arguments.words.clone();
        let picks = if run.has_files() {
            let (infos, faults) = run.infos(false);
            Fault::of_many(faults)?;
            infos.into_iter().map(|info| Pick::Named(info.at.resource, info.at.name)).collect()
        } else {
            run::picks(run.cluster, &words, run.arguments.given("selector"))?
        };
        let (resource, name) = match picks.as_slice() {
            [Pick::Named(resource, name)] => (resource.clone(), Some(name.clone())),
            [Pick::All(resource)] => (resource.clone(), None),
            _ => return said("you may only specify a single resource type"),
        };
        if api::served(run.cluster, &resource).is_none() {
            return said(format!("not simulated: {resource}"));
        }
        let findings = run.find_picked(&picks);
        Fault::of_many(findings.faults)?;
        warn_of_old_kinds(run, core::slice::from_ref(&resource));
        let labels = Selector::parse(run.arguments.text("selector").unwrap_or_default())
            .map_err(|error| Fault::Said(error.to_string()))?;
        let namespace = (!run.arguments.on("all-namespaces") && resource.namespaced).then(|| run.namespace());
        let format = run.arguments.text("output").unwrap_or_default().to_owned();
        let mut watching = Self {
            watch: watched(run.cluster, &resource, namespace.as_deref())?,
            writer: TableWriter::new(table_options(run, &resource)),
            resource,
            name,
            labels,
            wide: format == "wide",
            with_events: run.arguments.on("output-watch-events"),
            kind_only: findings.found.first().is_some_and(|found| printed_kind(run, &found.object).is_empty()),
            format,
        };
        if !run.arguments.on("watch-only") {
            let objects: Vec<Value> = findings.found.into_iter().map(|found| found.object).collect();
            let text = watching.written(&objects, "ADDED", run.present())?;
            run.out.push_str(&text);
        }
        Ok(watching)
    }

    /// What has happened since this was asked last, as text.
    pub(crate) fn text(&mut self, cluster: &mut Cluster) -> Result<String, Fault> {
        let calendar = cluster.calendar();
        let mut text = String::new();
        for event in cluster.watched(self.watch) {
            if self.wants(&event.object) {
                let now = Now::new(event.time, calendar);
                text.push_str(&self.written(&[event.object], event.what.as_str(), now)?);
            }
        }
        Ok(text)
    }

    fn wants(&self, object: &Value) -> bool {
        let named = self.name.as_ref().is_none_or(|name| object["metadata"]["name"] == name.as_str());
        let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect();
        named && self.labels.matches(&labels)
    }

    fn written(&mut self, objects: &[Value], event: &str, now: Now) -> Result<String, Fault> {
        if objects.is_empty() {
            return Ok(String::new());
        }
        if !matches!(self.format.as_str(), "" | "wide") {
            let mut text = String::new();
            for object in objects {
                text.push_str(&output::in_stream(&self.format, &self.resource, object)?);
            }
            return Ok(text);
        }
        let kind = if self.kind_only { "" } else { &*self.resource.kind };
        let table = wavetank_printers::table(kind, objects, self.wide, now);
        Ok(self.writer.write_events(&table, self.with_events.then_some(event)))
    }
}

/// Begins to watch the objects of a resource.
fn watched(cluster: &mut Cluster, resource: &Resource, namespace: Option<&str>) -> Result<WatchId, Fault> {
    match api::served(cluster, resource) {
        Some(Served::BuiltIn(kind)) => Ok(cluster.watch(kind, namespace)),
        Some(Served::Own(word)) => Ok(cluster.watch_own(&word, namespace)),
        None => said(format!("not simulated: {resource}")),
    }
}

/// `get --watch`, for as long as `--request-timeout` says, or until nothing more would happen.
pub(super) fn watch(run: &mut Run<'_>) -> Result<(), Fault> {
    let mut watching = Watching::begin(run)?;
    let timeout = run.arguments.text("request-timeout").map(span_or_seconds).filter(|span| !span.is_zero());
    // It is over when time is, or when nothing is left that could happen.
    let _over = run.cluster.run_until(|_| false, timeout.unwrap_or(UNLIMITED));
    let text = watching.text(run.cluster);
    run.cluster.end_watches();
    run.out.push_str(&text?);
    Ok(())
}

/// `--request-timeout` may be a bare number of seconds.
fn span_or_seconds(text: &str) -> Duration {
    text.parse().map_or_else(|_| crate::flags::parse_span(text).unwrap_or_default(), Duration::from_secs)
}

/// Watches one object until a condition on it holds; answers all that was seen of it, in order, and
/// whether the condition holds.
pub(super) fn follow(
    cluster: &mut Cluster,
    at: &Address,
    limit: Duration,
    mut condition: impl FnMut(Option<&Value>) -> bool,
) -> (Vec<Value>, bool) {
    let first = api::get(cluster, at).ok();
    if condition(first.as_ref()) {
        return (first.into_iter().collect(), true);
    }
    let namespace = Some(&at.namespace).filter(|name| !name.is_empty()).map(|name| &**name);
    let Ok(watch) = watched(cluster, &at.resource, namespace) else { return (Vec::new(), condition(None)) };
    let reached = cluster.run_until(|cluster| condition(api::get(cluster, at).ok().as_ref()), limit);
    let seen = cluster.watched(watch).into_iter().map(|event| event.object);
    let seen = first.into_iter().chain(seen.filter(|object| object["metadata"]["name"] == at.name.as_str()));
    let seen = seen.collect();
    cluster.end_watches();
    (seen, reached.is_ok())
}
