//! Installs a component: checked first, kept then, named last.

use std::collections::BTreeMap;

use super::load::granted;
use super::record::{Record, check_length};
use super::{ComponentOrigin, Fetched, Missing, Registry, RegistryError, Signed, StrangeGrants};
use crate::component::{Examined, GivenComponent, Grant, RuleOptions, RuleReach, World, asked_about, examine};
use crate::model::Digest;
use crate::model::excerpt::excerpt;
use crate::model::files::{LockFile, Locked, LockedKind, LockedVersion, is_name};
use crate::store::{KeptWith, sha256};

/// What the user wants of a component that is to be installed.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Under which name; the rule's identifier without one.
    pub name: Option<String>,
    /// Which bytes it must be.
    pub sha256: Option<Digest>,
    /// What it is granted beyond the limits.
    pub grant: Grant,
    /// Whether a rule without examples, which nothing tests, is installed.
    pub untested: Untested,
}

/// What to do with a rule without examples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Untested {
    /// It is not installed.
    #[default]
    Refuse,
    /// It is.
    Accept,
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
    /// What a rule learns and where it leads; none of a generator.
    pub reach: Option<RuleReach>,
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
        may_be_asked(&examined, wish)?;
        let name = wish.name.clone().unwrap_or_else(|| examined.id.clone());
        let version = LockedVersion {
            rule: examined.id,
            kind: kind(examined.world),
            version: examined.version,
            sha256: digest.hex(),
            bytes: fetched.bytes.len() as u64,
            source: fetched.origin.kept(self.options.lock_file.path()),
            signer: signed.signer(),
            grants: wish.grant.texts(),
        };
        let earlier = self.change(|file| {
            may_stand(file, &name, &version)?;
            self.keep(fetched, &version, &wish.grant)?;
            Ok(enter(file, &name, version.clone()))
        })?;
        Ok(Installed { name, version, signed, earlier, reach: examined.reach })
    }

    /// Keeps the bytes of a component that was examined, with what is known of it.
    fn keep(&self, fetched: &Fetched, version: &LockedVersion, grant: &Grant) -> Result<(), RegistryError> {
        let record = Record::of(version).after(self.record(version)).text();
        let grants = grant.to_string();
        let with = KeptWith { signature: fetched.signature.as_deref(), grants: &grants, record: &record };
        Ok(self.store.put(&fetched.bytes, &with)?)
    }

    /// Fetched again, byte for byte: puts what the lockfile names, and nothing
    /// else, where it is kept. It is checked as one that is installed, except
    /// that whoever installed it first took it with or without examples.
    pub fn restore(
        &self,
        missing: &Missing,
        fetched: &Fetched,
        (grants, options): (StrangeGrants, &RuleOptions),
    ) -> Result<Signed, RegistryError> {
        let version = &missing.version;
        let (what, digest) = (fetched.origin.to_string(), sha256(&fetched.bytes));
        if digest.hex() != version.sha256 {
            let expected =
                Digest::from_hex(digest.algorithm(), &version.sha256).expect("a lockfile is checked when read");
            return Err(RegistryError::Mismatch { what, expected, got: digest });
        }
        let signed = self.judge(&what, &fetched.bytes, fetched.signature.as_deref())?;
        let examined = check(fetched, &missing.grant, options)?;
        let mut grant = missing.grant.clone();
        if examined.is_any_host() && !grant.is_any_host() {
            // The lockfile of an earlier version does not say so.
            if grants == StrangeGrants::Refuse {
                let grant = Grant::any_host().to_string();
                return Err(RegistryError::StrangeGrant { name: missing.name.clone(), grant });
            }
            grant = grant.with(&Grant::any_host());
        }
        let known = LockedVersion {
            rule: examined.id.clone(),
            kind: kind(examined.world),
            version: examined.version.clone(),
            ..version.clone()
        };
        let edited = |edited| RegistryError::Edited { name: missing.name.clone(), edited };
        check_length(version, fetched.bytes.len()).map_err(edited)?;
        Record::of(&known).check(version).map_err(edited)?;
        let _lock = self.store.lock()?;
        self.keep(fetched, &known, &grant)?;
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

fn kind(world: World) -> LockedKind {
    match world {
        World::MirrorRule => LockedKind::MirrorRule,
        World::ManifestGenerator => LockedKind::ManifestGenerator,
    }
}

/// Whether a component may take part as far as the user agreed.
fn may_be_asked(examined: &Examined, wish: &Wish) -> Result<(), RegistryError> {
    let rule = || examined.id.clone();
    match &examined.reach {
        Some(reach) if reach.is_any_host() && !wish.grant.is_any_host() => Err(RegistryError::AnyHost {
            rule: rule(),
            asked_about: asked_about(&reach.patterns).into_iter().next().unwrap_or_default(),
        }),
        Some(reach) if reach.examples.count == 0 && wish.untested == Untested::Refuse => {
            Err(RegistryError::Untested(rule()))
        }
        _ => Ok(()),
    }
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
