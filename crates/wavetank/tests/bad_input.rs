//! What a cluster refuses, in the API server's words, and that a refusal leaves no trace.

use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;
use wavetank::{Cluster, Error, Kind, Outcome, PatchKind, Profile, Propagation};
use wavetank_model::{Reason, Refusal};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'nginx:1.25'}
";

const KINDS: [Kind; 4] = [Kind::Deployment, Kind::ReplicaSet, Kind::ReplicationController, Kind::Pod];

/// A cluster in which `web` has been rolled out.
fn running() -> Cluster {
    let mut cluster = Cluster::builder().profile(Profile::instant()).build();
    cluster.apply(WEB).expect("the manifest is valid");
    cluster.run_until(|cluster| cluster.is_complete("web"), Duration::from_secs(600)).expect("it rolls out");
    cluster
}

/// The manifest of `web` under another name, with one field set or, with null, removed.
fn changed(name: &str, pointer: &str, value: Value) -> String {
    let mut manifest = wavetank_manifest::parse_yaml(WEB).expect("it is YAML").remove(0);
    manifest["metadata"]["name"] = json!(name);
    let (parent, key) = pointer.rsplit_once('/').expect("the pointer has a key");
    let parent = manifest.pointer_mut(parent).expect("the parent is there");
    if value.is_null() {
        parent.as_object_mut().and_then(|fields| fields.remove(key));
    } else {
        parent[key] = value;
    }
    manifest.to_string()
}

/// What a verb answers that must not do anything, now or later.
#[track_caller]
fn fault<T: Debug>(cluster: &mut Cluster, verb: impl FnOnce(&mut Cluster) -> Result<T, Error>) -> Error {
    let mut untouched = cluster.clone();
    let before = (cluster.store().version(), cluster.digest().value(), cluster.now());
    let error = verb(cluster).expect_err("the verb is refused");
    assert_eq!((cluster.store().version(), cluster.digest().value(), cluster.now()), before, "after: {error}");
    let mut later = cluster.clone();
    later.run_for(Duration::from_secs(60));
    untouched.run_for(Duration::from_secs(60));
    assert_eq!(later.digest().value(), untouched.digest().value(), "a minute after: {error}");
    error
}

#[track_caller]
fn refusal<T: Debug>(cluster: &mut Cluster, verb: impl FnOnce(&mut Cluster) -> Result<T, Error>) -> Refusal {
    let error = fault(cluster, verb);
    let Error::Refused(refusal) = error else { panic!("the edge refuses, but this is: {error}") };
    refusal
}

/// Asserts a refusal: its reason, its message, and the fields of its causes.
#[track_caller]
fn assert_says(refusal: &Refusal, reason: &Reason, message: &str, fields: &[&str]) {
    assert_eq!((&refusal.reason, &*refusal.message), (reason, message));
    let found: Vec<&str> = refusal.causes.iter().map(|cause| &*cause.field).collect();
    assert_eq!(found, fields);
}

/// Creates and applies a changed manifest, under a free name and (applying) under the taken one.
#[track_caller]
fn assert_invalid(pointer: &str, value: &Value, faults: &[(&str, &str)]) {
    let mut cluster = running();
    let detail: Vec<String> = faults.iter().map(|(field, message)| format!("{field}: {message}")).collect();
    let detail = if let [one] = &detail[..] { one.clone() } else { format!("[{}]", detail.join(", ")) };
    let fields: Vec<&str> = faults.iter().map(|(field, _)| *field).collect();
    let new = changed("new", pointer, value.clone());
    let message = format!("Deployment.apps \"new\" is invalid: {detail}");
    assert_says(&refusal(&mut cluster, |cluster| cluster.create(&new)), &Reason::Invalid, &message, &fields);
    assert_says(&refusal(&mut cluster, |cluster| cluster.apply(&new)), &Reason::Invalid, &message, &fields);
    let taken = changed("web", pointer, value.clone());
    let refused = refusal(&mut cluster, |cluster| cluster.apply(&taken));
    assert_eq!(refused.reason, Reason::Invalid);
    assert!(fields.iter().all(|field| refused.causes.iter().any(|cause| &*cause.field == *field)), "{refused:?}");
}

