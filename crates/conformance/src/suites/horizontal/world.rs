//! The API around a step of a sequence: what it refuses, and what its metrics say.

use super::text;
use super::view::{Answers, Samples};
use serde_json::Value;
use std::collections::BTreeSet;
use wavetank_controllers::horizontal::{MetricError, PodSample, Series};
use wavetank_engine::Time;
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{Quantity, Reason, Refusal, Selector};

/// An object as requests address it.
#[derive(Clone, Debug, Default)]
pub(super) struct Resource {
    pub(super) plural: &'static str,
    pub(super) group: String,
    pub(super) name: String,
}

/// The resource of a kind that the API serves with a scale.
pub(super) fn resource_of(group: &str, kind: &str, name: &str) -> Option<Resource> {
    let plural = match (group, kind) {
        ("apps", "Deployment") => "deployments",
        ("apps", "ReplicaSet") => "replicasets",
        ("apps", "StatefulSet") => "statefulsets",
        ("", "ReplicationController") => "replicationcontrollers",
        _ => return None,
    };
    Some(Resource { plural, group: group.to_owned(), name: name.to_owned() })
}

impl Resource {
    pub(super) fn group_resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.group_resource(), self.name)
    }

    /// The refusal that a fault stands for.
    pub(super) fn refusal(&self, fault: &Value) -> Option<Refusal> {
        let (resource, name, message) = (self.group_resource(), &self.name, text(&fault["message"]));
        Some(match fault["reason"].as_str()? {
            "NotFound" => Refusal::not_found(&resource, name),
            "Conflict" => Refusal::new(
                Reason::Conflict,
                format!("Operation cannot be fulfilled on {resource} \"{name}\": {message}"),
            ),
            "Forbidden" => Refusal::new(Reason::Forbidden, format!("{resource} \"{name}\" is forbidden: {message}")),
            _ => Refusal::new(Reason::InternalError, format!("Internal error occurred: {message}")),
        })
    }
}

/// What the metrics APIs answer in a step.
pub(super) struct Step<'a> {
    pub(super) metrics: &'a Value,
    pub(super) now: Time,
    pub(super) namespace: String,
    /// Pods that exist and that the selector does not pick: they are not told of.
    pub(super) strangers: BTreeSet<String>,
}

impl Step<'_> {
    fn past(&self, seconds: &Value) -> Time {
        self.now.offset(seconds.as_i64().unwrap_or_default().saturating_mul(-1_000_000_000))
    }

    /// The series of a metric, or the client's words for its absence.
    fn series(
        &self,
        (family, api): (&str, &str),
        metric: &str,
        selector: &Selector,
        is_meant: impl Fn(&Value) -> bool,
    ) -> Result<&Value, MetricError> {
        let series = super::list(&self.metrics[family]).iter().find(|series| {
            text(&series["metric"]) == metric && text(&series["selector"]) == selector.to_string() && is_meant(series)
        });
        match series.map(|series| (series, series["error"].as_str())) {
            Some((_, Some(error))) => Err(format!("unable to fetch metrics from {api} metrics API: {error}").into()),
            Some((series, None)) => Ok(series),
            None => Ok(&Value::Null),
        }
    }
}

impl Answers for Step<'_> {
    fn resource(&self, resource: &str, container: Option<&str>) -> Result<(Samples, Time), MetricError> {
        let metrics = &self.metrics["resource"];
        if let Some(error) = metrics["error"].as_str() {
            return Err(format!("unable to fetch metrics from resource metrics API: {error}").into());
        }
        let mut samples = Samples::new();
        let mut is_empty = true;
        for (pod, containers) in metrics["usage"].as_object().into_iter().flatten() {
            if self.strangers.contains(pod) {
                continue;
            }
            is_empty = false;
            let age = metrics["ages"].get(pod).unwrap_or(&metrics["ageSeconds"]);
            let used = containers.as_object().into_iter().flatten();
            let used = used.filter(|(name, _)| container.is_none_or(|wanted| **name == *wanted));
            let used: Option<Vec<i64>> = used.map(|(_, usage)| milli(usage.get(resource)?)).collect();
            let Some(used) = used.filter(|used| container.is_none() || !used.is_empty()) else { continue };
            let sample = PodSample {
                milli: used.iter().sum(),
                timestamp: self.past(age),
                window_nanos: metrics["windowSeconds"].as_i64().unwrap_or_default().saturating_mul(1_000_000_000),
            };
            samples.insert(pod.clone(), sample);
        }
        if is_empty {
            return Err("no metrics returned from resource metrics API".into());
        }
        Ok((samples, self.past(&metrics["ageSeconds"])))
    }

    fn custom(&self, metric: &str, selector: &Selector) -> Result<(Samples, Time), MetricError> {
        let series = self.series(("pods", "custom"), metric, selector, |_| true)?;
        let timestamp = self.past(&series["ageSeconds"]);
        let values = series["values"].as_object().into_iter().flatten();
        let samples: Samples = values
            .filter(|(pod, _)| !self.strangers.contains(*pod))
            .filter_map(|(pod, value)| {
                let window = series["windowSeconds"].as_i64().unwrap_or(60).saturating_mul(1_000_000_000);
                Some((pod.clone(), PodSample { milli: milli(value)?, timestamp, window_nanos: window }))
            })
            .collect();
        if samples.is_empty() {
            return Err("no metrics returned from custom metrics API".into());
        }
        Ok((samples, timestamp))
    }

    fn object(&self, object: &ObjectReference, metric: &str, selector: &Selector) -> Result<(i64, Time), MetricError> {
        // The metrics of a namespace are read for the namespace of the autoscaler.
        let name = if &*object.kind == "Namespace" { self.namespace.as_str() } else { &object.name };
        let is_meant = |series: &Value| text(&series["kind"]) == &*object.kind && text(&series["name"]) == name;
        let series = self.series(("object", "custom"), metric, selector, is_meant)?;
        let value = milli(&series["value"]).ok_or("unable to fetch metrics from custom metrics API: no such series")?;
        Ok((value, self.past(&series["ageSeconds"])))
    }

    fn external(&self, metric: &str, selector: &Selector) -> Result<Series, MetricError> {
        let series = self.series(("external", "external"), metric, selector, |_| true)?;
        let milli: Vec<i64> = super::list(&series["values"]).iter().filter_map(milli).collect();
        if milli.is_empty() {
            return Err("no metrics returned from external metrics API".into());
        }
        Ok(Series { milli, timestamp: self.now })
    }
}

fn milli(value: &Value) -> Option<i64> {
    Quantity::parse(value.as_str()?).ok().map(|quantity| quantity.milli_value())
}
