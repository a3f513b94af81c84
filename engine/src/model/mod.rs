//! Plain values that every part of the engine speaks in.
//!
//! Nothing here performs I/O, reads a clock or draws a random number; parsing
//! happens once, at the edge, and the types keep what was proven.

mod address;
mod candidate;
mod candidate_url;
pub mod delivery;
pub mod diagnostic;
mod digest;
pub(crate) mod excerpt;
mod exit;
pub mod files;
pub mod http;
pub mod minisign;
mod oci_name;
mod range;
mod region;
pub mod release;
mod secret;
mod size;
mod time;
mod visible;
mod web;

pub use address::{NotPublic, PUBLIC_PORTS, PrivateMirrors, check_public, is_public, is_public_name};
pub use candidate::{Candidate, CandidateKind, Promise};
pub use candidate_url::CandidateUrl;
pub use digest::{Algorithm, Digest, DigestError};
pub use exit::{ExitCode, Explain};
pub use oci_name::{OciName, OciNameError};
pub use range::ByteRange;
pub use region::{Region, RegionError};
pub use secret::Secret;
pub use size::{exact_bytes, parse_bytes};
pub use time::{rfc3339, seconds_of_day, seconds_of_moment};
pub use visible::{quoted, visible, visible_lines, visible_start};
pub use web::{DisplayUrl, Origin, is_shareable, is_this_machine};
