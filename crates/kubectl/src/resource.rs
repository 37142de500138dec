//! The resources that an API server of v1.36 serves, and the words for them.
//!
//! All of them are known by name, so that `get` and `api-resources` answer as they would; which ones are
//! simulated is another question, see [`crate::api`].

use core::fmt;
use std::borrow::Cow;
use wavetank::Cluster;
use wavetank::verbs::own_kinds::OwnKind;

/// The table, one resource a line, in the order in which discovery lists them.
const TABLE: &str = include_str!("resources.txt");

/// What most resources can be asked for.
const USUAL_VERBS: &str = "create,delete,deletecollection,get,list,patch,update,watch";

/// One resource of the API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resource {
    /// Plural name, lower case.
    pub(crate) name: Cow<'static, str>,
    /// Short names, separated by commas; mostly one or none.
    pub(crate) short: Cow<'static, str>,
    /// Group; empty for the core.
    pub(crate) group: Cow<'static, str>,
    /// Version within the group.
    pub(crate) version: Cow<'static, str>,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// Kind of its objects.
    pub(crate) kind: Cow<'static, str>,
    /// `all`, or nothing.
    pub(crate) category: &'static str,
    /// What it can be asked for.
    pub(crate) verbs: &'static str,
    /// Whether a definition gives it a scale.
    pub(crate) own_scale: bool,
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
    let [name, short, group, version, kind] = [name, short, group, version, kind].map(Cow::Borrowed);
    Some(Resource { name, short, group, version, namespaced, kind, category, verbs, own_scale: false })
}

/// The resource of a kind of the user's own.
fn of_own(kind: &OwnKind) -> Resource {
    let short = kind.short_names().collect::<Vec<_>>().join(",");
    let [name, group, version, word] = [kind.plural(), kind.group(), kind.version(), kind.word()].map(str::to_owned);
    Resource {
        name: name.into(),
        short: short.into(),
        group: group.into(),
        version: version.into(),
        namespaced: kind.is_namespaced(),
        kind: word.into(),
        category: "",
        verbs: USUAL_VERBS,
        own_scale: kind.has_scale(),
    }
}

/// The resources that every server has, in order.
pub(crate) fn built_in() -> impl Iterator<Item = Resource> {
    TABLE.lines().filter_map(parsed)
}

/// All resources, those of the user's own kinds last.
pub(crate) fn all(cluster: &Cluster) -> impl Iterator<Item = Resource> {
    let own = cluster.own_kinds().map(of_own);
    let is_new = |own: &Resource| !built_in().any(|known| known.kind == own.kind && known.group == own.group);
    built_in().chain(own.filter(is_new))
}

impl Resource {
    /// `apps/v1`, or `v1` for the core.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, or `pods` for the core.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.name.to_string() } else { format!("{}.{}", self.name, self.group) }
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
        self.own_scale || ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"].contains(&&*self.kind)
    }

    /// Whether its pods come from a template that a rollout changes.
    pub(crate) fn rolls_out(&self) -> bool {
        ["Deployment", "DaemonSet", "StatefulSet"].contains(&&*self.kind)
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
pub(crate) fn of_word(cluster: &Cluster, word: &str) -> Result<Resource, String> {
    let lower = word.to_lowercase();
    let (plain, rest) = lower.split_once('.').unwrap_or((&lower, ""));
    let fits = |resource: &Resource| {
        resource.is_named(plain)
            && (rest.is_empty()
                || rest == resource.group
                || rest.split_once('.') == Some((&*resource.version, &*resource.group)))
    };
    all(cluster).find(fits).ok_or_else(|| word.split('.').next().unwrap_or_default().to_owned())
}

/// The resource of a kind in a version.
pub(crate) fn of_kind(cluster: &Cluster, api_version: &str, kind: &str) -> Option<Resource> {
    all(cluster).find(|resource| resource.kind == kind && resource.api_version() == api_version)
}

/// The resources of category `all`.
pub(crate) fn category_all() -> impl Iterator<Item = Resource> {
    built_in().filter(|resource| resource.category == "all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_has_many_names() {
        let cluster = Cluster::builder().build();
        let kind = |word: &str| of_word(&cluster, word).map(|found| found.kind.into_owned());
        for word in ["deploy", "deployment", "deployments", "Deployments", "deployments.apps", "deployment.v1.apps"] {
            assert_eq!(kind(word).as_deref(), Ok("Deployment"), "{word}");
        }
        assert_eq!(kind("deployment.v9.apps"), Err("deployment".to_owned()));
        assert_eq!(kind("foo"), Err("foo".to_owned()));
    }

    #[test]
    fn every_line_of_the_table_is_a_resource() {
        assert_eq!(built_in().count(), TABLE.lines().count() - 1);
        assert_eq!(category_all().count(), 10);
        let events = of_word(&Cluster::builder().build(), "ev").unwrap();
        assert_eq!((events.api_version().as_str(), events.label("a").as_str()), ("v1", "event/a"));
    }
}
