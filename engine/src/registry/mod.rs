//! The flow of components that others made: where they come from, what lets
//! them in, which ones take part in downloads, and which have changed since.
//!
//! A lockfile says which components are installed; their bytes lie in one store
//! for all lockfiles, by digest. The key invariant: what runs is what the
//! lockfile names, byte for byte, checked each time it is loaded. What is not
//! is refused by name, and the others go on.

mod change;
mod error;
mod fetch;
mod folder;
mod install;
mod load;
mod origin;
mod record;
mod signed;
mod sync;
mod watch;

use std::path::{Path, PathBuf};

use crate::model::files::LockFile;
use crate::store::{ComponentStore, StoreError, read_bounded, sweep_beside, write_atomic};

pub use error::RegistryError;
pub use fetch::{FetchOptions, Fetched, SIGNATURE_ANNOTATION, fetch};
pub use install::{Installed, Untested, Wish};
pub use load::Loaded;
pub use origin::ComponentOrigin;
pub use record::Edited;
pub use signed::{Signed, read_signature};
pub use sync::{Missing, StrangeGrants};
pub use watch::{Notice, Watch, Watched};

/// Largest lockfile and list of keys.
const TEXT_BYTES: usize = 4 << 20;

/// Where installed components are, and what the user demands of them.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The user's data folder.
    pub folder: PathBuf,
    /// The lockfile.
    pub lock_file: LockPath,
    /// The list of trusted keys.
    pub trust_file: PathBuf,
    /// Which signatures are demanded.
    pub signatures: SignaturePolicy,
    /// Whether the lockfile is the last word.
    pub lock: LockPolicy,
}

/// Which lockfile counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockPath {
    /// The user's own, which need not exist.
    Own(PathBuf),
    /// One that the user named, a project's for instance.
    Named(PathBuf),
}

/// Which signatures are demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// None; one that is there has to be right.
    Optional,
    /// Everybody's components need one by a trusted key.
    Required,
}

/// Whether the lockfile is the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockPolicy {
    /// Components can be added and changed.
    Open,
    /// What is in it, byte for byte, or nothing; and nothing is fetched.
    Frozen,
}

impl LockPath {
    /// The path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Named(path) => path,
        }
    }
}

/// The components that one lockfile names.
#[derive(Debug, Clone)]
pub struct Registry {
    options: RegistryOptions,
    store: ComponentStore,
}

impl Registry {
    /// The registry at these places, none of which need exist.
    pub fn new(options: RegistryOptions) -> Self {
        Self { store: ComponentStore::new(&options.folder), options }
    }

    /// What the user demands.
    pub fn options(&self) -> &RegistryOptions {
        &self.options
    }

    /// Removes what interrupted changes left behind.
    pub fn sweep(&self) {
        self.store.sweep();
        [self.options.lock_file.path(), &self.options.trust_file].into_iter().for_each(sweep_beside);
    }

    /// The file of an installed component.
    pub fn file(&self, sha256: &str) -> PathBuf {
        self.store.path(sha256)
    }

    /// The lockfile as it is now.
    ///
    /// # Errors
    ///
    /// When it cannot be understood, or the user named one that does not exist.
    pub fn lock_file(&self) -> Result<LockFile, RegistryError> {
        match (self.read_lock_file()?, &self.options.lock_file) {
            (Some(file), _) => Ok(file),
            (None, LockPath::Own(_)) => Ok(LockFile::default()),
            (None, LockPath::Named(path)) => Err(RegistryError::NoLockFile(path.clone())),
        }
    }

    fn read_lock_file(&self) -> Result<Option<LockFile>, RegistryError> {
        let path = self.options.lock_file.path();
        let Some(text) = read_text(path)? else { return Ok(None) };
        let parsed = LockFile::parse(&text);
        parsed.map(Some).map_err(|source| RegistryError::LockFile { path: path.to_owned(), source })
    }

    /// Changes the lockfile while no other process does.
    fn change<T>(&self, change: impl FnOnce(&mut LockFile) -> Result<T, RegistryError>) -> Result<T, RegistryError> {
        if self.options.lock == LockPolicy::Frozen {
            return Err(RegistryError::Frozen(self.options.lock_file.path().to_owned()));
        }
        let _lock = self.store.lock()?;
        sweep_beside(self.options.lock_file.path());
        let mut file = self.read_lock_file()?.unwrap_or_default();
        let before = file.clone();
        let changed = change(&mut file)?;
        if file != before {
            write(self.options.lock_file.path(), &file.text())?;
        }
        Ok(changed)
    }
}

/// Writes a text file and the folders it lies in.
fn write(path: &Path, text: &str) -> Result<(), RegistryError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        crate::store::create_folder(folder)?;
    }
    Ok(write_atomic(path, text.as_bytes())?)
}

/// A text file that need not exist.
fn read_text(path: &Path) -> Result<Option<String>, RegistryError> {
    let bytes = match read_bounded(path, TEXT_BYTES) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    String::from_utf8(bytes).map(Some).map_err(|_| RegistryError::NotText(path.to_owned()))
}
