//! Which components take part in downloads: those of the lockfile whose bytes
//! are the ones installed, and of those named on the command line the ones that
//! the user's demands let in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::install::grant_of;
use super::record::{Edited, Record, check_length};
use super::{LockPath, LockPolicy, Registry, RegistryError, SignaturePolicy, read_signature};
use crate::component::{Admission, GivenComponent, Grant, Limits, MOST_COMPONENT_BYTES, RefusedComponent, Shelf};
use crate::model::files::{LockFile, LockedKind, LockedVersion};
use crate::store::{Kept, read_bounded, sha256};

/// Where a lockfile that cannot be used stands among the components.
const LOCK_NAME: &str = "turbo.lock";

/// Installed components, read.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The rules that take part in downloads, and whatever must not take part.
    pub installed: Shelf,
    /// The generators that take part in publishing.
    pub generators: Vec<GivenComponent>,
    /// What single components are granted, by SHA-256.
    pub grants: BTreeMap<String, Grant>,
    /// Which components may be named on the command line, if not all.
    pub admission: Option<Admission>,
}

impl Registry {
    /// Reads what takes part. `named` are the files named on the command line,
    /// `grants` what the user's settings grant.
    ///
    /// # Errors
    ///
    /// When a lockfile that the user named cannot be used, or with `--frozen`
    /// anything is not as the lockfile says. Else a component that cannot be
    /// used is among the refused ones.
    pub fn load(
        &self,
        named: &[PathBuf],
        limits: &Limits,
        grants: &BTreeMap<String, Grant>,
    ) -> Result<Loaded, RegistryError> {
        self.sweep();
        let mut loaded = Loaded { grants: grants.clone(), ..Loaded::default() };
        let file = match self.lock_file() {
            Ok(file) => file,
            Err(error) if self.is_lenient() => {
                loaded.refuse(LOCK_NAME, self.options.lock_file.path(), reason(&error));
                LockFile::default()
            }
            Err(error) => return Err(error),
        };
        for (name, locked) in &file.components {
            match self.read(&locked.current, limits, &mut loaded) {
                Ok(bytes) => {
                    let path = self.store.path(&locked.current.sha256);
                    let component = GivenComponent { name: name.clone(), path, bytes };
                    match locked.current.kind {
                        LockedKind::MirrorRule => loaded.installed.given.push(component),
                        LockedKind::ManifestGenerator => loaded.generators.push(component),
                    }
                }
                Err(reason) if self.options.lock == LockPolicy::Frozen => {
                    return Err(RegistryError::Broken { name: name.clone(), reason });
                }
                Err(reason) => loaded.refuse(name, &self.store.path(&locked.current.sha256), reason),
            }
        }
        loaded.admission = self.admission(named, limits, (&file, &loaded.grants));
        Ok(loaded)
    }

    fn is_lenient(&self) -> bool {
        matches!(self.options.lock_file, LockPath::Own(_)) && self.options.lock == LockPolicy::Open
    }

    /// The bytes of an installed component; else why it must not be loaded.
    fn read(&self, version: &LockedVersion, limits: &Limits, loaded: &mut Loaded) -> Result<Vec<u8>, String> {
        let grant = self.accepted(version)?;
        granted(&mut loaded.grants, &version.sha256, &grant);
        let most = loaded.grants.get(&version.sha256).map_or(limits.file_bytes, |grant| grant.raise(limits).file_bytes);
        let bytes = match self.store.get(&version.sha256, most.max(version.bytes.min(MOST_COMPONENT_BYTES))) {
            Ok(Kept::Sound(bytes)) => bytes,
            Ok(Kept::Missing) => {
                return Err("its file is missing; `turbo-engine component sync` fetches it again".into());
            }
            Ok(Kept::Changed) => {
                return Err(format!(
                    "its file {} is not the one that was installed; `turbo-engine component sync` fetches that again",
                    self.store.path(&version.sha256).display()
                ));
            }
            Err(error) => return Err(reason(&error)),
        };
        self.unedited(version, bytes.len()).map_err(|edited| edited.to_string())?;
        if let Some(Err(edited)) = self.record(version).map(|record| record.check_source(version)) {
            return Err(format!("{edited}; `turbo-engine component sync` fetches it from there, and compares"));
        }
        if self.options.signatures == SignaturePolicy::Required {
            self.signed(version, &bytes).map_err(|error| reason(&error))?;
        }
        Ok(bytes)
    }

