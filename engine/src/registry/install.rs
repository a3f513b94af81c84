//! Installs a component: checked first, kept then, named last.

use std::collections::BTreeMap;

use super::load::granted;
use super::{ComponentOrigin, Fetched, Missing, Registry, RegistryError, Signed};
use crate::component::{Examined, GivenComponent, Grant, RuleOptions, World, examine};
use crate::model::Digest;
use crate::model::excerpt::excerpt;
use crate::model::files::{LockFile, Locked, LockedKind, LockedVersion, is_name};
use crate::store::sha256;

/// What the user wants of a component that is to be installed.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Under which name; the rule's identifier without one.
    pub name: Option<String>,
    /// Which bytes it must be.
    pub sha256: Option<Digest>,
    /// What it is granted beyond the limits.
    pub grant: Grant,
}

/// What was installed.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Under which name.
    pub name: String,
    /// What.
    pub version: LockedVersion,
    /// Who signed it.
    pub signed: Signed,
    /// What stood under the name before.
    pub earlier: Option<LockedVersion>,
}

impl Registry {
    /// Installs a component that was fetched: its digest and signature are
    /// checked, it is scanned, compiled and passes its own test, and only then
    /// it is kept and named.
    ///
    /// Of the options the limits, the settings and the folder of compiled code
    /// count. Blocks for as long as compiling takes.
    pub fn install(&self, fetched: &Fetched, wish: &Wish, options: &RuleOptions) -> Result<Installed, RegistryError> {
        let what = fetched.origin.to_string();
        if let Some(name) = wish.name.as_deref().filter(|name| !is_name(name)) {
            return Err(RegistryError::Name(excerpt(name)));
        }
        let digest = sha256(&fetched.bytes);
        if let Some(expected) = wish.sha256.as_ref().filter(|expected| **expected != digest) {
            return Err(RegistryError::Mismatch { what, expected: expected.clone(), got: digest });
        }
        let signed = self.judge(&what, &fetched.bytes, fetched.signature.as_deref())?;
        let examined = check(fetched, &wish.grant, options)?;
        let name = wish.name.clone().unwrap_or_else(|| examined.id.clone());
        let version = LockedVersion {
            rule: examined.id,
            kind: match examined.world {
                World::MirrorRule => LockedKind::MirrorRule,
                World::ManifestGenerator => LockedKind::ManifestGenerator,
            },
            version: examined.version,
            sha256: digest.hex(),
            bytes: fetched.bytes.len() as u64,
            source: fetched.origin.kept(self.options.lock_file.path()),
            signer: signed.signer(),
            grants: wish.grant.texts(),
        };
        let earlier = self.change(|file| {
            may_stand(file, &name, &version)?;
            self.store.put(&fetched.bytes, fetched.signature.as_deref(), &wish.grant.to_string())?;
            Ok(enter(file, &name, version.clone()))
        })?;
        Ok(Installed { name, version, signed, earlier })
    }

    /// Fetched again, byte for byte: puts what the lockfile names, and nothing
    /// else, where it is kept.
    pub fn restore(&self, missing: &Missing, fetched: &Fetched) -> Result<Signed, RegistryError> {
        let version = &missing.version;
        let (what, digest) = (fetched.origin.to_string(), sha256(&fetched.bytes));
        if digest.hex() != version.sha256 {
            let expected =
                Digest::from_hex(digest.algorithm(), &version.sha256).expect("a lockfile is checked when read");
            return Err(RegistryError::Mismatch { what, expected, got: digest });
        }
        let signed = self.judge(&what, &fetched.bytes, fetched.signature.as_deref())?;
        let _lock = self.store.lock()?;
        self.store.put(&fetched.bytes, fetched.signature.as_deref(), &missing.grant.to_string())?;
        Ok(signed)
    }
}

/// Lets a component pass the checks that it passes whenever it is loaded.
fn check(fetched: &Fetched, grant: &Grant, options: &RuleOptions) -> Result<Examined, RegistryError> {
    let (path, name) = match &fetched.origin {
        ComponentOrigin::Path(path) => (path.clone(), path.file_stem().map(|stem| stem.to_string_lossy().into_owned())),
        other => (other.to_string().into(), None),
    };
    let name = name.unwrap_or_else(|| "component".into());
    let mut grants = options.grants.clone();
    granted(&mut grants, &sha256(&fetched.bytes).hex(), grant);
    let component = GivenComponent { name, path, bytes: fetched.bytes.clone() };
    Ok(examine(component, &RuleOptions { grants, ..options.clone() })?)
}

/// Whether a version may stand under a name.
fn may_stand(file: &LockFile, name: &str, version: &LockedVersion) -> Result<(), RegistryError> {
    if let Some(locked) = file.components.get(name)
        && locked.pinned
        && locked.current.sha256 != version.sha256
    {
        return Err(RegistryError::Pinned {
            name: name.to_owned(),
            pinned: locked.current.sha256.clone(),
            found: version.sha256.clone(),
        });
    }
    let same = file.components.iter().find(|(other, locked)| *other != name && locked.current.rule == version.rule);
    match same {
        Some((other, _)) => Err(RegistryError::SameRule { rule: version.rule.clone(), name: other.clone() }),
        None => Ok(()),
    }
}

/// Enters a version; what stood there before, if anything else did.
fn enter(file: &mut LockFile, name: &str, version: LockedVersion) -> Option<LockedVersion> {
    let Some(locked) = file.components.get_mut(name) else {
        let locked = Locked { pinned: false, current: version, previous: Vec::new() };
        file.components.insert(name.to_owned(), locked);
        return None;
    };
    let earlier = locked.current.clone();
    locked.replace(version);
    Some(earlier).filter(|earlier| earlier.sha256 != locked.current.sha256)
}

/// What a lockfile grants, read.
pub(super) fn grant_of(version: &LockedVersion) -> Result<Grant, String> {
    let texts: &BTreeMap<String, String> = &version.grants;
    Grant::of(texts.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|error| error.to_string())
}
