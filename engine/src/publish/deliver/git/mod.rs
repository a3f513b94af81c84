//! A push to a branch of a git repository: a Scoop bucket, a Homebrew tap.
//!
//! The program git does it, which is there wherever such repositories are; it
//! knows every server and every way to log in by SSH. It works in a private
//! clone without a work tree. When somebody else was faster, the files are put
//! on top of what is there now and pushed again.
//! The key invariant: the branch only ever moves on, and by one commit.

mod import;
mod program;
mod remote;
mod repository;

use std::path::PathBuf;

use base64::Engine as _;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use url::Url;

pub(super) use import::message;
use program::Program;
pub use program::{GitLogin, GitOptions};
pub use remote::{Remote, Scheme};
pub(super) use remote::{check_branch, is_name};
use repository::{Pushed, Repository};

use super::{Author, DeliverError, Submission, chance, check_path};
use crate::model::delivery::GitChange;
use crate::net::{Exchange, Net, Trust};
use crate::plan::Backoff;
use crate::publish::ledger::{Intent, Ledger};
use crate::publish::state::Progress;
use crate::store::{ScratchFolder, sha256};

/// The name of the effect in the records.
const PUSH: &str = "push";
/// Largest answer that is read for its status.
const ANSWER_BYTES: usize = 4 << 20;

/// How a change is pushed.
#[derive(Debug, Clone)]
pub struct GitPush<'a> {
    /// Asks the server why it refuses.
    pub net: &'a Net,
    /// Where to.
    pub remote: Remote,
    /// A login, for HTTPS.
    pub login: Option<GitLogin>,
    /// Whose name stands in the commit.
    pub author: Author,
    /// What the user decided about git.
    pub options: GitOptions,
    /// A folder for the clone; it is made, and removed.
    pub scratch: PathBuf,
    /// How often it is pushed again when others were faster.
    pub attempts: u32,
}

/// Pushes a change, unless the branch has it already. Dropped in between, it
/// may or may not have arrived; a later call finds out.
pub async fn deliver(
    push: &GitPush<'_>,
    change: &GitChange,
    ledger: &mut Ledger<'_>,
) -> Result<Submission, DeliverError> {
    let target = format!("{} {}", push.remote.url, change.base);
    let scratch = ScratchFolder::create(&push.scratch)?;
    let repository = open(push, change, &scratch).await?;
    for attempt in 1..=push.attempts.max(1) {
        let base = fetch(push, &repository, &change.base).await?;
        let commit = repository.commit(change, &push.author, &base).await?;
        // What was pushed once and changed by others since is theirs to keep.
        let is_done = ledger.progress(PUSH).is_some_and(|progress| progress != Progress::Intended);
        let Some(commit) = commit.filter(|_| !is_done) else {
            return conclude(ledger, &target, &base);
        };
        ledger.intend(&Intent {
            effect: PUSH,
            target: &target,
            digests: &digests(change),
            facts: &[("commit", &commit)],
        })?;
        match repository.push(&commit, &change.base).await? {
            Ok(Pushed::Done) => {
                ledger.performed(PUSH, &commit)?;
                let base = fetch(push, &repository, &change.base).await?;
                // Not there any more: somebody has changed it again since.
                let is_there = repository.commit(change, &push.author, &base).await?.is_none();
                return conclude(ledger, &target, if is_there { &base } else { &commit });
            }
            Ok(Pushed::Refused(reason)) => {
                ledger.failed(PUSH, &reason)?;
                if head(push, &repository, &change.base).await?.as_deref() == Some(&base) {
                    let (server, what) = (push.remote.server.clone(), format!("the push to {}", change.base));
                    return Err(DeliverError::Rejected { server, what, message: reason });
                }
                tokio::time::sleep(Backoff::default().pause(attempt, None, chance())).await;
            }
            Err(said) => {
                let error = explain(push, repository.program.failure("push the commit", &said)).await;
                ledger.failed(PUSH, &error.to_string())?;
                return Err(error);
            }
        }
    }
    Err(DeliverError::Race { target, attempts: push.attempts.max(1) })
}

/// The whole commit that [`deliver`] would push, as the branch is now. The
/// server is asked, and told nothing.
pub async fn dry_run(push: &GitPush<'_>, change: &GitChange) -> Result<String, DeliverError> {
    let scratch = ScratchFolder::create(&push.scratch)?;
    let repository = open(push, change, &scratch).await?;
    let base = fetch(push, &repository, &change.base).await?;
    let head = format!("git push {} {}\n", push.remote.url, change.base);
    match repository.commit(change, &push.author, &base).await? {
        Some(_) => Ok(head + &repository.shown().await?),
        None => Ok(format!("{head}  {} has it already, at {base}\n", change.base)),
    }
}

