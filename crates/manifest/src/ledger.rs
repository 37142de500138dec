//! What becomes of each field of the kinds that are simulated, and the refusal of those that cannot be
//! ignored.
//!
//! The ledger is data (`schema/ledger.txt`, which says what its words mean). From it comes the refusal at
//! the edge of a cluster, and the table in `docs/fields.md`.

use crate::schema::{self, Field, Type};
use crate::strict::is_empty;
use core::fmt::Write;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use wavetank_model::{Cause, Kind, Reason, Refusal};

static TABLE: &str = include_str!("../schema/ledger.txt");

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Obeyed,
    Carried,
    Refused,
    /// Refused if it says this.
    RefusedIf(&'static str),
    /// Refused unless it says this.
    RefusedUnless(&'static str),
    Made,
    Parts,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    verdict: Verdict,
    remark: &'static str,
}

static ENTRIES: LazyLock<BTreeMap<(&'static str, &'static str), Entry>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(entry).collect()
});

fn entry(line: &'static str) -> Option<((&'static str, &'static str), Entry)> {
    let mut words = line.splitn(4, ' ');
    let (name, field, word) = (words.next()?, words.next()?, words.next()?);
    let verdict = match word {
        "obeyed" => Verdict::Obeyed,
        "carried" => Verdict::Carried,
        "refused" => Verdict::Refused,
        "made" => Verdict::Made,
        "parts" => Verdict::Parts,
        _ => match (word.strip_prefix("refused!="), word.strip_prefix("refused=")) {
            (Some(value), _) => Verdict::RefusedUnless(value),
            (None, Some(value)) => Verdict::RefusedIf(value),
            (None, None) => return None,
        },
    };
    Some(((name, field), Entry { verdict, remark: words.next().unwrap_or_default() }))
}

fn entry_of(name: &str, field: &Field) -> Option<&'static Entry> {
    let entries = &*ENTRIES;
    // The keys live as long as the program, the names asked for need not.
    let find = |key: &str| entries.iter().find(|((known, field), _)| *known == name && *field == key);
    find(field.json).or_else(|| find("*")).map(|(_, entry)| entry)
}

/// The struct that a field holds, one or many of it.
fn inner(kind: &Type) -> Option<&'static str> {
    match kind.resolved() {
        Type::Named(name) => Some(name),
        Type::Slice(item) => inner(item),
        Type::Basic(_) | Type::Map(..) | Type::Pointer(_) => None,
    }
}

/// Refuses an object with fields that the simulation can neither obey nor ignore.
///
/// # Errors
/// `NotSimulated`, which names the fields.
pub fn refuse_what_is_not_simulated(object: &Value) -> Result<(), Refusal> {
    let kind = crate::kind_of(object)?;
    let mut found = Vec::new();
    look(kind.go_type(), object, "", &mut found);
    if found.is_empty() {
        return Ok(());
    }
    let message =
        format!("not simulated: {}", found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(", "));
    let causes = found.into_iter().map(|(path, remark)| Cause {
        reason: "FieldNotSimulated".into(),
        message: remark.into(),
        field: path.into(),
    });
    Err(Refusal { reason: Reason::Other("NotSimulated".into()), message: message.into(), causes: causes.collect() })
}

fn look(name: &'static str, value: &Value, path: &str, found: &mut Vec<(String, &'static str)>) {
    for field in schema::fields(name) {
        if let (Type::Named(inner), true) = (&field.kind, field.is_inline()) {
            look(inner, value, path, found);
            continue;
        }
        let Some(below) = value.get(field.json) else { continue };
        let Some(entry) = entry_of(name, field) else { continue };
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", field.json);
        let refused = match entry.verdict {
            // A pointer to nothing asks for nothing.
            Verdict::Refused => !is_empty(&field.kind, below) && !matches!(below, Value::Bool(false)),
            Verdict::RefusedIf(text) => below.as_str() == Some(text),
            Verdict::RefusedUnless(text) => below.as_str().is_some_and(|below| !below.is_empty() && below != text),
            Verdict::Obeyed | Verdict::Carried | Verdict::Made | Verdict::Parts => false,
        };
        if refused {
            found.push((path, entry.remark));
        } else if let (Verdict::Parts, Some(inner)) = (entry.verdict, inner(&field.kind)) {
            match below {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        look(inner, item, &format!("{path}[{index}]"), found);
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                    look(inner, below, &path, found);
                }
            }
        }
    }
}

/// The ledger as a page of documentation, kind by kind and type by type.
#[must_use]
pub fn fields_page() -> String {
    let mut page = String::from(
        "# Fields\n\n\
         What becomes of each field. This page is made from `crates/manifest/schema/ledger.txt`; a test fails when \
         it is stale, and `WAVETANK_WRITE_DOCS=1 cargo test -p wavetank-manifest --test ledger` writes it anew.\n\n\
         | word | meaning |\n|---|---|\n\
         | obeyed | the simulation acts as Kubernetes does |\n\
         | carried | kept, checked and shown; nothing acts on it |\n\
         | refused | `not simulated: FIELD`, since ignoring it would give a wrong answer |\n\
         | made | the simulation makes it; what a client says is dropped, as the server drops it |\n\n\
         Every kind has `apiVersion`, `kind` and `metadata` besides.\n",
    );
    let mut told: Vec<&'static str> = Vec::new();
    section(&mut page, "Metadata", "meta/v1.ObjectMeta", &mut told);
    for kind in Kind::all().filter(|kind| kind.is_simulated() && *kind != Kind::Event) {
        section(&mut page, kind.as_str(), kind.go_type(), &mut told);
    }
    page
}

