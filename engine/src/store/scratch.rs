//! A folder that nobody else can read, and files, that do not outlive their use.

use std::fs;
use std::path::{Path, PathBuf};

use super::StoreError;

/// The folder; dropping it removes it with all that it holds.
#[derive(Debug)]
pub struct ScratchFolder {
    path: PathBuf,
}

impl ScratchFolder {
    /// Makes the folder anew. What a killed process left there is removed.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        // `remove_dir_all` follows no link, so that nothing else is removed.
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove the folder", path)(error));
            }
            _ => {}
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            super::create_folder(parent)?;
        }
        let builder = &mut fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
        builder.create(path).map_err(StoreError::io("create the folder", path))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What stays is removed by the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A file that does not outlive its use; dropping this removes it.
#[derive(Debug)]
pub struct ScratchFile(PathBuf);

impl ScratchFile {
    /// Takes a file over.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        super::remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_empty_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("deep/scratch");
        fs::create_dir_all(path.join("left")).expect("writable");
        let scratch = ScratchFolder::create(&path).expect("writable");
        assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 0);
        drop(scratch);
        assert!(!path.exists());
    }
}
