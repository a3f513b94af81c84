//! Files that a user's project has: what is there, whole trees below a folder,
//! and files of any size read in pieces.
//!
//! What lies below a folder is named by others (a component, an archive): a
//! path that leaves it, or goes through a link, is refused.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Component, Path, PathBuf};

use super::StoreError;
use super::target::{create_folder, read_bounded, write_atomic};

/// A file that is read in pieces.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// Whether an ordinary file is there.
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether a folder is there.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Opens a file to read it in pieces, and tells its length.
pub fn open_file(path: &Path) -> Result<(Box<dyn ReadSeek>, u64), StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let length = file.metadata().map_err(StoreError::io("read", path))?.len();
    Ok((Box::new(io::BufReader::with_capacity(64 << 10, file)), length))
}

/// The files that a pattern with `*`, `?` and `**` names, sorted. Of more than
/// `most` the rest is left out.
pub fn matching(pattern: &str, most: usize) -> Result<Vec<PathBuf>, glob::PatternError> {
    let found = glob::glob(pattern)?.filter_map(Result::ok).filter(|path| path.is_file());
    Ok(found.take(most).collect())
}

/// Reads a file below a folder by its relative path; none, when there is none.
pub fn read_below(folder: &Path, relative: &str, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
    let path = below(folder, relative)?;
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => read_bounded(&path, limit).map(Some),
        Ok(_) => Err(outside(&path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}

/// Writes a file below a folder by its relative path, with the folders on the way.
pub fn write_below(folder: &Path, relative: &str, content: &[u8]) -> Result<PathBuf, StoreError> {
    let path = below(folder, relative)?;
    if let Some(parent) = path.parent() {
        create_folder(parent)?;
    }
    write_atomic(&path, content)?;
    Ok(path)
}

/// The path below a folder, if it stays there.
fn below(folder: &Path, relative: &str) -> Result<PathBuf, StoreError> {
    let mut path = folder.to_owned();
    for part in Path::new(relative).components() {
        let Component::Normal(name) = part else { return Err(outside(&folder.join(relative))) };
        if path != folder && fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(outside(&path));
        }
        path.push(name);
    }
    Ok(path)
}

fn outside(path: &Path) -> StoreError {
    let refused = io::Error::new(io::ErrorKind::InvalidInput, "the path leaves its folder");
    StoreError::io("use", path)(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_reached_outside_the_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("in");
        fs::create_dir(&folder).unwrap();
        fs::write(scratch.path().join("secret"), "s").unwrap();
        write_below(&folder, "a/b.txt", b"x").unwrap();
        assert_eq!(read_below(&folder, "a/b.txt", 9).unwrap().as_deref(), Some(&b"x"[..]));
        assert_eq!(read_below(&folder, "a/c.txt", 9).unwrap(), None);
        for path in ["../secret", "a/../../secret", "/etc/passwd", "a"] {
            assert!(read_below(&folder, path, 9).is_err(), "{path}");
        }
        assert!(write_below(&folder, "../other", b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("in");
        fs::create_dir(&folder).unwrap();
        fs::write(scratch.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(scratch.path(), folder.join("up")).unwrap();
        std::os::unix::fs::symlink(scratch.path().join("secret"), folder.join("link")).unwrap();
        assert!(read_below(&folder, "up/secret", 9).is_err());
        assert!(read_below(&folder, "link", 9).is_err());
        assert!(write_below(&folder, "up/other", b"x").is_err());
    }

    #[test]
    fn patterns_name_files() {
        let scratch = tempfile::tempdir().unwrap();
        for name in ["b.zip", "a.zip", "c.txt"] {
            fs::write(scratch.path().join(name), name).unwrap();
        }
        let pattern = scratch.path().join("*.zip");
        let found = matching(&pattern.to_string_lossy(), 10).unwrap();
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.zip", "b.zip"]);
    }
}
