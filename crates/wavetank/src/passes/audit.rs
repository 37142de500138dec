//! What controllers ask of the API server, request by request, and single passes run by hand.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::event::WorkKey;
use crate::passes::gather::DeploymentSeen;
use crate::passes::{ActivePass, Work};
use crate::verbs::rollout::split;
use std::sync::Arc;
use wavetank_controllers::{DeploymentWrite, ReplicaSetWrite};
use wavetank_manifest::{Kind, Object};
use wavetank_model::{
    Deployment, EventRecord, LookAgain, ObjectMeta, PassError, Pod, PodKey, PodStatus, Refusal, ReplicaSet,
    ReplicaSetKey, SetKind, Storage,
};

/// One request of a controller.
#[derive(Clone, Debug)]
pub struct Request {
    /// `create`, `update`, `patch` or `delete`.
    pub verb: &'static str,
    /// Kind of the object.
    pub kind: &'static str,
    /// Name of the object; empty where the server is to complete a generated one.
    pub name: Arc<str>,
    /// `status`, or none for the object itself.
    pub subresource: Option<&'static str>,
    /// The object as it was sent or, for a patch, as it was after it.
    pub object: Option<Object>,
    /// The server's refusal, if it refused.
    pub refused: Option<Refusal>,
}

/// What one pass did.
#[derive(Clone, Debug, Default)]
pub struct PassReport {
    /// Its requests, in order.
    pub requests: Vec<Request>,
    /// The events it recorded, in order.
    pub events: Vec<EventRecord>,
    /// Upstream's error return.
    pub error: Option<PassError>,
    /// When it wants to look again.
    pub look_again: LookAgain,
}

impl Cluster {
    /// Runs one pass for a Deployment or a set now, whether or not its key is marked, and reports it.
    ///
    /// Meant for tests of a single decision. Nothing else happens: the changes that the pass made are
    /// seen by the other controllers when time goes on.
    ///
    /// # Errors
    /// `NotFound` if the controllers see no such object; `BadRequest` for a kind without a controller,
    /// or with a profile in which writes take time.
    pub fn run_pass(&mut self, kind: Kind, name: &str) -> Result<PassReport, Error> {
        let (namespace, plain) = split(name);
        if !self.profile.api_write.is_zero() || self.profile.client_rate.is_some() {
            let message = "a single pass needs a profile in which writes take no time";
            return Err(Refusal::new(wavetank_model::Reason::BadRequest, message).into());
        }
        let missing = || Refusal::not_found(kind.resource(), plain);
        let key = match kind.storage() {
            Storage::Deployment => {
                let seen = self.store.deployments_seen();
                let mut named = seen.filter(|(_, seen)| is_named(&seen.meta, namespace, plain));
                WorkKey::Deployment(named.next().ok_or_else(missing)?.0)
            }
            Storage::Set(_) => {
                let seen = self.store.sets_seen();
                let mut named = seen.filter(|(_, seen)| is_named(&seen.meta, namespace, plain));
                WorkKey::Set(named.next().ok_or_else(missing)?.0)
            }
            Storage::Pod | Storage::Document => {
                let message = format!("no pass can be run by hand for a {kind}");
                return Err(Refusal::new(wavetank_model::Reason::BadRequest, message).into());
            }
        };
        self.audit = Some(PassReport::default());
        match key {
            WorkKey::Deployment(key) => self.begin_deployment_pass(key),
            WorkKey::Set(key) => self.begin_set_pass(key),
            WorkKey::Service(key) => self.begin_service_pass(key),
            WorkKey::Budget(key) => self.run_disruption_pass(key),
            WorkKey::Autoscaler(key) => self.run_horizontal_pass(key),
        }
        Ok(self.audit.take().unwrap_or_default())
    }

    /// Notes a request before it lands, if somebody wants to know.
    pub(crate) fn request_of(&self, pass: &ActivePass) -> Option<Request> {
        self.audit.as_ref()?;
        match &pass.work {
            Work::Deployment { seen, plan, .. } => deployment_request(self, seen, plan.writes.get(pass.replies.len())?),
            Work::Set { set, plan, .. } => set_request(self, set, plan.writes.get(pass.replies.len())?, pass.answered),
        }
    }

    /// Completes a request by its answer.
    pub(crate) fn note_answer(&mut self, pass: &ActivePass, request: Option<Request>, answer: Result<(), &Refusal>) {
        let Some(mut request) = request else { return };
        request.refused = answer.err().cloned();
        if request.verb == "patch" && request.refused.is_none() {
            request.object = patched(self, pass);
        }
        if let Some(audit) = &mut self.audit {
            audit.requests.push(request);
        }
    }
}

fn is_named(meta: &ObjectMeta, namespace: &str, name: &str) -> bool {
    *meta.namespace == *namespace && *meta.name == *name
}

fn request(verb: &'static str, kind: &'static str, name: Arc<str>, object: Option<Object>) -> Request {
    Request { verb, kind, name, subresource: None, object, refused: None }
}

