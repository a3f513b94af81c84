//! The bytes, and how the cache knows that they are still the same.
//!
//! A blob may share its inode with the file that the user downloaded (a hard
//! link costs nothing), so a user's edit in place edits the blob too. Each blob
//! therefore has a stamp: its length, date and inode when it was last hashed.
//! A blob that does not match its stamp is hashed again before use, and
//! dropped where it is not what its name says.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::CacheError;
use super::layout::{Layout, private_folder, read_small, remove};
use crate::model::Digest;
use crate::store::Hashes;

/// Largest stamp that is read.
const MOST_STAMP_BYTES: u64 = 4096;

/// From this size on a hard link is worth sharing an inode with the user: a
/// smaller file is copied in no time, and more likely to be edited in place.
const LINK_FROM_BYTES: u64 = 1024 * 1024;

/// A cached file, open, whose bytes were the right ones when it was opened.
/// It stays readable should another process drop it meanwhile.
#[derive(Debug)]
pub struct Blob {
    digest: Digest,
    file: File,
    stamp: Stamp,
}

impl Blob {
    /// The SHA-256 of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.stamp.len
    }

    /// The file, from its start. Whoever streams it hashes what it reads: the
    /// user may be editing the same inode.
    pub fn into_file(self) -> File {
        self.file
    }
}

/// What a file looked like when it was hashed. Neither a rename nor a change of
/// mode, owner or link count alters it; every write does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    len: u64,
    modified: Duration,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self {
            len: metadata.len(),
            modified: modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
            inode: inode(metadata),
        }
    }
}

#[cfg(unix)]
pub(super) fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

/// Length and date have to do.
#[cfg(not(unix))]
pub(super) fn inode(_: &Metadata) -> u64 {
    0
}

impl Layout {
    /// Opens a blob; `None` where there is none or it was damaged, in which
    /// case it is gone afterwards.
    pub(super) fn open_blob(&self, digest: &Digest) -> Result<Option<Blob>, CacheError> {
        let path = self.blob(digest);
        let Some(file) = open_regular(&path).map_err(CacheError::io("open", &path))? else { return Ok(None) };
        let stamp = Stamp::of(&file.metadata().map_err(CacheError::io("look at", &path))?);
        let recorded = read_small(&stamp_path(&path), MOST_STAMP_BYTES).map_err(CacheError::io("read", &path))?;
        if recorded.and_then(|json| serde_json::from_slice(&json).ok()).as_ref() == Some(&stamp) {
            return Ok(Some(Blob { digest: digest.clone(), file, stamp }));
        }
        self.hashed_blob(digest)
    }

    /// Opens a blob after hashing it, whatever its stamp says.
    pub(super) fn hashed_blob(&self, digest: &Digest) -> Result<Option<Blob>, CacheError> {
        let path = self.blob(digest);
        let Some(mut file) = open_regular(&path).map_err(CacheError::io("open", &path))? else { return Ok(None) };
        let before = Stamp::of(&file.metadata().map_err(CacheError::io("look at", &path))?);
        let found = sha256(&mut file).map_err(CacheError::io("read", &path))?;
        let after = Stamp::of(&file.metadata().map_err(CacheError::io("look at", &path))?);
        if found != *digest || before != after {
            self.remove_blob(digest)?;
            return Ok(None);
        }
        self.write_stamp(&path, &after)?;
        Ok(Some(Blob { digest: digest.clone(), file, stamp: after }))
    }

    /// Takes the bytes of `source`, which hash to `digest`, into the cache.
    pub(super) fn add_blob(&self, source: &Path, digest: &Digest) -> Result<(), CacheError> {
        let path = self.blob(digest);
        let temporary = self.temporary();
        let added = take_in(source, &temporary).map_err(CacheError::io("copy into the cache", source));
        let moved = added.and_then(|()| {
            private_folder(path.parent().expect("a blob is in a folder"))?;
            fs::rename(&temporary, &path).map_err(CacheError::io("write", &path))
        });
        // After a failure the file is still there; after a rename onto another
        // link of the same inode too, which POSIX makes a no-op.
        let _ = fs::remove_file(&temporary);
        moved?;
        let metadata = fs::symlink_metadata(&path).map_err(CacheError::io("look at", &path))?;
        self.write_stamp(&path, &Stamp::of(&metadata))
    }