fn section(page: &mut String, title: &str, name: &'static str, told: &mut Vec<&'static str>) {
    if told.contains(&name) {
        return;
    }
    told.push(name);
    // Writing to a string cannot fail.
    let _ = write!(page, "\n## {title}\n\n| field | | |\n|---|---|---|\n");
    let mut below = Vec::new();
    rows(page, name, "", &mut below);
    for (title, inner) in below {
        section(page, &title, inner, told);
    }
}

/// The rows of a type; types that many fields share get a section of their own.
fn rows(page: &mut String, name: &'static str, path: &str, below: &mut Vec<(String, &'static str)>) {
    for field in schema::fields(name) {
        if let (Type::Named(inner), true) = (&field.kind, field.is_inline()) {
            if *inner != "meta/v1.TypeMeta" {
                rows(page, inner, path, below);
            }
            continue;
        }
        if field.kind == Type::Named("meta/v1.ObjectMeta") && path.is_empty() && name != "core/v1.PodTemplateSpec" {
            continue;
        }
        let Some(entry) = entry_of(name, field) else { continue };
        let path = format!("{path}{}", field.json);
        let shared =
            ["core/v1.PodTemplateSpec", "core/v1.PodSpec", "core/v1.Container", "networking/v1.IngressBackend"];
        let verdict = match entry.verdict {
            Verdict::Obeyed => "obeyed".to_owned(),
            Verdict::Carried => "carried".to_owned(),
            Verdict::Refused => "refused".to_owned(),
            Verdict::RefusedIf(text) => format!("refused if `{text}`"),
            Verdict::RefusedUnless(text) => format!("refused unless `{text}`"),
            Verdict::Made => "made".to_owned(),
            Verdict::Parts => match inner(&field.kind) {
                Some(inner) if shared.contains(&inner) => {
                    let title = inner.rsplit('.').next().unwrap_or(inner);
                    below.push((title.to_owned(), inner));
                    format!("see {title}")
                }
                Some(inner) => {
                    let list = if matches!(field.kind.resolved(), Type::Slice(_)) { "[]" } else { "" };
                    rows(page, inner, &format!("{path}{list}."), below);
                    continue;
                }
                None => continue,
            },
        };
        let _ = writeln!(page, "| `{path}` | {verdict} | {} |", entry.remark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn every_field_has_a_verdict(name: &'static str, seen: &mut Vec<&'static str>) {
        if seen.contains(&name) {
            return;
        }
        seen.push(name);
        for field in schema::fields(name) {
            if let (Type::Named(inner), true) = (&field.kind, field.is_inline()) {
                if *inner != "meta/v1.TypeMeta" {
                    every_field_has_a_verdict(inner, seen);
                }
                continue;
            }
            if field.kind == Type::Named("meta/v1.ObjectMeta") {
                continue;
            }
            let entry = entry_of(name, field).unwrap_or_else(|| panic!("{name}.{}", field.json));
            if let (Verdict::Parts, Some(inner)) = (entry.verdict, inner(&field.kind)) {
                every_field_has_a_verdict(inner, seen);
            }
        }
    }

    #[test]
    fn every_field_of_a_simulated_kind_has_a_verdict_and_every_verdict_a_field() {
        let mut seen = vec![];
        every_field_has_a_verdict("meta/v1.ObjectMeta", &mut seen);
        for kind in Kind::all().filter(|kind| kind.is_simulated() && *kind != Kind::Event) {
            every_field_has_a_verdict(kind.go_type(), &mut seen);
        }
        for (name, field) in ENTRIES.keys() {
            assert!(seen.contains(name), "{name} is of no simulated kind");
            assert!(*field == "*" || schema::field(name, field).is_some(), "{name} has no {field}");
        }
        let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        assert_eq!(ENTRIES.len(), lines, "a line cannot be read, or says what another says");
    }

    fn deployment(spec: &Value) -> Value {
        let mut spec = spec.clone();
        spec["containers"] = json!([{"name": "web", "image": "nginx:1.25", "ports": [{"containerPort": 80}]}]);
        let labels = json!({"app": "web"});
        crate::admit(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}
        }))
        .expect("it is accepted")
    }

    #[track_caller]
    fn refused(spec: &Value, field: &str) {
        let refusal = refuse_what_is_not_simulated(&deployment(spec)).unwrap_err();
        assert_eq!(&*refusal.message, format!("not simulated: spec.template.spec.{field}"));
    }

    #[test]
    fn what_cannot_be_ignored_is_refused_by_its_path() {
        let constraint = |action: &str| {
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": action,
                "labelSelector": {"matchLabels": {"app": "web"}}}]})
        };
        refused(&constraint("DoNotSchedule"), "topologySpreadConstraints[0].whenUnsatisfiable");
        refused(&json!({"schedulingGates": [{"name": "a/b"}]}), "schedulingGates");
        refused(&json!({"schedulerName": "mine"}), "schedulerName");
        let terms =
            json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]);
        refused(
            &json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}),
            "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        );
        for spec in [json!({}), constraint("ScheduleAnyway"), json!({"hostPID": true, "schedulingGates": []})] {
            assert_eq!(refuse_what_is_not_simulated(&deployment(&spec)), Ok(()));
        }
    }
}
