//! What if: the same load through many autoscaler settings, and decisions against recorded ones.
//!
//! - [`sweep`](mod@sweep): a prepared cluster is forked for each setting; what became of it is a row.
//! - [`table`]: rows as CSV.
//! - [`backtest`](mod@backtest): what an autoscaler would have done with a recorded series.
//!
//! This crate may use threads: each fork is a simulation of its own, whole in its thread, so a row is
//! the same whichever core ran it.

pub mod backtest;
pub mod sweep;
pub mod table;

pub use backtest::{Backtest, BacktestError, Decision, backtest};
pub use sweep::{Row, Scenario, Setting, sweep};
pub use table::to_csv;
