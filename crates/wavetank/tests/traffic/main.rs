//! Requests in a whole cluster: who sends them, where they go, and what becomes of them.

mod bad_input;
mod health;
mod loads;
mod names;
mod rollouts;
mod scene;
