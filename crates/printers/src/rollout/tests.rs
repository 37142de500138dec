use super::*;
use serde_json::json;

fn web(spec: i64, replicas: i64, updated: i64, available: i64) -> Value {
    json!({
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": 2, "annotations": {REVISION: "3"}},
        "spec": {"replicas": spec},
        "status": {"observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated,
                   "availableReplicas": available},
    })
}

#[track_caller]
fn check(object: &Value, message: &str, done: bool) {
    assert_eq!(status(object, 0), Ok(Status { message: format!("{message}\n"), done }));
}

#[test]
fn a_rollout_updates_then_drops_the_old_then_waits_for_the_new() {
    let waiting = "Waiting for deployment \"web\" rollout to finish:";
    check(&web(3, 3, 1, 3), &format!("{waiting} 1 out of 3 new replicas have been updated..."), false);
    check(&web(3, 4, 3, 3), &format!("{waiting} 1 old replicas are pending termination..."), false);
    check(&web(3, 3, 3, 2), &format!("{waiting} 2 of 3 updated replicas are available..."), false);
    check(&web(3, 3, 3, 3), "deployment \"web\" successfully rolled out", true);
}

#[test]
fn an_unseen_change_is_waited_for_and_a_missed_deadline_is_not() {
    let mut object = web(3, 3, 3, 3);
    object["metadata"]["generation"] = json!(3);
    check(&object, "Waiting for deployment spec update to be observed...", false);
    object["metadata"]["generation"] = json!(2);
    object["status"]["conditions"] = json!([{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]);
    let error = status(&object, 0).unwrap_err().to_string();
    assert_eq!(error, "deployment \"web\" exceeded its progress deadline");
    let error = status(&object, 7).unwrap_err().to_string();
    assert_eq!(error, "desired revision (7) is different from the running revision (3)");
}

#[test]
fn partitions_and_nodes_have_words_of_their_own() {
    let set = json!({
        "kind": "StatefulSet", "metadata": {"name": "db", "generation": 1},
        "spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
        "status": {"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 1},
    });
    check(&set, "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...", false);
    let daemons = json!({
        "kind": "DaemonSet", "metadata": {"name": "log", "generation": 1},
        "spec": {"updateStrategy": {"type": "RollingUpdate"}},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 4, "updatedNumberScheduled": 4},
    });
    check(&daemons, "Waiting for daemon set \"log\" rollout to finish: 0 of 4 updated pods are available...", false);
    assert_eq!(status(&json!({"kind": "DaemonSet"}), 0), Err(StatusError::Strategy));
}

#[test]
fn the_history_goes_by_revision_and_names_causes() {
    let set = |revision: &str, cause: Option<&str>| {
        let mut set = json!({"kind": "ReplicaSet", "metadata": {"annotations": {REVISION: revision}}});
        if let Some(cause) = cause {
            set["metadata"]["annotations"][CHANGE_CAUSE] = cause.into();
        }
        set
    };
    let sets = [set("10", Some("image 1.26")), set("9", None)];
    assert_eq!(history(&sets), "REVISION  CHANGE-CAUSE\n9         <none>\n10        image 1.26\n");
    assert_eq!(history([]), "No rollout history found.");
}
