//! What an interrupted download needs to go on: `NAME.turbo-state`.
//!
//! Written only after the data it vouches for is on disk, and always as a
//! whole (temporary file, sync, rename), so that a crash at any instant leaves
//! either the old journal or the new one. Every run of bytes has a checksum:
//! what a disk has lost or changed since is found before it is built upon.
//!
//! Versions: 1 had no checksums. Neither reader takes the other's journal; it
//! says so and the download starts over. Fields that came later may be missing;
//! a reader that does not know one takes the journal for damaged.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::own_file::{Access, open_existing};
use super::runs::{Run, Runs, RunsError};
use super::target::write_by_way_of;
use super::{StoreError, remove};
use crate::model::Digest;
use crate::model::http::Validators;

/// Largest journal that is read. Two thousand runs take 70 KB.
const LARGEST_BYTES: u64 = 16 << 20;
/// Version of the format. A reader refuses any other.
const VERSION: u32 = 2;

/// The state of one unfinished download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// SHA-256 of the URL that was asked for: enough to recognise it, and no
    /// place for a signed query string to leak.
    pub url_digest: Digest,
    /// SHA-256 of the server's scheme, name and port, within which validators
    /// mean something; none in journals of earlier versions.
    pub origin_digest: Option<Digest>,
    /// A digest that the complete bytes turned out not to have.
    pub refuted: Option<Digest>,
    /// Length of the representation in bytes.
    pub size: u64,
    /// The origin's validators for it.
    pub validators: Validators,
    /// The bytes that are on disk.
    pub runs: Runs,
}

/// The part of every version that tells them apart.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

/// The text of a journal.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u32,
    url_digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin_digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refuted: Option<Digest>,
    size: u64,
    validators: Validators,
    block_bytes: u64,
    /// In order: first byte, one past the last byte, checksum.
    runs: Vec<Run>,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is larger than any journal.
    #[error("the journal is too large")]
    TooLarge,
    /// It is no journal.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// Another version of this program wrote it.
    #[error("the journal has format {0}, and this version reads format {VERSION} alone")]
    OtherVersion(u32),
}

impl Journal {
    /// A journal of a download that has nothing yet.
    pub fn new(url_digest: Digest, size: u64, validators: Validators) -> Self {
        Self { url_digest, origin_digest: None, refuted: None, size, validators, runs: Runs::of_size(size) }
    }

    /// Reads the journal at `path`; none when there is no such file.
    pub fn load(path: &Path) -> Result<Option<Self>, JournalError> {
        let Some(file) = open_existing(path, Access::Read)? else { return Ok(None) };
        let mut text = Vec::new();
        file.take(LARGEST_BYTES + 1).read_to_end(&mut text).map_err(StoreError::io("read", path))?;
        if text.len() as u64 > LARGEST_BYTES {
            return Err(JournalError::TooLarge);
        }
        Self::parse(&text).map(Some)
    }

    /// Reads a journal from its text.
    pub fn parse(text: &[u8]) -> Result<Self, JournalError> {
        let damaged = |error: serde_json::Error| JournalError::Damaged(error.to_string());
        let Versioned { v } = serde_json::from_slice(text).map_err(damaged)?;
        if v != VERSION {
            return Err(JournalError::OtherVersion(v));
        }
        let Stored { v: _, url_digest, origin_digest, refuted, size, validators, block_bytes, runs: stored } =
            serde_json::from_slice(text).map_err(damaged)?;
        let damaged = |error: RunsError| JournalError::Damaged(error.to_string());
        let mut runs = Runs::new(block_bytes).map_err(damaged)?;
        stored.into_iter().try_for_each(|run| runs.push(run)).map_err(damaged)?;
        if runs.end() > size {
            return Err(JournalError::Damaged("bytes beyond the end".into()));
        }
        Ok(Self { url_digest, origin_digest, refuted, size, validators, runs })
    }

    /// The text of the journal.
    pub fn text(&self) -> Vec<u8> {
        let stored = Stored {
            v: VERSION,
            url_digest: self.url_digest.clone(),
            origin_digest: self.origin_digest.clone(),
            refuted: self.refuted.clone(),
            size: self.size,
            validators: self.validators.clone(),
            block_bytes: self.runs.block_bytes(),
            runs: self.runs.iter().collect(),
        };
        serde_json::to_vec(&stored).expect("a journal is plain data")
    }

    /// Writes the text of a journal to `path`. The data must be on disk already.
    ///
    /// Only for who has locked the part: the temporary file has one name, so
    /// that those who are killed here leave one file at most, and not for long.
    pub fn save(text: &[u8], path: &Path) -> Result<(), StoreError> {
        write_by_way_of(&temporary(path), path, text)
    }

    /// Removes the journal at `path`, and what a killed process left of a newer
    /// one. Tells whether there was one.
    pub(super) fn remove(path: &Path) -> bool {
        remove(&temporary(path));
        std::fs::remove_file(path).is_ok()
    }
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Algorithm, ByteRange};

    fn journal() -> Journal {
        let digest = Digest::new(Algorithm::Sha256, &[7; 32]).expect("32 bytes");
        let mut journal = Journal::new(digest, 100, Validators::default());
        journal.runs.append(10, b"0123456789");
        journal
    }

    #[test]
    fn survives_a_round_trip() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("f.turbo-state");
        assert_eq!(Journal::load(&path).expect("absence is no error"), None);
        Journal::save(&journal().text(), &path).expect("a writable folder");
        assert_eq!(Journal::load(&path).expect("just written"), Some(journal()));
        assert!(Journal::remove(&path));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn refuses_what_it_cannot_vouch_for() {
        let good = String::from_utf8(journal().text()).expect("JSON");
        assert!(Journal::parse(good.as_bytes()).is_ok());
        let changes = [
            ("[[10,20,", "[[10,2000,"),
            ("[[10,20,", "[[20,10,"),
            ("[[10,20,", "[[1,9,7],[9,20,"),
            ("\"block_bytes\":1048576", "\"block_bytes\":1000000"),
            ("\"size\"", "\"sise\""),
            ("}", ""),
        ];
        for (from, to) in changes {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from} is not in it");
            assert!(matches!(Journal::parse(bad.as_bytes()), Err(JournalError::Damaged(_))), "{bad}");
        }
    }

    /// The first format, which this version must recognise to say what is wrong.
    #[test]
    fn names_another_version() {
        let first = format!(r#"{{"v":1,"url_digest":"sha-256:{}","size":9,"written":[[0,5]]}}"#, "07".repeat(32));
        let error = Journal::parse(first.as_bytes()).expect_err("another format");
        assert_eq!(error.to_string(), "the journal has format 1, and this version reads format 2 alone");
    }

    #[test]
    fn a_journal_of_a_large_file_is_small() {
        let mut journal = Journal::new(journal().url_digest, 8 << 30, Validators::default());
        let block = journal.runs.block_bytes();
        for start in (0..8 << 30).step_by(usize::try_from(block).expect("a small block")) {
            let run = Run { range: ByteRange::new(start, start + block), checksum: u32::MAX };
            journal.runs.push(run).expect("in order");
        }
        let bytes = journal.text().len();
        assert!(bytes < 100_000, "{bytes}");
    }
}
