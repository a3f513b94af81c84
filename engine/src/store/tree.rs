//! Files that a user's project has: what is there, and files of any size read
//! in pieces.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::StoreError;

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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
