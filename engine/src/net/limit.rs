//! One rate for everything the process downloads, or for one download of it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A bound on bytes per second, shared by everybody who takes from it.
///
/// Each caller reserves its bytes on a common timeline and sleeps until its
/// turn has come: no queue, no waking of the others, exact on average. The
/// timeline begins with the first bytes. What a socket's buffer takes before
/// anybody reads is not held back, but its reader is: a server that fills the
/// buffers waits as well.
#[derive(Debug)]
struct RateLimit {
    bytes_per_s: u64,
    free_at: Mutex<Option<Instant>>,
}

/// How far the timeline may lag behind: what may be made up for after a timer
/// that rang late, or a pause. The rate since the first byte never exceeds the
/// limit by it.
const LAG: Duration = Duration::from_millis(250);
/// What is reserved at once: so many pieces a second, and no smaller ones.
const PIECES_PER_S: u64 = 100;
const LEAST_PIECE_BYTES: u64 = 1024;

impl RateLimit {
    /// A limit of `bytes_per_s`.
    fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s: bytes_per_s.max(1), free_at: Mutex::new(None) }
    }

    /// How many bytes to take at once, so that many connections advance together.
    fn piece(&self) -> usize {
        let piece = (self.bytes_per_s / PIECES_PER_S).max(LEAST_PIECE_BYTES);
        usize::try_from(piece).unwrap_or(usize::MAX)
    }

    async fn take(&self, bytes: usize) {
        tokio::time::sleep_until(self.reserve(bytes, Instant::now()).into()).await;
    }

    #[expect(clippy::cast_precision_loss, reason = "rate and chunk are far below 52 bits")]
    fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_s as f64);
        let mut free_at = self.free_at.lock().expect("no panic while holding it");
        let earliest = now.checked_sub(LAG).unwrap_or(now);
        let turn = free_at.unwrap_or(now).max(earliest) + cost;
        *free_at = Some(turn);
        turn
    }
}

/// The limits that a download is under. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct RateLimits(Vec<Arc<RateLimit>>);

impl RateLimits {
    /// These and another one.
    pub(super) fn with(&self, bytes_per_s: u64) -> Self {
        let mut all = self.0.clone();
        all.push(Arc::new(RateLimit::new(bytes_per_s)));
        Self(all)
    }

    /// Waits until some bytes may have been received, and gives how many:
    /// `at_most` where there is no limit, else a small piece, so that a slow
    /// rate is a trickle and no connection waits long for another's turn to end.
    pub(super) async fn take(&self, at_most: usize) -> usize {
        let piece = self.0.iter().map(|limit| limit.piece()).fold(at_most, usize::min);
        for limit in &self.0 {
            limit.take(piece).await;
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reservations_follow_one_another() {
        let limit = RateLimit::new(1000);
        let now = Instant::now();
        assert_eq!(limit.reserve(1000, now), now + Duration::from_secs(1));
        assert_eq!(limit.reserve(500, now), now + Duration::from_millis(1500));
    }

    #[test]
    fn a_pause_is_made_up_for_a_moment_only() {
        let limit = RateLimit::new(1000);
        let now = Instant::now();
        limit.reserve(1000, now);
        let later = now + Duration::from_mins(1);
        assert_eq!(limit.reserve(1000, later) + LAG, later + Duration::from_secs(1));
    }

    #[test]
    fn pieces_are_moments_of_the_rate() {
        for (rate, piece) in [(0, 1024), (50_000, 1024), (1 << 20, 10_485), (1 << 40, 10_995_116_277)] {
            assert_eq!(RateLimit::new(rate).piece(), piece, "{rate}");
        }
    }

    proptest! {
        /// Connections take turns on a clock that only they move; each wakes up
        /// to 20 ms after its turn, as on a busy machine.
        #[test]
        fn connections_share_the_rate_to_the_percent(
            connections in 1_usize..64,
            rate in 10_000_u64..1 << 30,
            late_ms in prop::collection::vec(0_u64..20, 1..40),
        ) {
            let limit = RateLimit::new(rate);
            let begun = Instant::now();
            let mut awake = vec![begun; connections];
            for late in late_ms.iter().cycle().take(2000) {
                let first = awake.iter_mut().min().expect("a connection");
                *first = limit.reserve(limit.piece(), *first) + Duration::from_millis(*late);
            }
            let last = awake.into_iter().max().expect("a connection");
            let took = (last - begun).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "pieces are moments of the rate")]
            let ideal = 2000.0 * limit.piece() as f64 / rate as f64;
            prop_assert!(took >= ideal * 0.999, "{} s instead of {} s", took, ideal);
            prop_assert!(took <= ideal * 1.01 + 0.02, "{} s instead of {} s", took, ideal);
        }
    }
}
