//! Ingresses: rules by host and path in front of Services, and ingress-nginx's canaries.

use crate::ObjectMeta;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An Ingress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingress {
    /// Metadata.
    pub meta: ObjectMeta,
    /// `ingressClassName`.
    pub class: Option<Arc<str>>,
    /// Where requests go that no rule matches.
    pub default_backend: Option<IngressBackend>,
    /// Rules, in order.
    pub rules: Vec<IngressRule>,
    /// What ingress-nginx's annotations ask for, if they make it a canary.
    pub canary: Option<Canary>,
}

/// Where an Ingress sends a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IngressBackend {
    /// Name of the Service, in the namespace of the Ingress.
    pub service: Arc<str>,
    /// Name or number of its port, spelled out.
    pub port: Arc<str>,
}

/// The rules for a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressRule {
    /// The host, `*.` in front for all names one label longer; empty for all hosts.
    pub host: Arc<str>,
    /// Its paths.
    pub paths: Vec<IngressPath>,
}

/// One path of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressPath {
    /// The path.
    pub path: Arc<str>,
    /// How it is matched.
    pub kind: PathType,
    /// Where its requests go.
    pub backend: IngressBackend,
}

/// How a path is matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PathType {
    /// Equal, case included.
    Exact,
    /// Equal element by element, up to the end of the rule's path.
    Prefix,
    /// As the controller likes; ingress-nginx compares the beginning of the text.
    #[default]
    ImplementationSpecific,
}

/// A canary by the annotations of ingress-nginx: some requests of another Ingress with the same host and
/// path go here instead. The first of header, cookie and weight that speaks decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Share of the requests, of [`Self::weight_total`].
    pub weight: u32,
    /// What the weight is a share of; 100 unless said.
    pub weight_total: u32,
    /// Header that decides: `always`, `never`, or [`Self::by_header_value`].
    pub by_header: Option<Arc<str>>,
    /// The value of the header that means the canary, instead of `always` and `never`.
    pub by_header_value: Option<Arc<str>>,
    /// Cookie that decides: `always` or `never`.
    pub by_cookie: Option<Arc<str>>,
}

impl PathType {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "Exact",
            Self::Prefix => "Prefix",
            Self::ImplementationSpecific => "ImplementationSpecific",
        }
    }

    /// The type of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "Exact" => Some(Self::Exact),
            "Prefix" => Some(Self::Prefix),
            "" | "ImplementationSpecific" => Some(Self::ImplementationSpecific),
            _ => None,
        }
    }

    /// Whether a request's path matches a rule's.
    ///
    /// ```
    /// use wavetank_model::ingress::PathType;
    ///
    /// assert!(PathType::Prefix.matches("/shop/", "/shop/cart"));
    /// assert!(!PathType::Prefix.matches("/shop", "/shopping"));
    /// assert!(PathType::ImplementationSpecific.matches("/shop", "/shopping"));
    /// ```
    #[must_use]
    pub fn matches(self, rule: &str, path: &str) -> bool {
        match self {
            Self::Exact => rule == path,
            Self::Prefix => {
                let rule = rule.trim_end_matches('/');
                path.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::ImplementationSpecific => path.starts_with(if rule.is_empty() { "/" } else { rule }),
        }
    }
}

impl IngressRule {
    /// Whether the rule speaks of a host.
    #[must_use]
    pub fn matches_host(&self, host: &str) -> bool {
        match self.host.strip_prefix('*') {
            None => self.host.is_empty() || self.host.eq_ignore_ascii_case(host),
            Some(domain) => {
                let cut = host.len().checked_sub(domain.len()).filter(|cut| host.is_char_boundary(*cut));
                cut.is_some_and(|cut| {
                    let (label, rest) = host.split_at(cut);
                    !label.is_empty() && !label.contains('.') && rest.eq_ignore_ascii_case(domain)
                })
            }
        }
    }

    /// How well the rule fits a host that it matches: an exact name before a wildcard before any.
    fn closeness(&self) -> u8 {
        match self.host.as_bytes() {
            [] => 0,
            [b'*', ..] => 1,
            _ => 2,
        }
    }
}

impl Ingress {
    /// The path of a rule that a request's host and path lead to: the closest host, then an exact path,
    /// then the longest one, then the first in the object. Paths of a less close host are not looked at.
    #[must_use]
    pub fn route(&self, host: &str, path: &str) -> Option<&IngressPath> {
        let matching = self.rules.iter().filter(|rule| rule.matches_host(host));
        let closest = matching.clone().map(IngressRule::closeness).max()?;
        let mut best: Option<((bool, usize), &IngressPath)> = None;
        for candidate in matching.filter(|rule| rule.closeness() == closest).flat_map(|rule| &rule.paths) {
            let rank = (candidate.kind == PathType::Exact, candidate.path.len());
            if candidate.kind.matches(&candidate.path, path) && best.is_none_or(|(other, _)| rank > other) {
                best = Some((rank, candidate));
            }
        }
        best.map(|(_, path)| path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(host: &str, paths: &[(&str, PathType, &str)]) -> IngressRule {
        let backend = |service: &str| IngressBackend { service: service.into(), port: "80".into() };
        let paths = paths
            .iter()
            .map(|(path, kind, service)| IngressPath { path: (*path).into(), kind: *kind, backend: backend(service) })
            .collect();
        IngressRule { host: host.into(), paths }
    }

    fn routed<'a>(ingress: &'a Ingress, host: &str, path: &str) -> Option<&'a str> {
        ingress.route(host, path).map(|path| &*path.backend.service)
    }

    #[test]
    fn the_closest_host_and_the_longest_path_win() {
        let any = rule("", &[("/", PathType::Prefix, "any")]);
        let wild = rule("*.example.org", &[("/", PathType::Prefix, "wild")]);
        let exact = rule(
            "a.example.org",
            &[("/", PathType::Prefix, "root"), ("/shop", PathType::Prefix, "shop"), ("/shop", PathType::Exact, "door")],
        );
        let ingress = Ingress {
            meta: ObjectMeta::default(),
            class: None,
            default_backend: None,
            rules: vec![any, wild, exact],
            canary: None,
        };
        assert_eq!(routed(&ingress, "a.example.org", "/shop"), Some("door"));
        assert_eq!(routed(&ingress, "A.example.org", "/shop/cart"), Some("shop"));
        assert_eq!(routed(&ingress, "a.example.org", "/shopping"), Some("root"));
        assert_eq!(routed(&ingress, "b.example.org", "/"), Some("wild"));
        assert_eq!(routed(&ingress, "b.c.example.org", "/"), Some("any"));
    }

    #[test]
    fn odd_hosts_and_paths_match_nothing_and_break_nothing() {
        let wild = rule("*.é", &[]);
        assert!(!wild.matches_host("é") && !wild.matches_host("") && wild.matches_host("ü.é"));
    }
}
