//! A guest crate as cargo sees it, and its compilation with every path of
//! this machine kept out.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fs, str};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{BuildError, Messages, Target};
use crate::component::author::Manifest;

/// Joins the flags in `CARGO_ENCODED_RUSTFLAGS`, so that paths may hold spaces.
const FLAG_SEPARATOR: &str = "\x1f";

/// Whether the names of functions stay in what is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// For a component that is used.
    Drop,
    /// For backtraces that its author can read.
    Keep,
}

/// A crate that makes a component, and all that its compilation reads.
pub(super) struct Guest {
    /// Name of the package and of the component file.
    pub(super) name: String,
    /// What to compile for.
    pub(super) target: Target,
    manifest: PathBuf,
    metadata: Metadata,
    lock: Lock,
}

/// Whether cargo has to keep to the lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// There is one.
    Kept,
    /// A new project has none, and cargo writes it.
    Absent,
}

impl Lock {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kept => &["--locked"],
            Self::Absent => &[],
        }
    }
}

impl Guest {
    /// Reads the crate in a folder. A target given here goes before the one
    /// that the crate's manifest names.
    pub(super) fn open(dir: &Path, target: Option<Target>) -> Result<Self, BuildError> {
        let manifest = dir.join("Cargo.toml");
        let lock = lock(dir, &manifest)?;
        let metadata = Metadata::read(dir, &manifest, lock)?;
        let no_component = || BuildError::NoComponent { dir: dir.to_owned() };
        let package = metadata.package(&manifest).ok_or_else(no_component)?;
        if !package.targets.iter().any(CargoTarget::is_component) {
            return Err(no_component());
        }
        let target = match (target, package.target_named()) {
            (Some(target), _) => target,
            (None, Some(triple)) => triple.parse()?,
            (None, None) => Target::Bare,
        };
        Ok(Self { name: package.name.clone(), target, manifest, metadata, lock })
    }

    /// Compiles the crate and reads the WebAssembly file that cargo names.
    pub(super) fn compile(&self, messages: Messages, names: Names) -> Result<Vec<u8>, BuildError> {
        let flags = self.flags(&Toolchain::find(self.folder(), self.target)?);
        let mut command = Command::new("cargo");
        if names == Names::Keep {
            // A folder of its own, so that neither build undoes the other's.
            let target = self.metadata.target_directory.join("with-names");
            command.env("CARGO_PROFILE_RELEASE_STRIP", "none").env("CARGO_TARGET_DIR", target);
        }
        let output = command
            .args(["build", "--release", "--lib", "--message-format=json-render-diagnostics"])
            .args(self.lock.arguments())
            .args(["--target", self.target.triple(), "--manifest-path"])
            .arg(&self.manifest)
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join(FLAG_SEPARATOR))
            .stderr(match messages {
                Messages::Show => Stdio::inherit(),
                Messages::Keep => Stdio::piped(),
            })
            .output()
            .map_err(|source| BuildError::Tool { program: "cargo", source })?;
        if !output.status.success() {
            return Err(self.compile_error(&output));
        }
        let path = self.artifact(&output.stdout).ok_or_else(|| self.compile_error(&output))?;
        fs::read(&path).map_err(|source| BuildError::file(&path, source))
    }

    /// Replaces what differs between machines. The last match wins in rustc,
    /// so the wide folders come first.
    fn flags(&self, toolchain: &Toolchain) -> Vec<String> {
        let mut places = vec![
            (self.metadata.target_directory.clone(), "/target".to_owned()),
            (self.metadata.workspace_root.clone(), "/workspace".to_owned()),
            (toolchain.library_source(), format!("/rustc/{}", toolchain.commit)),
        ];
        // A dependency's folder names the registry it came from, which differs
        // with mirrors and vendoring; its name and version do not.
        let root = &self.metadata.workspace_root;
        let is_outside = |package: &&Package| package.source.is_some() || !package.manifest_path.starts_with(root);
        places.extend(self.metadata.packages.iter().filter(is_outside).filter_map(|package| {
            Some((package.manifest_path.parent()?.to_owned(), format!("/{}-{}", package.name, package.version)))
        }));
        places.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
    }

    fn folder(&self) -> &Path {
        self.manifest.parent().expect("the manifest was joined to a folder")
    }

    fn artifact(&self, messages: &[u8]) -> Option<PathBuf> {
        let package = self.metadata.package(&self.manifest)?;
        str::from_utf8(messages)
            .ok()?
            .lines()
            .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
            .filter(|artifact| artifact.package_id == package.id && artifact.target.is_component())
            .flat_map(|artifact| artifact.filenames)
            .find(|file| file.extension() == Some(OsStr::new("wasm")))
    }

    fn compile_error(&self, output: &Output) -> BuildError {
        BuildError::compile("cargo", &self.name, &output.stderr)
    }

    /// What the component asks to be granted, as it carries it along.
    pub(super) fn grants(&self) -> Result<String, BuildError> {
        let manifest = Manifest::read(self.folder()).map_err(|error| BuildError::Manifest(Box::new(error)))?;
        let grant = manifest.and_then(|manifest| manifest.grant().ok());
        Ok(grant.map(|grant| grant.to_string()).unwrap_or_default())
    }
}

