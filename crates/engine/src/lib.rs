//! The discrete-event engine: it knows time, order and chance, and nothing of Kubernetes.
//!
//! - [`time`]: the virtual clock is a value that is passed in; [`Calendar`] says what it stands for.
//! - [`queue`]: everything that will happen, in the order of (time, insertion); below it `agenda`, which
//!   keeps that order cheap for millions of events with `lanes` and `buckets`.
//! - [`chance`]: named streams and keyed draws, all from one seed.
//! - [`digest`]: a running digest of the history, to compare two runs.
//!
//! A simulation pops the next event and lets it schedule others:
//!
//! ```
//! use core::time::Duration;
//! use wavetank_engine::{Digest, Queue, Seed, Streams, Time};
//!
//! let run = |seed| {
//!     let mut delays = Streams::new(Seed(seed)).stream("delays");
//!     let mut history = Digest::new();
//!     let mut queue = Queue::new();
//!     queue.schedule(Time::ZERO, 3);
//!     while let Some((now, left)) = queue.pop() {
//!         history.word(now.as_nanos().cast_unsigned());
//!         if left > 0 {
//!             queue.schedule(now + Duration::from_millis(1 + delays.below(100)), left - 1);
//!         }
//!     }
//!     history.value()
//! };
//! assert_eq!(run(1), run(1));
//! assert_ne!(run(1), run(2));
//! ```

mod agenda;
mod buckets;
pub mod chance;
pub mod digest;
mod lanes;
pub mod queue;
pub mod time;

pub use chance::{Purpose, Seed, Stream, Streams, keyed};
pub use digest::Digest;
pub use queue::{Queue, Ticket};
pub use time::{Calendar, Second, Time};
