//! Installed components, by the SHA-256 of their bytes.
//!
//! ```text
//! components-v1/sha256-HEX.wasm       the component
//! components-v1/sha256-HEX.minisig    its signature, where it has one
//! components-v1/sha256-HEX.grants     what this user granted it, where that is anything
//! components-v1/sha256-HEX.record     what it said of itself when it was installed, and where it came from
//! components-v1/lock                  held by who changes a lockfile
//! ```
//!
//! A file arrives by a rename, complete and synced. What is read is hashed
//! again: whatever changed since is told from what was installed. Temporary
//! files of processes that ended before their rename are swept by the next one:
//! who holds the lock knows that nobody else writes.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::{CacheError, LockWait, UrlLock, lock_file, private_folder, private_root, read_small};
use super::own_file::open_plain;
use super::{StoreError, sha256, write_private};

/// Longest wait for another process, which needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest file of a signature.
const SIGNATURE_BYTES: u64 = 16 << 10;
/// Longest record of a component.
const RECORD_BYTES: u64 = 1 << 20;
/// Longer than it takes to write a small file.
const LONGEST_CHANGE: Duration = Duration::from_mins(1);

/// What is kept with a component.
#[derive(Debug, Clone, Copy)]
pub struct KeptWith<'a> {
    /// Its signature, where it has one.
    pub signature: Option<&'a str>,
    /// What this user grants it; empty for nothing.
    pub grants: &'a str,
    /// What it said of itself, and where it came from.
    pub record: &'a str,
}

/// The folder of installed components. Processes may share one.
#[derive(Debug, Clone)]
pub struct ComponentStore {
    root: PathBuf,
}

/// What became of a component that was kept.
#[derive(Debug)]
pub enum Kept {
    /// The bytes that were installed.
    Sound(Vec<u8>),
    /// Nothing is there.
    Missing,
    /// Something else is there.
    Changed,
}

/// The right to change a lockfile, until dropped or until the process ends.
#[must_use = "the lock ends with this value"]
#[derive(Debug)]
pub struct ChangeLock {
    _lock: UrlLock,
}

impl ComponentStore {
    /// The components in the data folder `root`, which need not exist.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where a component is kept, by its SHA-256 in hexadecimal.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.folder().join(format!("sha256-{sha256}.wasm"))
    }

    fn signature_path(&self, sha256: &str) -> PathBuf {
        self.path(sha256).with_extension("minisig")
    }

    fn folder(&self) -> PathBuf {
        self.root.join("components-v1")
    }

    fn grants_path(&self, sha256: &str) -> PathBuf {
        self.path(sha256).with_extension("grants")
    }

    fn record_path(&self, sha256: &str) -> PathBuf {
        self.path(sha256).with_extension("record")
    }

    /// Keeps a component, and what is kept with it.
    pub fn put(&self, bytes: &[u8], with: &KeptWith<'_>) -> Result<(), StoreError> {
        let KeptWith { signature, grants, record } = with;
        self.create()?;
        let hex = sha256(bytes).hex();
        write_private(&self.record_path(&hex), record.as_bytes())?;
        if grants.is_empty() {
            super::remove(&self.grants_path(&hex));
        } else {
            write_private(&self.grants_path(&hex), grants.as_bytes())?;
        }
        if let Some(text) = signature {
            write_private(&self.signature_path(&hex), text.as_bytes())?;
        }
        write_private(&self.path(&hex), bytes)
    }

    /// A component of at most so many bytes.
    pub fn get(&self, sha256_hex: &str, most_bytes: u64) -> Result<Kept, StoreError> {
        let path = self.path(sha256_hex);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::Missing),
            Err(error) => return Err(StoreError::io("read", &path)(error)),
            // A link would lead to bytes that somebody else may change.
            Ok(metadata) if !metadata.is_file() || metadata.len() > most_bytes => return Ok(Kept::Changed),
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        let file = open_plain(&path).map_err(StoreError::io("open", &path))?;
        file.take(most_bytes).read_to_end(&mut bytes).map_err(StoreError::io("read", &path))?;
        Ok(if sha256(&bytes).hex() == sha256_hex { Kept::Sound(bytes) } else { Kept::Changed })
    }

    /// The signature that was kept with a component.
    pub fn signature(&self, sha256: &str) -> Option<String> {
        let bytes = read_small(&self.signature_path(sha256), SIGNATURE_BYTES).ok()??;
        String::from_utf8(bytes).ok()
    }

    /// What this user granted a component; empty where that is nothing.
    pub fn grants(&self, sha256: &str) -> String {
        let bytes = read_small(&self.grants_path(sha256), SIGNATURE_BYTES).ok().flatten().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// What was recorded of a component when it was installed.
    pub fn record(&self, sha256: &str) -> Option<String> {
        let bytes = read_small(&self.record_path(sha256), RECORD_BYTES).ok()??;
        String::from_utf8(bytes).ok()
    }

    /// Removes a component and all that was kept with it.
    pub fn remove(&self, sha256: &str) {
        super::remove(&self.path(sha256));
        super::remove(&self.signature_path(sha256));
        super::remove(&self.grants_path(sha256));
        super::remove(&self.record_path(sha256));
    }

    /// Waits until no other process changes a lockfile.
    pub fn lock(&self) -> Result<ChangeLock, StoreError> {
        self.create()?;
        let path = self.folder().join("lock");
        let wait = LockWait { at_most: PATIENCE, cancelled: &|| false };
        let lock = lock_file(&path, wait).map_err(of_cache)?;
        let lock = lock.ok_or_else(|| StoreError::io("lock", &path)(io::ErrorKind::WouldBlock.into()))?;
        self.leftovers().iter().for_each(|path| super::remove(path));
        Ok(ChangeLock { _lock: lock })
    }

    /// Removes what processes left that ended in the middle of a change, unless
    /// one is under way now.
    pub fn sweep(&self) {
        if self.leftovers().is_empty() {
            return;
        }
        let path = self.folder().join("lock");
        let at_once = LockWait { at_most: Duration::ZERO, cancelled: &|| false };
        // Who cannot lock sweeps nothing; the next one will.
        if let Ok(Some(_lock)) = lock_file(&path, at_once) {
            self.leftovers().iter().for_each(|path| super::remove(path));
        }
    }

    /// Temporary files in the folder, and of files beside it: all of them are
    /// written under the lock.
    fn leftovers(&self) -> Vec<PathBuf> {
        let of_folder = temporaries(&self.folder(), |_| true);
        let beside = temporaries(&self.root, |name| name.starts_with("turbo.lock."));
        [of_folder, beside].concat()
    }

    fn create(&self) -> Result<(), StoreError> {
        private_root(&self.root).and_then(|()| private_folder(&self.folder())).map_err(of_cache)
    }
}

