//! Keeping the cache in its bounds and its bytes honest.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs;
use std::sync::PoisonError;
use std::time::SystemTime;

use super::layout::{STALE, children, made_at};
use super::{Cache, CacheError, Entry};
use crate::model::{Algorithm, Digest};

/// An entry as `list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What the cache knows of the URL.
    pub entry: Entry,
    /// When its bytes were last used.
    pub last_used: SystemTime,
}

/// What `verify` found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Blobs that are what their names say.
    pub sound: usize,
    /// Blobs that were not, and are gone.
    pub dropped: Vec<Digest>,
}

/// What an eviction freed. Bytes that a blob shares with another file stay on
/// disk with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freed {
    /// Blobs removed.
    pub blobs: usize,
    /// Their length together.
    pub bytes: u64,
    /// Length of the blobs that stay.
    pub left_bytes: u64,
}

/// One blob as its folder shows it.
struct Kept {
    digest: Digest,
    bytes: u64,
    last_used: SystemTime,
}

impl Cache {
    /// The entries whose bytes are here, by URL. Their bytes are not read.
    pub fn list(&self) -> Result<Vec<Listed>, CacheError> {
        let entries = self.layout.entries()?.into_iter();
        let here = entries.filter(|entry| self.layout.blob(&entry.digest).exists());
        Ok(here.map(|entry| Listed { last_used: self.layout.last_used(&entry.digest), entry }).collect())
    }

    /// Length of all blobs together.
    pub fn bytes(&self) -> Result<u64, CacheError> {
        Ok(self.kept()?.iter().map(|kept| kept.bytes).sum())
    }

    /// Hashes every blob and drops those that are damaged.
    pub fn verify(&self) -> Result<Verified, CacheError> {
        let mut verified = Verified::default();
        for kept in self.kept()? {
            // Hashing is no use: the order of eviction stays as it was.
            if self.layout.hashed_blob(&kept.digest)?.is_some() {
                self.layout.set_last_used(&kept.digest, kept.last_used);
                verified.sound += 1;
            } else {
                verified.dropped.push(kept.digest);
            }
        }
        self.settle()?;
        Ok(verified)
    }

    /// Evicts what was not used for longest until the cache is within its size,
    /// and removes what killed processes left behind.
    pub fn gc(&self) -> Result<Freed, CacheError> {
        for (name, path) in children(&self.layout.temp())? {
            let age = made_at(&name).and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_none_or(|age| age > STALE) {
                let _ = fs::remove_file(path);
            }
        }
        self.layout.drop_old_locks()?;
        let freed = self.evict(self.max_bytes)?;
        self.settle()?;
        Ok(freed)
    }

    /// Removes all blobs and entries.
    pub fn clear(&self) -> Result<Freed, CacheError> {
        let mut freed = Freed::default();
        for blob in self.kept()? {
            self.remove(&blob, &mut freed)?;
        }
        self.settle()?;
        Ok(freed)
    }

    /// Evicts what was not used for longest until at most `keep_bytes` are left.
    pub(super) fn evict(&self, keep_bytes: u64) -> Result<Freed, CacheError> {
        let mut kept = self.kept()?;
        kept.sort_by_key(|kept| Reverse(kept.last_used));
        let mut freed = Freed { left_bytes: kept.iter().map(|kept| kept.bytes).sum(), ..Freed::default() };
        while freed.left_bytes > keep_bytes
            && let Some(oldest) = kept.pop()
        {
            freed.left_bytes -= oldest.bytes;
            self.remove(&oldest, &mut freed)?;
        }
        Ok(freed)
    }

    fn remove(&self, blob: &Kept, freed: &mut Freed) -> Result<(), CacheError> {
        self.layout.remove_blob(&blob.digest)?;
        freed.blobs += 1;
        freed.bytes += blob.bytes;
        Ok(())
    }

    /// Removes entries whose blob is gone, and has the next insertion count anew.
    fn settle(&self) -> Result<(), CacheError> {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let kept: HashSet<Digest> = self.kept()?.into_iter().map(|kept| kept.digest).collect();
        for entry in self.layout.entries()?.iter().filter(|entry| !kept.contains(&entry.digest)) {
            let _ = fs::remove_file(self.layout.entry(&entry.url));
        }
        Ok(())
    }

    fn kept(&self) -> Result<Vec<Kept>, CacheError> {
        let mut kept = Vec::new();
        for (prefix, folder) in children(&self.layout.blobs())? {
            if !folder.is_dir() {
                continue;
            }
            for (rest, path) in children(&folder)? {
                // Stamps, and whatever else is no digest, fail to parse here.
                let Ok(digest) = Digest::from_hex(Algorithm::Sha256, &format!("{prefix}{rest}")) else { continue };
                let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
                kept.push(Kept { last_used: self.layout.last_used(&digest), bytes: metadata.len(), digest });
            }
        }
        Ok(kept)
    }
}
