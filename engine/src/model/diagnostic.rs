//! Findings about a file that is to be published.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Advice.
    Note,
    /// It may be published; somebody should look.
    Warning,
    /// It must not be published.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A place in a text, both numbers from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable rule code.
    pub code: String,
    /// File that it is about, relative to what was checked.
    pub file: Option<String>,
    /// JSON pointer into that file (RFC 6901).
    pub pointer: Option<String>,
    /// Where in the file.
    pub position: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// Where to read more.
    pub help_url: Option<String>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

/// What to write instead of the first error of some findings.
pub fn advice(findings: &[Diagnostic]) -> Option<String> {
    findings.iter().find(|finding| finding.severity == Severity::Error)?.suggestion.clone()
}

impl Diagnostic {
    /// The finding on one line: where, what, and its code.
    pub fn line(&self) -> String {
        let place = self.file.as_ref().map(|file| match self.position {
            Some(at) => format!("{file}:{}:{}: ", at.line, at.column),
            None => format!("{file}: "),
        });
        format!("{}{} ({})", place.unwrap_or_default(), self.message, self.code)
    }
}
