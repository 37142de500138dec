//! The rules of HTTP probes: the request that is made, and what its answer means.
//!
//! Sources: `pkg/probe/http/request.go`, `http.go`; `pkg/probe/util.go`, `ResolveContainerPort`.

use core::time::Duration;
use std::collections::BTreeMap;
use wavetank_model::IntOrString;
use wavetank_model::container::{ContainerPort, HttpGet};
use wavetank_model::strconv::{parse_integer, quote};

/// More of a body is not read.
const MOST_OF_BODY: usize = 10 * 1024;

/// So many redirects are followed.
const MOST_REDIRECTS: usize = 10;

/// A request as it leaves the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where it goes.
    pub url: String,
    /// Headers by their canonical names.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The host that it asks for, if a header names one.
    pub host: String,
}

/// What a probe's handler makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is well.
    Success,
    /// It is well, and something is odd.
    Warning,
    /// It is not well.
    Failure,
}

/// An answer of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub code: u16,
    /// Where it sends the client instead.
    pub location: Option<String>,
    /// Body.
    pub body: String,
    /// After how long it comes.
    pub takes: Duration,
}

/// The number of a port that may be given by name.
///
/// # Errors
/// In the kubelet's words, if there is no such port.
pub fn resolve_port(port: &IntOrString, ports: &[ContainerPort]) -> Result<i64, String> {
    let number = match port {
        IntOrString::Int(number) => i64::from(*number),
        IntOrString::String(name) => match ports.iter().find(|port| *port.name == **name) {
            Some(port) => i64::from(port.container_port),
            None => parse_integer(name).map_err(|reason| format!("strconv.Atoi: parsing {}: {reason}", quote(name)))?,
        },
    };
    if (1..65536).contains(&number) { Ok(number) } else { Err(format!("invalid port number: {number}")) }
}

/// The request of an `httpGet` handler.
///
/// # Errors
/// In the kubelet's words, if its port cannot be found.
pub fn request(get: &HttpGet, ports: &[ContainerPort], pod_ip: &str) -> Result<Request, String> {
    let port = resolve_port(&get.port, ports)?;
    let scheme = if get.scheme.is_empty() { "http".to_owned() } else { get.scheme.to_lowercase() };
    let host = if get.host.is_empty() { pod_ip } else { &*get.host };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let path = escaped(&get.path);
    let slash = if path.is_empty() || path.starts_with(['/', '?', '#']) { "" } else { "/" };
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &get.headers {
        headers.entry(canonical(name)).or_default().push(value.to_string());
    }
    headers.entry("User-Agent".into()).or_insert_with(|| vec!["kube-probe/1.36".into()]);
    let accepts = headers.entry("Accept".into()).or_insert_with(|| vec!["*/*".into()]);
    if accepts.first().is_none_or(String::is_empty) {
        headers.remove("Accept");
    }
    let asked = headers.get("Host").and_then(|hosts| hosts.first()).cloned().unwrap_or_default();
    Ok(Request { url: format!("{scheme}://{host}:{port}{slash}{path}"), headers, host: asked })
}

/// A header's name as Go writes it: each word with a capital.
fn canonical(name: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return name.to_owned();
    }
    let mut begins = true;
    let letters = name.chars().map(|letter| {
        let written = if begins { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        begins = letter == '-';
        written
    });
    letters.collect()
}

/// A path with query and fragment as it stands in a URL. One that cannot be read is all path.
fn escaped(path: &str) -> String {
    let is_broken = path.bytes().any(|byte| byte < b' ' || byte == 0x7f) || !percent_signs_are_well(before(path, '?'));
    if is_broken {
        return escape(path, "/$&+,:;=@", false);
    }
    let (rest, fragment) = match path.split_once('#') {
        Some((rest, fragment)) => (rest, format!("#{}", escape(fragment, "/$&+,:;=@?!()*", true))),
        None => (path, String::new()),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (rest, String::new()),
    };
    format!("{}{query}{fragment}", escape(path, "/$&+,:;=@!'()*[]", true))
}

