//! Tells from a failed call which limit ended it.

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use super::sandbox::Sandbox;
use super::text::printable;
use super::{Fault, FaultKind, Grant, Limits};
use crate::model::quoted;

/// Longest message of a fault.
const MESSAGE_BYTES: usize = 1 << 10;

/// Longest backtrace in the log.
const TRACE_BYTES: usize = 4 << 10;

/// Most functions of a backtrace, and the longest name of one.
const FRAMES: usize = 32;
const FRAME_BYTES: usize = 200;

/// A fault whose component is known from where it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FaultKind,
    pub(super) message: String,
    /// What the user could grant to let it pass.
    pub(super) grant: Grant,
    /// The guest's functions, innermost first, for its author alone.
    pub(super) frames: Vec<String>,
    /// Whether the message is the guest's own words.
    are_its_words: bool,
}

impl Failure {
    pub(super) fn new(kind: FaultKind, message: impl AsRef<str>) -> Self {
        let message = printable(message.as_ref(), MESSAGE_BYTES);
        Self { kind, message, grant: Grant::default(), frames: Vec::new(), are_its_words: false }
    }

    /// The message as users read it: a guest's words are in quotes.
    pub(super) fn told(&self) -> String {
        if self.are_its_words { quoted(&self.message) } else { self.message.clone() }
    }

    /// Names what the user could grant to let it pass.
    pub(super) fn with_grant(mut self, grant: Grant) -> Self {
        if !grant.is_empty() {
            self.message = format!("{} (needs the grant {grant})", self.message);
            self.grant = grant;
        }
        self
    }

    /// A component that the runtime refuses to load.
    pub(super) fn load(error: &wasmtime::Error) -> Self {
        Self::new(FaultKind::Load, format!("{error:#}"))
    }

    /// A call that wasmtime ended.
    pub(super) fn of_call(error: &wasmtime::Error, sandbox: &Sandbox, limits: &Limits) -> Self {
        // The backtrace names the guest's functions: for its author, not for a report.
        let trace = printable(&format!("{error:?}"), TRACE_BYTES);
        tracing::debug!(target: "component", trace, "a call failed");
        let kind = kind(error, sandbox);
        let words = sandbox.last_words();
        let are_its_words = kind == FaultKind::Trap && !words.is_empty();
        let message = if are_its_words { words } else { message(kind, error, limits) };
        let failure = Self { frames: frames(error), are_its_words, ..Self::new(kind, message) };
        let grantable = match kind {
            FaultKind::Fuel => "fuel",
            FaultKind::Deadline => "deadline",
            FaultKind::Memory => "memory",
            FaultKind::Stack => "stack",
            FaultKind::ResultSize => "result",
            _ => return failure,
        };
        Self { grant: Grant::doubled(grantable, limits), ..failure }
    }

    /// An instance that wasmtime did not get to stand up. Unless the guest's
    /// own start function is to blame, its types are not the interface's.
    pub(super) fn of_start(error: &wasmtime::Error, sandbox: &Sandbox, limits: &Limits) -> Self {
        match Self::of_call(error, sandbox, limits) {
            failure if failure.kind == FaultKind::Trap && !error.is::<Trap>() => Self::load(error),
            failure => failure,
        }
    }

    /// The fault of a component.
    pub(super) fn blame(&self, component: &str) -> Fault {
        let (message, are_its_words) = (self.message.clone(), self.are_its_words);
        Fault { component: component.to_owned(), kind: self.kind, message, are_its_words }
    }
}

/// The names of the functions that were running, where the component tells
/// them: one that is built for use does not.
fn frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let named = backtrace.frames().iter().map(|frame| match frame.func_name() {
        Some(name) => printable(&format!("{:#}", rustc_demangle::demangle(name)), FRAME_BYTES),
        None => format!("function {}", frame.func_index()),
    });
    named.take(FRAMES).collect()
}

fn kind(error: &wasmtime::Error, sandbox: &Sandbox) -> FaultKind {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => FaultKind::Fuel,
        Some(Trap::Interrupt) => FaultKind::Deadline,
        Some(Trap::StackOverflow) => FaultKind::Stack,
        // An allocator that is refused memory gives up by a trap of its own.
        _ if sandbox.grew_too_far() => FaultKind::Memory,
        None if error.is::<PoolConcurrencyLimitError>() => FaultKind::Busy,
        None if is_hostcall_fuel(error) => FaultKind::ResultSize,
        _ => FaultKind::Trap,
    }
}

/// wasmtime keeps this error's type to itself, so its text is all there is to
/// go by. Should that change, the fault is called a trap; the test with a huge
/// result notices.
fn is_hostcall_fuel(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().contains("fuel allocated for hostcalls")
}

fn message(kind: FaultKind, error: &wasmtime::Error, limits: &Limits) -> String {
    match kind {
        FaultKind::Fuel => format!("more than {} units in one call", limits.fuel),
        FaultKind::Deadline => format!("more than {} ms in one call", limits.deadline_ms),
        FaultKind::Stack => format!("more than {} bytes of stack", limits.stack_bytes),
        FaultKind::ResultSize => format!("more than {} bytes handed to the host in one call", limits.result_bytes),
        FaultKind::Memory => {
            format!("more than {} bytes of memory or {} table elements", limits.memory_bytes, limits.table_elements)
        }
        _ => error.root_cause().to_string(),
    }
}
