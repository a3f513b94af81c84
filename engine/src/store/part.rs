//! The file that a download grows in, beside its final name.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::StoreError;

/// The data of an unfinished download: `NAME.turbo-part`.
///
/// Holds an exclusive lock for as long as it is open, so that two processes
/// never write one file. Positioned reads and writes need no shared cursor.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
}

impl Part {
    /// Opens the part at `path`, empty unless `keep` asks for what is there.
    pub fn open(path: &Path, keep: Keep) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(StoreError::io("create", path))?;
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => return Err(StoreError::Busy(path.to_owned())),
            // Some network file systems cannot lock; a lock is a courtesy there.
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => {}
        }
        if keep == Keep::Nothing {
            file.set_len(0).map_err(StoreError::io("truncate", path))?;
        }
        Ok(Self { file, path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its final length, without writing zeros.
    pub fn set_len(&self, bytes: u64) -> Result<(), StoreError> {
        self.file.set_len(bytes).map_err(StoreError::io("resize", &self.path))
    }

    /// Writes all of `bytes` at `offset`.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        write_all_at(&self.file, bytes, offset).map_err(StoreError::io("write", &self.path))
    }

    /// Fills `buffer` from `offset`.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), StoreError> {
        read_exact_at(&self.file, buffer, offset).map_err(StoreError::io("read", &self.path))
    }

    /// Waits until the data is on the disk.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(StoreError::io("sync", &self.path))
    }

    /// Gives the complete file its final name, atomically, and makes the
    /// rename itself durable where the platform can.
    pub fn commit(&self, name: &Path) -> Result<(), StoreError> {
        self.sync()?;
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
