//! What became of a pull request: its state, labels and checks, as GitHub
//! tells them now. What that means, a generator says.

use serde::{Deserialize, Serialize};
use url::Url;

use super::api::Ask;
use super::{GitHubPlace, upstream};
use crate::model::excerpt::excerpt;
use crate::publish::deliver::DeliverError;

/// Most labels, and most checks, that are told.
const MOST: usize = 100;

/// A pull request as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PullStanding {
    /// Open, merged or closed.
    pub state: PullState,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its checks: name, and conclusion or else status.
    pub checks: Vec<(String, String)>,
    /// When something last happened to it, as RFC 3339.
    pub updated: String,
}

/// Whether a pull request is over, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullState {
    /// Nobody has decided yet.
    Open,
    /// It is in.
    Merged,
    /// It was refused, or withdrawn.
    Closed,
}

#[derive(Deserialize)]
struct Shown {
    state: String,
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    updated_at: String,
    head: super::answers::Object,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Checks {
    check_runs: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    status: String,
    conclusion: Option<String>,
}

/// Repository and number of a pull request's address; none for any other.
pub fn pull_of(reference: &str) -> Option<(String, u64)> {
    let url: Url = reference.parse().ok()?;
    let parts: Vec<&str> = url.path_segments()?.collect();
    let [owner, name, "pull", number] = parts[..] else { return None };
    let repository = format!("{owner}/{name}");
    upstream(&repository).ok()?;
    Some((repository, number.parse().ok()?))
}

/// Asks what became of a pull request.
pub async fn look(place: &GitHubPlace<'_>, repository: &str, number: u64) -> Result<PullStanding, DeliverError> {
    let (owner, name) = upstream(repository)?;
    let api = place.asked()?;
    let number = number.to_string();
    let ask = Ask::get(&["repos", owner, name, "pulls", &number], format!("pull request {number}"));
    let shown: Shown = api.ask(ask).await?;
    let sha = shown.head.sha.as_str();
    let mut ask = Ask::get(&["repos", owner, name, "commits", sha, "check-runs"], "the checks");
    ask.query = vec![("per_page", MOST.to_string())];
    let checks: Option<Checks> = api.look(ask).await?;
    let checks = checks.map(|checks| checks.check_runs).unwrap_or_default();
    let told = |check: Check| (excerpt(&check.name), excerpt(&check.conclusion.unwrap_or(check.status)));
    Ok(PullStanding {
        state: match (shown.merged, shown.state.as_str()) {
            (true, _) => PullState::Merged,
            (false, "open") => PullState::Open,
            (false, _) => PullState::Closed,
        },
        labels: shown.labels.into_iter().take(MOST).map(|label| excerpt(&label.name)).collect(),
        checks: checks.into_iter().take(MOST).map(told).collect(),
        updated: excerpt(&shown.updated_at),
    })
}

#[cfg(test)]
mod tests {
    use super::pull_of;

    #[test]
    fn a_pull_request_is_known_by_its_address() {
        assert_eq!(pull_of("https://github.com/a/b/pull/12"), Some(("a/b".into(), 12)));
        for other in ["a/b main 0123", "https://github.com/a/b/pull/x", "https://github.com/a/b", "out", ""] {
            assert_eq!(pull_of(other), None, "{other}");
        }
    }
}
