//! A file that only ever grows: each addition is on disk before the next step
//! is taken, and one process adds at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::own_file::{Obstacle, check_replaceable, check_way};
use super::part::sync_directory;

/// The file, locked against other processes until dropped.
#[derive(Debug)]
pub struct AppendLog {
    file: File,
    path: PathBuf,
}

impl AppendLog {
    /// Opens or begins a log, and gives what stands in it, of at most `limit`
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] when another process has it open.
    pub fn open(path: &Path, limit: usize) -> Result<(Self, Vec<u8>), StoreError> {
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        check_replaceable(path)?;
        check_way(path)?;
        // A pipe that took its place meanwhile must not be waited for.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
        );
        let mut file = options.open(path).map_err(StoreError::io("open", path))?;
        if let Some(what) = Obstacle::of(&file.metadata().map_err(StoreError::io("look at", path))?) {
            return Err(StoreError::Obstacle { action: "add to", path: path.to_owned(), what });
        }
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(path.to_owned()),
            TryLockError::Error(source) => StoreError::io("lock", path)(source),
        })?;
        if is_new {
            sync_directory(path);
        }
        let mut content = Vec::new();
        Read::by_ref(&mut file)
            .take(limit as u64 + 1)
            .read_to_end(&mut content)
            .map_err(StoreError::io("read", path))?;
        if content.len() > limit {
            return Err(StoreError::TooLarge { path: path.to_owned(), limit });
        }
        Ok((Self { file, path: path.to_owned() }, content))
    }

    /// Adds bytes, and returns once they are on disk.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let added = self.file.seek(io::SeekFrom::End(0)).and_then(|_| self.file.write_all(bytes));
        added.and_then(|()| self.file.sync_data()).map_err(StoreError::io("write", &self.path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_and_has_one_writer() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("log");
        let (mut log, before) = AppendLog::open(&path, 9).expect("a new log");
        assert!(before.is_empty());
        log.append(b"one\n").expect("writable");
        assert!(matches!(AppendLog::open(&path, 9), Err(StoreError::InUse(_))));
        drop(log);
        let (mut log, before) = AppendLog::open(&path, 9).expect("free again");
        assert_eq!(before, b"one\n");
        log.append(b"two\nthree\n").expect("writable");
        drop(log);
        assert!(matches!(AppendLog::open(&path, 9), Err(StoreError::TooLarge { .. })));
    }
}
