//! A folder that is looked at again and again for files that came, changed or
//! went.
//!
//! Looking, rather than being told by the system: it is the same on every
//! platform, sees the changes of other machines on a network file system, needs
//! no queue that can overflow, and costs 0.14 ms for 64 files. A file counts once it
//! was the same in several looks, so that one being written is left alone; one
//! that was renamed into place is whole at once, and waits as long.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::StoreError;

/// Files that count, the first ones by name.
const MOST_FILES: usize = 64;
/// Entries of a folder; of a larger one nothing is known.
const MOST_ENTRIES: usize = 4096;
/// Looks at which a file has to be as it was before it counts.
const QUIET_LOOKS: u32 = 2;
/// Looks at which a file that counted is handed out again: where the clock of
/// the file system is coarse (FAT's ticks take 2 s), a file that is written
/// twice can look as it did before.
const SECOND_LOOKS: u32 = 10;

/// A folder and what was seen in it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    extension: &'static str,
    /// None before the first look.
    seen: Option<BTreeMap<String, Seen>>,
}

/// What a file looks like from outside. A change of its bytes that leaves all
/// of this as it was needs intent, or a coarse clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// On Unix: device, number, and when any of its properties last changed.
    identity: [i64; 4],
}

#[derive(Debug)]
struct Seen {
    stamps: [Option<Stamp>; 2],
    looks: u32,
}

/// What there was to see.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Files that came or changed and are quiet since; some of them again.
    pub quiet: Vec<PathBuf>,
    /// Files that are gone.
    pub gone: Vec<PathBuf>,
    /// Files beyond those that count.
    pub ignored: usize,
}

impl Folder {
    /// The files of a folder with a certain extension, in lower case. Hidden
    /// ones do not count: they are other programs' unfinished ones. A change of
    /// `FILE.minisig`, the signature of a file, is a change of that file.
    pub fn new(path: &Path, extension: &'static str) -> Self {
        Self { path: path.to_owned(), extension, seen: None }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks once. The first look takes every file as it is.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read; what was seen before is kept.
    pub fn look(&mut self) -> Result<Look, StoreError> {
        let (names, ignored) = self.names().map_err(StoreError::io("read the folder", &self.path))?;
        let is_first = self.seen.is_none();
        let mut seen = self.seen.take().unwrap_or_default();
        let mut look = Look { ignored, ..Look::default() };
        let (mut stay, path) = (BTreeMap::new(), |name: &String| self.path.join(name));
        for name in names {
            let stamps = stamps(&path(&name));
            // Gone since its name was read, it is among those gone.
            if stamps[0].is_none() {
                continue;
            }
            let looks = match seen.remove(&name) {
                Some(before) if before.stamps == stamps => before.looks.saturating_add(1),
                None if is_first => QUIET_LOOKS,
                _ => 0,
            };
            if (QUIET_LOOKS..=QUIET_LOOKS + SECOND_LOOKS).contains(&looks) {
                look.quiet.push(path(&name));
            }
            stay.insert(name, Seen { stamps, looks });
        }
        look.gone = seen.keys().map(path).collect();
        self.seen = Some(stay);
        Ok(look)
    }

    /// Has a file that counted wait again: it changed while it was read, or
    /// could not be.
    pub fn again(&mut self, path: &Path) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(seen) = self.seen.as_mut().and_then(|seen| seen.get_mut(name)) {
            seen.looks = 0;
        }
    }

    /// The names of the files that count, sorted, and how many others there are.
    fn names(&self) -> io::Result<(Vec<String>, usize)> {
        let mut names = Vec::new();
        for (number, entry) in fs::read_dir(&self.path)?.enumerate() {
            if number == MOST_ENTRIES {
                return Err(io::Error::other(format!("more than {MOST_ENTRIES} entries")));
            }
            let Ok(name) = entry?.file_name().into_string() else { continue };
            let is_meant = Path::new(&name).extension().is_some_and(|extension| extension == self.extension);
            if is_meant && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort_unstable();
        let ignored = names.len().saturating_sub(MOST_FILES);
        names.truncate(MOST_FILES);
        Ok((names, ignored))
    }
}

impl Stamp {
    /// What a file looks like now; none where there is no file.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
        let (bytes, modified) = (metadata.len(), metadata.modified().ok());
        Some(Self { bytes, modified, identity: identity(&metadata) })
    }
}

