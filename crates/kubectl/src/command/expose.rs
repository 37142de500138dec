//! `expose`, `autoscale` and `run`: objects made of flags and of what is there.
//!
//! Source: `kubectl/pkg/cmd/expose`, `kubectl/pkg/cmd/autoscale`, `kubectl/pkg/cmd/run`.

use crate::command::generate::{equalities, label, metadata, send};
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::run::{self, Found, Pick, Run};
use serde_json::{Map, Value, json};
use wavetank_model::Quantity;

/// Flags of `expose`.
pub(super) const EXPOSE_FLAGS: &str = "all allow-missing-template-keys cluster-ip:s dry-run:o external-ip:s field-manager:s \
                                       filename,f:s kustomize,k:s labels,l:s load-balancer-ip:s name:s output,o:s \
                                       override-type:s overrides:s port:s protocol:s record recursive,R save-config \
                                       selector:s session-affinity:s show-managed-fields target-port:s template:s type:s";
/// Flags of `autoscale`.
pub(super) const AUTOSCALE_FLAGS: &str = "allow-missing-template-keys cpu:s cpu-percent:i dry-run:o field-manager:s \
                                          filename,f:s kustomize,k:s max:i memory:s min:i name:s output,o:s record \
                                          recursive,R save-config show-managed-fields template:s";
/// Flags of `run`.
pub(super) const RUN_FLAGS: &str = "allow-missing-template-keys annotations:s attach cascade:o command dry-run:o env:s \
                                    expose field-manager:s force grace-period:i image:s image-pull-policy:s labels,l:s \
                                    leave-stdin-open output,o:s override-type:s overrides:s pod-running-timeout:d port:s \
                                    privileged quiet,q record restart:s rm save-config show-managed-fields stdin,i \
                                    template:s timeout:d tty,t wait";

/// The objects that arguments name; types without names are not enough.
fn targets(run: &Run<'_>) -> Result<Vec<Found>, Fault> {
    let findings = run.find_some(&run.arguments.words)?;
    Fault::of_many(findings.faults)?;
    Ok(findings.found)
}

/// The objects to expose. `--selector` chooses none of them: it is what their Services select.
fn exposed(run: &Run<'_>) -> Result<Vec<Found>, Fault> {
    let words = &run.arguments.words;
    if words.is_empty() || run.has_files() {
        return targets(run);
    }
    let picks = run::picks(run.cluster, words, false)?;
    if picks.iter().any(|pick| matches!(pick, Pick::All(_))) && !run.arguments.on("all") {
        return said("resource(s) were provided, but no name was specified");
    }
    let findings = run.find_named(&picks);
    Fault::of_many(findings.faults)?;
    Ok(findings.found)
}

/// `expose`.
pub(super) fn expose(run: &mut Run<'_>) -> Result<(), Fault> {
    for found in exposed(run)? {
        let service = service_for(run, &found)?;
        send(run, &service, &service, "exposed", None)?;
    }
    Ok(())
}

/// The labels by which a Service selects the pods of an object.
fn selector_of(run: &Run<'_>, found: &Found) -> Result<Map<String, Value>, Fault> {
    if let Some(text) = run.arguments.text("selector") {
        return equalities(text).ok_or_else(|| Fault::Said(format!("invalid selector: {text}")));
    }
    let introspection = "couldn't retrieve selectors via --selector flag or introspection";
    let object = &found.object;
    let selector = match &*found.at.resource.kind {
        "Deployment" | "ReplicaSet" => &object["spec"]["selector"]["matchLabels"],
        "Service" | "ReplicationController" => &object["spec"]["selector"],
        "Pod" => &object["metadata"]["labels"],
        _ => return said(format!("cannot expose a {}", found.at.resource.kind)),
    };
    if object["spec"]["selector"]["matchExpressions"].as_array().is_some_and(|list| !list.is_empty()) {
        let shown = crate::api::selector_text(&object["spec"]["selector"]);
        return said(format!("{introspection}: couldn't convert expressions - {}", quoted(&shown)));
    }
    match selector.as_object() {
        Some(labels) if !labels.is_empty() => Ok(labels.clone()),
        _ if found.at.resource.kind == "Pod" => {
            said(format!("{introspection}: the pod has no labels and cannot be exposed"))
        }
        _ => said(format!("{introspection}: the {} has no pod selector set", found.at.resource.kind.to_lowercase())),
    }
}

