//! Text that nobody meant as a manifest: random, mutated, deep, and made to explode. The same targets
//! as those of the fuzzer, on a stable compiler and within a second.

mod places;

use places::pointers;
use proptest::prelude::*;
use serde_json::{Value, json};
use wavetank_manifest::{
    Edge, Kind, admit, admit_update, decode, parse_yaml, patch_json, patch_merge, patch_strategic, render,
};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: &labels {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: *labels}
  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}
  template:
    metadata: {labels: *labels}
    spec:
      volumes:
      - {name: scratch, emptyDir: {sizeLimit: 1Gi}}
      containers:
      - name: web
        image: nginx:1.25
        env: [{name: A, value: '1'}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{containerPort: 80, name: http}]
        readinessProbe: {httpGet: {port: http}, periodSeconds: 5}
        resources: {requests: {cpu: 100m}, limits: {cpu: '0.5', memory: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone}
spec:
  containers:
  - {name: c, image: 'busybox:1'}
";

/// Reads a text as far as it can be read; what is accepted is accepted again as it is rendered.
fn take_in(text: &str) {
    let mut edge = Edge::default();
    for document in parse_yaml(text).into_iter().flatten() {
        let Ok(object) = decode(&document, &mut edge) else { continue };
        let rendered = render(&object, &edge);
        if let Err(refusal) = admit_update(&rendered, &rendered) {
            panic!("what is rendered is accepted, but: {}\n{rendered}", refusal.message);
        }
    }
}

fn web() -> Value {
    admit(&parse_yaml(WEB).expect("it is YAML")[0]).expect("the manifest is accepted")
}

/// Applies a patch in all three ways and admits what comes out.
fn patch_with(patch: &Value) {
    let web = web();
    for patched in [patch_strategic(Kind::Deployment, &web, patch), patch_merge(&web, patch), patch_json(&web, patch)]
        .into_iter()
        .flatten()
    {
        let _ = admit_update(&web, &patched);
    }
}

/// Pieces that mean something to YAML, JSON or the API.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "-",
            "\n",
            "  ",
            "\t",
            "---\n",
            "...\n",
            "&a ",
            "*a",
            "*labels",
            "<<: ",
            "? ",
            "!!binary ",
            "!!int ",
            "!x ",
            "|\n",
            ">-\n",
            "#",
            "'",
            "\"",
            "\\",
            "%",
            "~",
            "null",
            "0644",
            "0x1F",
            "0o17",
            "1e999",
            "-0",
            ".inf",
            ".nan",
            "\u{feff}",
            "\u{0}",
            "\u{2028}",
            "é",
            "$patch: delete",
            "9223372036854775808",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
        "[0-9.]{1,40}(|m|Ki|e9|%)",
    ]
}

/// A manifest with stretches of it replaced.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0_usize..12, piece());
    prop::collection::vec(edit, 1..6).prop_map(move |edits| {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, length, piece) in edits {
            let at = at.index(characters.len() + 1);
            let end = (at + length).min(characters.len());
            characters.splice(at..end, piece.chars());
        }
        characters.into_iter().collect()
    })
}

/// Any value, to be put somewhere in a manifest.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        piece().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(piece(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_random_text_panics(pieces in prop::collection::vec(piece(), 0..40)) {
        take_in(&pieces.concat());
    }

    #[test]
    fn no_mutated_manifest_panics(text in mutated(WEB)) {
        take_in(&text);
    }

    #[test]
    fn no_misplaced_value_panics(at in any::<prop::sample::Index>(), value in any_value()) {
        let mut manifest = web();
        let places = pointers(&manifest);
        let place = at.get(&places);
        let patch = json!([{"op": "replace", "path": place, "value": value.clone()}]);
        patch_with(&patch);
        if let Some(target) = manifest.pointer_mut(place) {
            *target = value;
        }
        take_in(&manifest.to_string());
        patch_with(&manifest);
    }

    #[test]
    fn no_broken_operation_panics(
        op in "add|remove|replace|move|copy|test|x", path in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(), tail in "(|/|/-|/0|/99999999999999999999|/~2|x)", value in any_value(),
    ) {
        let places = pointers(&web());
        let (path, from) = (format!("{}{tail}", path.get(&places)), from.get(&places));
        patch_with(&json!([{"op": op, "path": path, "from": from, "value": value}]));
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for depth in [90, 99, 100, 101, 5_000, 100_000] {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("{\"a\":[", "]}"), ("? ", "")] {
            take_in(&format!("{}{}", open.repeat(depth), close.repeat(depth)));
            take_in(&open.repeat(depth));
        }
    }
    let within = format!("apiVersion: v1\nkind: Pod\nmetadata: {}{}", "{labels: ".repeat(90), "}".repeat(90));
    take_in(&within);
}

#[test]
fn deep_patches_are_survived() {
    for key in ["spec", "template", "containers", "metadata", "$patch", "a"] {
        let mut patch = json!(1);
        for level in 0..500 {
            patch = if level % 3 == 2 { json!([patch]) } else { json!({key: patch}) };
        }
        patch_with(&patch);
        patch_with(&json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": patch}]}}}}));
    }
}

#[test]
fn alias_bombs_are_refused() {
    for levels in [5, 9, 30] {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x]\n");
        let mut merging = String::from("m0: &m0 {x: 1, y: 2}\n");
        for level in 1..levels {
            let last = level - 1;
            let aliases = vec![format!("*a{last}"); 8].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
            merging.push_str(&format!("m{level}: &m{level} {{<<: [*m{last}, *m{last}], k{level}: *m{last}}}\n"));
        }
        if levels > 5 {
            assert!(parse_yaml(&bomb).is_err(), "{levels} levels are too many");
        }
        take_in(&bomb);
        take_in(&merging);
    }
    for text in ["a: &a [*a]", "&a {b: *a}", "a: *b\nb: &b 1", "&a &b x", "<<: *x"] {
        take_in(text);
    }
}

#[test]
fn a_text_cut_off_anywhere_does_no_harm() {
    for (end, _) in WEB.char_indices() {
        take_in(&WEB[..end]);
        take_in(&WEB[end..]);
    }
}
