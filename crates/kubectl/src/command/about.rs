//! What the server is and serves: `version`, `api-versions`, `api-resources`, `cluster-info`, `top`, and
//! commands that need what is not simulated.

use crate::api::{self, Address};
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::output;
use crate::resource;
use crate::run::{self, Pick, Run};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wavetank::Cluster;
use wavetank_model::Selector;
use wavetank_printers::top::Resource;
use wavetank_printers::{TopOptions, top_pods};

/// Flags of `api-resources`.
pub(super) const API_RESOURCES_FLAGS: &str = "api-group:s cached categories:s namespaced no-headers output,o:s sort-by:s \
                                              verbs:s";
/// Where kubelets listen.
const KUBELET_PORT: u16 = 10250;

/// Flags of `auth can-i`.
pub(super) const CAN_I_FLAGS: &str = "all-namespaces,A list no-headers quiet,q subresource:s";
/// Flags of `exec`, `logs` and `top`.
pub(super) const EXEC_FLAGS: &str = "all-containers all-namespaces,A all-pods container,c:s containers field-selector:s \
                                     filename,f:s follow ignore-errors insecure-skip-tls-verify-backend limit-bytes:i \
                                     max-log-requests:i no-headers pod-running-timeout:d prefix previous,p quiet,q \
                                     selector,l:s show-capacity since:d since-time:s sort-by:s stdin,i sum tail:i \
                                     timestamps tty,t use-protocol-buffers";
/// Flags of `explain`.
pub(super) const EXPLAIN_FLAGS: &str = "api-version:s output,o:s recursive";
/// Flags of `version`.
pub(super) const VERSION_FLAGS: &str = "client output,o:s short";

/// The server's version, as it says itself.
fn server_version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.3",
        "gitCommit": "$Format:%H$",
        "gitTreeState": "",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.26.8",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// `version`.
pub(super) fn version(run: &mut Run<'_>) -> Result<(), Fault> {
    match run.arguments.text("output").unwrap_or_default() {
        "" => {
            run.say("Client Version: v1.36.3");
            run.say("Kustomize Version: v5.8.0");
            if !run.arguments.on("client") {
                run.say("Server Version: v1.36.3");
            }
            Ok(())
        }
        format @ ("json" | "yaml") => {
            let versions = json!({"clientVersion": server_version(), "serverVersion": server_version()});
            let text = output::plain(format, &versions);
            run.out.push_str(&text);
            Ok(())
        }
        _ => said("--output must be 'yaml' or 'json'"),
    }
}

/// Members of the server's version in the order in which it writes them.
fn members(version: &Value) -> Vec<String> {
    const ORDER: [&str; 13] = [
        "major",
        "minor",
        "emulationMajor",
        "emulationMinor",
        "minCompatibilityMajor",
        "minCompatibilityMinor",
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
        "platform",
    ];
    let shown = ORDER.iter().filter_map(|key| Some(format!("  \"{key}\": {}", version.get(key)?)));
    shown.collect()
}

