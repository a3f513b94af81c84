//! From a release to the package managers, in stages that each check what the
//! one before gave.
//!
//! A generator is a component and only proposes; every proposal is held
//! against the rules of its package manager and against the release itself
//! before anything is packed, signed or sent.

pub mod audit;
pub mod credentials;
pub mod deliver;
mod keyring;
pub mod ledger;
pub mod state;
