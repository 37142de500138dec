//! What the recording did out of sight: its cluster, files that are not shown, commands and pauses
//! between those that are. The notes beside the recordings tell; where they do not, the answers do.

use super::session::Entry;
use core::time::Duration;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wavetank::{Calendar, Cluster, Kind};
use wavetank_kubectl::{Output, kubectl, watch};
use wavetank_metrics::{Curve, Group, Settings, Share, Usage};
use wavetank_model::{Quantity, Selector};
use wavetank_node::ImageBehaviour;

/// From the end of a command to the next one.
const BETWEEN_COMMANDS: Duration = Duration::from_millis(150);
/// From the beginning of a watch to what is then done, and from that to its end.
const OF_A_WATCH: Duration = Duration::from_secs(2);

/// Something done out of sight.
enum Hidden {
    /// A command.
    Line(&'static str),
    /// So many milliseconds pass.
    Pause(u64),
    /// Time passes until an instant, in seconds since 1970. Hashes of templates with times in them tell.
    Until(i64),
}

use Hidden::{Line, Pause, Until};

/// When the recorded rollout was restarted for the first time: 2026-11-21T01:55:58Z.
const FIRST_RESTART: i64 = 1_795_226_158;

/// What is done before a command of a file: the file, how often the command has been seen before, the
/// command.
const BEFORE: &[(&str, usize, &str, &[Hidden])] = &[
    ("apply", 0, "kubectl apply -f deploy.yaml", &[Line("delete -f deploy.yaml -f svc.yaml -f hpa.yaml")]),
    ("apply", 0, "kubectl apply -f svc.yaml -f hpa.yaml", &[Line("delete -f svc.yaml -f hpa.yaml --ignore-not-found")]),
    (
        "describe",
        0,
        "kubectl describe deploy web",
        &[
            Line("apply -f deploy.yaml -f svc.yaml -f hpa.yaml"),
            Pause(20_000),
            Line("scale deploy web --replicas=5"),
            Pause(15_000),
        ],
    ),
    ("describe", 1, "kubectl describe deploy web", &[Line("set image deploy/web web=nginx:1.26"), Pause(10_000)]),
    ("errors", 0, "kubectl apply -f bad-selector-immutable.yaml", &[Line("apply -f deploy.yaml")]),
    (
        "get",
        1,
        "kubectl get deploy",
        &[Pause(20_300), Line("apply -f deploy.yaml -f svc.yaml -f hpa.yaml"), Pause(6_000)],
    ),
    ("get", 0, "kubectl get all", &[Pause(4_000)]),
    ("get", 0, "kubectl get events", &[Pause(12_000)]),
    ("get-watch", 0, "kubectl get deploy web -w", &[Line("apply -f deploy.yaml -f svc.yaml"), Pause(20_000)]),
    (
        "get-watch",
        0,
        "kubectl get rs -w --output-watch-events",
        &[Line("scale deploy web --replicas=3"), Pause(20_000)],
    ),
    (
        "hpa",
        0,
        "kubectl get hpa",
        &[Pause(800), Line("apply -f hpa.yaml"), Pause(1_100), Line("apply -f deploy.yaml"), Pause(18_000)],
    ),
    ("hpa", 1, "kubectl get hpa", &[Pause(41_300)]),
    ("hpa", 2, "kubectl get hpa", &[Pause(29_500)]),
    ("hpa", 3, "kubectl get hpa", &[Pause(30_000)]),
    ("hpa", 4, "kubectl get hpa", &[Pause(74_000)]),
    ("hpa", 5, "kubectl get hpa", &[Pause(23_000)]),
    ("hpa", 6, "kubectl get hpa", &[Pause(10_000)]),
    (
        "misc",
        0,
        "kubectl logs -l app=web",
        &[
            Pause(40),
            Line("apply -f deploy.yaml"),
            Pause(5_000),
            Line("delete -f deploy.yaml"),
            Pause(5_000),
            Pause(300),
            Line("apply -f deploy.yaml"),
            Pause(5_000),
            Line("delete -f deploy.yaml"),
            Pause(5_000),
            Pause(690),
            Line("apply -f deploy-4.yaml"),
            Pause(5_000),
            Line("apply -f deploy.yaml"),
            Pause(10_000),
        ],
    ),
    (
        "mutate",
        0,
        "kubectl expose deploy web --port=80 --target-port=80",
        &[Line("apply -f deploy.yaml"), Pause(3_000)],
    ),
    ("mutate", 0, "kubectl get pod solo", &[Pause(1_000)]),
    ("mutate", 0, "kubectl label pods -l app=web x=y", &[Pause(10_000)]),
    ("rollout", 5, "kubectl rollout status deploy/web", &[Pause(10_000)]),
    ("rollout", 1, "kubectl rollout restart deploy/web", &[Until(FIRST_RESTART)]),
    ("rollout", 0, "kubectl rollout restart deploy", &[Until(FIRST_RESTART + 9)]),
    (
        "rollout",
        0,
        "kubectl patch deploy web -p '{\"spec\":{\"progressDeadlineSeconds\":4,\"minReadySeconds\":0,\"template\":{\"spec\":{\"nodeName\":\"ghost\"}}}}'",
        &[Until(FIRST_RESTART + 16)],
    ),
];

/// What is done while a watch of a file goes on.
const DURING: &[(&str, &str, &str)] = &[
    ("get-watch", "kubectl get deploy web -w", "scale deploy web --replicas=5"),
    ("get-watch", "kubectl get rs -w --output-watch-events", "scale deploy web --replicas=5"),
];

/// Metrics were written every three seconds.
const SCRAPED: Settings = Settings {
    first_scrape: Duration::from_millis(500),
    interval: Duration::from_secs(3),
    window: Duration::from_secs(30),
    scrapes_before_first_sample: 1,
    lag: Duration::ZERO,
    missing_per_mille: 0,
    is_installed: true,
};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector:\n    app: web\n  \
                       ports:\n  - name: http\n    port: 80\n    targetPort: 80\n";

/// The Service that every cluster has.
const API_SERVER: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: kubernetes\n  labels:\n    component: \
                          apiserver\n    provider: kubernetes\nspec:\n  ports:\n  - name: https\n    port: 443\n    \
                          targetPort: 6443\n";

/// A session under way.
pub(super) struct Scene {
    stem: String,
    cluster: Cluster,
    files: BTreeMap<String, String>,
    seen: BTreeMap<String, usize>,
}

/// The Deployment that most sessions are about, with an image and a number of replicas.
fn deployment(image: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"nodeName": "node-0", "containers": [{
                    "name": "web",
                    "image": image,
                    "ports": [{"containerPort": 80}],
                    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 5},
                }]},
            },
        },
    })
}