/// Removes temporary files of one file that are older than any change takes.
/// For a file that processes with other folders may write, too.
pub fn sweep_beside(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().map(|name| name.to_string_lossy())) else {
        return;
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let is_of_file = |found: &str| found.strip_prefix(&*name).is_some_and(|rest| rest.starts_with('.'));
    for path in temporaries(folder, is_of_file) {
        let age = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
        if matches!(age, Ok(Ok(age)) if age > LONGEST_CHANGE) {
            super::remove(&path);
        }
    }
}

/// The files `NAME.PID.tmp` of a folder, as [`write_atomic`] names them.
fn temporaries(folder: &Path, is_meant: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let is_temporary = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let written = name.strip_suffix(".tmp").and_then(|name| name.rsplit_once('.'));
        let is_written = written.is_some_and(|(_, process)| process.bytes().all(|byte| byte.is_ascii_digit()));
        is_written && is_meant(&name)
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_temporary).collect()
}

/// What the cache's own helpers say, without the cache.
pub(super) fn of_cache(error: CacheError) -> StoreError {
    match error {
        CacheError::Io { action, path, source } => StoreError::Io { action, path, source },
        CacheError::NotAFolder(path) => StoreError::io("use", &path)(io::ErrorKind::NotADirectory.into()),
        CacheError::Algorithm(_) | CacheError::Changed(_) => unreachable!("only blobs of the cache can be those"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_installed() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let store = ComponentStore::new(&folder.path().join("data"));
        let hex = sha256(b"component").hex();
        assert!(matches!(store.get(&hex, 99), Ok(Kept::Missing)));
        let with = KeptWith { signature: Some("signed"), grants: "memory=64MiB", record: "rule a" };
        store.put(b"component", &with).expect("writable");
        assert_eq!(store.record(&hex).as_deref(), Some("rule a"));
        assert!(matches!(store.get(&hex, 9), Ok(Kept::Sound(bytes)) if bytes == b"component"));
        assert_eq!(store.signature(&hex).as_deref(), Some("signed"));
        assert_eq!(store.grants(&hex), "memory=64MiB");
        assert!(matches!(store.get(&hex, 8), Ok(Kept::Changed)));
        fs::write(store.path(&hex), b"Component").expect("writable");
        assert!(matches!(store.get(&hex, 99), Ok(Kept::Changed)));
        store.remove(&hex);
        assert!(matches!(store.get(&hex, 99), Ok(Kept::Missing)));
        assert_eq!((store.signature(&hex), store.grants(&hex), store.record(&hex)), (None, String::new(), None));
    }

    #[test]
    fn leftovers_are_swept_by_the_next_and_not_from_under_another() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let store = ComponentStore::new(folder.path());
        let held = store.lock().expect("nobody else has it");
        let [left, lock, other] = ["components-v1/sha256-00.wasm.77.tmp", "turbo.lock.77.tmp", "notes.tmp"]
            .map(|name| folder.path().join(name));
        for path in [&left, &lock, &other] {
            fs::write(path, b"half").expect("writable");
        }
        store.sweep();
        assert!(left.exists() && lock.exists(), "a change is under way");
        drop(held);
        store.sweep();
        assert!(!left.exists() && !lock.exists() && other.exists());
        fs::write(&left, b"half").expect("writable");
        drop(store.lock().expect("nobody has it"));
        assert!(!left.exists());
        fs::write(&lock, b"half").expect("writable");
        sweep_beside(&folder.path().join("turbo.lock"));
        assert!(lock.exists(), "it may be under way elsewhere");
        let old = std::time::SystemTime::now() - 2 * LONGEST_CHANGE;
        fs::File::options().write(true).open(&lock).and_then(|file| file.set_modified(old)).expect("a time");
        sweep_beside(&folder.path().join("turbo.lock"));
        assert!(!lock.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let store = ComponentStore::new(folder.path());
        store.put(b"component", &KeptWith { signature: None, grants: "", record: "" }).expect("writable");
        let path = store.path(&sha256(b"component").hex());
        fs::rename(&path, folder.path().join("elsewhere")).expect("a rename");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).expect("a link");
        assert!(matches!(store.get(&sha256(b"component").hex(), 99), Ok(Kept::Changed)));
    }
}
