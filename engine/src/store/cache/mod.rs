//! Downloads that need not be made again.
//!
//! Files are kept by the SHA-256 of their bytes, so that every mirror and every
//! job shares them, and URLs point to them with what decides on freshness. Two
//! invariants: what the cache hands out was hashed since it was last written
//! to, and damage is a miss, never an error.
//!
//! Everything here blocks; async code calls it on a blocking thread.

mod blob;
mod error;
mod index;
mod layout;
mod lock;
mod upkeep;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

pub use self::blob::Blob;
pub use self::error::CacheError;
pub use self::index::Entry;
pub use self::lock::{LockWait, UrlLock};
pub use self::upkeep::{Freed, Listed, Verified};

pub(super) use self::layout::{private_folder, private_root, read_small};
pub(super) use self::lock::lock as lock_file;

use self::layout::Layout;
use crate::model::{Algorithm, Digest};

/// A cache folder. Processes and threads may share one.
#[derive(Debug, Clone)]
pub struct Cache {
    layout: Layout,
    max_bytes: u64,
    /// Length of all blobs when they were last counted, plus what was inserted
    /// since, so that not every insertion lists the folder. Insertions of other
    /// processes are missing in it until the next count.
    counted: Arc<Mutex<Option<u64>>>,
}

/// An entry with its bytes.
#[derive(Debug)]
pub struct Hit {
    /// What the URL answered, and whether that still holds.
    pub entry: Entry,
    /// The bytes.
    pub blob: Blob,
}

/// What became of a file that was offered to the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// It is in the cache now, or was before.
    Kept,
    /// It alone is larger than the cache may become.
    TooLarge,
}

impl Cache {
    /// Opens a cache, and makes its folders where they are missing. It holds
    /// `max_bytes` at most, and evicts what was not used for longest.
    pub fn open(folder: &Path, max_bytes: u64) -> Result<Self, CacheError> {
        Ok(Self { layout: Layout::create(folder)?, max_bytes, counted: Arc::default() })
    }

    /// What the cache has of a URL. Never anything where the URL holds a secret
    /// (see [`is_shareable`](crate::model::is_shareable)).
    ///
    /// Whether it may be used is for
    /// [`StoredResponse::freshness`](crate::plan::freshness::StoredResponse::freshness)
    /// to say.
    pub fn lookup(&self, url: &Url) -> Result<Option<Hit>, CacheError> {
        let Some(url) = index::indexed(url) else { return Ok(None) };
        let Some(entry) = self.layout.read_entry(&url)? else { return Ok(None) };
        match self.layout.open_blob(&entry.digest)?.filter(|blob| blob.size() == entry.size) {
            Some(blob) => Ok(Some(Hit { entry, blob })),
            None => self.forget(&url).map(|()| None),
        }
    }

    /// The bytes of a SHA-256 digest, wherever they came from.
    pub fn by_digest(&self, digest: &Digest) -> Result<Option<Blob>, CacheError> {
        if digest.algorithm() == Algorithm::Sha256 { self.layout.open_blob(digest) } else { Ok(None) }
    }

    /// Takes a copy of a file whose bytes the caller has just hashed to
    /// `digest`, with shared blocks where the file system can. Best done before
    /// the file has a name by which somebody could edit it.
    pub fn insert(&self, file: &Path, digest: &Digest) -> Result<Insertion, CacheError> {
        if digest.algorithm() != Algorithm::Sha256 {
            return Err(CacheError::Algorithm(digest.algorithm().name()));
        }
        let size = std::fs::metadata(file).map_err(CacheError::io("look at", file))?.len();
        if size > self.max_bytes {
            return Ok(Insertion::TooLarge);
        }
        if self.layout.open_blob(digest)?.is_some() {
            self.layout.touch_blob(digest);
            return Ok(Insertion::Kept);
        }
        self.layout.add_blob(file, digest)?;
        self.make_room(size)?;
        Ok(Insertion::Kept)
    }

    /// Evicts once an insertion took the cache over its size.
    fn make_room(&self, inserted_bytes: u64) -> Result<(), CacheError> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = match *counted {
            Some(total) => total + inserted_bytes,
            None => self.bytes()?,
        };
        if total > self.max_bytes {
            // A tenth at once, so that a full cache need not evict each time,
            // but not the file that was just inserted.
            let keep_bytes = (self.max_bytes - self.max_bytes / 10).max(inserted_bytes);
            total = self.evict(keep_bytes)?.left_bytes;
        }
        *counted = Some(total);
        Ok(())
    }

    /// Notes what a URL answered, after [`Cache::insert`] or after a 304. Does
    /// nothing where the URL holds a secret.
    pub fn remember(&self, entry: Entry) -> Result<(), CacheError> {
        match index::indexed(&entry.url) {
            Some(url) => self.layout.write_entry(&Entry { url, ..entry }),
            None => Ok(()),
        }
    }

    /// Drops what a URL answered; the bytes stay for their digest.
    pub fn forget(&self, url: &Url) -> Result<(), CacheError> {
        index::indexed(url).map_or(Ok(()), |url| layout::remove(&self.layout.entry(&url)))
    }

    /// Writes the bytes to `destination`, which must not exist, and counts that
    /// as a use. The copy shares blocks with the cache where the file system
    /// can, but never an inode: it may be edited freely. Nothing is left of it
    /// after a failure.
    pub fn copy_out(&self, blob: Blob, destination: &Path) -> Result<(), CacheError> {
        self.layout.copy_blob(blob, destination)
    }

    /// Counts a use that was no [`Cache::copy_out`].
    pub fn touch(&self, blob: &Blob) {
        self.layout.touch_blob(blob.digest());
    }

    /// The right to fetch a URL, so that others wait and then find the file
    /// here; `None` where the wait ended first, and then it is best to fetch
    /// all the same.
    pub fn lock(&self, url: &Url, wait: LockWait<'_>) -> Result<Option<UrlLock>, CacheError> {
        let mut url = url.clone();
        url.set_fragment(None);
        lock::lock(&self.layout.lock(&url), wait)
    }

    /// The process that fetches `url` at the moment, where that is known.
    pub fn holder(&self, url: &Url) -> Option<u32> {
        let mut url = url.clone();
        url.set_fragment(None);
        lock::holder(&self.layout.lock(&url))
    }
}

#[cfg(test)]
mod tests;
