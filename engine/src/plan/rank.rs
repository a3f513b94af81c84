//! The order in which candidates are asked.

use std::cmp::Reverse;

use crate::model::{Candidate, CandidateKind, Promise, Region};

/// A candidate with its place and the reasons for it.
#[derive(Debug, Clone)]
pub struct RankedCandidate {
    /// The candidate.
    pub candidate: Candidate,
    /// What decided its place, for `resolve`.
    pub why: String,
}

/// Orders candidates: those of the user's region, then those of the whole
/// world, then the rest; within each the ones that promise the same bytes,
/// then by weight. Speed is not known here: it is measured while downloading.
pub fn rank(candidates: &[Candidate], region: Region) -> Vec<RankedCandidate> {
    let mut ranked: Vec<_> = candidates.to_vec();
    ranked.sort_by_key(|candidate| {
        (nearness(candidate.region, region), candidate.promise == Promise::MayDiffer, Reverse(candidate.weight))
    });
    ranked.into_iter().map(|candidate| RankedCandidate { why: why(&candidate, region), candidate }).collect()
}

fn nearness(candidate: Region, user: Region) -> u8 {
    if candidate == user {
        0
    } else if candidate == Region::WORLD || user == Region::WORLD {
        1
    } else {
        2
    }
}

fn why(candidate: &Candidate, user: Region) -> String {
    let place = match nearness(candidate.region, user) {
        0 if user == Region::WORLD => "serves the world".to_owned(),
        0 => format!("in your region {user}"),
        1 if candidate.region == Region::WORLD => "serves the world".to_owned(),
        _ => format!("in {}", candidate.region),
    };
    let kind = match candidate.kind {
        CandidateKind::Mirror => "keeps a copy",
        CandidateKind::Cdn => "delivery network",
        CandidateKind::Proxy => "fetches on demand",
    };
    let promise = if candidate.promise == Promise::MayDiffer { ", bytes may differ" } else { "" };
    format!("{place}, {kind}, weight {}{promise}", candidate.weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CandidateUrl;

    fn candidate(host: &str, region: &str, weight: u8) -> Candidate {
        Candidate {
            url: CandidateUrl::plain(format!("https://{host}/f")).expect("a plain URL"),
            rule: "r".into(),
            region: region.parse().expect("a region"),
            weight,
            kind: CandidateKind::Mirror,
            promise: Promise::SameBytes,
        }
    }

    fn order(candidates: &[Candidate], region: &str) -> Vec<String> {
        let ranked = rank(candidates, region.parse().expect("a region"));
        ranked.iter().map(|entry| entry.candidate.url.host().to_owned()).collect()
    }

    #[test]
    fn own_region_then_world_then_weight() {
        let all = [
            candidate("us.x", "us", 90),
            candidate("w.x", "", 10),
            candidate("cn1.x", "cn", 5),
            candidate("cn2.x", "cn", 50),
        ];
        assert_eq!(order(&all, "cn"), ["cn2.x", "cn1.x", "w.x", "us.x"]);
    }

    #[test]
    fn same_bytes_before_a_greater_weight() {
        let mut doubtful = candidate("d.x", "", 99);
        doubtful.promise = Promise::MayDiffer;
        assert_eq!(order(&[doubtful, candidate("s.x", "", 1)], ""), ["s.x", "d.x"]);
    }
}
