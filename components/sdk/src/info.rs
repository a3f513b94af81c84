//! Builders for what a component says of itself.

use crate::{Example, Pattern, RuleInfo, Url};

impl RuleInfo {
    /// A rule by name, semantic version and one sentence.
    pub fn new(id: &str, version: &str, summary: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            patterns: Vec::new(),
            examples: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Adds URLs that the rule wants to be asked about.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.patterns.push(pattern);
        self
    }

    /// Adds a self-test: this URL has exactly these candidates, in this order.
    #[must_use]
    pub fn example(self, url: &str, candidates: &[&str]) -> Self {
        self.example_in("", url, candidates)
    }

    /// Adds a self-test for a user in a region.
    #[must_use]
    pub fn example_in(mut self, region: &str, url: &str, candidates: &[&str]) -> Self {
        self.examples.push(Example {
            url: url.to_owned(),
            region: region.to_owned(),
            candidates: candidates.iter().map(|&candidate| candidate.to_owned()).collect(),
        });
        self
    }

    /// Adds a self-test: this URL has no candidates, and the rule says why.
    #[must_use]
    pub fn refuses(self, url: &str) -> Self {
        self.example(url, &[])
    }
}

impl Pattern {
    /// Every URL of a host and its subdomains.
    pub fn host(suffix: &str) -> Self {
        Self { schemes: Vec::new(), host_suffixes: vec![suffix.to_owned()], path_prefixes: Vec::new() }
    }

    /// Also every URL of another host and its subdomains.
    #[must_use]
    pub fn or_host(mut self, suffix: &str) -> Self {
        self.host_suffixes.push(suffix.to_owned());
        self
    }

    /// Narrows the pattern to paths with this prefix, or one of those given
    /// before.
    #[must_use]
    pub fn under(mut self, path_prefix: &str) -> Self {
        self.path_prefixes.push(path_prefix.to_owned());
        self
    }

    /// Whether the engine would ask the rule about this URL.
    ///
    /// ```
    /// use turbo_component::{Pattern, Url};
    ///
    /// let pattern = Pattern::host("files.example").under("/pub/");
    /// assert!(pattern.matches(&Url::parse("https://dl.files.example/pub/a").unwrap()));
    /// assert!(!pattern.matches(&Url::parse("https://files.example/about").unwrap()));
    /// ```
    pub fn matches(&self, url: &Url<'_>) -> bool {
        let any = |list: &[String], test: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|item| test(item));
        any(&self.schemes, &|scheme| url.scheme == scheme)
            && any(&self.host_suffixes, &|suffix| url.is_under(suffix))
            && any(&self.path_prefixes, &|prefix| url.path.starts_with(prefix))
    }
}
