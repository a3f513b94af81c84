//! What an interrupted download needs to go on: `NAME.turbo-state`.
//!
//! Written only after the data it vouches for is on disk, and always as a
//! whole (temporary file, sync, rename), so that a crash at any instant leaves
//! either the old journal or the new one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{StoreError, write_atomic};
use crate::model::Digest;
use crate::model::http::Validators;
use crate::plan::RangeSet;

/// Largest journal that is read. A set of ranges is small.
const LARGEST_BYTES: u64 = 16 << 20;
/// Version of the format. A reader refuses any other.
const VERSION: u32 = 1;

/// The state of one unfinished download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    v: u32,
    /// SHA-256 of the URL that was asked for: enough to recognise it, and no
    /// place for a signed query string to leak.
    pub url_digest: Digest,
    /// Length of the representation in bytes.
    pub size: u64,
    /// The origin's validators for it.
    pub validators: Validators,
    /// The bytes that are on disk.
    pub written: RangeSet,
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
    /// It is no journal, or one of another version.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
}

impl Journal {
    /// A journal of a download that has nothing yet.
    pub fn new(url_digest: Digest, size: u64, validators: Validators) -> Self {
        Self { v: VERSION, url_digest, size, validators, written: RangeSet::default() }
    }

    /// Reads the journal at `path`; none when there is no such file.
    pub fn load(path: &Path) -> Result<Option<Self>, JournalError> {
        let length = match std::fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", path)(error).into()),
        };
        if length > LARGEST_BYTES {
            return Err(JournalError::TooLarge);
        }
        let text = std::fs::read(path).map_err(StoreError::io("read", path))?;
        Self::parse(&text).map(Some)
    }

    /// Reads a journal from its text.
    pub fn parse(text: &[u8]) -> Result<Self, JournalError> {
        let journal: Self = serde_json::from_slice(text).map_err(|error| JournalError::Damaged(error.to_string()))?;
        let beyond = journal.written.iter().any(|range| range.end() > journal.size);
        if journal.v != VERSION || beyond {
            return Err(JournalError::Damaged(if beyond {
                "ranges beyond the end".into()
            } else {
                format!("version {}", journal.v)
            }));
        }
        Ok(journal)
    }

    /// Writes the journal to `path`. The data must be on disk already.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let text = serde_json::to_vec(self).expect("a journal is plain data");
        write_atomic(path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Algorithm, ByteRange};

    fn journal() -> Journal {
        let mut journal =
            Journal::new(Digest::new(Algorithm::Sha256, &[7; 32]).expect("32 bytes"), 100, Validators::default());
        journal.written.insert(ByteRange::new(10, 20));
        journal
    }

    #[test]
    fn survives_a_round_trip() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("f.turbo-state");
        assert_eq!(Journal::load(&path).expect("absence is no error"), None);
        journal().save(&path).expect("a writable folder");
        assert_eq!(Journal::load(&path).expect("just written"), Some(journal()));
    }

    #[test]
    fn refuses_what_it_cannot_vouch_for() {
        let good = serde_json::to_string(&journal()).expect("plain data");
        assert!(Journal::parse(good.as_bytes()).is_ok());
        for (from, to) in [("\"v\":1", "\"v\":2"), ("[[10,20]]", "[[10,2000]]"), ("\"size\"", "\"sise\""), ("}", "")] {
            let bad = good.replace(from, to);
            assert!(matches!(Journal::parse(bad.as_bytes()), Err(JournalError::Damaged(_))), "{bad}");
        }
    }
}
