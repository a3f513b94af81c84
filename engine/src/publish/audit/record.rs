//! One line of the audit log.

use serde::{Deserialize, Serialize};

/// The version of the format.
pub(super) const VERSION: u32 = 1;
/// What the first line names as the digest of the line before it.
pub(super) const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An effect is about to be tried.
    Intent,
    /// The other side has said that it is done.
    Performed,
    /// The other side was asked again and shows it.
    Confirmed,
    /// It was there already; nothing was done.
    Found,
    /// The other side refused, or could not be reached.
    Failed,
    /// An earlier process ended in the middle of a line, or right after one.
    Recovered,
}

/// What is told of an effect. No field ever holds a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The release, as `NAME VERSION`.
    pub release: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// The effect: `push`, `fork`, `pull-request`, ...
    pub effect: &'a str,
    /// What it changes, without credentials.
    pub target: &'a str,
    /// Digests of what is sent, as `ALGORITHM:HEX`.
    pub digests: &'a [String],
    /// What the other side calls the result: a URL, a commit.
    pub reference: Option<&'a str>,
    /// Why, when it failed.
    pub detail: Option<&'a str>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Record {
    pub v: u32,
    pub sequence: u64,
    pub time: String,
    pub what: What,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub release: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effect: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    pub previous: String,
}

/// What a process found that another one had left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Recovery {
    /// The bytes of a line without its end, which stay where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn_sha256: Option<String>,
    /// A whole line that the head did not know of yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<u64>,
}

impl Record {
    pub(super) fn new(what: What, entry: &Entry<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            v: VERSION,
            sequence: 0,
            time: String::new(),
            what,
            release: entry.release.to_owned(),
            channel: entry.channel.to_owned(),
            effect: entry.effect.to_owned(),
            target: entry.target.to_owned(),
            digests: entry.digests.to_vec(),
            reference: owned(entry.reference),
            detail: owned(entry.detail),
            recovery: None,
            previous: String::new(),
        }
    }

    /// Reads a line without its end.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(line).ok().filter(|record| record.v == VERSION)
    }

    pub(super) fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers serialise")
    }
}
