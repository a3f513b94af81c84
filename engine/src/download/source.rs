//! The places that a download asks, and what each has given.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use url::Url;

use super::events::shown;
use super::lane::FirstValidators;
use super::route::Route;
use super::{Event, SourceReceipt, SourceState, reason};
use crate::net::{Coded, Scoped, Trust};
use crate::plan::{RangeSet, Role};

/// A place that may have the bytes.
#[derive(Debug)]
pub(super) struct Source {
    pub url: Url,
    pub trust: Trust,
    pub role: Role,
    /// The rule that named it; none for what the user typed.
    pub rule: Option<String>,
    /// What the user gave for its exact origin.
    pub scoped: Option<Scoped>,
    /// What becomes of content codings.
    pub coded: Coded,
    /// Where its URL led.
    route: Route,
    /// What its own first answer said of the file.
    pub first: FirstValidators,
    pub tally: Arc<Tally>,
    pub state: SourceState,
    pub why: Option<String>,
    /// The bytes it gave: what has to go if it proves wrong.
    pub given: RangeSet,
    /// Failures in a row.
    pub failures: u32,
    /// When the last of them was counted.
    pub failed_at: Option<Instant>,
}

/// Counts that connections write and reports read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub bytes: AtomicU64,
    pub requests: AtomicU64,
    pub failures: AtomicU64,
}

impl Tally {
    pub(super) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

impl Source {
    pub(super) fn new(url: Url, trust: Trust, role: Role, rule: Option<String>) -> Self {
        Self {
            route: Route::new(url.clone(), trust),
            url,
            trust,
            role,
            rule,
            scoped: None,
            first: FirstValidators::default(),
            coded: Coded::Kept,
            tally: Arc::default(),
            state: SourceState::Unused,
            why: None,
            given: RangeSet::default(),
            failures: 0,
            failed_at: None,
        }
    }

    /// The way to it, for a connection to go.
    pub(super) fn route(&self) -> Route {
        self.route.clone().with(self.scoped.clone()).coded(self.coded)
    }

    /// A copy that may ask while a transfer owns the source itself.
    pub(super) fn alone(&self) -> Self {
        let mut alone = Self::new(self.url.clone(), self.trust, self.role, None);
        alone.scoped.clone_from(&self.scoped);
        alone.coded = self.coded;
        alone
    }

    /// Whether it is a mirror that the user did not name: it delivers only
    /// under a digest.
    pub(super) fn is_stranger(&self) -> bool {
        self.role == Role::Mirror && self.trust == Trust::Named
    }

    /// Whether any request was sent to it.
    pub(super) fn has_been_asked(&self) -> bool {
        self.tally.requests.load(Ordering::Relaxed) > 0
    }

    /// The host's name, for messages.
    pub(super) fn name(&self) -> String {
        self.url.host_str().unwrap_or("").to_owned()
    }

    /// The event of an attempt that failed and will be repeated.
    pub(super) fn retrying(&self, why: &dyn Error, wait: Duration) -> Event {
        Event::Retry { host: self.name(), why: reason(why), wait_s: wait.as_secs_f64() }
    }

    /// Host and port, the scope of a connection limit.
    pub(super) fn host(&self) -> String {
        self.route.host()
    }

    pub(super) fn is_dropped(&self) -> bool {
        matches!(self.state, SourceState::Dropped | SourceState::Refused)
    }

    /// Changes the state; the event tells the observer.
    pub(super) fn become_state(&mut self, state: SourceState, why: Option<String>) -> Event {
        self.state = state;
        self.why.clone_from(&why);
        Event::Source { url: shown(&self.url), rule: self.rule.clone(), state, why }
    }

    pub(super) fn receipt(&self) -> SourceReceipt {
        SourceReceipt {
            url: shown(&self.url),
            host: self.name(),
            rule: self.rule.clone(),
            role: self.role,
            bytes: self.tally.bytes.load(Ordering::Relaxed),
            requests: self.tally.requests.load(Ordering::Relaxed),
            failures: self.tally.failures.load(Ordering::Relaxed),
            state: self.state,
            why: self.why.clone(),
        }
    }
}
