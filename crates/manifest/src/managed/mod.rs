//! Who owns which fields: `metadata.managedFields` and server-side apply, on JSON.
//!
//! Every write that changes fields makes its manager their owner; an apply says which fields its manager
//! wants to own, and meets a conflict where another owns a field that it would change. What controllers
//! own is not remembered but read off the object whenever somebody looks.
//!
//! Sources of the rules: `apimachinery/pkg/util/managedfields` and `structured-merge-diff/merge`.
//!
//! Differences from a real cluster: the time of a controller's entry is the latest that the status tells
//! of; fields are compared in the version that is stored.

mod compare;
mod derived;
mod entries;
mod merge;
mod path;
mod set;
mod shape;
mod typed;

pub use entries::render_managed_fields;

use crate::Edge;
use crate::admission::bad_request;
use crate::patch::{LAST_APPLIED, go_json};
use compare::{Comparison, compare, remove};
use derived::{applied_fields, in_full, never_owned, nothing, shape_of};
use entries::{Owned, Owner, Owners};
use path::spelled;
use serde_json::{Map, Value};
use set::FieldSet;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{Cause, Kind, ManagedFields, ManagedFieldsEntry, ManagedOperation, ObjectMeta, Reason, Refusal};

/// The manager of what nobody else is known to have created.
pub const KUBECTL_CREATE: &str = "kubectl-create";
/// The manager of what controllers write.
pub const CONTROLLERS: &str = "kube-controller-manager";
/// The manager of what nodes write.
pub const KUBELET: &str = "kubelet";
/// The manager of an object that had none when somebody first applied to it.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// The manager of `kubectl apply --server-side`, for whom the server keeps the annotation of what was
/// applied, and yields where that agrees with what is there.
const KUBECTL: &str = "kubectl";

/// Who writes to an object, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// Name of its field manager.
    pub manager: &'a str,
    /// The subresource it writes to, or empty.
    pub subresource: &'a str,
    /// The present.
    pub time: Time,
    /// The calendar of the object's times.
    pub edge: &'a Edge,
}

impl Writer<'_> {
    fn owner(&self, kind: Kind, operation: ManagedOperation) -> Owner {
        let api_version = match operation {
            ManagedOperation::Apply => "",
            ManagedOperation::Update => kind.api_version(),
        };
        Owner {
            manager: self.manager.into(),
            operation,
            api_version: api_version.into(),
            subresource: self.subresource.into(),
        }
    }
}

/// The entries of `metadata.managedFields` as a client sees them.
#[must_use]
pub fn managed_fields(
    kind: Kind,
    object: &Value,
    known: Option<&ManagedFields>,
    edge: &Edge,
) -> Vec<ManagedFieldsEntry> {
    if known.is_some_and(is_untracked) {
        return Vec::new();
    }
    derived::owners(kind, object, known, edge).entries()
}

/// Reads the entries that an object shows. What is none of them is as if it were not there.
#[must_use]
pub fn read(entries: &Value, edge: &Edge) -> ManagedFields {
    ManagedFields { creator: None, entries: entries::read_managed_fields(entries, edge).unwrap_or_default() }
}

/// Whether somebody has asked that nothing be remembered.
fn is_untracked(known: &ManagedFields) -> bool {
    known.creator.is_none() && known.entries.is_empty()
}

/// The owners of a new object, `given` by a client and admitted as `object`.
#[must_use]
pub fn created(kind: Kind, given: &Value, object: &Value, writer: Writer<'_>) -> ManagedFields {
    let mut written = object.clone();
    derived::forget_what_the_server_adds(kind, &mut written, Some(given));
    let fields = derived::creation(kind, &written);
    let owned = Owned { fields, api_version: kind.api_version().into(), time: Some(writer.time.floor_second()) };
    let mut owners = Owners::default();
    owners.0.insert(writer.owner(kind, ManagedOperation::Update), owned);
    remembered(kind, owners)
}

