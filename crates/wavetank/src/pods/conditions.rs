//! Conditions of pods that others than the kubelet set, such as those behind readiness gates.
//!
//! A gate is open while the condition that it names is `True`. The kubelet looks at a pod again when
//! such a condition changes, and its own `Ready` condition follows; endpoints follow that.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::verbs::objects::PatchKind;
use serde_json::Value;
use std::sync::Arc;
use wavetank_manifest::Kind;
use wavetank_model::{ConditionStatus, PodCondition, PodKey, Reason, Refusal};
use wavetank_store::PodState;

/// Conditions that the kubelet and the scheduler set, and would set again at once.
const SYSTEM: [&str; 5] = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

impl Cluster {
    /// Sets a condition of a pod, as a controller of one's own does in its status.
    ///
    /// ```
    /// use wavetank::{Cluster, ConditionStatus, Kind};
    ///
    /// let mut cluster = Cluster::builder().build();
    /// cluster.create("
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web}
    /// spec:
    ///   readinessGates: [{conditionType: example.com/in-balancer}]
    ///   containers: [{name: web, image: 'web:1'}]
    /// ")?;
    /// cluster.run_for(core::time::Duration::from_secs(60));
    /// let ready = |cluster: &Cluster| cluster.node_status(cluster.pod_key("web").unwrap()).unwrap().is_ready();
    /// assert!(!ready(&cluster));
    /// cluster.set_pod_condition("web", "example.com/in-balancer", ConditionStatus::True, "Added", "")?;
    /// assert!(ready(&cluster));
    /// # Ok::<(), wavetank::Error>(())
    /// ```
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a type without a name or one that the kubelet sets itself; `BadRequest` where
    /// a script stands for the kubelet.
    pub fn set_pod_condition(
        &mut self,
        pod: &str,
        kind: &str,
        status: ConditionStatus,
        reason: &str,
        message: &str,
    ) -> Result<(), Error> {
        let key = self.pod_key(pod)?;
        let condition = PodCondition {
            kind: kind.into(),
            status,
            last_transition: None,
            reason: reason.into(),
            message: message.into(),
        };
        self.check_condition(pod, kind)?;
        self.put_condition(key, condition);
        self.absorb();
        Ok(())
    }

    /// Takes a condition of a pod away that [`Self::set_pod_condition`] has set.
    ///
    /// # Errors
    /// As [`Self::set_pod_condition`].
    pub fn remove_pod_condition(&mut self, pod: &str, kind: &str) -> Result<(), Error> {
        let key = self.pod_key(pod)?;
        self.check_condition(pod, kind)?;
        self.drop_condition(key, kind);
        self.absorb();
        Ok(())
    }

    /// Patches the status of a pod, as far as it consists of conditions that are not the kubelet's; all else
    /// would be written again by its owner at once and is left as it is.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` if the patch does not fit, and as [`Self::set_pod_condition`].
    pub fn patch_pod_status(&mut self, pod: &str, patch_kind: PatchKind, patch: &Value) -> Result<(), Error> {
        let live = self.json(Kind::Pod, pod)?;
        let patched = match patch_kind {
            PatchKind::Json => wavetank_manifest::patch_json(&live, patch),
            PatchKind::Merge => wavetank_manifest::patch_merge(&live, patch),
            PatchKind::Strategic => wavetank_manifest::patch_strategic(Kind::Pod, &live, patch),
        }?;
        let key = self.pod_key(pod)?;
        let text = |one: &Value, field: &str| Arc::<str>::from(one[field].as_str().unwrap_or_default());
        let mut kept = Vec::new();
        for one in patched["status"]["conditions"].as_array().into_iter().flatten() {
            let kind = text(one, "type");
            if SYSTEM.contains(&&*kind) {
                continue;
            }
            self.check_condition(pod, &kind)?;
            let status = match one["status"].as_str() {
                Some("True") => ConditionStatus::True,
                Some("False") => ConditionStatus::False,
                Some(_) | None => ConditionStatus::Unknown,
            };
            kept.push(PodCondition {
                kind,
                status,
                last_transition: None,
                reason: text(one, "reason"),
                message: text(one, "message"),
            });
        }
        let before: Vec<Arc<str>> = self.machines.conditions(key).iter().map(|one| Arc::clone(&one.kind)).collect();
        for kind in before.iter().filter(|kind| !kept.iter().any(|one| one.kind == **kind)) {
            self.drop_condition(key, kind);
        }
        for condition in kept {
            self.put_condition(key, condition);
        }
        self.absorb();
        Ok(())
    }

    fn check_condition(&self, pod: &str, kind: &str) -> Result<(), Error> {
        let invalid = |detail: &str| {
            let message = format!("Pod \"{pod}\" is invalid: status.conditions: Invalid value: \"{kind}\": {detail}");
            Err(Refusal::new(Reason::Invalid, message).into())
        };
        if !self.has_kubelets() {
            let message = "a script stands for the kubelets, which heed no conditions";
            return Err(Refusal::new(Reason::BadRequest, message).into());
        }
        if kind.is_empty() {
            return invalid("name part must be non-empty");
        }
        if SYSTEM.contains(&kind) {
            return invalid("not simulated: a condition of the kubelet that others set");
        }
        Ok(())
    }

    fn put_condition(&mut self, key: PodKey, mut condition: PodCondition) {
        let now = self.now.floor_second();
        let all = self.machines.conditions_mut(key);
        match all.iter_mut().find(|known| known.kind == condition.kind) {
            Some(known) => {
                let since = known.last_transition.filter(|_| known.status == condition.status);
                condition.last_transition = since.or(Some(now));
                if *known == condition {
                    return;
                }
                *known = condition;
            }
            None => all.push(PodCondition { last_transition: Some(now), ..condition }),
        }
        self.conditions_changed(key);
    }

    fn drop_condition(&mut self, key: PodKey, kind: &str) {
        let all = self.machines.conditions_mut(key);
        let before = all.len();
        all.retain(|known| *known.kind != *kind);
        if all.len() != before {
            self.conditions_changed(key);
        }
    }

    fn conditions_changed(&mut self, key: PodKey) {
        if let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored()) {
            let state = PodState { detail: pod.state().detail.wrapping_add(1), ..pod.state() };
            self.store.edit_pod_state(key, |old| *old = state);
        }
        let now = self.now;
        // The kubelet's look at the pod is one that it would not have had.
        self.machines.keep(key);
        self.drive(key, |machine, scene| {
            machine.look_again(scene, now);
        });
    }
}
