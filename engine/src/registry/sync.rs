//! What the lockfile names and the store lacks: on another machine, or after
//! somebody touched the files.

use super::install::grant_of;
use super::{ComponentOrigin, LockPolicy, Registry, RegistryError};
use crate::component::{Grant, Limits, MOST_COMPONENT_BYTES};
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
    /// What it is granted.
    pub grant: Grant,
}

/// What to do with grants that a lockfile has and this user never gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrangeGrants {
    /// Nothing comes in with them.
    Refuse,
    /// They become this user's.
    Accept,
}

impl Registry {
    /// The components whose bytes are not there, are others, or were never
    /// granted here what the lockfile grants them.
    ///
    /// # Errors
    ///
    /// With `--frozen` when there are any: nothing may be fetched then.
    pub fn missing(&self, grants: StrangeGrants) -> Result<Vec<Missing>, RegistryError> {
        let mut missing = Vec::new();
        for (name, locked) in self.lock_file()?.components {
            let version = locked.current;
            let broken = |reason| RegistryError::Broken { name: name.clone(), reason };
            let accepted = self.accepted(&version);
            let kept = self.store.get(&version.sha256, MOST_COMPONENT_BYTES)?;
            if let Kept::Sound(bytes) = &kept {
                let edited = |edited| RegistryError::Edited { name: name.clone(), edited };
                self.unedited(&version, bytes.len()).map_err(edited)?;
            }
            // Bytes that are here may have come from elsewhere.
            let is_from_there = self.record(&version).is_none_or(|record| record.check_source(&version).is_ok());
            if matches!(kept, Kept::Sound(_)) && is_from_there && accepted.is_ok() {
                continue;
            }
            if self.options.lock == LockPolicy::Frozen {
                return Err(broken("its file is missing or was changed, and nothing is fetched".into()));
            }
            let grant = match (accepted, grants) {
                (Ok(grant), _) => grant,
                (Err(_), StrangeGrants::Accept) => grant_of(&version).map_err(broken)?,
                (Err(_), StrangeGrants::Refuse) => {
                    let grant = grant_of(&version).map_err(broken)?.to_string();
                    return Err(RegistryError::StrangeGrant { name, grant });
                }
            };
            let origin = ComponentOrigin::of_kept(&version.source, self.options.lock_file.path())?;
            if version.source.contains("[redacted]") {
                return Err(RegistryError::Redacted { name, source_url: version.source });
            }
            missing.push(Missing { name, version, origin, grant });
        }
        Ok(missing)
    }
}

impl Missing {
    /// The longest that it can be: what the lockfile says, which may be more
    /// than the limits only as far as it was granted.
    pub fn limit(&self, limits: &Limits) -> u64 {
        self.version.bytes.min(self.grant.raise(limits).file_bytes)
    }
}
