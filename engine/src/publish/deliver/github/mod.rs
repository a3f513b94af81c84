//! A pull request on GitHub, made through its API alone: no clone, no git.
//!
//! The commit stands on upstream's head, whatever state the fork is in. Before
//! anything is done, an open pull request for the same package and version is
//! looked for, and the files themselves.
//! The key invariants: an answer that is no success is never taken for one;
//! whatever an earlier run may have done is looked for before it is done.

pub mod answers;
mod api;
mod commit;
mod dry_run;
mod existing;
mod look;
mod tree;

use std::time::Duration;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use self::answers::{Pull, Reference, User};
use self::api::{Api, Ask};
use self::commit::Fork;
use super::git::{check_branch, is_name};
use super::{Author, DeliverError, Submission, chance, check_path};
use crate::model::Secret;
use crate::model::delivery::GitChange;
use crate::model::excerpt::excerpt;
use crate::net::Net;
use crate::plan::Backoff;
use crate::publish::ledger::{Intent, Ledger};

pub use dry_run::dry_run;
pub use look::{PullStanding, PullState, look, pull_of};
pub use tree::{GitHubPlace, GitHubTree, is_repository};

/// The name of the effect in the records.
const PULL: &str = "pull-request";

/// How a pull request is made.
#[derive(Debug, Clone)]
pub struct GitHubPull<'a> {
    /// The network.
    pub net: &'a Net,
    /// Address of the API: `https://api.github.com`, or `https://HOST/api/v3`.
    pub api: Url,
    /// The user's token.
    pub token: Secret,
    /// Who has the fork; the user without it.
    pub fork_owner: Option<String>,
    /// Name and address in the commit; those of the user without them.
    pub author: Option<(String, String)>,
    /// The moment of the commit, in seconds since 1970.
    pub seconds: u64,
    /// How often it is tried again when the network or the server fails.
    pub attempts: u32,
    /// Longest wait for a limit of requests to pass.
    pub patience: Duration,
}

/// One attempt.
struct Flow<'a, 'l> {
    pull: &'a GitHubPull<'a>,
    change: &'a GitChange,
    upstream: (&'a str, &'a str),
    branch: String,
    ledger: &'a mut Ledger<'l>,
}

