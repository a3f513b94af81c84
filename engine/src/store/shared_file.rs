//! Small files that several processes may add to at once: the totals, the
//! limits of hosts.
//!
//! What is in it is not this module's business. The key invariant: an update
//! sees the whole of the last one, whichever process made it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::{CacheError, LockWait, UrlLock, lock_file, private_folder, private_root, read_small};
use super::own_file::{Readers, create_anew};

/// Largest file that is read. What is kept is bounded far below.
const MOST_BYTES: u64 = 1 << 20;
/// Longest wait for another process, which needs about a millisecond. What is
/// kept here is not worth more of a user's time.
const PATIENCE: Duration = Duration::from_secs(1);

/// A small file of one cache folder.
#[derive(Debug, Clone)]
pub struct SharedFile {
    root: PathBuf,
    folder: &'static str,
    name: &'static str,
}

impl SharedFile {
    /// The totals of all downloads in the cache folder `root`, which need not exist.
    pub fn totals(root: &Path) -> Self {
        Self { root: root.to_owned(), folder: "stats-v1", name: "totals.json" }
    }

    /// The connection limits that hosts have shown, likewise.
    pub fn host_limits(root: &Path) -> Self {
        Self { root: root.to_owned(), folder: "hosts-v1", name: "limits.json" }
    }

    /// Its bytes, where there is such a file.
    pub fn read(&self) -> Result<Option<Vec<u8>>, CacheError> {
        let path = self.path();
        read_small(&path, MOST_BYTES).map_err(CacheError::io("read", &path))
    }

    /// Replaces its bytes by what `change` makes of them, while every other
    /// process waits.
    pub fn update(&self, change: impl FnOnce(Option<Vec<u8>>) -> Vec<u8>) -> Result<(), CacheError> {
        let _lock = self.lock()?;
        let path = self.path();
        // The lock makes one name enough. Nothing is synced: after a power
        // failure the file may begin anew, and no download waits for a disk.
        let temporary = path.with_extension("tmp");
        let content = change(self.read()?);
        let written = create_anew(&temporary, Readers::Owner).and_then(|mut file| file.write_all(&content));
        written.and_then(|()| fs::rename(&temporary, &path)).map_err(CacheError::io("write", &path))
    }

    /// Removes it.
    pub fn remove(&self) -> Result<(), CacheError> {
        let path = self.path();
        let _lock = self.lock()?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CacheError::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> Result<UrlLock, CacheError> {
        private_root(&self.root)?;
        private_folder(&self.folder())?;
        let path = self.folder().join("lock");
        let wait = LockWait { at_most: PATIENCE, cancelled: &|| false };
        lock_file(&path, wait)?.ok_or_else(|| CacheError::io("lock", &path)(io::ErrorKind::WouldBlock.into()))
    }

    fn folder(&self) -> PathBuf {
        self.root.join(self.folder)
    }

    fn path(&self) -> PathBuf {
        self.folder().join(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn count(bytes: Option<Vec<u8>>) -> u64 {
        bytes.map_or(0, |bytes| String::from_utf8(bytes).unwrap().parse().unwrap())
    }

    #[test]
    fn no_update_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = SharedFile::totals(&folder.path().join("cache"));
        assert_eq!(file.read().unwrap(), None);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..6 {
                        file.update(|bytes| (count(bytes) + 1).to_string().into_bytes()).unwrap();
                    }
                });
            }
        });
        assert_eq!(count(file.read().unwrap()), 4 * 6);
        file.remove().unwrap();
        assert_eq!(file.read().unwrap(), None);
        file.remove().unwrap();
    }

    #[test]
    fn a_folder_that_is_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("stats-v1"), "").unwrap();
        let file = SharedFile::totals(folder.path());
        assert!(matches!(file.update(|_| Vec::new()), Err(CacheError::NotAFolder(_))));
    }
}
