//! The registry of installed components out of settings, and the flags that
//! choose it.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::download::{path_text, switch, valued};
use super::settings::{Flag, Settings, data_dir, trust_path};
use crate::registry::{LockPath, LockPolicy, Registry, RegistryOptions, SignaturePolicy};

/// Which installed components count.
#[derive(Debug, Args)]
pub(super) struct LockArgs {
    /// Lockfile of installed components, a project's for instance
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    lock: Option<PathBuf>,
    /// Use components only as the lockfile has them, byte for byte, and fetch none
    #[arg(long)]
    frozen: bool,
    /// Refuse components without a signature by a trusted key
    #[arg(long)]
    require_signature: bool,
}

impl LockArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let flags = [
            valued("lock", path_text(self.lock.as_ref())),
            switch(self.frozen, "frozen", "frozen", "true"),
            switch(self.require_signature, "require-signature", "require-signature", "true"),
        ];
        flags.into_iter().flatten().collect()
    }
}

/// The registry that settings name.
pub(super) fn registry(settings: &Settings) -> Registry {
    let folder = data_dir(settings);
    Registry::new(RegistryOptions {
        lock_file: settings.path("lock").map_or_else(|| LockPath::Own(folder.join("turbo.lock")), LockPath::Named),
        trust_file: trust_path(settings),
        signatures: if settings.switch("require-signature") {
            SignaturePolicy::Required
        } else {
            SignaturePolicy::Optional
        },
        lock: if settings.switch("frozen") { LockPolicy::Frozen } else { LockPolicy::Open },
        folder,
    })
}