/// The compiler that cargo will call in the guest's folder.
struct Toolchain {
    sysroot: PathBuf,
    commit: String,
}

impl Toolchain {
    /// Asks rustc, and makes sure that it knows the target's standard library.
    fn find(dir: &Path, target: Target) -> Result<Self, BuildError> {
        let paths = rustc(dir, &["--print=sysroot", "--print=target-libdir", "--target", target.triple()])?;
        let mut lines = paths.lines();
        let (Some(sysroot), Some(library)) = (lines.next(), lines.next()) else {
            return Err(BuildError::MissingTarget(target));
        };
        if !Path::new(library).is_dir() {
            return Err(BuildError::MissingTarget(target));
        }
        let version = rustc(dir, &["-vV"])?;
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
        Ok(Self { sysroot: sysroot.into(), commit: commit.to_owned() })
    }

    /// Where rustup puts the standard library's source when it is installed;
    /// without it rustc writes the paths that [`Guest::flags`] maps this to.
    fn library_source(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }
}

/// Looks for the lock file of the crate's workspace.
fn lock(dir: &Path, manifest: &Path) -> Result<Lock, BuildError> {
    let output = Command::new("cargo")
        .args(["locate-project", "--workspace", "--message-format=plain", "--manifest-path"])
        .arg(manifest)
        .output()
        .map_err(|source| BuildError::Tool { program: "cargo", source })?;
    if !output.status.success() {
        return Err(metadata_error(dir, &output));
    }
    let root = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
    Ok(if root.with_file_name("Cargo.lock").exists() { Lock::Kept } else { Lock::Absent })
}

fn metadata_error(dir: &Path, output: &Output) -> BuildError {
    let message = String::from_utf8_lossy(&output.stderr);
    let message = message.trim_start_matches("error: ").trim_end().to_owned();
    BuildError::Metadata { dir: dir.to_owned(), message }
}

fn rustc(dir: &Path, arguments: &[&str]) -> Result<String, BuildError> {
    let output = Command::new("rustc")
        .args(arguments)
        .current_dir(dir)
        .output()
        .map_err(|source| BuildError::Tool { program: "rustc", source })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The part of `cargo metadata` that matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Metadata {
    fn read(dir: &Path, manifest: &Path, lock: Lock) -> Result<Self, BuildError> {
        let output = Command::new("cargo")
            .args(["metadata", "--format-version=1"])
            .args(lock.arguments())
            .arg("--manifest-path")
            .arg(manifest)
            .output()
            .map_err(|source| BuildError::Tool { program: "cargo", source })?;
        if !output.status.success() {
            return Err(metadata_error(dir, &output));
        }
        parse(&output.stdout).map_err(|error| BuildError::Metadata { dir: dir.to_owned(), message: error.to_string() })
    }

    fn package(&self, manifest: &Path) -> Option<&Package> {
        let manifest = manifest.canonicalize().ok()?;
        self.packages.iter().find(|package| package.manifest_path.canonicalize().is_ok_and(|path| path == manifest))
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json)
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<CargoTarget>,
    metadata: Option<serde_json::Value>,
}

impl Package {
    /// The value of `package.metadata.turbo-engine.target`.
    fn target_named(&self) -> Option<&str> {
        self.metadata.as_ref()?.pointer("/turbo-engine/target")?.as_str()
    }
}

#[derive(Deserialize)]
struct CargoTarget {
    crate_types: Vec<String>,
}

impl CargoTarget {
    fn is_component(&self) -> bool {
        self.crate_types.iter().any(|kind| kind == "cdylib")
    }
}

/// One of cargo's messages: a file that it built.
#[derive(Deserialize)]
struct Artifact {
    package_id: String,
    target: CargoTarget,
    filenames: Vec<PathBuf>,
}
