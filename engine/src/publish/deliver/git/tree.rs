//! The files of a repository as one commit has them, in the private clone that
//! pushes work in as well: one commit deep, and files fetched as they are read.

use super::check_branch;
use super::place::{GitPlace, Service};
use super::repository::Repository;
use crate::publish::deliver::{DeliverError, Entry};
use crate::store::ScratchFolder;

/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// The files of one commit.
#[derive(Debug)]
pub struct GitTree<'a> {
    place: GitPlace<'a>,
    repository: Repository,
    commit: String,
    /// Holds the clone, and removes it at the end.
    _scratch: ScratchFolder,
}

impl<'a> GitTree<'a> {
    /// Fetches the commit that a branch is at; without a name the branch that
    /// the repository has for those who do not ask for another.
    pub async fn open(place: GitPlace<'a>, branch: Option<&str>) -> Result<GitTree<'a>, DeliverError> {
        branch.map_or(Ok(()), check_branch)?;
        let scratch = ScratchFolder::create(&place.scratch)?;
        let repository = place.begin(&scratch).await?;
        let commit = match branch {
            Some(branch) => place.fetch(&repository, branch, Service::Read).await?,
            None => place.explained(repository.fetch("HEAD").await, Service::Read).await?,
        };
        Ok(Self { place, repository, commit, _scratch: scratch })
    }

    /// Reads a file of at most so many bytes; none where there is none.
    pub async fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, DeliverError> {
        let listed = self.repository.listed(&self.commit, &[path]).await?;
        let Some(found) = listed.first() else { return Ok(None) };
        if !found.mode.starts_with("100") {
            return Err(DeliverError::Occupied { what: format!("what is at {path}") });
        }
        let bytes = self.place.explained(self.repository.blob(&found.object).await, Service::Read).await?;
        if bytes.len() > limit {
            let server = self.place.remote.server.clone();
            return Err(DeliverError::TooLarge { server, what: format!("the file {path}"), limit });
        }
        Ok(Some(bytes))
    }

    /// What lies in a folder; nothing where there is none.
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>, DeliverError> {
        let folder = format!("{path}/");
        let listed = self.repository.listed(&self.commit, &[&folder]).await?;
        let entries = listed.into_iter().take(MOST_ENTRIES).filter_map(|found| {
            let name = found.path.strip_prefix(&folder)?.to_owned();
            Some(Entry { name, is_folder: found.mode == "040000" })
        });
        Ok(entries.collect())
    }
}
