//! One rate for everything the process downloads.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A bound on bytes per second, shared by all connections.
///
/// Each caller reserves its bytes on a common timeline and sleeps until its
/// turn has come: no queue, no waking of the others, exact on average.
#[derive(Debug)]
pub struct RateLimit {
    bytes_per_s: f64,
    free_at: Mutex<Instant>,
}

/// How far the timeline may lag behind: what a burst after a pause may use.
const BURST: Duration = Duration::from_millis(50);

impl RateLimit {
    /// A limit of `bytes_per_s`.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    pub fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s: bytes_per_s.max(1) as f64, free_at: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` may have been received. Cancelling it leaves them accounted for.
    pub async fn take(&self, bytes: usize) {
        tokio::time::sleep_until(self.reserve(bytes, Instant::now()).into()).await;
    }

    #[expect(clippy::cast_precision_loss, reason = "a chunk is far below 52 bits")]
    fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_s);
        let mut free_at = self.free_at.lock().expect("no panic while holding it");
        *free_at = (*free_at).max(now.checked_sub(BURST).unwrap_or(now)) + cost;
        *free_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_follow_one_another() {
        let limit = RateLimit::new(1000);
        let now = Instant::now();
        let first = limit.reserve(1000, now);
        let second = limit.reserve(500, now);
        assert_eq!(second - first, Duration::from_millis(500));
        assert!(first >= now + Duration::from_millis(900));
    }
}
