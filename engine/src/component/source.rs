//! Where a component comes from, and whether it is one that can be used.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::built_in::BuiltIn;
use super::failure::Failure;
use super::host::sha256_hex;
use super::runtime::Effort;
use super::scan::{Refusal, Scan, scan};
use super::text::printable;
use super::world::{World, is_spoken};
use super::{ComponentError, FaultKind, Limits, ScanLimit, wasi};

/// The interfaces this engine speaks, as errors name them.
const OFFERED: &str = "turbo:engine@0.1";

/// Longest name that an error quotes.
const NAME_BYTES: usize = 200;

/// A component's bytes and where they are from.
pub(super) struct Source {
    /// The file; none for a rule inside the engine.
    pub(super) path: Option<PathBuf>,
    /// What to call it until it says its name.
    pub(super) name: String,
    /// The component.
    pub(super) bytes: Cow<'static, [u8]>,
    /// Its SHA-256 in hexadecimal.
    pub(super) sha256: String,
}

/// Why a component does not take part.
#[derive(Debug)]
pub(super) enum Rejected {
    /// It is no usable component at all.
    Unusable(ComponentError),
    /// It is one, but breaks a limit or fails its own test.
    Faulty(Failure),
}

impl From<Failure> for Rejected {
    fn from(failure: Failure) -> Self {
        Self::Faulty(failure)
    }
}

impl Source {
    /// A rule inside the engine.
    pub(super) fn built_in(built_in: &BuiltIn) -> Self {
        Self {
            path: None,
            name: built_in.id.to_owned(),
            bytes: Cow::Borrowed(built_in.bytes),
            sha256: sha256_hex(built_in.bytes),
        }
    }

    /// A file that the user named. One byte beyond the limit is enough to
    /// know that a file is too long.
    pub(super) fn read(path: &Path, limits: &Limits) -> Result<Self, ComponentError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(limits.file_bytes.saturating_add(1)).read_to_end(&mut bytes))
            .map_err(|source| ComponentError::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { path: Some(path.to_owned()), name, sha256: sha256_hex(&bytes), bytes: Cow::Owned(bytes) })
    }

    /// How hard to compile it.
    pub(super) fn effort(&self) -> Effort {
        if self.path.is_some() { Effort::SinglePass } else { Effort::Full }
    }

    /// The path that errors name.
    pub(super) fn shown_path(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| PathBuf::from(format!("built-in:{}", self.name)))
    }

    /// Holds the file against the limits and the interface of a rule, before
    /// anything of it is compiled.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Rejected> {
        let scan = scan(&self.bytes, limits).map_err(|refusal| self.reject(refusal, limits))?;
        self.check_world(&scan, World::MirrorRule).map_err(Rejected::Unusable)
    }

    /// Why a file that is refused before compilation does not take part.
    pub(super) fn reject(&self, refusal: Refusal, limits: &Limits) -> Rejected {
        let path = self.shown_path();
        match refusal {
            Refusal::Malformed(reason) => {
                Rejected::Unusable(ComponentError::NotComponent { path, reason: shown(&reason) })
            }
            Refusal::CoreModule => Rejected::Unusable(ComponentError::CoreModule { path }),
            Refusal::Limit(ScanLimit::FileBytes, _) => {
                let message = format!("the limit is {} bytes", limits.file_bytes);
                Failure::new(FaultKind::PreScan(ScanLimit::FileBytes), message).into()
            }
            Refusal::Limit(limit, message) => Failure::new(FaultKind::PreScan(limit), message).into(),
        }
    }

    /// Holds what a component asks for and offers against a world.
    pub(super) fn check_world(&self, scan: &Scan, world: World) -> Result<(), ComponentError> {
        let path = self.shown_path();
        let exports = || scan.exports.iter().map(String::as_str);
        let ours: Vec<&str> = exports().filter(|name| world.is_exported_by(name)).collect();
        if ours.is_empty() {
            let found = if scan.exports.is_empty() { "nothing".to_owned() } else { shown(&scan.exports.join(", ")) };
            return Err(ComponentError::OtherWorld { path, found, wanted: world });
        }
        let of_package = scan.imports.iter().map(String::as_str).filter(|name| name.starts_with("turbo:engine/"));
        if let Some(found) = of_package.chain(ours).find(|name| !is_spoken(name)) {
            return Err(ComponentError::Version { path, found: shown(found), offered: OFFERED });
        }
        match scan.imports.iter().find(|name| !is_offered(name)) {
            Some(import) => Err(ComponentError::Import { path, import: shown(import) }),
            None => Ok(()),
        }
    }
}

/// Whether an import is one that components get.
pub(super) fn is_offered(import: &str) -> bool {
    is_spoken(import) && import.starts_with("turbo:engine/") || wasi::offers(import)
}

/// A name from the file, which may hold anything.
pub(super) fn shown(name: &str) -> String {
    printable(name, NAME_BYTES)
}
