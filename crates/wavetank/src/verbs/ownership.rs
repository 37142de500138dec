//! Who owns which fields of an object, and server-side apply.
//!
//! What a user writes is owned by the field manager that wrote it; the verbs name theirs as the commands
//! of kubectl do, unless [`Cluster::managed_by`] says otherwise. What controllers write costs nothing:
//! their part of `metadata.managedFields` is read off the object when somebody looks.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::verbs::objects::{Applied, Given, Outcome, Step, full_name};
use serde_json::Value;
use std::sync::Arc;
use wavetank_manifest::managed::{self, Writer};
use wavetank_manifest::{Kind, Object};
use wavetank_model::{ManagedFields, ManagedFieldsEntry, ObjectMeta};

/// Managers as kubectl names them.
pub(crate) mod manager {
    /// Of `create`.
    pub(crate) const CREATE: &str = "kubectl-create";
    /// Of `apply` without `--server-side`.
    pub(crate) const APPLY: &str = "kubectl-client-side-apply";
    /// Of `patch`.
    pub(crate) const PATCH: &str = "kubectl-patch";
    /// Of `set`.
    pub(crate) const SET: &str = "kubectl-set";
    /// Of `rollout pause`, `resume` and `restart`.
    pub(crate) const ROLLOUT: &str = "kubectl-rollout";
    /// Of `label`.
    pub(crate) const LABEL: &str = "kubectl-label";
    /// Of `annotate`.
    pub(crate) const ANNOTATE: &str = "kubectl-annotate";
    /// Of the commands that name none: `scale`, `rollout undo` and the like.
    pub(crate) const KUBECTL: &str = "kubectl";
}

impl Cluster {
    /// Makes requests in the name of a field manager, as `--field-manager` does.
    pub fn managed_by<T>(&mut self, manager: &str, requests: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.manager.replace(manager.into());
        let done = requests(self);
        self.manager = outer;
        done
    }

