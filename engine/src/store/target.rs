//! Where a download goes, and what already stands there.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::{private_folder, private_root};
use super::components::of_cache;
use super::own_file::{
    Access, Readers, check_replaceable, check_way, create_anew, create_new, open_existing, probe_in,
};
use super::part::{Part, sync_directory};
use super::{Journal, JournalError, Keep, StoreError, longest_name, sha256};

/// Suffixes of the files beside a final name, and the longest of them.
const PART: &str = ".turbo-part";
const STATE: &str = ".turbo-state";
const LONGEST_SUFFIX: &str = ".turbo-state.tmp";

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
    /// What the names of the two files begin with: the final name, or its
    /// digest where it leaves no room for a suffix.
    sides: PathBuf,
}

impl Target {
    /// The target `name`, in an existing directory or one that can be made.
    pub fn new(name: PathBuf) -> Result<Self, StoreError> {
        if name.is_dir() {
            return Err(StoreError::IsDirectory(name));
        }
        // Whatever is asked for an existing file, a device or pipe is never replaced, nor read.
        check_replaceable(&name)?;
        let directory = name.parent().unwrap_or(Path::new(""));
        check_way(directory)?;
        if !directory.as_os_str().is_empty() {
            std::fs::create_dir_all(directory).map_err(StoreError::io("create the directory", directory))?;
        }
        let sides = beside(&name, longest_name(directory));
        Ok(Self { name, sides })
    }

    /// The final name.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Where the data grows.
    pub fn part(&self) -> PathBuf {
        suffixed(&self.sides, PART)
    }

    /// Where the journal is.
    pub fn state(&self) -> PathBuf {
        suffixed(&self.sides, STATE)
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
        Some(suffixed(&self.name, ".aria2")).filter(|path| path.exists())
    }

    /// The journal of an earlier run, when its data is there as well. How much
    /// of that is still what the journal says has yet to be checked.
    pub fn journal(&self) -> Result<Option<Journal>, JournalError> {
        if self.part().exists() { Journal::load(&self.state()) } else { Ok(None) }
    }

    /// Checks, before anything is fetched, that the directory takes new files,
    /// that no other process downloads to the same name, and that what stands
    /// beside it is the engine's own.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        match self.name.symlink_metadata() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("create", &self.name)(error));
            }
            _ => {}
        }
        self.check_journal()?;
        let part = self.part();
        if part.symlink_metadata().is_ok() {
            return Part::open(&part, Keep::Everything).map(drop);
        }
        // Under a name of its own: nobody may lock what is about to vanish.
        let probe = probe_in(part.parent().unwrap_or(Path::new("")));
        create_new(&probe, Readers::Owner).map_err(StoreError::io("create", &part))?;
        remove(&probe);
        Ok(())
    }

    /// Checks that what stands in the journal's place, if anything, is a plain
    /// file of this user's own.
    pub fn check_journal(&self) -> Result<(), StoreError> {
        open_existing(&self.state(), Access::Read).map(drop)
    }
}

fn aside(path: &Path) -> PathBuf {
    suffixed(path, "-old")
}

/// What the names of the files beside `name` begin with.
fn beside(name: &Path, most_bytes: usize) -> PathBuf {
    let bytes = name.file_name().unwrap_or_default().as_encoded_bytes();
    if bytes.len() + LONGEST_SUFFIX.len() <= most_bytes {
        return name.to_owned();
    }
    name.with_file_name(&sha256(bytes).hex()[..32])
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes a whole file so that a reader sees the old content or the new, never
/// a part: temporary file, sync, rename. A device or pipe is never replaced.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    write_synced(&temporary(path), path, content, Readers::Umask)
}

/// [`write_atomic`] for the eyes of the owner alone.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    write_synced(&temporary(path), path, content, Readers::Owner)
}

/// [`write_atomic`] with a temporary file of this name.
pub(super) fn write_by_way_of(temporary: &Path, path: &Path, content: &[u8]) -> Result<(), StoreError> {
    write_synced(temporary, path, content, Readers::Umask)
}

fn write_synced(temporary: &Path, path: &Path, content: &[u8], readers: Readers) -> Result<(), StoreError> {
    replace(temporary, path, content, (readers, File::sync_data))?;
    sync_directory(path);
    Ok(())
}

/// Like [`write_private`], but after a power failure the file may be the old one
/// or damaged: for what can be done without.
pub(super) fn write_unsynced(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    replace(&temporary(path), path, content, (Readers::Owner, |_| Ok(())))
}

/// A name beside `path`, which need not leave room for it.
fn temporary(path: &Path) -> PathBuf {
    let suffix = format!(".{}.tmp", std::process::id());
    let folder = path.parent().unwrap_or(Path::new(""));
    let bytes = path.file_name().unwrap_or_default().len() + suffix.len();
    if bytes > longest_name(folder) { suffixed(&probe_in(folder), ".tmp") } else { suffixed(path, &suffix) }
}

/// Puts a file in the place of another once the last argument is content with it.
fn replace(
    temporary: &Path,
    path: &Path,
    content: &[u8],
    (readers, settle): (Readers, fn(&File) -> io::Result<()>),
) -> Result<(), StoreError> {
    check_replaceable(path)?;
    let written = create_anew(temporary, readers).and_then(|mut file| {
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

/// Makes a folder of the cache, and the cache where it is missing, for the eyes
/// of the owner alone.
pub(super) fn private_folders(folder: &Path) -> Result<(), StoreError> {
    folder.parent().map_or(Ok(()), private_root).and_then(|()| private_folder(folder)).map_err(of_cache)
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

/// A name in `directory` for a file that only this process uses and only this
/// user reads, for bytes that go to standard output. The caller removes it.
pub fn reserve_private_file(directory: &Path) -> Result<PathBuf, StoreError> {
    private_folders(directory)?;
    for attempt in 0..1000 {
        let path = directory.join(format!("stream-{}-{attempt}", std::process::id()));
        match create_new(&path, Readers::Owner) {
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

    /// The name takes all that a file system allows, the files beside it as well.
    #[test]
    fn a_long_name_has_room_for_its_files() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        for bytes in [239, 240, 251, 255] {
            let target = Target::new(folder.path().join("n".repeat(bytes))).expect("a folder");
            target.check_writable().expect("our own folder");
            Part::open(&target.part(), Keep::Nothing).expect("a name with room");
            Journal::save(b"{}", &target.state()).expect("a name with room");
            assert_eq!(target.part() == suffixed(target.name(), PART), bytes == 239);
            assert_eq!(target, Target::new(folder.path().join("n".repeat(bytes))).expect("the same again"));
        }
        let error = Target::new(folder.path().join("n".repeat(256))).expect("a folder").check_writable();
        assert!(error.expect_err("too long").to_string().ends_with(&"n".repeat(256)));
        assert_eq!(beside(Path::new("a/bcd"), 18), Path::new("a").join(&sha256(b"bcd").hex()[..32]));
        write_atomic(&folder.path().join("r".repeat(255)), b"1").expect("a name with room");
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
