//! What a pull request would come to, from questions alone.

use std::fmt::Write as _;

use super::answers::{Content, Reference, Repository};
use super::api::Ask;
use super::{Flow, GitHubPull, branch, check, upstream};
use crate::model::delivery::GitChange;
use crate::publish::deliver::DeliverError;
use crate::publish::diff::unified;
use crate::publish::ledger::Ledger;

/// Tells every effect of [`super::deliver`] as things are now, with all
/// differences. GitHub is asked, and told nothing.
pub async fn dry_run(
    pull: &GitHubPull<'_>,
    change: &GitChange,
    ledger: &mut Ledger<'_>,
) -> Result<String, DeliverError> {
    check(pull, change)?;
    let upstream = upstream(&change.repository)?;
    let branch = branch(change, ledger.delivery());
    let flow = Flow { pull, change, upstream, branch, ledger };
    let (owner, name) = flow.upstream;
    let user = flow.user().await?;
    let fork_owner = pull.fork_owner.clone().unwrap_or_else(|| user.login.clone());
    let mut shown = format!("pull request to {owner}/{name}, branch {}\n", change.base);
    if let Some(found) = flow.own_pull(&fork_owner).await? {
        let _ = writeln!(shown, "  there is one already: {}", flow.checked_url(&found.html_url)?);
        return Ok(shown);
    }
    if let Some(url) = flow.others_pull().await? {
        let _ = writeln!(shown, "  somebody else has one already: {}", flow.checked_url(&url)?);
        return Ok(shown);
    }
    let path = ["repos", owner, name, "git", "ref", "heads", &change.base];
    let head: Reference = flow.api().ask(Ask::get(&path, format!("branch {} in {owner}/{name}", change.base))).await?;
    let base = head.object.sha;
    flow.tell_requests(&mut shown, &fork_owner, &base).await?;
    let author = flow.author(&user);
    let _ = writeln!(shown, "\ncommit by {} <{}> on {base}\n\n    {}", author.name, author.email, change.title);
    change.body.lines().for_each(|line| shown += format!("    {line}").trim_end().to_owned().as_str());
    shown.push('\n');
    for file in &change.writes {
        let before = flow.content(&file.path, &base).await?.map(|content| flow.bytes(&content)).transpose()?;
        shown += &unified(&file.path, before.as_deref(), Some(&file.content));
    }
    for path in &change.deletes {
        let before = flow.content(path, &base).await?.map(|content| flow.bytes(&content)).transpose()?;
        shown += &unified(path, before.as_deref(), None);
    }
    Ok(shown)
}

impl Flow<'_, '_> {
    /// The requests that change something, in order.
    async fn tell_requests(&self, shown: &mut String, fork_owner: &str, base: &str) -> Result<(), DeliverError> {
        let (owner, name) = self.upstream;
        let fork = format!("{fork_owner}/{name}");
        if !fork_owner.eq_ignore_ascii_case(owner) {
            let ask = Ask::get(&["repos", fork_owner, name], format!("repository {fork}"));
            let standing: Option<Repository> = self.api().look(ask).await?;
            if standing.is_some_and(|standing| standing.is_fork_of(&format!("{owner}/{name}"))) {
                let path = ["repos", fork_owner, name, "git", "ref", "heads", &self.change.base];
                let branch: Option<Reference> = self.api().look(Ask::get(&path, "the fork's branch")).await?;
                if branch.is_some_and(|branch| branch.object.sha != base) {
                    let _ = writeln!(shown, "  POST /repos/{fork}/merge-upstream");
                }
            } else {
                let _ = writeln!(shown, "  POST /repos/{owner}/{name}/forks");
            }
        }
        let binary = self.change.writes.iter().filter(|file| std::str::from_utf8(&file.content).is_err());
        for file in binary {
            let _ = writeln!(shown, "  POST /repos/{fork}/git/blobs ({})", file.path);
        }
        let _ = writeln!(shown, "  POST /repos/{fork}/git/trees\n  POST /repos/{fork}/git/commits");
        let _ = writeln!(shown, "  POST /repos/{fork}/git/refs refs/heads/{}", self.branch);
        let _ = writeln!(shown, "  POST /repos/{owner}/{name}/pulls from {fork_owner}:{}", self.branch);
        Ok(())
    }

    /// The bytes of a file; those of one that is too large for an answer are
    /// told apart from none by their name alone.
    fn bytes(&self, content: &Content) -> Result<Vec<u8>, DeliverError> {
        let bytes = self.api().bytes(content)?;
        Ok(bytes.unwrap_or_else(|| format!("(git blob {})\n", content.sha).into_bytes()))
    }
}
