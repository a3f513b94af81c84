//! Folders that a user names, read without following any link: nothing outside
//! of them is ever reached.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::own_file::open_plain;

/// Deepest folder within a folder.
const MOST_DEPTH: usize = 32;

/// A plain file below a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Relative to the folder, separated by `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
}

/// The plain files below a folder, sorted, `most` of them at most. A link or a
/// device anywhere in it is an error: who packs a folder means what lies in it.
pub fn list_folder(folder: &Path, most: usize) -> Result<Vec<Listed>, StoreError> {
    let mut files = Vec::new();
    let mut pending = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((directory, prefix, depth)) = pending.pop() {
        let unfit = |path: PathBuf, why| StoreError::Unfit { path, why };
        if depth > MOST_DEPTH {
            return Err(unfit(directory, "lies too deep"));
        }
        let entries = std::fs::read_dir(&directory).map_err(StoreError::io("read the directory", &directory))?;
        for entry in entries {
            let entry = entry.map_err(StoreError::io("read the directory", &directory))?;
            let path = entry.path();
            // Of the entry itself, not of what a link leads to.
            let metadata = entry.metadata().map_err(StoreError::io("read", &path))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(unfit(path, "has a name that is no text"));
            };
            let relative = format!("{prefix}{name}");
            if metadata.is_symlink() {
                return Err(unfit(path, "is a link"));
            } else if metadata.is_dir() {
                pending.push((path, format!("{relative}/"), depth + 1));
            } else if metadata.is_file() {
                files.push(Listed { path: relative, bytes: metadata.len() });
            } else {
                return Err(unfit(path, "is no plain file"));
            }
            if files.len() + pending.len() > most {
                return Err(unfit(folder.to_owned(), "holds too many files"));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a plain file of at most `limit` bytes; a link in its place is refused.
pub fn read_plain(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let unfit = |why| Err(StoreError::Unfit { path: path.to_owned(), why });
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        return unfit("is a link");
    }
    if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return unfit("is no plain file");
    }
    // Opened so that neither a link nor a pipe can take its place meanwhile.
    let file = open_plain(path).map_err(StoreError::io("open", path))?;
    let metadata = file.metadata().map_err(StoreError::io("read", path))?;
    let size = usize::try_from(metadata.len().min(limit)).unwrap_or(0);
    let mut content = Vec::with_capacity(size);
    file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(StoreError::io("read", path))?;
    if content.len() as u64 > limit {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        return Err(StoreError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(content)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("a")).unwrap();
        std::fs::write(path("a/b"), "12").unwrap();
        std::fs::write(path("c"), "").unwrap();
        let listed = list_folder(folder.path(), 10).unwrap();
        assert_eq!(listed, [("a/b", 2), ("c", 0)].map(|(path, bytes)| Listed { path: path.into(), bytes }));
        assert!(matches!(list_folder(folder.path(), 1), Err(StoreError::Unfit { .. })));
        assert_eq!(read_plain(&path("a/b"), 2).unwrap(), b"12");
        assert!(matches!(read_plain(&path("a/b"), 1), Err(StoreError::TooLarge { .. })));
        symlink("/etc", path("a/link")).unwrap();
        assert!(matches!(list_folder(folder.path(), 10), Err(StoreError::Unfit { .. })));
        symlink(path("c"), path("d")).unwrap();
        assert!(matches!(read_plain(&path("d"), 10), Err(StoreError::Unfit { .. })));
    }
}