/// What of the owners does not follow from the object.
fn remembered(kind: Kind, mut owners: Owners) -> ManagedFields {
    owners.0.retain(|owner, _| !derived::follows(kind, owner));
    ManagedFields { creator: None, entries: owners.entries() }
}

/// The owners of a changed object: who changed a field owns it alone.
///
/// A client that writes `metadata.managedFields` itself is believed; an empty entry there means that
/// nothing is remembered any longer.
#[must_use]
pub fn updated(
    kind: Kind,
    (before, after): (&Value, &Value),
    known: Option<&Arc<ManagedFields>>,
    writer: Writer<'_>,
) -> Option<Arc<ManagedFields>> {
    let written = &after["metadata"]["managedFields"];
    if written.as_array().is_some_and(|entries| matches!(entries.as_slice(), [one] if is_blank(one))) {
        return Some(Arc::default());
    }
    let (was, is) = (in_full(kind, before), in_full(kind, after));
    let changed = compare(shape_of(kind), &was, &is);
    let nothing_else = |set: &FieldSet| set.difference(&never_owned()).is_empty();
    let same = nothing_else(&changed.written()) && nothing_else(&changed.removed);
    let written = Some(written).filter(|written| **written != before["metadata"]["managedFields"]);
    let written = written.and_then(|written| entries::read_managed_fields(written, writer.edge));
    let mut owners = match written.filter(|entries| !entries.is_empty()) {
        Some(written) => Owners::of(&written),
        None if same || known.is_some_and(|known| is_untracked(known)) => return known.cloned(),
        None => derived::owners(kind, before, known.map(Arc::as_ref), writer.edge),
    };
    for owned in owners.0.values_mut() {
        owned.fields = owned.fields.difference(&changed.written()).difference(&changed.removed);
    }
    let taken = changed.written().difference(&never_owned()).without_all_of(&FieldSet::of_fields(&[&["status"]]));
    give(&mut owners, writer.owner(kind, ManagedOperation::Update), &taken, kind, writer.time);
    Some(Arc::new(remembered(kind, owners.capped())))
}

fn is_blank(entry: &Value) -> bool {
    entry.as_object().is_some_and(Map::is_empty)
}

fn give(owners: &mut Owners, owner: Owner, taken: &FieldSet, kind: Kind, time: Time) {
    if taken.is_empty() {
        return;
    }
    let owned = owners.0.entry(owner).or_insert_with(|| Owned {
        fields: FieldSet::default(),
        api_version: kind.api_version().into(),
        time: None,
    });
    owned.fields = owned.fields.union(taken);
    owned.time = Some(time.floor_second());
}

/// The owners once somebody has set the replicas by the subresource `scale`.
///
/// This looks at nothing but what is remembered, so that an autoscaler may do it as often as it likes.
#[must_use]
pub fn scaled(kind: Kind, meta: &ObjectMeta, writer: Writer<'_>) -> Option<Arc<ManagedFields>> {
    let known = meta.managed.as_ref();
    if known.is_some_and(|known| is_untracked(known)) {
        return known.cloned();
    }
    let again = known.and_then(|known| scaled_again(kind, known, writer));
    Some(Arc::new(again.unwrap_or_else(|| scaled_anew(kind, meta, writer))))
}

fn scaled_anew(kind: Kind, meta: &ObjectMeta, writer: Writer<'_>) -> ManagedFields {
    let known = meta.managed.as_ref();
    let replicas = FieldSet::of_fields(&[&["spec", "replicas"]]);
    let mut owners = Owners::of(known.map(|known| known.entries.as_slice()).unwrap_or_default());
    for owned in owners.0.values_mut() {
        owned.fields = owned.fields.difference(&replicas);
    }
    give(&mut owners, writer.owner(kind, ManagedOperation::Update), &replicas, kind, writer.time);
    let maker = if meta.controller().is_some() { CONTROLLERS } else { KUBECTL_CREATE };
    let creator = known.map_or_else(|| Some(maker.into()), |known| known.creator.clone());
    ManagedFields { creator, entries: owners.entries() }
}

