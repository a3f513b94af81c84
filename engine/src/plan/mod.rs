//! Decisions, pure: no I/O, no clock, no randomness.

pub mod freshness;
pub mod names;
