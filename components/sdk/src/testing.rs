//! What the engine demands of a rule, as native tests can ask it.

use crate::{Answer, Candidate, Example, MirrorRule, RuleError, Url};

/// The engine's default limits on one answer.
const MOST_CANDIDATES: usize = 32;
const LONGEST_URL_BYTES: usize = 8 * 1024;

/// Runs the rule's own examples, as the engine does before it trusts the rule.
///
/// # Panics
///
/// When an example fails, lies outside the rule's patterns, or an answer is
/// one that the engine would refuse.
pub fn self_test(rule: &impl MirrorRule) {
    let info = rule.describe();
    assert!(is_id(&info.id), "the id {:?} must be 1 to 64 of a-z, 0-9 and -", info.id);
    assert!(!info.examples.is_empty(), "{} has no example", info.id);
    for Example { url, region, candidates } in &info.examples {
        let parsed = Url::parse(url).unwrap_or_else(|| panic!("the example {url} is not a usable URL"));
        let wanted = info.patterns.is_empty() || info.patterns.iter().any(|pattern| pattern.matches(&parsed));
        assert!(wanted, "the example {url} is outside the patterns");
        let answer = rule.map_url(&parsed, region);
        let urls: Vec<_> = answer.as_deref().unwrap_or_default().iter().map(|found| &found.url).collect();
        assert_eq!(urls, candidates.iter().collect::<Vec<_>>(), "the candidates of {url}: {answer:?}");
        assert_sound(url, &answer);
    }
}

/// Asks a rule about any text and checks what the engine demands of an answer.
/// Made for property tests: hostile text must neither panic nor slip through.
///
/// # Panics
///
/// When the answer is one that the engine would refuse.
pub fn ask(rule: &impl MirrorRule, text: &str) -> Answer {
    let answer = match Url::parse(text) {
        Some(url) => rule.map_url(&url, ""),
        None => Err(RuleError::NotMine),
    };
    assert_sound(text, &answer);
    answer
}

fn assert_sound(asked: &str, answer: &Answer) {
    let Ok(candidates) = answer else { return };
    assert!(!candidates.is_empty(), "{asked}: answer with an error instead of no candidates");
    assert!(candidates.len() <= MOST_CANDIDATES, "{asked}: {} candidates", candidates.len());
    assert!(candidates.is_sorted_by(|a, b| a.weight >= b.weight), "{asked}: not best first: {candidates:?}");
    for candidate in candidates {
        assert_acceptable(asked, candidate);
    }
}

fn assert_acceptable(asked: &str, candidate: &Candidate) {
    let url = &candidate.url;
    // What was asked may itself be long or odd; the engine asks no such thing.
    let grown = url.len().saturating_sub(asked.len());
    assert!(grown <= LONGEST_URL_BYTES, "{asked}: a candidate of {} bytes", url.len());
    assert!(Url::parse(url).is_some(), "{asked}: {url} is not a usable URL");
    assert!(url.starts_with("https://") || asked.starts_with("http://"), "{asked}: {url} is a downgrade");
    assert!(url != asked, "{asked}: a candidate is the URL itself");
    assert!(candidate.weight <= 100, "{asked}: weight {}", candidate.weight);
    assert!(matches!(candidate.region.len(), 0 | 2), "{asked}: region {:?}", candidate.region);
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
