//! What this user has finished, so that the same command run again does
//! nothing: one small file for each path.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::cache::read_small;
use super::target::{private_folders, write_unsynced};
use super::{StoreError, hash_file, sha256};
use crate::model::http::Validators;
use crate::model::{Algorithm, Digest};
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
    /// Scheme, host and port that it came from; none in records of version 0.1.0.
    #[serde(default)]
    pub origin: Option<String>,
    /// Modification time of the file in nanoseconds since 1970.
    modified_ns: u128,
    /// What else shows a change; none until the file has its final name.
    #[serde(default)]
    identity: Option<Identity>,
}

/// What the system changes with every write, and no program can set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    device: u64,
    inode: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl Finished {
    /// Reads a record, whoever wrote it; none where the bytes are no record.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let finished: Self = serde_json::from_slice(json).ok()?;
        let is_sha256 = |digest: &Digest| digest.algorithm() == Algorithm::Sha256;
        (is_sha256(&finished.sha256) && is_sha256(&finished.url_digest)).then_some(finished)
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data")
    }
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
    /// rename of `content`, which holds it now, leaves it as it is. Once it has,
    /// [`Record::seal`] spares the next run from hashing the file.
    pub fn record(&self, path: &Path, content: &Path, download: Download) -> Result<Option<Record>, StoreError> {
        let Download { url_digest, origin, size, sha256, validators, proof } = download;
        let Some(modified_ns) = std::fs::metadata(content).ok().and_then(|metadata| modified_ns(&metadata)) else {
            return Ok(None);
        };
        let origin = Some(origin);
        let finished = Finished { url_digest, size, sha256, validators, proof, origin, modified_ns, identity: None };
        private_folders(&self.folder)?;
        let record = Record { file: self.file(path), path: path.to_owned(), finished };
        record.write()?;
        Ok(Some(record))
    }

    /// Gives the finished file at `path` another modification time, and records
    /// it again. Returns whether it had another one before.
    pub fn redate(&self, path: &Path, at: SystemTime, finished: Finished) -> Result<bool, StoreError> {
        // Windows sets times through a handle that may write, and only through such.
        let file = File::options().read(true).write(cfg!(windows)).open(path).map_err(StoreError::io("open", path))?;
        if file.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|modified| modified == at) {
            return Ok(false);
        }
        file.set_modified(at).map_err(StoreError::io("set the time of", path))?;
        let metadata = file.metadata().map_err(StoreError::io("read", path))?;
        let modified_ns = modified_ns(&metadata).unwrap_or(finished.modified_ns);
        let record =
            Record { file: self.file(path), path: path.to_owned(), finished: Finished { modified_ns, ..finished } };
        record.seal()?;
        Ok(true)
    }

    /// The record of `path`, when its content is the same as then: the file is
    /// unchanged by all that the system says of it, or has the same SHA-256.
    /// Blocks while it is hashed.
    pub fn unchanged(&self, path: &Path) -> Result<Option<Finished>, StoreError> {
        let text = read_small(&self.file(path), MOST_BYTES).ok().flatten();
        let known = text.and_then(|text| Finished::parse(&text));
        let Some((finished, metadata)) = known.zip(std::fs::metadata(path).ok()) else { return Ok(None) };
        if !metadata.is_file() || metadata.len() != finished.size {
            return Ok(None);
        }
        // A modification time can be set back by anyone who may write the file.
        let same_time = modified_ns(&metadata) == Some(finished.modified_ns);
        if same_time && finished.identity.is_some() && identity(&metadata) == finished.identity {
            return Ok(Some(finished));
        }
        let same_content = hash_file(path, [])?.contains(&finished.sha256);
        Ok(same_content.then_some(finished))
    }

    fn file(&self, path: &Path) -> PathBuf {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.folder.join(format!("{}.json", sha256(path.as_os_str().as_encoded_bytes()).hex()))
    }
}

/// A record that was made before its file had the final name.
#[derive(Debug)]
pub struct Record {
    file: PathBuf,
    path: PathBuf,
    finished: Finished,
}

impl Record {
    /// Completes the record, now that the file has its final name: the rename
    /// was the last change.
    pub fn seal(mut self) -> Result<(), StoreError> {
        self.finished.identity = std::fs::metadata(&self.path).ok().and_then(|metadata| identity(&metadata));
        if self.finished.identity.is_some() { self.write() } else { Ok(()) }
    }

    fn write(&self) -> Result<(), StoreError> {
        // A record that a power failure takes costs one refused overwrite.
        write_unsynced(&self.file, &self.finished.to_json())
    }
}

/// What the history keeps of a download.
#[derive(Debug, Clone)]
pub struct Download {
    /// SHA-256 of the URL.
    pub url_digest: Digest,
    /// Scheme, host and port of the URL.
    pub origin: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// The origin's validators.
    pub validators: Validators,
    /// On whose word the content is the origin's.
    pub proof: String,
}

fn modified_ns(metadata: &Metadata) -> Option<u128> {
    Some(metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn identity(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let (device, inode) = (metadata.dev(), metadata.ino());
    Some(Identity { device, inode, changed_s: metadata.ctime(), changed_ns: metadata.ctime_nsec() })
}

/// Without them a file is hashed each time.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A finished download of the five bytes of `hello`.
    fn finished(history: &History, path: &Path) {
        let part = path.with_extension("part");
        std::fs::write(&part, "hello").expect("writable");
        let download = Download {
            url_digest: sha256(b"url"),
            origin: "https://example.com".into(),
            size: 5,
            sha256: sha256(b"hello"),
            validators: Validators::default(),
            proof: "origin".into(),
        };
        let record = history.record(path, &part, download).expect("writable").expect("a file");
        assert_eq!(history.unchanged(path).expect("readable"), None);
        std::fs::rename(&part, path).expect("a rename");
        assert_eq!(history.unchanged(path).expect("readable").map(|finished| finished.size), Some(5));
        record.seal().expect("writable");
    }

    #[test]
    fn a_changed_file_is_not_the_finished_one() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (path, history) = (folder.path().join("f"), History::new(folder.path()));
        finished(&history, &path);
        assert_eq!(history.unchanged(&path).expect("readable").map(|finished| finished.size), Some(5));
        std::fs::write(&path, "hello!").expect("writable");
        assert_eq!(history.unchanged(&path).expect("readable"), None);
    }

    /// Edited in place, with the modification time restored.
    #[test]
    fn a_restored_time_hides_no_change() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (path, history) = (folder.path().join("f"), History::new(folder.path()));
        finished(&history, &path);
        let restore = || {
            let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
            move |path: &Path| {
                let file = File::options().write(true).open(path).expect("the file");
                file.set_modified(modified).expect("a settable time");
            }
        };
        let back = restore();
        std::fs::write(&path, "jello").expect("writable");
        back(&path);
        assert_eq!(history.unchanged(&path).expect("readable"), None);
        // The same content is the same file, whatever the clock says.
        std::fs::write(&path, "hello").expect("writable");
        assert_eq!(history.unchanged(&path).expect("readable").map(|finished| finished.size), Some(5));
    }

    #[test]
    fn a_record_of_version_0_1_0_is_read() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (path, history) = (folder.path().join("f"), History::new(folder.path()));
        finished(&history, &path);
        let file = history.file(&path);
        let text = std::fs::read(&file).expect("a record");
        let mut record: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let fields = record.as_object_mut().expect("an object");
        assert!(fields.remove("identity").is_some() && fields.remove("origin").is_some());
        std::fs::write(&file, record.to_string()).expect("writable");
        assert_eq!(history.unchanged(&path).expect("readable").map(|finished| finished.size), Some(5));
    }
}
