//! How often a channel succeeds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outcome::Fate;

/// What became of the releases of one channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rate {
    /// The channel.
    pub channel: String,
    /// Releases that were delivered to it: the sum of the three below.
    pub delivered: usize,
    /// Those that are published.
    pub succeeded: usize,
    /// Those that were refused.
    pub failed: usize,
    /// All others.
    pub pending: usize,
    /// The share of successes among the decided ones, from 0 to 1; none before
    /// any is decided.
    pub rate: Option<f64>,
}

/// The rates of all channels, by name. Each release comes with its channel and
/// what became of its deliveries; one that is not delivered to its end does not
/// count.
pub fn rates<'a>(releases: impl IntoIterator<Item = (&'a str, Vec<&'a Fate>)>) -> Vec<Rate> {
    let mut rates: BTreeMap<&str, Rate> = BTreeMap::new();
    for (channel, fates) in releases {
        let rate = rates.entry(channel).or_default();
        if fates.contains(&&Fate::Unfinished) {
            continue;
        }
        rate.delivered += 1;
        if fates.iter().any(|fate| matches!(fate, Fate::Failed(_))) {
            rate.failed += 1;
        } else if fates.iter().all(|fate| **fate == Fate::Succeeded) {
            rate.succeeded += 1;
        } else {
            rate.pending += 1;
        }
    }
    let done = |(channel, rate): (&str, Rate)| Rate { channel: channel.to_owned(), rate: share(&rate), ..rate };
    rates.into_iter().map(done).collect()
}

fn share(rate: &Rate) -> Option<f64> {
    let decided = u32::try_from(rate.succeeded + rate.failed).ok().filter(|decided| *decided > 0)?;
    let succeeded = u32::try_from(rate.succeeded).ok()?;
    Some(f64::from(succeeded) / f64::from(decided))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_over_what_is_decided() {
        let (good, bad) = (Fate::Succeeded, Fate::Failed(String::new()));
        let (open, asked) = (Fate::Pending, Fate::NeedsAction(String::new()));
        let releases = [
            ("winget", vec![&good]),
            ("winget", vec![&good, &good]),
            ("winget", vec![&good, &bad]),
            ("winget", vec![&good, &open]),
            ("winget", vec![&asked]),
            ("winget", vec![&good, &Fate::Unfinished]),
            ("scoop", vec![&open]),
        ];
        let rate = |channel: &str, [delivered, succeeded, failed, pending]: [usize; 4], rate| Rate {
            channel: channel.into(),
            delivered,
            succeeded,
            failed,
            pending,
            rate,
        };
        let expected = [rate("scoop", [1, 0, 0, 1], None), rate("winget", [5, 2, 1, 2], Some(2.0 / 3.0))];
        assert_eq!(rates(releases), expected);
    }
}
