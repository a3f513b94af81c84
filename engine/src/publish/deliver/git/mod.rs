//! A push to a branch of a git repository: a Scoop bucket, a Homebrew tap.
//!
//! The program git does it, which is there wherever such repositories are; it
//! knows every server and every way to log in by SSH. It works in a private
//! clone without a work tree. When somebody else was faster, the files are put
//! on top of what is there now and pushed again.
//! The key invariant: the branch only ever moves on, and by one commit.

mod import;
pub mod output;
mod place;
mod program;
mod remote;
mod repository;
mod tree;

pub(super) use import::message;
pub use place::GitPlace;
use place::Service;
pub use program::{GitLogin, GitOptions};
pub use remote::{Remote, Scheme};
pub(super) use remote::{check_branch, is_name};
use repository::Pushed;
pub use tree::GitTree;

use super::{Author, DeliverError, Submission, chance, check_path};
use crate::model::delivery::GitChange;
use crate::plan::Backoff;
use crate::publish::ledger::{Intent, Ledger};
use crate::publish::state::Progress;
use crate::store::{ScratchFolder, sha256};

/// The name of the effect in the records.
const PUSH: &str = "push";

/// How a change is pushed.
#[derive(Debug, Clone)]
pub struct GitPush<'a> {
    /// Where to.
    pub place: GitPlace<'a>,
    /// Whose name stands in the commit.
    pub author: Author,
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
    check(change)?;
    let target = format!("{} {}", push.place.remote.url, change.base);
    let scratch = ScratchFolder::create(&push.place.scratch)?;
    let repository = push.place.begin(&scratch).await?;
    for attempt in 1..=push.attempts.max(1) {
        let base = push.place.fetch(&repository, &change.base, Service::Write).await?;
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
                let base = push.place.fetch(&repository, &change.base, Service::Write).await?;
                // Not there any more: somebody has changed it again since.
                let is_there = repository.commit(change, &push.author, &base).await?.is_none();
                return conclude(ledger, &target, if is_there { &base } else { &commit });
            }
            Ok(Pushed::Refused(reason)) => {
                ledger.failed(PUSH, &reason)?;
                if push.place.head(&repository, &change.base, Service::Write).await?.as_deref() == Some(&base) {
                    let (server, what) = (push.place.remote.server.clone(), format!("the push to {}", change.base));
                    return Err(DeliverError::Rejected { server, what, message: reason });
                }
                tokio::time::sleep(Backoff::default().pause(attempt, None, chance())).await;
            }
            Err(said) => {
                let error = repository.program.failure("push the commit", &said);
                let error = push.place.explain(error, Service::Write).await;
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
    check(change)?;
    let scratch = ScratchFolder::create(&push.place.scratch)?;
    let repository = push.place.begin(&scratch).await?;
    let base = push.place.fetch(&repository, &change.base, Service::Write).await?;
    let head = format!("git push {} {}\n", push.place.remote.url, change.base);
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

/// What needs no server to be wrong.
fn check(change: &GitChange) -> Result<(), DeliverError> {
    check_branch(&change.base)?;
    let paths = change.writes.iter().map(|file| &file.path).chain(&change.deletes);
    paths.map(String::as_str).try_for_each(check_path)
}

/// Digests of what is pushed: of each file, in order.
fn digests(change: &GitChange) -> Vec<String> {
    change.writes.iter().map(|file| format!("sha256:{} {}", sha256(&file.content).hex(), file.path)).collect()
}
