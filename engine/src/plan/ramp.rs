//! How many connections to hold open at once.
//!
//! An uncapped link is as fast with one connection as with sixteen, a server
//! that caps each connection is sixteen times faster with sixteen. Only
//! measuring tells: the number doubles while doubling pays. A far server is the
//! exception: each measurement takes several round trips there, and what TCP
//! keeps under way on one connection is the limit.

use std::time::Duration;

/// How the number of connections grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ramp {
    /// Doubling while it pays; the default.
    Adaptive,
    /// All at once, as long as the link has room: the user named the number.
    AtOnce,
}

/// How long one number of connections is measured.
const WINDOW: Duration = Duration::from_millis(250);
/// A measurement that did not pay is repeated after this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Doubling the connections has to raise the rate by this factor.
const WORTH: f64 = 1.15;
/// Less work than this many seconds is not worth another connection.
const SHORT_S: f64 = 0.6;
/// Bytes per second above which the link, not the server, is the limit.
const FAST_LINK: f64 = 150e6;
/// A server whose first answer took this long is far.
const FAR_S: f64 = 0.3;
/// Bytes that each connection to a far server should have to fetch.
const FAR_SHARE: u64 = 1 << 20;
/// Connections that are opened at once before anything is measured.
const UNMEASURED: usize = 16;

/// What the ramp looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub now: Duration,
    pub delivered: u64,
    pub remaining: u64,
    /// Lanes that have brought bytes.
    pub lanes: usize,
    /// Lanes whose bytes wait for the disk, a reader or the rate limit.
    pub held: usize,
    pub ready_sources: usize,
    /// Seconds that the first answer took.
    pub latency_s: f64,
}

#[derive(Debug, Clone)]
pub(super) struct RampState {
    kind: Ramp,
    limit: usize,
    allowed: usize,
    window: Option<(Duration, u64)>,
    base: Option<f64>,
    settled_until: Duration,
}

impl RampState {
    pub(super) fn new(kind: Ramp, limit: usize) -> Self {
        let allowed = if kind == Ramp::AtOnce { limit.min(UNMEASURED) } else { 1 };
        Self { kind, limit, allowed, window: None, base: None, settled_until: Duration::ZERO }
    }

    /// The number of connections to hold now.
    pub(super) fn allowed(&mut self, view: View) -> usize {
        let far = if view.latency_s >= FAR_S { view.remaining / FAR_SHARE } else { 0 };
        let far = usize::try_from(far).unwrap_or(usize::MAX);
        let floor = view.ready_sources.max(far).clamp(1, self.limit);
        if self.allowed < floor {
            self.allowed = floor;
            self.measure_anew();
        }
        if view.now >= self.settled_until && view.lanes >= self.allowed.min(self.limit) {
            self.step(view);
        }
        self.allowed
    }

    fn step(&mut self, view: View) {
        // Bytes that proved wrong were taken back: what was measured with them means nothing.
        self.window = self.window.filter(|(_, delivered)| *delivered <= view.delivered);
        let (since, delivered) = *self.window.get_or_insert((view.now, view.delivered));
        let elapsed = view.now.saturating_sub(since);
        if elapsed < WINDOW || view.delivered == delivered {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        let (rate, remaining) = ((view.delivered - delivered) as f64 / elapsed.as_secs_f64(), view.remaining as f64);
        let pays = self.base.is_none_or(|base| rate >= base * WORTH);
        let is_ours = view.held * 2 > view.lanes;
        let enough = is_ours || rate >= FAST_LINK || remaining < rate * SHORT_S || self.allowed >= self.limit;
        if pays && !enough {
            self.base = Some(rate);
            self.allowed = if self.kind == Ramp::AtOnce { self.limit } else { (self.allowed * 2).min(self.limit) };
            self.window = None;
        } else {
            self.settled_until = view.now + PATIENCE;
            self.measure_anew();
        }
    }

    fn measure_anew(&mut self) {
        self.window = None;
        self.base = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the ramp for ten seconds against a link whose rate depends on the connections.
    fn settle(rate: impl Fn(u64) -> u64) -> usize {
        settle_from(RampState::new(Ramp::Adaptive, 16), rate)
    }

    fn settle_from(mut ramp: RampState, rate: impl Fn(u64) -> u64) -> usize {
        let (mut lanes, mut delivered) = (1, 0);
        for tick in 0..100 {
            delivered += rate(lanes as u64) / 10;
            let view = View {
                now: Duration::from_millis(tick * 100),
                delivered,
                remaining: 10_000_000_000,
                lanes,
                held: 0,
                ready_sources: 1,
                latency_s: 0.02,
            };
            lanes = ramp.allowed(view);
        }
        lanes
    }

    #[test]
    fn grows_where_each_connection_is_capped() {
        assert_eq!(settle(|lanes| lanes * 2_000_000), 16);
    }

    #[test]
    fn stays_low_where_the_link_is_the_limit() {
        assert!(settle(|_| 20_000_000) <= 2);
        assert_eq!(settle(|_| 900_000_000), 1);
    }

    #[test]
    fn a_named_number_is_opened_unless_the_link_is_full() {
        let named = |limit| RampState::new(Ramp::AtOnce, limit);
        assert_eq!((named(8).allowed, named(64).allowed), (8, 16));
        assert_eq!(settle_from(named(64), |lanes| lanes * 1_000_000), 64);
        assert_eq!(settle_from(named(64), |_| 900_000_000), 16);
    }

    /// Where our own disk, reader or rate limit holds the bytes up, more
    /// connections would only fill memory.
    #[test]
    fn what_we_hold_up_ourselves_needs_no_more_connections() {
        let mut ramp = RampState::new(Ramp::AtOnce, 64);
        for tick in 0..100 {
            let view = View {
                now: Duration::from_millis(tick * 100),
                delivered: tick * 1_000_000,
                remaining: 10_000_000_000,
                lanes: 16,
                held: 9,
                ready_sources: 1,
                latency_s: 0.02,
            };
            assert_eq!(ramp.allowed(view), UNMEASURED);
        }
    }

    #[test]
    fn a_far_server_is_asked_for_much_at_once() {
        let mut ramp = RampState::new(Ramp::Adaptive, 16);
        let view = |latency_s, remaining| View {
            now: Duration::ZERO,
            delivered: 0,
            remaining,
            lanes: 0,
            held: 0,
            ready_sources: 1,
            latency_s,
        };
        assert_eq!(ramp.allowed(view(0.1, 64 << 20)), 1);
        assert_eq!(ramp.allowed(view(0.4, 3 << 20)), 3);
        assert_eq!(ramp.allowed(view(0.4, 64 << 20)), 16);
    }

    #[test]
    fn survives_bytes_that_are_taken_back() {
        let mut ramp = RampState::new(Ramp::Adaptive, 16);
        for (now_ms, delivered) in [(0, 1_000_000), (300, 10), (600, 2_000_000), (900, 4_000_000)] {
            let view = View {
                now: Duration::from_millis(now_ms),
                delivered,
                remaining: 10_000_000_000,
                lanes: 1,
                held: 0,
                ready_sources: 1,
                latency_s: 0.02,
            };
            ramp.allowed(view);
        }
        assert_eq!(ramp.allowed, 2);
    }
}
