//! The totals of all downloads of a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::ExitCode;

/// Version of the format. A reader takes any other for nothing at all.
const VERSION: u32 = 1;
/// Hosts that are kept. One more drops the one that was met longest ago.
const MOST_HOSTS: usize = 256;
/// Rules that are kept, likewise.
const MOST_RULES: usize = 128;

/// What became of one download.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// How it ended.
    pub end: ExitCode,
    /// Bytes that came over the network.
    pub bytes: u64,
    /// Bytes that came out of the cache.
    pub cached_bytes: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Attempts after the first.
    pub retries: u64,
    /// What each host gave.
    pub hosts: Vec<HostAccount>,
}

impl Account {
    /// The account of a download that only ended.
    pub fn ended(end: ExitCode) -> Self {
        Self { end, bytes: 0, cached_bytes: 0, seconds: 0.0, retries: 0, hosts: Vec::new() }
    }
}

/// What one host gave to one download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAccount {
    /// Its name.
    pub host: String,
    /// Bytes received from it.
    pub bytes: u64,
    /// Requests sent to it.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
}

/// What one mirror rule did in one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleAccount {
    /// Its identifier.
    pub rule: String,
    /// Times it was asked.
    pub calls: u64,
    /// Candidates it proposed.
    pub candidates: u64,
    /// Answers that were no list of candidates.
    pub declined: u64,
    /// Faults of any kind.
    pub faults: u64,
}

/// The totals of all downloads of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Version of this format: 1.
    v: u32,
    /// Downloads, failed ones among them.
    pub downloads: u64,
    /// Failed downloads, by exit code.
    pub failures: BTreeMap<u8, u64>,
    /// Bytes that came over the network.
    pub bytes: u64,
    /// Bytes that came out of the cache.
    pub cached_bytes: u64,
    /// Seconds of all downloads together, also of those that ran at once.
    pub seconds: f64,
    /// Attempts after the first.
    pub retries: u64,
    /// By host.
    pub hosts: BTreeMap<String, HostTotals>,
    /// By identifier of the mirror rule.
    pub rules: BTreeMap<String, RuleTotals>,
}

/// The totals of one host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostTotals {
    /// Bytes received from it.
    pub bytes: u64,
    /// Seconds of the downloads that it gave bytes to.
    pub seconds: f64,
    /// Requests sent to it.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Number of the download that met it last: a clock that needs no clock.
    last_download: u64,
}

/// The totals of one mirror rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTotals {
    /// Times it was asked.
    pub calls: u64,
    /// Candidates it proposed.
    pub candidates: u64,
    /// Answers that were no list of candidates.
    pub declined: u64,
    /// Faults of any kind.
    pub faults: u64,
    /// Number of the download that met it last.
    last_download: u64,
}

/// Why bytes are no totals.
#[derive(Debug, thiserror::Error)]
pub enum TotalsError {
    /// They are damaged.
    #[error("the totals are damaged")]
    Damaged(#[source] serde_json::Error),
    /// Another version of the engine wrote them.
    #[error("the totals have version {0} of their format, this engine reads {VERSION}")]
    Version(u32),
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            v: VERSION,
            downloads: 0,
            failures: BTreeMap::new(),
            bytes: 0,
            cached_bytes: 0,
            seconds: 0.0,
            retries: 0,
            hosts: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }
}

impl Totals {
    /// Reads totals from their text.
    pub fn parse(text: &[u8]) -> Result<Self, TotalsError> {
        let mut totals: Self = serde_json::from_slice(text).map_err(TotalsError::Damaged)?;
        if totals.v != VERSION {
            return Err(TotalsError::Version(totals.v));
        }
        // They are shown.
        totals.hosts.retain(|name, _| !name.contains(char::is_control));
        totals.rules.retain(|name, _| !name.contains(char::is_control));
        Ok(totals)
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and names serialise")
    }

    /// Adds a download.
    pub fn add(&mut self, account: &Account) {
        raise(&mut self.downloads, 1);
        if account.end != ExitCode::Done {
            raise(self.failures.entry(account.end as u8).or_default(), 1);
        }
        raise(&mut self.bytes, account.bytes);
        raise(&mut self.cached_bytes, account.cached_bytes);
        raise(&mut self.retries, account.retries);
        raise_seconds(&mut self.seconds, account.seconds);
        for met in &account.hosts {
            let host = self.hosts.entry(met.host.clone()).or_default();
            host.add(met, account.seconds);
            host.last_download = self.downloads;
        }
        drop_oldest(&mut self.hosts, MOST_HOSTS, |host| host.last_download);
    }

    /// Adds what a mirror rule did in a run whose downloads were added before.
    pub fn add_rule(&mut self, account: &RuleAccount) {
        let rule = self.rules.entry(account.rule.clone()).or_default();
        raise(&mut rule.calls, account.calls);
        raise(&mut rule.candidates, account.candidates);
        raise(&mut rule.declined, account.declined);
        raise(&mut rule.faults, account.faults);
        rule.last_download = self.downloads;
        drop_oldest(&mut self.rules, MOST_RULES, |rule| rule.last_download);
    }

