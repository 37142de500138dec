//! What the simulation obeys of a pod spec, read and defaulted once for each template.
//!
//! Specs that went through the API server are defaulted already; those that are taken as they stand
//! may not be, so every default is filled in here as well.

use crate::Error;
use crate::defaults::is_latest;
use crate::fields::Fields;
use serde_json::Value;
use std::sync::Arc;
use wavetank_model::container::{
    Container, ContainerPort, Handler, Hook, HttpGet, ImagePullPolicy, Probe, Protocol, ResourceList, Resources,
    RestartRule, RestartRuleAction, Toleration,
};
use wavetank_model::template::{ProbeTiming, RestartPolicy};
use wavetank_model::{IntOrString, QosClass, Quantity, StringMap, TemplateFacts};

/// The facts of a pod spec.
pub(crate) fn facts(spec: Fields<'_>) -> Result<TemplateFacts, Error> {
    let containers = containers(&spec, "containers", "template.spec.containers")?;
    let readiness = containers.first().and_then(|first| first.readiness.as_ref()).map(|probe| ProbeTiming {
        initial_delay_seconds: probe.initial_delay_seconds,
        period_seconds: probe.period_seconds,
        success_threshold: probe.success_threshold,
        failure_threshold: probe.failure_threshold,
    });
    Ok(TemplateFacts {
        images: containers.iter().map(|container| Arc::clone(&container.image)).collect(),
        restart_policy: restart_policy(spec.text("restartPolicy")?).unwrap_or_default(),
        grace_seconds: spec.int64("terminationGracePeriodSeconds")?.unwrap_or(30),
        node_name: spec.optional_text("nodeName")?.filter(|name| !name.is_empty()).map(Into::into),
        node_selector: if spec.is_present() { spec.string_map("nodeSelector")? } else { StringMap::default() },
        readiness,
        containers,
        init_containers: self::containers(&spec, "initContainers", "template.spec.initContainers")?,
        readiness_gates: spec
            .list("readinessGates")?
            .iter()
            .map(|gate| Fields::of(Some(gate), "template.spec.readinessGates")?.shared("conditionType"))
            .collect::<Result<_, _>>()?,
        resources: resources(spec.object("resources", "template.spec.resources")?)?,
        tolerations: spec.list("tolerations")?.iter().map(toleration).collect::<Result<_, _>>()?,
        active_deadline_seconds: spec.int64("activeDeadlineSeconds")?,
    })
}

fn containers(spec: &Fields<'_>, key: &str, path: &str) -> Result<Vec<Container>, Error> {
    spec.list(key)?.iter().map(|value| container(Fields::of(Some(value), path)?)).collect()
}

fn container(fields: Fields<'_>) -> Result<Container, Error> {
    let image = fields.shared("image")?;
    let lifecycle = fields.object("lifecycle", "container.lifecycle")?;
    Ok(Container {
        name: fields.shared("name")?,
        image_pull_policy: match fields.text("imagePullPolicy")? {
            "Always" => ImagePullPolicy::Always,
            "Never" => ImagePullPolicy::Never,
            "" if is_latest(&image) => ImagePullPolicy::Always,
            _ => ImagePullPolicy::IfNotPresent,
        },
        image,
        ports: fields.list("ports")?.iter().map(port).collect::<Result<_, _>>()?,
        resources: resources(fields.object("resources", "container.resources")?)?,
        readiness: probe(fields.object("readinessProbe", "container.readinessProbe")?)?,
        liveness: probe(fields.object("livenessProbe", "container.livenessProbe")?)?,
        startup: probe(fields.object("startupProbe", "container.startupProbe")?)?,
        pre_stop: hook(lifecycle.object("preStop", "container.lifecycle.preStop")?)?,
        post_start: hook(lifecycle.object("postStart", "container.lifecycle.postStart")?)?,
        stop_signal: lifecycle.optional_text("stopSignal")?.filter(|signal| !signal.is_empty()).map(Into::into),
        restart_policy: restart_policy(fields.text("restartPolicy")?),
        restart_policy_rules: fields.list("restartPolicyRules")?.iter().map(restart_rule).collect::<Result<_, _>>()?,
    })
}

