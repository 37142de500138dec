//! `create KIND NAME`: objects made of flags.
//!
//! Source: `kubectl/pkg/cmd/create`. What is made has the fields that a typed client writes, empty ones
//! included, so that it is printed as kubectl prints it.

use crate::api::{self, Address};
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::resource;
use crate::run::{DryRun, Run};
use serde_json::{Map, Value, json};

/// Flags of all of them.
pub(super) const FLAGS: &str = "allow-missing-template-keys annotation:s annotations:s append-hash class:s clusterip:s \
                                default-backend:s dry-run:o external-name:s field-manager:s from:s from-env-file:s \
                                from-file:s from-literal:s hard:s image:s max-unavailable:s min-available:s node-port:i \
                                output,o:s port:i replicas,r:i restart:s rule:s save-config schedule:s scopes:s \
                                selector:s show-managed-fields tcp:s template:s validate:o";

/// The one name that such a command takes.
pub(super) fn name(run: &Run<'_>) -> Result<String, Fault> {
    let before = run.arguments.before_dashes.unwrap_or(run.arguments.words.len());
    match run.arguments.words.get(..before) {
        Some([name]) => Ok(name.clone()),
        words => {
            let path = &run.path;
            let count = words.map_or(0, <[String]>::len);
            said(format!("exactly one NAME is required, got {count}\nSee '{path} -h' for help and examples"))
        }
    }
}

/// The command of a container, after `--`.
fn command(run: &Run<'_>) -> Vec<String> {
    let from = run.arguments.before_dashes.unwrap_or(run.arguments.words.len());
    run.arguments.words.get(from..).unwrap_or_default().to_vec()
}

fn required(run: &Run<'_>, flags: &[&str]) -> Result<(), Fault> {
    let missing: Vec<&str> = flags.iter().copied().filter(|flag| !run.arguments.given(flag)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Fault::Required(missing.join("\", \""))) }
}

/// Metadata as a typed client writes it.
pub(super) fn metadata(name: &str, labels: &Map<String, Value>) -> Value {
    let mut metadata = json!({"creationTimestamp": null, "name": name});
    if !labels.is_empty() {
        metadata["labels"] = Value::Object(labels.clone());
    }
    metadata
}

/// One label.
pub(super) fn label(key: &str, value: &str) -> Map<String, Value> {
    let mut labels = Map::new();
    labels.insert(key.to_owned(), value.into());
    labels
}

/// Sends an object, unless only kubectl is to look at it, and says so. `failed` is what a failure begins with.
pub(super) fn send(
    run: &mut Run<'_>,
    object: &Value,
    shown: &Value,
    done: &str,
    failed: Option<&str>,
) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let resource = resource::of_kind(run.cluster, text("/apiVersion"), text("/kind"));
    let Some(resource) = resource else { return said(format!("no matches for kind {}", quoted(text("/kind")))) };
    let given = run.arguments.given("namespace");
    let at = Address::new(resource, &run.namespace(), text("/metadata/name"));
    if dry_run == DryRun::Client {
        let mut shown = shown.clone();
        if given && at.resource.namespaced {
            shown["metadata"]["namespace"] = at.namespace.as_str().into();
        }
        return run.report(&at, &shown, done, dry_run);
    }
    let mut object = object.clone();
    if run.arguments.on("save-config") {
        object = wavetank_manifest::patch::with_last_applied(&object);
    }
    match run.request(dry_run, |cluster| api::create(cluster, &at, &object)) {
        Ok(made) => run.report(&at, &made, done, dry_run),
        Err(refusal) => Err(match failed {
            Some(failed) => Fault::Said(format!("{failed}: {}", refusal.message)),
            None => refusal.into(),
        }),
    }
}

/// Containers of images, named after them.
fn containers(images: &[String]) -> Vec<Value> {
    images.iter().map(|image| json!({"image": image, "name": container_name(image), "resources": {}})).collect()
}

/// The name of a container that runs an image: the last part of its path, without tag and digest.
fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let plain = last.split('@').next().unwrap_or(last);
    let plain = plain.split(':').next().unwrap_or(plain);
    let letters = plain.to_lowercase();
    let clean = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { Some(letter) } else { None };
    let clean: String = letters.chars().filter_map(clean).collect();
    clean.trim_matches('-').to_owned()
}

/// `create deployment`.
pub(super) fn deployment(run: &mut Run<'_>) -> Result<(), Fault> {
    required(run, &["image"])?;
    let name = name(run)?;
    let images: Vec<String> =
        run.arguments.all("image").flat_map(|images| images.split(',')).map(str::to_owned).collect();
    let command = command(run);
    if images.len() > 1 && !command.is_empty() {
        return said("cannot specify multiple --image options and command");
    }
    let mut containers = containers(&images);
    if let Some(container) = containers.first_mut() {
        if !command.is_empty() {
            container["command"] = command.into();
        }
        if let Some(port) = run.arguments.number("port").filter(|port| *port >= 0) {
            container["ports"] = json!([{"containerPort": port}]);
        }
    }
    let labels = label("app", &name);
    let template = json!({
        "metadata": {"creationTimestamp": null, "labels": labels},
        "spec": {"containers": containers},
    });
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(&name, &labels),
        "spec": {
            "replicas": run.arguments.number("replicas").unwrap_or(1),
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": template,
        },
        "status": {},
    });
    send(run, &object, &object, "created", Some("failed to create deployment"))
}

