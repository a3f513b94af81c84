//! How many connections to hold open at once.
//!
//! An uncapped link is as fast with one connection as with sixteen, a server
//! that caps each connection is sixteen times faster with sixteen. Only
//! measuring tells: the number doubles while doubling pays.

use std::time::Duration;

/// How the number of connections grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ramp {
    /// Doubling while it pays; the default.
    Adaptive,
    /// All at once: the user named the number.
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

/// What the ramp looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub now: Duration,
    pub delivered: u64,
    pub remaining: u64,
    pub lanes: usize,
    pub ready_sources: usize,
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
        Self { kind, limit, allowed: 1, window: None, base: None, settled_until: Duration::ZERO }
    }

    /// The number of connections to hold now.
    pub(super) fn allowed(&mut self, view: View) -> usize {
        if self.kind == Ramp::AtOnce {
            return self.limit;
        }
        let floor = view.ready_sources.clamp(1, self.limit);
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
        let (since, delivered) = *self.window.get_or_insert((view.now, view.delivered));
        let elapsed = view.now.saturating_sub(since);
        if elapsed < WINDOW || view.delivered == delivered {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        let (rate, remaining) = ((view.delivered - delivered) as f64 / elapsed.as_secs_f64(), view.remaining as f64);
        let pays = self.base.is_none_or(|base| rate >= base * WORTH);
        let enough = rate >= FAST_LINK || remaining < rate * SHORT_S || self.allowed >= self.limit;
        if pays && !enough {
            self.base = Some(rate);
            self.allowed = (self.allowed * 2).min(self.limit);
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
        let mut ramp = RampState::new(Ramp::Adaptive, 16);
        let (mut lanes, mut delivered) = (1, 0);
        for tick in 0..100 {
            delivered += rate(lanes as u64) / 10;
            let view = View {
                now: Duration::from_millis(tick * 100),
                delivered,
                remaining: 10_000_000_000,
                lanes,
                ready_sources: 1,
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
}
