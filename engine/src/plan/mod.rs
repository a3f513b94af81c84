//! Decisions, pure: no I/O, no clock, no randomness. Time comes in as the
//! duration since the download began, chance as a number drawn elsewhere.

pub mod freshness;
mod host_limits;
pub mod names;
mod parts;
pub mod paths;
mod ramp;
mod ranges;
mod rank;
mod retry;
mod schedule;

pub use host_limits::{HostLimits, HostLimitsError, Learned};
pub use parts::{Answered, Begun, Connections, KnownDigest, Parts, Resumption, Vouching};
pub use ranges::RangeSet;
pub use rank::{RankedCandidate, rank};
pub use retry::{Backoff, RetryBudget};
pub use schedule::{Failure, LaneId, Limits, Ramp, Role, Room, Schedule, Seen, SourceId, SourceSpec, Step};
