//! The bytes, and how the cache knows that they are still the same.
//!
//! A blob shares no inode with anything that a user may edit: its blocks are
//! shared where the file system can, else they are copied. Each blob has a
//! stamp nevertheless: its length, date and inode when it was last hashed. A
//! blob that does not match its stamp is hashed again before use, and dropped
//! where it is not what its name says.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::CacheError;
use super::layout::{Layout, private_folder, read_small, remove};
use crate::model::Digest;
use crate::store::Hashes;
use crate::store::own_file::{Access, Readers, create_new, open_existing, open_plain};
use crate::store::space::free_bytes;

/// Largest stamp that is read.
const MOST_STAMP_BYTES: u64 = 4096;

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

    /// The file, from its start. Whoever streams it hashes what it reads: it may
    /// be changed meanwhile.
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

    /// The stamp of a file that nobody has hashed since it was written: no file
    /// matches it.
    fn unproven() -> Self {
        Self { len: u64::MAX, modified: Duration::ZERO, inode: 0 }
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

    /// Takes the bytes of `source`, which hash to `digest`, into the cache. They
    /// are not synced, as that would write every file to the disk twice, and so
    /// nothing vouches for them: they are hashed before they are first used.
    pub(super) fn add_blob(&self, source: &Path, digest: &Digest) -> Result<(), CacheError> {
        let path = self.blob(digest);
        let temporary = self.temporary();
        let added = take_in(source, &temporary).map_err(CacheError::io("copy into the cache", source));
        let moved = added.and_then(|()| {
            private_folder(path.parent().expect("a blob is in a folder"))?;
            fs::rename(&temporary, &path).map_err(CacheError::io("write", &path))
        });
        if moved.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        moved?;
        self.write_stamp(&path, &Stamp::unproven())
    }

    /// Gives the bytes of a blob to a new file.
    pub(super) fn copy_blob(&self, mut blob: Blob, destination: &Path) -> Result<(), CacheError> {
        let digest = blob.digest.clone();
        copy(&mut blob.file, destination, Readers::Umask)
            .map_err(CacheError::io("copy out of the cache to", destination))?;
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
        let stamp = open_existing(&stamp_path(&self.blob(digest)), Access::Write);
        if let Ok(Some(stamp)) = stamp {
            let _ = stamp.set_modified(at);
        }
    }

    /// When a blob was last used.
    pub(super) fn last_used(&self, digest: &Digest) -> SystemTime {
        let stamp = fs::symlink_metadata(stamp_path(&self.blob(digest)));
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

/// A blob that has another name, as those of earlier versions may, is none: a
/// user's edit would be an edit of it.
fn open_regular(path: &Path) -> io::Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() && !is_shared(&metadata) => open_plain(path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn is_shared(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn is_shared(_: &Metadata) -> bool {
    false
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

/// Takes a file in, for the eyes of the owner alone.
fn take_in(source: &Path, destination: &Path) -> io::Result<()> {
    copy(&mut open_plain(source)?, destination, Readers::Owner)
}

/// Copies a whole file to a new one, sharing blocks where the file system can.
/// Never a hard link: an edit of the one in place must not reach the other, and
/// two users of one inode have one mode. The copy's mode is that of any new
/// file. Nothing is left of it after a failure.
fn copy(from: &mut File, destination: &Path, readers: Readers) -> io::Result<()> {
    let mut to = create_new(destination, readers)?;
    if cfg!(not(target_vendor = "apple")) && reflink_copy::reflink_file(from, &to).is_ok() {
        return Ok(());
    }
    if cfg!(target_vendor = "apple") && clone_to(from, &to, destination).is_ok() {
        return Ok(());
    }
    copy_bytes(from, &mut to, destination).inspect_err(|_| {
        let _ = fs::remove_file(destination);
    })
}

/// A disk that is too small is not filled first: others need what it has.
fn copy_bytes(from: &mut File, to: &mut File, destination: &Path) -> io::Result<()> {
    let bytes = from.metadata()?.len();
    if free_bytes(destination).is_some_and(|free| free < bytes) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    from.rewind()?;
    to.set_len(0)?;
    io::copy(from, to).map(drop)
}

/// Where a clone needs a name that is free, and has the mode of its source.
fn clone_to(from: &File, made: &File, destination: &Path) -> io::Result<()> {
    let permissions = made.metadata()?.permissions();
    let mut name = destination.as_os_str().to_owned();
    name.push(".clone");
    let cloned = reflink_copy::reflink_file_to_path(from, &name)
        .and_then(|()| fs::set_permissions(&name, permissions))
        .and_then(|()| fs::rename(&name, destination));
    cloned.inspect_err(|_| {
        let _ = fs::remove_file(&name);
    })
}
