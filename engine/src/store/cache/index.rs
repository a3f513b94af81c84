//! What a URL answered last, and which blob that was.
//!
//! Anyone who can write to the folder may have edited an entry. A bad one is
//! removed and counts as a miss; the worst that a well-formed one can do is to
//! name another blob, which the engine verifies like any other source.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::CacheError;
use super::layout::{Layout, children, read_small, remove};
use crate::model::{Algorithm, Digest, is_shareable};
use crate::plan::freshness::StoredResponse;

/// Largest entry that is read; the fields it keeps are bounded by the header
/// section of a response.
const MOST_ENTRY_BYTES: u64 = 128 * 1024;

/// What the cache knows of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The URL, without its fragment.
    pub url: Url,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// On whose word the bytes were called the origin's when they were fetched.
    #[serde(default)]
    pub proof: String,
    /// What decides whether it still holds.
    pub response: StoredResponse,
}

impl Entry {
    /// Reads an entry, whoever wrote it; none where the bytes are no entry that
    /// this engine could have made.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(json).ok()?;
        let is_ours = entry.digest.algorithm() == Algorithm::Sha256 && indexed(&entry.url).as_ref() == Some(&entry.url);
        is_ours.then_some(entry)
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers are JSON")
    }
}

/// The URL as the index knows it, or `None` where it holds a secret: the index
/// is read by whoever backs up or lists the folder.
pub(super) fn indexed(url: &Url) -> Option<Url> {
    let mut url = url.clone();
    url.set_fragment(None);
    is_shareable(&url).then_some(url)
}

impl Layout {
    /// The entry of an indexed URL.
    pub(super) fn read_entry(&self, url: &Url) -> Result<Option<Entry>, CacheError> {
        let path = self.entry(url);
        let entry = read(&path)?.filter(|entry| entry.url == *url);
        if entry.is_none() {
            remove(&path)?;
        }
        Ok(entry)
    }

    pub(super) fn write_entry(&self, entry: &Entry) -> Result<(), CacheError> {
        self.write(&self.entry(&entry.url), &entry.to_json())
    }

    /// All entries, by URL. Removes what is no entry.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, CacheError> {
        let mut entries = Vec::new();
        for (_, path) in children(&self.index())? {
            match read(&path)?.filter(|entry| self.entry(&entry.url) == path) {
                Some(entry) => entries.push(entry),
                None => _ = fs::remove_file(&path),
            }
        }
        entries.sort_by(|left, right| left.url.cmp(&right.url));
        Ok(entries)
    }
}

/// The entry in a file, if it is one.
fn read(path: &Path) -> Result<Option<Entry>, CacheError> {
    let json = read_small(path, MOST_ENTRY_BYTES).map_err(CacheError::io("read", path))?;
    Ok(json.and_then(|json| Entry::parse(&json)))
}
