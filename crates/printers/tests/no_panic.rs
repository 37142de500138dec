//! Whatever comes in, something is printed, and what is printed as YAML is read as what it was.

mod kinds;

use kinds::KINDS;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wavetank_printers::custom_columns::CustomColumns;
use wavetank_printers::{EventOptions, Now, Related, TableOptions, Template, TopOptions};
use wavetank_printers::{describe, events, output, rollout, sort_by, table, to_yaml, top_pods};

/// Names of members that printers look at, so that random objects have some of them.
const KEYS: [&str; 44] = [
    "kind",
    "metadata",
    "name",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "creationTimestamp",
    "spec",
    "status",
    "template",
    "containers",
    "initContainers",
    "containerStatuses",
    "state",
    "terminated",
    "waiting",
    "reason",
    "resources",
    "limits",
    "requests",
    "cpu",
    "conditions",
    "type",
    "replicas",
    "selector",
    "matchLabels",
    "metrics",
    "resource",
    "target",
    "averageUtilization",
    "ports",
    "port",
    "endpoints",
    "addresses",
    "subsets",
    "rules",
    "http",
    "paths",
    "backend",
    "volumes",
    "env",
    "valueFrom",
    "involvedObject",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[ a-z:#'\"\\-\\n\\t|>&*!%@`{}\\[\\],?~0-9.+_]{0,16}",
        "(.|\\n){0,6}",
        Just("2026-01-15T11:59:00Z".to_owned()),
        Just("100m".to_owned()),
        "[a-z]{1,9}( [a-z:]{1,9}){8,16}",
        "(yes|no|on|off|true|null|~|0x1f|1e3|0o7|\\.inf|1:30|<<|=)",
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let key = prop_oneof![4 => prop::sample::select(KEYS.as_slice()).prop_map(str::to_owned), 1 => text()];
    scalar().prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key.clone(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    (prop::sample::select(KINDS.as_slice()), value(), value(), value()).prop_map(|(kind, metadata, spec, status)| {
        json!({"kind": kind, "metadata": metadata, "spec": spec, "status": status, "data": spec, "subsets": spec,
               "endpoints": spec, "involvedObject": metadata})
    })
}

/// Text that is a template more often than chance would have it.
fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(
            [
                "{",
                "}",
                "{.",
                "..",
                ".*",
                "[*]",
                "[0]",
                "[-1]",
                "[1:]",
                "[?(",
                "@.",
                ")]",
                "==",
                "<",
                "{range ",
                "{end}",
                "'",
                "\"",
                "\\",
                ",",
                "spec",
                "metadata.name",
                " ",
                "\n",
                "$",
                "1.5",
                "true",
                "['a','b']",
                "[::0]",
                "💧",
            ]
            .as_slice()
        )
        .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn now() -> Now {
    Now::parse("2026-01-15T12:00:00Z").expect("a time")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_object_can_be_printed(objects in vec(object(), 1..4), wide in any::<bool>()) {
        let options = TableOptions {
            no_headers: false, with_namespace: true, kind: Some("x".into()), show_labels: true,
            label_columns: vec!["app".into()],
        };
        for kind in KINDS {
            let table = table(kind, &objects, wide, now());
            prop_assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
            let text = table.render(&options);
            prop_assert_eq!(text.lines().filter(|line| line.starts_with("NAMESPACE")).count(), 1);
        }
        for first in &objects {
            for kind in KINDS {
                let mut object = first.clone();
                object["kind"] = kind.into();
                let related = Related { objects: &objects, events: Some(&objects) };
                prop_assert!(describe(&object, &related, now()).starts_with("Name:"));
                let _ = rollout::status(&object, 1);
                let _ = rollout::history_revision(&object);
            }
        }
        let _ = rollout::history(&objects);
        let _ = events(&objects, EventOptions::default(), now());
        let _ = top_pods(&objects, TopOptions::default());
        let _ = output::json(&objects, true);
        let _ = sort_by(objects.clone(), ".metadata.name");
        let _ = CustomColumns::parse("A:.metadata,B:.spec.*", false).and_then(|columns| columns.render(&objects));
    }

    #[test]
    fn yaml_is_read_as_what_was_written(value in value()) {
        let text = to_yaml(&json!({"value": value}));
        let read = wavetank_manifest::parse_yaml(&text);
        prop_assert!(read.is_ok(), "{text}: {read:?}");
        let read = read.unwrap_or_default();
        prop_assert!(same(&read[0]["value"], &value), "{text}\n{}\n{value}", read[0]["value"]);
    }

    #[test]
    fn any_template_is_read_and_filled_in_or_refused(text in template(), value in value()) {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.render(&value);
            let _ = template.render_json(&value);
            let _ = template.find(&value);
        }
        let _ = Template::parse_relaxed(&text);
        let _ = CustomColumns::parse(&text, true);
        let _ = CustomColumns::parse_file(&text);
    }
}

/// Equal, but for how numbers with a fraction are held.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (a, b) => a == b,
    }
}
