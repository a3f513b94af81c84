//! The fork, and one atomic commit in it, made through the Git data API.

use std::time::Duration;

use base64::Engine as _;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Flow;
use super::answers::{Commit, Object, Reference, Repository};
use super::api::Ask;
use crate::model::delivery::OutputFile;
use crate::model::rfc3339;
use crate::plan::Backoff;
use crate::publish::deliver::git::message;
use crate::publish::deliver::{Author, DeliverError, chance};
use crate::publish::ledger::Intent;
use crate::publish::state::Progress;
use crate::store::sha256;

/// How long a new fork may take to appear, in looks with growing pauses.
const FORK_LOOKS: u32 = 12;

/// The names of effects in the records.
const FORK: &str = "fork";
const SYNC: &str = "sync";
const COMMIT: &str = "commit";
const BRANCH: &str = "branch";

/// A repository to which the commit is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fork {
    pub owner: String,
    pub name: String,
}

impl Flow<'_, '_> {
    /// The user's fork, made if there is none. Who owns the repository needs
    /// none.
    pub(super) async fn fork(&mut self, owner: &str, login: &str) -> Result<Fork, DeliverError> {
        let (upstream_owner, name) = self.upstream;
        let upstream = format!("{upstream_owner}/{name}");
        if owner.eq_ignore_ascii_case(upstream_owner) {
            return Ok(Fork { owner: upstream_owner.into(), name: name.into() });
        }
        let ask = Ask::get(&["repos", owner, name], format!("repository {owner}/{name}"));
        let standing: Option<Repository> = self.api().look(ask).await?;
        if let Some(fork) = standing.filter(|standing| standing.is_fork_of(&upstream)) {
            return self.fork_of(&fork);
        }
        let mut body = json!({"default_branch_only": true});
        if !owner.eq_ignore_ascii_case(login) {
            body["organization"] = owner.into();
        }
        let ask =
            Ask::send(Method::POST, &["repos", upstream_owner, name, "forks"], body, format!("a fork of {upstream}"));
        let intent = Intent { effect: FORK, target: &upstream, digests: &[], facts: &[("owner", owner)] };
        let fork: Repository = self.perform(&intent, ask, |fork: &Repository| fork.full_name.clone()).await?;
        let fork = self.fork_of(&fork)?;
        self.wait_for(&fork).await?;
        self.ledger.confirmed(FORK, &format!("{}/{}", fork.owner, fork.name))?;
        Ok(fork)
    }

    fn fork_of(&self, repository: &Repository) -> Result<Fork, DeliverError> {
        let parts = repository.full_name.split_once('/');
        let is_name = crate::publish::deliver::git::is_name;
        let (owner, name) = parts
            .filter(|(owner, name)| is_name(owner) && is_name(name))
            .ok_or_else(|| self.api().protocol("a fork without a name"))?;
        Ok(Fork { owner: owner.into(), name: name.into() })
    }

    /// A fork is made behind the scenes.
    async fn wait_for(&self, fork: &Fork) -> Result<(), DeliverError> {
        let pauses = Backoff { first: Duration::from_millis(500), cap: Duration::from_secs(10), ..Backoff::default() };
        for look in 1..=FORK_LOOKS {
            let ask = Ask::get(&["repos", &fork.owner, &fork.name], "the new fork");
            if self.api().look::<Repository>(ask).await?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(pauses.pause(look, None, chance())).await;
        }
        Err(DeliverError::NotFound {
            server: self.api().server(),
            what: format!("fork {}/{} yet", fork.owner, fork.name),
        })
    }

    /// Brings the fork's branch up to upstream's. One that has gone its own way
    /// is left alone: the commit stands on upstream's head all the same.
    pub(super) async fn sync(&mut self, fork: &Fork, base: &str) -> Result<(), DeliverError> {
        let branch = self.change.base.clone();
        if fork.owner == self.upstream.0 {
            return Ok(());
        }
        let standing = self.reference(fork, &branch).await?;
        if standing.is_none_or(|sha| sha == base) {
            return Ok(());
        }
        let target = format!("{}/{} {branch}", fork.owner, fork.name);
        self.ledger.intend(&Intent { effect: SYNC, target: &target, digests: &[], facts: &[("base", base)] })?;
        let path = ["repos", &fork.owner, &fork.name, "merge-upstream"];
        let ask = Ask::send(Method::POST, &path, json!({"branch": branch}), format!("bringing {target} up to date"));
        let told = match self.api().tell(&ask).await {
            Ok(told) => told,
            Err(error) => return self.fails(SYNC, error),
        };
        if told.status == StatusCode::CONFLICT {
            self.ledger.failed(SYNC, "the fork has commits of its own there")?;
            tracing::info!("{target} has commits of its own; the commit stands on upstream's");
            return Ok(());
        }
        if !told.status.is_success() {
            let error = self.api().refusal(&ask, &told);
            return self.fails(SYNC, error);
        }
        Ok(self.ledger.performed(SYNC, base)?)
    }

    async fn reference(&self, fork: &Fork, branch: &str) -> Result<Option<String>, DeliverError> {
        let path = ["repos", &fork.owner, &fork.name, "git", "ref", "heads", branch];
        let reference: Option<Reference> = self.api().look(Ask::get(&path, format!("branch {branch}"))).await?;
        Ok(reference.map(|reference| reference.object.sha))
    }

    async fn read_commit(&self, fork: &Fork, sha: &str) -> Result<Option<Commit>, DeliverError> {
        let path = ["repos", &fork.owner, &fork.name, "git", "commits", sha];
        self.api().look(Ask::get(&path, format!("commit {sha}"))).await
    }

