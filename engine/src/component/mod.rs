//! Sandboxed components: the only place that names wasmtime.
//!
//! A component answers questions; it never opens a socket, reads a file or
//! sees a clock. Whatever it does, the worst it can cost is its own answer:
//! every resource it uses has a limit in [`Limits`], every answer is checked
//! natively, and a failure is a [`Fault`] that a download survives.
//!
//! The way of a question: [`Rules::ask`] looks whether any rule is interested
//! (`interest`), whether the answer is known (`memo`), and only then asks each
//! rule (`rule`) through a warm or fresh instance (`instance`) and holds the
//! answer against the checks (`output`). All of it happens within one
//! `generation` of the set, whose place another may take meanwhile (`swap`).

mod answer;
pub mod author;
mod bindings;
mod breaker;
pub mod build;
mod built_in;
mod code;
mod convert;
mod description;
mod error;
mod examine;
mod failure;
mod fault;
mod generation;
mod generator;
mod generators;
mod grant;
mod host;
mod hosts;
mod idle;
mod instance;
mod interest;
mod lanes;
mod last_words;
mod limits;
mod memo;
mod output;
mod private_dir;
mod reach;
mod rule;
mod rules;
mod runtime;
mod said;
mod sandbox;
mod scan;
mod set;
mod settings;
mod shape;
mod source;
mod swap;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod ticker;
mod vault;
mod wasi;
mod world;

pub use answer::{Advice, Answer, Asked, Reply};
pub use built_in::is_built_in;
pub use description::Pattern;
pub use error::ComponentError;
pub use examine::{Examined, RuleReach, examine, interfaces};
pub use fault::{Fault, FaultKind, OutputCheck, ScanLimit};
pub use generators::{
    Generated, Generator, GeneratorAnswer, GeneratorOptions, GeneratorOrigin, GeneratorSummary, Generators,
    built_in_generators, generator_settings,
};
pub use grant::{Grant, GrantError, MOST_COMPONENT_BYTES};
pub use limits::Limits;
pub use reach::{Examples, asked_about, is_any_host};
pub use rules::{Admission, BuiltInTest, Reaching, RuleOptions, RuleState, RuleSummary, Rules};
pub use source::{GivenComponent, Interfaces, RefusedComponent, Shelf};
pub use swap::{Change, Place, Swap, SwapState};
pub use tally::{RuleCounters, RuleCounts};
pub use text::printable;
pub use world::World;