#[track_caller]
fn assert_undecodable(pointer: &str, value: &Value, detail: &str) {
    let mut cluster = running();
    let message = format!("Deployment in version \"v1\" cannot be handled as a Deployment: {detail}");
    for name in ["new", "web"] {
        let manifest = changed(name, pointer, value.clone());
        let refused = refusal(&mut cluster, |cluster| cluster.apply(&manifest));
        assert_says(&refused, &Reason::BadRequest, &message, &[]);
    }
}

#[test]
fn text_that_is_no_yaml_is_unreadable() {
    let mut cluster = running();
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for text in ["a: [1", "a: b: c", "\t- x", "{\"a\": }", "*nobody", "a: &x [*x]", "\u{0}", &deep] {
        for error in
            [fault(&mut cluster, |cluster| cluster.create(text)), fault(&mut cluster, |cluster| cluster.apply(text))]
        {
            assert!(matches!(error, Error::Unreadable(_) | Error::Refused(_)), "{text:?}: {error}");
        }
    }
}

#[test]
fn documents_that_are_no_objects_are_refused() {
    let mut cluster = running();
    for text in ["5", "text", "[]", "[{kind: Pod}]", "{}", "kind: Pod", "{apiVersion: v1}", "kind: [Pod]"] {
        refusal(&mut cluster, |cluster| cluster.create(text));
        refusal(&mut cluster, |cluster| cluster.apply(text));
    }
}

#[test]
fn unknown_fields_are_named_by_path() {
    assert_undecodable("/speck", &json!({}), "strict decoding error: unknown field \"speck\"");
    assert_undecodable("/spec/replica", &json!(3), "strict decoding error: unknown field \"spec.replica\"");
    assert_undecodable(
        "/spec/template/spec/containers",
        &json!([{"name": "web", "image": "nginx", "imag": "nginx"}]),
        "strict decoding error: unknown field \"spec.template.spec.containers[0].imag\"",
    );
}

#[test]
fn mistyped_fields_are_named_by_path() {
    let number = |found: &str| {
        format!("json: cannot unmarshal {found} into Go struct field DeploymentSpec.spec.replicas of type int32")
    };
    assert_undecodable("/spec/replicas", &json!(2.5), &number("number 2.5"));
    assert_undecodable("/spec/replicas", &json!(2_147_483_648_i64), &number("number 2147483648"));
    assert_undecodable("/spec/replicas", &json!(true), &number("bool"));
    assert_undecodable(
        "/spec",
        &json!("x"),
        "json: cannot unmarshal string into Go struct field Deployment.spec of type v1.DeploymentSpec",
    );
    assert_undecodable(
        "/spec/strategy",
        &json!({"rollingUpdate": {"maxUnavailable": 0.5}}),
        "json: cannot unmarshal number 0.5 into Go struct field \
         RollingUpdateDeployment.spec.strategy.rollingUpdate.maxUnavailable of type int32",
    );
}

