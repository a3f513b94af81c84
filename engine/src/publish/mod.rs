//! From a release to the package managers, in stages that each check what the
//! one before gave.
//!
//! A generator is a component and only proposes; every proposal is held
//! against the rules of its package manager and against the release itself
//! before anything is packed, signed or sent.

pub mod alert;
pub mod artifact;
pub mod audit;
pub mod check;
mod confine;
pub mod credentials;
pub mod deliver;
pub mod destination;
mod diff;
pub mod effect;
pub mod embed;
mod error;
pub mod gate;
pub mod generate;
pub mod inquiry;
pub mod intake;
mod keyring;
pub mod ledger;
pub mod order;
pub mod outcome;
pub mod pack;
mod package_manager;
pub mod previous;
mod provenance;
pub mod rate;
pub mod ready;
mod record_file;
pub mod records;
pub mod run;
pub mod sign;
pub mod state;
pub mod status;
mod violation;

pub use confine::Bounds;
pub use error::PublishError;
pub use package_manager::{Manager, UnknownManager};
pub use provenance::Sources;
pub use violation::Violation;