    /// Gives the bytes of a blob to a new file.
    pub(super) fn copy_blob(&self, mut blob: Blob, destination: &Path) -> Result<(), CacheError> {
        let digest = blob.digest.clone();
        copy(&mut blob.file, destination).map_err(CacheError::io("copy out of the cache to", destination))?;
        let after = blob.file.metadata().map_err(CacheError::io("look at", destination))?;
        if Stamp::of(&after) != blob.stamp {
            remove(destination)?;
            self.remove_blob(&digest)?;
            return Err(CacheError::Changed(digest));
        }
        self.touch_blob(&digest);
        Ok(())
    }

    pub(super) fn remove_blob(&self, digest: &Digest) -> Result<(), CacheError> {
        let path = self.blob(digest);
        remove(&path)?;
        remove(&stamp_path(&path))
    }

    /// Notes that a blob was used. Nothing but the order of eviction hangs on
    /// it, so a failure is not worth a word.
    pub(super) fn touch_blob(&self, digest: &Digest) {
        self.set_last_used(digest, SystemTime::now());
    }

    pub(super) fn set_last_used(&self, digest: &Digest, at: SystemTime) {
        let stamp = File::options().write(true).open(stamp_path(&self.blob(digest)));
        let _ = stamp.and_then(|stamp| stamp.set_modified(at));
    }

    /// When a blob was last used.
    pub(super) fn last_used(&self, digest: &Digest) -> SystemTime {
        let stamp = fs::metadata(stamp_path(&self.blob(digest)));
        stamp.and_then(|stamp| stamp.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn write_stamp(&self, blob: &Path, stamp: &Stamp) -> Result<(), CacheError> {
        let json = serde_json::to_vec(stamp).expect("three numbers are JSON");
        self.write(&stamp_path(blob), &json)
    }
}

fn stamp_path(blob: &Path) -> PathBuf {
    blob.with_extension("json")
}

fn open_regular(path: &Path) -> io::Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => File::open(path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn sha256(file: &mut File) -> io::Result<Digest> {
    let mut hashes = Hashes::new([]);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hashes.update(&buffer[..count]),
        }
    }
    file.rewind()?;
    Ok(hashes.finish().swap_remove(0))
}

/// Shares the blocks of the source where the file system can, else its inode
/// where that pays, else copies. The bytes are on disk before the blob has its
/// name: a stamp must not vouch for what a power failure took.
fn take_in(source: &Path, destination: &Path) -> io::Result<()> {
    let mut file = File::open(source)?;
    if reflink(&file, destination).is_err() && !link(source, destination) {
        copy_bytes(&mut file, destination)?;
    }
    // Windows flushes through a handle that may write, and only through such.
    File::options().read(true).write(cfg!(windows)).open(destination)?.sync_all()
}

/// Fails, and leaves nothing behind, where blocks cannot be shared.
fn reflink(from: &File, destination: &Path) -> io::Result<()> {
    reflink_copy::reflink_file_to_path(from, destination)
}

/// Only on Unix, where the inode in the stamp tells links apart, and never of
/// a symbolic link.
fn link(source: &Path, destination: &Path) -> bool {
    let worth_it = |metadata: Metadata| metadata.is_file() && metadata.len() >= LINK_FROM_BYTES;
    cfg!(unix) && fs::symlink_metadata(source).is_ok_and(worth_it) && fs::hard_link(source, destination).is_ok()
}

/// Copies a whole file to a new one, sharing blocks where the file system can.
/// Never a hard link: an edit of the copy in place must not reach the blob, nor
/// through it the copies of others.
fn copy(from: &mut File, destination: &Path) -> io::Result<()> {
    reflink(from, destination).or_else(|_| copy_bytes(from, destination))
}

fn copy_bytes(from: &mut File, destination: &Path) -> io::Result<()> {
    from.rewind()?;
    let mut to = File::create_new(destination)?;
    io::copy(from, &mut to).map(|_| ()).inspect_err(|_| {
        let _ = fs::remove_file(destination);
    })
}
