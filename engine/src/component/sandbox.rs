//! An instance's surroundings: what it may still use and what it said.
//!
//! Fuel, the deadline and the stack are wasmtime's to enforce; memory, tables
//! and log messages are counted here.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use super::Limits;
use super::bindings::v0_1::{generator, log, types};
use super::last_words::LastWords;
use super::said::{Tell, say};
use super::text::printable;
use super::wasi::Wasi;
use crate::model::quoted;

/// The host's side of one instance.
pub(super) struct Sandbox {
    component: Arc<str>,
    limits: Arc<Limits>,
    grew_too_far: bool,
    memory_bytes: u64,
    table_elements: u64,
    log_calls: u32,
    log_bytes: usize,
    last_words: LastWords,
    /// Made when a guest first asks for it. Few do.
    wasi: Option<Box<Wasi>>,
}

impl Sandbox {
    pub(super) fn new(component: Arc<str>, limits: Arc<Limits>) -> Self {
        Self {
            component,
            limits,
            grew_too_far: false,
            memory_bytes: 0,
            table_elements: 0,
            log_calls: 0,
            log_bytes: 0,
            last_words: LastWords::default(),
            wasi: None,
        }
    }

    /// Gives the next call its full allowance.
    pub(super) fn begin_call(&mut self) {
        self.grew_too_far = false;
        self.log_calls = 0;
        self.log_bytes = 0;
        self.last_words.clear();
        if let Some(wasi) = &mut self.wasi {
            wasi.begin_call();
        }
    }

    /// Whether the guest asked for more memory or table than it may have.
    pub(super) fn grew_too_far(&self) -> bool {
        self.grew_too_far
    }

    /// Linear memory that the guest holds.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// What the guest said last: error messages, then standard error.
    pub(super) fn last_words(&self) -> String {
        self.last_words.shown() + &self.wasi.as_ref().map(|wasi| wasi.last_words()).unwrap_or_default()
    }

    /// What the guest has of WASI.
    pub(super) fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_default()
    }
}

impl ResourceLimiter for Sandbox {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = take(&mut self.memory_bytes, desired - current, self.limits.memory_bytes);
        self.grew_too_far |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = take(&mut self.table_elements, desired - current, self.limits.table_elements.into());
        self.grew_too_far |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.instances as usize
    }

    fn memories(&self) -> usize {
        self.limits.instances as usize
    }
}

/// Adds to what all memories or tables of an instance hold together, if that
/// stays within the limit. Nothing is ever given back: neither shrinks.
fn take(held: &mut u64, more: usize, limit: u64) -> bool {
    let total = held.saturating_add(more as u64);
    let fits = total <= limit;
    if fits {
        *held = total;
    }
    fits
}

impl types::Host for Sandbox {}

impl generator::types::Host for Sandbox {}

impl log::Host for Sandbox {
    fn log(&mut self, level: log::Level, message: String) {
        self.log_calls = self.log_calls.saturating_add(1);
        let left = (self.limits.log_bytes as usize).saturating_sub(self.log_bytes);
        if self.log_calls > self.limits.log_calls || left == 0 {
            return;
        }
        let message = printable(&message, left);
        self.log_bytes += message.len();
        if matches!(level, log::Level::Error) {
            self.last_words.remember(&message);
        }
        forward(level, &self.component, &message);
    }
}

/// Hands a message to the subscriber, in quotes and once a run. The level is
/// part of an event's static description, hence one call for each.
fn forward(level: log::Level, component: &str, message: &str) {
    let is_heard = match level {
        log::Level::Error => tracing::enabled!(target: "component", tracing::Level::ERROR),
        log::Level::Warn => tracing::enabled!(target: "component", tracing::Level::WARN),
        log::Level::Info => tracing::enabled!(target: "component", tracing::Level::INFO),
        log::Level::Debug => tracing::enabled!(target: "component", tracing::Level::DEBUG),
        log::Level::Trace => tracing::enabled!(target: "component", tracing::Level::TRACE),
    };
    if !is_heard {
        return;
    }
    let words = match say(component, message) {
        Tell::Line => format!("component `{component}` says {}", quoted(message)),
        Tell::ThereIsMore => format!("component `{component}` says more, which is not shown"),
        Tell::Nothing => return,
    };
    match level {
        log::Level::Error => tracing::error!(target: "component", "{words}"),
        log::Level::Warn => tracing::warn!(target: "component", "{words}"),
        log::Level::Info => tracing::info!(target: "component", "{words}"),
        log::Level::Debug => tracing::debug!(target: "component", "{words}"),
        log::Level::Trace => tracing::trace!(target: "component", "{words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox(limits: Limits) -> Sandbox {
        Sandbox::new("test".into(), Arc::new(limits))
    }

    #[test]
    fn log_messages_are_capped_by_number_and_length() {
        let mut sandbox = sandbox(Limits { log_calls: 3, log_bytes: 10, ..Limits::default() });
        for _ in 0..5 {
            log::Host::log(&mut sandbox, log::Level::Error, "1234567".into());
        }
        assert_eq!(sandbox.last_words(), "1234567123");
        sandbox.begin_call();
        for _ in 0..5 {
            log::Host::log(&mut sandbox, log::Level::Error, "x".into());
        }
        assert_eq!(sandbox.last_words(), "xxx");
    }

    #[test]
    fn memories_share_one_allowance() {
        let mut sandbox = sandbox(Limits { memory_bytes: 100, ..Limits::default() });
        assert!(sandbox.memory_growing(0, 60, None).unwrap());
        assert!(sandbox.memory_growing(0, 30, None).unwrap());
        assert!(!sandbox.memory_growing(30, 41, None).unwrap());
        assert!(sandbox.grew_too_far());
        assert!(sandbox.memory_growing(60, 70, None).unwrap());
    }
}