fn restart_policy(text: &str) -> Option<RestartPolicy> {
    match text {
        "Always" => Some(RestartPolicy::Always),
        "OnFailure" => Some(RestartPolicy::OnFailure),
        "Never" => Some(RestartPolicy::Never),
        _ => None,
    }
}

fn restart_rule(value: &Value) -> Result<RestartRule, Error> {
    let rule = Fields::of(Some(value), "container.restartPolicyRules")?;
    let codes = rule.object("exitCodes", "container.restartPolicyRules.exitCodes")?;
    Ok(RestartRule {
        action: match rule.text("action")? {
            "RestartAllContainers" => RestartRuleAction::RestartAllContainers,
            _ => RestartRuleAction::Restart,
        },
        is_in: codes.text("operator")? != "NotIn",
        exit_codes: codes
            .list("values")?
            .iter()
            .map(|code| {
                let code = code.as_i64().and_then(|code| i32::try_from(code).ok());
                code.ok_or_else(|| Error::mistyped("container.restartPolicyRules.exitCodes.values", "32-bit integers"))
            })
            .collect::<Result<_, _>>()?,
    })
}

fn port(value: &Value) -> Result<ContainerPort, Error> {
    let port = Fields::of(Some(value), "container.ports")?;
    Ok(ContainerPort {
        name: port.shared("name")?,
        container_port: port.count("containerPort")?,
        protocol: match port.text("protocol")? {
            "UDP" => Protocol::Udp,
            "SCTP" => Protocol::Sctp,
            _ => Protocol::Tcp,
        },
    })
}

fn resources(fields: Fields<'_>) -> Result<Resources, Error> {
    Ok(Resources::new(amounts(&fields, "requests")?, amounts(&fields, "limits")?))
}

/// The class of the pod whose spec this is.
pub(crate) fn quality_of_service(spec: &Value) -> Result<QosClass, Error> {
    let spec = Fields::of(Some(spec), "template.spec")?;
    let mut all = Vec::new();
    for list in ["initContainers", "containers"] {
        for container in spec.list(list)? {
            let fields = Fields::of(Some(container), "container")?;
            all.push(resources(fields.object("resources", "container.resources")?)?);
        }
    }
    Ok(QosClass::of(&resources(spec.object("resources", "template.spec.resources")?)?, &all))
}

fn amounts(fields: &Fields<'_>, key: &str) -> Result<ResourceList, Error> {
    let wrong = || Error::mistyped(format!("container.resources.{key}"), "a map of quantities");
    match fields.value(key) {
        None => Ok(ResourceList::default()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(name, amount)| {
                let amount = Quantity::from_json(&amount.to_string()).map_err(|_| wrong())?;
                Ok((Arc::from(name.as_str()), amount))
            })
            .collect::<Result<_, _>>()
            .map(ResourceList),
        Some(_) => Err(wrong()),
    }
}

/// A probe; zero stands for the default, as it does at the API server.
fn probe(fields: Fields<'_>) -> Result<Option<Probe>, Error> {
    if !fields.is_present() {
        return Ok(None);
    }
    let count = |key: &str, default: u32| -> Result<u32, Error> {
        let given = u32::try_from(fields.count(key)?).unwrap_or_default();
        Ok(if given == 0 { default } else { given })
    };
    Ok(Some(Probe {
        // A probe without a handler never gets past the API server; taken as it stands, it asks nothing.
        handler: handler(&fields)?.unwrap_or_else(|| Handler::Exec(Vec::new())),
        initial_delay_seconds: count("initialDelaySeconds", 0)?,
        period_seconds: count("periodSeconds", 10)?,
        timeout_seconds: count("timeoutSeconds", 1)?,
        success_threshold: count("successThreshold", 1)?,
        failure_threshold: count("failureThreshold", 3)?,
        termination_grace_period_seconds: fields.int64("terminationGracePeriodSeconds")?,
    }))
}

