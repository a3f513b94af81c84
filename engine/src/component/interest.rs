//! Who wants to be asked about a URL: answered natively, so that a URL nobody
//! maps never reaches a component.

use std::collections::HashMap;
use std::ops::ControlFlow;

use url::{Host, Url};

use super::Pattern;

/// The patterns of all rules, by host suffix.
#[derive(Debug, Default)]
pub(super) struct Interest {
    by_suffix: HashMap<Box<str>, Vec<Clause>>,
    by_any_host: Vec<Clause>,
}

/// What of a pattern remains once the host matches.
#[derive(Debug, Clone)]
struct Clause {
    rule: usize,
    http: bool,
    https: bool,
    prefixes: Box<[String]>,
}

impl Interest {
    /// The index of rules by their position. A rule without patterns wants
    /// every URL.
    pub(super) fn new<'a>(rules: impl Iterator<Item = &'a [Pattern]>) -> Self {
        let mut interest = Self::default();
        for (rule, patterns) in rules.enumerate() {
            if patterns.is_empty() {
                interest.by_any_host.push(Clause { rule, http: true, https: true, prefixes: Box::default() });
            }
            for pattern in patterns {
                interest.add(rule, pattern);
            }
        }
        interest
    }

    fn add(&mut self, rule: usize, pattern: &Pattern) {
        let covers = |scheme: &str| pattern.schemes.is_empty() || pattern.schemes.iter().any(|one| one == scheme);
        let prefixes = pattern.path_prefixes.clone().into();
        let clause = Clause { rule, http: covers("http"), https: covers("https"), prefixes };
        if pattern.host_suffixes.is_empty() {
            self.by_any_host.push(clause);
            return;
        }
        for suffix in &pattern.host_suffixes {
            self.by_suffix.entry(suffix.as_str().into()).or_default().push(clause.clone());
        }
    }

    /// Whether any rule wants to be asked.
    pub(super) fn is_any(&self, url: &Url) -> bool {
        self.visit(url, |_| ControlFlow::Break(())).is_break()
    }

    /// Every rule that wants to be asked, in the order of the rules.
    pub(super) fn all(&self, url: &Url) -> Vec<usize> {
        let mut rules = Vec::new();
        let _ = self.visit(url, |rule| {
            rules.push(rule);
            ControlFlow::Continue(())
        });
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    fn visit(&self, url: &Url, mut found: impl FnMut(usize) -> ControlFlow<()>) -> ControlFlow<()> {
        let Some(host) = url.host_str() else { return ControlFlow::Continue(()) };
        let mut matching = |clauses: &[Clause]| {
            clauses.iter().filter(|clause| clause.matches(url)).try_for_each(|clause| found(clause.rule))
        };
        matching(&self.by_any_host)?;
        if !matches!(url.host(), Some(Host::Domain(_))) {
            // An address has no labels: 1.2.3.4 is not below 3.4.
            return self.by_suffix.get(host).map_or(ControlFlow::Continue(()), |clauses| matching(clauses));
        }
        let mut suffix = host.strip_suffix('.').unwrap_or(host);
        loop {
            if let Some(clauses) = self.by_suffix.get(suffix) {
                matching(clauses)?;
            }
            match suffix.split_once('.') {
                Some((_, rest)) => suffix = rest,
                None => return ControlFlow::Continue(()),
            }
        }
    }
}

impl Clause {
    fn matches(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "https" => self.https,
            "http" => self.http,
            _ => false,
        };
        scheme
            && (self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| url.path().starts_with(prefix.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(schemes: &[&str], hosts: &[&str], paths: &[&str]) -> Pattern {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Pattern { schemes: owned(schemes), host_suffixes: owned(hosts), path_prefixes: owned(paths) }
    }

    fn all(rules: &[&[Pattern]], url: &str) -> Vec<usize> {
        let interest = Interest::new(rules.iter().copied());
        let url = url.parse().unwrap();
        let all = interest.all(&url);
        assert_eq!(interest.is_any(&url), !all.is_empty());
        all
    }

    #[test]
    fn a_suffix_matches_whole_labels() {
        let rules: &[&[Pattern]] = &[&[pattern(&[], &["github.com"], &[])]];
        for url in ["https://github.com/", "https://api.github.com/", "http://a.b.GitHub.com./x"] {
            assert_eq!(all(rules, url), [0], "{url}");
        }
        for url in ["https://notgithub.com/", "https://github.com.evil.example/", "https://com/", "ftp://github.com/"] {
            assert_eq!(all(rules, url), [0; 0], "{url}");
        }
    }

    #[test]
    fn an_address_matches_as_a_whole() {
        let rules: &[&[Pattern]] = &[&[pattern(&[], &["0.1", "127.0.0.1", "[::1]"], &[])]];
        assert_eq!(all(rules, "http://127.0.0.1:8080/"), [0]);
        assert_eq!(all(rules, "http://[::1]/"), [0]);
        assert_eq!(all(rules, "http://10.0.0.1/"), [0; 0]);
    }

    #[test]
    fn every_part_must_match() {
        let rules: &[&[Pattern]] = &[&[pattern(&["https"], &["a.example"], &["/x/", "/y/"])]];
        assert_eq!(all(rules, "https://a.example/y/1"), [0]);
        assert_eq!(all(rules, "https://a.example/z"), [0; 0]);
        assert_eq!(all(rules, "http://a.example/x/1"), [0; 0]);
    }

    #[test]
    fn rules_come_in_order_and_once() {
        let rules: &[&[Pattern]] = &[
            &[pattern(&[], &["example"], &[]), pattern(&[], &["a.example"], &[])],
            &[pattern(&[], &["other.example"], &[])],
            &[],
            &[pattern(&["https"], &[], &[])],
        ];
        assert_eq!(all(rules, "https://a.example/"), [0, 2, 3]);
        assert_eq!(all(rules, "http://nobody.test/"), [2]);
        assert_eq!(all(&[], "https://a.example/"), [0; 0]);
    }
}
