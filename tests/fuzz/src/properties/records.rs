//! What the engine keeps from run to run, which anybody who can write to the
//! folder may have changed.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use turbo_engine::metrics::{Account, HostAccount, RuleAccount, Totals};
use turbo_engine::model::{Algorithm, ExitCode, Secret, is_shareable};
use turbo_engine::plan::HostLimits;
use turbo_engine::plan::freshness::Freshness;
use turbo_engine::publish::audit::{Doubt, examine};
use turbo_engine::store::Finished;
use turbo_engine::store::cache::Entry;

/// Longest log of which every line is changed in turn.
const CHANGED_BYTES: usize = 16 << 10;

/// Reads the data as the head of an audit log, up to the first zero, and as the
/// log. Of one that is whole no line can be changed or cut off unnoticed.
pub fn audit(data: &[u8]) {
    let (head, log) = match data.iter().position(|byte| *byte == 0) {
        Some(0) => (None, &data[1..]),
        Some(end) => (Some(&data[..end]), &data[end + 1..]),
        None => (None, data),
    };
    if head.is_some() {
        let keyed = examine(log, head, Some(&Secret::new("a key that signed nothing")));
        assert!(matches!(keyed, Err(Doubt::Head(_))), "{keyed:?}");
    }
    let Ok((chain, unconfirmed)) = examine(log, head, None) else { return };
    let records = chain.digests.len();
    assert!(records <= chain.lines && chain.lines <= log.len(), "{chain:?}");
    assert!(unconfirmed.is_none_or(|number| number == records as u64), "{chain:?}");
    assert_eq!(
        chain.last.as_ref().map(|last| (last.sequence, &last.sha256)),
        chain.digests.last().map(|digest| (records as u64, digest))
    );
    assert!(chain.torn.as_ref().is_none_or(|torn| torn.start < torn.end && torn.end == log.len()), "{chain:?}");
    if head.is_none() || unconfirmed.is_some() || chain.torn.is_some() || log.len() > CHANGED_BYTES {
        return;
    }
    let last = log.strip_suffix(b"\n").unwrap_or(log);
    let cut = last.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    assert!(examine(&log[..cut], head, None).is_err(), "the last line is cut off");
    let step = log.len() / 48 + 1;
    for at in (0..last.len()).step_by(step) {
        let mut changed = log.to_vec();
        changed[at] ^= 1;
        assert!(examine(&changed, head, None).is_err(), "byte {at} is changed");
    }
}

/// Reads the data as an entry of the cache's index. What is an entry names a
/// file by a strong digest, holds no secret, and never makes a request that no
/// one asked for.
pub fn cache_entry(data: &[u8]) {
    let Some(entry) = Entry::parse(data) else { return };
    assert_eq!(Entry::parse(&entry.to_json()).as_ref(), Some(&entry));
    assert_eq!(entry.digest.algorithm(), Algorithm::Sha256);
    assert!(entry.url.fragment().is_none() && is_shareable(&entry.url), "{}", entry.url);
    let times = [0, 1, 1_767_225_600, 1 << 40].map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    for now in times {
        let Freshness::Revalidate { headers } = entry.response.freshness(&HeaderMap::new(), now) else { continue };
        assert!(headers.keys().all(|name| [IF_NONE_MATCH, IF_MODIFIED_SINCE].contains(name)), "{headers:?}");
        if let Some(renewed) = entry.response.renewed(&HeaderMap::new(), now) {
            assert_eq!(
                renewed.validators().agrees(&entry.response.validators()),
                entry.response.validators().agrees(&renewed.validators())
            );
        }
    }
}

/// Reads the data as the record of a finished download.
pub fn finished(data: &[u8]) {
    let Some(finished) = Finished::parse(data) else { return };
    let digests = [&finished.sha256, &finished.url_digest];
    assert!(digests.iter().all(|digest| digest.algorithm() == Algorithm::Sha256), "{finished:?}");
    assert_eq!(Finished::parse(&finished.to_json()).as_ref(), Some(&finished));
}

/// Reads the data as the learned limits of hosts. They are bounded, and never
/// forbid every connection.
pub fn host_limits(data: &[u8]) {
    let Ok(mut limits) = HostLimits::parse(data) else { return };
    assert_eq!(HostLimits::parse(&limits.to_json()).expect("just written"), limits);
    for now in [0, 1_767_225_600, u64::MAX].map(Duration::from_secs) {
        for (host, learned) in limits.hosts() {
            assert!(host.len() <= 269 && !host.contains(char::is_control), "{host:?}");
            assert!(learned.current(now).is_none_or(|connections| connections > 0), "{learned:?}");
            assert_eq!(limits.of(host, now), learned.current(now));
        }
    }
    assert!(limits.hosts().count() <= 500);
    limits.learn("a.example", 3, Duration::from_secs(1));
    let copy = limits.clone();
    limits.merge(&copy);
    assert_eq!(limits, copy);
    let now = Duration::from_hours(490_896);
    limits.forget(now);
    assert!(limits.hosts().all(|(_, learned)| learned.current(now).is_some()), "{limits:?}");
    limits.forget(now + Duration::from_hours(24 * 7));
    assert!(
        limits.hosts().all(|(_, learned)| learned.learned_at > now.as_secs()),
        "a limit lives for a week: {limits:?}"
    );
}

/// Reads the data as the totals. Another download can be added to any, and
/// what becomes of it can be read again.
pub fn totals(data: &[u8]) {
    let Ok(mut totals) = Totals::parse(data) else { return };
    assert!(totals.hosts.keys().chain(totals.rules.keys()).all(|name| !name.contains(char::is_control)), "{totals:?}");
    let (failed, downloads) = (totals.failed(), totals.downloads);
    let host = HostAccount { host: "a.example".into(), bytes: u64::MAX, requests: 2, failures: 1 };
    let account =
        Account { bytes: u64::MAX, seconds: 1.5, retries: 1, hosts: vec![host], ..Account::ended(ExitCode::Network) };
    totals.add(&account);
    totals.add_rule(&RuleAccount { rule: "rule".into(), calls: u64::MAX, ..RuleAccount::default() });
    assert!(totals.failed() >= failed && totals.downloads >= downloads, "{totals:?}");
    assert!(totals.hosts.len() <= 256 && totals.rules.len() <= 128, "{totals:?}");
    assert!(totals.rate().is_finite() && totals.hosts.values().all(|host| host.rate().is_finite()), "{totals:?}");
    let again = Totals::parse(&totals.to_json()).expect("just written");
    // A number of seconds may lose its last digit on the way.
    assert_eq!((again.downloads, again.bytes, again.hosts.len()), (totals.downloads, totals.bytes, totals.hosts.len()));
}
