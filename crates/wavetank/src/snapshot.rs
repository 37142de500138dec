//! Snapshots: a cluster as bytes, to be kept and brought back.

use crate::cluster::Cluster;
use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Version of the format; another one is refused.
pub const SNAPSHOT_FORMAT: u32 = 4;

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    cluster: &'a Cluster,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize)]
struct Read {
    cluster: Cluster,
}

impl Cluster {
    /// The whole state, in CBOR. What is brought back goes on exactly as this cluster would.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the state cannot be written.
    pub fn snapshot(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let written = Written { format: SNAPSHOT_FORMAT, cluster: self };
        ciborium::into_writer(&written, &mut bytes).map_err(|error| Error::Snapshot(error.to_string()))?;
        Ok(bytes)
    }

    /// Brings a snapshot back. It has no subscribers.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the bytes are no snapshot, or one of another format.
    pub fn restore(bytes: &[u8]) -> Result<Self, Error> {
        let unreadable =
            |error: ciborium::de::Error<std::io::Error>| Error::Snapshot(format!("not a snapshot: {error}"));
        let Format { format } = ciborium::from_reader(bytes).map_err(unreadable)?;
        if format != SNAPSHOT_FORMAT {
            return Err(Error::Snapshot(format!("snapshot format {format}, this version reads {SNAPSHOT_FORMAT}")));
        }
        let Read { cluster } = ciborium::from_reader(bytes).map_err(unreadable)?;
        Ok(cluster)
    }
}
