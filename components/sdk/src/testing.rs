//! What the engine demands of a component, as native tests can ask it.
//!
//! The same through the built component, under the engine's limits, is
//! `turbo-engine component test`.

use crate::manifest::{
    Artifact, Delivery, Diagnostic, Digest, Generated, ManifestGenerator, PriorFile, Release, Texts,
};
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

/// Generates twice and checks what the engine demands: equal answers, no path
/// that leaves its folder, no path twice.
///
/// # Panics
///
/// When the answer is one that the engine would refuse.
pub fn generate(
    generator: &impl ManifestGenerator,
    release: &Release,
    settings: &[(String, String)],
    prior: &[PriorFile],
) -> Result<Generated, Vec<Diagnostic>> {
    let info = generator.describe();
    assert!(is_id(&info.id), "the id {:?} must be 1 to 64 of a-z, 0-9 and -", info.id);
    let answer = generator.generate(release, settings, prior);
    assert_eq!(answer, generator.generate(release, settings, prior), "two answers to one question");
    let deliveries = answer.as_ref().map_or(&[][..], |generated| &generated.deliveries);
    for delivery in deliveries {
        let mut paths: Vec<&str> = match delivery {
            Delivery::GitChange(change) => &change.writes,
            Delivery::Nupkg(package) => &package.files,
            Delivery::Files(files) => files,
            Delivery::Oci(image) => &image.layers,
        }
        .iter()
        .map(|file| file.path.as_str())
        .collect();
        for path in &paths {
            assert!(is_relative(path), "{path:?} is no relative path");
        }
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count, "a path is written twice");
    }
    answer
}

/// A release to begin with: one archive for Linux, and texts in English.
pub fn release(name: &str, version: &str) -> Release {
    let file_name = format!("{name}-{version}-linux-x64.tar.gz");
    Release {
        name: name.to_owned(),
        version: version.to_owned(),
        tag: format!("v{version}"),
        prerelease: false,
        date: "2026-01-02".to_owned(),
        publisher: "Example".to_owned(),
        authors: vec!["Example".to_owned()],
        links: vec![("homepage".to_owned(), format!("https://{name}.example/"))],
        license_spdx: "MIT".to_owned(),
        license_url: None,
        license_text: None,
        copyright: None,
        default_locale: "en-US".to_owned(),
        texts: vec![Texts {
            locale: "en-US".to_owned(),
            name: name.to_owned(),
            summary: "A tool".to_owned(),
            description: "A tool.".to_owned(),
            release_notes: None,
            tags: Vec::new(),
        }],
        dependencies: Vec::new(),
        artifacts: vec![Artifact {
            id: "linux-x64".to_owned(),
            url: format!("https://{name}.example/{version}/{file_name}"),
            file_name,
            size: 1_000,
            os: "linux".to_owned(),
            arch: "x64".to_owned(),
            libc: None,
            format: "tar.gz".to_owned(),
            installer_type: None,
            digests: vec![Digest { algorithm: "sha-256".to_owned(), value: vec![0xab; 32] }],
            entries: Vec::new(),
            strip_prefix: None,
            binaries: vec![name.to_owned()],
            facts: None,
            extra: Vec::new(),
        }],
        extra: Vec::new(),
    }
}

fn is_relative(path: &str) -> bool {
    !path.contains(['\\', ':']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
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
