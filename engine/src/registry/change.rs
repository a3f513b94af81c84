//! What the user does with components that are installed.

use super::{Registry, RegistryError};
use crate::model::Digest;
use crate::model::excerpt::excerpt;
use crate::model::files::{LockFile, Locked, LockedVersion};

impl Registry {
    /// Takes a component out of the lockfile. Its bytes go too, unless another
    /// name in this lockfile needs them.
    pub fn remove(&self, name: &str) -> Result<Locked, RegistryError> {
        self.change(|file| {
            let removed = file.components.remove(name).ok_or_else(|| not_installed(name))?;
            let gone = removed.previous.iter().chain([&removed.current]);
            for version in gone.filter(|version| file.versions().all(|kept| kept.sha256 != version.sha256)) {
                self.store.remove(&version.sha256);
            }
            Ok(removed)
        })
    }

    /// Pins a component to the bytes that stand under its name, or to those of
    /// this digest, which must be kept.
    pub fn pin(&self, name: &str, digest: Option<&Digest>) -> Result<LockedVersion, RegistryError> {
        self.change(|file| {
            let locked = entry(file, name)?;
            if let Some(hex) = digest.map(Digest::hex).filter(|hex| *hex != locked.current.sha256) {
                let kept = locked.previous.iter().find(|version| version.sha256 == hex).cloned();
                let kept = kept.ok_or_else(|| no_version(name, format!("sha256:{hex}")))?;
                locked.replace(kept);
            }
            locked.pinned = true;
            Ok(locked.current.clone())
        })
    }

    /// Lets other bytes stand under a name again.
    pub fn unpin(&self, name: &str) -> Result<LockedVersion, RegistryError> {
        self.change(|file| {
            let locked = entry(file, name)?;
            locked.pinned = false;
            Ok(locked.current.clone())
        })
    }

    /// Goes back to the version before this one, which is kept in turn: twice
    /// leads back. The version's own grants count again, and no others.
    pub fn rollback(&self, name: &str) -> Result<LockedVersion, RegistryError> {
        self.change(|file| {
            let locked = entry(file, name)?;
            let earlier = locked.previous.first().cloned();
            let earlier = earlier.ok_or_else(|| no_version(name, "before this one".into()))?;
            if locked.pinned {
                return Err(RegistryError::Pinned {
                    name: name.to_owned(),
                    pinned: locked.current.sha256.clone(),
                    found: earlier.sha256,
                });
            }
            locked.replace(earlier);
            Ok(locked.current.clone())
        })
    }
}

fn entry<'a>(file: &'a mut LockFile, name: &str) -> Result<&'a mut Locked, RegistryError> {
    file.components.get_mut(name).ok_or_else(|| not_installed(name))
}

fn not_installed(name: &str) -> RegistryError {
    RegistryError::NotInstalled(excerpt(name))
}

fn no_version(name: &str, wanted: String) -> RegistryError {
    RegistryError::NoVersion { name: name.to_owned(), wanted }
}