fn set_name(cluster: &Cluster, key: ReplicaSetKey) -> Arc<str> {
    let slot = cluster.store.set(key);
    let set = slot.and_then(|slot| slot.seen.as_ref().or(slot.stored.as_ref()));
    set.map(|set| set.meta.name.clone()).unwrap_or_default()
}

fn pod_name(cluster: &Cluster, key: PodKey) -> Arc<str> {
    cluster.store.pod(key).map(|pod| cluster.store.pod_name(&pod)).unwrap_or_default()
}

fn deployment_request(cluster: &Cluster, seen: &DeploymentSeen, write: &DeploymentWrite) -> Option<Request> {
    let name = seen.deployment.meta.name.clone();
    let set_object = |set: &ReplicaSet| Some(Object::ReplicaSet(Box::new(set.clone())));
    Some(match write {
        DeploymentWrite::ConfirmOwner => return None,
        DeploymentWrite::Adopt(key) | DeploymentWrite::Release(key) => {
            request("patch", "ReplicaSet", set_name(cluster, *key), None)
        }
        DeploymentWrite::Create(set) => request("create", "ReplicaSet", set.meta.name.clone(), set_object(set)),
        DeploymentWrite::Edit { key, edit, .. } => {
            let set = seen.set(*key)?;
            request("update", "ReplicaSet", set.meta.name.clone(), set_object(&edit.of(set)))
        }
        DeploymentWrite::Delete(key) => request("delete", "ReplicaSet", set_name(cluster, *key), None),
        DeploymentWrite::UpdateDeployment { deployment, .. } => {
            request("update", "Deployment", name, Some(Object::Deployment(deployment.clone())))
        }
        DeploymentWrite::Status { annotations, status, .. } => {
            let mut sent = Deployment::clone(&seen.deployment);
            sent.meta.annotations = annotations.clone();
            sent.status = status.clone();
            let object = Some(Object::Deployment(Box::new(sent)));
            Request { subresource: Some("status"), ..request("update", "Deployment", name, object) }
        }
    })
}

fn set_request(cluster: &Cluster, seen: &ReplicaSet, write: &ReplicaSetWrite, answered: u32) -> Option<Request> {
    Some(match write {
        ReplicaSetWrite::ConfirmOwner => return None,
        ReplicaSetWrite::Adopt(pod) | ReplicaSetWrite::Release(pod) => {
            request("patch", "Pod", pod_name(cluster, *pod), None)
        }
        ReplicaSetWrite::Create { .. } => {
            request("create", "Pod", "".into(), Some(Object::Pod(Box::new(new_pod(cluster, seen)))))
        }
        ReplicaSetWrite::Delete(pods) => {
            let pod = usize::try_from(answered).ok().and_then(|next| pods.get(next))?;
            request("delete", "Pod", pod_name(cluster, *pod), None)
        }
        ReplicaSetWrite::Status { status, .. } => {
            let mut sent = seen.clone();
            sent.status = status.clone();
            let object = Some(Object::ReplicaSet(Box::new(sent)));
            let kind = match seen.kind {
                SetKind::ReplicaSet => "ReplicaSet",
                SetKind::ReplicationController => "ReplicationController",
            };
            Request { subresource: Some("status"), ..request("update", kind, seen.meta.name.clone(), object) }
        }
    })
}

/// A pod as a set asks for it.
fn new_pod(cluster: &Cluster, set: &ReplicaSet) -> Pod {
    let template = &set.spec.template;
    Pod {
        meta: ObjectMeta {
            generate_name: format!("{}-", set.meta.name).into(),
            labels: template.labels.clone(),
            annotations: template.annotations.clone(),
            owners: cluster.store.set_reference(set.meta.uid).into_iter().collect(),
            ..ObjectMeta::default()
        },
        template: Arc::clone(template),
        node: None,
        status: PodStatus::default(),
    }
}

/// The object that a patch has changed.
fn patched(cluster: &Cluster, pass: &ActivePass) -> Option<Object> {
    match &pass.work {
        Work::Deployment { plan, .. } => match plan.writes.get(pass.replies.len())? {
            DeploymentWrite::Adopt(key) | DeploymentWrite::Release(key) => {
                let set = cluster.store.set(*key)?.stored.as_ref()?;
                Some(Object::ReplicaSet(Box::new((**set).clone())))
            }
            DeploymentWrite::ConfirmOwner
            | DeploymentWrite::Create(_)
            | DeploymentWrite::Edit { .. }
            | DeploymentWrite::Delete(_)
            | DeploymentWrite::UpdateDeployment { .. }
            | DeploymentWrite::Status { .. } => None,
        },
        Work::Set { plan, .. } => match plan.writes.get(pass.replies.len())? {
            ReplicaSetWrite::Adopt(key) | ReplicaSetWrite::Release(key) => {
                Some(Object::Pod(Box::new(cluster.store.render_pod(*key)?)))
            }
            ReplicaSetWrite::ConfirmOwner
            | ReplicaSetWrite::Create { .. }
            | ReplicaSetWrite::Delete(_)
            | ReplicaSetWrite::Status { .. } => None,
        },
    }
}
