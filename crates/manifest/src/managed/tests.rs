use super::*;
use serde_json::json;

fn edge() -> Edge {
    Edge::default()
}

fn writer<'a>(manager: &'a str, edge: &'a Edge) -> Writer<'a> {
    Writer { manager, subresource: "", time: Time::from_millis(5_000), edge }
}

fn manifest(replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}]},
            },
        },
    })
}

/// An object and its owners, under a hand that applies to it.
struct Subject {
    live: Option<Value>,
    managed: Option<ManagedFields>,
}

impl Subject {
    fn created_by(manager: &str, given: &Value) -> Self {
        let object = crate::admit(given).unwrap();
        let managed = created(Kind::Deployment, given, &object, writer(manager, &edge()));
        Self { live: Some(object), managed: Some(managed) }
    }

    const fn nothing() -> Self {
        Self { live: None, managed: None }
    }

    fn apply(&mut self, manager: &str, config: &Value, force: bool) -> Result<(), Refusal> {
        let edge = edge();
        let writer = writer(manager, &edge);
        let (live, known) = (self.live.as_ref(), self.managed.as_ref());
        let done = server_side_apply(Kind::Deployment, live, known, config, writer, force)?;
        let admitted = match &self.live {
            None => crate::admit(&done.object)?,
            Some(live) => crate::admit_update(live, &done.object)?,
        };
        (self.live, self.managed) = (Some(admitted), Some(done.managed));
        Ok(())
    }

    fn replicas(&self) -> &Value {
        &self.live.as_ref().unwrap()["spec"]["replicas"]
    }

    fn fields(&self, manager: &str) -> Value {
        let entries = &self.managed.as_ref().unwrap().entries;
        let entry = entries.iter().find(|entry| &*entry.manager == manager);
        entry.map_or(Value::Null, |entry| serde_json::from_str(&entry.fields).unwrap())
    }
}

fn applies(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
}

#[test]
fn the_creator_owns_what_it_said_and_the_defaults() {
    let web = Subject::created_by("me", &manifest(3));
    let expected = json!({"f:spec": {
        "f:progressDeadlineSeconds": {}, "f:replicas": {}, "f:revisionHistoryLimit": {}, "f:selector": {},
        "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}, "f:type": {}},
        "f:template": {
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:containers": {"k:{\"name\":\"web\"}": {
                    ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
                    "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
                }},
                "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {},
                "f:terminationGracePeriodSeconds": {},
            },
        },
    }});
    assert_eq!(web.fields("me"), expected);
}

#[test]
fn an_applier_owns_what_it_said_and_no_default() {
    let mut web = Subject::nothing();
    web.apply("me", &manifest(3), false).unwrap();
    let expected = json!({"f:spec": {
        "f:replicas": {}, "f:selector": {},
        "f:template": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:name": {}}}},
        },
    }});
    assert_eq!(web.fields("me"), expected);
}

#[test]
fn another_owner_is_a_conflict_that_is_named() {
    let mut web = Subject::created_by("kubectl-client-side-apply", &manifest(3));
    let refused = web.apply("me", &applies(&json!({"replicas": 5})), false).unwrap_err();
    assert_eq!(refused.reason, Reason::Conflict);
    assert_eq!(
        &*refused.message,
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1: .spec.replicas"
    );
    let two = applies(&json!({"replicas": 5, "template": {"spec": {"containers": [{"name": "web", "image": "i:2"}]}}}));
    assert_eq!(
        &*web.apply("me", &two, false).unwrap_err().message,
        "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using apps/v1:\n- .spec.replicas\n- \
         .spec.template.spec.containers[name=\"web\"].image"
    );
    assert_eq!(web.replicas(), 3);
}

#[test]
fn force_takes_the_field_from_its_owner() {
    let mut web = Subject::created_by("other", &manifest(3));
    web.apply("me", &applies(&json!({"replicas": 5})), true).unwrap();
    assert_eq!(web.replicas(), 5);
    assert_eq!(web.fields("me"), json!({"f:spec": {"f:replicas": {}}}));
    assert!(web.fields("other")["f:spec"].get("f:replicas").is_none());
}

#[test]
fn the_same_value_is_owned_together() {
    let mut web = Subject::created_by("other", &manifest(3));
    web.apply("me", &applies(&json!({"replicas": 3})), false).unwrap();
    assert!(web.fields("other")["f:spec"].get("f:replicas").is_some());
    // One of two lets go, and the value stays.
    let nothing = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
    web.apply("me", &nothing, false).unwrap();
    assert_eq!((web.replicas(), web.fields("me")), (&json!(3), Value::Null));
}

#[test]
fn what_is_applied_no_longer_goes_back_to_its_default() {
    let mut web = Subject::nothing();
    web.apply("me", &manifest(3), false).unwrap();
    let mut without = manifest(3);
    without["spec"].as_object_mut().unwrap().remove("replicas");
    web.apply("me", &without, false).unwrap();
    assert_eq!(web.replicas(), 1);
}

