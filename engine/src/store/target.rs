//! Where a download goes, and what already stands there.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::part::{Part, sync_directory};
use super::{Journal, JournalError, Keep, StoreError};

/// What to do when the final name exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IfExists {
    /// Leave a finished file alone, continue a journalled one, refuse any other.
    #[default]
    Resume,
    /// Leave whatever is there alone.
    Skip,
    /// Replace it once the new file is complete and verified.
    Overwrite,
    /// Fail.
    Fail,
}

/// A final name and the two files that stand beside it until it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    name: PathBuf,
}

impl Target {
    /// The target `name`, in an existing directory or one that can be made.
    pub fn new(name: PathBuf) -> Result<Self, StoreError> {
        if name.is_dir() {
            return Err(StoreError::IsDirectory(name));
        }
        if let Some(directory) = name.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(StoreError::io("create the directory", directory))?;
        }
        Ok(Self { name })
    }

    /// The final name.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Where the data grows.
    pub fn part(&self) -> PathBuf {
        self.beside(".turbo-part")
    }

    /// Where the journal is.
    pub fn state(&self) -> PathBuf {
        self.beside(".turbo-state")
    }

    /// Whether something carries the final name.
    pub fn exists(&self) -> bool {
        self.name.symlink_metadata().is_ok()
    }

    /// Length of what carries the final name.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        Ok(std::fs::metadata(&self.name).map_err(StoreError::io("read", &self.name))?.len())
    }

    /// Removes what an unfinished download left. Only for who has locked the part.
    pub fn discard_unfinished(&self) {
        self.discard_journal();
        // What cannot be removed has no journal and is overwritten.
        let _ = std::fs::remove_file(self.part());
    }

    /// Removes the journal, for good: a part without one is never resumed.
    pub fn discard_journal(&self) {
        if Journal::remove(&self.state()) {
            sync_directory(&self.name);
        }
    }

    /// Removes a journal that has lost its part: whoever is killed right after
    /// the rename to the final name leaves one.
    pub fn tidy(&self) {
        if !self.part().exists() {
            self.discard_journal();
        }
    }

    /// Sets part and journal aside for a version that may prove wrong. Only while
    /// nobody has locked the part.
    pub fn set_aside(&self) {
        // What cannot be kept is lost as it would have been without.
        if std::fs::rename(self.part(), aside(&self.part())).is_ok() {
            let _ = std::fs::rename(self.state(), aside(&self.state()));
            sync_directory(&self.name);
        }
    }

    /// Puts back what was set aside, if anything was, in the place of what is there.
    pub fn restore_aside(&self) {
        let (part, state) = (aside(&self.part()), aside(&self.state()));
        if part.exists() && state.exists() && std::fs::rename(&part, self.part()).is_ok() {
            let _ = std::fs::rename(&state, self.state());
            sync_directory(&self.name);
        }
    }

    /// Removes what was set aside.
    pub fn discard_aside(&self) {
        remove(&aside(&self.part()));
        remove(&aside(&self.state()));
    }

    /// Whether aria2 has left its control file: then the file may have holes.
    pub fn control_file(&self) -> Option<PathBuf> {
        Some(self.beside(".aria2")).filter(|path| path.exists())
    }

    /// The journal of an earlier run, when its data is there as well. How much
    /// of that is still what the journal says has yet to be checked.
    pub fn journal(&self) -> Result<Option<Journal>, JournalError> {
        if self.part().exists() { Journal::load(&self.state()) } else { Ok(None) }
    }

    /// Checks, before anything is fetched, that the directory takes new files
    /// and that no other process downloads to the same name.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        let part = self.part();
        if part.exists() {
            return Part::open(&part, Keep::Everything).map(drop);
        }
        // Under a name of its own: nobody may lock what is about to vanish.
        let probe = self.beside(&format!(".turbo-probe-{}", std::process::id()));
        File::create(&probe).map_err(StoreError::io("create", &part))?;
        remove(&probe);
        Ok(())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(self.name.as_os_str());
        name.push(suffix);
        PathBuf::from(name)
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push("-old");
    PathBuf::from(name)
}

/// Writes a whole file so that a reader sees the old content or the new, never
/// a part: temporary file, sync, rename.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    write_by_way_of(&temporary(path), path, content)
}

