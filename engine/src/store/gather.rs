//! Reads a folder of small files, for whoever wants to look at all of them.
//!
//! The way leads down only: a link is not followed, a hidden folder not
//! entered, and depth, number and length have limits, because a folder may be
//! anybody's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::StoreError;

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub struct GatherLimits {
    /// Folders below the first.
    pub depth: usize,
    /// Files in all, those included whose content is not read.
    pub files: usize,
    /// Bytes of one file; of a longer one, one more than these are read.
    pub file_bytes: usize,
}

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// Below the folder as it was named.
    pub path: PathBuf,
    /// Its content; nothing where it was not wanted.
    pub content: Vec<u8>,
}

/// The files of a folder and below, sorted by path, with the content of those
/// that are wanted.
pub fn gather(folder: &Path, wanted: fn(&Path) -> bool, limits: GatherLimits) -> Result<Vec<Gathered>, StoreError> {
    let mut found = Vec::new();
    collect(folder, wanted, limits, &mut found)?;
    Ok(found)
}

fn collect(
    folder: &Path,
    wanted: fn(&Path) -> bool,
    limits: GatherLimits,
    found: &mut Vec<Gathered>,
) -> Result<(), StoreError> {
    // An empty path is the folder of a bare file name.
    let named = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let too_many = || StoreError::TooMany { path: folder.to_owned(), limit: limits.files };
    let mut entries = Vec::new();
    for entry in fs::read_dir(named).map_err(StoreError::io("read the folder", named))? {
        entries.push(entry.map_err(StoreError::io("read the folder", named))?);
        if entries.len() > limits.files {
            return Err(too_many());
        }
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().map_err(StoreError::io("read", &path))?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && !is_hidden && limits.depth > 0 {
            collect(&path, wanted, GatherLimits { depth: limits.depth - 1, ..limits }, found)?;
        } else if kind.is_file() {
            if found.len() >= limits.files {
                return Err(too_many());
            }
            let content = if wanted(&path) { read_start(&path, limits.file_bytes)? } else { Vec::new() };
            found.push(Gathered { path, content });
        }
    }
    Ok(())
}

/// A file up to one byte more than `limit`, which tells that it is longer.
pub fn read_start(path: &Path, limit: usize) -> Result<Vec<u8>, StoreError> {
    let file = fs::File::open(path).map_err(StoreError::io("open", path))?;
    let mut content = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, limit as u64 + 1), &mut content)
        .map_err(StoreError::io("read", path))?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GatherLimits = GatherLimits { depth: 2, files: 4, file_bytes: 3 };

    fn write(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "12345").unwrap();
        }
    }

    fn names(folder: &Path) -> Vec<(String, usize)> {
        let is_text = |path: &Path| path.extension().is_some_and(|extension| extension == "txt");
        let name = |file: &Gathered| file.path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
        let found = gather(folder, is_text, LIMITS).unwrap();
        found.iter().map(|file| (name(file), file.content.len())).collect()
    }

    #[test]
    fn goes_down_within_its_limits() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &["b/c.txt", "a.bin", "b/d/e.txt", "b/d/f/too-deep.txt", ".git/hidden.txt"]);
        let wanted = [("a.bin", 0), ("b/c.txt", 4), ("b/d/e.txt", 4)];
        assert_eq!(names(folder.path()), wanted.map(|(name, bytes)| (name.to_owned(), bytes)));
        write(folder.path(), &["g", "h"]);
        assert!(matches!(gather(folder.path(), |_| true, LIMITS), Err(StoreError::TooMany { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn follows_no_link() {
        let (folder, secret) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(secret.path(), &["secret.txt"]);
        std::os::unix::fs::symlink(secret.path(), folder.path().join("folder")).unwrap();
        std::os::unix::fs::symlink(secret.path().join("secret.txt"), folder.path().join("file.txt")).unwrap();
        assert!(names(folder.path()).is_empty());
    }
}