#[test]
fn a_container_stays_as_long_as_somebody_applies_it() {
    let with = |names: &[&str]| {
        let containers: Vec<Value> = names.iter().map(|name| json!({"name": name, "image": "i"})).collect();
        let mut object = manifest(1);
        object["spec"]["template"]["spec"]["containers"] = Value::Array(containers);
        object
    };
    let names = |web: &Subject| {
        let list = &web.live.as_ref().unwrap()["spec"]["template"]["spec"]["containers"];
        list.as_array().unwrap().iter().map(|each| each["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut web = Subject::nothing();
    web.apply("one", &with(&["a", "b"]), false).unwrap();
    web.apply("two", &with(&["b", "c"]), false).unwrap();
    assert_eq!(names(&web), ["a", "b", "c"]);
    web.apply("one", &with(&["a"]), false).unwrap();
    assert_eq!(names(&web), ["a", "b", "c"]);
    web.apply("two", &with(&["c"]), false).unwrap();
    assert_eq!(names(&web), ["a", "c"]);
}

#[test]
fn an_update_takes_what_it_changes_and_nothing_else() {
    let web = Subject::created_by("one", &manifest(3));
    let (before, edge) = (web.live.unwrap(), edge());
    let mut after = before.clone();
    after["spec"]["replicas"] = json!(4);
    after["metadata"]["labels"] = json!({"x": "y"});
    let managed =
        updated(Kind::Deployment, (&before, &after), web.managed.map(Arc::new).as_ref(), writer("two", &edge)).unwrap();
    let web = Subject { live: Some(after), managed: Some((*managed).clone()) };
    assert_eq!(
        web.fields("two"),
        json!({"f:metadata": {"f:labels": {".": {}, "f:x": {}}}, "f:spec": {"f:replicas": {}}})
    );
    assert!(web.fields("one")["f:spec"].get("f:replicas").is_none());
    assert!(web.fields("one")["f:spec"].get("f:selector").is_some());
}

#[test]
fn an_empty_entry_ends_the_remembering_until_somebody_applies() {
    let web = Subject::created_by("one", &manifest(3));
    let (before, edge) = (web.live.unwrap(), edge());
    let mut after = before.clone();
    after["metadata"]["managedFields"] = json!([{}]);
    let managed =
        updated(Kind::Deployment, (&before, &after), web.managed.map(Arc::new).as_ref(), writer("two", &edge)).unwrap();
    assert_eq!(managed_fields(Kind::Deployment, &before, Some(&managed), &edge), []);
    let mut web = Subject { live: Some(before), managed: Some((*managed).clone()) };
    let refused = web.apply("me", &applies(&json!({"replicas": 5})), false).unwrap_err();
    assert!(refused.message.contains("\"before-first-apply\" using apps/v1: .spec.replicas"), "{}", refused.message);
}

#[test]
fn too_many_updaters_are_put_together() {
    let edge = edge();
    let web = Subject::created_by("manager-0", &manifest(0));
    let (mut live, mut managed) = (web.live.unwrap(), Arc::new(web.managed.unwrap()));
    for number in 1..15 {
        let mut after = live.clone();
        after["metadata"]["annotations"][format!("a-{number}")] = json!("x");
        let (name, time) = (format!("manager-{number}"), Time::from_millis(10_000 * (number + 1)));
        managed = updated(Kind::Deployment, (&live, &after), Some(&managed), Writer { time, ..writer(&name, &edge) })
            .unwrap();
        live = after;
    }
    assert_eq!(managed.entries.len(), 10);
    assert!(managed.entries.iter().any(|entry| &*entry.manager == "ancient-changes"));
}

#[test]
fn kubectl_yields_nothing_where_its_annotation_agrees() {
    let mut given = manifest(3);
    given["metadata"]["annotations"] = json!({LAST_APPLIED: manifest(3).to_string()});
    let mut web = Subject::created_by("kubectl-client-side-apply", &given);
    let refused = web.apply("other", &manifest(5), false).unwrap_err();
    assert_eq!(refused.causes.len(), 1);
    web.apply("kubectl", &manifest(5), false).unwrap();
    assert_eq!(web.replicas(), 5);
    let annotation = &web.live.as_ref().unwrap()["metadata"]["annotations"][LAST_APPLIED];
    assert!(annotation.as_str().unwrap().contains("\"replicas\":5"));
}

#[test]
fn what_does_not_fit_the_types_is_refused_in_the_words_of_the_server() {
    let refused = |config: &Value| {
        let message = Subject::nothing().apply("me", config, false).unwrap_err().message;
        message
            .strip_prefix("failed to create typed patch object (web; apps/v1, Kind=Deployment): ")
            .unwrap()
            .to_owned()
    };
    assert_eq!(refused(&applies(&json!({"replicaz": 1}))), ".spec.replicaz: field not declared in schema");
    assert_eq!(
        refused(&applies(&json!({"replicas": "x"}))),
        ".spec.replicas: expected numeric (int or float), got string"
    );
    let twice = json!({"template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}});
    assert_eq!(refused(&applies(&twice)), ".spec.template.spec.containers: duplicate entries for key [name=\"a\"]");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// What somebody may apply: some of the fields that several may want.
    fn config() -> impl Strategy<Value = Value> {
        let containers = proptest::collection::btree_map("[a-c]", "[xy]", 0..3);
        let labels = proptest::collection::btree_map("[k-m]", "[xy]", 0..3);
        (proptest::option::of(0..4), labels, containers, any::<bool>()).prop_map(
            |(replicas, labels, containers, ports)| {
                let mut object = manifest(1);
                object["metadata"]["labels"] = json!(labels);
                match replicas {
                    Some(replicas) => object["spec"]["replicas"] = json!(replicas),
                    None => drop(object["spec"].as_object_mut().and_then(|spec| spec.remove("replicas"))),
                }
                let mut list = vec![json!({"name": "web", "image": "i"})];
                for (name, image) in &containers {
                    let mut container = json!({"name": name, "image": image});
                    if ports {
                        container["ports"] = json!([{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]);
                    }
                    list.push(container);
                }
                object["spec"]["template"]["spec"]["containers"] = Value::Array(list);
                object
            },
        )
    }

    /// Who applied what last, once all have applied. Whoever lets the image of a container go that another
    /// still wants is refused.
    fn applied(steps: &[(bool, Value)]) -> (Subject, &'static str, Value) {
        let (mut web, mut manager, mut last) = (Subject::nothing(), "", Value::Null);
        for (first, config) in steps {
            let name = if *first { "one" } else { "two" };
            if web.apply(name, config, true).is_ok() {
                (manager, last) = (name, config.clone());
            }
        }
        (web, manager, last)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn applying_the_same_again_changes_nothing(steps in proptest::collection::vec((any::<bool>(), config()), 1..5)) {
            let (mut web, manager, config) = applied(&steps);
            let (object, managed) = (web.live.clone(), web.managed.clone());
            web.apply(manager, &config, false).unwrap();
            prop_assert_eq!(web.live, object);
            prop_assert_eq!(web.managed, managed);
        }

        #[test]
        fn what_was_applied_last_is_there_and_owned(steps in proptest::collection::vec((any::<bool>(), config()), 1..5)) {
            let (web, manager, config) = applied(&steps);
            let (shape, live) = (shape_of(Kind::Deployment), in_full(Kind::Deployment, web.live.as_ref().unwrap()));
            prop_assert_eq!(&in_full(Kind::Deployment, &merge::merge(shape, &live, &config)), &live);
            let owned = FieldSet::of_fields_v1(&web.fields(manager)).unwrap();
            prop_assert_eq!(owned, applied_fields(Kind::Deployment, &config));
        }

        #[test]
        fn nobody_owns_what_is_not_there(steps in proptest::collection::vec((any::<bool>(), config()), 1..5)) {
            let (web, ..) = applied(&steps);
            let live = in_full(Kind::Deployment, web.live.as_ref().unwrap());
            let there = compare(shape_of(Kind::Deployment), &nothing(Kind::Deployment), &live).written();
            for entry in &web.managed.as_ref().unwrap().entries {
                let owned = Owners::of(core::slice::from_ref(entry)).0.into_values().next().unwrap().fields;
                // Maps that were applied empty are owned, and not written.
                let beyond = owned.difference(&there);
                prop_assert!(
                    beyond.paths().iter().all(|path| spelled(path).ends_with("labels")),
                    "{:?}", beyond.to_fields_v1()
                );
            }
        }

        #[test]
        fn an_applier_alone_leaves_nothing_behind(one in config(), other in config()) {
            let (alone, ..) = applied(&[(true, other.clone())]);
            let (after, ..) = applied(&[(true, one), (true, other)]);
            prop_assert_eq!(after.live.unwrap()["spec"].clone(), alone.live.unwrap()["spec"].clone());
        }
    }
}

#[test]
fn whoever_scales_again_renews_the_time_of_its_entry_and_changes_nothing_else() {
    let edge = edge();
    let scales =
        |manager, seconds| Writer { manager, subresource: "scale", time: Time::from_seconds(seconds), edge: &edge };
    let mut web = Subject::created_by("other", &manifest(3));
    let mut meta = ObjectMeta { managed: web.managed.clone().map(Arc::new), ..ObjectMeta::default() };
    assert_eq!(scaled_again(Kind::Deployment, meta.managed.as_ref().unwrap(), scales("me", 10)), None);
    meta.managed = scaled(Kind::Deployment, &meta, scales("me", 10));
    for seconds in [20, 3] {
        let again = scaled_again(Kind::Deployment, meta.managed.as_ref().unwrap(), scales("me", seconds)).unwrap();
        assert_eq!(again, scaled_anew(Kind::Deployment, &meta, scales("me", seconds)));
        meta.managed = Some(Arc::new(again));
    }
    // Who owns the field as well has to be told apart from it.
    web.managed = meta.managed.as_deref().cloned();
    web.apply("third", &applies(&json!({"replicas": 3})), true).unwrap();
    let known = web.managed.unwrap();
    assert_eq!(scaled_again(Kind::Deployment, &known, scales("me", 30)), None);
}
