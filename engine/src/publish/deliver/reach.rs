//! Everything that a delivery may take, whatever its kind: one place that
//! knows which kind goes which way, and which way a destination is read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::git::{GitLogin, GitOptions, GitPlace, GitPush, GitTree, Remote};
use super::github::{GitHubPlace, GitHubPull, GitHubTree, is_repository};
use super::nuget::{Target, deliver_recorded, requests};
use super::oci::OciTarget;
use super::{Author, DeliverError, Submission, Tree, files, git, github, oci};
use crate::model::Secret;
use crate::model::delivery::{Delivery, GitChange, GitRoute, Nupkg};
use crate::net::Net;
use crate::publish::effect;
use crate::publish::ledger::Ledger;
use crate::publish::pack::PackedNupkg;

/// How destinations are reached.
#[derive(Debug, Clone)]
pub struct Reach<'a> {
    /// The network.
    pub net: &'a Net,
    /// Address of GitHub's API.
    pub api: Url,
    /// Where a repository `OWNER/NAME` is pushed to.
    pub web: Url,
    /// The token or API key.
    pub token: Option<Secret>,
    /// The user to name with the token when git asks.
    pub user: String,
    /// Name and address in commits. Their moment is the release's.
    pub author: Option<Author>,
    /// Who has the fork; the user of the token without it.
    pub fork: Option<String>,
    /// Folder for files beside the release.
    pub folder: Option<PathBuf>,
    /// The moment of commits, in seconds since 1970: a fixed one, so that it is
    /// one commit however often it is made.
    pub seconds: u64,
    /// What the user decided about git.
    pub git: GitOptions,
    /// A folder for clones; it is made, and removed.
    pub scratch: PathBuf,
    /// Attempts after the first one.
    pub retries: u32,
    /// Longest wait for a limit of requests to pass.
    pub patience: Duration,
}

/// What is delivered.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    /// The delivery.
    pub delivery: &'a Delivery,
    /// The package, where it is one.
    pub package: Option<&'a PackedNupkg>,
}

impl Reach<'_> {
    /// Delivers, unless it is there already. Dropped in between, it may or may
    /// not have arrived; a later call finds out.
    pub async fn deliver(&self, parcel: Parcel<'_>, ledger: &mut Ledger<'_>) -> Result<Submission, DeliverError> {
        match parcel.delivery {
            Delivery::Files { files } => files::deliver(self.folder()?, files, ledger),
            Delivery::GitChange(change) => match change.route {
                GitRoute::Push => git::deliver(&self.push(change)?, change, ledger).await,
                GitRoute::PullRequest => github::deliver(&self.pull()?, change, ledger).await,
            },
            Delivery::Nupkg(nupkg) => {
                let (source, key) = (feed(nupkg)?, self.token(&nupkg.endpoint)?);
                let target = Target { source: &source, key, retries: self.retries };
                deliver_recorded(self.net, packed(parcel.package)?, &target, ledger).await
            }
            Delivery::Oci(artifact) => oci::deliver(&self.registry(), artifact, ledger).await,
        }
    }

    /// The whole effect of [`Self::deliver`] as things are now. Servers are
    /// asked, and told nothing.
    pub async fn rehearse(&self, parcel: Parcel<'_>, ledger: &mut Ledger<'_>) -> Result<String, DeliverError> {
        match parcel.delivery {
            Delivery::Files { files } => files::dry_run(self.folder()?, files),
            Delivery::GitChange(change) => match change.route {
                GitRoute::Push => git::dry_run(&self.push(change)?, change).await,
                GitRoute::PullRequest => github::dry_run(&self.pull()?, change, ledger).await,
            },
            Delivery::Nupkg(nupkg) => {
                let told = requests(packed(parcel.package)?, &feed(nupkg)?)?;
                Ok(told + &effect::described(parcel.delivery, &[]))
            }
            Delivery::Oci(artifact) => Ok(oci::dry_run(artifact)? + &effect::described(parcel.delivery, &[])),
        }
    }

    fn folder(&self) -> Result<&Path, DeliverError> {
        let hint = "name it: --into DIR, or `folder` of the channel in turbo-release.toml";
        self.folder.as_deref().ok_or(DeliverError::Unready("files need a folder to go to", hint))
    }

    fn token(&self, server: &str) -> Result<&Secret, DeliverError> {
        self.token.as_ref().ok_or_else(|| DeliverError::NoCredential { server: server.to_owned() })
    }

    fn registry(&self) -> OciTarget<'_> {
        OciTarget { net: self.net, login: self.token.as_ref().map(|token| (self.user.as_str(), token)) }
    }

    fn push(&self, change: &GitChange) -> Result<GitPush<'_>, DeliverError> {
        let hint = "give it: --author 'NAME <MAIL>', or `author` of the channel in turbo-release.toml";
        let author = self.author.clone().ok_or(DeliverError::Unready("a commit needs somebody's name", hint))?;
        let author = Author { seconds: self.seconds, ..author };
        Ok(GitPush { place: self.place(&change.repository)?, author, attempts: self.retries + 1 })
    }

    fn pull(&self) -> Result<GitHubPull<'_>, DeliverError> {
        Ok(GitHubPull {
            net: self.net,
            api: self.api.clone(),
            token: self.token(self.api.host_str().unwrap_or_default())?.clone(),
            fork_owner: self.fork.clone(),
            author: self.author.as_ref().map(|author| (author.name.clone(), author.email.clone())),
            seconds: self.seconds,
            attempts: self.retries,
            patience: self.patience,
        })
    }
}

impl<'a> Reach<'a> {
    /// The files of a repository, all of one commit: `OWNER/NAME` is asked from
    /// GitHub's API, anything else is cloned.
    pub async fn tree(&self, repository: &str, branch: Option<&str>) -> Result<Tree<'a>, DeliverError> {
        if !is_repository(repository) {
            return Ok(Tree::Git(Box::new(GitTree::open(self.place(repository)?, branch).await?)));
        }
        let place = GitHubPlace {
            net: self.net,
            api: self.api.clone(),
            token: self.token.clone(),
            attempts: self.retries,
            patience: self.patience,
        };
        Ok(Tree::GitHub(Box::new(GitHubTree::open(&place, repository, branch).await?)))
    }

    fn place(&self, repository: &str) -> Result<GitPlace<'a>, DeliverError> {
        Ok(GitPlace {
            net: self.net,
            remote: Remote::parse(repository, &self.web)?,
            login: self.token.clone().map(|password| GitLogin { user: self.user.clone(), password }),
            options: self.git.clone(),
            scratch: self.scratch.clone(),
        })
    }
}

fn feed(nupkg: &Nupkg) -> Result<Url, DeliverError> {
    let hint = "write https://HOST as `endpoint` of the channel";
    nupkg.endpoint.parse().map_err(|_| DeliverError::Unready("the feed of the package is no URL", hint))
}

fn packed(package: Option<&PackedNupkg>) -> Result<&PackedNupkg, DeliverError> {
    let hint = "`turbo-engine publish pack` makes a package, `publish push` pushes it";
    package.ok_or(DeliverError::Unready("a package is packed before it is pushed", hint))
}