fn autoscaler() -> Value {
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
            "behavior": {
                "scaleDown": {"stabilizationWindowSeconds": 60, "policies": [
                    {"type": "Percent", "value": 50, "periodSeconds": 15}]},
                "scaleUp": {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]},
            },
        },
    })
}

/// An object with some values put in place of others; `null` takes a member away.
fn with(mut object: Value, changes: &[(&str, Value)]) -> String {
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
        if let Some(Value::Object(fields)) = object.pointer_mut(parent) {
            if value.is_null() {
                fields.remove(key);
            } else {
                fields.insert(key.to_owned(), value.clone());
            }
        }
    }
    object.to_string()
}

/// Files that the recordings name and do not show. They differ from those shown as their names say.
fn files() -> BTreeMap<String, String> {
    let deploy = |changes: &[(&str, Value)]| with(deployment("nginx:1.25", 3), changes);
    let hpa = |changes: &[(&str, Value)]| with(autoscaler(), changes);
    let service = |ports: Value| {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}});
        with(service, &[("/spec", json!({"selector": {"app": "web"}, "ports": ports}))])
    };
    const CONTAINER: &str = "/spec/template/spec/containers/0";
    let container = |field: &str, value: Value| deploy(&[(&format!("{CONTAINER}/{field}"), value)]);
    let spec = |field: &str, value: Value| deploy(&[(&format!("/spec/{field}"), value)]);
    let selector = json!({"matchLabels": {"app": "w2"}});
    let both_zero = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}});
    let metric = |target: Value, kind: &str| json!([{"type": kind, "resource": {"name": "cpu", "target": target}}]);
    let known = [
        ("-", deploy(&[])),
        ("deploy.yaml", deploy(&[])),
        ("deploy-v2.yaml", deployment("nginx:1.26", 3).to_string()),
        ("deploy-v2-5.yaml", deployment("nginx:1.26", 5).to_string()),
        ("deploy-4.yaml", deployment("nginx:1.25", 4).to_string()),
        ("svc.yaml", SERVICE.to_owned()),
        ("hpa.yaml", autoscaler().to_string()),
        ("web-noann.yaml", deploy(&[("/metadata/name", json!("web2"))])),
        ("stale.yaml", deploy(&[("/metadata/resourceVersion", json!("1"))])),
        ("bad-unknown-nested.yaml", container("imag", json!("x"))),
        ("bad-unknown-warn.yaml", spec("replica", json!(3))),
        ("bad-unknown-ignore.yaml", spec("replica", json!(3))),
        ("bad-no-selector.yaml", spec("selector", Value::Null)),
        ("bad-selector-mismatch.yaml", spec("selector", json!({"matchLabels": {"app": "other"}}))),
        ("bad-replicas-negative.yaml", spec("replicas", json!(-1))),
        ("bad-replicas-string.yaml", spec("replicas", json!("three"))),
        ("bad-quantity.yaml", container("resources", json!({"requests": {"cpu": "1x"}}))),
        (
            "bad-request-over-limit.yaml",
            container("resources", json!({"requests": {"memory": "1Gi"}, "limits": {"memory": "128Mi"}})),
        ),
        ("bad-no-containers.yaml", deploy(&[("/spec/template/spec/containers", json!([]))])),
        ("bad-no-image.yaml", container("image", Value::Null)),
        ("bad-name.yaml", deploy(&[("/metadata/name", json!("Web_1"))])),
        ("bad-no-name.yaml", deploy(&[("/metadata/name", Value::Null)])),
        ("bad-kind.yaml", deploy(&[("/kind", json!("Deploymint"))])),
        ("bad-version.yaml", deploy(&[("/apiVersion", json!("apps/v9"))])),
        ("bad-no-kind.yaml", deploy(&[("/kind", Value::Null)])),
        ("bad-no-api-version.yaml", deploy(&[("/apiVersion", Value::Null)])),
        ("bad-namespace.yaml", deploy(&[("/metadata/namespace", json!("nope"))])),
        ("bad-both-zero.yaml", spec("strategy", both_zero)),
        (
            "bad-many.yaml",
            deploy(&[
                ("/spec/replicas", json!(-1)),
                ("/spec/minReadySeconds", json!(-1)),
                ("/spec/template/spec/containers/0/name", json!("A")),
            ]),
        ),
        ("bad-empty.yaml", String::new()),
        ("bad-text.yaml", "just some text\n".to_owned()),
        ("bad-list.yaml", "- a\n- b\n".to_owned()),
        ("bad-annotation-number.yaml", deploy(&[("/metadata/annotations", json!({"a": 1}))])),
        (
            "bad-probe.yaml",
            container("readinessProbe", json!({"httpGet": {"path": "/healthz", "port": 0}, "periodSeconds": -1})),
        ),
        ("bad-restart.yaml", deploy(&[("/spec/template/spec/restartPolicy", json!("Never"))])),
        ("bad-service-port.yaml", service(json!([{"name": "http", "port": 0, "targetPort": 80}]))),
        ("bad-service-two-unnamed.yaml", service(json!([{"port": 80}, {"port": 81}]))),
        ("bad-hpa-min-max.yaml", hpa(&[("/spec/minReplicas", json!(20))])),
        ("bad-hpa-max-zero.yaml", hpa(&[("/spec/maxReplicas", json!(0))])),
        (
            "bad-hpa-metric.yaml",
            hpa(&[("/spec/metrics", metric(json!({"type": "Utilization", "averageUtilization": 50}), "Foo"))]),
        ),
        (
            "bad-hpa-utilization.yaml",
            hpa(&[("/spec/metrics", metric(json!({"type": "Utilization", "averageUtilization": 0}), "Resource"))]),
        ),
        ("bad-hpa-unknown.yaml", hpa(&[("/spec/minReplica", json!(2))])),
        (
            "bad-selector-immutable.yaml",
            deploy(&[("/spec/selector", selector), ("/spec/template/metadata/labels", json!({"app": "w2"}))]),
        ),
    ];
    known.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

