//! The parts of GitHub's answers that are read, and how; nothing here asks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::model::http::retry_after;

/// What GitHub asks of those whom it tells no time.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);
/// Longest wait that is read from an answer.
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// A user.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// Its name.
    pub login: String,
    /// Its number.
    pub id: u64,
}

/// A repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Repository {
    /// Owner and name.
    pub full_name: String,
    /// Whether it is a fork.
    #[serde(default)]
    pub fork: bool,
    /// What it is a fork of.
    pub parent: Option<Parent>,
    /// Where the forks began.
    pub source: Option<Parent>,
}

/// A repository, to those who want to read it.
#[derive(Debug, Clone, Deserialize)]
pub struct Shelf {
    /// The branch of those who name none.
    pub default_branch: String,
}

/// What a repository is a fork of.
#[derive(Debug, Clone, Deserialize)]
pub struct Parent {
    /// Owner and name.
    pub full_name: String,
}

impl Repository {
    /// Whether it is a fork of this one, directly or not.
    pub fn is_fork_of(&self, full_name: &str) -> bool {
        let is_it = |parent: &Option<Parent>| {
            parent.as_ref().is_some_and(|parent| parent.full_name.eq_ignore_ascii_case(full_name))
        };
        self.fork && (is_it(&self.parent) || is_it(&self.source))
    }
}

/// A reference.
#[derive(Debug, Clone, Deserialize)]
pub struct Reference {
    /// What it leads to.
    pub object: Object,
}

/// Something that has a name by content.
#[derive(Debug, Clone, Deserialize)]
pub struct Object {
    /// The name.
    pub sha: String,
}

/// A commit.
#[derive(Debug, Clone, Deserialize)]
pub struct Commit {
    /// Its name.
    pub sha: String,
    /// Its files.
    pub tree: Object,
    /// What it leads on from.
    pub parents: Vec<Object>,
}

/// A file.
#[derive(Debug, Clone, Deserialize)]
pub struct Content {
    /// `file`, or what else stands there: `symlink`, `submodule`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Its name by content.
    pub sha: String,
    /// Its bytes, encoded.
    #[serde(default)]
    #[serde(rename = "content")]
    pub text: String,
    /// How.
    #[serde(default)]
    pub encoding: String,
}

/// One of those that lie in a folder.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed {
    /// `dir`, or what else it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A pull request.
#[derive(Debug, Clone, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub html_url: String,
    /// `open` or `closed`.
    pub state: String,
    /// The commit that it proposes.
    pub head: Object,
}

/// What a search found.
#[derive(Debug, Clone, Deserialize)]
pub struct Found {
    /// The pull requests.
    pub items: Vec<FoundPull>,
}

/// One of the pull requests that a search found.
#[derive(Debug, Clone, Deserialize)]
pub struct FoundPull {
    /// Its title.
    pub title: String,
    /// Its page.
    pub html_url: String,
}

impl Content {
    /// Its bytes; none of a file that is too large for an answer.
    ///
    /// # Errors
    ///
    /// When they are not encoded as the answer says.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, base64::DecodeError> {
        if self.encoding != "base64" {
            return Ok(None);
        }
        let text: String = self.text.split_whitespace().collect();
        STANDARD.decode(text).map(Some)
    }
}

/// How GitHub words a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: String,
    errors: Vec<Value>,
}

/// What GitHub says of a refusal, raw.
pub fn message(body: &[u8], status: StatusCode) -> String {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let more = refusal.errors.iter().filter_map(|error| {
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        error
            .as_str()
            .map(str::to_owned)
            .or_else(|| text("message"))
            .or_else(|| Some(format!("{} {}", text("field")?, text("code")?)))
    });
    let all: Vec<String> = std::iter::once(refusal.message).chain(more).filter(|text| !text.is_empty()).collect();
    let status = status.as_u16();
    if all.is_empty() { format!("status {status}") } else { format!("{} ({status})", all.join("; ")) }
}

/// An address that is shown and kept.
pub fn page(text: &str) -> Option<String> {
    let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.map(String::from)
}

/// How long a limit asks to wait: the primary one names when it ends, the
/// secondary one how long. Any other 403 is a refusal.
pub fn asked_to_wait(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let is_limit = matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    if !is_limit {
        return None;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(wait) = text(RETRY_AFTER.as_str()).and_then(|text| retry_after(text, now, LONGEST_WAIT)) {
        return Some(wait);
    }
    if text("x-ratelimit-remaining") == Some("0") {
        let reset: Option<u64> = text("x-ratelimit-reset").and_then(|text| text.parse().ok());
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let wait = reset.map_or(DEFAULT_WAIT, |reset| Duration::from_secs(reset.saturating_sub(now).saturating_add(1)));
        return Some(wait.min(LONGEST_WAIT));
    }
    (status == StatusCode::TOO_MANY_REQUESTS).then_some(DEFAULT_WAIT)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn limits_are_told_from_refusals() {
        let seconds = |status, fields: &[(&'static str, &str)]| {
            let headers =
                fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
            let status = StatusCode::from_u16(status).unwrap();
            asked_to_wait(status, &headers, SystemTime::now()).map(|wait| wait.as_secs())
        };
        assert_eq!(seconds(403, &[("retry-after", "7")]), Some(7));
        assert_eq!(seconds(429, &[]), Some(60));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")]), Some(1));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "99999999999")]), Some(3600));
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "12")]), None);
        assert_eq!(seconds(422, &[("retry-after", "7")]), None);
    }
}
