//! Tools for those who write components: begin, test, measure, look into.
//!
//! Owns an author's project: `component.toml`, the cases in `tests/*.toml`,
//! the templates. A component is run here under the very limits of production,
//! and what is reported of it is cut and cleaned like everything a guest says;
//! the one exception is the names of its functions in a backtrace, which are
//! its author's own.

mod bench;
mod cases;
mod create;
mod diff;
mod error;
mod inspect;
mod manifest;
mod snapshot;
mod subject;
mod trial;
mod words;
mod workshop;

pub use super::build::Language;
pub use bench::{Bench, BenchReport, bench};
pub use create::{Project, Sdk, create};
pub use error::AuthorError;
pub use inspect::{Inspection, Measure, Reason, inspect};
pub use manifest::{Disagreement, Manifest, ManifestExample, ManifestPattern};
pub use subject::Rebuild;
pub use trial::{CaseReport, Expectations, Report, Trial, Verdict, test};