/// `create namespace`.
pub(super) fn namespace(run: &mut Run<'_>) -> Result<(), Fault> {
    let name = name(run)?;
    let object = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata(&name, &Map::new()),
        "spec": {},
        "status": {},
    });
    send(run, &object, &object, "created", None)
}

/// A Service of a type, with ports of `--tcp`.
fn service(run: &mut Run<'_>, kind: &str, spec: Value) -> Result<(), Fault> {
    let name = name(run)?;
    let mut spec = spec;
    let mut ports = Vec::new();
    for text in run.arguments.all("tcp").flat_map(|ports| ports.split(',')) {
        ports.push(tcp_port(text, run.arguments.number("node-port").filter(|port| *port > 0))?);
    }
    if ports.is_empty() && kind != "ExternalName" && spec["clusterIP"] != "None" {
        return said("at least one tcp port specifier must be provided");
    }
    if !ports.is_empty() {
        spec["ports"] = ports.into();
    }
    let labels = label("app", &name);
    spec["selector"] = Value::Object(labels.clone());
    spec["type"] = kind.into();
    let object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(&name, &labels),
        "spec": spec,
        "status": {"loadBalancer": {}},
    });
    send(run, &object, &object, "created", Some(&format!("failed to create {kind} service")))
}

/// A port of `--tcp`: `80` or `80:8080`.
fn tcp_port(text: &str, node_port: Option<i32>) -> Result<Value, Fault> {
    let (port, target) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| {
        let parsed = text.parse::<u16>().ok().filter(|port| *port > 0);
        parsed.ok_or_else(|| Fault::Said(format!("port must be a number between 1 and 65535: {}", quoted(text))))
    };
    let target = match target.parse::<u16>() {
        Ok(number) => json!(number),
        Err(_) => json!(target),
    };
    let name = text.replace(':', "-");
    let mut entry = json!({"name": name, "port": number(port)?, "protocol": "TCP", "targetPort": target});
    if let Some(node_port) = node_port {
        entry["nodePort"] = node_port.into();
    }
    Ok(entry)
}

/// `create service clusterip`.
pub(super) fn cluster_ip(run: &mut Run<'_>) -> Result<(), Fault> {
    let spec = match run.arguments.text("clusterip") {
        Some(address) => json!({"clusterIP": address}),
        None => json!({}),
    };
    service(run, "ClusterIP", spec)
}

/// `create service externalname`.
pub(super) fn external_name(run: &mut Run<'_>) -> Result<(), Fault> {
    required(run, &["external-name"])?;
    let spec = json!({"externalName": run.arguments.text("external-name")});
    service(run, "ExternalName", spec)
}

/// `create service loadbalancer`.
pub(super) fn load_balancer(run: &mut Run<'_>) -> Result<(), Fault> {
    service(run, "LoadBalancer", json!({}))
}

/// `create service nodeport`.
pub(super) fn node_port(run: &mut Run<'_>) -> Result<(), Fault> {
    service(run, "NodePort", json!({}))
}

/// The template of a job's pods.
fn job_template(run: &Run<'_>, name: &str) -> Value {
    let mut container = json!({"image": run.arguments.text("image"), "name": name, "resources": {}});
    let command = command(run);
    if !command.is_empty() {
        container["command"] = command.into();
    }
    json!({
        "metadata": {"creationTimestamp": null},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    })
}

/// `create job`.
pub(super) fn job(run: &mut Run<'_>) -> Result<(), Fault> {
    let name = name(run)?;
    let spec = match run.arguments.text("from").map(str::to_owned) {
        Some(from) => {
            let plain = from.split_once('/').map_or(from.as_str(), |(_, name)| name).to_owned();
            let at = Address::new(crate::run::resource_of(run.cluster, "cronjobs")?, &run.namespace(), &plain);
            api::get(run.cluster, &at)?["spec"]["jobTemplate"]["spec"].clone()
        }
        None if run.arguments.given("image") => json!({"template": job_template(run, &name)}),
        None => return said("either --image or --from must be specified"),
    };
    let object = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(&name, &Map::new()),
        "spec": spec,
        "status": {},
    });
    send(run, &object, &object, "created", Some("failed to create job"))
}

/// `create cronjob`.
pub(super) fn cron_job(run: &mut Run<'_>) -> Result<(), Fault> {
    required(run, &["image", "schedule"])?;
    let name = name(run)?;
    let mut template = job_template(run, &name);
    template["spec"]["restartPolicy"] = run.arguments.text("restart").unwrap_or("OnFailure").into();
    let object = json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(&name, &Map::new()),
        "spec": {
            "jobTemplate": {"metadata": {"creationTimestamp": null, "name": name}, "spec": {"template": template}},
            "schedule": run.arguments.text("schedule"),
        },
        "status": {},
    });
    send(run, &object, &object, "created", Some("failed to create cronjob"))
}

