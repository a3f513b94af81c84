//! How much room a folder takes, and how much it has left.

use std::fs;
use std::path::Path;

use super::own_file::{Readers, create_new, probe_in};
use super::{StoreError, create_folder, remove};

/// What nearly every file system allows.
const LONGEST_NAME: usize = 255;

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
    create_folder(folder)?;
    let probe = probe_in(folder);
    create_new(&probe, Readers::Owner).map_err(StoreError::io("create", &probe))?;
    remove(&probe);
    Ok(())
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
    // Some file systems have no such number, and call themselves empty.
    let found = rustix::fs::statvfs(folder).ok().filter(|found| found.f_blocks > 0)?;
    // What a file system holds back it holds back for root.
    let is_root = super::own_file::effective_user() == 0;
    let blocks = if is_root { found.f_bfree } else { found.f_bavail };
    blocks.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
pub(super) fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Most bytes of a name in a folder, which need not exist yet.
#[cfg(unix)]
pub fn longest_name(folder: &Path) -> usize {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let told = rustix::fs::statvfs(there).ok().and_then(|found| usize::try_from(found.f_namemax).ok());
    // Linux allows no more anywhere, and FAT counts in another unit.
    told.filter(|most| (64..LONGEST_NAME).contains(most)).unwrap_or(LONGEST_NAME)
}

/// Windows counts characters, which are no more than bytes.
#[cfg(not(unix))]
pub fn longest_name(_: &Path) -> usize {
    LONGEST_NAME
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
