//! What the rules say of one URL.

use std::fmt;

use serde::Serialize;

use super::Fault;
use crate::model::{Candidate, quoted};

/// What the rules say of one URL. Empty where no rule is interested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Where else the bytes may be: rule by rule, each rule's best first, no
    /// URL twice, every one past the output checks.
    pub candidates: Vec<Candidate>,
    /// What the user may want to know.
    pub advice: Vec<Advice>,
    /// What went wrong; none of it stops a download.
    pub faults: Vec<Fault>,
    /// Who was asked, in order.
    pub asked: Vec<Asked>,
}

/// A hint about the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The rule whose words these are; none when they are the engine's.
    pub rule: Option<String>,
    /// One sentence.
    pub text: String,
}

impl fmt::Display for Advice {
    /// A rule's words in quotes, with its name before them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "component `{rule}` says {}", quoted(&self.text)),
            None => f.write_str(&self.text),
        }
    }
}

/// A rule that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Identifier of the rule.
    pub rule: String,
    /// What it answered.
    pub reply: Reply,
}

/// The kind of a rule's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "detail", rename_all = "kebab-case")]
pub enum Reply {
    /// So many candidates, before duplicates and refused ones were dropped.
    Candidates(usize),
    /// The URL is not one the rule knows.
    NotMine,
    /// The URL is no file; the text says what to ask for instead.
    Refused(String),
    /// A part of the URL is malformed.
    Invalid(String),
    /// Anything else.
    Other(String),
    /// The call failed; see the faults.
    Faulted,
    /// Not asked: it failed too often and rests.
    Resting,
}
