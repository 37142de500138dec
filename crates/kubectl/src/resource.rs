//! The resources that an API server of v1.36 serves, and the words for them.
//!
//! All of them are known by name, so that `get` and `api-resources` answer as they would; which ones are
//! simulated is another question, see [`crate::api`].

use core::fmt;

/// The table, one resource a line, in the order in which discovery lists them.
const TABLE: &str = include_str!("resources.txt");

/// What most resources can be asked for.
const USUAL_VERBS: &str = "create,delete,deletecollection,get,list,patch,update,watch";

/// One resource of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resource {
    /// Plural name, lower case.
    pub(crate) name: &'static str,
    /// Short names, separated by commas; mostly one or none.
    pub(crate) short: &'static str,
    /// Group; empty for the core.
    pub(crate) group: &'static str,
    /// Version within the group.
    pub(crate) version: &'static str,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// Kind of its objects.
    pub(crate) kind: &'static str,
    /// `all`, or nothing.
    pub(crate) category: &'static str,
    /// What it can be asked for.
    pub(crate) verbs: &'static str,
}

fn parsed(line: &'static str) -> Option<Resource> {
    let mut words = line.split_whitespace();
    let name = words.next().filter(|word| !word.starts_with('#'))?;
    let plain = |word: &'static str| if word == "-" { "" } else { word };
    let short = plain(words.next()?);
    let api_version = words.next()?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let namespaced = words.next()? == "namespaced";
    let (kind, category) = (words.next()?, plain(words.next()?));
    let verbs = words.next().unwrap_or(USUAL_VERBS);
    Some(Resource { name, short, group, version, namespaced, kind, category, verbs })
}

/// All resources, in order.
pub(crate) fn all() -> impl Iterator<Item = Resource> {
    TABLE.lines().filter_map(parsed)
}

impl Resource {
    /// `apps/v1`, or `v1` for the core.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, or `pods` for the core.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.name, self.group) }
    }

    /// `deployment.apps`, or `pod` for the core.
    pub(crate) fn singular(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() { kind } else { format!("{kind}.{}", self.group) }
    }

    /// An object of it as kubectl names it: `deployment.apps/web`.
    pub(crate) fn label(&self, name: &str) -> String {
        format!("{}/{name}", self.singular())
    }

    /// As errors about requests name it: `apps/v1, Resource=deployments`.
    pub(crate) fn in_requests(&self) -> String {
        format!("{}/{}, Resource={}", self.group, self.version, self.name)
    }

    /// Whether it has a `scale` subresource.
    pub(crate) fn scales(&self) -> bool {
        ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"].contains(&self.kind)
    }

    /// Whether its pods come from a template that a rollout changes.
    pub(crate) fn rolls_out(&self) -> bool {
        ["Deployment", "DaemonSet", "StatefulSet"].contains(&self.kind)
    }

    fn is_named(&self, word: &str) -> bool {
        word == self.name || word == self.kind.to_lowercase() || self.short.split(',').any(|short| short == word)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.qualified())
    }
}

/// The resource of a word: `deploy`, `deployments.apps`, `deployments.v1.apps`, in any case.
///
/// # Errors
/// The word without group and version, if there is no such resource.
pub(crate) fn of_word(word: &str) -> Result<Resource, String> {
    let lower = word.to_lowercase();
    let (plain, rest) = lower.split_once('.').unwrap_or((&lower, ""));
    let fits = |resource: &Resource| {
        resource.is_named(plain)
            && (rest.is_empty()
                || rest == resource.group
                || rest.split_once('.') == Some((resource.version, resource.group)))
    };
    all().find(fits).ok_or_else(|| word.split('.').next().unwrap_or_default().to_owned())
}

/// The resource of a kind in a version.
pub(crate) fn of_kind(api_version: &str, kind: &str) -> Option<Resource> {
    all().find(|resource| resource.kind == kind && resource.api_version() == api_version)
}

/// The resources of category `all`.
pub(crate) fn category_all() -> impl Iterator<Item = Resource> {
    all().filter(|resource| resource.category == "all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_has_many_names() {
        for word in ["deploy", "deployment", "deployments", "Deployments", "deployments.apps", "deployment.v1.apps"] {
            assert_eq!(of_word(word).map(|found| found.kind), Ok("Deployment"), "{word}");
        }
        assert_eq!(of_word("deployment.v9.apps"), Err("deployment".to_owned()));
        assert_eq!(of_word("foo"), Err("foo".to_owned()));
    }

    #[test]
    fn every_line_of_the_table_is_a_resource() {
        assert_eq!(all().count(), TABLE.lines().count() - 1);
        assert_eq!(category_all().count(), 10);
        let events = of_word("ev").unwrap();
        assert_eq!((events.api_version().as_str(), events.label("a").as_str()), ("v1", "event/a"));
    }
}
