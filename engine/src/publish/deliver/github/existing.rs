//! What is there already: a pull request for the same thing, or the thing
//! itself.

use serde::de::DeserializeOwned;
use sha1::{Digest as _, Sha1};

use super::Flow;
use super::answers::{Content, Found, Pull};
use super::api::{Api, Ask};
use crate::publish::deliver::DeliverError;

/// How the titles of winget's pull requests begin that add or change a version
/// (its removal is another matter).
const PREFIXES: [&str; 6] =
    ["New version", "New package", "Update version", "Add version", "Update", "Automatic update"];

/// The part of a title that names what it is about.
pub(super) fn subject(title: &str) -> String {
    let known =
        title.split_once(": ").filter(|(prefix, _)| PREFIXES.iter().any(|known| known.eq_ignore_ascii_case(prefix)));
    let subject = known.map_or(title, |(_, subject)| subject);
    subject.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The name that git gives to a file's content.
pub(super) fn blob_name(content: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()));
    hash.update(content);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Flow<'_, '_> {
    /// The open pull request from our own branch.
    pub(super) async fn own_pull(&self, owner: &str) -> Result<Option<Pull>, DeliverError> {
        let (upstream_owner, name) = self.upstream;
        let mut ask = Ask::get(&["repos", upstream_owner, name, "pulls"], "the open pull requests");
        ask.query = vec![
            ("state", "open".into()),
            ("base", self.change.base.clone()),
            ("head", format!("{owner}:{}", self.branch)),
        ];
        let pulls: Vec<Pull> = self.api().ask(ask).await?;
        Ok(pulls.into_iter().next())
    }

    /// The URL of anybody's open pull request for the same package and version.
    pub(super) async fn others_pull(&self) -> Result<Option<String>, DeliverError> {
        let (owner, name) = self.upstream;
        let wanted = subject(&self.change.title);
        let words = wanted.replace(['"', '\\'], " ");
        let mut ask = Ask::get(&["search", "issues"], "the open pull requests");
        ask.query =
            vec![("q", format!("repo:{owner}/{name} is:pr is:open in:title \"{words}\"")), ("per_page", "50".into())];
        let found: Found = self.api().ask(ask).await?;
        let same = found.items.into_iter().find(|pull| subject(&pull.title) == wanted);
        Ok(same.map(|pull| pull.html_url))
    }

    /// Whether a commit upstream has every file as it is to be, and none that
    /// is to go. The first difference ends the search.
    pub(super) async fn is_merged(&self, commit: &str) -> Result<bool, DeliverError> {
        for file in &self.change.writes {
            let standing = self.content(&file.path, commit).await?;
            if standing.map(|standing| standing.sha) != Some(blob_name(&file.content)) {
                return Ok(false);
            }
        }
        for path in &self.change.deletes {
            if self.content(path, commit).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A file of a commit upstream.
    pub(super) async fn content(&self, path: &str, commit: &str) -> Result<Option<Content>, DeliverError> {
        self.api().contents(self.upstream, path, commit).await
    }
}

impl Api<'_> {
    /// What a commit has at a path: a file as [`Content`], a folder as a list.
    pub(super) async fn contents<T: DeserializeOwned>(
        &self,
        (owner, name): (&str, &str),
        path: &str,
        commit: &str,
    ) -> Result<Option<T>, DeliverError> {
        let mut ask = Ask::get(&["repos", owner, name, "contents", path], format!("the file {path}"));
        ask.query = vec![("ref", commit.to_owned())];
        self.look(ask).await
    }

    /// The bytes of a file; none of one that is too large for an answer.
    pub(super) fn bytes(&self, content: &Content) -> Result<Option<Vec<u8>>, DeliverError> {
        content.bytes().map_err(|_| self.protocol("a file that is no base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_one_version_are_about_the_same() {
        let same = ["New version: A.B version 1.0", "new package:  A.B version 1.0", "Update: a.b version 1.0"];
        assert!(same.iter().all(|title| subject(title) == "a.b version 1.0"));
        assert_ne!(subject("Remove version: A.B version 1.0"), "a.b version 1.0");
        assert_eq!(subject("tool: Update to version 1.0"), "tool: update to version 1.0");
    }

    #[test]
    fn content_is_named_as_git_names_it() {
        assert_eq!(blob_name(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
