//! One rule of the table.

use turbo_component::{Answer, Place, RuleError, Url};

use crate::shape;

/// Paths of a host that other places have too.
///
/// The text lives as long as the instance: a built-in rule is a constant, and
/// the user's settings are read once.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The host, or a domain of which any host will do.
    pub host_suffix: &'static str,
    /// Shape of the path.
    pub path: &'static str,
    /// What the path must end with; empty for anything.
    pub endings: &'static [&'static str],
    /// Where else, best first.
    pub targets: &'static [Target],
}

/// One place of a rule.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The site.
    pub place: &'static Place,
    /// What follows the site's address, as a template.
    pub tail: &'static str,
}

impl Rule {
    /// The candidates of a URL; `None` when the rule is not about it.
    pub fn map(&self, url: &Url<'_>) -> Option<Answer> {
        // A folder's listing is each server's own, and a query may mean anything.
        let is_file = url.file().is_some();
        let is_kind = self.endings.is_empty() || self.endings.iter().any(|ending| url.path.ends_with(ending));
        if !is_file || !is_kind || !url.is_under(self.host_suffix) {
            return None;
        }
        let captures = shape::capture(self.path, url.path)?;
        let elsewhere = self.targets.iter().filter(|target| !target.is_on(url.host));
        let found: Vec<_> = elsewhere.map(|target| target.place.with(&shape::fill(target.tail, &captures))).collect();
        Some(if found.is_empty() { Err(RuleError::NotMine) } else { Ok(found) })
    }
}

impl Target {
    /// Whether the place is the host that was asked anyway.
    fn is_on(&self, host: &str) -> bool {
        // A built-in place is a whole address; the user's begins in the tail.
        let address = if self.place.front().is_empty() { self.tail } else { self.place.front() };
        let behind = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        behind.and_then(|rest| rest.strip_prefix(host)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
