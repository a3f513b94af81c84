//! Lets a component that keeps failing rest.
//!
//! Each failing call may cost its whole deadline. After a few in a row the
//! component is left alone for a while, then tried once: one success brings
//! it back, one more failure makes it rest again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Counts a component's consecutive failures.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: AtomicU32,
    resting_since: Mutex<Option<Instant>>,
}

/// When to rest, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Consecutive failures that are borne.
    pub(super) failures: u32,
    /// How long a component rests.
    pub(super) rest: Duration,
}

impl Breaker {
    /// Whether a call may be made. After the rest one caller gets a trial;
    /// the others wait another rest, or for its success.
    pub(super) fn admits(&self, patience: Patience) -> bool {
        if !self.is_tripped(patience) {
            return true;
        }
        let now = Instant::now();
        let mut since = self.resting_since.lock().expect("nothing panics under this lock");
        let is_over = since.is_none_or(|since| now.duration_since(since) >= patience.rest);
        if is_over {
            *since = Some(now);
        }
        is_over
    }

    /// Whether the component rests.
    pub(super) fn is_tripped(&self, patience: Patience) -> bool {
        self.failures.load(Ordering::Relaxed) >= patience.failures
    }

    /// Notes a call that went well.
    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Notes a call that failed.
    pub(super) fn failed(&self) {
        *self.resting_since.lock().expect("nothing panics under this lock") = Some(Instant::now());
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Patience = Patience { failures: 3, rest: Duration::from_hours(1) };
    const OVER: Patience = Patience { failures: 3, rest: Duration::ZERO };

    #[test]
    fn rests_after_failures_in_a_row() {
        let breaker = Breaker::default();
        breaker.failed();
        breaker.failed();
        assert!(breaker.admits(LONG));
        breaker.succeeded();
        breaker.failed();
        breaker.failed();
        assert!(breaker.admits(LONG));
        breaker.failed();
        assert!(!breaker.admits(LONG));
    }

    #[test]
    fn one_trial_after_the_rest_decides() {
        let breaker = Breaker::default();
        (0..3).for_each(|_| breaker.failed());
        assert!(breaker.admits(OVER));
        breaker.failed();
        assert!(!breaker.admits(LONG));
        assert!(breaker.admits(OVER));
        assert!(!breaker.admits(LONG), "the trial is one caller's");
        breaker.succeeded();
        assert!(breaker.admits(LONG));
    }
}
