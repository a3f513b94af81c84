//! Installed components, by the SHA-256 of their bytes.
//!
//! ```text
//! components-v1/sha256-HEX.wasm       the component
//! components-v1/sha256-HEX.minisig    its signature, where it has one
//! components-v1/sha256-HEX.grants     what this user granted it, where that is anything
//! components-v1/lock                  held by who changes a lockfile
//! ```
//!
//! A file arrives by a rename, complete and synced. What is read is hashed
//! again: whatever changed since is told from what was installed.

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

    /// Keeps a component, its signature, and what this user grants it.
    pub fn put(&self, bytes: &[u8], signature: Option<&str>, grants: &str) -> Result<(), StoreError> {
        self.create()?;
        let hex = sha256(bytes).hex();
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

    /// Removes a component and all that was kept with it.
    pub fn remove(&self, sha256: &str) {
        super::remove(&self.path(sha256));
        super::remove(&self.signature_path(sha256));
        super::remove(&self.grants_path(sha256));
    }

    /// Waits until no other process changes a lockfile.
    pub fn lock(&self) -> Result<ChangeLock, StoreError> {
        self.create()?;
        let path = self.folder().join("lock");
        let wait = LockWait { at_most: PATIENCE, cancelled: &|| false };
        let lock = lock_file(&path, wait).map_err(of_cache)?;
        let lock = lock.ok_or_else(|| StoreError::io("lock", &path)(io::ErrorKind::WouldBlock.into()))?;
        Ok(ChangeLock { _lock: lock })
    }

    fn create(&self) -> Result<(), StoreError> {
        private_root(&self.root).and_then(|()| private_folder(&self.folder())).map_err(of_cache)
    }
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
        store.put(b"component", Some("signed"), "memory=64MiB").expect("writable");
        assert!(matches!(store.get(&hex, 9), Ok(Kept::Sound(bytes)) if bytes == b"component"));
        assert_eq!(store.signature(&hex).as_deref(), Some("signed"));
        assert_eq!(store.grants(&hex), "memory=64MiB");
        assert!(matches!(store.get(&hex, 8), Ok(Kept::Changed)));
        fs::write(store.path(&hex), b"Component").expect("writable");
        assert!(matches!(store.get(&hex, 99), Ok(Kept::Changed)));
        store.remove(&hex);
        assert!(matches!(store.get(&hex, 99), Ok(Kept::Missing)));
        assert_eq!((store.signature(&hex), store.grants(&hex)), (None, String::new()));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let store = ComponentStore::new(folder.path());
        store.put(b"component", None, "").expect("writable");
        let path = store.path(&sha256(b"component").hex());
        fs::rename(&path, folder.path().join("elsewhere")).expect("a rename");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).expect("a link");
        assert!(matches!(store.get(&sha256(b"component").hex(), 99), Ok(Kept::Changed)));
    }
}
