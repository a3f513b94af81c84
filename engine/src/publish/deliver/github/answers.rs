//! The parts of GitHub's answers that are read.

use serde::Deserialize;

/// A user.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub login: String,
    pub id: u64,
}

/// A repository.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Repository {
    pub full_name: String,
    #[serde(default)]
    pub fork: bool,
    pub parent: Option<Parent>,
    pub source: Option<Parent>,
}

/// A repository, to those who want to read it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shelf {
    pub default_branch: String,
}

/// What a repository is a fork of.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Parent {
    pub full_name: String,
}

impl Repository {
    /// Whether it is a fork of this one, directly or not.
    pub(super) fn is_fork_of(&self, full_name: &str) -> bool {
        let is_it = |parent: &Option<Parent>| {
            parent.as_ref().is_some_and(|parent| parent.full_name.eq_ignore_ascii_case(full_name))
        };
        self.fork && (is_it(&self.parent) || is_it(&self.source))
    }
}

/// A reference.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    pub object: Object,
}

/// Something that has a name by content.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Object {
    pub sha: String,
}

/// A commit.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Commit {
    pub sha: String,
    pub tree: Object,
    pub parents: Vec<Object>,
}

/// A file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Content {
    /// `file`, or what else stands there: `symlink`, `submodule`.
    #[serde(default, rename = "type")]
    pub kind: String,
    pub sha: String,
    #[serde(default)]
    #[serde(rename = "content")]
    pub text: String,
    #[serde(default)]
    pub encoding: String,
}

/// One of those that lie in a folder.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
}

/// A pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    pub number: u64,
    pub html_url: String,
    pub state: String,
    pub head: Object,
}

/// What a search found.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Found {
    pub items: Vec<FoundPull>,
}

/// One of the pull requests that a search found.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct FoundPull {
    pub title: String,
    pub html_url: String,
}
