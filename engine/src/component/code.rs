//! Machine code: made by the compiler, kept in the vault, loaded once.
//!
//! Holds the crate's only unsafe code. Its proof rests on [`Code`] being made
//! in two places only, both in this file.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::panic::{self, AssertUnwindSafe};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::vault::{Genuine, Vault};

/// The compiled form of a component, as the compiler of this very build wrote
/// it and nobody touched since.
pub(super) struct Code(Bytes);

/// Where the code is from.
enum Bytes {
    Compiled(Vec<u8>),
    Kept(Genuine),
}

impl Code {
    /// Compiles a component.
    pub(super) fn compile(compiler: &Engine, component: &[u8]) -> wasmtime::Result<Self> {
        Ok(Self(Bytes::Compiled(compiler.precompile_component(component)?)))
    }

    /// Takes code out of the vault, if it holds any for this component and engine.
    pub(super) fn restore(vault: &Vault, name: &CodeName) -> Option<Self> {
        Some(Self(Bytes::Kept(vault.read(&name.0)?)))
    }

    /// Puts the code into the vault.
    pub(super) fn keep(&self, vault: &Vault, name: &CodeName) {
        vault.write(&name.0, self.bytes());
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Compiled(bytes) => bytes,
            Bytes::Kept(bytes) => bytes,
        }
    }

    /// Makes the code callable.
    ///
    /// A panic is taken for a refusal: the reader of precompiled code was not
    /// written for surprises, and the caller can always compile again.
    #[expect(unsafe_code, reason = "loading precompiled code trusts its bytes; the type vouches for them")]
    pub(super) fn load(&self, engine: &Engine) -> Option<Component> {
        // SAFETY: `deserialize` requires bytes that `precompile_component`
        // produced, unchanged. A `Code` is made by `compile`, which returns
        // them straight from there, or by `restore`, whose bytes the vault
        // authenticated under a key that only this user can read, after they
        // were read and in the same buffer that is used here. The vault only
        // ever stores such bytes through `keep`, and under a name that no other
        // kind of file has; `bytes` hands out nothing else. Code of another engine version, configuration or
        // processor is refused by `deserialize` itself.
        let loaded = panic::catch_unwind(AssertUnwindSafe(|| unsafe { Component::deserialize(engine, self.bytes()) }));
        loaded.ok()?.inspect_err(|error| tracing::debug!(target: "component", %error, "cached code does not fit")).ok()
    }
}

/// Under which name the vault keeps the code of a component for an engine.
pub(super) struct CodeName(String);

impl CodeName {
    /// The name for a component, by its digest in hexadecimal.
    pub(super) fn new(engine: &Engine, sha256: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(format!("{sha256}-{:016x}.code", hasher.finish()))
    }
}
