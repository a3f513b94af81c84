//! What a component says to the person who runs it.
//!
//! `turbo-engine -v` shows it, and `turbo-engine component test` on a failure.
//! The engine caps number and length for each call. Native tests print it to
//! standard error.
//!
//! ```
//! turbo_component::log::warn("the file is older than its signature");
//! ```

use crate::Level;

/// Something failed. Such messages are part of the engine's report when the
/// call ends in a trap.
pub fn error(message: &str) {
    record(Level::Error, message);
}

/// Something is odd; the answer still stands.
pub fn warn(message: &str) {
    record(Level::Warn, message);
}

/// Progress worth a line.
pub fn info(message: &str) {
    record(Level::Info, message);
}

/// Details for the component's author.
pub fn debug(message: &str) {
    record(Level::Debug, message);
}

/// Every step.
pub fn trace(message: &str) {
    record(Level::Trace, message);
}

#[cfg(target_family = "wasm")]
fn record(level: Level, message: &str) {
    crate::bindings::turbo::engine::log::log(level, message);
}

#[cfg(not(target_family = "wasm"))]
fn record(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}
