//! Which node a pod takes.

use serde::{Deserialize, Serialize};
use wavetank_model::StringMap;

/// Whether a node with these labels satisfies a pod's `nodeSelector`.
///
/// Source: `pkg/scheduler/framework/plugins/nodeaffinity`.
#[must_use]
pub fn fits(node_selector: &StringMap, node_labels: &StringMap) -> bool {
    node_selector.iter().all(|(key, value)| node_labels.get(key) == Some(value))
}

/// Takes the nodes that fit in turn: the n-th binding takes the node whose index among the fitting
/// ones, ordered by name, is n modulo their number.
///
/// A real scheduler scores nodes and breaks ties at random; taking turns is one of the orders it
/// could have had when all nodes are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundRobin {
    bindings: u64,
}

impl RoundRobin {
    /// Index of the node to take among `fitting` ones. A pod that fits nowhere takes no turn.
    pub fn pick(&mut self, fitting: usize) -> Option<usize> {
        let nodes = u64::try_from(fitting).ok().filter(|nodes| *nodes > 0)?;
        let index = self.bindings % nodes;
        self.bindings = self.bindings.wrapping_add(1);
        usize::try_from(index).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_take_turns_and_a_pod_that_fits_nowhere_takes_none() {
        let mut turns = RoundRobin::default();
        assert_eq!([turns.pick(2), turns.pick(2), turns.pick(0), turns.pick(2)], [Some(0), Some(1), None, Some(0)]);
        assert_eq!(turns.pick(2), Some(1));
    }

    #[test]
    fn every_label_of_the_node_selector_must_be_on_the_node() {
        let node = StringMap::from_iter([("disk", "ssd"), ("zone", "a")]);
        assert!(fits(&StringMap::default(), &node));
        assert!(fits(&StringMap::from_iter([("zone", "a")]), &node));
        assert!(!fits(&StringMap::from_iter([("zone", "b")]), &node));
        assert!(!fits(&StringMap::from_iter([("gpu", "")]), &node));
    }
}
