//! A server for one recorded request: the cluster, and beside it what it does not act on.

use super::answer::text;
use crate::Mismatch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank::{Cluster, Error, Kind, Propagation};
use wavetank_manifest::patch::by_content_type;
use wavetank_manifest::{
    Admitted, Allocated, Surroundings, admit_into, admit_update_into, refuse_what_is_not_simulated,
};
use wavetank_model::{Reason, Refusal};

/// What a path of the API speaks of.
#[derive(Debug)]
struct Target<'a> {
    kind: Kind,
    /// Empty for a whole collection.
    name: &'a str,
    subresource: &'a str,
}

/// Under which name the objects of the setup were recorded.
const SETUP: &str = "setup";

/// A cluster, and the objects that it does not simulate.
pub(super) struct Server {
    cluster: Cluster,
    others: BTreeMap<(Kind, String), Value>,
    services: Allocated,
}

/// What the server answers: warnings, or a refusal.
pub(super) type Answered = Result<Vec<Arc<str>>, Refusal>;

fn not_run(error: Error) -> Result<Refusal, Mismatch> {
    if let Error::Refused(refusal) = error { Ok(refusal) } else { Err(Mismatch::not_run(error.to_string())) }
}

/// Kind and name of a path, the kind in the version that the path asks for.
fn target(path: &str) -> Option<Target<'_>> {
    let (version, rest) = path.split_once("/namespaces/default/")?;
    let version = version.strip_prefix("/apis/").or_else(|| version.strip_prefix("/api/"))?;
    let mut parts = rest.split('/');
    let plural = parts.next()?;
    let kind = Kind::all().find(|kind| kind.plural() == plural && served(*kind, version))?;
    Some(Target { kind, name: parts.next().unwrap_or_default(), subresource: parts.next().unwrap_or_default() })
}

/// Who says that it manages the fields that it writes.
fn manager(case: &Value) -> Option<&str> {
    query(case, "fieldManager")
}

/// A value in the query of a request.
fn query<'a>(case: &'a Value, key: &str) -> Option<&'a str> {
    let query = case.get("query")?.as_str()?;
    query.split('&').find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
}

fn served(kind: Kind, version: &str) -> bool {
    kind.api_version() == version || (kind == Kind::HorizontalPodAutoscaler && version == "autoscaling/v1")
}

impl Server {
    /// An empty cluster with these objects.
    pub(super) fn with<'a>(setup: impl IntoIterator<Item = &'a Value>) -> Result<Self, Mismatch> {
        let mut server =
            Self { cluster: Cluster::builder().build(), others: BTreeMap::new(), services: Allocated::default() };
        for object in setup {
            let kind = wavetank_manifest::kind_of(object).map_err(|refusal| Mismatch::not_run(refusal.to_string()))?;
            if let Err(refusal) = server.create(kind, object)? {
                return Err(Mismatch::not_run(format!("the setup was refused: {refusal}")));
            }
        }
        Ok(server)
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings { services: self.services.clone(), ..Surroundings::default() }
    }

    /// Answers a recorded request.
    pub(super) fn answer(&mut self, case: &Value) -> Result<Answered, Mismatch> {
        let not_found = "the server could not find the requested resource";
        let Some(target) = target(text(case, "path")?) else {
            return Ok(Err(Refusal::new(Reason::NotFound, not_found)));
        };
        let manifest = case.get("manifest").unwrap_or(&Value::Null);
        let verb = text(case, "verb")?;
        if !target.subresource.is_empty() {
            return self.subresource(&target, verb, case, manifest);
        }
        match verb {
            "create" => self.create(target.kind, manifest),
            "get" => Ok(self.json(&target)?.map(|_| Vec::new())),
            "delete" => self.delete(&target),
            "patch" => match self.json(&target)? {
                Ok(old) => {
                    let content = text(case, "content_type")?;
                    let owner = (manager(case), query(case, "force") == Some("true"));
                    let patched = by_content_type(target.kind, content, owner, &old, manifest);
                    match patched {
                        Ok(patched) => self.replace(&old, &patched),
                        Err(refusal) => Ok(Err(refusal)),
                    }
                }
                Err(refusal) => Ok(Err(refusal)),
            },
            "update" => match self.json(&target)? {
                Ok(old) => match wavetank_manifest::addressed(target.kind, "default", manifest) {
                    Ok(new) => self.replace(&old, &new),
                    Err(refusal) => Ok(Err(refusal)),
                },
                Err(refusal) => Ok(Err(refusal)),
            },
            other => Err(Mismatch::not_run(format!("no verb {other}"))),
        }
    }

    fn create(&mut self, kind: Kind, manifest: &Value) -> Result<Answered, Mismatch> {
        let admitted = wavetank_manifest::addressed(kind, "default", manifest)
            .and_then(|object| admit_into(&object, &self.surroundings()));
        let Admitted { mut object, warnings } = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let simulated = kind.is_simulated() && refuse_what_is_not_simulated(&object).is_ok();
        if simulated {
            let made = self.cluster.managed_by(SETUP, |cluster| cluster.create(&object.to_string()));
            if let Err(error) = made {
                return not_run(error).map(Err);
            }
        } else {
            object["metadata"]["uid"] = Value::from(&*self.surroundings().uid);
            if self.others.insert((kind, name.clone()), object.clone()).is_some() {
                return Ok(Err(Refusal::already_exists(kind.resource(), &name)));
            }
        }
        if kind == Kind::Service {
            self.services.take(&object);
        }
        Ok(Ok(warnings))
    }

    /// Checks that an object may take the place of another; nothing is asked of it afterwards.
    fn replace(&self, old: &Value, new: &Value) -> Result<Answered, Mismatch> {
        Ok(admit_update_into(old, new, &self.surroundings()).map(|admitted| admitted.warnings))
    }

    fn json(&self, target: &Target<'_>) -> Result<Result<Value, Refusal>, Mismatch> {
        if let Some(object) = self.others.get(&(target.kind, target.name.to_owned())) {
            return Ok(Ok(object.clone()));
        }
        if !target.kind.is_simulated() {
            return Ok(Err(Refusal::not_found(target.kind.resource(), target.name)));
        }
        match self.cluster.json_with_managed_fields(target.kind, target.name) {
            Ok(json) => Ok(Ok(json)),
            Err(error) => not_run(error).map(Err),
        }
    }

    fn delete(&mut self, target: &Target<'_>) -> Result<Answered, Mismatch> {
        match self.json(target)? {
            Err(refusal) => Ok(Err(refusal)),
            Ok(_) => match self.cluster.delete(target.kind, target.name, Propagation::Background) {
                Ok(()) => Ok(Ok(Vec::new())),
                Err(error) => not_run(error).map(Err),
            },
        }
    }

    fn subresource(
        &self,
        target: &Target<'_>,
        verb: &str,
        case: &Value,
        manifest: &Value,
    ) -> Result<Answered, Mismatch> {
        let object = match self.json(target)? {
            Ok(object) => object,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer = match (target.subresource, verb) {
            ("scale", "update") => wavetank_manifest::request::put_scale(&object, manifest).map(drop),
            ("scale", "patch") => {
                wavetank_manifest::request::patch_scale(&object, text(case, "content_type")?, manifest).map(drop)
            }
            ("binding", "create") => wavetank_manifest::request::binding(manifest).map(drop),
            ("eviction", "create") => wavetank_manifest::request::eviction(manifest).map(drop),
            (other, _) => return Err(Mismatch::not_run(format!("no {verb} of {other}"))),
        };
        Ok(answer.map(|()| Vec::new()))
    }
}
