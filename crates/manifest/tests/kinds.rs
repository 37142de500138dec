//! One manifest of each kind, with anything put anywhere in it: nothing panics, what is stored is stored
//! again as it is, and applying what was applied changes nothing.

mod places;

use places::pointers;
use proptest::prelude::*;
use serde_json::{Value, json};
use wavetank_manifest::{
    Surroundings, admit, admit_into, admit_update, convert_old, kind_of, last_applied_of, parse_objects,
    patch_strategic, refuse_what_is_not_simulated, request, three_way_json_merge, three_way_strategic,
    with_last_applied,
};

const MANIFESTS: &str = include_str!("kinds.yaml");

fn manifests() -> Vec<Value> {
    parse_objects(MANIFESTS).expect("they are YAML")
}

fn served(object: &Value) -> Value {
    convert_old(object).map_or_else(|| object.clone(), |converted| converted.object)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(|x|-|%|50%|None|10.96.0.1|::1|1.2.3.4/33|é|a b|9{30}|@every|TZ=|\\*/0 \\* \\* \\* \\*|[0-9]{1,20}(|m|Ki))"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("(name|a|\\$patch|metricName)", inner, 0..3)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Takes a manifest in as far as it goes; what is stored must be stored again as it is.
fn take_in(manifest: &Value) {
    let manifest = served(manifest);
    let Ok(admitted) = admit_into(&manifest, &Surroundings::default()) else { return };
    let _ = refuse_what_is_not_simulated(&admitted.object);
    let _ = request::put_scale(&admitted.object, &manifest);
    let _ = request::binding(&manifest);
    let _ = request::eviction(&manifest);
    let mut stored = admitted.object;
    stored["metadata"]["uid"] = json!(&*Surroundings::default().uid);
    match admit_update(&stored, &stored) {
        Ok(again) => assert_eq!(again, stored),
        Err(refusal) => panic!("what is stored is accepted, but: {}\n{stored}", refusal.message),
    }
}

/// Applies one manifest after another, as kubectl does.
fn apply(first: &Value, second: &Value) {
    let Ok(kind) = kind_of(first) else { return };
    let Ok(live) = admit(&with_last_applied(first)) else { return };
    let original = last_applied_of(&live).ok().flatten();
    let modified = with_last_applied(second);
    let _ = three_way_json_merge(original.as_ref(), &modified, &live);
    let Ok(patch) = three_way_strategic(kind, original.as_ref(), &modified, &live) else { return };
    let Ok(patched) = patch_strategic(kind, &live, &patch) else { return };
    let Ok(stored) = admit_update(&live, &patched) else { return };
    let original = last_applied_of(&stored).ok().flatten();
    let again = three_way_strategic(kind, original.as_ref(), &modified, &stored);
    let again = again.map(|patch| {
        let patched = patch_strategic(kind, &stored, &patch).unwrap_or_else(|refusal| panic!("{refusal}"));
        admit_update(&stored, &patched).unwrap_or_else(|refusal| panic!("{refusal}"))
    });
    assert_eq!(again, Ok(stored), "the second time nothing changes");
}

#[test]
fn every_manifest_is_taken_in_and_applied_again_without_a_change() {
    for manifest in manifests() {
        let object = served(&manifest);
        if let Err(refusal) = admit(&object) {
            panic!("{}: {}", object["kind"], refusal.message);
        }
        take_in(&manifest);
        apply(&object, &object);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nothing_misplaced_panics(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in any_value(),
    ) {
        let manifests = manifests();
        let before = which.get(&manifests);
        let places = pointers(before);
        let mut after = before.clone();
        let place: &String = at.get(&places);
        if let Some(target) = after.pointer_mut(place) {
            *target = value;
        }
        take_in(&after);
        apply(&served(before), &served(&after));
        apply(&served(&after), &served(before));
    }
}
