//! The files of a repository as one commit has them, whoever serves them. They
//! are read, and never changed.

use super::DeliverError;
use super::git::GitTree;
use super::github::GitHubTree;

/// The files of one commit.
#[derive(Debug)]
pub enum Tree<'a> {
    /// Asked from GitHub's API.
    GitHub(Box<GitHubTree<'a>>),
    /// In a clone of ours.
    Git(Box<GitTree<'a>>),
}

/// One of those that lie in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder itself.
    pub is_folder: bool,
}

impl Tree<'_> {
    /// Reads a file of at most so many bytes; none where there is none.
    pub async fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, DeliverError> {
        match self {
            Self::GitHub(tree) => tree.read(path, limit).await,
            Self::Git(tree) => tree.read(path, limit).await,
        }
    }

    /// What lies in a folder; nothing where there is none.
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>, DeliverError> {
        match self {
            Self::GitHub(tree) => tree.list(path).await,
            Self::Git(tree) => tree.list(path).await,
        }
    }
}