    /// The branch with the commit, made unless it is there. Gives the commit.
    pub(super) async fn branch(&mut self, fork: &Fork, base: &str, author: &Author) -> Result<String, DeliverError> {
        let branch = self.branch.clone();
        let standing = self.reference(fork, &branch).await?;
        if let (Some(standing), Some(known)) = (&standing, self.ledger.effect(BRANCH))
            && known.fact("commit") == Some(standing)
        {
            let standing = standing.clone();
            if known.progress != Progress::Confirmed {
                self.ledger.confirmed(BRANCH, &standing)?;
            }
            return Ok(standing);
        }
        let commit = self.commit(fork, base, author).await?;
        let target = format!("{}/{} {branch}", fork.owner, fork.name);
        match standing {
            Some(standing) if standing == commit.sha || self.is_same(fork, &standing, &commit).await? => {
                self.ledger.found((BRANCH, &target), &standing)?;
                Ok(standing)
            }
            Some(_) => Err(DeliverError::Occupied { what: format!("the branch {target}") }),
            None => {
                let path = ["repos", &fork.owner, &fork.name, "git", "refs"];
                let body = json!({"ref": format!("refs/heads/{branch}"), "sha": commit.sha});
                let ask = Ask::send(Method::POST, &path, body, format!("the branch {target}"));
                let facts = [("base", base), ("commit", commit.sha.as_str())];
                let intent = Intent { effect: BRANCH, target: &target, digests: &[], facts: &facts };
                let made: Reference = self.perform(&intent, ask, |made: &Reference| made.object.sha.clone()).await?;
                if made.object.sha != commit.sha {
                    return Err(self.api().protocol("a branch at another commit than asked for"));
                }
                self.ledger.confirmed(BRANCH, &commit.sha)?;
                Ok(commit.sha)
            }
        }
    }

    /// Whether a branch that was found has the very files of our commit.
    async fn is_same(&self, fork: &Fork, standing: &str, commit: &Commit) -> Result<bool, DeliverError> {
        Ok(self.read_commit(fork, standing).await?.is_some_and(|found| found.tree.sha == commit.tree.sha))
    }

    /// The commit, made unless an earlier run has made it. Objects have their
    /// names by content, and the date is fixed: made twice it is one.
    async fn commit(&mut self, fork: &Fork, base: &str, author: &Author) -> Result<Commit, DeliverError> {
        let made = self.ledger.effect(COMMIT).filter(|effect| effect.progress != Progress::Intended);
        if let Some(sha) = made.and_then(|effect| effect.reference.clone())
            && let Some(commit) = self.read_commit(fork, &sha).await?
        {
            return Ok(commit);
        }
        let target = format!("{}/{}", fork.owner, fork.name);
        let digests: Vec<String> = self
            .change
            .writes
            .iter()
            .map(|file| format!("sha256:{} {}", sha256(&file.content).hex(), file.path))
            .collect();
        self.ledger.intend(&Intent { effect: COMMIT, target: &target, digests: &digests, facts: &[("base", base)] })?;
        let made = self.make_commit(fork, base, author).await;
        let commit = match made {
            Ok(commit) => commit,
            Err(error) => return self.fails(COMMIT, error),
        };
        self.ledger.performed(COMMIT, &commit.sha)?;
        Ok(commit)
    }

    async fn make_commit(&self, fork: &Fork, base: &str, author: &Author) -> Result<Commit, DeliverError> {
        let parent = self.read_commit(fork, base).await?;
        let parent = parent.ok_or_else(|| DeliverError::NotFound {
            server: self.api().server(),
            what: format!("commit {base} in {}/{}", fork.owner, fork.name),
        })?;
        let mut entries = Vec::new();
        for file in &self.change.writes {
            entries.push(self.entry(fork, file).await?);
        }
        entries.extend(
            self.change.deletes.iter().map(|path| json!({"path": path, "mode": "100644", "type": "blob", "sha": null})),
        );
        let body = json!({"base_tree": parent.tree.sha, "tree": entries});
        let path = ["repos", &fork.owner, &fork.name, "git", "trees"];
        let tree: Object = self.api().ask(Ask::send(Method::POST, &path, body, "the tree of the commit")).await?;
        let who = json!({"name": author.name, "email": author.email, "date": rfc3339(author.seconds)});
        let text = message(&self.change.title, &self.change.body);
        let body = json!({"message": text, "tree": tree.sha, "parents": [base], "author": who, "committer": who});
        let path = ["repos", &fork.owner, &fork.name, "git", "commits"];
        let commit: Commit = self.api().ask(Ask::send(Method::POST, &path, body, "the commit")).await?;
        let parents: Vec<&str> = commit.parents.iter().map(|parent| parent.sha.as_str()).collect();
        if commit.tree.sha != tree.sha || parents != [base] {
            return Err(self.api().protocol("another commit than asked for"));
        }
        Ok(commit)
    }

    /// One file of the tree. Text goes along with it, anything else as a blob
    /// of its own; either has to get the name that its content has.
    async fn entry(&self, fork: &Fork, file: &OutputFile) -> Result<Value, DeliverError> {
        let mut entry = json!({"path": file.path, "mode": "100644", "type": "blob"});
        if let Ok(text) = std::str::from_utf8(&file.content) {
            entry["content"] = text.into();
            return Ok(entry);
        }
        let content = base64::engine::general_purpose::STANDARD.encode(&file.content);
        let path = ["repos", &fork.owner, &fork.name, "git", "blobs"];
        let body = json!({"content": content, "encoding": "base64"});
        let blob: Object =
            self.api().ask(Ask::send(Method::POST, &path, body, format!("the file {}", file.path))).await?;
        if blob.sha != super::existing::blob_name(&file.content) {
            return Err(self.api().protocol("a file with another name than its content has"));
        }
        entry["sha"] = blob.sha.into();
        Ok(entry)
    }
}
