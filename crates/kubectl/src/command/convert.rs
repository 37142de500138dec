//! `convert`: objects of versions that the server no longer knows, as it knows them.
//!
//! Differs from upstream's plugin in that nothing is filled in but what the old version filled in otherwise.

use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::output;
use crate::run::Run;
use crate::source;
use serde_json::Value;
use wavetank_manifest::versions::{HORIZONTAL_V1, horizontal_to_v1};

/// Flags of `convert`.
pub(super) const FLAGS: &str = "allow-missing-template-keys filename,f:s kustomize,k:s local output,o:s output-version:s \
                                recursive,R show-managed-fields template:s validate:o";

/// `convert`.
pub(super) fn convert(run: &mut Run<'_>) -> Result<(), Fault> {
    if !run.has_files() {
        return said("must specify one of -f and -k");
    }
    let names: Vec<&str> = run.arguments.all("filename").flat_map(|names| names.split(',')).collect();
    let mut converted: Vec<Value> = Vec::new();
    for name in names {
        for (source, text) in source::texts(run.files, name, run.arguments.on("recursive"))? {
            let objects = wavetank_manifest::parse_objects(&text).map_err(|error| {
                let why = crate::yaml_fault::words(&text, &error.to_string());
                Fault::Said(format!("error parsing {source}: error converting YAML to JSON: {why}"))
            })?;
            for object in objects {
                converted.push(in_version(object, run.arguments.text("output-version"), &source)?);
            }
        }
    }
    if converted.is_empty() {
        return said("no objects passed to convert");
    }
    let format = run.arguments.text("output").unwrap_or("yaml").to_owned();
    let text = match (format.as_str(), converted.as_slice()) {
        ("yaml" | "json", [one]) => output::plain(&format, one),
        ("yaml" | "json", several) => {
            let list = serde_json::json!({"apiVersion": "v1", "items": several, "kind": "List", "metadata": {}});
            output::plain(&format, &list)
        }
        _ => return said(format!("not simulated: convert -o {format}")),
    };
    run.out.push_str(&text);
    Ok(())
}

/// An object in the version that is asked for, or in the one that is stored.
fn in_version(object: Value, wanted: Option<&str>, source: &str) -> Result<Value, Fault> {
    let object = wavetank_manifest::convert_old(&object).map_or(object, |converted| converted.object);
    let text = |object: &Value, key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, version) = (text(&object, "kind"), text(&object, "apiVersion"));
    let unknown = || {
        let words = [quoted(&kind), quoted(&version)];
        Fault::Said(format!(
            "unable to recognize {}: no matches for kind {} in version {}",
            quoted(source),
            words[0],
            words[1]
        ))
    };
    let stored = wavetank_manifest::kind_of(&object).map_err(|_| unknown())?;
    let object = if version == stored.api_version() {
        object
    } else {
        wavetank_manifest::decode_strictly(&object).map_err(Fault::from)?
    };
    match wanted.filter(|wanted| *wanted != stored.api_version()) {
        None => Ok(object),
        Some(HORIZONTAL_V1) if stored == wavetank::Kind::HorizontalPodAutoscaler => Ok(horizontal_to_v1(&object)),
        Some(other) => said(format!("{kind} is not converted to {other}, only to {}", stored.api_version())),
    }
}

#[cfg(test)]
mod tests {
    use crate::kubectl::kubectl;
    use std::collections::BTreeMap;
    use wavetank::Cluster;

    #[track_caller]
    fn said(file: &str, line: &str) -> String {
        let files: BTreeMap<String, String> = [("old.yaml".to_owned(), file.to_owned())].into();
        let output = kubectl(&mut Cluster::builder().build(), &files, line);
        format!("{}{}", output.stdout, output.stderr)
    }

    const OLD: &str = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\nspec: \
                       {minAvailable: 1, selector: {matchLabels: {app: web}}}\n";

    #[test]
    fn what_is_no_longer_served_is_printed_in_the_version_that_is() {
        let printed = said(OLD, "convert -f old.yaml");
        assert!(printed.starts_with("apiVersion: policy/v1\nkind: PodDisruptionBudget\n"), "{printed}");
        let several = said(&format!("{OLD}---\n{OLD}"), "convert -f old.yaml -o json");
        assert!(several.contains("\"kind\": \"List\""), "{several}");
        assert!(said(OLD, "apply -f old.yaml").contains("no matches for kind \"PodDisruptionBudget\" in version"));
    }

    #[test]
    fn an_autoscaler_of_the_first_version_is_served() {
        let old = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec: {maxReplicas: 3, \
                   targetCPUUtilizationPercentage: 50, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n";
        for verb in ["create", "apply"] {
            let expected = "horizontalpodautoscaler.autoscaling/h created\n";
            assert_eq!(said(old, &format!("{verb} -f old.yaml")), expected);
        }
        let wrong = old.replace("maxReplicas: 3", "maxReplicas: many");
        assert!(said(&wrong, "create -f old.yaml").contains("cannot be handled as a HorizontalPodAutoscaler"));
        assert!(said(old, "convert -f old.yaml").starts_with("apiVersion: autoscaling/v2\n"));
        assert!(
            said(old, "convert -f old.yaml --output-version autoscaling/v1")
                .contains("targetCPUUtilizationPercentage: 50")
        );
    }

    #[test]
    fn what_is_of_no_known_version_is_refused() {
        let other = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n";
        assert_eq!(
            said(other, "convert -f old.yaml"),
            "error: unable to recognize \"old.yaml\": no matches for kind \"Widget\" in version \"example.com/v1\"\n"
        );
        assert_eq!(said(OLD, "convert"), "error: must specify one of -f and -k\n");
    }
}
