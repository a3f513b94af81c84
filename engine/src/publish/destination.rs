//! Where a channel's deliveries go, as it is now. It is read, and never
//! changed; a server is first asked when something is read.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tokio::runtime::Runtime;

use super::deliver::{DeliverError, Entry, Reach, Tree};
use crate::model::excerpt::excerpt;
use crate::model::{ExitCode, Explain};
use crate::store::{StoreError, list_below, read_below};

/// Most entries of a local folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// A destination as it is now.
#[derive(Debug)]
pub enum Destination<'a> {
    /// One that nothing can be read from, or in which nothing is yet.
    Empty,
    /// A folder, which may stand for something else.
    Folder(PathBuf),
    /// A repository on a server.
    Repository(Box<Repository<'a>>),
}

/// A repository on a server. Everything is read from one commit of it, the one
/// that the branch is at when it is first read.
#[derive(Debug)]
pub struct Repository<'a> {
    name: String,
    branch: Option<String>,
    reach: Reach<'a>,
    waiting: Waiting<'a>,
    tree: OnceCell<Tree<'a>>,
}

/// How code that blocks waits for a server.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// Drives the requests.
    pub runtime: &'a Runtime,
    /// Comes to its end when the user ends the work.
    pub interrupted: fn() -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Why a destination cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server did not give what was asked for.
    #[error("the destination {repository} cannot be read")]
    Repository {
        /// The repository.
        repository: String,
        /// Why.
        source: Box<DeliverError>,
    },
}

impl Explain for DestinationError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Repository { source, .. } => source.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Repository { source, .. } => reading_hint(source),
        }
    }
}

/// Nothing is written here, whatever the hints of deliveries say.
fn reading_hint(error: &DeliverError) -> Option<String> {
    Some(match error {
        DeliverError::Interrupted => "run the same command again; nothing was sent".into(),
        DeliverError::Unauthorized { .. } => {
            "the token may be wrong, expired or revoked: make a new one, and check `credential` of the channel".into()
        }
        DeliverError::Forbidden { needs: Some(needs), .. } => {
            format!("the token may not read there; any of these permissions would do: {needs}")
        }
        DeliverError::Forbidden { .. } => "the token may not read there, or was not made for this repository".into(),
        DeliverError::NotFound { .. } => {
            "check `repository` and `base` of the channel; a private repository is shown to a `credential` alone".into()
        }
        DeliverError::RateLimited { .. } => {
            "wait so long; with a token as `credential` of the channel, more requests are allowed".into()
        }
        DeliverError::Rejected { .. } | DeliverError::Git { .. } => {
            "check that `repository` of the channel has a branch with something in it; -v shows more".into()
        }
        DeliverError::Occupied { .. } | DeliverError::TooLarge { .. } => {
            "no generator can go on from that: look at what is there".into()
        }
        other => return other.hint(),
    })
}

impl Destination<'_> {
    /// Reads a file of at most so many bytes; none where there is none. Blocks.
    pub fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, DestinationError> {
        match self {
            Self::Empty => Ok(None),
            Self::Folder(folder) => Ok(read_below(folder, Path::new(path), limit)?),
            Self::Repository(repository) => repository.wait(repository.tree()?.read(path, limit)),
        }
    }

    /// What lies in a folder; nothing where there is none. Blocks.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, DestinationError> {
        match self {
            Self::Empty => Ok(Vec::new()),
            Self::Folder(folder) => {
                let found = list_below(folder, Path::new(path), MOST_ENTRIES)?;
                Ok(found.into_iter().map(|(name, is_folder)| Entry { name, is_folder }).collect())
            }
            Self::Repository(repository) => repository.wait(repository.tree()?.list(path)),
        }
    }
}

impl<'a> Repository<'a> {
    /// A branch of a repository, its own default without a name. Asks nobody.
    pub fn new(name: &str, branch: Option<&str>, reach: Reach<'a>, waiting: Waiting<'a>) -> Self {
        let (name, branch) = (name.to_owned(), branch.map(str::to_owned));
        Self { name, branch, reach, waiting, tree: OnceCell::new() }
    }

    fn tree(&self) -> Result<&Tree<'a>, DestinationError> {
        if let Some(tree) = self.tree.get() {
            return Ok(tree);
        }
        let tree = self.wait(self.reach.tree(&self.name, self.branch.as_deref()))?;
        Ok(self.tree.get_or_init(|| tree))
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, DeliverError>>) -> Result<T, DestinationError> {
        let done = self.waiting.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = (self.waiting.interrupted)() => Err(DeliverError::Interrupted),
            }
        });
        // What is no repository may be a URL with a password in it.
        let is_shown = |error: &DeliverError| !matches!(error, DeliverError::Repository { .. });
        done.map_err(|source| DestinationError::Repository {
            repository: if is_shown(&source) { excerpt(&self.name) } else { "of the channel".into() },
            source: Box::new(source),
        })
    }
}
