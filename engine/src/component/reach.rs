//! What a rule learns and where it leads: the URLs that it is asked about, and
//! the hosts that its examples name.
//!
//! A rule is asked before a download and sees the URL. Which ones those are is
//! for the user to know, and to agree to where it is every one of them. Where
//! its answers lead cannot be known: it is code. Its examples are what it says
//! of itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Pattern;
use super::bindings::v0_1::rules::Example;
use super::text::printable;

/// Most hosts that are kept, and the longest text of one.
const HOSTS: usize = 64;
const HOST_BYTES: usize = 253;

/// Longest path prefix that is shown.
const PREFIX_BYTES: usize = 100;

/// What a rule without a host pattern is asked about.
const EVERY_URL: &str = "every URL you download";

/// Where the candidates of a rule's examples lead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examples {
    /// How many examples there are.
    pub count: usize,
    /// The hosts of their candidates, in order.
    pub hosts: Vec<String>,
}

impl Examples {
    /// What the examples of a rule name.
    pub(super) fn of(examples: &[Example]) -> Self {
        let urls = examples.iter().flat_map(|example| &example.candidates);
        Self { count: examples.len(), hosts: hosts(urls.map(String::as_str)) }
    }

    /// Where a rule leads, in one line.
    pub fn text(&self) -> String {
        match (self.count, self.hosts.is_empty()) {
            (0, _) => "it has no examples; it can name any public host".into(),
            (_, true) => "no host in its examples; it can name any public host".into(),
            (_, false) => format!("{} in its examples; it can name any public host", self.hosts.join(", ")),
        }
    }
}

/// The hosts of URLs, each once.
pub(super) fn hosts<'a>(urls: impl Iterator<Item = &'a str>) -> Vec<String> {
    let host = |url: &str| Some(printable(Url::parse(url).ok()?.host_str()?, HOST_BYTES));
    urls.filter_map(host).collect::<BTreeSet<_>>().into_iter().take(HOSTS).collect()
}

/// Whether a rule with these patterns is asked about URLs of any host.
pub fn is_any_host(patterns: &[Pattern]) -> bool {
    patterns.is_empty() || patterns.iter().any(Pattern::is_any_host)
}

/// The URLs that a rule with these patterns is asked about, one text a pattern.
pub fn asked_about(patterns: &[Pattern]) -> Vec<String> {
    if patterns.is_empty() {
        return vec![EVERY_URL.into()];
    }
    // What covers most comes first: nobody reads the end of a long list.
    let (broad, narrow): (Vec<_>, Vec<_>) = patterns.iter().partition(|pattern| pattern.is_any_host());
    broad.into_iter().chain(narrow).map(Pattern::text).collect()
}

impl Pattern {
    /// Whether it has no host of anybody's: none at all, or a suffix under
    /// which anybody can register names.
    pub fn is_any_host(&self) -> bool {
        self.host_suffixes.is_empty() || self.host_suffixes.iter().any(|suffix| is_registry(suffix))
    }

    /// The URLs that match, in words.
    fn text(&self) -> String {
        let schemes = if self.schemes.is_empty() { "http|https".to_owned() } else { self.schemes.join("|") };
        let prefixes: Vec<String> = self.path_prefixes.iter().map(|path| printable(path, PREFIX_BYTES)).collect();
        if !self.is_any_host() {
            let paths = if prefixes.is_empty() { "/".to_owned() } else { prefixes.join("|") };
            return format!("{schemes}://{}{paths}", self.host_suffixes.join("|"));
        }
        let mut parts = vec![EVERY_URL.to_owned()];
        if !self.host_suffixes.is_empty() {
            let hosts: Vec<String> = self.host_suffixes.iter().map(|suffix| below(suffix)).collect();
            parts.push(format!("from {}", hosts.join(", ")));
        }
        if schemes != "http|https" {
            parts.push(format!("by {schemes}"));
        }
        if !prefixes.is_empty() {
            parts.push(format!("whose path begins with {}", prefixes.join(" or ")));
        }
        parts.join(" ")
    }
}

fn below(suffix: &str) -> String {
    if is_registry(suffix) { format!("*.{suffix}") } else { suffix.to_owned() }
}

/// Whether anybody can register names below a host suffix: a single label, or
/// two of which the first is one that registries of countries use (`co.uk`).
/// Literal addresses and this machine's own name are nobody else's.
fn is_registry(suffix: &str) -> bool {
    const SECOND: [&str; 12] = ["ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "or", "org"];
    if suffix == "localhost" || suffix.contains(['[', ':']) {
        return false;
    }
    match suffix.split_once('.') {
        None => true,
        Some((first, last)) => last.len() == 2 && SECOND.contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(schemes: &[&str], hosts: &[&str], paths: &[&str]) -> Pattern {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Pattern { schemes: owned(schemes), host_suffixes: owned(hosts), path_prefixes: owned(paths) }
    }

    #[test]
    fn a_pattern_with_a_host_is_shown_as_its_urls() {
        let patterns = [pattern(&["https"], &["a.example", "b.example"], &["/x/", "/y\u{202e}/"])];
        assert_eq!(asked_about(&patterns), [r"https://a.example|b.example/x/|/y\u{202e}/"]);
        assert!(!is_any_host(&patterns));
        for host in ["localhost", "[::1]", "127.0.0.1", "example.co.uk", "github.io"] {
            assert!(!is_any_host(&[pattern(&[], &[host], &[])]), "{host}");
        }
    }

    #[test]
    fn without_a_host_it_is_every_url() {
        for (patterns, text) in [
            (vec![], "every URL you download"),
            (vec![pattern(&[], &[], &[])], "every URL you download"),
            (vec![pattern(&["https"], &[], &[])], "every URL you download by https"),
            (vec![pattern(&[], &[], &["/a/", "/b"])], "every URL you download whose path begins with /a/ or /b"),
            (vec![pattern(&[], &["a.example"], &[]), pattern(&[], &["com"], &[])], "every URL you download from *.com"),
            (vec![pattern(&[], &["a.example", "co.uk"], &[])], "every URL you download from a.example, *.co.uk"),
        ] {
            assert!(is_any_host(&patterns), "{text}");
            assert_eq!(asked_about(&patterns)[0], text);
        }
    }

    #[test]
    fn hosts_are_those_of_the_examples() {
        let hosts =
            hosts(["https://b.example/f", "https://a.example:8443/g", "https://b.example/h", "none"].into_iter());
        assert_eq!(hosts, ["a.example", "b.example"]);
        let examples = Examples { count: 1, hosts };
        assert_eq!(examples.text(), "a.example, b.example in its examples; it can name any public host");
        assert!(Examples::default().text().contains("no examples"));
    }
}
