//! The suite `probe-handlers`: the rules of HTTP and TCP probes. The recorded server is played here.

use super::answer::{Answer, answered, member};
use crate::Mismatch;
use core::time::Duration;
use serde_json::{Value, json};
use wavetank_model::IntOrString;
use wavetank_model::container::{ContainerPort, HttpGet};
use wavetank_node::pod::http_probe::{Outcome, Response, play, request};

/// A case of `probe-handlers`.
pub(super) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    // Of a body as long as can be only the length was recorded.
    let has_message = case.pointer("/out/message").is_some();
    answered(case, |op, input| match op {
        "http" => http(input, has_message),
        "tcp" => {
            let is_open = input.get("open").and_then(Value::as_bool) == Some(true);
            Ok(Answer::Gives(json!({"message": "", "result": if is_open { "success" } else { "failure" }})))
        }
        "request" => built(input),
        _ => Err(Mismatch::not_run(format!("unknown op {op}"))),
    })
}

fn http(input: &Value, has_message: bool) -> Result<Answer, Mismatch> {
    let query = super::answer::text(input, "query")?;
    let timeout = member(input, "timeoutSeconds")?.as_u64().unwrap_or(1);
    let url = format!("http://127.0.0.1:PORT/x?{query}");
    let (outcome, message) = play(&url, Duration::from_secs(timeout), server);
    let result = match outcome {
        Outcome::Success => "success",
        Outcome::Warning => "warning",
        Outcome::Failure => "failure",
    };
    // The length was taken with the real port in place, which has five digits.
    let length = message.len() + message.matches("PORT").count();
    let mut answer = json!({"messageLength": length, "result": result});
    if has_message {
        answer["message"] = message.into();
    }
    Ok(Answer::Gives(answer))
}

/// The recorded server: its query says what it is to do.
fn server(url: &str) -> Response {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let given = |key: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(name, _)| *name == key).map(|(_, value)| decoded(value))
    };
    let location = given("to");
    let code = given("code").and_then(|code| code.parse().ok());
    let length = given("body").and_then(|length| length.parse().ok()).unwrap_or(0);
    let delay = given("delay").and_then(|delay| delay.strip_suffix("ms")?.parse().ok()).unwrap_or(0);
    let body = match &location {
        Some(location) => format!("<a href=\"{location}\">Found</a>.\n\n"),
        None => "x".repeat(length),
    };
    let code = code.unwrap_or(if location.is_some() { 302 } else { 200 });
    Response { code, location, body, takes: Duration::from_millis(delay) }
}

/// A value of a query with its escapes undone.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.extend(byte.map(char::from));
        decoded.push_str(part.get(2..).unwrap_or_default());
    }
    decoded
}

fn built(input: &Value) -> Result<Answer, Mismatch> {
    let get = member(input, "httpGet")?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let number = |value: Option<&Value>| value.and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let port = match get.get("port") {
        Some(Value::String(name)) => IntOrString::String(name.as_str().into()),
        other => IntOrString::Int(number(other).unwrap_or_default()),
    };
    let headers = list(get, "httpHeaders");
    let get = HttpGet {
        path: text(get, "path").into(),
        port,
        host: text(get, "host").into(),
        scheme: text(get, "scheme").into(),
        headers: headers.iter().map(|header| (text(header, "name").into(), text(header, "value").into())).collect(),
    };
    let ports: Vec<ContainerPort> = list(input, "ports")
        .iter()
        .map(|port| ContainerPort {
            name: text(port, "name").into(),
            container_port: number(port.get("containerPort")).unwrap_or_default(),
            ..ContainerPort::default()
        })
        .collect();
    Ok(Answer::of(request(&get, &ports, &text(input, "podIP")).map(|request| {
        let mut headers = json!(request.headers);
        for agent in headers.get_mut("User-Agent").and_then(Value::as_array_mut).into_iter().flatten() {
            if agent.as_str().is_some_and(|agent| agent.starts_with("kube-probe/")) {
                *agent = "kube-probe/<version>".into();
            }
        }
        json!({"headers": headers, "host": request.host, "method": "GET", "url": request.url})
    })))
}
