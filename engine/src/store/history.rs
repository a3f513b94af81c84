//! What this user has finished, so that the same command run again does
//! nothing: one small file for each path.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::cache::read_small;
use super::target::{private_folders, write_unsynced};
use super::{StoreError, sha256};
use crate::model::Digest;
use crate::model::http::Validators;
use serde::{Deserialize, Serialize};

/// Largest record that is read.
const MOST_BYTES: u64 = 64 << 10;

/// A finished download, as it was when it got its final name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// SHA-256 of the URL.
    pub url_digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// The origin's validators.
    pub validators: Validators,
    /// On whose word the content is the origin's.
    pub proof: String,
    /// Modification time of the file in nanoseconds since 1970: another value
    /// means that somebody has changed it.
    modified_ns: u128,
}

/// The records of finished downloads in one folder.
#[derive(Debug, Clone)]
pub struct History {
    folder: PathBuf,
}

impl History {
    /// The history in `folder`, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.join("finished-v1") }
    }

    /// Remembers that `path` holds a finished download, or will in a moment: a
    /// rename of `content`, which holds it now, leaves it as it is.
    pub fn record(&self, path: &Path, content: &Path, download: Download) -> Result<(), StoreError> {
        let Download { url_digest, size, sha256, validators, proof } = download;
        let Some(modified_ns) = modified_ns(content) else { return Ok(()) };
        let finished = Finished { url_digest, size, sha256, validators, proof, modified_ns };
        private_folders(&self.folder)?;
        // A record that a power failure takes costs one refused overwrite.
        write_unsynced(&self.file(path), &serde_json::to_vec(&finished).expect("plain data"))
    }

    /// The record of `path`, when the file is still as it was then.
    pub fn unchanged(&self, path: &Path) -> Option<Finished> {
        let finished: Finished = serde_json::from_slice(&read_small(&self.file(path), MOST_BYTES).ok()??).ok()?;
        let metadata = std::fs::metadata(path).ok()?;
        (metadata.is_file() && metadata.len() == finished.size && modified_ns(path)? == finished.modified_ns)
            .then_some(finished)
    }

    fn file(&self, path: &Path) -> PathBuf {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.folder.join(format!("{}.json", sha256(path.as_os_str().as_encoded_bytes()).hex()))
    }
}

/// What the history keeps of a download.
#[derive(Debug, Clone)]
pub struct Download {
    /// SHA-256 of the URL.
    pub url_digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// The origin's validators.
    pub validators: Validators,
    /// On whose word the content is the origin's.
    pub proof: String,
}

fn modified_ns(path: &Path) -> Option<u128> {
    let modified: SystemTime = std::fs::metadata(path).ok()?.modified().ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_not_the_finished_one() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (path, history) = (folder.path().join("f"), History::new(folder.path()));
        std::fs::write(&path, "hello").expect("writable");
        let digest: Digest = format!("sha-256:{}", "ab".repeat(32)).parse().expect("a digest");
        let download = Download {
            url_digest: digest.clone(),
            size: 5,
            sha256: digest,
            validators: Validators::default(),
            proof: "origin".into(),
        };
        let part = folder.path().join("part");
        std::fs::rename(&path, &part).expect("a rename");
        history.record(&path, &part, download).expect("writable");
        assert_eq!(history.unchanged(&path), None);
        std::fs::rename(&part, &path).expect("a rename");
        assert_eq!(history.unchanged(&path).map(|finished| finished.size), Some(5));
        std::fs::write(&path, "hello!").expect("writable");
        assert_eq!(history.unchanged(&path), None);
    }
}