    /// The entries of an object's `metadata.managedFields`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn managed_fields(&self, kind: Kind, name: &str) -> Result<Vec<ManagedFieldsEntry>, Error> {
        let object = self.json(kind, name)?;
        let known = self.known_owners(kind, name);
        Ok(managed::managed_fields(kind, &object, known.as_deref(), &self.edge()))
    }

    /// An object as the API server shows it, with `metadata.managedFields`, which the other verbs leave out
    /// as kubectl does.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn json_with_managed_fields(&self, kind: Kind, name: &str) -> Result<Value, Error> {
        let mut object = self.json(kind, name)?;
        let entries = self.managed_fields(kind, name)?;
        if !entries.is_empty() {
            object["metadata"]["managedFields"] = managed::render_managed_fields(&entries, &self.edge());
        }
        Ok(object)
    }

    /// What is remembered of the owners of an object.
    pub(crate) fn known_owners(&self, kind: Kind, name: &str) -> Option<Arc<ManagedFields>> {
        self.object(kind, name).ok().and_then(|object| object.meta().managed.clone())
    }

    /// The owners of an object that is about to be created; nothing is remembered of those that are known
    /// by the way it is made.
    pub(crate) fn owners_at_creation(
        &self,
        (given, object): (&Value, &Value),
        manager: &str,
    ) -> Result<Option<Arc<ManagedFields>>, Error> {
        let edge = self.edge();
        let manager = self.manager.as_deref().unwrap_or(manager);
        let writer = Writer { manager, subresource: "", time: self.now, edge: &edge };
        Ok(Some(Arc::new(managed::created(wavetank_manifest::kind_of(object)?, given, object, writer))))
    }

    /// The owners of an object once a verb has changed it.
    pub(crate) fn owners_after(
        &self,
        (before, after): (&Value, &Value),
        known: Option<&Arc<ManagedFields>>,
        (manager, subresource): (&str, &str),
    ) -> Result<Option<Arc<ManagedFields>>, Error> {
        let edge = self.edge();
        let manager = self.manager.as_deref().unwrap_or(manager);
        let writer = Writer { manager, subresource, time: self.now, edge: &edge };
        let kind = wavetank_manifest::kind_of(after)?;
        Ok(managed::updated(kind, (before, after), known, writer))
    }

    /// The owners of an object whose replicas somebody sets by the subresource `scale`.
    pub(crate) fn owners_after_scale(
        &self,
        kind: Kind,
        meta: &ObjectMeta,
        manager: &str,
    ) -> Option<Arc<ManagedFields>> {
        let edge = self.edge();
        let writer = Writer { manager, subresource: "scale", time: self.now, edge: &edge };
        managed::scaled(kind, meta, writer)
    }

    /// Applies every object of a manifest on the server, as `kubectl apply --server-side` and the `Apply`
    /// patches of controllers do: the manager becomes the owner of what the manifest says, and what it
    /// applied before and says no longer goes unless somebody else owns it. With `force` it takes from
    /// other owners what it would change.
    ///
    /// The objects are applied one by one; those before one that is refused stay applied.
    ///
    /// # Errors
    /// `Conflict` with a cause for each field that another owns, unless `force`; what the edge refuses.
    pub fn server_side_apply(&mut self, manifest: &str, manager: &str, force: bool) -> Result<Vec<Applied>, Error> {
        let given = Self::read(manifest)?;
        given.into_iter().map(|each| self.server_side_apply_one(each, manager, force)).collect()
    }

    fn server_side_apply_one(
        &mut self,
        Given { object: config, mut warnings }: Given,
        manager: &str,
        force: bool,
    ) -> Result<Applied, Error> {
        let kind = wavetank_manifest::kind_of(&config)?;
        let name = crate::verbs::objects::name_in(&config);
        let live = self.json(kind, &name).ok();
        let known = self.known_owners(kind, &name);
        let surroundings = self.surroundings();
        let mut edge = self.edge();
        let writer_edge = self.edge();
        let writer = Writer { manager, subresource: "", time: self.now, edge: &writer_edge };
        let done = managed::server_side_apply(kind, live.as_ref(), known.as_deref(), &config, writer, force)?;
        let admitted = match &live {
            Some(live) => Self::admitted(live, &done.object, &surroundings)?,
            None => wavetank_manifest::admit_into(&done.object, &surroundings)?,
        };
        wavetank_manifest::refuse_what_is_not_simulated(&admitted.object)?;
        warnings.extend(admitted.warnings);
        let mut object = wavetank_manifest::read_admitted(&admitted.object, &mut edge)?;
        let mut owners = Some(Arc::new(done.managed));
        if let Some(live) = &live {
            // What changes nothing but times is not written.
            let after = wavetank_manifest::decode_strictly(&admitted.object)?;
            let unchanged = wavetank_manifest::decode_strictly(live).is_ok_and(|before| before == after);
            if unchanged && self.owners_stay(kind, &name, live, owners.as_deref()) {
                owners = known;
            }
        }
        object.meta_mut().managed = owners;
        self.take(if live.is_some() { Step::Replace(object, warnings) } else { Step::Create(object, warnings) })
    }

    /// Whether owners are those that an object has, times apart.
    fn owners_stay(&self, kind: Kind, name: &str, object: &Value, owners: Option<&ManagedFields>) -> bool {
        let known = self.known_owners(kind, name);
        let edge = self.edge();
        let entries = |known: Option<&ManagedFields>| {
            let mut entries = managed::managed_fields(kind, object, known, &edge);
            entries.iter_mut().for_each(|entry| entry.time = None);
            entries.sort_by(|one, other| {
                (&one.manager, one.operation, &one.subresource).cmp(&(
                    &other.manager,
                    other.operation,
                    &other.subresource,
                ))
            });
            entries
        };
        entries(known.as_deref()) == entries(owners)
    }

    /// Gives an object that takes the place of another its owners, unless they are given.
    pub(crate) fn with_owners(&self, mut object: Object, manager: &str) -> Result<Object, Error> {
        let (kind, name) = (object.kind(), full_name(&object));
        let (before, edge) = (self.json(kind, &name)?, self.edge());
        let known = self.known_owners(kind, &name);
        let mut after = wavetank_manifest::render(&object, &edge);
        after["status"] = before["status"].clone();
        object.meta_mut().managed = self.owners_after((&before, &after), known.as_ref(), (manager, ""))?;
        Ok(object)
    }
}

impl Applied {
    /// What became of an object, without any warning.
    pub(crate) const fn plain(object: String, outcome: Outcome) -> Self {
        Self { object, outcome, warnings: Vec::new() }
    }
}
