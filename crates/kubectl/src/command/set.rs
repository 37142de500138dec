//! `set image|env|resources|selector|serviceaccount`.
//!
//! Source: `kubectl/pkg/cmd/set`.

use crate::api;
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::run::{DryRun, Findings, Found, Run};
use serde_json::{Map, Value, json};
use wavetank::PatchKind;
use wavetank::verbs::rollout::CHANGE_CAUSE;
use wavetank_model::Quantity;

/// Flags of `set image`, `set selector` and `set serviceaccount`.
pub(super) const FLAGS: &str = "all allow-missing-template-keys dry-run:o field-manager:s filename,f:s kustomize,k:s local \
                                output,o:s record recursive,R resource-version:s selector,l:s show-managed-fields \
                                template:s";
/// Flags of `set env`.
pub(super) const ENV_FLAGS: &str = "all allow-missing-template-keys containers,c:s dry-run:o env,e:s field-manager:s \
                                    filename,f:s from:s keys:s kustomize,k:s list local output,o:s overwrite prefix:s \
                                    recursive,R resolve selector,l:s show-managed-fields template:s";
/// Flags of `set resources`.
pub(super) const RESOURCES_FLAGS: &str = "all allow-missing-template-keys containers,c:s dry-run:o field-manager:s \
                                          filename,f:s kustomize,k:s limits:s local output,o:s record recursive,R \
                                          requests:s selector,l:s show-managed-fields template:s";

/// Splits arguments into objects and pairs: from the first pair on there are only pairs.
fn split(words: &[String], is_pair: fn(&str) -> bool) -> Result<(Vec<String>, Vec<String>), Fault> {
    let first = words.iter().position(|word| is_pair(word)).unwrap_or(words.len());
    let (objects, pairs) = words.split_at(first);
    match pairs.iter().find(|word| !is_pair(word)) {
        Some(stray) => said(format!("all resources must be specified before image changes: {stray}")),
        None => Ok((objects.to_vec(), pairs.to_vec())),
    }
}

/// The objects that a command is about; with `--local` they are the files themselves.
fn targets(run: &Run<'_>, words: &[String]) -> Result<Findings, Fault> {
    if !run.arguments.on("local") {
        return run.find_some(words);
    }
    if !run.has_files() {
        return said("one or more files must be specified as -f when --local is set");
    }
    let (infos, faults) = run.infos(false);
    let found = infos.into_iter().map(|info| Found { at: info.at, object: info.object, source: Some(info.source) });
    Ok(Findings { found: found.collect(), faults, single: false })
}

/// The pod spec of an object: of its template, or its own.
fn pod_spec<'a>(found: &Found, object: &'a mut Value) -> Result<&'a mut Value, Fault> {
    let path = match &*found.at.resource.kind {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet" | "DaemonSet" | "Job" => {
            "/spec/template/spec"
        }
        kind => return said(format!("the object is not a pod or does not have a pod template: {kind}")),
    };
    object.pointer_mut(path).ok_or_else(|| Fault::Said("the object has no pod template".to_owned()))
}

/// Containers of a pod spec, the ones that prepare it included.
fn containers(spec: &mut Value) -> Vec<&mut Value> {
    let Some(fields) = spec.as_object_mut() else { return Vec::new() };
    let lists = fields.iter_mut().filter(|(key, _)| *key == "containers" || *key == "initContainers");
    let mut lists: Vec<(&String, &mut Value)> = lists.collect();
    // Those that prepare the pod come first, as upstream goes through them.
    lists.sort_by_key(|(key, _)| *key == "containers");
    lists.into_iter().filter_map(|(_, list)| list.as_array_mut()).flatten().collect()
}