/// [`write_atomic`] with a temporary file of this name.
pub(super) fn write_by_way_of(temporary: &Path, path: &Path, content: &[u8]) -> Result<(), StoreError> {
    replace(temporary, path, content, File::sync_data)?;
    sync_directory(path);
    Ok(())
}

/// Like [`write_atomic`], but after a power failure the file may be the old one
/// or damaged: for what can be done without.
pub(super) fn write_unsynced(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    replace(&temporary(path), path, content, |_| Ok(()))
}

fn temporary(path: &Path) -> PathBuf {
    let mut temporary = OsString::from(path.as_os_str());
    temporary.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(temporary)
}

/// Puts a file in the place of another once `settle` is content with it.
fn replace(
    temporary: &Path,
    path: &Path,
    content: &[u8],
    settle: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), StoreError> {
    let written = File::create(temporary).and_then(|mut file| {
        file.write_all(content)?;
        settle(&file)
    });
    let renamed = written.and_then(|()| std::fs::rename(temporary, path));
    if let Err(error) = renamed {
        remove(temporary);
        return Err(StoreError::io("write", path)(error));
    }
    Ok(())
}

/// Puts a file that another program wrote, `from`, in the place of `path`, whose
/// permissions it gets.
pub fn replace_by(from: &Path, path: &Path) -> Result<(), StoreError> {
    let settled = std::fs::metadata(path)
        .and_then(|metadata| std::fs::set_permissions(from, metadata.permissions()))
        .and_then(|()| File::open(from)?.sync_all())
        .and_then(|()| std::fs::rename(from, path));
    settled.map_err(StoreError::io("replace", path))?;
    sync_directory(path);
    Ok(())
}

/// Makes a folder and those it lies in, where they are missing.
pub fn create_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(folder).map_err(StoreError::io("create the directory", folder))
}

/// Removes a file that nothing depends on any more.
pub fn remove(path: &Path) {
    // One that is gone, or stays, changes nothing.
    let _ = std::fs::remove_file(path);
}

/// Removes a scratch folder with all that is in it.
pub fn remove_folder(folder: &Path) {
    // One that is gone, or stays, changes nothing.
    let _ = std::fs::remove_dir_all(folder);
}

/// Reads a file of at most `limit` bytes.
pub fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, StoreError> {
    let mut content = Vec::new();
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    file.take(limit as u64 + 1).read_to_end(&mut content).map_err(StoreError::io("read", path))?;
    if content.len() > limit {
        return Err(StoreError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(content)
}

/// A name in `directory` for a file that only this process uses, for bytes that
/// go to standard output. The caller removes it.
pub fn reserve_private_file(directory: &Path) -> Result<PathBuf, StoreError> {
    std::fs::create_dir_all(directory).map_err(StoreError::io("create the directory", directory))?;
    for attempt in 0..1000 {
        let path = directory.join(format!("stream-{}-{attempt}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StoreError::io("create", &path)(error)),
        }
    }
    Err(StoreError::Busy(directory.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_no_target() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        assert!(matches!(Target::new(folder.path().to_owned()), Err(StoreError::IsDirectory(_))));
    }

    #[test]
    fn missing_directories_are_made() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let target = Target::new(folder.path().join("a/b/f.bin")).expect("a new directory");
        target.check_writable().expect("our own folder");
        assert_eq!(target.part(), folder.path().join("a/b/f.bin.turbo-part"));
        assert!(!target.part().exists());
    }

    #[test]
    fn a_part_in_use_is_refused() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let target = Target::new(folder.path().join("f.bin")).expect("a folder");
        let part = Part::open(&target.part(), Keep::Nothing).expect("a new part");
        assert!(matches!(target.check_writable(), Err(StoreError::Busy(_))));
        drop(part);
        target.check_writable().expect("nobody uses it any more");
    }

    #[test]
    fn a_journal_without_its_data_is_ignored() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let target = Target::new(folder.path().join("f")).expect("a folder");
        let digest = "md5:00000000000000000000000000000000".parse().expect("a digest");
        let journal = Journal::new(digest, 9, crate::model::http::Validators::default());
        Journal::save(&journal.text(), &target.state()).expect("writable");
        assert_eq!(target.journal().expect("a good journal"), None);
        std::fs::write(target.part(), [0; 9]).expect("writable");
        assert!(target.journal().expect("a good journal").is_some());
    }
}