fn before(text: &str, mark: char) -> &str {
    text.split(mark).next().unwrap_or(text)
}

fn percent_signs_are_well(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.get(..2).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())))
}

/// Writes every byte that does not stand for itself in hexadecimal.
fn escape(text: &str, plain: &str, keeps_percent: bool) -> String {
    let mut written = String::new();
    for letter in text.chars() {
        let is_plain = letter.is_ascii_alphanumeric()
            || "-_.~".contains(letter)
            || plain.contains(letter)
            || (keeps_percent && letter == '%');
        if is_plain {
            written.push(letter);
        } else {
            let mut buffer = [0; 4];
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                written.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    written
}

/// Plays a probe against a server: redirects are followed on the same host only.
pub fn play(url: &str, timeout: Duration, mut server: impl FnMut(&str) -> Response) -> (Outcome, String) {
    let mut at = url.to_owned();
    let mut left = timeout;
    for redirects in 0..=MOST_REDIRECTS {
        let response = server(&at);
        let Some(rest) = left.checked_sub(response.takes) else {
            let words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
            return (Outcome::Failure, format!("Get \"{at}\": {words}"));
        };
        left = rest;
        let is_redirect = matches!(response.code, 301 | 302 | 303 | 307 | 308);
        let next = response.location.as_deref().filter(|_| is_redirect).map(|location| resolved(&at, location));
        match next.filter(|next| host_name(next) == host_name(url)) {
            Some(next) if redirects < MOST_REDIRECTS => at = next,
            Some(next) => return (Outcome::Failure, format!("Get \"{next}\": stopped after 10 redirects")),
            None => return judge(&response),
        }
    }
    (Outcome::Failure, String::new())
}

/// What an answer means that is not followed any further.
#[must_use]
pub fn judge(response: &Response) -> (Outcome, String) {
    let mut end = response.body.len().min(MOST_OF_BODY);
    while !response.body.is_char_boundary(end) {
        end -= 1;
    }
    let body = response.body.get(..end).unwrap_or_default();
    match response.code {
        200..300 => (Outcome::Success, body.to_owned()),
        300..400 => (Outcome::Warning, format!("Probe terminated redirects, Response body: {body}")),
        code => (Outcome::Failure, format!("HTTP probe failed with statuscode: {code}")),
    }
}

/// The host of a URL without its port.
fn host_name(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after.split(['/', '?', '#']).next().unwrap_or(after);
    match authority.strip_prefix('[') {
        Some(rest) => before(rest, ']'),
        None => before(authority, ':'),
    }
}

/// Where a location leads from a URL.
fn resolved(base: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let path = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path);
    if location.starts_with('/') {
        return format!("{scheme}://{authority}{location}");
    }
    let path = before(before(path, '#'), '?');
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    format!("{scheme}://{authority}{folder}{location}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering(code: u16, location: Option<&str>) -> Response {
        Response { code, location: location.map(str::to_owned), ..Response::default() }
    }

    #[test]
    fn redirects_are_followed_on_the_same_host_only() {
        let server = |url: &str| match url {
            "http://10.0.0.1:80/a" => answering(302, Some("b")),
            "http://10.0.0.1:80/b" => answering(200, None),
            _ => answering(307, Some("http://elsewhere/")),
        };
        let second = Duration::from_secs(1);
        assert_eq!(play("http://10.0.0.1:80/a", second, server).0, Outcome::Success);
        assert_eq!(play("http://10.0.0.1:80/c", second, server).0, Outcome::Warning);
        let round = |_: &str| answering(302, Some("/"));
        assert_eq!(play("http://10.0.0.1:80/", second, round).0, Outcome::Failure);
    }

    #[test]
    fn odd_paths_are_written_as_go_writes_them() {
        for (path, written) in [("/a b", "/a%20b"), ("/%41", "/%41"), ("/%4", "/%254"), ("/é?q=é", "/%C3%A9?q=é")] {
            assert_eq!(escaped(path), written);
        }
    }
}
