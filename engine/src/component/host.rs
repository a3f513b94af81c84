//! What all rules of a set share: limits, the vault, the engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, InstancePre};

use super::bindings::v0_1::MirrorRulePre;
use super::code::{Code, CodeName};
use super::description::Description;
use super::failure::Failure;
use super::instance::Settings;
use super::runtime::{Effort, Runtime};
use super::sandbox::Sandbox;
use super::tally::Count;
use super::vault::Vault;
use super::{FaultKind, Limits};
use crate::model::{Algorithm, Digest};

/// What all rules of a set share. The engine starts with the first call, so
/// that a set nobody asks costs nothing.
pub(super) struct Host {
    limits: Arc<Limits>,
    vault: OnceLock<Option<Vault>>,
    cache_dir: Option<PathBuf>,
    known: BTreeMap<String, Description>,
    instances: u32,
    runtime: OnceLock<Result<Runtime, Failure>>,
    built: Arc<BuildTally>,
}

/// What became of compilations.
#[derive(Debug, Default)]
pub(super) struct BuildTally {
    pub(super) compiled: Count,
    pub(super) compile_ms: Count,
    pub(super) restored: Count,
}

impl Host {
    /// A host with room for so many instances at once, a place for compiled
    /// components, descriptions that need not be asked for, and where to count
    /// what is compiled.
    pub(super) fn new(
        limits: &Limits,
        cache_dir: Option<PathBuf>,
        known: BTreeMap<String, Description>,
        instances: u32,
        built: Arc<BuildTally>,
    ) -> Self {
        Self {
            limits: Arc::new(limits.clone()),
            vault: OnceLock::new(),
            cache_dir,
            known,
            instances,
            runtime: OnceLock::new(),
            built,
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The vault, opened if it has not been. Without one all works, slower.
    fn vault(&self) -> Option<&Vault> {
        let open = || {
            let report = |error| tracing::debug!(target: "component", %error, "no cache of compiled components");
            Vault::open(self.cache_dir.as_deref()?).map_err(report).ok()
        };
        self.vault.get_or_init(open).as_ref()
    }

    /// The engine, started if it has not been.
    pub(super) fn runtime(&self) -> Result<&Runtime, Failure> {
        self.runtime
            .get_or_init(|| Runtime::new(&self.limits, self.instances).map_err(|error| Failure::load(&error)))
            .as_ref()
            .map_err(Failure::clone)
    }

    /// Makes a rule callable: from the vault, else by compiling it.
    pub(super) fn prepare(
        &self,
        component: &[u8],
        sha256: &str,
        effort: Effort,
    ) -> Result<MirrorRulePre<Sandbox>, Failure> {
        self.load(component, sha256, effort)
            .and_then(|linked| MirrorRulePre::new(linked).map_err(|error| Failure::load(&error)))
    }

    /// Links a component of any world: from the vault, else compiled.
    pub(super) fn load(&self, component: &[u8], sha256: &str, effort: Effort) -> Result<InstancePre<Sandbox>, Failure> {
        let runtime = self.runtime()?;
        let name = CodeName::new(runtime.engine(), sha256);
        let restored = self.vault().and_then(|vault| Code::restore(vault, &name)?.load(runtime.engine()));
        let loaded = match restored {
            Some(loaded) => {
                self.built.restored.add(1);
                loaded
            }
            None => self.compile(runtime, component, &name, effort)?,
        };
        runtime.link(&loaded).map_err(|error| Failure::load(&error))
    }

    fn compile(
        &self,
        runtime: &Runtime,
        component: &[u8],
        name: &CodeName,
        effort: Effort,
    ) -> Result<Component, Failure> {
        let began = Instant::now();
        let code = runtime.compiler(effort).and_then(|compiler| Code::compile(compiler, component));
        self.built.compiled.add(1);
        self.built.compile_ms.add(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let code = code.map_err(|error| Failure::load(&error))?;
        if let Some(vault) = self.vault() {
            code.keep(vault, name);
        }
        code.load(runtime.engine()).ok_or_else(|| Failure::new(FaultKind::Load, "the compiled code does not load"))
    }

    /// What a component said of itself when it last passed its self-test,
    /// under the same settings, limits and engine version.
    pub(super) fn recall(&self, sha256: &str, settings: &Settings) -> Option<Description> {
        if let Some(known) = self.known.get(sha256).filter(|_| settings.is_empty()) {
            return Some(known.clone());
        }
        serde_json::from_slice(&self.vault()?.read(&self.description_name(sha256, settings))?).ok()
    }

    /// Whether a component need not be asked what it is, though perhaps with
    /// other settings.
    pub(super) fn remembers(&self, sha256: &str) -> bool {
        self.recall(sha256, &Settings::new()).is_some()
    }

    /// Keeps what a component said of itself.
    pub(super) fn remember(&self, sha256: &str, settings: &Settings, description: &Description) {
        if let Some(vault) = self.vault() {
            let bytes = serde_json::to_vec(description).expect("texts in lists serialise");
            vault.write(&self.description_name(sha256, settings), &bytes);
        }
    }

    fn description_name(&self, sha256: &str, settings: &Settings) -> String {
        #[derive(Serialize)]
        struct Circumstances<'a>(&'a str, &'a Settings, &'a Limits);
        let circumstances = Circumstances(env!("CARGO_PKG_VERSION"), settings, &self.limits);
        let bytes = serde_json::to_vec(&circumstances).expect("texts and numbers serialise");
        format!("{sha256}-{}.about", &sha256_hex(&bytes)[..16])
    }
}

/// The SHA-256 of bytes, in lower-case hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    let value = Sha256::digest(bytes);
    Digest::new(Algorithm::Sha256, &value).expect("SHA-256 has the length of SHA-256").hex()
}
