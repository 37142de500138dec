//! What pods use, and what the metrics APIs say of it.
//!
//! Usage is a function of virtual time; a pipeline looks at it every few seconds, as metrics-server
//! does, and answers with what it saw last, not with what is. Nothing is calculated for pods that nobody
//! asks about.
//!
//! - [`curve`]: values over time: constant, in steps, in lines, by the day, recorded.
//! - [`recording`]: recorded series from CSV.
//! - [`usage`]: what the pods of a selector use, each for itself or sharing a load; what requests cost.
//! - [`series`]: metrics that belong to no pod: of other objects, and from outside.
//! - [`pipeline`]: scrapes, and what the APIs answer.
//!
//! Three ready pods share a load of 600 thousandths of a core:
//!
//! ```
//! use wavetank_engine::{Seed, Time};
//! use wavetank_metrics::{Curve, Group, Pipeline, PodNow, Share, Usage};
//! use wavetank_model::{Selector, Uid};
//!
//! let web = Group { namespace: "default".into(), selector: Selector::parse("app=web").unwrap() };
//! let mut pipeline = Pipeline::new(Seed(0));
//! pipeline.add_usage(Usage::of_resource(web, "cpu", Share::AmongReady, Curve::Constant(600)));
//! let pods = (1..=3).map(|uid| PodNow { uid: Uid(uid), started: Time::ZERO, ready: true, answered: 0 });
//! pipeline.scrape(Time::from_seconds(5), |_| Some(pods.clone().collect()));
//!
//! let answer = pipeline.resource(Time::from_seconds(15), "default", "cpu", None).unwrap();
//! assert_eq!(answer.of_pod(Uid(2)).unwrap().milli, 200);
//! assert_eq!(answer.of_pod(Uid(2)).unwrap().timestamp, Time::from_seconds(5));
//! ```

pub mod curve;
pub mod pipeline;
pub mod recording;
pub mod series;
pub mod usage;

pub use curve::{Curve, Point};
pub use pipeline::{Answer, Look, Pipeline, PodNow, Sample, Settings, Unavailable};
pub use recording::{Recording, RecordingError};
pub use series::{ExternalSeries, ObjectSeries};
pub use usage::{Clock, Group, Share, Subject, Usage, WarmUp, cpu_of_requests};