/// The owners if the one who sets the replicas by the subresource owns them already, and alone: then nothing
/// but the time of its entry changes, and no set of fields need be read.
fn scaled_again(kind: Kind, known: &ManagedFields, writer: Writer<'_>) -> Option<ManagedFields> {
    let is_writers = |entry: &ManagedFieldsEntry| {
        entry.operation == ManagedOperation::Update
            && *entry.manager == *writer.manager
            && *entry.subresource == *writer.subresource
            && *entry.api_version == *kind.api_version()
    };
    let position = known.entries.iter().position(is_writers)?;
    let is_alone = known.entries.iter().enumerate().all(|(other, entry)| {
        if other == position {
            *entry.fields == *r#"{"f:spec":{"f:replicas":{}}}"#
        } else {
            *entry.fields != *"{}" && !entry.fields.contains("f:replicas")
        }
    });
    if !is_alone {
        return None;
    }
    let mut again = known.clone();
    again.entries.get_mut(position)?.time = Some(writer.time.floor_second());
    again.entries.sort_by(entries::in_order);
    Some(again)
}

/// What an apply leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSideApplied {
    /// The object, yet to be admitted.
    pub object: Value,
    /// Its owners then.
    pub managed: ManagedFields,
}

/// Applies an object as the API server does: what it says is laid over what is there, what its manager
/// applied earlier and says no longer goes unless somebody else owns it.
///
/// # Errors
/// `BadRequest` if the object is of another version or speaks of owners, an error without a reason if it
/// does not fit the types, `Conflict` with a cause for each field that another owns, unless `force`.
pub fn server_side_apply(
    kind: Kind,
    live: Option<&Value>,
    known: Option<&ManagedFields>,
    config: &Value,
    writer: Writer<'_>,
    force: bool,
) -> Result<ServerSideApplied, Refusal> {
    if config["metadata"].get("managedFields").is_some_and(|entries| !entries.is_null()) {
        return Err(bad_request("metadata.managedFields must be nil"));
    }
    typed::check(kind, config)?;
    let before = live.map_or_else(|| nothing(kind), |live| in_full(kind, live));
    let owners = match (live, known) {
        (None, _) => Owners::default(),
        (Some(live), Some(known)) if is_untracked(known) => {
            let mut owners = Owners::default();
            let first = Writer { manager: BEFORE_FIRST_APPLY, ..writer };
            let owner = first.owner(kind, ManagedOperation::Update);
            give(&mut owners, owner, &derived::creation(kind, live), kind, writer.time);
            owners
        }
        (Some(live), known) => derived::owners(kind, live, known, writer.edge),
    };
    let attempt = Attempt { kind, before: &before, config, writer };
    let (mut object, owners) = match attempt.run(&owners, force) {
        Ok(done) => done,
        Err(conflicts) => {
            let agreed = yielded(kind, &before).filter(|_| writer.manager == KUBECTL).unwrap_or_default();
            let left: Conflicts = conflicts
                .into_iter()
                .map(|(owner, fields)| (owner, fields.difference(&agreed)))
                .filter(|(_, fields)| !fields.is_empty())
                .collect();
            if !left.is_empty() {
                return Err(refusal(&left));
            }
            attempt.run(&owners, true).map_err(|conflicts| refusal(&conflicts))?
        }
    };
    if writer.manager == KUBECTL && object["metadata"]["annotations"][LAST_APPLIED].is_string() {
        object["metadata"]["annotations"][LAST_APPLIED] = last_applied(config);
    }
    Ok(ServerSideApplied { object, managed: remembered(kind, owners) })
}

/// What the server writes of an apply for clients that will read the annotation.
fn last_applied(config: &Value) -> Value {
    let mut object = config.clone();
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.remove(LAST_APPLIED);
    }
    Value::from(format!("{}\n", go_json(&object)))
}