/// Ports and protocols that an object speaks of.
fn ports_of(found: &Found) -> Vec<(i64, String)> {
    let object = &found.object;
    if found.at.resource.kind == "Service" {
        let ports = object["spec"]["ports"].as_array().into_iter().flatten();
        return ports.filter_map(|port| Some((port["port"].as_i64()?, protocol_of(port)))).collect();
    }
    let containers = match &*found.at.resource.kind {
        "Pod" => &object["spec"]["containers"],
        _ => &object["spec"]["template"]["spec"]["containers"],
    };
    let containers = containers.as_array().into_iter().flatten();
    let ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    ports.filter_map(|port| Some((port["containerPort"].as_i64()?, protocol_of(port)))).collect()
}

fn protocol_of(port: &Value) -> String {
    port["protocol"].as_str().unwrap_or("TCP").to_owned()
}

fn service_for(run: &Run<'_>, found: &Found) -> Result<Value, Fault> {
    let selector = selector_of(run, found)?;
    let known = ports_of(found);
    let ports: Vec<i64> = match run.arguments.text("port").filter(|text| !text.is_empty()) {
        Some(text) => {
            let wrong = |_| Fault::Said(format!("strconv.Atoi: parsing {}: invalid syntax", quoted(text)));
            text.split(',').map(|port| port.trim().parse::<i64>()).collect::<Result<_, _>>().map_err(wrong)?
        }
        None => known.iter().map(|(port, _)| *port).collect(),
    };
    if ports.is_empty() {
        return said("couldn't find port via --port flag or introspection");
    }
    let target = run
        .arguments
        .text("target-port")
        .filter(|text| !text.is_empty())
        .map(|text| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)));
    let several = ports.len() > 1;
    let entries: Vec<Value> = (1..)
        .zip(&ports)
        .map(|(number, port)| {
            let of_port = known.iter().find(|(known, _)| known == port).map(|(_, protocol)| protocol.as_str());
            let protocol = run.arguments.text("protocol").or(of_port).unwrap_or("TCP");
            let target = target.clone().unwrap_or_else(|| json!(port));
            let mut entry = json!({"port": port, "protocol": protocol, "targetPort": target});
            if several {
                entry["name"] = format!("port-{number}").into();
            }
            entry
        })
        .collect();
    let labels = match run.arguments.text("labels") {
        Some(text) => equalities(text).unwrap_or_default(),
        None => found.object["metadata"]["labels"].as_object().cloned().unwrap_or_default(),
    };
    let mut spec = json!({"ports": entries, "selector": selector});
    for (flag, field) in [("type", "type"), ("cluster-ip", "clusterIP"), ("session-affinity", "sessionAffinity")] {
        if let Some(text) = run.arguments.text(flag).filter(|text| !text.is_empty()) {
            spec[field] = text.into();
        }
    }
    let name = run.arguments.text("name").unwrap_or(&found.at.name);
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, &labels),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }))
}

/// What `--cpu` and `--memory` ask for: a share of the request such as `70%`, or an amount for each pod.
fn metrics(run: &Run<'_>) -> Result<Vec<Value>, Fault> {
    let mut metrics = Vec::new();
    for name in ["cpu", "memory"] {
        let Some(text) = run.arguments.text(name).filter(|text| !text.is_empty()) else { continue };
        let target = if let Some(percent) = text.strip_suffix('%') {
            let wrong = |_| Fault::Said(format!("failed to parse percentage value for {name}: {}", quoted(text)));
            json!({"type": "Utilization", "averageUtilization": percent.parse::<u32>().map_err(wrong)?})
        } else {
            // A bare number of processors is one of thousandths.
            let unit = if name == "cpu" && text.bytes().all(|byte| byte.is_ascii_digit()) { "m" } else { "" };
            let wrong = |error| Fault::Said(format!("failed to parse quantity value for {name}: {error}"));
            let amount = Quantity::parse(&format!("{text}{unit}")).map_err(wrong)?;
            json!({"type": "AverageValue", "averageValue": amount.canonical()})
        };
        metrics.push(json!({"type": "Resource", "resource": {"name": name, "target": target}}));
    }
    if !metrics.is_empty() && run.arguments.given("cpu-percent") {
        return said("--cpu-percent and --cpu or --memory cannot be used together");
    }
    Ok(metrics)
}