    /// Failed downloads.
    pub fn failed(&self) -> u64 {
        self.failures.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Bytes per second over the network.
    pub fn rate(&self) -> f64 {
        rate(self.bytes, self.seconds)
    }
}

impl HostTotals {
    fn add(&mut self, met: &HostAccount, seconds: f64) {
        raise(&mut self.bytes, met.bytes);
        raise(&mut self.requests, met.requests);
        raise(&mut self.failures, met.failures);
        // A host that gave nothing was not slow.
        if met.bytes > 0 {
            raise_seconds(&mut self.seconds, seconds);
        }
    }

    /// Bytes per second that it gave while it was among a download's sources.
    pub fn rate(&self) -> f64 {
        rate(self.bytes, self.seconds)
    }
}

/// A file that somebody edited must not make an addition overflow.
fn raise(total: &mut u64, more: u64) {
    *total = total.saturating_add(more);
}

/// Nor lead to a number that JSON does not have.
fn raise_seconds(total: &mut f64, more: f64) {
    *total = (*total + more).clamp(0.0, f64::MAX);
}

fn rate(bytes: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let bytes = bytes as f64;
    let rate = if seconds > 0.0 { bytes / seconds } else { 0.0 };
    if rate.is_finite() { rate } else { 0.0 }
}

/// Drops what was met longest ago until `most` are left.
fn drop_oldest<T>(map: &mut BTreeMap<String, T>, most: usize, met: impl Fn(&T) -> u64) {
    while map.len() > most
        && let Some(oldest) = map.iter().min_by_key(|(_, value)| met(value)).map(|(name, _)| name.clone())
    {
        map.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(host: &str, bytes: u64) -> Account {
        let host = HostAccount { host: host.into(), bytes, requests: 2, failures: 1 };
        Account { bytes, seconds: 2.0, retries: 1, hosts: vec![host], ..Account::ended(ExitCode::Done) }
    }

    #[test]
    fn adds_up() {
        let mut totals = Totals::default();
        totals.add(&from("a.example", 100));
        totals.add(&from("a.example", 300));
        totals.add(&Account::ended(ExitCode::Network));
        totals.add(&Account { cached_bytes: 7, ..Account::ended(ExitCode::Done) });
        assert_eq!((totals.downloads, totals.failed(), totals.failures[&4]), (4, 1, 1));
        assert_eq!((totals.bytes, totals.cached_bytes, totals.retries), (400, 7, 2));
        let host = &totals.hosts["a.example"];
        assert_eq!((host.bytes, host.requests, host.failures), (400, 4, 2));
        assert!((host.rate() - 100.0).abs() < 1e-9 && (totals.rate() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_host_that_gave_nothing_is_not_slow() {
        let mut totals = Totals::default();
        totals.add(&from("a.example", 100));
        totals.add(&from("a.example", 0));
        assert!((totals.hosts["a.example"].rate() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn hosts_met_longest_ago_make_room() {
        let mut totals = Totals::default();
        totals.add(&from("first.example", 1 << 40));
        for number in 0..MOST_HOSTS {
            totals.add(&from("met-often.example", 1));
            totals.add(&from(&format!("{number}.example"), 1));
        }
        assert_eq!(totals.hosts.len(), MOST_HOSTS);
        assert!(totals.hosts.contains_key("met-often.example"));
        for dropped in ["first.example", "0.example"] {
            assert!(!totals.hosts.contains_key(dropped), "{dropped}");
        }
    }

    #[test]
    fn rules_add_up_within_bounds() {
        let mut totals = Totals::default();
        for number in 0..=MOST_RULES {
            totals.add(&Account::ended(ExitCode::Done));
            for rule in ["github".into(), format!("rule-{number}")] {
                totals.add_rule(&RuleAccount { rule, calls: 2, faults: 1, ..RuleAccount::default() });
            }
        }
        assert_eq!(totals.rules.len(), MOST_RULES);
        assert_eq!(totals.rules["github"].calls, 2 * (MOST_RULES as u64 + 1));
    }

    #[test]
    fn survives_a_round_trip() {
        let mut totals = Totals::default();
        totals.add(&from("a.example", 100));
        totals.add(&Account::ended(ExitCode::Verification));
        totals.add_rule(&RuleAccount { rule: "github".into(), calls: 3, ..RuleAccount::default() });
        assert_eq!(Totals::parse(&totals.to_json()).unwrap(), totals);
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let newer = String::from_utf8(Totals::default().to_json()).unwrap().replace("\"v\":1", "\"v\":2");
        assert!(matches!(Totals::parse(newer.as_bytes()), Err(TotalsError::Version(2))));
        assert!(matches!(Totals::parse(b"{\"v\":1}"), Err(TotalsError::Damaged(_))));
    }
}
