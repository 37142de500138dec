//! The quality of service of a pod, which follows from what it asks for and may use.
//!
//! Source: `pkg/apis/core/v1/helper/qos/qos.go`, `ComputePodQOS`.

use crate::Quantity;
use crate::container::{ResourceList, Resources};

/// The resources that count.
const COUNTED: [&str; 2] = ["cpu", "memory"];

/// What becomes of a pod when its node runs short: the first in the order of this list goes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QosClass {
    /// Every container has limits of processor time and of memory, and asks for just as much.
    Guaranteed,
    /// Some container asks for something.
    Burstable,
    /// Nobody asks for anything.
    BestEffort,
}

impl QosClass {
    /// The class of a pod with resources of its own, if any, and of its containers. What the pod itself says
    /// stands for all containers.
    #[must_use]
    pub fn of<'a>(pod: &'a Resources, containers: impl IntoIterator<Item = &'a Resources>) -> Self {
        let says = |list: &ResourceList| COUNTED.iter().any(|name| list.get(name).is_some());
        if says(&pod.requests) || says(&pod.limits) { Self::of_all([pod]) } else { Self::of_all(containers) }
    }

    fn of_all<'a>(all: impl IntoIterator<Item = &'a Resources>) -> Self {
        let (mut any, mut guaranteed) = (false, true);
        for resources in all {
            for name in COUNTED {
                let (limit, request) = (amount(&resources.limits, name), amount(&resources.requests, name));
                any |= limit.is_some() || request.is_some();
                guaranteed &= limit.is_some() && limit == request;
            }
        }
        match (any, guaranteed) {
            (false, _) => Self::BestEffort,
            (true, true) => Self::Guaranteed,
            (true, false) => Self::Burstable,
        }
    }

    /// Its word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// An amount; one that is not above zero counts as none.
fn amount<'a>(list: &'a ResourceList, name: &str) -> Option<&'a Quantity> {
    list.get(name).filter(|amount| amount.signum() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests and limits as `cpu memory`, `-` for what is absent.
    fn resources(requests: &str, limits: &str) -> Resources {
        let list = |text: &str| {
            let amounts = COUNTED.iter().zip(text.split(' ')).filter(|(_, amount)| *amount != "-");
            ResourceList(amounts.map(|(name, amount)| ((*name).into(), Quantity::parse(amount).unwrap())).collect())
        };
        Resources::new(list(requests), list(limits))
    }

    #[test]
    fn only_a_pod_whose_every_container_is_limited_to_its_requests_is_guaranteed() {
        let class = |containers: &[Resources]| QosClass::of(&Resources::default(), containers).as_str();
        let (full, part, none) = (resources("- -", "1 1Gi"), resources("1 -", "1 1Gi"), resources("- -", "- -"));
        assert_eq!(class(&[full.clone(), part]), "Guaranteed");
        assert_eq!(class(&[full.clone(), none.clone()]), "Burstable");
        assert_eq!(class(&[full, resources("500m -", "1 1Gi")]), "Burstable");
        assert_eq!(class(&[none.clone(), resources("0 0", "- -")]), "BestEffort");
        assert_eq!(class(&[]), "BestEffort");
    }

    #[test]
    fn what_the_pod_itself_asks_for_stands_for_its_containers() {
        let containers = [resources("- -", "- -"), resources("1 -", "- -")];
        assert_eq!(QosClass::of(&resources("1 1Gi", "1 1Gi"), &containers), QosClass::Guaranteed);
        assert_eq!(QosClass::of(&resources("1 -", "- -"), &containers[..1]), QosClass::Burstable);
    }
}
