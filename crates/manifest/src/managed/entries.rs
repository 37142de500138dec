//! Entries of `metadata.managedFields`, from JSON and back, and in which order they stand.

use super::set::FieldSet;
use crate::Edge;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{ManagedFieldsEntry, ManagedOperation};

/// So many managers that update are told apart; the oldest of more are put together.
/// Source: `DefaultMaxUpdateManagers` of `apimachinery/pkg/util/managedfields`.
const MOST_UPDATERS: usize = 10;

/// The name under which they are put together.
const ANCIENT: &str = "ancient-changes";

/// Who writes: what tells two entries apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) manager: Arc<str>,
    pub(super) operation: ManagedOperation,
    /// Empty for those that apply: they are one whatever the version.
    pub(super) api_version: Arc<str>,
    pub(super) subresource: Arc<str>,
}

/// As refusals name it.
impl core::fmt::Display for Owner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", Value::from(&*self.manager))?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {}", Value::from(&*self.subresource))?;
        }
        match self.operation {
            ManagedOperation::Update => write!(f, " using {}", self.api_version),
            ManagedOperation::Apply => Ok(()),
        }
    }
}

/// What one owner owns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owned {
    pub(super) fields: FieldSet,
    pub(super) api_version: Arc<str>,
    pub(super) time: Option<Time>,
}

/// All owners of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Owners(pub(super) BTreeMap<Owner, Owned>);

impl Owners {
    /// Reads entries. Those that cannot be read own nothing.
    pub(super) fn of(entries: &[ManagedFieldsEntry]) -> Self {
        let mut owners = Self::default();
        for entry in entries {
            let fields = serde_json::from_str(&entry.fields).ok().as_ref().and_then(FieldSet::of_fields_v1);
            let owned = Owned {
                fields: fields.unwrap_or_default(),
                api_version: Arc::clone(&entry.api_version),
                time: entry.time,
            };
            owners.0.insert(owner_of(entry), owned);
        }
        owners
    }

    /// What an owner has.
    pub(super) fn fields(&self, owner: &Owner) -> FieldSet {
        self.0.get(owner).map(|owned| owned.fields.clone()).unwrap_or_default()
    }

    /// The entries as they stand in an object: those of appliers first, then by time and by name.
    pub(super) fn entries(self) -> Vec<ManagedFieldsEntry> {
        let entry = |(owner, owned): (Owner, Owned)| ManagedFieldsEntry {
            manager: owner.manager,
            operation: owner.operation,
            api_version: owned.api_version,
            subresource: owner.subresource,
            time: owned.time,
            fields: owned.fields.to_fields_v1().to_string().into(),
        };
        let mut entries: Vec<_> = self.0.into_iter().filter(|(_, owned)| !owned.fields.is_empty()).map(entry).collect();
        entries.sort_by(in_order);
        entries
    }

    /// Puts the oldest updaters together if there are too many of them.
    pub(super) fn capped(mut self) -> Self {
        let updates = |(owner, _): &(&Owner, &Owned)| owner.operation == ManagedOperation::Update;
        let mut updaters: Vec<(Option<Time>, Owner)> =
            self.0.iter().filter(updates).map(|(owner, owned)| (owned.time, owner.clone())).collect();
        let mut count = updaters.len();
        updaters.sort();
        let mut first_of: BTreeMap<Arc<str>, Owner> = BTreeMap::new();
        for (time, owner) in updaters {
            if count <= MOST_UPDATERS {
                break;
            }
            let Some(first) = first_of.get(&owner.api_version).cloned() else {
                first_of.insert(Arc::clone(&owner.api_version), owner);
                continue;
            };
            let bucket = Owner {
                manager: ANCIENT.into(),
                operation: ManagedOperation::Update,
                api_version: Arc::clone(&owner.api_version),
                subresource: "".into(),
            };
            if let Some(owned) = self.0.remove(&first) {
                self.0.entry(bucket.clone()).or_insert(owned);
            }
            if let (Some(merged), Some(into)) = (self.0.remove(&owner), self.0.get_mut(&bucket)) {
                into.fields = into.fields.union(&merged.fields);
                into.time = time;
                count -= 1;
            }
        }
        self
    }
}

fn owner_of(entry: &ManagedFieldsEntry) -> Owner {
    let api_version = match entry.operation {
        ManagedOperation::Apply => "".into(),
        ManagedOperation::Update => Arc::clone(&entry.api_version),
    };
    let (manager, subresource) = (Arc::clone(&entry.manager), Arc::clone(&entry.subresource));
    Owner { manager, operation: entry.operation, api_version, subresource }
}

/// The order of entries in an object.
pub(super) fn in_order(one: &ManagedFieldsEntry, other: &ManagedFieldsEntry) -> Ordering {
    let key = |entry: &ManagedFieldsEntry| {
        (
            entry.operation,
            entry.time.map(Time::floor_second),
            Arc::clone(&entry.manager),
            Arc::clone(&entry.api_version),
            Arc::clone(&entry.subresource),
        )
    };
    key(one).cmp(&key(other))
}

/// Entries as JSON.
#[must_use]
pub fn render_managed_fields(entries: &[ManagedFieldsEntry], edge: &Edge) -> Value {
    let entry = |entry: &ManagedFieldsEntry| {
        let mut map = Map::new();
        map.insert("manager".to_owned(), Value::from(&*entry.manager));
        map.insert("operation".to_owned(), Value::from(entry.operation.as_str()));
        map.insert("apiVersion".to_owned(), Value::from(&*entry.api_version));
        if let Some(time) = entry.time {
            map.insert("time".to_owned(), Value::from(edge.spell_time(time)));
        }
        map.insert("fieldsType".to_owned(), Value::from("FieldsV1"));
        map.insert("fieldsV1".to_owned(), serde_json::from_str(&entry.fields).unwrap_or(Value::Null));
        if !entry.subresource.is_empty() {
            map.insert("subresource".to_owned(), Value::from(&*entry.subresource));
        }
        Value::Object(map)
    };
    Value::Array(entries.iter().map(entry).collect())
}

/// Reads entries that a client has written; nothing if one of them is none.
pub(super) fn read_managed_fields(entries: &Value, edge: &Edge) -> Option<Vec<ManagedFieldsEntry>> {
    let read = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        let operation = match text("operation") {
            "Apply" => ManagedOperation::Apply,
            "Update" => ManagedOperation::Update,
            _ => return None,
        };
        FieldSet::of_fields_v1(&entry["fieldsV1"])?;
        Some(ManagedFieldsEntry {
            manager: text("manager").into(),
            operation,
            api_version: text("apiVersion").into(),
            subresource: text("subresource").into(),
            time: edge.time(text("time")).ok(),
            fields: entry["fieldsV1"].to_string().into(),
        })
    };
    entries.as_array()?.iter().map(read).collect()
}