/// `autoscale`.
pub(super) fn autoscale(run: &mut Run<'_>) -> Result<(), Fault> {
    let Some(most) = run.arguments.number("max") else { return Err(Fault::Required("max".to_owned())) };
    let least = run.arguments.number("min").unwrap_or(-1);
    if most < 1 {
        return said(format!("--max=MAXPODS is required and must be at least 1, max: {most}"));
    }
    if most < least {
        return said(format!("--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}"));
    }
    for found in targets(run)? {
        let resource = found.at.resource;
        if !resource.scales() {
            return said(format!(
                "cannot autoscale a {}: could not find scale subresource for {} in discovery information",
                resource.kind,
                resource.in_requests()
            ));
        }
        let name = run.arguments.text("name").filter(|name| !name.is_empty()).unwrap_or(&found.at.name).to_owned();
        let percent = run.arguments.number("cpu-percent").filter(|percent| *percent >= 0);
        let metrics = metrics(run)?;
        let target = json!({"apiVersion": resource.api_version(), "kind": resource.kind, "name": found.at.name});
        let (mut old, mut new) = (
            json!({"maxReplicas": most, "scaleTargetRef": target}),
            json!({"maxReplicas": most, "scaleTargetRef": target}),
        );
        if least > 0 {
            old["minReplicas"] = least.into();
            new["minReplicas"] = least.into();
        }
        // The server's own default, where nothing is asked for.
        let utilization = percent.unwrap_or(80);
        new["metrics"] = json!([{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": utilization}}}]);
        if let Some(percent) = percent {
            old["targetCPUUtilizationPercentage"] = percent.into();
        }
        if !metrics.is_empty() {
            new["metrics"] = metrics.into();
            let sent = json!({
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": metadata(&name, &Map::new()),
                "spec": new,
            });
            let mut shown = sent.clone();
            shown["status"] = json!({"currentMetrics": null, "desiredReplicas": 0});
            send(run, &sent, &shown, "autoscaled", None)?;
            continue;
        }
        let status = json!({"currentReplicas": 0, "desiredReplicas": 0});
        let shown = json!({
            "apiVersion": "autoscaling/v1",
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata(&name, &Map::new()),
            "spec": old,
            "status": status,
        });
        let sent = json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name},
            "spec": new,
        });
        send(run, &sent, &shown, "autoscaled", None)?;
    }
    Ok(())
}

/// `run`.
pub(super) fn run(run: &mut Run<'_>) -> Result<(), Fault> {
    let Some(image) = run.arguments.text("image") else { return Err(Fault::Required("image".to_owned())) };
    let Some((name, after)) = run.arguments.words.split_first() else {
        return said("NAME is required for run\nSee 'kubectl run -h' for help and examples");
    };
    if image.is_empty() {
        return said("--image is required");
    }
    let mut container = json!({"image": image, "name": name, "resources": {}});
    if !after.is_empty() {
        let field = if run.arguments.on("command") { "command" } else { "args" };
        container[field] = after.into();
    }
    let env: Vec<Value> = run
        .arguments
        .all("env")
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    if !env.is_empty() {
        container["env"] = env.into();
    }
    if let Some(policy) = run.arguments.text("image-pull-policy") {
        container["imagePullPolicy"] = policy.into();
    }
    if let Some(text) = run.arguments.text("port") {
        let wrong = |_| Fault::Said(format!("strconv.ParseInt: parsing {}: invalid syntax", quoted(text)));
        container["ports"] = json!([{"containerPort": text.parse::<u16>().map_err(wrong)?}]);
    }
    let labels = match run.arguments.text("labels") {
        Some(text) => equalities(text).ok_or_else(|| Fault::Said(format!("unexpected label spec: {text}")))?,
        None => label("run", name),
    };
    let restart = run.arguments.text("restart").unwrap_or("Always");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return said(format!("invalid restart policy: {restart}\nSee 'kubectl run -h' for help and examples"));
    }
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, &labels),
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
        "status": {},
    });
    if let Some(text) = run.arguments.text("overrides") {
        let wrong = |error: serde_json::Error| Fault::Said(format!("Invalid JSON Path: {error}"));
        let overrides: Value = serde_json::from_str(text).map_err(wrong)?;
        pod = match run.arguments.text("override-type") {
            Some("strategic") => {
                wavetank_manifest::patch_strategic(wavetank::Kind::Pod, &pod, &overrides).map_err(Fault::from)?
            }
            _ => wavetank_manifest::patch_merge(&pod, &overrides).map_err(Fault::from)?,
        };
    }
    send(run, &pod, &pod, "created", None)
}
