//! What was found in one file so far.

use super::tree::{Entry, Node, Target};
use crate::model::diagnostic::{Diagnostic, Position, Severity};

/// Most findings of each severity in one file: a hostile file shall not make a
/// hostile report.
const MOST_FINDINGS: usize = 100;

/// Longest suggestion: nobody copies more than a URL.
const MOST_SUGGESTION_BYTES: usize = 4096;

/// Where a finding is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// The file as a whole.
    File,
    /// A character of its text.
    Text(Position),
    /// A part of what it says.
    Part(Target),
}

impl From<Position> for Place {
    fn from(at: Position) -> Self {
        Self::Text(at)
    }
}

impl From<&Node> for Place {
    fn from(node: &Node) -> Self {
        Self::Part(Target::Value(node.at))
    }
}

impl From<&Entry> for Place {
    fn from(entry: &Entry) -> Self {
        Self::Part(Target::Key(entry.key_at))
    }
}

/// Findings about one file, of one package manager.
pub(super) struct Report<'a> {
    file: &'a str,
    /// Begins every code that no authority has given.
    prefix: &'static str,
    help: fn(&str) -> String,
    root: Option<&'a Node>,
    findings: Vec<Diagnostic>,
    counts: [usize; 3],
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, prefix: &'static str, help: fn(&str) -> String) -> Self {
        Self { file, prefix, help, root: None, findings: Vec::new(), counts: [0; 3] }
    }

    /// Findings point into this tree from now on.
    pub(super) fn about(&mut self, root: &'a Node) {
        self.root = Some(root);
    }

    pub(super) fn error(&mut self, code: &str, place: impl Into<Place>, message: impl Into<String>) -> Found<'_> {
        self.add(Severity::Error, code, place.into(), message.into())
    }

    pub(super) fn warning(&mut self, code: &str, place: impl Into<Place>, message: impl Into<String>) -> Found<'_> {
        self.add(Severity::Warning, code, place.into(), message.into())
    }

    pub(super) fn note(&mut self, code: &str, place: impl Into<Place>, message: impl Into<String>) -> Found<'_> {
        self.add(Severity::Note, code, place.into(), message.into())
    }

    fn add(&mut self, severity: Severity, code: &str, place: Place, message: String) -> Found<'_> {
        self.counts[severity as usize] += 1;
        if self.counts[severity as usize] > MOST_FINDINGS {
            return Found(None);
        }
        // Codes that begin with a capital are an authority's own.
        let own = !code.starts_with(char::is_uppercase);
        let code = if own { format!("{}-{code}", self.prefix) } else { code.to_owned() };
        let (position, pointer) = match place {
            Place::File => (None, None),
            Place::Text(at) => (Some(at), None),
            Place::Part(part @ (Target::Value(at) | Target::Key(at))) => {
                (Some(at), self.root.and_then(|root| root.pointer_to(part)))
            }
        };
        let help_url = Some((self.help)(&code));
        let file = Some(self.file.to_owned());
        self.findings.push(Diagnostic { severity, code, file, pointer, position, message, help_url, suggestion: None });
        Found(self.findings.last_mut())
    }

    /// All findings, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.findings.sort_by_key(|finding| (finding.position, std::cmp::Reverse(finding.severity)));
        self.findings
    }
}

/// A finding that was just added.
pub(super) struct Found<'a>(Option<&'a mut Diagnostic>);

impl Found<'_> {
    /// Says what to write instead.
    pub(super) fn suggest(self, text: impl Into<String>) {
        let text = text.into();
        if let Some(finding) = self.0.filter(|_| text.len() <= MOST_SUGGESTION_BYTES) {
            finding.suggestion = Some(text);
        }
    }
}
