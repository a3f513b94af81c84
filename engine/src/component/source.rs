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
use super::{ComponentError, FaultKind, Limits, ScanLimit, wasi};

/// The interfaces this engine speaks, as errors name them.
const OFFERED: &str = "turbo:engine@0.1";
const RULES: &str = "turbo:engine/mirror-rules";

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

    /// Holds the file against the limits and the interface, before anything
    /// of it is compiled.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Rejected> {
        let path = self.shown_path();
        match scan(&self.bytes, limits) {
            Ok(scan) => self.check_world(&scan).map_err(Rejected::Unusable),
            Err(Refusal::Malformed(reason)) => {
                Err(Rejected::Unusable(ComponentError::NotComponent { path, reason: shown(&reason) }))
            }
            Err(Refusal::CoreModule) => Err(Rejected::Unusable(ComponentError::CoreModule { path })),
            Err(Refusal::Limit(ScanLimit::FileBytes, _)) => {
                let message = format!("the limit is {} bytes", limits.file_bytes);
                Err(Failure::new(FaultKind::PreScan(ScanLimit::FileBytes), message).into())
            }
            Err(Refusal::Limit(limit, message)) => Err(Failure::new(FaultKind::PreScan(limit), message).into()),
        }
    }

    fn check_world(&self, scan: &Scan) -> Result<(), ComponentError> {
        let path = self.shown_path();
        let ours: Vec<&str> = scan.exports.iter().map(String::as_str).filter(|name| interface(name) == RULES).collect();
        if ours.is_empty() {
            let found = if scan.exports.is_empty() { "nothing".to_owned() } else { shown(&scan.exports.join(", ")) };
            return Err(ComponentError::OtherWorld { path, found, wanted: RULES });
        }
        let of_package = scan.imports.iter().map(String::as_str).filter(|name| name.starts_with("turbo:engine/"));
        if let Some(found) = of_package.chain(ours).find(|name| !is_spoken(name)) {
            return Err(ComponentError::Version { path, found: shown(found), offered: OFFERED });
        }
        let is_offered = |name: &&String| is_spoken(name) && name.starts_with("turbo:engine/") || wasi::offers(name);
        match scan.imports.iter().find(|name| !is_offered(name)) {
            Some(import) => Err(ComponentError::Import { path, import: shown(import) }),
            None => Ok(()),
        }
    }
}

/// A name from the file, which may hold anything.
fn shown(name: &str) -> String {
    printable(name, NAME_BYTES)
}

/// The name of an interface without its version.
fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}

/// Whether an interface's version is of the 0.1 track. A pre-release is
/// compatible with nothing but itself.
fn is_spoken(name: &str) -> bool {
    name.split_once("@0.1.")
        .is_some_and(|(_, patch)| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}
