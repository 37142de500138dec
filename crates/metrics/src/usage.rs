//! What pods use.

use crate::curve::Curve;
use crate::pipeline::PodNow;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{Selector, StringMap};

/// Pods of a namespace that a selector picks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Which of its pods.
    pub selector: Selector,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A resource.
    Resource {
        /// `cpu` in thousandths of a core, `memory` in thousandths of a byte.
        name: Arc<str>,
        /// Which container uses it; absent for the pod's first.
        container: Option<Arc<str>>,
    },
    /// A custom metric that each pod has.
    Custom {
        /// Name of the metric.
        metric: Arc<str>,
        /// Labels of the series, by which a metric's selector picks it.
        labels: StringMap,
    },
}

/// How a curve becomes the usage of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// The curve is the load of all ready pods together, of which each has an equal part. Others have none.
    AmongReady,
    /// The curve is what each ready pod uses. Others use nothing.
    EachReady,
    /// The curve is what each running pod uses, ready or not.
    Each,
    /// The curve is what each request takes, in thousandths of a core-second: a pod uses as much as the
    /// requests that it answered since the scrape before. Averages over that time, as a real pipeline does.
    OfRequests,
}

/// What the time of a curve is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clock {
    /// The time of the simulation.
    #[default]
    Simulation,
    /// Time since the start of the pod, for what leaks or warms up.
    PodAge,
}

/// Extra use of a pod that has just started, falling to nothing in a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmUp {
    /// How long it lasts.
    pub span: Duration,
    /// Thousandths at its start.
    pub milli: i64,
}

/// What the pods of a group use of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Whose usage.
    pub group: Group,
    /// Of what.
    pub subject: Subject,
    /// How the curve becomes the usage of a pod.
    pub share: Share,
    /// How much over time.
    pub curve: Curve,
    /// What the time of the curve is.
    pub clock: Clock,
    /// Extra use after a start.
    pub warm_up: Option<WarmUp>,
    /// Most that a pod can use, such as the limit at which processor time is throttled.
    pub limit: Option<i64>,
    /// By how many thousandths of itself a value may be off, drawn for each pod and scrape.
    pub jitter_per_mille: u32,
}

impl Usage {
    /// Usage of a resource by the first container of each pod.
    #[must_use]
    pub fn of_resource(group: Group, resource: &str, share: Share, curve: Curve) -> Self {
        let subject = Subject::Resource { name: resource.into(), container: None };
        let (clock, warm_up, limit, jitter_per_mille) = (Clock::Simulation, None, None, 0);
        Self { group, subject, share, curve, clock, warm_up, limit, jitter_per_mille }
    }

    /// A custom metric of each pod.
    #[must_use]
    pub fn of_metric(group: Group, metric: &str, share: Share, curve: Curve) -> Self {
        let subject = Subject::Custom { metric: metric.into(), labels: StringMap::default() };
        Self { subject, ..Self::of_resource(group, "", share, curve) }
    }

    /// What a pod uses at a time, before any jitter; absent where a recording has no number.
    ///
    /// `ready_pods` share a load with it; it answers `milli_requests_per_second`.
    #[must_use]
    pub fn of_pod(&self, now: Time, pod: &PodNow, ready_pods: i64, milli_requests_per_second: i64) -> Option<i64> {
        let whole = match self.whole(now) {
            Some(whole) => whole,
            None => self.curve.at(Time::ZERO + now.since(pod.started)),
        };
        Some(self.part(whole?, now, pod, ready_pods, milli_requests_per_second))
    }

    /// The value of the curve, if it is the same for all pods.
    pub(crate) fn whole(&self, now: Time) -> Option<Option<i64>> {
        match self.clock {
            Clock::Simulation => Some(self.curve.at(now)),
            Clock::PodAge => None,
        }
    }

    /// What a pod uses of a value of the curve that is ready, and what one that is not; none if it makes a
    /// difference which pod it is.
    pub(crate) fn alike(&self, whole: i64, ready_pods: i64) -> Option<[i64; 2]> {
        let used = |milli: i64| self.limit.map_or(milli, |limit| milli.min(limit));
        let alike = match self.share {
            Share::AmongReady => [whole / ready_pods.max(1), 0],
            Share::EachReady => [whole, 0],
            Share::Each => [whole, whole],
            Share::OfRequests => return None,
        };
        self.warm_up.is_none().then_some(alike.map(used))
    }

