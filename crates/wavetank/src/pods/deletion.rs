//! Deleting a pod with a grace of one's own.

use crate::cluster::Cluster;
use crate::error::Error;

impl Cluster {
    /// Deletes a pod; it gets `grace_seconds` to stop, or as many as its spec says. 0 takes it away at once.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_pod(&mut self, name: &str, grace_seconds: Option<i64>) -> Result<(), Error> {
        let key = self.pod_key(name)?;
        self.delete_pod_gracefully(key, grace_seconds)?;
        self.absorb();
        Ok(())
    }
}
