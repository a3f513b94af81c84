//! How much room a folder takes, and how much it has left.

use std::fs;
use std::path::Path;

use super::{StoreError, remove, reserve_private_file};

/// The room of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Length of all files below it together.
    pub used_bytes: u64,
    /// What its file system still gives this user; none where the system does
    /// not say.
    pub free_bytes: Option<u64>,
}

/// Measures a folder. What cannot be read counts as nothing.
pub fn space(folder: &Path) -> Space {
    Space { used_bytes: used_bytes(folder), free_bytes: free_bytes(folder) }
}

/// Checks that a folder takes new files. Makes it where it is missing.
pub fn check_writable(folder: &Path) -> Result<(), StoreError> {
    reserve_private_file(folder).map(|path| remove(&path))
}

fn used_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let length = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => used_bytes(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    entries.flatten().map(length).sum()
}

/// What the file system of a path still gives this user; none where the system
/// does not say.
#[cfg(unix)]
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
pub(super) fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_below() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("one"), [0; 10]).unwrap();
        fs::write(folder.path().join("a/b/two"), [0; 5]).unwrap();
        let space = space(folder.path());
        assert_eq!(space.used_bytes, 15);
        assert!(space.free_bytes.is_some() || cfg!(not(unix)));
    }

    #[test]
    fn a_check_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("new");
        check_writable(&inner).unwrap();
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 0);
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(check_writable(&folder.path().join("file")).is_err());
    }
}
