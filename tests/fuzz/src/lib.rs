//! The engine's parsers, without the component runtime and the network that
//! they never touch: instrumenting those would take most of an hour.
//!
//! Dependencies point down only, so the lower layers stand without the upper.

extern crate self as turbo_engine;

pub mod metrics;
#[path = "../../../engine/src/model/mod.rs"]
pub mod model;
pub mod net;
#[path = "../../../engine/src/plan/mod.rs"]
pub mod plan;
mod properties;
pub mod publish;
#[path = "../../../engine/src/store/mod.rs"]
pub mod store;

pub use properties::*;