/// What chance comes from. A client that forgets similar events forgets any of them; the recorded one
/// happened to forget those that it forgets here by this seed.
const SEED: u64 = 1485;

/// The cluster of the recordings: nodes of kwok, pods that are ready about as soon as they are seen.
fn cluster() -> Cluster {
    let fast =
        ImageBehaviour::new().pull(Duration::ZERO).start(Duration::from_millis(20)).shutdown(Duration::from_millis(20));
    let nodes = Cluster::builder().faked_nodes().other_images(fast).node("node-0").node("node-1");
    let mut cluster = nodes.seed(SEED).calendar(Calendar::from_unix_seconds(FIRST_RESTART - 70)).build();
    for node in ["node-0", "node-1"] {
        let status = json!({
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {
                "kubeletVersion": "kwok-0.8.0",
                "kernelVersion": "kwok-0.8.0",
                "containerRuntimeVersion": "kwok-0.8.0",
                "architecture": "amd64",
                "osImage": "",
            },
        });
        // A node that is not there has no status to lack.
        drop(cluster.set_document_status(Kind::Node, node, status));
    }
    drop(cluster.create(API_SERVER));
    cluster.change_metrics(|metrics| metrics.set(Settings { is_installed: false, ..SCRAPED }));
    cluster
}

impl Scene {
    /// The scene of a recorded file.
    pub(super) fn of(stem: &str) -> Self {
        Self { stem: stem.to_owned(), cluster: cluster(), files: files(), seen: BTreeMap::new() }
    }

