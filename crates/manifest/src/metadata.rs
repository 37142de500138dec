//! Metadata of objects, from JSON and back.

use crate::fields::Fields;
use crate::record::Record;
use crate::{Edge, Error};
use serde_json::Value;
use wavetank_model::{ObjectMeta, OwnerReference};

/// Reads `metadata`.
pub(crate) fn decode(object: Fields<'_>, edge: &mut Edge) -> Result<ObjectMeta, Error> {
    let fields = object.object("metadata", "metadata")?;
    let uid = edge.uid(fields.text("uid")?);
    let mut owners = Vec::new();
    for item in fields.list("ownerReferences")? {
        owners.push(decode_owner(Fields::of(Some(item), "metadata.ownerReferences")?, edge)?);
    }
    Ok(ObjectMeta {
        name: fields.shared("name")?,
        namespace: fields.shared("namespace")?,
        generate_name: fields.shared("generateName")?,
        uid,
        resource_version: fields.text("resourceVersion")?.parse().unwrap_or_default(),
        generation: fields.int64("generation")?.unwrap_or_default(),
        creation: fields.time("creationTimestamp", edge)?,
        deletion: fields.time("deletionTimestamp", edge)?,
        deletion_grace_seconds: fields.int64("deletionGracePeriodSeconds")?,
        labels: fields.string_map("labels")?,
        annotations: fields.string_map("annotations")?,
        owners,
        finalizers: fields.texts("finalizers")?,
        managed: None,
    })
}

fn decode_owner(fields: Fields<'_>, edge: &mut Edge) -> Result<OwnerReference, Error> {
    Ok(OwnerReference {
        api_version: fields.shared("apiVersion")?,
        kind: fields.shared("kind")?,
        name: fields.shared("name")?,
        uid: edge.uid(fields.text("uid")?),
        controller: fields.boolean("controller")?,
        block_owner_deletion: fields.boolean("blockOwnerDeletion")?,
    })
}

/// Renders `metadata`.
pub(crate) fn render(meta: &ObjectMeta, edge: &Edge) -> Value {
    let owners = meta.owners.iter().map(|owner| render_owner(owner, edge)).collect();
    Record::new()
        .text("name", &meta.name)
        .text("generateName", &meta.generate_name)
        .text("namespace", &meta.namespace)
        .text("uid", &if meta.uid.0 == 0 { String::new() } else { edge.spell(meta.uid) })
        .text(
            "resourceVersion",
            &if meta.resource_version == 0 { String::new() } else { meta.resource_version.to_string() },
        )
        .number("generation", meta.generation)
        .time("creationTimestamp", meta.creation, edge)
        .time("deletionTimestamp", meta.deletion, edge)
        .optional("deletionGracePeriodSeconds", meta.deletion_grace_seconds)
        .string_map("labels", &meta.labels)
        .string_map("annotations", &meta.annotations)
        .list("ownerReferences", owners)
        .list("finalizers", meta.finalizers.iter().map(|name| Value::from(&**name)).collect())
        .finish()
}

fn render_owner(owner: &OwnerReference, edge: &Edge) -> Value {
    Record::new()
        .always("apiVersion", &*owner.api_version)
        .always("kind", &*owner.kind)
        .always("name", &*owner.name)
        .always("uid", edge.spell(owner.uid))
        .optional("controller", owner.controller)
        .optional("blockOwnerDeletion", owner.block_owner_deletion)
        .finish()
}