/// Records that the branch has it, and whose doing that is: this run's, or an
/// earlier one's that could not tell any more.
fn conclude(ledger: &mut Ledger<'_>, target: &str, commit: &str) -> Result<Submission, DeliverError> {
    let reference = format!("{target} {commit}");
    let effect = ledger.effect(PUSH);
    let is_ours =
        effect.is_some_and(|effect| effect.progress != Progress::Intended || effect.fact("commit") == Some(commit));
    let submission = if is_ours {
        ledger.confirmed(PUSH, &reference)?;
        Submission::delivered(reference)
    } else {
        ledger.found((PUSH, target), &reference)?;
        Submission::already_there(reference)
    };
    ledger.conclude(&submission)?;
    Ok(submission)
}

async fn open(push: &GitPush<'_>, change: &GitChange, scratch: &ScratchFolder) -> Result<Repository, DeliverError> {
    check_branch(&change.base)?;
    let paths = change.writes.iter().map(|file| &file.path).chain(&change.deletes);
    paths.map(String::as_str).try_for_each(check_path)?;
    if push.login.is_some() && push.remote.scheme == Scheme::Http && !push.remote.takes_credentials() {
        return Err(DeliverError::InTheClear { server: push.remote.server.clone() });
    }
    Repository::create(Program {
        folder: std::path::absolute(scratch.path()).unwrap_or_else(|_| scratch.path().to_owned()),
        remote: push.remote.clone(),
        login: push.login.clone(),
        options: push.options.clone(),
    })
    .await
}

async fn fetch(push: &GitPush<'_>, repository: &Repository, branch: &str) -> Result<String, DeliverError> {
    if head(push, repository, branch).await?.is_none() {
        let what = format!("branch {branch} in {}", push.remote.url);
        return Err(DeliverError::NotFound { server: push.remote.server.clone(), what });
    }
    match repository.fetch(branch).await {
        Err(error) => Err(explain(push, error).await),
        fetched => fetched,
    }
}

async fn head(push: &GitPush<'_>, repository: &Repository, branch: &str) -> Result<Option<String>, DeliverError> {
    match repository.head(branch).await? {
        Ok(head) => Ok(head),
        Err(said) => Err(explain(push, repository.program.failure("look at the branch", &said)).await),
    }
}

/// Why git failed, by the server's own word: git tells people, and in many
/// versions, what one status code tells us.
async fn explain(push: &GitPush<'_>, error: DeliverError) -> DeliverError {
    let Ok(url) =
        format!("{}/info/refs?service=git-receive-pack", push.remote.url.trim_end_matches('/')).parse::<Url>()
    else {
        return error;
    };
    if !push.remote.is_web() {
        return error;
    }
    let login = push.login.as_ref().filter(|_| push.remote.takes_credentials());
    let headers: HeaderMap = login.and_then(basic).map(|value| (AUTHORIZATION, value)).into_iter().collect();
    let exchange = Exchange { method: Method::GET, url: &url, trust: Trust::Typed, headers, body: bytes::Bytes::new() };
    let server = push.remote.server.clone();
    match push.net.exchange(exchange, ANSWER_BYTES).await {
        Err(net) => net.into(),
        Ok(told) => match told.status {
            StatusCode::UNAUTHORIZED if login.is_none() => DeliverError::NoCredential { server },
            StatusCode::UNAUTHORIZED => DeliverError::Unauthorized { server },
            StatusCode::FORBIDDEN => DeliverError::Forbidden {
                server,
                what: format!("pushing to {}", push.remote.url),
                status: 403,
                message: String::new(),
                needs: None,
            },
            StatusCode::NOT_FOUND => DeliverError::NotFound { server, what: format!("repository {}", push.remote.url) },
            _ => error,
        },
    }
}

fn basic(login: &GitLogin) -> Option<HeaderValue> {
    let text = zeroize::Zeroizing::new(format!("{}:{}", login.user, login.password.expose()));
    let text = zeroize::Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(text.as_bytes()));
    let text = zeroize::Zeroizing::new(format!("Basic {}", *text));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Digests of what is pushed: of each file, in order.
fn digests(change: &GitChange) -> Vec<String> {
    change.writes.iter().map(|file| format!("sha256:{} {}", sha256(&file.content).hex(), file.path)).collect()
}