/// Changes objects, each by `edit`, and says what was `done`; what does not change says nothing.
fn change(
    run: &mut Run<'_>,
    findings: Findings,
    done: &str,
    edit: impl Fn(&Found, &mut Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let local = run.arguments.on("local");
    let mut faults = findings.faults;
    for found in findings.found {
        let mut object = found.object.clone();
        if let Err(fault) = edit(&found, &mut object) {
            faults.push(fault);
            continue;
        }
        if local || dry_run == DryRun::Client {
            let shown = if local { typed(object) } else { object };
            run.report(&found.at, &shown, done, if local { DryRun::No } else { dry_run })?;
            continue;
        }
        let mut patch = wavetank_manifest::patch::two_way_json_merge(&found.object, &object)
            .map_err(|error| Fault::Said(error.to_string()))?;
        if patch.as_object().is_none_or(Map::is_empty) {
            continue;
        }
        if let Some(cause) = run.change_cause() {
            patch["metadata"]["annotations"][CHANGE_CAUSE] = cause.into();
        }
        match run.request(dry_run, |cluster| api::patch(cluster, &found.at, PatchKind::Merge, &patch)) {
            Ok((_, after)) => run.report(&found.at, &after, done, dry_run)?,
            Err(refusal) => faults.push(Fault::Refused(refusal).while_doing("failed to patch")),
        }
    }
    Fault::of_many(faults)
}

/// An object as a typed client writes it, with the empty fields that its type has.
fn typed(mut object: Value) -> Value {
    object["metadata"]["creationTimestamp"] = Value::Null;
    if object["kind"] == "Deployment" {
        for (path, field, empty) in [
            ("/spec/template/metadata", "creationTimestamp", Value::Null),
            ("/spec", "strategy", json!({})),
            ("", "status", json!({})),
        ] {
            if let Some(Value::Object(fields)) = object.pointer_mut(path) {
                fields.entry(field).or_insert(empty);
            }
        }
        if let Ok(spec) = object.pointer_mut("/spec/template/spec").ok_or(()) {
            for container in containers(spec) {
                if let Value::Object(fields) = container {
                    fields.entry("resources").or_insert(json!({}));
                }
            }
        }
    }
    object
}

/// `set image`.
pub(super) fn image(run: &mut Run<'_>) -> Result<(), Fault> {
    let (objects, pairs) = split(&run.arguments.words.clone(), |word| word.contains('=') && !word.starts_with('='))?;
    if objects.is_empty() && !run.has_files() {
        return said("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if pairs.is_empty() {
        // Names of resources are looked at first, and complain of themselves.
        crate::run::picks(run.cluster, &objects, false)?;
        return said("at least one image update is required");
    }
    let images: Vec<(String, String)> =
        pairs.iter().filter_map(|pair| pair.split_once('=')).map(|(name, image)| (name.into(), image.into())).collect();
    let findings = targets(run, &objects)?;
    change(run, findings, "image updated", |found, object| {
        let mut containers = containers(pod_spec(found, object)?);
        for (name, image) in &images {
            let mut known = false;
            for container in &mut containers {
                if name == "*" || container["name"] == name.as_str() {
                    container["image"] = image.as_str().into();
                    known = true;
                }
            }
            if !known {
                return said(format!("unable to find container named {}", quoted(name)));
            }
        }
        Ok(())
    })
}

/// Whether a container is meant by `-c`: a name, or a pattern with `*`.
fn is_meant(container: &Value, pattern: &str) -> bool {
    let name = container["name"].as_str().unwrap_or_default();
    match pattern.split_once('*') {
        None => name == pattern,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    }
}

/// `set resources`.
pub(super) fn resources(run: &mut Run<'_>) -> Result<(), Fault> {
    let words = run.arguments.words.clone();
    if words.is_empty() && !run.has_files() {
        return said("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    let mut amounts: Vec<(&str, Map<String, Value>)> = Vec::new();
    for field in ["limits", "requests"] {
        if let Some(text) = run.arguments.text(field).filter(|text| !text.is_empty()) {
            amounts.push((field, quantities(text)?));
        }
    }
    if amounts.is_empty() {
        return said("you must specify an update to requests or limits (in the form of --requests/--limits)");
    }
    let pattern = run.arguments.text("containers").unwrap_or("*").to_owned();
    let findings = targets(run, &words)?;
    change(run, findings, "resource requirements updated", |found, object| {
        let mut known = false;
        for container in containers(pod_spec(found, object)?).into_iter().filter(|each| is_meant(each, &pattern)) {
            known = true;
            for (field, values) in &amounts {
                for (name, value) in values {
                    container["resources"][*field][name] = value.clone();
                }
            }
        }
        if known { Ok(()) } else { said(format!("unable to find container named {pattern}")) }
    })
}

/// Amounts of resources: `cpu=200m,memory=256Mi`.
fn quantities(text: &str) -> Result<Map<String, Value>, Fault> {
    let mut values = Map::new();
    for pair in text.split(',') {
        let Some((name, value)) = pair.split_once('=') else {
            return said(format!("Invalid argument syntax {pair}, expected <resource>=<value>"));
        };
        let quantity = Quantity::parse(value).map_err(|error| Fault::Said(error.to_string()))?;
        values.insert(name.to_owned(), quantity.canonical().into());
    }
    Ok(values)
}

/// `set env`.
pub(super) fn env(run: &mut Run<'_>) -> Result<(), Fault> {
    let (objects, mut changes) = split(&run.arguments.words.clone(), |word| word.contains('=') || word.ends_with('-'))?;
    changes.extend(run.arguments.all("env").map(str::to_owned));
    if objects.is_empty() && !run.has_files() {
        return said("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    let pattern = run.arguments.text("containers").unwrap_or("*").to_owned();
    let findings = targets(run, &objects)?;
    if run.arguments.on("list") {
        return list_env(run, findings, &pattern);
    }
    let overwrites = run.arguments.switch("overwrite").unwrap_or(true);
    let referred = referred(run)?;
    change(run, findings, "env updated", |found, object| {
        for container in containers(pod_spec(found, object)?).into_iter().filter(|each| is_meant(each, &pattern)) {
            let mut variables = container["env"].as_array().cloned().unwrap_or_default();
            for new in &referred {
                match variables.iter_mut().find(|variable| variable["name"] == new["name"]) {
                    Some(_) if !overwrites => {
                        let name = new["name"].as_str().unwrap_or_default();
                        return said(format!("{} already has a value, and --overwrite is false", quoted(name)));
                    }
                    Some(variable) => *variable = new.clone(),
                    None => variables.push(new.clone()),
                }
            }
            for change in &changes {
                match change.split_once('=') {
                    None => {
                        let name = change.trim_end_matches('-');
                        variables.retain(|variable| variable["name"] != name);
                    }
                    Some((name, value)) => match variables.iter_mut().find(|variable| variable["name"] == name) {
                        Some(_) if !overwrites => {
                            return said(format!("{} already has a value, and --overwrite is false", quoted(name)));
                        }
                        Some(variable) => *variable = json!({"name": name, "value": value}),
                        None => variables.push(json!({"name": name, "value": value})),
                    },
                }
            }
            if let Some(fields) = container.as_object_mut() {
                if variables.is_empty() {
                    fields.remove("env");
                } else {
                    fields.insert("env".to_owned(), variables.into());
                }
            }
        }
        Ok(())
    })
}

/// Variables for the keys of the config map that `--from` names.
fn referred(run: &Run<'_>) -> Result<Vec<Value>, Fault> {
    let keys: Vec<&str> = run.arguments.all("keys").flat_map(|keys| keys.split(',')).collect();
    let Some(source) = run.arguments.text("from").filter(|source| !source.is_empty()) else {
        if !keys.is_empty() {
            return said("when specifying --keys, a configmap or secret must be provided with --from");
        }
        return Ok(Vec::new());
    };
    let picks = crate::run::picks(run.cluster, &[source.to_owned()], false)?;
    let findings = run.find_named(&picks);
    Fault::of_many(findings.faults)?;
    let prefix = run.arguments.text("prefix").unwrap_or_default();
    let mut variables = Vec::new();
    for found in findings.found {
        if found.at.resource.kind != "ConfigMap" {
            return said(format!("unsupported resource specified in --from: {}", found.at.resource.kind));
        }
        for (key, _) in found.object["data"].as_object().into_iter().flatten() {
            if keys.is_empty() || keys.contains(&key.as_str()) {
                let fit = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
                let name: String = key.chars().map(fit).collect();
                let reference = json!({"configMapKeyRef": {"name": found.at.name, "key": key}});
                let name = format!("{prefix}{}", name.to_uppercase());
                variables.push(json!({"name": name, "valueFrom": reference}));
            }
        }
    }
    Ok(variables)
}

/// Where a variable has its value from, in kubectl's words.
fn reference(source: &Value) -> String {
    let text = |path: &str| source.pointer(path).and_then(Value::as_str).unwrap_or_default();
    for (kind, word) in [("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")] {
        if !source[kind].is_null() {
            return format!("{word} {}, key {}", text(&format!("/{kind}/name")), text(&format!("/{kind}/key")));
        }
    }
    if !source["fieldRef"].is_null() {
        return format!("field path {}", text("/fieldRef/fieldPath"));
    }
    match (text("/resourceFieldRef/containerName"), text("/resourceFieldRef/resource")) {
        ("", resource) => format!("resource field {resource}"),
        (container, resource) => format!("resource field {container}/{resource}"),
    }
}

fn list_env(run: &mut Run<'_>, findings: Findings, pattern: &str) -> Result<(), Fault> {
    for found in findings.found {
        let mut object = found.object.clone();
        let kind = found.at.resource.kind.clone();
        for container in containers(pod_spec(&found, &mut object)?).into_iter().filter(|each| is_meant(each, pattern)) {
            let name = container["name"].as_str().unwrap_or_default();
            run.say(&format!("# {kind} {}, container {name}", found.at.name));
            for variable in container["env"].as_array().into_iter().flatten() {
                let name = variable["name"].as_str().unwrap_or_default();
                run.say(&match variable.get("valueFrom") {
                    Some(source) => format!("# {name} from {}", reference(source)),
                    None => format!("{name}={}", variable["value"].as_str().unwrap_or_default()),
                });
            }
        }
    }
    Fault::of_many(findings.faults)
}

/// `set selector`.
pub(super) fn selector(run: &mut Run<'_>) -> Result<(), Fault> {
    let words = run.arguments.words.clone();
    let Some((text, objects)) = words.split_last().filter(|(text, _)| text.contains('=')) else {
        return said("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    };
    let labels =
        super::generate::equalities(text).ok_or_else(|| Fault::Said(format!("invalid selector: {}", quoted(text))))?;
    let findings = targets(run, objects)?;
    change(run, findings, "selector updated", |found, object| {
        if found.at.resource.kind != "Service" {
            return said("setting a selector is only supported for Services");
        }
        object["spec"]["selector"] = Value::Object(labels.clone());
        Ok(())
    })
}

/// `set serviceaccount`.
pub(super) fn service_account(run: &mut Run<'_>) -> Result<(), Fault> {
    let words = run.arguments.words.clone();
    let Some((account, objects)) = words.split_last() else { return said("serviceaccount is required") };
    let findings = targets(run, objects)?;
    let dry_run = run.dry_run()?;
    let mut faults = findings.faults;
    for found in findings.found {
        let mut object = found.object.clone();
        pod_spec(&found, &mut object)?["serviceAccountName"] = account.as_str().into();
        pod_spec(&found, &mut object)?["serviceAccount"] = account.as_str().into();
        let patch = wavetank_manifest::patch::two_way_json_merge(&found.object, &object)
            .map_err(|error| Fault::Said(error.to_string()))?;
        match run.request(dry_run, |cluster| api::patch(cluster, &found.at, PatchKind::Merge, &patch)) {
            Ok((_, after)) => run.report(&found.at, &after, "serviceaccount updated", dry_run)?,
            Err(refusal) => faults.push(refusal.into()),
        }
    }
    Fault::of_many(faults)
}