/// `create poddisruptionbudget`.
pub(super) fn budget(run: &mut Run<'_>) -> Result<(), Fault> {
    let name = name(run)?;
    let Some(selector) = run.arguments.text("selector").filter(|text| !text.is_empty()) else {
        return said("a selector must be specified");
    };
    let Some(labels) = equalities(selector) else { return said(format!("invalid selector: {selector}")) };
    let amount = |text: &str| text.parse::<i32>().map_or_else(|_| json!(text), |number| json!(number));
    let mut spec = json!({"selector": {"matchLabels": labels}});
    match (run.arguments.text("min-available"), run.arguments.text("max-unavailable")) {
        (Some(_), Some(_)) => return said("min-available and max-unavailable cannot be both specified"),
        (None, None) => return said("one of min-available or max-unavailable must be specified"),
        (Some(least), None) => spec["minAvailable"] = amount(least),
        (None, Some(most)) => spec["maxUnavailable"] = amount(most),
    }
    let object = json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(&name, &Map::new()),
        "spec": spec,
        "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
    });
    send(run, &object, &object, "created", Some("failed to create poddisruptionbudgets"))
}

/// Pairs of `key=value,key=value`.
pub(super) fn equalities(text: &str) -> Option<Map<String, Value>> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.trim_start_matches('=').into())))
        .collect()
}

/// `create quota`.
pub(super) fn quota(run: &mut Run<'_>) -> Result<(), Fault> {
    let name = name(run)?;
    let hard = equalities(run.arguments.text("hard").unwrap_or_default());
    let object = json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata(&name, &Map::new()),
        "spec": {"hard": hard},
        "status": {},
    });
    send(run, &object, &object, "created", Some("failed to create quota"))
}

/// `create ingress`.
pub(super) fn ingress(run: &mut Run<'_>) -> Result<(), Fault> {
    let name = name(run)?;
    let (mut rules, mut tls): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for text in run.arguments.all("rule") {
        let (rule, secret) = text.split_once(',').map_or((text, None), |(rule, tls)| (rule, Some(tls)));
        let wrong = || {
            Fault::Said(format!(
                "rule {text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
            ))
        };
        let (place, backend) = rule.split_once('=').ok_or_else(wrong)?;
        let (host, path) = place.split_once('/').ok_or_else(wrong)?;
        let backend = backend_of(backend).ok_or_else(wrong)?;
        let (path, path_type) = match path.strip_suffix('*') {
            Some(prefix) => (format!("/{prefix}"), "Prefix"),
            None => (format!("/{path}"), "Exact"),
        };
        let entry = json!({"backend": backend, "path": path, "pathType": path_type});
        match rules.iter_mut().find(|rule| rule["host"].as_str().unwrap_or_default() == host) {
            Some(rule) => {
                if let Some(paths) = rule["http"]["paths"].as_array_mut() {
                    paths.push(entry);
                }
            }
            None => {
                let mut rule = json!({"http": {"paths": [entry]}});
                if !host.is_empty() {
                    rule["host"] = host.into();
                }
                rules.push(rule);
            }
        }
        if let Some(secret) = secret.and_then(|tls| tls.strip_prefix("tls")) {
            let mut entry = json!({"hosts": [host]});
            if let Some(secret) = secret.strip_prefix('=') {
                entry["secretName"] = secret.into();
            }
            tls.push(entry);
        }
    }
    let mut spec = json!({});
    match run.arguments.text("default-backend") {
        Some(backend) => {
            let wrong = || {
                Fault::Said(format!(
                    "default backend {backend} is invalid and should be in format servicename:serviceport"
                ))
            };
            spec["defaultBackend"] = backend_of(backend).ok_or_else(wrong)?;
        }
        None if rules.is_empty() => {
            return said(
                "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
            );
        }
        None => {}
    }
    if let Some(class) = run.arguments.text("class") {
        spec["ingressClassName"] = class.into();
    }
    if !rules.is_empty() {
        spec["rules"] = rules.into();
    }
    if !tls.is_empty() {
        spec["tls"] = tls.into();
    }
    let mut metadata = metadata(&name, &Map::new());
    let annotations = run.arguments.all("annotation").filter_map(|pair| pair.split_once('='));
    let annotations: Map<String, Value> = annotations.map(|(key, value)| (key.to_owned(), value.into())).collect();
    if !annotations.is_empty() {
        metadata["annotations"] = Value::Object(annotations);
    }
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    });
    send(run, &object, &object, "created", Some("failed to create ingress"))
}

/// A backend of `service:port`.
fn backend_of(text: &str) -> Option<Value> {
    let (service, port) = text.split_once(':')?;
    let port = port.parse::<u16>().map_or_else(|_| json!({"name": port}), |number| json!({"number": number}));
    Some(json!({"service": {"name": service, "port": port}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_named_after_their_images() {
        for (image, name) in [
            ("nginx", "nginx"),
            ("nginx:1.25", "nginx"),
            ("registry.example:5000/team/My_app:v1", "myapp"),
            ("busybox@sha256:00", "busybox"),
        ] {
            assert_eq!(container_name(image), name);
        }
    }
}