    /// Carries out a recorded command, with what was done out of sight before and during it.
    pub(super) fn run(&mut self, entry: &Entry) -> Output {
        self.files.extend(entry.files.iter().cloned());
        for note in &entry.notes {
            self.heed(note);
        }
        let times = self.seen.entry(entry.line.clone()).or_default();
        let before = *times;
        *times += 1;
        let hidden = BEFORE
            .iter()
            .filter(|(stem, count, line, _)| *stem == self.stem && *count == before && *line == entry.line);
        for step in hidden.flat_map(|(_, _, _, steps)| steps.iter()) {
            match step {
                Line(line) => {
                    let _said = kubectl(&mut self.cluster, &self.files, line);
                }
                Pause(millis) => self.cluster.run_for(Duration::from_millis(*millis)),
                Until(seconds) => {
                    let until = self.cluster.calendar().time(*seconds, 0);
                    self.cluster.run_for(until.since(self.cluster.now()));
                }
            }
        }
        let said =
            if entry.code.is_none() { self.watch(entry) } else { kubectl(&mut self.cluster, &self.files, &entry.line) };
        self.cluster.run_for(BETWEEN_COMMANDS);
        said
    }

    /// A note may say what pods use: `every pod uses 150m`. What memory they use shows in the answers.
    fn heed(&mut self, note: &str) {
        let Some(used) = note.strip_prefix("every pod uses ") else { return };
        let Ok(quantity) = Quantity::parse(used) else { return };
        let Ok(selector) = Selector::parse("app=web") else { return };
        let group = Group { namespace: "default".into(), selector };
        let usage =
            |resource: &str, milli| Usage::of_resource(group.clone(), resource, Share::Each, Curve::Constant(milli));
        let usages = [usage("cpu", quantity.milli_value()), usage("memory", 20 * 1024 * 1024 * 1000)];
        self.cluster.change_metrics(|metrics| {
            metrics.set(SCRAPED);
            metrics.remove_usage(&group);
            usages.into_iter().for_each(|usage| metrics.add_usage(usage));
        });
    }

    fn watch(&mut self, entry: &Entry) -> Output {
        let (mut watch, mut stdout) = match watch(&mut self.cluster, &self.files, &entry.line) {
            Ok(begun) => begun,
            Err(said) => return said,
        };
        self.cluster.run_for(OF_A_WATCH);
        for (_, _, line) in DURING.iter().filter(|(stem, line, _)| *stem == self.stem && *line == entry.line) {
            let _said = kubectl(&mut self.cluster, &self.files, line);
        }
        self.cluster.run_for(OF_A_WATCH);
        match watch.lines(&mut self.cluster) {
            Ok(lines) => stdout.push_str(&lines),
            Err(said) => return said,
        }
        Output { stdout, ..Output::default() }
    }
}