    /// What of the value of the curve is a pod's.
    pub(crate) fn part(
        &self,
        whole: i64,
        now: Time,
        pod: &PodNow,
        ready_pods: i64,
        milli_requests_per_second: i64,
    ) -> i64 {
        let is_ready = pod.ready;
        let part = match self.share {
            Share::AmongReady if is_ready => whole / ready_pods.max(1),
            Share::EachReady if is_ready => whole,
            Share::AmongReady | Share::EachReady => 0,
            Share::Each => whole,
            Share::OfRequests => cpu_of_requests(milli_requests_per_second, whole),
        };
        let used = part.saturating_add(self.warm_up.map_or(0, |warm_up| warm_up.at(now.since(pod.started))));
        self.limit.map_or(used, |limit| used.min(limit))
    }
}

impl WarmUp {
    fn at(&self, age: Duration) -> i64 {
        let (span, left) = (self.span.as_nanos(), self.span.saturating_sub(age).as_nanos());
        let part = i128::from(self.milli).saturating_mul(i128::try_from(left).unwrap_or_default());
        let span = i128::try_from(span).unwrap_or(i128::MAX).max(1);
        i64::try_from(part / span).unwrap_or_default()
    }
}

/// Processor time that requests take: thousandths of requests a second times thousandths of a
/// core-second for each, in thousandths of a core.
///
/// ```
/// // 50 requests a second at 4 ms of processor time each keep a fifth of a core busy.
/// assert_eq!(wavetank_metrics::cpu_of_requests(50_000, 4), 200);
/// ```
#[must_use]
pub fn cpu_of_requests(milli_requests_per_second: i64, milli_core_seconds_each: i64) -> i64 {
    let product = i128::from(milli_requests_per_second) * i128::from(milli_core_seconds_each) / 1000;
    i64::try_from(product).unwrap_or(if product < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(share: Share, curve: Curve) -> Usage {
        let group = Group { namespace: "default".into(), selector: Selector::default() };
        Usage::of_resource(group, "cpu", share, curve)
    }

    const NOW: Time = Time::from_seconds(100);

    fn pod(started: Time, ready: bool) -> PodNow {
        PodNow { uid: wavetank_model::Uid(1), started, ready, answered: 0 }
    }

    #[test]
    fn a_shared_load_is_cut_into_equal_parts_for_ready_pods_only() {
        let shared = usage(Share::AmongReady, Curve::Constant(1000));
        assert_eq!(shared.of_pod(NOW, &pod(Time::ZERO, true), 3, 0), Some(333));
        assert_eq!(shared.of_pod(NOW, &pod(Time::ZERO, false), 3, 0), Some(0));
        let each = usage(Share::Each, Curve::Constant(1000));
        assert_eq!(each.of_pod(NOW, &pod(Time::ZERO, false), 3, 0), Some(1000));
    }

    #[test]
    fn a_pod_that_warms_up_uses_more_at_first_and_no_more_than_its_limit() {
        let warm_up = Some(WarmUp { span: Duration::from_secs(10), milli: 500 });
        let warming = Usage { warm_up, limit: Some(550), ..usage(Share::Each, Curve::Constant(100)) };
        let at_age = |age: i64| warming.of_pod(NOW, &pod(NOW.offset(-age * 1_000_000_000), true), 1, 0).unwrap();
        assert_eq!([at_age(0), at_age(2), at_age(5), at_age(10), at_age(60)], [550, 500, 350, 100, 100]);
    }

    #[test]
    fn what_leaks_goes_by_the_age_of_its_pod() {
        let leak = Curve::lines([(Time::ZERO, 0), (Time::from_seconds(10), 1000)]);
        let leaking = Usage { clock: Clock::PodAge, ..usage(Share::Each, leak) };
        assert_eq!(leaking.of_pod(NOW, &pod(Time::from_seconds(95), true), 1, 0), Some(500));
    }
}
