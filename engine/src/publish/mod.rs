//! From a release to the package managers, in stages that each check what the
//! one before gave.
//!
//! A generator is a component and only proposes; every proposal is held
//! against the rules of its package manager and against the release itself
//! before anything is packed, signed or sent.

pub mod artifact;
mod confine;
pub mod effect;
mod error;
pub mod gate;
pub mod generate;
pub mod intake;
mod provenance;
pub mod run;
mod violation;

pub use confine::Bounds;
pub use error::PublishError;
pub use provenance::Sources;
pub use violation::Violation;