#[test]
fn a_selector_must_match_the_template() {
    let mismatch = |labels: &str| format!("Invalid value: {labels}: `selector` does not match template `labels`");
    let field = "spec.template.metadata.labels";
    assert_invalid("/spec/template/metadata/labels", &json!({"app": "zzz"}), &[(field, &mismatch(r#"{"app":"zzz"}"#))]);
    assert_invalid("/spec/template/metadata/labels", &Value::Null, &[(field, &mismatch("null"))]);
    assert_invalid(
        "/spec/selector",
        &Value::Null,
        &[("spec.selector", "Required value"), (field, &mismatch(r#"{"app":"web"}"#))],
    );
    assert_invalid(
        "/spec/selector",
        &json!({}),
        &[("spec.selector", "Invalid value: {}: empty selector is invalid for deployment")],
    );
}

#[test]
fn counts_are_not_negative() {
    let negative = "Invalid value: -1: must be greater than or equal to 0";
    for key in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
        assert_invalid(&format!("/spec/{key}"), &json!(-1), &[(&format!("spec.{key}"), negative)]);
    }
    let deadline = "spec.progressDeadlineSeconds";
    assert_invalid(
        "/spec/progressDeadlineSeconds",
        &json!(-5),
        &[
            (deadline, "Invalid value: -5: must be greater than or equal to 0"),
            (deadline, "Invalid value: -5: must be greater than minReadySeconds"),
        ],
    );
}

#[test]
fn a_rollout_must_be_able_to_move() {
    let unavailable = "spec.strategy.rollingUpdate.maxUnavailable";
    let surge = "spec.strategy.rollingUpdate.maxSurge";
    let percent = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                   regex used for validation is '[0-9]+%')";
    let cases = [
        (json!({"maxSurge": 0, "maxUnavailable": 0}), unavailable, "0: may not be 0 when `maxSurge` is 0".to_owned()),
        (
            json!({"maxSurge": "0%", "maxUnavailable": 0}),
            unavailable,
            "0: may not be 0 when `maxSurge` is 0".to_owned(),
        ),
        (json!({"maxUnavailable": "101%"}), unavailable, "\"101%\": must not be greater than 100%".to_owned()),
        (json!({"maxUnavailable": "abc"}), unavailable, format!("\"abc\": {percent}")),
        (json!({"maxUnavailable": -1}), unavailable, "-1: must be greater than or equal to 0".to_owned()),
        (json!({"maxSurge": -2}), surge, "-2: must be greater than or equal to 0".to_owned()),
        (json!({"maxSurge": "10"}), surge, format!("\"10\": {percent}")),
    ];
    for (rolling, field, message) in cases {
        let strategy = json!({"rollingUpdate": rolling});
        assert_invalid("/spec/strategy", &strategy, &[(field, &format!("Invalid value: {message}"))]);
    }
}

#[test]
fn percentages_beyond_all_numbers_do_no_harm() {
    for percent in ["2147483647%", "99999999999999999999%", "100000000%"] {
        for rolling in [json!({"maxSurge": percent}), json!({"maxSurge": percent, "maxUnavailable": percent})] {
            let mut cluster = running();
            let manifest = changed("web", "/spec/strategy", json!({"rollingUpdate": rolling}));
            if cluster.apply(&manifest).is_ok() {
                cluster.set_image("web", "web", "nginx:1.26", None).expect("there is such a container");
                cluster.scale("web", 5).expect("it can be scaled");
                cluster.run_for(Duration::from_secs(60));
            } else {
                fault(&mut cluster, |cluster| cluster.apply(&manifest));
            }
        }
    }
}

#[test]
fn a_taken_name_is_not_created_again() {
    let mut cluster = running();
    let refused = refusal(&mut cluster, |cluster| cluster.create(WEB));
    assert_says(&refused, &Reason::AlreadyExists, "deployments.apps \"web\" already exists", &[]);
    let object = cluster.object(Kind::Deployment, "web").expect("it is there");
    refusal(&mut cluster, |cluster| cluster.create_object(object));
}

#[test]
fn every_verb_says_that_an_object_is_missing() {
    let mut cluster = running();
    let missing = "deployments.apps \"ghost\" not found";
    for name in ["ghost", "elsewhere/ghost"] {
        let refusals = [
            refusal(&mut cluster, |cluster| cluster.scale(name, 1)),
            refusal(&mut cluster, |cluster| cluster.set_image(name, "*", "nginx", None)),
            refusal(&mut cluster, |cluster| cluster.undo(name, 0)),
            refusal(&mut cluster, |cluster| cluster.pause(name)),
            refusal(&mut cluster, |cluster| cluster.resume(name)),
            refusal(&mut cluster, |cluster| cluster.restart(name)),
            refusal(&mut cluster, |cluster| cluster.rollout_history(name)),
            refusal(&mut cluster, |cluster| cluster.rollout_status(name)),
        ];
        for refused in refusals {
            assert_says(&refused, &Reason::NotFound, missing, &[]);
        }
    }
    for kind in KINDS {
        let missing = format!("{} \"ghost\" not found", kind.resource());
        let patch = json!({"metadata": {"labels": {"a": "b"}}});
        let refusals = [
            refusal(&mut cluster, |cluster| cluster.json(kind, "ghost")),
            refusal(&mut cluster, |cluster| cluster.label(kind, "ghost", "a", Some("b"))),
            refusal(&mut cluster, |cluster| cluster.annotate(kind, "ghost", "a", None)),
            refusal(&mut cluster, |cluster| cluster.patch(kind, "ghost", PatchKind::Strategic, &patch)),
            refusal(&mut cluster, |cluster| cluster.patch(kind, "ghost", PatchKind::Merge, &patch)),
            refusal(&mut cluster, |cluster| cluster.patch(kind, "ghost", PatchKind::Json, &json!([]))),
            refusal(&mut cluster, |cluster| cluster.delete(kind, "ghost", Propagation::Background)),
            refusal(&mut cluster, |cluster| cluster.delete(kind, "ghost", Propagation::Foreground)),
            refusal(&mut cluster, |cluster| cluster.delete(kind, "ghost", Propagation::Orphan)),
        ];
        for refused in refusals {
            assert_says(&refused, &Reason::NotFound, &missing, &[]);
        }
    }
}

#[test]
fn strange_names_are_only_missing() {
    let mut cluster = running();
    for name in ["", "/", "a/b/c", "web/", "/web", "default/", "\u{0}", "wéb"] {
        assert_eq!(refusal(&mut cluster, |cluster| cluster.scale(name, 1)).reason, Reason::NotFound);
        let deleted = refusal(&mut cluster, |cluster| cluster.delete(Kind::Pod, name, Propagation::Background));
        assert_eq!(deleted.reason, Reason::NotFound);
    }
}

#[test]
fn verbs_of_a_rollout_refuse_what_they_cannot_do() {
    let mut cluster = running();
    let refused = refusal(&mut cluster, |cluster| cluster.scale("web", -1));
    let message = "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or \
                   equal to 0";
    assert_says(&refused, &Reason::Invalid, message, &["spec.replicas"]);
    assert_eq!(
        fault(&mut cluster, |cluster| cluster.set_image("web", "other", "nginx", None)),
        Error::NoContainer("other".to_owned())
    );
    assert_eq!(fault(&mut cluster, |cluster| cluster.undo("web", 0)), Error::NoHistory("web".to_owned()));
    assert_eq!(fault(&mut cluster, |cluster| cluster.undo("web", 7)), Error::NoRevision(7));
    assert_eq!(fault(&mut cluster, |cluster| cluster.undo("web", i64::MIN)), Error::NoRevision(i64::MIN));
    assert_eq!(fault(&mut cluster, |cluster| cluster.undo("web", 1)), Error::SameTemplate(1));
    assert_eq!(fault(&mut cluster, |cluster| cluster.resume("web")), Error::NotPaused("web".to_owned()));
    cluster.pause("web").expect("it is not paused yet");
    assert_eq!(fault(&mut cluster, |cluster| cluster.pause("web")), Error::AlreadyPaused("web".to_owned()));
    assert_eq!(fault(&mut cluster, |cluster| cluster.restart("web")), Error::RestartWhilePaused);
    assert_eq!(fault(&mut cluster, |cluster| cluster.undo("web", 1)), Error::RollbackWhilePaused);
}

#[test]
fn an_image_must_be_named() {
    let mut cluster = running();
    let refused = refusal(&mut cluster, |cluster| cluster.set_image("web", "*", "", None));
    let field = "spec.template.spec.containers[0].image";
    let message = format!("Deployment.apps \"web\" is invalid: {field}: Required value");
    assert_says(&refused, &Reason::Invalid, &message, &[field]);
}

#[test]
fn a_selector_is_immutable_for_apply_and_patch() {
    let mut cluster = running();
    let immutable =
        |value: &str| format!("spec.selector: Invalid value: {{\"matchLabels\":{value}}}: field is immutable");
    let other = WEB.replace("app: web", "app: web2");
    let refused = refusal(&mut cluster, |cluster| cluster.apply(&other));
    let message = format!("Deployment.apps \"web\" is invalid: {}", immutable(r#"{"app":"web2"}"#));
    assert_says(&refused, &Reason::Invalid, &message, &["spec.selector"]);
    let message = format!(
        "Deployment.apps \"web\" is invalid: [spec.template.metadata.labels: Invalid value: {{\"app\":\"web\"}}: \
         `selector` does not match template `labels`, {}]",
        immutable(r#"{"app":"q"}"#)
    );
    let merge = json!({"spec": {"selector": {"matchLabels": {"app": "q"}}}});
    let replace = json!([{"op": "replace", "path": "/spec/selector/matchLabels/app", "value": "q"}]);
    for (kind, patch) in [(PatchKind::Strategic, &merge), (PatchKind::Merge, &merge), (PatchKind::Json, &replace)] {
        let refused = refusal(&mut cluster, |cluster| cluster.patch(Kind::Deployment, "web", kind, patch));
        assert_says(&refused, &Reason::Invalid, &message, &["spec.template.metadata.labels", "spec.selector"]);
    }
}

#[test]
fn a_refused_second_document_keeps_the_first_from_being_applied() {
    let mut cluster = running();
    for second in [
        changed("bad", "/spec/replicas", json!(-1)),
        changed("bad", "/spec/replicaz", json!(1)),
        changed("web", "/spec/selector", json!({"matchLabels": {"app": "q"}})),
        "apiVersion: v2\nkind: Pod".to_owned(),
        "a: [".to_owned(),
    ] {
        for first in [changed("new", "/spec/replicas", json!(1)), changed("web", "/spec/replicas", json!(1))] {
            let both = format!("{first}\n---\n{second}");
            fault(&mut cluster, |cluster| cluster.apply(&both));
        }
        let both = format!("{}\n---\n{second}", changed("new", "/spec/replicas", json!(1)));
        fault(&mut cluster, |cluster| cluster.create(&both));
    }
    assert!(cluster.deployment("new").is_err());
}

#[test]
fn a_document_applied_twice_in_one_manifest_counts_as_an_update() {
    let mut cluster = running();
    let new = |replicas: i32| changed("new", "/spec/replicas", json!(replicas));
    let immutable =
        changed("new", "/spec/selector", json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}));
    let refused = refusal(&mut cluster, |cluster| cluster.apply(&format!("{}\n---\n{immutable}", new(1))));
    assert_eq!(refused.reason, Reason::Invalid);
    let applied = cluster.apply(&format!("{}\n---\n{}", new(1), new(2))).expect("both are valid");
    assert_eq!(applied.iter().map(|each| each.outcome).collect::<Vec<_>>(), [Outcome::Created, Outcome::Configured]);
    assert_eq!(cluster.deployment("new").expect("it is there").spec.replicas, 2);
}

#[test]
fn broken_patches_are_refused() {
    let mut cluster = running();
    let mut patch = |kind: PatchKind, patch: Value| {
        refusal(&mut cluster, |cluster| cluster.patch(Kind::Deployment, "web", kind, &patch))
    };
    let rejected = "the server rejected our request due to an error in our request";
    for operation in [
        json!({"op": "replace", "path": "/spec/nowhere/deep", "value": 1}),
        json!({"op": "remove", "path": "/metadata/annotations/none"}),
        json!({"op": "test", "path": "/spec/replicas", "value": 77}),
        json!({"op": "add", "path": "/spec/template/spec/containers/9", "value": {}}),
        json!({"op": "move", "from": "/nowhere", "path": "/spec/replicas"}),
    ] {
        assert_says(&patch(PatchKind::Json, json!([operation])), &Reason::Invalid, rejected, &[]);
    }
    let decoding = "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp";
    assert_says(&patch(PatchKind::Json, json!({})), &Reason::BadRequest, decoding, &[]);
    for value in [json!(null), json!(5), json!("x"), json!([]), json!([{"spec": {}}])] {
        assert_eq!(patch(PatchKind::Strategic, value.clone()).reason, Reason::BadRequest);
        assert_eq!(patch(PatchKind::Merge, value).reason, Reason::BadRequest);
    }
    let keyless = json!({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}});
    assert_eq!(
        &*patch(PatchKind::Strategic, keyless).message,
        "map: map[image:x] does not contain declared merge key: name"
    );
    let mistyped = patch(PatchKind::Strategic, json!({"spec": {"replicas": "many"}}));
    let message = " \"\" is invalid: patch: Invalid value: \"map[spec:map[replicas:many]]\": unrecognized type: int32";
    assert_says(&mistyped, &Reason::Invalid, message, &["patch"]);
}

#[test]
fn a_patched_object_must_pass_the_edge_under_its_own_name() {
    let mut cluster = running();
    for kind in [PatchKind::Strategic, PatchKind::Merge] {
        let mut patch =
            |patch: Value| refusal(&mut cluster, |cluster| cluster.patch(Kind::Deployment, "web", kind, &patch));
        let negative = "Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or \
                        equal to 0";
        let refused = patch(json!({"spec": {"replicas": -1}}));
        assert_says(&refused, &Reason::Invalid, negative, &["spec.replicas"]);
        let renamed = "the name of the object (zzz) does not match the name on the URL (web)";
        assert_says(&patch(json!({"metadata": {"name": "zzz"}})), &Reason::BadRequest, renamed, &[]);
        let recreate = "Deployment.apps \"web\" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be \
                        specified when strategy `type` is 'Recreate'";
        let refused = patch(json!({"spec": {"strategy": {"type": "Recreate"}}}));
        assert_says(&refused, &Reason::Invalid, recreate, &["spec.strategy.rollingUpdate"]);
        patch(json!({"kind": "Pod"}));
        patch(json!({"apiVersion": null}));
        patch(json!({"spec": null}));
    }
}

#[test]
fn labels_and_annotations_are_held_to_their_syntax() {
    let mut cluster = running();
    for kind in [Kind::Deployment, Kind::Pod] {
        let pod = cluster.store().pods().next().and_then(|key| cluster.store().render_pod(key));
        let pod = pod.expect("there are pods").meta.name;
        let name = if kind == Kind::Pod { &*pod } else { "web" };
        let refused = refusal(&mut cluster, |cluster| cluster.label(kind, name, "tier", Some("front end")));
        assert_eq!((refused.reason, &*refused.causes[0].field), (Reason::Invalid, "metadata.labels"));
        let refused = refusal(&mut cluster, |cluster| cluster.label(kind, name, "Bad_Prefix/k", Some("v")));
        assert_eq!((refused.reason, &*refused.causes[0].field), (Reason::Invalid, "metadata.labels"));
        let refused = refusal(&mut cluster, |cluster| cluster.annotate(kind, name, "bad key", Some("v")));
        assert_eq!((refused.reason, &*refused.causes[0].field), (Reason::Invalid, "metadata.annotations"));
    }
}
