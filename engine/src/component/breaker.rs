//! Lets a component that keeps failing rest.
//!
//! Each failing call may cost its whole deadline. After a few in a row the
//! component is left alone for a while, and then tried by one call: a success
//! brings it back, one more failure makes it rest twice as long.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Counts a component's consecutive failures. Costs two loads while it works.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: AtomicU32,
    is_resting: AtomicBool,
    rest: Mutex<Rest>,
}

/// The rest under way.
#[derive(Debug, Default)]
struct Rest {
    /// When the next call may try; none before the first rest.
    until: Option<Instant>,
    length: Duration,
}

/// When to rest, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Consecutive failures that are borne.
    pub(super) failures: u32,
    /// How long a component rests at first.
    pub(super) rest: Duration,
    /// How long it rests at most.
    pub(super) longest_rest: Duration,
}

/// The right to make one call, and what its end will mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// A call like any other.
    Usual,
    /// The one that decides whether the rest is over.
    Trial,
}

impl Breaker {
    /// Whether a call may be made. After the rest one caller gets a trial;
    /// the others wait as long again, or for its success.
    pub(super) fn admits(&self) -> Option<Pass> {
        if self.is_resting() { self.trial(Instant::now()) } else { Some(Pass::Usual) }
    }

    fn trial(&self, now: Instant) -> Option<Pass> {
        let mut rest = self.rest();
        if rest.until.is_some_and(|until| now < until) {
            return None;
        }
        rest.until = now.checked_add(rest.length);
        Some(Pass::Trial)
    }

    /// Whether the component rests.
    pub(super) fn is_resting(&self) -> bool {
        self.is_resting.load(Ordering::Acquire)
    }

    /// Notes a call that went well. One that began before the rest does not
    /// end it.
    pub(super) fn succeeded(&self, pass: Pass) {
        match pass {
            Pass::Usual if self.is_resting() || self.failures.load(Ordering::Relaxed) == 0 => {}
            Pass::Usual => self.failures.store(0, Ordering::Relaxed),
            Pass::Trial => {
                let mut rest = self.rest();
                *rest = Rest::default();
                self.failures.store(0, Ordering::Relaxed);
                self.is_resting.store(false, Ordering::Release);
            }
        }
    }

    /// Notes a call that failed. One that began before the rest does not
    /// lengthen it.
    pub(super) fn failed(&self, pass: Pass, patience: Patience) {
        self.failed_at(pass, patience, Instant::now());
    }

    fn failed_at(&self, pass: Pass, patience: Patience, now: Instant) {
        let mut rest = self.rest();
        let length = match pass {
            Pass::Trial => rest.length.saturating_mul(2).clamp(patience.rest, patience.longest_rest.max(patience.rest)),
            Pass::Usual if self.failures.fetch_add(1, Ordering::Relaxed) + 1 < patience.failures => return,
            Pass::Usual if self.is_resting() => return,
            Pass::Usual => patience.rest,
        };
        *rest = Rest { until: now.checked_add(length), length };
        self.is_resting.store(true, Ordering::Release);
    }

    /// Notes a call that came to nothing, through nobody's fault: the next one
    /// decides in its place.
    pub(super) fn undecided(&self, pass: Pass) {
        if pass == Pass::Trial {
            self.rest().until = None;
        }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Patience = Patience { failures: 3, rest: SECOND, longest_rest: Duration::from_secs(5) };

    /// A breaker that rests since an instant.
    fn resting() -> (Breaker, Instant) {
        let (breaker, now) = (Breaker::default(), Instant::now());
        (0..3).for_each(|_| breaker.failed_at(Pass::Usual, PATIENCE, now));
        assert!(breaker.is_resting());
        (breaker, now)
    }

    #[test]
    fn rests_after_failures_in_a_row() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            breaker.failed(Pass::Usual, PATIENCE);
            breaker.failed(Pass::Usual, PATIENCE);
            assert_eq!(breaker.admits(), Some(Pass::Usual));
            breaker.succeeded(Pass::Usual);
        }
        (0..3).for_each(|_| breaker.failed(Pass::Usual, PATIENCE));
        assert_eq!(breaker.admits(), None);
    }

    #[test]
    fn one_trial_after_the_rest_decides() {
        let (breaker, began) = resting();
        assert_eq!(breaker.trial(began + SECOND / 2), None);
        assert_eq!(breaker.trial(began + SECOND), Some(Pass::Trial));
        assert_eq!(breaker.trial(began + SECOND), None, "the trial is one caller's");
        breaker.succeeded(Pass::Trial);
        assert_eq!(breaker.admits(), Some(Pass::Usual));
        breaker.failed(Pass::Usual, PATIENCE);
        assert_eq!(breaker.admits(), Some(Pass::Usual), "all failures are forgotten");
    }

    #[test]
    fn each_failed_trial_doubles_the_rest_up_to_a_limit() {
        let (breaker, mut now) = resting();
        for seconds in [1, 2, 4, 5, 5] {
            assert_eq!(breaker.trial(now + SECOND * (seconds - 1) + SECOND / 2), None, "{seconds}");
            now += SECOND * seconds;
            assert_eq!(breaker.trial(now), Some(Pass::Trial), "{seconds}");
            breaker.failed_at(Pass::Trial, PATIENCE, now);
        }
        now += SECOND * 5;
        assert_eq!(breaker.trial(now), Some(Pass::Trial));
        breaker.succeeded(Pass::Trial);
        (0..3).for_each(|_| breaker.failed_at(Pass::Usual, PATIENCE, now));
        assert_eq!(breaker.trial(now + SECOND), Some(Pass::Trial), "a success makes the next rest short again");
    }

    #[test]
    fn calls_from_before_the_rest_do_not_change_it() {
        let (breaker, began) = resting();
        breaker.succeeded(Pass::Usual);
        assert!(breaker.is_resting());
        (0..9).for_each(|_| breaker.failed_at(Pass::Usual, PATIENCE, began + SECOND / 2));
        assert_eq!(breaker.trial(began + SECOND), Some(Pass::Trial));
    }

    #[test]
    fn a_trial_that_is_lost_or_undecided_is_repeated() {
        let (breaker, began) = resting();
        assert_eq!(breaker.trial(began + SECOND), Some(Pass::Trial));
        assert_eq!(breaker.trial(began + SECOND * 2), Some(Pass::Trial), "nobody said how it ended");
        breaker.undecided(Pass::Trial);
        assert_eq!(breaker.trial(began + SECOND * 2), Some(Pass::Trial));
    }
}
