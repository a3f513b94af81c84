//! The file that a download grows in, beside its final name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::own_file::{Readers, open_own};
use super::space::free_bytes;
use super::{Hashes, StoreError};
use crate::model::{Algorithm, ByteRange, Digest};

/// Unit in which a file is read.
const READ_BYTES: usize = 256 * 1024;

/// The data of an unfinished download: `NAME.turbo-part`.
///
/// Holds an exclusive lock for as long as it is open, so that two processes
/// never write one file. Positioned reads and writes need no shared cursor.
///
/// A part may be none at all: what is written to it is gone at once, for a
/// stream that is taken in order where nothing can be kept.
#[derive(Debug)]
pub struct Part {
    file: Option<File>,
    path: PathBuf,
}

impl Part {
    /// Opens the part at `path`, empty unless `keep` asks for what is there. What
    /// is there must be a plain file of this user's own.
    pub fn open(path: &Path, keep: Keep) -> Result<Self, StoreError> {
        let file = open_own(path, Readers::Umask)?;
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => return Err(StoreError::Busy(path.to_owned())),
            // Some network file systems cannot lock; a lock is a courtesy there.
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => {}
        }
        // Between opening and locking another process may have finished: then
        // this handle is the file under the final name.
        if !is_at(&file, path) {
            return Err(StoreError::Busy(path.to_owned()));
        }
        if keep == Keep::Nothing {
            file.set_len(0).map_err(StoreError::io("truncate", path))?;
        }
        Ok(Self { file: Some(file), path: path.to_owned() })
    }

    /// A part that keeps nothing.
    pub fn unstaged() -> Self {
        Self { file: None, path: PathBuf::new() }
    }

    /// Whether what is written can be read again.
    pub fn is_staged(&self) -> bool {
        self.file.is_some()
    }

    /// Where it is; nowhere when nothing is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its final length, without writing zeros.
    pub fn set_len(&self, bytes: u64) -> Result<(), StoreError> {
        self.with_file("resize", |file| file.set_len(bytes))
    }

    /// Checks, before anything is fetched, that the disk has room for a file of
    /// so many bytes. Where the system does not say, nothing is known.
    pub fn check_room(&self, bytes: u64) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        let needed_bytes = bytes.saturating_sub(held_bytes(file).unwrap_or(0));
        match free_bytes(&self.path) {
            Some(free_bytes) if free_bytes < needed_bytes => {
                Err(StoreError::NoRoom { path: self.path.clone(), needed_bytes, free_bytes })
            }
            _ => Ok(()),
        }
    }

    /// Takes the room of the whole file from the disk now. Where the file system
    /// cannot, nothing happens: a sparse file grows as it is written.
    pub fn reserve(&self, bytes: u64) -> Result<(), StoreError> {
        // Some file systems fill the disk before they find that it is too small,
        // and leave it so.
        self.check_room(bytes)?;
        self.with_file("reserve the space of", |file| match allocate(file, bytes) {
            Err(error) if cannot_allocate(&error) => Ok(()),
            result => result,
        })
    }

    /// Writes all of `bytes` at `offset`.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        self.with_file("write", |file| write_all_at(file, bytes, offset))
    }

    /// Fills `buffer` from `offset`.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), StoreError> {
        let Some(file) = &self.file else {
            return Err(StoreError::io("read", &self.path)(io::ErrorKind::Unsupported.into()));
        };
        read_exact_at(file, buffer, offset).map_err(StoreError::io("read", &self.path))
    }

    fn with_file(&self, action: &'static str, work: impl FnOnce(&File) -> io::Result<()>) -> Result<(), StoreError> {
        self.file.as_ref().map_or(Ok(()), work).map_err(StoreError::io(action, &self.path))
    }

    /// The digests of the first `bytes` bytes, SHA-256 first. Reads through the
    /// handle that holds the lock: on Windows no other may.
    pub fn hash(&self, bytes: u64, others: impl IntoIterator<Item = Algorithm>) -> Result<Vec<Digest>, StoreError> {
        let mut hashes = Hashes::new(others);
        self.read(ByteRange::new(0, bytes), |piece| hashes.update(piece))?;
        Ok(hashes.finish())
    }

    /// The checksum of a run of bytes, as the journal keeps it.
    pub fn checksum(&self, range: ByteRange) -> Result<u32, StoreError> {
        let mut checksum = crc32fast::Hasher::new();
        self.read(range, |piece| checksum.update(piece))?;
        Ok(checksum.finalize())
    }

    /// Passes the bytes of `range` on, a buffer at a time.
    fn read(&self, range: ByteRange, mut each: impl FnMut(&[u8])) -> Result<(), StoreError> {
        let step = |position| usize::try_from(range.end() - position).unwrap_or(usize::MAX).min(READ_BYTES);
        let (mut position, mut buffer) = (range.start(), vec![0; step(range.start())]);
        while position < range.end() {
            let piece = &mut buffer[..step(position)];
            self.read_at(piece, position)?;
            each(piece);
            position += piece.len() as u64;
        }
        Ok(())
    }

    /// Lets others read the file by its path, which only Windows forbids while
    /// it is locked. Nothing may be written afterwards.
    pub fn release(&self) {
        #[cfg(windows)]
        let _ = self.file.as_ref().map(File::unlock);
    }

    /// Waits until the data is on the disk.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.with_file("sync", File::sync_data)
    }

    /// Gives the file a modification time. Nothing may be written afterwards.
    pub fn set_modified(&self, at: std::time::SystemTime) -> Result<(), StoreError> {
        self.with_file("set the time of", |file| file.set_modified(at))
    }

    /// Gives the complete file its final name, atomically, and makes the
    /// rename itself durable where the platform can.
    pub fn commit(&self, name: &Path) -> Result<(), StoreError> {
        self.sync()?;
        // What has taken its place since is somebody else's.
        if self.file.as_ref().is_some_and(|file| !is_at(file, &self.path)) {
            return Err(StoreError::Busy(self.path.clone()));
        }
        std::fs::rename(&self.path, name).map_err(StoreError::io("create", name))?;
        sync_directory(name);
        Ok(())
    }

    /// Removes the file.
    pub fn discard(self) {
        // Nothing depends on it: a part without a journal is never resumed.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What an opened part keeps of an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every byte.
    Everything,
    /// No byte.
    Nothing,
}

/// Whether a part takes its room from the disk before it is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preallocate {
    /// It grows as it is written.
    #[default]
    None,
    /// It takes all of it.
    Full,
}

/// Makes a rename inside the directory of `path` durable. Best effort: not
/// every file system can sync a directory.
pub(super) fn sync_directory(path: &Path) {
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Whether `path` still names the open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let named = std::fs::symlink_metadata(path).map(identity);
    named.is_ok_and(|named| file.metadata().is_ok_and(|open| identity(open) == named))
}

/// An open file cannot be renamed where handles do not share that right.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd"))]
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let allocate = || rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes);
    Ok(rustix::io::retry_on_intr(allocate)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd")))]
fn allocate(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What a file takes of the disk.
#[cfg(unix)]
fn held_bytes(file: &File) -> io::Result<u64> {
    // In units of 512 bytes, whatever the block size (POSIX stat.h).
    Ok(std::os::unix::fs::MetadataExt::blocks(&file.metadata()?) * 512)
}

#[cfg(not(unix))]
fn held_bytes(_: &File) -> io::Result<u64> {
    Ok(0)
}

/// Whether the file system, not the disk, is the reason.
fn cannot_allocate(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}
