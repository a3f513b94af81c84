//! Sandboxed components: the only place that names wasmtime.
//!
//! A component answers questions; it never opens a socket, reads a file or
//! sees a clock. Whatever it does, the worst it can cost is its own answer:
//! every resource it uses has a limit in [`Limits`], every answer is checked
//! natively, and a failure is a [`Fault`] that a download survives.

mod answer;
pub mod build;
mod error;
mod fault;
mod limits;
mod rules;

pub use answer::{Advice, Answer, Asked, Reply};
pub use error::ComponentError;
pub use fault::{Fault, FaultKind, OutputCheck, ScanLimit};
pub use limits::Limits;
pub use rules::{Pattern, PrivateMirrors, RuleCounters, RuleOptions, RuleState, RuleSummary, Rules};
