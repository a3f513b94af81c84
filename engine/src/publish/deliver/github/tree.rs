//! The files of a repository as one commit has them, asked from GitHub's API:
//! no clone, and a request a file.
//!
//! The key invariant: all that is read is of one commit, whatever happens to
//! the branch meanwhile.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::answers::{Content, Listed, Reference, Shelf};
use super::api::{Api, Ask};
use super::{check_api, upstream};
use crate::model::Secret;
use crate::net::Net;
use crate::plan::Backoff;
use crate::publish::deliver::git::check_branch;
use crate::publish::deliver::{DeliverError, Entry, chance};

/// How a repository of GitHub is read.
#[derive(Debug, Clone)]
pub struct GitHubPlace<'a> {
    /// The network.
    pub net: &'a Net,
    /// Address of the API.
    pub api: Url,
    /// The user's token; the public may read without one.
    pub token: Option<Secret>,
    /// How often it is tried again when the network or the server fails.
    pub attempts: u32,
    /// Longest wait for a limit of requests to pass.
    pub patience: Duration,
}

impl<'a> GitHubPlace<'a> {
    /// The API, which may be sent the token.
    pub(super) fn asked(&self) -> Result<Api<'a>, DeliverError> {
        check_api(&self.api, self.token.as_ref())?;
        Ok(Api { net: self.net, base: self.api.clone(), token: self.token.clone(), patience: self.patience })
    }
}

/// The files of one commit.
#[derive(Debug)]
pub struct GitHubTree<'a> {
    api: Api<'a>,
    attempts: u32,
    owner: String,
    name: String,
    commit: String,
}

/// Whether a text is `OWNER/NAME`.
pub fn is_repository(text: &str) -> bool {
    upstream(text).is_ok()
}

impl<'a> GitHubTree<'a> {
    /// Finds the commit that a branch is at; without a name the branch that the
    /// repository has for those who do not ask for another.
    pub async fn open(
        place: &GitHubPlace<'a>,
        repository: &str,
        branch: Option<&str>,
    ) -> Result<GitHubTree<'a>, DeliverError> {
        let (api, attempts) = (place.asked()?, place.attempts);
        let (owner, name) = upstream(repository)?;
        let (owner, name) = (owner.to_owned(), name.to_owned());
        let mut tree = Self { api, attempts, owner, name, commit: String::new() };
        let branch = match branch {
            Some(branch) => branch.to_owned(),
            None => tree.default_branch(repository).await?,
        };
        check_branch(&branch)?;
        let path = ["repos", &tree.owner, &tree.name, "git", "ref", "heads", &branch];
        let ask = Ask::get(&path, format!("branch {branch} in {repository}"));
        let head: Reference = tree.patiently(async || tree.api.ask(ask.clone()).await).await?;
        tree.commit = head.object.sha;
        Ok(tree)
    }

    async fn default_branch(&self, repository: &str) -> Result<String, DeliverError> {
        let ask = Ask::get(&["repos", &self.owner, &self.name], format!("repository {repository}"));
        let shelf: Shelf = self.patiently(async || self.api.ask(ask.clone()).await).await?;
        match check_branch(&shelf.default_branch) {
            Ok(()) => Ok(shelf.default_branch),
            Err(_) => Err(self.api.protocol("a repository without a branch")),
        }
    }

    /// Reads a file of at most so many bytes; none where there is none.
    pub async fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, DeliverError> {
        let Some(found) = self.contents::<Value>(path).await? else { return Ok(None) };
        if found.is_array() {
            return Err(DeliverError::Occupied { what: format!("the folder {path}") });
        }
        let content: Content =
            serde_json::from_value(found).map_err(|error| self.api.protocol(&format!("the file {path}: {error}")))?;
        if content.kind != "file" {
            return Err(DeliverError::Occupied { what: format!("what is at {path}") });
        }
        let bytes = self.api.bytes(&content)?.filter(|bytes| bytes.len() <= limit);
        let large = || DeliverError::TooLarge { server: self.api.server(), what: format!("the file {path}"), limit };
        bytes.map(Some).ok_or_else(large)
    }

    /// What lies in a folder, nothing where there is none. GitHub lists a
    /// thousand, by name, and no more.
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>, DeliverError> {
        let Some(found) = self.contents::<Value>(path).await?.filter(Value::is_array) else { return Ok(Vec::new()) };
        let listed: Vec<Listed> =
            serde_json::from_value(found).map_err(|error| self.api.protocol(&format!("the folder {path}: {error}")))?;
        Ok(listed.into_iter().map(|listed| Entry { is_folder: listed.kind == "dir", name: listed.name }).collect())
    }

    async fn contents<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, DeliverError> {
        let repository = (self.owner.as_str(), self.name.as_str());
        self.patiently(async || self.api.contents(repository, path, &self.commit).await).await
    }

    /// Asks again when the network or the server fails, which changes nothing.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T, DeliverError>) -> Result<T, DeliverError> {
        let mut failures = 0;
        loop {
            match ask().await {
                Err(error) if error.is_passing() && failures < self.attempts => {
                    failures += 1;
                    tracing::info!("asked again after: {error}");
                    tokio::time::sleep(Backoff::default().pause(failures, None, chance())).await;
                }
                done => return done,
            }
        }
    }
}
