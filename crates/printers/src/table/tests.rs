use super::*;

fn now() -> Now {
    Now::parse("2026-01-15T12:00:00Z").expect("a time")
}

fn pod(name: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "creationTimestamp": "2026-01-15T11:55:00Z",
                     "labels": {"app": "web", "example.com/tier": "front"}},
        "spec": {"containers": [{"name": "web"}]},
        "status": status,
    })
}

#[track_caller]
fn check(pods: &[Value], options: &TableOptions, expected: &str) {
    assert_eq!(table("Pod", pods, false, now()).render(options), expected);
}

#[test]
fn a_table_lines_up_under_its_header() {
    let pods = [pod("web-1", &json!({"phase": "Running"})), pod("a-longer-name", &json!({"phase": "Pending"}))];
    check(
        &pods,
        &TableOptions::default(),
        "NAME            READY   STATUS    RESTARTS   AGE\n\
         web-1           0/1     Running   0          5m\n\
         a-longer-name   0/1     Pending   0          5m\n",
    );
}

#[test]
fn labels_get_columns_named_after_their_last_part() {
    let options = TableOptions {
        no_headers: false,
        with_namespace: true,
        kind: Some("pod".into()),
        show_labels: false,
        label_columns: vec!["example.com/tier".into(), "none".into()],
    };
    check(
        &[pod("web-1", &json!({"phase": "Running"}))],
        &options,
        "NAMESPACE   NAME        READY   STATUS    RESTARTS   AGE   TIER    NONE\n\
         default     pod/web-1   0/1     Running   0          5m    front   \n",
    );
}

#[test]
fn a_watch_writes_one_header_and_keeps_its_widths() {
    let mut writer = TableWriter::new(TableOptions::default());
    let (long, short) = (pod("a-longer-name", &json!({"phase": "Running"})), pod("web", &json!({"phase": "Failed"})));
    let first = writer.write(&table("Pod", [&long], false, now()));
    assert!(first.starts_with("NAME            READY"));
    let second = writer.write(&table("Pod", [&short], false, now()));
    assert_eq!(second, "web             0/1     Failed    0          5m\n");
}

#[test]
fn restarts_of_sidecars_count_and_those_of_finished_init_containers_do_not() {
    let ended = |at: &str| json!({"terminated": {"finishedAt": at, "exitCode": 1}});
    let mut object = pod(
        "web-1",
        &json!({
            "phase": "Running",
            "initContainerStatuses": [
                {"name": "setup", "restartCount": 4, "state": {"terminated": {"exitCode": 0}},
                 "lastState": ended("2026-01-15T11:59:59Z")},
                {"name": "proxy", "restartCount": 1, "started": true, "ready": true, "state": {"running": {}},
                 "lastState": ended("2026-01-15T11:59:20Z")},
            ],
            "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0, "state": {"running": {}}}],
        }),
    );
    object["spec"]["initContainers"] = json!([{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}]);
    let table = table("Pod", [&object], false, now());
    assert_eq!(table.rows[0].cells[1..4], ["2/2".into(), "Running".into(), Cell::from("1 (40s ago)")]);
}

#[test]
fn a_cell_ends_at_its_first_line_break_and_obeys_no_terminal() {
    let event = json!({"kind": "Event", "message": "\u{1b}[31mred\nand more", "involvedObject": {"kind": "Pod"}});
    let text = table("Event", [&event], false, now()).render(&TableOptions { no_headers: true, ..Default::default() });
    assert!(text.ends_with("   ^[[31mred...\n"), "{text}");
}

#[test]
fn kinds_without_columns_show_name_and_age() {
    let object = json!({"kind": "Widget", "metadata": {"name": "w"}});
    let text = table("Widget", [&object], true, now()).render(&TableOptions::default());
    assert_eq!(text, "NAME   AGE\nw      <unknown>\n");
}

#[test]
fn an_autoscaler_of_version_1_shows_its_one_metric() {
    let hpa = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"maxReplicas": 10, "minReplicas": 2, "targetCPUUtilizationPercentage": 50,
                 "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
        "status": {"currentCPUUtilizationPercentage": 80, "currentReplicas": 3},
    });
    let table = table("HorizontalPodAutoscaler", [&hpa], false, now());
    let cells: Vec<String> = table.rows[0].cells.iter().map(ToString::to_string).collect();
    assert_eq!(cells, ["web", "Deployment/web", "cpu: 80%/50%", "2", "10", "3", "<unknown>"]);
}