fn hook(fields: Fields<'_>) -> Result<Option<Hook>, Error> {
    let sleep = fields.object("sleep", "container.lifecycle.sleep")?;
    if sleep.is_present() {
        return Ok(Some(Hook::Sleep(sleep.int64("seconds")?.unwrap_or_default())));
    }
    Ok(handler(&fields)?.map(Hook::Handler))
}

fn handler(fields: &Fields<'_>) -> Result<Option<Handler>, Error> {
    let exec = fields.object("exec", "container.exec")?;
    if exec.is_present() {
        return Ok(Some(Handler::Exec(exec.texts("command")?)));
    }
    let get = fields.object("httpGet", "container.httpGet")?;
    if get.is_present() {
        return http_get(get).map(|get| Some(Handler::HttpGet(get)));
    }
    let socket = fields.object("tcpSocket", "container.tcpSocket")?;
    if socket.is_present() {
        let port = socket.int_or_string("port")?.unwrap_or(IntOrString::Int(0));
        return Ok(Some(Handler::TcpSocket { host: socket.shared("host")?, port }));
    }
    let grpc = fields.object("grpc", "container.grpc")?;
    if grpc.is_present() {
        return Ok(Some(Handler::Grpc { port: grpc.count("port")?, service: grpc.shared("service")? }));
    }
    Ok(None)
}

fn http_get(get: Fields<'_>) -> Result<HttpGet, Error> {
    let headers = get.list("httpHeaders")?.iter().map(|header| {
        let header = Fields::of(Some(header), "container.httpGet.httpHeaders")?;
        Ok((header.shared("name")?, header.shared("value")?))
    });
    Ok(HttpGet {
        path: get.shared("path")?,
        port: get.int_or_string("port")?.unwrap_or(IntOrString::Int(0)),
        host: get.shared("host")?,
        scheme: get.shared("scheme")?,
        headers: headers.collect::<Result<_, Error>>()?,
    })
}

fn toleration(value: &Value) -> Result<Toleration, Error> {
    let toleration = Fields::of(Some(value), "template.spec.tolerations")?;
    Ok(Toleration {
        key: toleration.shared("key")?,
        exists: toleration.text("operator")? == "Exists",
        value: toleration.shared("value")?,
        effect: toleration.shared("effect")?,
        toleration_seconds: toleration.int64("tolerationSeconds")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(spec: &Value) -> Result<TemplateFacts, Error> {
        facts(Fields::of(Some(spec), "template.spec")?)
    }

    #[test]
    fn a_container_is_read_with_its_defaults() {
        let facts = read(&json!({
            "initContainers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}],
            "containers": [{
                "name": "web", "image": "web", "ports": [{"name": "http", "containerPort": 80}],
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "terminationGracePeriodSeconds": 5},
                "lifecycle": {"preStop": {"sleep": {"seconds": 7}}},
            }],
        }))
        .unwrap();
        let web = &facts.containers[0];
        assert_eq!(web.image_pull_policy, ImagePullPolicy::Always);
        assert_eq!((web.ports[0].container_port, web.ports[0].protocol), (80, Protocol::Tcp));
        assert_eq!(web.resources.requests.cpu(), Some(&Quantity::parse("0.5").unwrap()));
        assert_eq!(web.resources.requests.memory(), Some(&Quantity::parse("1024Mi").unwrap()));
        let liveness = web.liveness.as_ref().unwrap();
        assert_eq!((liveness.period_seconds, liveness.timeout_seconds, liveness.failure_threshold), (10, 1, 3));
        assert_eq!(liveness.termination_grace_period_seconds, Some(5));
        assert_eq!(web.pre_stop, Some(Hook::Sleep(7)));
        assert!(facts.init_containers[0].is_restartable_init());
    }

    #[test]
    fn a_spec_of_wrong_types_is_an_error() {
        for spec in [
            json!({"containers": [{"resources": {"limits": {"cpu": "much"}}}]}),
            json!({"containers": [{"resources": {"limits": []}}]}),
            json!({"containers": [{"restartPolicyRules": [{"exitCodes": {"values": ["1"]}}]}]}),
            json!({"tolerations": [1]}),
            json!({"readinessGates": [[]]}),
        ] {
            assert!(read(&spec).is_err(), "{spec}");
        }
    }
}
