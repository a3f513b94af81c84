//! Where a component comes from, and whether it is one that can be used.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::built_in::BuiltIn;
use super::failure::Failure;
use super::host::sha256_hex;
use super::runtime::Effort;
use super::scan::{Refusal, Scan, needed, scan};
use super::text::printable;
use super::world::{World, is_spoken};
use super::{ComponentError, FaultKind, Grant, Limits, ScanLimit, wasi};

/// The interfaces this engine speaks, as errors name them.
const OFFERED: &str = "turbo:engine@0.1";

/// Longest name that an error quotes.
const NAME_BYTES: usize = 200;

/// Longest name of an interface that is told.
const INTERFACE_BYTES: usize = 300;

/// Components that somebody else found in one place.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// Those that may take part, in the order of their names.
    pub given: Vec<GivenComponent>,
    /// Those that must not.
    pub refused: Vec<RefusedComponent>,
}

/// A component that must not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedComponent {
    /// What it is called there.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What happens when a component cannot take part, and who is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// The user named it for this run, and has to know.
    Named,
    /// It lies in the folder that the user named.
    Folder,
    /// The user installed it; the others go on without it.
    Installed,
    /// It is inside the engine.
    BuiltIn,
}

/// A component that somebody else read.
#[derive(Debug, Clone)]
pub struct GivenComponent {
    /// What to call it until it says its name.
    pub name: String,
    /// The path that errors name.
    pub path: PathBuf,
    /// The component.
    pub bytes: Vec<u8>,
}

/// The interfaces that a component names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// What it wants of its host.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

/// A component's bytes and where they are from.
pub(super) struct Source {
    /// The file; none for a rule inside the engine.
    pub(super) path: Option<PathBuf>,
    /// Who vouches for it.
    pub(super) standing: Standing,
    /// What to call it until it says its name.
    pub(super) name: String,
    /// The component, or the start of one that is too long.
    pub(super) bytes: Cow<'static, [u8]>,
    /// Length of the whole file.
    pub(super) file_bytes: u64,
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

impl Rejected {
    /// The failure of a component that others go on without.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Unusable(error) => Failure::new(FaultKind::Load, error.to_string()),
            Self::Faulty(failure) => failure,
        }
    }
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
            standing: Standing::BuiltIn,
            name: built_in.id.to_owned(),
            bytes: Cow::Borrowed(built_in.bytes),
            file_bytes: built_in.bytes.len() as u64,
            sha256: sha256_hex(built_in.bytes),
        }
    }

    /// A file that the user named. One byte beyond the limit is enough to
    /// know that a file is too long; the limit is the highest that any
    /// component was granted, and which ones this is, its digest tells.
    pub(super) fn read(path: &Path, limits: &Limits, grants: &BTreeMap<String, Grant>) -> Result<Self, ComponentError> {
        let granted = grants.values().map(|grant| grant.raise(limits).file_bytes);
        let most = granted.fold(limits.file_bytes, u64::max);
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| {
            let length = file.metadata()?.len();
            file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
            Ok(length.max(bytes.len() as u64))
        });
        let file_bytes = read.map_err(|source| ComponentError::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let given = Self::given(GivenComponent { name, path: path.to_owned(), bytes }, Standing::Named);
        Ok(Self { file_bytes, ..given })
    }

    /// A component that somebody else read.
    pub(super) fn given(component: GivenComponent, standing: Standing) -> Self {
        let GivenComponent { name, path, bytes } = component;
        let (file_bytes, sha256) = (bytes.len() as u64, sha256_hex(&bytes));
        Self { path: Some(path), standing, name, bytes: Cow::Owned(bytes), file_bytes, sha256 }
    }

    /// A component that is not to be looked at.
    pub(super) fn unread(refused: &RefusedComponent, standing: Standing) -> Self {
        let RefusedComponent { name, path, .. } = refused.clone();
        Self::given(GivenComponent { name, path, bytes: Vec::new() }, standing)
    }

    /// The same without its bytes: of what does not take part nobody needs them.
    pub(super) fn emptied(&self) -> Self {
        let Self { path, standing, name, bytes: _, file_bytes, sha256 } = self;
        let (path, name, sha256) = (path.clone(), name.clone(), sha256.clone());
        Self { path, standing: *standing, name, bytes: Cow::Borrowed(&[]), file_bytes: *file_bytes, sha256 }
    }

    /// How hard to compile it.
    pub(super) fn effort(&self) -> Effort {
        if self.standing == Standing::BuiltIn { Effort::Full } else { Effort::SinglePass }
    }

    /// The path that errors name.
    pub(super) fn shown_path(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| PathBuf::from(format!("built-in:{}", self.name)))
    }

    /// Holds the file against the limits and the interface of a world, before
    /// anything of it is compiled.
    pub(super) fn check(&self, limits: &Limits, world: World) -> Result<(), Rejected> {
        let scan = scan(&self.bytes, limits).map_err(|refusal| self.reject(refusal, limits))?;
        self.check_world(&scan, world).map_err(Rejected::Unusable)
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
                let message = format!("{} bytes, the limit is {}", self.file_bytes, limits.file_bytes);
                self.over(limits, ScanLimit::FileBytes, &message)
            }
            Refusal::Limit(limit, message) => self.over(limits, limit, &message),
        }
    }

    /// A component over a limit, with all that the user would have to grant it.
    fn over(&self, limits: &Limits, which: ScanLimit, message: &str) -> Rejected {
        let is_whole = self.file_bytes == self.bytes.len() as u64;
        let grant = match needed(&self.bytes, limits) {
            Some(grant) if is_whole => grant,
            // Cut off, it cannot be read to the end, so that its length is all
            // that is known.
            _ if which == ScanLimit::FileBytes && !is_whole => Grant::needed([(which, self.file_bytes)], limits),
            _ => Grant::default(),
        };
        Failure::new(FaultKind::PreScan(which), message).with_grant(grant).into()
    }

    /// The interfaces that it names.
    pub(super) fn interfaces(&self, limits: &Limits) -> Result<Interfaces, ComponentError> {
        let path = self.shown_path();
        let tame = |names: Vec<String>| names.iter().map(|name| printable(name, INTERFACE_BYTES)).collect();
        match scan(&self.bytes, limits) {
            Ok(Scan { imports, exports, .. }) => Ok(Interfaces { imports: tame(imports), exports: tame(exports) }),
            Err(Refusal::Malformed(reason)) => Err(ComponentError::NotComponent { path, reason: shown(&reason) }),
            Err(Refusal::CoreModule) => Err(ComponentError::CoreModule { path }),
            Err(Refusal::Limit(limit, message)) => Err(ComponentError::Faulty {
                path,
                what: FaultKind::PreScan(limit),
                message,
                grant: needed(&self.bytes, limits).unwrap_or_default(),
            }),
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

/// What of the interface a component imports.
const IMPORTABLE: [&str; 2] = ["turbo:engine/log", "turbo:engine/types"];

/// Whether an import is one that components get.
pub(super) fn is_offered(import: &str) -> bool {
    let is_ours = import.split_once('@').is_some_and(|(interface, _)| IMPORTABLE.contains(&interface));
    is_ours && is_spoken(import) || wasi::offers(import)
}

/// A name from the file, which may hold anything.
pub(super) fn shown(name: &str) -> String {
    printable(name, NAME_BYTES)
}