/// Compact JSON with the members of an object in the order in which the server writes them.
fn as_served(value: &Value, order: &[&str]) -> String {
    let Value::Object(fields) = value else { return value.to_string() };
    let place = |key: &str| order.iter().position(|known| *known == key).unwrap_or(order.len());
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort_by_key(|key| place(key));
    let member = |key: &String| {
        let value = &fields[key];
        let text = if key == "metadata" {
            as_served(
                value,
                &["name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"],
            )
        } else {
            value.to_string()
        };
        format!("{}:{text}", Value::from(key.as_str()))
    };
    let members: Vec<String> = keys.into_iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// `get --raw`.
pub(super) fn raw(cluster: &Cluster, path: &str) -> Result<String, Fault> {
    let plain = path.split('?').next().unwrap_or_default();
    match plain {
        "/healthz" | "/livez" | "/readyz" => return Ok("ok".to_owned()),
        "/version" => return Ok(format!("{{\n{}\n}}\n", members(&server_version()).join(",\n"))),
        _ => {}
    }
    let not_found = || {
        let reason = wavetank_model::Reason::NotFound;
        Fault::Refused(wavetank_model::Refusal::new(reason, "the server could not find the requested resource"))
    };
    let parts: Vec<&str> = plain.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", "v1", rest @ ..] => ("", rest),
        ["apis", group, _version, rest @ ..] => (*group, rest),
        _ => return Err(not_found()),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let [plural, rest @ ..] = rest else { return Err(not_found()) };
    let resource =
        resource::all(cluster).find(|each| each.name == *plural && each.group == group).ok_or_else(not_found)?;
    let value = match rest {
        [] => {
            let wanted = api::Wanted { namespace, ..api::Wanted::default() };
            let items = api::list(cluster, &resource, &wanted)?;
            let kind = format!("{}List", resource.kind);
            json!({"apiVersion": resource.api_version(), "items": items, "kind": kind, "metadata": {}})
        }
        [name, rest @ ..] => {
            let at = Address::new(resource, namespace.as_deref().unwrap_or_default(), name);
            let object = api::get(cluster, &at)?;
            match rest {
                [] => object,
                ["scale"] if at.resource.scales() => api::scale(cluster, &at, &object),
                _ => return Err(not_found()),
            }
        }
    };
    Ok(format!("{}\n", as_served(&value, &["kind", "apiVersion", "metadata"])))
}

/// `api-versions`.
pub(super) fn api_versions(run: &mut Run<'_>) -> Result<(), Fault> {
    let mut versions: BTreeSet<String> = resource::all(run.cluster).map(|resource| resource.api_version()).collect();
    versions.insert("autoscaling/v1".to_owned());
    for version in versions {
        run.say(&version);
    }
    Ok(())
}

/// `api-resources`.
pub(super) fn api_resources(run: &mut Run<'_>) -> Result<(), Fault> {
    let group = run.arguments.text("api-group").map(str::to_owned);
    let namespaced = run.arguments.switch("namespaced");
    let format = run.arguments.text("output").unwrap_or_default().to_owned();
    let verbs: Vec<String> = run.arguments.all("verbs").flat_map(|verbs| verbs.split(',')).map(str::to_owned).collect();
    let wanted = |resource: &resource::Resource| {
        let serves = |verb: &String| resource.verbs.split(',').any(|each| each == verb);
        group.as_ref().is_none_or(|group| resource.group == *group)
            && namespaced.is_none_or(|namespaced| resource.namespaced == namespaced)
            && verbs.iter().all(serves)
    };
    let mut found: Vec<resource::Resource> = resource::all(run.cluster).filter(wanted).collect();
    found.sort_by(|one, other| (&one.group, &one.name).cmp(&(&other.group, &other.name)));
    if format == "name" {
        for resource in found {
            run.say(&resource.qualified());
        }
        return Ok(());
    }
    let wide = format == "wide";
    let mut rows: Vec<Vec<String>> = Vec::new();
    if !run.arguments.on("no-headers") {
        let header = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", "VERBS", "CATEGORIES"];
        let shown = header.into_iter().take(if wide { 7 } else { 5 });
        rows.push(shown.map(str::to_owned).collect());
    }
    for resource in found {
        let mut row = vec![
            resource.name.to_string(),
            resource.short.to_string(),
            resource.api_version(),
            resource.namespaced.to_string(),
            resource.kind.to_string(),
        ];
        if wide {
            row.extend([resource.verbs.to_owned(), resource.category.to_owned()]);
        }
        rows.push(row);
    }
    let text = output::columns(&rows);
    run.out.push_str(&text);
    Ok(())
}

/// `cluster-info`.
pub(super) fn cluster_info(run: &mut Run<'_>) -> Result<(), Fault> {
    run.say("Kubernetes control plane is running in this process");
    run.say("");
    run.say("To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    Ok(())
}

/// `auth can-i`: there is one user here, who may do everything.
pub(super) fn can_i(run: &mut Run<'_>) -> Result<(), Fault> {
    match run.arguments.words.as_slice() {
        [_, what, ..] => {
            let known = resource::of_word(run.cluster, what.split('/').next().unwrap_or_default()).is_ok();
            if !known && what != "*" {
                run.warn(&format!("Warning: the server doesn't have a resource type {}", quoted(what)));
            }
            if !run.arguments.on("quiet") {
                run.say("yes");
            }
            Ok(())
        }
        _ => said(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i \
                   -h' for help and examples.",
        ),
    }
}

/// The pod that the first argument names.
fn pod(run: &Run<'_>) -> Result<Address, Fault> {
    let Some(word) = run.arguments.words.first() else {
        return said("pod, type/name or --filename must be specified");
    };
    let (kind, name) = word.split_once('/').unwrap_or(("pods", word));
    let at = Address::new(run::resource_of(run.cluster, kind)?, &run.namespace(), name);
    api::get(run.cluster, &at)?;
    Ok(at)
}

/// `exec`: nothing runs in simulated containers.
pub(super) fn exec(run: &mut Run<'_>) -> Result<(), Fault> {
    pod(run)?;
    said("not simulated: exec")
}

/// `logs`: simulated containers write none, and on faked nodes nobody listens who could say so.
pub(super) fn logs(run: &mut Run<'_>) -> Result<(), Fault> {
    let found = if run.arguments.given("selector") {
        run.find_picked(&[Pick::All(run::resource_of(run.cluster, "pods")?)])
            .found
            .into_iter()
            .next()
            .map(|found| found.object)
    } else {
        let namespace = run.namespace();
        let at = pod(run).map_err(|fault| match fault.refusal() {
            Some(refusal) => Fault::Said(format!(
                "error from server ({}): {} in namespace {}",
                refusal.reason.as_str(),
                refusal.message,
                quoted(&namespace)
            )),
            None => fault,
        })?;
        Some(api::get(run.cluster, &at)?)
    };
    match found {
        None => {
            run.warn(&format!("No resources found in {} namespace.", run.namespace()));
            Ok(())
        }
        Some(pod) if pod["kind"] == "Pod" && run.cluster.has_faked_nodes() => Err(nobody_listens(run, &pod)),
        Some(_) => said("not simulated: logs"),
    }
}

/// What the server says of logs that it cannot fetch from a node.
fn nobody_listens(run: &Run<'_>, pod: &Value) -> Fault {
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let container = run.arguments.text("container").unwrap_or_else(|| text("/spec/containers/0/name"));
    let number = |name: &str| run.arguments.number(name).map(|number| number.to_string());
    // Of pods that a selector finds, the last lines only.
    let few = || run.arguments.given("selector").then(|| "10".to_owned());
    let flag = |name: &str| run.arguments.on(name).then(|| "true".to_owned());
    let asked = [
        ("follow", flag("follow")),
        ("limitBytes", number("limit-bytes")),
        ("previous", flag("previous")),
        ("sinceSeconds", run.arguments.span("since").map(|span| span.as_secs().to_string())),
        ("tailLines", number("tail").filter(|lines| lines != "-1").or_else(few)),
        ("timestamps", flag("timestamps")),
    ];
    let asked = asked.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    let query = asked.collect::<Vec<String>>().join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let host = format!("{}:{KUBELET_PORT}", text("/status/hostIP"));
    let path = format!("containerLogs/{}/{}/{container}", text("/metadata/namespace"), text("/metadata/name"));
    Fault::Verbatim(format!(
        "Error from server: Get \"https://{host}/{path}{query}\": dial tcp {host}: connect: connection refused"
    ))
}

/// `top`: what pods use, if the cluster has been told what that is. Of nodes nobody measures.
pub(super) fn top(run: &mut Run<'_>) -> Result<(), Fault> {
    let mut words = run.arguments.words.iter();
    let (of_pods, name) =
        (matches!(words.next().map(String::as_str), Some("pods" | "pod" | "po")), words.next().cloned());
    let options = TopOptions {
        no_headers: run.arguments.on("no-headers"),
        with_namespace: run.arguments.on("all-namespaces"),
        containers: run.arguments.on("containers"),
        sort_by: match run.arguments.text("sort-by") {
            Some("cpu") => Some(Resource::Cpu),
            Some("memory") => Some(Resource::Memory),
            Some(_) => return said("--sort-by accepts only cpu or memory"),
            None => None,
        },
    };
    let selector = Selector::parse(run.arguments.text("selector").unwrap_or_default());
    let selector = selector.map_err(|error| Fault::Said(error.to_string()))?;
    let namespace = run.namespace();
    let asked = if options.with_namespace { None } else { Some(namespace.as_str()) };
    if !of_pods {
        return said("Metrics API not available");
    }
    let metrics = run.cluster.pod_metrics(asked, &selector).map_err(|refusal| Fault::Said(refusal.to_string()))?;
    let named = |pod: &&Value| name.as_ref().is_none_or(|name| pod["metadata"]["name"] == name.as_str());
    let pods: Vec<&Value> = metrics.iter().filter(named).collect();
    match (&name, pods.is_empty()) {
        (Some(name), true) => {
            said(format!("Error from server (NotFound): podmetrics.metrics.k8s.io {} not found", quoted(name)))
        }
        (None, true) if options.with_namespace => {
            run.warn("No resources found");
            Ok(())
        }
        (None, true) => {
            run.warn(&format!("No resources found in {namespace} namespace."));
            Ok(())
        }
        (_, false) => {
            run.out.push_str(&top_pods(pods, options));
            Ok(())
        }
    }
}

/// `explain`: the documents of fields are not carried along.
pub(super) fn explain(run: &mut Run<'_>) -> Result<(), Fault> {
    let Some(word) = run.arguments.words.first() else {
        return said(
            "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of \
             supported resources.\n",
        );
    };
    let kind = word.split('.').next().unwrap_or_default();
    if let Err(plain) = resource::of_word(run.cluster, kind) {
        return Err(Fault::Verbatim(format!("the server doesn't have a resource type {}", quoted(&plain))));
    }
    said("not simulated: explain")
}
