//! Exit codes and hints: what an error means to the person at the terminal.

use std::error::Error;

/// How the process ends. The numbers are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything asked for was done.
    Done = 0,
    /// The operation failed for a reason no other code names.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Some of several jobs failed.
    Partial = 3,
    /// No network path to any source after all retries.
    Network = 4,
    /// Every source refused by HTTP status after all retries.
    Refused = 5,
    /// The bytes are not the ones promised; nothing carries the final name.
    Verification = 6,
    /// A local file or disk failed.
    Local = 7,
    /// A component the user required failed or was refused.
    Component = 8,
    /// Interrupted; the same command resumes.
    Interrupted = 9,
    /// A bug in the engine.
    Bug = 70,
}

/// An error that knows its exit code and what the user can do about it.
pub trait Explain: Error {
    /// The code the process should end with.
    fn exit_code(&self) -> ExitCode;

    /// What to do next, as one sentence in the imperative.
    fn hint(&self) -> Option<String> {
        None
    }
}
