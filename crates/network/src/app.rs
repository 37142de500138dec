//! What an application does with requests, as its image says.

use crate::NetworkError;
use crate::rate::exponential;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_engine::Stream;

/// How an application serves and how it stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppBehaviour {
    /// Time to serve a request once it is taken up.
    pub service_time: ServiceTime,
    /// Requests that it serves at a time, the others wait in order; none: as many as come.
    pub capacity: Option<u32>,
    /// What it does when it is asked to stop.
    pub stop: StopBehaviour,
}

/// Time to serve a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceTime {
    /// Always the same.
    Fixed(Duration),
    /// Any time between two, equally likely.
    Uniform {
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// Exponential.
    Exponential {
        /// Its mean.
        mean: Duration,
    },
}

/// What an application does on SIGTERM, before it is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StopBehaviour {
    /// It goes on as if nothing had happened until it is killed.
    #[default]
    AcceptsUntilKilled,
    /// It takes no new connections, closes idle ones, and answers what it has begun.
    Drains,
    /// Its process ends at once, and what it has begun is lost.
    ExitsAtOnce,
}

impl Default for ServiceTime {
    fn default() -> Self {
        Self::Fixed(Duration::ZERO)
    }
}

impl ServiceTime {
    /// One draw. A fixed time draws nothing.
    pub(crate) fn draw(self, stream: &mut Stream) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::Uniform { least, most } => {
                let span = u64::try_from(most.saturating_sub(least).as_nanos()).unwrap_or(u64::MAX);
                least + Duration::from_nanos(stream.below(span.saturating_add(1)))
            }
            Self::Exponential { mean } => {
                Duration::from_nanos(u64::try_from(exponential(stream, mean.as_nanos())).unwrap_or(u64::MAX))
            }
        }
    }
}

impl AppBehaviour {
    /// Whether such an application can be.
    ///
    /// # Errors
    /// The field at fault.
    pub fn check(&self) -> Result<(), NetworkError> {
        if self.capacity == Some(0) {
            return Err(NetworkError::new("capacity", "must be at least 1"));
        }
        if let ServiceTime::Uniform { least, most } = self.service_time
            && least > most
        {
            return Err(NetworkError::new("serviceTime.least", "must not be above serviceTime.most"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_that_serves_nobody_is_refused_by_name() {
        let app = AppBehaviour { capacity: Some(0), ..AppBehaviour::default() };
        assert_eq!(app.check().unwrap_err().to_string(), "capacity: must be at least 1");
    }
}