    /// What is known of a component beside the lockfile.
    pub(super) fn record(&self, version: &LockedVersion) -> Option<Record> {
        Record::parse(&self.store.record(&version.sha256)?)
    }

    /// Compares what the lockfile says of a component with what it is.
    pub(super) fn unedited(&self, version: &LockedVersion, bytes: usize) -> Result<(), Edited> {
        check_length(version, bytes)?;
        self.record(version).map_or(Ok(()), |record| record.check(version))
    }

    /// What a component is granted. The lockfile may be somebody else's, so that
    /// this user has to have granted as much on this machine.
    pub(super) fn accepted(&self, version: &LockedVersion) -> Result<Grant, String> {
        let wanted = grant_of(version)?;
        let kept = self.store.grants(&version.sha256);
        let own = Grant::parse(kept.split_whitespace()).unwrap_or_default();
        if wanted.is_within(&own) {
            return Ok(wanted);
        }
        Err(format!(
            "the lockfile grants it {wanted}, which nobody accepted here; `turbo-engine component sync --accept-grants` does"
        ))
    }

    /// Which of the files named on the command line may be loaded, by digest:
    /// what is read for this may be replaced before it is read again.
    fn admission(
        &self,
        named: &[PathBuf],
        limits: &Limits,
        (file, grants): (&LockFile, &BTreeMap<String, Grant>),
    ) -> Option<Admission> {
        let mut otherwise = Vec::new();
        let mut sha256: Option<BTreeSet<String>> = None;
        if self.options.lock == LockPolicy::Frozen {
            otherwise.push(format!("it is not in the lockfile {} (--frozen)", self.options.lock_file.path().display()));
            sha256 = Some(file.components.values().map(|locked| locked.current.sha256.clone()).collect());
        }
        if self.options.signatures == SignaturePolicy::Required {
            let most = grants.values().map(|grant| grant.raise(limits).file_bytes).fold(limits.file_bytes, u64::max);
            let signed: BTreeSet<String> = named
                .iter()
                .filter_map(|path| match self.signed_file(path, most) {
                    Ok(sha256) => Some(sha256),
                    Err(error) => {
                        otherwise.push(reason(&error));
                        None
                    }
                })
                .collect();
            sha256 =
                Some(sha256.map_or_else(|| signed.clone(), |listed| listed.intersection(&signed).cloned().collect()));
        }
        sha256.map(|sha256| Admission { sha256, otherwise: otherwise.join("; ") })
    }

    /// The digest of a file that is signed as the user demands.
    fn signed_file(&self, path: &Path, most_bytes: u64) -> Result<String, RegistryError> {
        let bytes = read_bounded(path, usize::try_from(most_bytes).unwrap_or(usize::MAX))?;
        self.judge(&path.display().to_string(), &bytes, read_signature(path)?.as_deref())?;
        Ok(sha256(&bytes).hex())
    }
}

impl Loaded {
    fn refuse(&mut self, name: &str, path: &Path, reason: String) {
        self.installed.refused.push(RefusedComponent { name: name.to_owned(), path: path.to_owned(), reason });
    }
}

/// Adds a grant to those of a component.
pub(super) fn granted(grants: &mut BTreeMap<String, Grant>, sha256: &str, grant: &Grant) {
    if !grant.is_empty() {
        let together = grants.remove(sha256).unwrap_or_default().with(grant);
        grants.insert(sha256.to_owned(), together);
    }
}

/// An error and its causes in one line.
pub(super) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
