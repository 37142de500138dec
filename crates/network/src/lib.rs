//! Services under load: proxies that learn late, balancing, requests, and what becomes of them.
//!
//! Nothing here knows the store or a controller. Whoever drives it tells which pods run, listen, stop and
//! end, and which endpoints are published; a [`Network`] keeps its own queue of what happens to requests.
//! At one instant changes come before requests.
//!
//! - [`network`]: [`Network`]: Services, sources, and time; `processes` and `publishing`: what it is told of pods and
//!   of their endpoints.
//! - [`source`]: who sends, where to, how many: [`Source`], [`Load`], [`KeepAlive`].
//! - [`rate`]: rates over time, and gaps without a logarithm.
//! - [`app`]: how an application serves and stops: [`AppBehaviour`].
//! - [`service`]: how a Service balances, and how long its changes take to reach the proxies.
//! - [`dns`]: names of Services and of pods.
//! - [`ingress`]: an Ingress with canaries and retries in front.
//! - `view`, `pool`: what one proxy knows, and how it picks.
//! - [`outcome`], [`report`], [`latency`]: what becomes of requests, one by one and all together.
//! - [`fluid`]: the same in expectation, at a cost per change instead of per request; `backlog`, `retries`: lines
//!   before pods, and requests that are sent again, as a fluid.
//!
//! A pod that exits at once loses what its node's proxy still sends it:
//!
//! ```
//! use core::time::Duration;
//! use wavetank_engine::{Seed, Time};
//! use wavetank_model::{EndpointConditions, Uid};
//! use wavetank_network::*;
//!
//! let mut network = Network::new(Seed(1), ProxyDelay::fixed(Duration::from_millis(300)));
//! let service = network.add_service(ServiceConfig::default());
//! let (pod, node) = (Uid(1), Node(0));
//! let app = AppBehaviour { stop: StopBehaviour::ExitsAtOnce, ..AppBehaviour::default() };
//! network.pod_starts(Time::ZERO, pod, PodStart { node, version: "v1".into(), app, listens: Time::ZERO });
//! let conditions = EndpointConditions::of(true, false, false);
//! network.publish(Time::ZERO, service, pod, Some(EndpointState::new(conditions, node)));
//!
//! let load = Load::Open { rate: RateProfile::constant(Rate::per_second(10)), spacing: Spacing::Even };
//! network.start(Time::from_seconds(1), Source::new("client", Origin::Inside(node), service, load))?;
//! network.advance(Time::from_seconds(9));
//! network.publish(Time::from_seconds(10), service, pod, None);
//! network.pod_is_asked_to_stop(Time::from_seconds(10), pod);
//! network.advance(Time::from_seconds(11));
//!
//! let report = network.report();
//! assert_eq!(report.lost_by_cause()[&Cause::RefusedStopped], 3);
//! assert_eq!(report.lost_by_window()[&Window::Stopping], 3);
//! assert_eq!(report.lost_by_cause()[&Cause::NoEndpoint], 8);
//! # Ok::<(), NetworkError>(())
//! ```

pub mod app;
mod backend;
mod backlog;
pub mod dns;
mod error;
pub mod fluid;
mod fluid_paths;
pub mod ingress;
pub mod latency;
pub mod network;
pub mod outcome;
mod pool;
mod processes;
mod publishing;
pub mod rate;
pub mod report;
mod requests;
mod retries;
pub mod service;
pub mod source;
mod view;

pub use app::{AppBehaviour, ServiceTime, StopBehaviour};
pub use dns::Record;

pub use error::NetworkError;
pub use fluid::FluidReport;
pub use ingress::IngressConfig;
pub use latency::Latencies;
pub use network::{Network, PodStart};
pub use outcome::{Cause, Ended, Outcome, PodTimes, Window};
pub use rate::{Rate, RateProfile, Spacing};
pub use report::{Losses, Report, Second, Share};
pub use service::{Balancing, IngressId, Node, ProxyDelay, ServiceConfig, ServiceId, SourceId, Zone};
pub use source::{KeepAlive, Load, Origin, Source, Target};
pub use view::EndpointState;
