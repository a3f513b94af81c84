//! How many connections hosts have shown that they take.
//!
//! A limit is learned when a host refuses one connection more. Hosts change
//! their minds: each day that passes allows one connection more than was
//! learned, so that a limit that has gone is found to be gone, and after a week
//! it is forgotten. A host that refuses again is learned anew.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Version of the format. A reader takes any other for nothing at all.
const VERSION: u32 = 1;
/// Hosts that are kept. One more drops the one that was learned longest ago.
const MOST_HOSTS: usize = 500;
/// Longest name that is kept: that of a host (RFC 1035), its scheme and port.
const MOST_NAME_BYTES: usize = 253 + 16;
/// A limit grows by one connection in this time.
const STEP: Duration = Duration::from_hours(24);
/// A limit is forgotten after this time.
const LIFE: Duration = Duration::from_hours(7 * 24);

/// Connection limits by host. Time is that since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLimits {
    /// Version of this format: 1.
    v: u32,
    hosts: BTreeMap<String, Learned>,
}

/// What one host has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Connections that it took at once.
    pub connections: u16,
    /// When it refused one more, in seconds since 1970.
    pub learned_at: u64,
}

/// Why bytes are no limits.
#[derive(Debug, thiserror::Error)]
pub enum HostLimitsError {
    /// They are damaged.
    #[error("the learned limits are damaged")]
    Damaged(#[source] serde_json::Error),
    /// Another version of the engine wrote them.
    #[error("the learned limits have version {0} of their format, this engine reads {VERSION}")]
    Version(u32),
}

impl Learned {
    /// How long ago it was learned. None for a limit of the future: the clock
    /// was wrong when it was learned, or is now.
    pub fn age(self, now: Duration) -> Option<Duration> {
        now.checked_sub(Duration::from_secs(self.learned_at))
    }

    /// Connections to open at most now; none when the limit is forgotten.
    pub fn current(self, now: Duration) -> Option<usize> {
        let age = self.age(now).filter(|age| *age < LIFE)?;
        let steps = usize::try_from(age.as_secs() / STEP.as_secs()).expect("fewer than the days of a week");
        Some(usize::from(self.connections.max(1)) + steps)
    }
}

impl Default for HostLimits {
    fn default() -> Self {
        Self { v: VERSION, hosts: BTreeMap::new() }
    }
}

impl HostLimits {
    /// Reads limits from their text, whoever wrote it.
    pub fn parse(text: &[u8]) -> Result<Self, HostLimitsError> {
        let mut limits: Self = serde_json::from_slice(text).map_err(HostLimitsError::Damaged)?;
        if limits.v != VERSION {
            return Err(HostLimitsError::Version(limits.v));
        }
        limits.hosts.retain(|host, _| host.len() <= MOST_NAME_BYTES && !host.contains(char::is_control));
        limits.make_room();
        Ok(limits)
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and names serialise")
    }

    /// Notes that `host` refused one connection more than `connections`.
    pub fn learn(&mut self, host: &str, connections: usize, now: Duration) {
        let connections = u16::try_from(connections).unwrap_or(u16::MAX);
        self.hosts.insert(host.to_owned(), Learned { connections, learned_at: now.as_secs() });
        self.make_room();
    }

    /// Adds what another run has learned; of a host that both know, its limit counts.
    pub fn merge(&mut self, later: &Self) {
        self.hosts.extend(later.hosts.clone());
        self.make_room();
    }

    /// Drops what is forgotten.
    pub fn forget(&mut self, now: Duration) {
        self.hosts.retain(|_, learned| learned.current(now).is_some());
    }

    /// Connections to open at most to `host`; none when nothing is known.
    pub fn of(&self, host: &str, now: Duration) -> Option<usize> {
        self.hosts.get(host)?.current(now)
    }

    /// All hosts, by name.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, Learned)> {
        self.hosts.iter().map(|(host, learned)| (host.as_str(), *learned))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    fn make_room(&mut self) {
        let excess = self.hosts.len().saturating_sub(MOST_HOSTS);
        if excess == 0 {
            return;
        }
        let mut by_age: Vec<(u64, String)> =
            self.hosts.iter().map(|(host, learned)| (learned.learned_at, host.clone())).collect();
        by_age.sort_unstable();
        for (_, host) in by_age.into_iter().take(excess) {
            self.hosts.remove(&host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Duration = Duration::from_hours(500_000);

    fn known(host: &str, connections: usize) -> HostLimits {
        let mut limits = HostLimits::default();
        limits.learn(host, connections, NOW);
        limits
    }

    #[test]
    fn a_limit_grows_daily_and_is_forgotten_after_a_week() {
        let limits = known("h", 2);
        let after = |hours| limits.of("h", NOW + Duration::from_hours(hours));
        assert_eq!([after(0), after(23), after(24), after(167)], [Some(2), Some(2), Some(3), Some(8)]);
        assert_eq!([after(168), limits.of("other", NOW)], [None, None]);
        let mut old = limits.clone();
        old.forget(NOW + LIFE);
        assert!(old.is_empty() && !limits.is_empty());
    }

    /// A clock that was wrong must not keep a limit for years.
    #[test]
    fn a_limit_of_the_future_does_not_count() {
        let mut limits = HostLimits::default();
        limits.learn("h", 2, NOW + Duration::from_secs(1));
        assert_eq!(limits.of("h", NOW), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let mut limits = known("first", 1);
        for number in 0..MOST_HOSTS as u64 {
            limits.learn(&format!("h{number}"), 1, NOW + Duration::from_secs(1 + number));
        }
        assert_eq!(limits.hosts().count(), MOST_HOSTS);
        assert_eq!((limits.of("first", NOW), limits.of("h0", NOW + LIFE / 2)), (None, Some(4)));
    }

    #[test]
    fn what_was_learned_later_counts() {
        let mut limits = known("h", 2);
        let mut later = known("other", 3);
        later.learn("h", 5, NOW);
        limits.merge(&later);
        assert_eq!((limits.of("h", NOW), limits.of("other", NOW)), (Some(5), Some(3)));
    }

    #[test]
    fn survives_a_round_trip_and_refuses_what_it_does_not_understand() {
        let limits = known("http://h.example:80", 2);
        assert_eq!(HostLimits::parse(&limits.to_json()).unwrap(), limits);
        assert!(matches!(HostLimits::parse(b"{\"v\":2,\"hosts\":{}}"), Err(HostLimitsError::Version(2))));
        assert!(matches!(HostLimits::parse(b"{\"v\":1}"), Err(HostLimitsError::Damaged(_))));
    }

    #[test]
    fn hostile_names_are_dropped() {
        let mut hosts = known("good", 2);
        hosts.learn("\x1b[2J", 2, NOW);
        hosts.learn(&"x".repeat(1000), 2, NOW);
        let read = HostLimits::parse(&hosts.to_json()).unwrap();
        assert_eq!(read.hosts().map(|(host, _)| host).collect::<Vec<_>>(), ["good"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in r#"(\{|\}|"v":1|"hosts":|,|:|"a"|"connections":|"learned_at":|0|65535|18446744073709551615|-1){0,16}"#) {
            if let Ok(mut limits) = HostLimits::parse(text.as_bytes()) {
                limits.forget(NOW);
                prop_assert!(limits.hosts().all(|(host, _)| limits.of(host, NOW).is_some_and(|most| most > 0)));
            }
        }
    }
}
