//! A place that may have the bytes.

use std::sync::Arc;

use serde::Serialize;

use super::{CandidateUrl, Region};

/// How a candidate comes by the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CandidateKind {
    /// Keeps a copy of its own.
    Mirror,
    /// A content-delivery network.
    Cdn,
    /// Fetches from the origin when asked.
    Proxy,
}

/// What a candidate claims of its bytes; the engine verifies it either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// The very bytes of the origin.
    SameBytes,
    /// Often equal, not always: used only where a digest or a comparison
    /// with the origin proves it.
    MayDiffer,
}

/// A proposal of a mirror rule that passed the engine's output checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where to ask.
    pub url: CandidateUrl,
    /// Identifier of the rule that proposed it.
    pub rule: Arc<str>,
    /// The region it serves best.
    pub region: Region,
    /// Preference among the rule's candidates, 0 to 100, higher first.
    pub weight: u8,
    /// How it comes by the bytes.
    pub kind: CandidateKind,
    /// What it claims of them.
    pub promise: Promise,
}
