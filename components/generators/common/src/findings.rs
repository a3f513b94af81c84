//! Collects what there is to say about a release.

use turbo_component::manifest::{Delivery, Diagnostic, Generated, Severity};

/// Findings, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Findings(Vec<Diagnostic>);

impl Findings {
    /// Something that stops the release, with what to do about it.
    pub fn error(&mut self, code: &str, message: &str, suggestion: &str) {
        self.add(Diagnostic::error(code, message), suggestion);
    }

    /// Something that somebody should look at.
    pub fn warn(&mut self, code: &str, message: &str, suggestion: &str) {
        self.add(Diagnostic::warning(code, message), suggestion);
    }

    /// Advice.
    pub fn note(&mut self, code: &str, message: &str, suggestion: &str) {
        self.add(Diagnostic::note(code, message), suggestion);
    }

    /// A finding with what to do about it, if anything.
    pub fn add(&mut self, diagnostic: Diagnostic, suggestion: &str) {
        let diagnostic = if suggestion.is_empty() { diagnostic } else { diagnostic.suggest(suggestion) };
        // The same may be found for every artifact; once is enough.
        if !self.0.contains(&diagnostic) {
            self.0.push(diagnostic);
        }
    }

    /// Whether anything stops the release.
    pub fn is_fatal(&self) -> bool {
        self.0.iter().any(|found| found.severity == Severity::Error)
    }

    /// The findings themselves.
    pub fn into_list(self) -> Vec<Diagnostic> {
        self.0
    }

    /// The deliveries with what there is to say of them, or a refusal.
    pub fn answer(self, deliveries: Vec<Delivery>) -> Result<Generated, Vec<Diagnostic>> {
        if self.is_fatal() {
            return Err(self.0);
        }
        Ok(Generated { deliveries, diagnostics: self.0, extra: Vec::new() })
    }
}