/// Where `kubectl apply --server-side` meets no conflict: what was applied by its client, and is still so.
fn yielded(kind: Kind, live: &Value) -> Option<FieldSet> {
    let text = live["metadata"]["annotations"][LAST_APPLIED].as_str()?;
    let applied: Value = serde_json::from_str(text).ok()?;
    let version = applied["apiVersion"].as_str()?;
    if version != kind.api_version() || typed::check(kind, &applied).is_err() {
        return None;
    }
    let differs = compare(shape_of(kind), &applied, live);
    let same = compare::fields_of(shape_of(kind), &applied);
    Some(same.difference(&differs.written()).difference(&differs.removed))
}

/// Fields that somebody else owns, by owner.
type Conflicts = BTreeMap<Owner, FieldSet>;

/// An apply that may be tried once more.
struct Attempt<'a> {
    kind: Kind,
    before: &'a Value,
    config: &'a Value,
    writer: Writer<'a>,
}

impl Attempt<'_> {
    fn run(&self, owners: &Owners, force: bool) -> Result<(Value, Owners), Conflicts> {
        let (kind, shape) = (self.kind, shape_of(self.kind));
        let owner = self.writer.owner(kind, ManagedOperation::Apply);
        let mut owners = owners.clone();
        let last = owners.fields(&owner);
        let merged = merge::merge(shape, self.before, self.config);
        let time = Some(self.writer.time.floor_second());
        let fields = applied_fields(kind, self.config);
        owners.0.insert(owner.clone(), Owned { fields, api_version: kind.api_version().into(), time });
        let object = in_full(kind, &self.pruned(merged, &owners, &last));
        let changed = compare(shape, self.before, &object);
        let conflicts = take_from_others(&mut owners, &owner, &changed);
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        Ok((object, owners))
    }

    /// Without what the manager applied last time, unless somebody owns it still.
    fn pruned(&self, merged: Value, owners: &Owners, last: &FieldSet) -> Value {
        if last.is_empty() {
            return merged;
        }
        let shape = shape_of(self.kind);
        let named = |set: &FieldSet| set.with_named_fields(shape);
        let all = named(&compare::fields_of(shape, &merged));
        let pruned = remove(shape, &merged, &named(last));
        let owned = owners.0.values().fold(FieldSet::default(), |all, owned| all.union(&owned.fields));
        let kept = named(&compare::fields_of(shape, &pruned)).union(&named(&owned));
        let pruned = remove(shape, &merged, &all.difference(&kept));
        // What hung on something that went stays if it never was the manager's.
        let left = named(&compare::fields_of(shape, &pruned));
        remove(shape, &merged, &all.difference(&left).intersection(&named(last)))
    }
}

/// Takes from all but one owner what has changed; answers what of it was theirs.
fn take_from_others(owners: &mut Owners, owner: &Owner, changed: &Comparison) -> Conflicts {
    let written = changed.written();
    let mut conflicts = Conflicts::new();
    for (other, owned) in owners.0.iter_mut().filter(|(other, _)| *other != owner) {
        let both = owned.fields.intersection(&written);
        owned.fields = owned.fields.difference(&both).difference(&changed.removed);
        if !both.is_empty() {
            conflicts.insert(other.clone(), both);
        }
    }
    conflicts
}

fn refusal(conflicts: &Conflicts) -> Refusal {
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for (owner, fields) in conflicts {
        lines.push(format!("conflicts with {owner}:"));
        for path in fields.paths() {
            lines.push(format!("- {}", spelled(&path)));
            let (message, field) = (format!("conflict with {owner}").into(), spelled(&path).into());
            causes.push(Cause { reason: "FieldManagerConflict".into(), message, field });
        }
    }
    let message = match causes.as_slice() {
        [one] => format!("Apply failed with 1 conflict: {}: {}", one.message, one.field),
        several => format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n")),
    };
    Refusal { causes, ..Refusal::new(Reason::Conflict, message) }
}

#[cfg(test)]
mod tests;
