//! How long a container or an image is held back after it failed.
//!
//! Source: `client-go/util/flowcontrol/backoff.go`, with the kubelet's parameters: the first wait,
//! the longest, and 600 seconds without use after which an entry is forgotten.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_engine::Time;

use crate::back_off::{FIRST, MEMORY};

/// One container's, or one image's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOff {
    /// The present wait.
    pub wait: Duration,
    /// When it was used last.
    pub last_update: Time,
}

/// Whether so much time lies between two instants that a back-off is forgotten.
fn forgotten(event: Time, last_update: Time) -> bool {
    event > last_update && event.since(last_update) > MEMORY
}

impl BackOff {
    /// The next step, for something that happened at a time.
    #[must_use]
    pub fn next(entry: Option<Self>, event: Time, now: Time, longest: Duration) -> Self {
        let wait = match entry.filter(|entry| !forgotten(event, entry.last_update)) {
            None => FIRST.min(longest),
            Some(entry) => entry.wait.saturating_mul(2).min(longest),
        };
        Self { wait, last_update: now }
    }

    /// Whether what happened at `event` is still to be waited for.
    #[must_use]
    pub fn holds_back_since(&self, event: Time, now: Time) -> bool {
        !forgotten(event, self.last_update) && now.since(event) < self.wait
    }

    /// Whether the wait since its last use is not over.
    #[must_use]
    pub fn holds_back(&self, now: Time) -> bool {
        !forgotten(now, self.last_update) && now.since(self.last_update) < self.wait
    }

    /// Whether housekeeping at `now` would drop it.
    #[must_use]
    pub fn is_forgotten(&self, now: Time) -> bool {
        forgotten(now, self.last_update)
    }
}