/// Opens a pull request, unless there is one or the change is in already.
/// Dropped in between, a later call finds out how far it came.
pub async fn deliver(
    pull: &GitHubPull<'_>,
    change: &GitChange,
    ledger: &mut Ledger<'_>,
) -> Result<Submission, DeliverError> {
    check(pull, change)?;
    let upstream = upstream(&change.repository)?;
    let branch = branch(change, ledger.delivery());
    let mut failures = 0;
    loop {
        let mut flow = Flow { pull, change, upstream, branch: branch.clone(), ledger: &mut *ledger };
        match flow.run().await {
            Err(error) if error.is_passing() && failures < pull.attempts => {
                failures += 1;
                tracing::info!("tried again after: {error}");
                tokio::time::sleep(Backoff::default().pause(failures, None, chance())).await;
            }
            Ok(submission) => {
                ledger.conclude(&submission)?;
                return Ok(submission);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What needs no server to be wrong.
fn check(pull: &GitHubPull<'_>, change: &GitChange) -> Result<(), DeliverError> {
    check_branch(&change.base)?;
    change.branch.as_deref().map_or(Ok(()), check_branch)?;
    let paths = change.writes.iter().map(|file| &file.path).chain(&change.deletes);
    paths.map(String::as_str).try_for_each(check_path)?;
    match &pull.fork_owner {
        Some(owner) if !is_name(owner) => {
            Err(DeliverError::Repository { text: excerpt(owner), why: "it is not the name of an owner" })
        }
        _ => check_api(&pull.api, Some(&pull.token)),
    }
}

/// Whether the API may be asked, and be sent the token.
fn check_api(api: &Url, token: Option<&Secret>) -> Result<(), DeliverError> {
    let server = api.host_str().unwrap_or_default().to_owned();
    let refuse = |why| DeliverError::Repository { text: excerpt(api.as_str()), why };
    if !matches!(api.scheme(), "http" | "https") || server.is_empty() {
        return Err(refuse("an API has an https URL"));
    }
    // The one rule for both ways to a server: encrypted, or on this machine.
    let remote = super::git::Remote::parse(api.as_str(), api)?;
    if token.is_none() || remote.takes_credentials() { Ok(()) } else { Err(DeliverError::InTheClear { server }) }
}

/// Owner and name of `OWNER/NAME`.
fn upstream(repository: &str) -> Result<(&str, &str), DeliverError> {
    let named = repository.split_once('/').filter(|(owner, name)| is_name(owner) && is_name(name));
    named
        .ok_or_else(|| DeliverError::Repository { text: excerpt(repository), why: "a pull request goes to OWNER/NAME" })
}

/// The branch to make: the generator's, or one that the same delivery always
/// has.
fn branch(change: &GitChange, delivery: &str) -> String {
    let slug: String = change
        .title
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' })
        .collect();
    let slug: Vec<&str> = slug.split(['-', '.']).filter(|part| !part.is_empty()).collect();
    let slug: String = slug.join("-").chars().take(60).collect();
    let own = || format!("turbo-engine/{slug}-{}", delivery.get(..12).unwrap_or(delivery));
    change.branch.clone().unwrap_or_else(own)
}

impl Flow<'_, '_> {
    async fn run(&mut self) -> Result<Submission, DeliverError> {
        let user = self.user().await?;
        let owner = self.pull.fork_owner.clone().unwrap_or_else(|| user.login.clone());
        if let Some(found) = self.own_pull(&owner).await? {
            return self.take_up(&found);
        }
        if let Some(url) = self.others_pull().await? {
            return self.there(&url);
        }
        let base = self.base().await?;
        if self.is_merged(&base).await? {
            let (owner, name) = self.upstream;
            return self.there(&format!("{owner}/{name} {base}"));
        }
        let fork = self.fork(&owner, &user.login).await?;
        self.sync(&fork, &base).await?;
        let author = self.author(&user);
        let commit = self.branch(&fork, &base, &author).await?;
        self.open(&fork, &commit, fork.owner.eq_ignore_ascii_case(&user.login)).await
    }

    fn api(&self) -> Api<'_> {
        let GitHubPull { net, api, token, patience, .. } = self.pull;
        Api { net, base: api.clone(), token: Some(token.clone()), patience: *patience }
    }

    async fn user(&self) -> Result<User, DeliverError> {
        let user: User = self.api().ask(Ask::get(&["user"], "the user of the token")).await?;
        if is_name(&user.login) { Ok(user) } else { Err(self.api().protocol("a user without a name")) }
    }

    fn author(&self, user: &User) -> Author {
        let own = || (user.login.clone(), format!("{}+{}@users.noreply.github.com", user.id, user.login));
        let (name, email) = self.pull.author.clone().unwrap_or_else(own);
        Author { name, email, seconds: self.pull.seconds }
    }

    /// The commit that the change stands on: upstream's head, or the one that
    /// an earlier run began with.
    async fn base(&self) -> Result<String, DeliverError> {
        if let Some(base) = ["branch", "commit"].iter().find_map(|name| self.ledger.effect(name)?.fact("base")) {
            return Ok(base.to_owned());
        }
        let (owner, name) = self.upstream;
        let path = ["repos", owner, name, "git", "ref", "heads", &self.change.base];
        let what = format!("branch {} in {owner}/{name}", self.change.base);
        let reference: Reference = self.api().ask(Ask::get(&path, what)).await?;
        Ok(reference.object.sha)
    }

    /// A pull request from our own branch: this run's earlier half, or an
    /// earlier release of the same.
    fn take_up(&mut self, found: &Pull) -> Result<Submission, DeliverError> {
        let url = self.checked_url(&found.html_url)?;
        let is_ours = self.ledger.effect("branch").and_then(|effect| effect.fact("commit")) == Some(&found.head.sha);
        if is_ours && self.ledger.effect(PULL).is_some() {
            self.ledger.confirmed(PULL, &url)?;
            return Ok(Submission::delivered(url));
        }
        self.there(&url)
    }

    fn there(&mut self, reference: &str) -> Result<Submission, DeliverError> {
        let target = self.change.repository.clone();
        self.ledger.found((PULL, &target), reference)?;
        Ok(Submission::already_there(reference))
    }

    async fn open(&mut self, fork: &Fork, commit: &str, is_own: bool) -> Result<Submission, DeliverError> {
        let (owner, name) = self.upstream;
        let body = json!({
            "title": self.change.title,
            "head": format!("{}:{}", fork.owner, self.branch),
            "base": self.change.base,
            "body": self.change.body,
            // Who has a fork of an organisation cannot grant this.
            "maintainer_can_modify": is_own,
        });
        let target = format!("{owner}/{name}");
        let ask =
            Ask::send(Method::POST, &["repos", owner, name, "pulls"], body, format!("a pull request to {target}"));
        let digests = [format!("git:{commit}")];
        let intent = Intent { effect: PULL, target: &target, digests: &digests, facts: &[("commit", commit)] };
        let made: Pull = self.perform(&intent, ask, |made: &Pull| made.html_url.clone()).await?;
        let url = self.checked_url(&made.html_url)?;
        let number = made.number.to_string();
        let ask = Ask::get(&["repos", owner, name, "pulls", &number], format!("pull request {number}"));
        let shown: Pull = self.api().ask(ask).await?;
        if shown.state != "open" || shown.head.sha != commit {
            return Err(self.api().protocol("another pull request than the one that was made"));
        }
        self.ledger.confirmed(PULL, &url)?;
        Ok(Submission::delivered(url))
    }

    /// An address that is shown and kept.
    fn checked_url(&self, text: &str) -> Result<String, DeliverError> {
        answers::page(text).ok_or_else(|| self.api().protocol("a pull request without an address"))
    }

    /// Performs one effect: recorded before, and recorded after.
    async fn perform<T: DeserializeOwned>(
        &mut self,
        intent: &Intent<'_>,
        ask: Ask<'_>,
        reference: impl Fn(&T) -> String,
    ) -> Result<T, DeliverError> {
        self.ledger.intend(intent)?;
        match self.api().ask::<T>(ask).await {
            Ok(done) => {
                self.ledger.performed(intent.effect, &excerpt(&reference(&done)))?;
                Ok(done)
            }
            Err(error) => self.fails(intent.effect, error),
        }
    }

    fn fails<T>(&mut self, effect: &str, error: DeliverError) -> Result<T, DeliverError> {
        self.ledger.failed(effect, &error.to_string())?;
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::GitRoute;

    #[test]
    fn a_delivery_has_one_branch() {
        let mut change = GitChange {
            repository: "a/b".into(),
            base: "main".into(),
            branch: None,
            title: "New version: A.B..C version 1.0.lock".into(),
            body: String::new(),
            writes: Vec::new(),
            deletes: Vec::new(),
            route: GitRoute::PullRequest,
        };
        let name = branch(&change, "0123456789abcdef");
        assert_eq!(name, "turbo-engine/New-version-A-B-C-version-1-0-lock-0123456789ab");
        check_branch(&name).expect("a branch");
        change.branch = Some("A.B-1.0-uuid".into());
        assert_eq!(branch(&change, "0123"), "A.B-1.0-uuid");
    }

    #[test]
    fn upstream_is_owner_and_name() {
        assert_eq!(upstream("microsoft/winget-pkgs").unwrap(), ("microsoft", "winget-pkgs"));
        for wrong in ["", "a", "a/b/c", "../b", "a/..", "a b/c", "https://h/a/b"] {
            assert!(upstream(wrong).is_err(), "{wrong}");
        }
    }
}
