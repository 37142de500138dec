//! Ingresses, from JSON and back, and the annotations of ingress-nginx.

use crate::fields::Fields;
use crate::record::Record;
use crate::{Edge, Error, metadata};
use serde_json::{Value, json};
use std::sync::Arc;
use wavetank_model::{Canary, Ingress, IngressBackend, IngressPath, IngressRule, PathType, StringMap};

/// What ingress-nginx's annotations begin with.
const NGINX: &str = "nginx.ingress.kubernetes.io/";

/// Reads an Ingress.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type, or a value that means nothing.
pub fn decode_ingress(value: &Value, edge: &mut Edge) -> Result<Ingress, Error> {
    let object = Fields::of(Some(value), "Ingress")?;
    let meta = metadata::decode(object, edge)?;
    let spec = object.object("spec", "spec")?;
    let canary = canary(&meta.annotations)?;
    let mut rules = Vec::new();
    for rule in spec.list("rules")? {
        rules.push(ingress_rule(Fields::of(Some(rule), "spec.rules")?)?);
    }
    let default = spec.object("defaultBackend", "spec.defaultBackend")?;
    let default_backend = if default.is_present() { backend(default)? } else { None };
    let class = spec.optional_text("ingressClassName")?.map(Arc::from);
    Ok(Ingress { meta, class, default_backend, rules, canary })
}

fn ingress_rule(rule: Fields<'_>) -> Result<IngressRule, Error> {
    let http = rule.object("http", "spec.rules.http")?;
    let mut paths = Vec::new();
    for path in http.list("paths")? {
        let path = Fields::of(Some(path), "spec.rules.http.paths")?;
        let kind = PathType::of(path.text("pathType")?).ok_or_else(|| {
            Error::mistyped("spec.rules.http.paths.pathType", "Exact, Prefix or ImplementationSpecific")
        })?;
        // A backend that is no Service is carried, but no pods stand behind it.
        if let Some(backend) = backend(path.object("backend", "spec.rules.http.paths.backend")?)? {
            paths.push(IngressPath { path: path.shared("path")?, kind, backend });
        }
    }
    Ok(IngressRule { host: rule.shared("host")?, paths })
}

fn backend(fields: Fields<'_>) -> Result<Option<IngressBackend>, Error> {
    let service = fields.object("service", "backend.service")?;
    if !service.is_present() {
        return Ok(None);
    }
    let port = service.object("port", "backend.service.port")?;
    let port = match (port.text("name")?, port.count("number")?) {
        ("", number) => number.to_string().into(),
        (name, _) => name.into(),
    };
    Ok(Some(IngressBackend { service: service.shared("name")?, port }))
}

/// The canary of an Ingress's annotations.
fn canary(annotations: &StringMap) -> Result<Option<Canary>, Error> {
    let get = |key: &str| annotations.get(&format!("{NGINX}{key}"));
    if get("canary") != Some("true") {
        return Ok(None);
    }
    let count = |key: &str, default: u32| match get(key) {
        None => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| Error::mistyped(format!("metadata.annotations[{NGINX}{key}]"), "a number"))
        }
    };
    let (weight, weight_total) = (count("canary-weight", 0)?, count("canary-weight-total", 100)?);
    if weight > weight_total {
        let path = format!("metadata.annotations[{NGINX}canary-weight]");
        return Err(Error::mistyped(path, "a number up to canary-weight-total"));
    }
    Ok(Some(Canary {
        weight,
        weight_total,
        by_header: get("canary-by-header").map(Arc::from),
        by_header_value: get("canary-by-header-value").map(Arc::from),
        by_cookie: get("canary-by-cookie").map(Arc::from),
    }))
}

/// An Ingress as the API server shows it.
#[must_use]
pub fn render_ingress(ingress: &Ingress, edge: &Edge) -> Value {
    let spec = Record::new()
        .optional("defaultBackend", ingress.default_backend.as_ref().map(render_backend))
        .optional("ingressClassName", ingress.class.as_deref())
        .list("rules", ingress.rules.iter().map(render_rule).collect())
        .finish();
    Record::new()
        .always("apiVersion", "networking.k8s.io/v1")
        .always("kind", "Ingress")
        .always("metadata", metadata::render(&ingress.meta, edge))
        .always("spec", spec)
        .always("status", json!({"loadBalancer": {}}))
        .finish()
}

fn render_rule(rule: &IngressRule) -> Value {
    let paths = rule.paths.iter().map(|path| {
        Record::new()
            .always("backend", render_backend(&path.backend))
            .text("path", &path.path)
            .always("pathType", path.kind.as_str())
            .finish()
    });
    Record::new().text("host", &rule.host).always("http", json!({"paths": paths.collect::<Vec<_>>()})).finish()
}

fn render_backend(backend: &IngressBackend) -> Value {
    let port = backend.port.parse::<u16>().map_or_else(|_| json!({"name": &*backend.port}), |n| json!({"number": n}));
    json!({"service": {"name": &*backend.service, "port": port}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingress(annotations: &Value) -> Value {
        json!({
            "metadata": {"name": "shop", "namespace": "default", "annotations": annotations},
            "spec": {
                "ingressClassName": "nginx",
                "rules": [{"host": "shop.example.org", "http": {"paths": [
                    {"path": "/", "pathType": "Prefix",
                     "backend": {"service": {"name": "web", "port": {"number": 80}}}},
                ]}}],
            },
        })
    }

    #[test]
    fn what_is_rendered_is_read_again_as_it_was() {
        let annotations = json!({
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": "1",
        });
        let mut edge = Edge::default();
        let read = decode_ingress(&ingress(&annotations), &mut edge).unwrap();
        assert_eq!(read.canary.as_ref().map(|canary| (canary.weight, canary.weight_total)), Some((1, 100)));
        assert_eq!(read.route("shop.example.org", "/cart").map(|path| &*path.backend.port), Some("80"));
        assert_eq!(decode_ingress(&render_ingress(&read, &edge), &mut edge).unwrap(), read);
    }

    #[test]
    fn a_weight_above_its_total_is_named() {
        for weight in ["101", "-1", "many"] {
            let annotations = json!({
                "nginx.ingress.kubernetes.io/canary": "true",
                "nginx.ingress.kubernetes.io/canary-weight": weight,
            });
            let error = decode_ingress(&ingress(&annotations), &mut Edge::default()).expect_err("no weight");
            assert!(error.to_string().contains("canary-weight"), "{error}");
        }
    }

    #[test]
    fn the_annotations_of_an_ordinary_ingress_make_no_canary() {
        let annotations = json!({"nginx.ingress.kubernetes.io/canary-weight": "50"});
        assert_eq!(decode_ingress(&ingress(&annotations), &mut Edge::default()).unwrap().canary, None);
    }
}
