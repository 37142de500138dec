//! `label` and `annotate`.
//!
//! Source: `kubectl/pkg/cmd/label`, `kubectl/pkg/cmd/annotate`.

use crate::api;
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::run::{Found, Run};
use serde_json::{Map, Value, json};
use wavetank::PatchKind;
use wavetank::verbs::rollout::CHANGE_CAUSE;

/// Flags of both.
pub(super) const FLAGS: &str = "all all-namespaces,A allow-missing-template-keys dry-run:o field-manager:s \
                                field-selector:s filename,f:s kustomize,k:s list local output,o:s overwrite record \
                                recursive,R resource-version:s selector,l:s show-managed-fields template:s";

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Labels,
    Annotations,
}

impl Field {
    const fn key(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::Annotations => "annotations",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Labels => "label",
            Self::Annotations => "annotation",
        }
    }
}

/// What is to be set, and what taken away.
#[derive(Debug, Default)]
struct Edit {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

/// `label`.
pub(super) fn label(run: &mut Run<'_>) -> Result<(), Fault> {
    edit(run, Field::Labels)
}

/// `annotate`.
pub(super) fn annotate(run: &mut Run<'_>) -> Result<(), Fault> {
    edit(run, Field::Annotations)
}

/// Splits arguments into objects and changes: what has an `=` or ends in `-` is a change.
fn split(words: &[String], field: Field) -> Result<(Vec<String>, Vec<String>), Fault> {
    let is_change = |word: &String| word.contains('=') && !word.starts_with('=') || word.ends_with('-') && word != "-";
    let first = words.iter().position(is_change).unwrap_or(words.len());
    let (objects, changes) = words.split_at(first);
    if let Some(stray) = changes.iter().find(|word| !is_change(word)) {
        return said(format!("all resources must be specified before {} changes: {stray}", field.word()));
    }
    Ok((objects.to_vec(), changes.to_vec()))
}

fn parse(changes: &[String], field: Field) -> Result<Edit, Fault> {
    let mut edit = Edit::default();
    for change in changes {
        match change.split_once('=') {
            Some((key, value)) => {
                if field == Field::Labels {
                    check_label_value(value)
                        .map_err(|why| Fault::Said(format!("invalid label value: {}: {why}", quoted(change))))?;
                }
                edit.set.push((key.to_owned(), value.to_owned()));
            }
            None => edit.remove.push(change.trim_end_matches('-').to_owned()),
        }
    }
    let both = edit.remove.iter().find(|key| edit.set.iter().any(|(set, _)| set == *key));
    match both {
        Some(key) if field == Field::Labels => {
            said(format!("can not both modify and remove a {} in the same command", field.word()))
                .map_err(|fault| if key.is_empty() { Fault::Silent(1) } else { fault })
        }
        Some(key) => said(format!("cannot modify and remove the same annotation(s): {key}")),
        None => Ok(edit),
    }
}

/// The rule for label values.
pub(super) fn check_label_value(value: &str) -> Result<(), String> {
    if value.len() > 63 {
        return Err("must be no more than 63 bytes".to_owned());
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric();
    let inside = |letter: char| plain(letter) || "-_.".contains(letter);
    if value.is_empty() || value.starts_with(plain) && value.ends_with(plain) && value.chars().all(inside) {
        return Ok(());
    }
    Err("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and \
         end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
         '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        .to_owned())
}

fn edit(run: &mut Run<'_>, field: Field) -> Result<(), Fault> {
    let (objects, changes) = split(&run.arguments.words.clone(), field)?;
    let edit = parse(&changes, field)?;
    let lists = run.arguments.on("list");
    if objects.is_empty() && !run.has_files() {
        return said("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if edit.set.is_empty() && edit.remove.is_empty() && !lists {
        return said(format!("at least one {} update is required", field.word()));
    }
    let dry_run = run.dry_run()?;
    let findings = run.find_some(&objects)?;
    let mut faults = findings.faults;
    let many = findings.found.len() > 1;
    for found in findings.found {
        if lists {
            list(run, &found, field, many);
            continue;
        }
        match edited(run, &found, &edit, field) {
            Err(fault) => faults.push(fault),
            Ok(patch) => {
                let result = run.request(dry_run, |cluster| api::patch(cluster, &found.at, PatchKind::Merge, &patch));
                match result {
                    Err(refusal) => faults.push(refusal.into()),
                    Ok((before, after)) => {
                        let done = done(&before, &after, field);
                        run.report(&found.at, &after, done, dry_run)?;
                    }
                }
            }
        }
    }
    Fault::of_many(faults)
}

/// The word for what was done.
fn done(before: &Value, after: &Value, field: Field) -> &'static str {
    let (was, is) = (&before["metadata"]["labels"], &after["metadata"]["labels"]);
    let count = |labels: &Value| labels.as_object().map_or(0, Map::len);
    match field {
        Field::Annotations => "annotated",
        Field::Labels if was == is => "not labeled",
        Field::Labels if count(was) > count(is) => "unlabeled",
        Field::Labels => "labeled",
    }
}

/// The patch for one object.
fn edited(run: &mut Run<'_>, found: &Found, edit: &Edit, field: Field) -> Result<Value, Fault> {
    let now = &found.object["metadata"][field.key()];
    if !run.arguments.on("overwrite") {
        let taken: Vec<String> = edit
            .set
            .iter()
            .filter_map(|(key, value)| {
                let was = now[key].as_str().filter(|was| was != value)?;
                Some(match field {
                    Field::Labels => format!("'{key}' already has a value ({was}), and --overwrite is false"),
                    Field::Annotations => format!("--overwrite is false but found the following declared annotation(s): '{key}' already has a value ({was})"),
                })
            })
            .collect();
        match taken.as_slice() {
            [] => {}
            [one] => return said(one.clone()),
            several => return said(format!("[{}]", several.join(", "))),
        }
    }
    let mut values = Map::new();
    for key in &edit.remove {
        if now.get(key).is_none() && field == Field::Labels {
            run.say(&format!("label {} not found.", quoted(key)));
        }
        values.insert(key.clone(), Value::Null);
    }
    values.extend(edit.set.iter().map(|(key, value)| (key.clone(), value.as_str().into())));
    let mut patch = json!({"metadata": {field.key(): values}});
    if let Some(cause) = run.change_cause() {
        patch["metadata"]["annotations"][CHANGE_CAUSE] = cause.into();
    }
    if let Some(version) = run.arguments.text("resource-version") {
        patch["metadata"]["resourceVersion"] = version.into();
    }
    Ok(patch)
}

fn list(run: &mut Run<'_>, found: &Found, field: Field, many: bool) {
    if many {
        run.say(&format!("Listing {} for {}:", field.key(), found.at.label()));
    }
    let indent = if many { " " } else { "" };
    for (key, value) in found.object["metadata"][field.key()].as_object().into_iter().flatten() {
        run.say(&format!("{indent}{key}={}", value.as_str().unwrap_or_default()));
    }
}
