//! The server as one command speaks to it: in the name of a field manager, and with warnings beside its
//! answers.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;
use wavetank::Cluster;

/// A cluster, and what it has warned of.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    cluster: &'a mut Cluster,
    warnings: &'a mut Vec<Arc<str>>,
}

impl<'a> Client<'a> {
    pub(crate) const fn new(cluster: &'a mut Cluster, warnings: &'a mut Vec<Arc<str>>) -> Self {
        Self { cluster, warnings }
    }

    /// Keeps warnings until the request has been answered.
    pub(crate) fn warned(&mut self, warnings: impl IntoIterator<Item = Arc<str>>) {
        self.warnings.extend(warnings);
    }
}

impl Deref for Client<'_> {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.cluster
    }
}

impl DerefMut for Client<'_> {
    fn deref_mut(&mut self) -> &mut Cluster {
        self.cluster
    }
}

/// Under which name a command writes, unless `--field-manager` says otherwise. The commands that set none
/// are known by the first word of the client's own name.
pub(crate) fn field_manager(path: &str, server_side: bool) -> &'static str {
    let mut words = path.split(' ').skip(1);
    match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
        ("apply", "set-last-applied") => "kubectl",
        ("apply" | "diff", _) if server_side => "kubectl",
        ("apply" | "diff", _) => "kubectl-client-side-apply",
        ("create", _) => "kubectl-create",
        ("run", _) => "kubectl-run",
        ("expose", _) => "kubectl-expose",
        ("autoscale", _) => "kubectl-autoscale",
        ("patch", _) => "kubectl-patch",
        ("edit", _) => "kubectl-edit",
        ("replace", _) => "kubectl-replace",
        ("label", _) => "kubectl-label",
        ("annotate", _) => "kubectl-annotate",
        ("taint", _) => "kubectl-taint",
        ("set", _) => "kubectl-set",
        ("rollout", "pause" | "resume" | "restart") => "kubectl-rollout",
        (_, _) => "kubectl",
    }
}

#[cfg(test)]
mod tests {
    use super::field_manager;

    #[test]
    fn commands_write_under_their_names() {
        assert_eq!(field_manager("kubectl apply", false), "kubectl-client-side-apply");
        assert_eq!(field_manager("kubectl apply", true), "kubectl");
        assert_eq!(field_manager("kubectl rollout restart", false), "kubectl-rollout");
        assert_eq!(field_manager("kubectl rollout undo", false), "kubectl");
        assert_eq!(field_manager("kubectl scale", false), "kubectl");
        assert_eq!(field_manager("kubectl create deployment", false), "kubectl-create");
    }
}
