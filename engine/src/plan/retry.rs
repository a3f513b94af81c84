//! When to try again, and when to stop.

use std::time::Duration;

/// Longest pause before another attempt, whatever the server asks for, where
/// nobody has said how long they would wait.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Pauses between attempts: doubling, with jitter, never shorter than the
/// server asked for (RFC 9110 section 10.2.3).
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest pause of the doubling.
    pub cap: Duration,
    /// The longest pause at all.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), cap: Duration::from_secs(10), longest: LONGEST_PAUSE }
    }
}

impl Backoff {
    /// The pauses of a user who waits for a server as long as it asks for, and
    /// at most so long.
    pub fn up_to(longest: Duration) -> Self {
        Self { longest, ..Self::default() }
    }

    /// The pause after `failures` failures in a row. `chance` in `0.0..1.0`
    /// spreads clients that failed together over the second half of the pause.
    pub fn pause(&self, failures: u32, retry_after: Option<Duration>, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.cap);
        let jittered = doubled.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0));
        match retry_after {
            Some(asked) => asked.saturating_add(jittered.mul_f64(0.2)).min(self.longest.max(asked.min(LONGEST_PAUSE))),
            None => jittered,
        }
    }
}

/// One budget of attempts for a whole download. New bytes refill it: a server
/// that drops every connection yet always delivers something is slow, not dead.
#[derive(Debug, Clone, Copy)]
pub struct RetryBudget {
    allowed: u32,
    spent: u32,
    total: u32,
    /// What servers have asked for since the last progress.
    waited: Duration,
}

impl RetryBudget {
    /// A budget of `allowed` attempts in a row without progress.
    pub fn new(allowed: u32) -> Self {
        Self { allowed, spent: 0, total: 0, waited: Duration::ZERO }
    }

    /// Takes one attempt; false when none is left.
    pub fn spend(&mut self) -> bool {
        self.total += 1;
        self.spent += 1;
        self.spent <= self.allowed
    }

    /// Whether more was taken than allowed.
    pub fn is_spent(&self) -> bool {
        self.spent > self.allowed
    }

    /// Takes a pause that a server asks for; false when all of them since the
    /// last progress are longer than the user would wait. Then this one is not
    /// taken.
    pub fn wait(&mut self, asked: Option<Duration>, at_most: Duration) -> bool {
        let waited = self.waited.saturating_add(asked.unwrap_or_default());
        let is_bearable = waited <= at_most;
        if is_bearable {
            self.waited = waited;
        }
        is_bearable
    }

    /// Progress was made.
    pub fn refill(&mut self) {
        self.spent = 0;
        self.waited = Duration::ZERO;
    }

    /// Attempts taken in all.
    pub fn total(&self) -> u32 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_the_cap() {
        let backoff = Backoff::default();
        assert_eq!(backoff.pause(1, None, 1.0), Duration::from_millis(200));
        assert_eq!(backoff.pause(3, None, 1.0), Duration::from_millis(800));
        assert_eq!(backoff.pause(60, None, 1.0), Duration::from_secs(10));
        assert_eq!(backoff.pause(1, None, 0.0), Duration::from_millis(100));
    }

    #[test]
    fn waits_as_long_as_asked_within_reason() {
        let backoff = Backoff::default();
        assert!(backoff.pause(1, Some(Duration::from_secs(7)), 0.0) >= Duration::from_secs(7));
        assert_eq!(backoff.pause(1, Some(Duration::from_secs(9999)), 0.0), LONGEST_PAUSE);
        let hour = Duration::from_hours(1);
        assert_eq!(Backoff::up_to(hour).pause(1, Some(hour), 1.0), hour);
        assert_eq!(Backoff::up_to(Duration::ZERO).pause(1, None, 1.0), Duration::from_millis(200));
    }

    #[test]
    fn the_user_waits_so_long_and_no_longer() {
        let mut budget = RetryBudget::new(9);
        let (minute, most) = (Some(Duration::from_mins(1)), Duration::from_mins(2));
        assert!(budget.wait(None, Duration::ZERO) && budget.wait(minute, most) && budget.wait(minute, most));
        assert!(!budget.wait(minute, most) && budget.wait(None, most));
        budget.refill();
        assert!(budget.wait(minute, most) && !budget.wait(Some(Duration::MAX), most));
    }

    #[test]
    fn progress_refills_the_budget() {
        let mut budget = RetryBudget::new(2);
        assert!(budget.spend() && budget.spend() && !budget.is_spent());
        assert!(!budget.spend() && budget.is_spent());
        budget.refill();
        assert!(budget.spend());
        assert_eq!(budget.total(), 4);
    }
}
