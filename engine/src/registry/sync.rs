//! What the lockfile names and the store lacks: on another machine, or after
//! somebody touched the files.

use super::{ComponentOrigin, LockPolicy, Registry, RegistryError};
use crate::component::{Grant, Limits};
use crate::model::files::LockedVersion;
use crate::store::Kept;

/// A component that has to be fetched again.
#[derive(Debug, Clone)]
pub struct Missing {
    /// Under which name.
    pub name: String,
    /// What.
    pub version: LockedVersion,
    /// Where from.
    pub origin: ComponentOrigin,
}

impl Registry {
    /// The components whose bytes are not there, or are others.
    ///
    /// # Errors
    ///
    /// With `--frozen` when there are any: nothing may be fetched then.
    pub fn missing(&self) -> Result<Vec<Missing>, RegistryError> {
        let mut missing = Vec::new();
        for (name, locked) in self.lock_file()?.components {
            let version = locked.current;
            if let Kept::Sound(_) = self.store.get(&version.sha256, version.bytes)? {
                continue;
            }
            if self.options.lock == LockPolicy::Frozen {
                let reason = "its file is missing or was changed, and nothing is fetched".into();
                return Err(RegistryError::Broken { name, reason });
            }
            let origin = ComponentOrigin::of_kept(&version.source, self.options.lock_file.path())?;
            if version.source.contains("[redacted]") {
                return Err(RegistryError::Redacted { name, source_url: version.source });
            }
            missing.push(Missing { name, version, origin });
        }
        Ok(missing)
    }
}

impl Missing {
    /// The longest that it can be: what the lockfile says, which may be more
    /// than the limits only as far as it was granted.
    pub fn limit(&self, limits: &Limits) -> u64 {
        let granted = super::install::grant_of(&self.version).unwrap_or_else(|_| Grant::default());
        self.version.bytes.min(granted.raise(limits).file_bytes)
    }
}