fn stamps(path: &Path) -> [Option<Stamp>; 2] {
    let mut signature = path.as_os_str().to_owned();
    signature.push(".minisig");
    [Stamp::of(path), Stamp::of(signature.as_ref())]
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt as _;
    [metadata.dev().cast_signed(), metadata.ino().cast_signed(), metadata.ctime(), metadata.ctime_nsec()]
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> [i64; 4] {
    [0; 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(tempfile::TempDir);

    impl Scratch {
        fn new() -> (Self, Folder) {
            let scratch = Self(tempfile::tempdir().expect("a scratch folder"));
            let folder = Folder::new(scratch.0.path(), "wasm");
            (scratch, folder)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.path().join(name), text).expect("writable");
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }
    }

    /// What is quiet in each of so many looks.
    fn quiet(folder: &mut Folder, looks: u32) -> Vec<usize> {
        (0..looks).map(|_| folder.look().expect("a folder").quiet.len()).collect()
    }

    #[test]
    fn the_first_look_takes_what_is_there() {
        let (scratch, mut folder) = Scratch::new();
        for name in ["b.wasm", "a.wasm", ".c.wasm", "d.wasm.part", "e.WASM", "a.wasm.minisig"] {
            scratch.write(name, name);
        }
        fs::create_dir(scratch.path("f.wasm")).expect("writable");
        let look = folder.look().expect("a folder");
        assert_eq!(look, Look { quiet: ["a.wasm", "b.wasm"].map(|name| scratch.path(name)).into(), ..Look::default() });
    }

    #[test]
    fn a_file_counts_once_it_is_quiet() {
        let (scratch, mut folder) = Scratch::new();
        assert_eq!(quiet(&mut folder, 1), [0]);
        for text in ["a", "ab", "abc"] {
            scratch.write("a.wasm", text);
            assert_eq!(quiet(&mut folder, 2), [0, 0], "{text}");
        }
        assert_eq!(quiet(&mut folder, 1), [1]);
        let again = usize::try_from(SECOND_LOOKS).expect("few");
        assert_eq!(quiet(&mut folder, SECOND_LOOKS + 5).iter().sum::<usize>(), again, "and then no more");
        folder.again(&scratch.path("a.wasm"));
        assert_eq!(quiet(&mut folder, 2), [0, 1]);
    }

    #[test]
    fn a_rename_and_a_signature_are_changes() {
        let (scratch, mut folder) = Scratch::new();
        scratch.write("a.wasm", "a");
        quiet(&mut folder, SECOND_LOOKS + 5);
        scratch.write("new", "b");
        fs::rename(scratch.path("new"), scratch.path("a.wasm")).expect("a rename");
        assert_eq!(quiet(&mut folder, 3), [0, 0, 1]);
        quiet(&mut folder, SECOND_LOOKS + 5);
        scratch.write("a.wasm.minisig", "signed");
        assert_eq!(quiet(&mut folder, 3), [0, 0, 1]);
    }

    #[test]
    fn what_is_gone_is_told_once_and_a_folder_that_is_gone_never() {
        let (scratch, mut folder) = Scratch::new();
        scratch.write("a.wasm", "a");
        scratch.write("b.wasm", "b");
        quiet(&mut folder, 1);
        fs::remove_file(scratch.path("a.wasm")).expect("a file");
        assert_eq!(folder.look().expect("a folder").gone, [scratch.path("a.wasm")]);
        assert!(folder.look().expect("a folder").gone.is_empty());
        fs::remove_dir_all(scratch.0.path()).expect("a folder");
        assert!(folder.look().is_err());
        fs::create_dir(scratch.0.path()).expect("writable");
        assert_eq!(folder.look().expect("a folder").gone, [scratch.path("b.wasm")]);
    }

    #[test]
    fn a_folder_without_end_is_read_to_a_limit() {
        let (scratch, mut folder) = Scratch::new();
        for number in 0..MOST_FILES + 3 {
            scratch.write(&format!("{number:03}.wasm"), "");
        }
        let look = folder.look().expect("a folder");
        assert_eq!((look.quiet.len(), look.ignored), (MOST_FILES, 3));
        assert_eq!(look.quiet[0], scratch.path("000.wasm"));
    }
}
