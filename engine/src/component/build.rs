//! Builds a component from the source of a guest crate.
//!
//! Owns the way from a cargo crate to the file that is committed, signed and
//! loaded. Must not load or run a component. Key invariant: the bytes depend
//! on the source, the lock file, the profile and the version of rustc alone;
//! neither the folder, the machine nor its cargo home shows in them, so anyone
//! can rebuild a component and compare.

mod guest;
mod sections;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use wit_component::ComponentEncoder;

use self::guest::{Guest, Names};
use crate::model::{Algorithm, Digest, ExitCode, Explain};

/// What to build and where to put it.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Folder of the guest crate, with its `Cargo.toml`.
    pub dir: PathBuf,
    /// Target to compile for. None: what the crate says under
    /// `package.metadata.turbo-engine.target`, else [`Target::Bare`].
    pub target: Option<Target>,
    /// Folder of the built files; created when it is missing.
    pub out: PathBuf,
    /// Where cargo's messages go.
    pub messages: CargoMessages,
}

/// A WebAssembly target that makes components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// `wasm32-unknown-unknown`: no WASI import at all.
    Bare,
    /// `wasm32-wasip2`: the standard library's WASI imports.
    Wasip2,
}

impl Target {
    /// The name that rustc and rustup use.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Bare => "wasm32-unknown-unknown",
            Self::Wasip2 => "wasm32-wasip2",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

impl FromStr for Target {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        [Self::Bare, Self::Wasip2]
            .into_iter()
            .find(|target| target.triple() == text)
            .ok_or_else(|| BuildError::UnknownTarget(text.to_owned()))
    }
}

/// Where cargo's messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CargoMessages {
    /// To the standard error of this process, as they come.
    Show,
    /// Into the error when cargo fails.
    Keep,
}

/// A component that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component file; its digest stands beside it in `FILE.sha256`.
    pub path: PathBuf,
    /// What it was compiled for.
    pub target: Target,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub digest: Digest,
}

/// Builds a component and writes `NAME.wasm` and `NAME.wasm.sha256`, which
/// `sha256sum --check` reads. NAME is the package's.
pub fn build(options: &BuildOptions) -> Result<Built, BuildError> {
    let (built, component) = compile(options)?;
    fs::create_dir_all(&options.out).map_err(|source| BuildError::file(&options.out, source))?;
    for (path, content) in [(built.path.clone(), component), (digest_path(&built), digest_line(&built).into_bytes())] {
        fs::write(&path, content).map_err(|source| BuildError::file(&path, source))?;
    }
    Ok(built)
}

/// Builds a component, writes nothing, and fails unless the files that
/// [`build`] would write stand there already, byte for byte.
pub fn check(options: &BuildOptions) -> Result<Built, BuildError> {
    let (built, component) = compile(options)?;
    for (path, want) in [(built.path.clone(), component), (digest_path(&built), digest_line(&built).into_bytes())] {
        let found = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(BuildError::Absent { path }),
            other => other.map_err(|source| BuildError::file(&path, source))?,
        };
        if found != want {
            return Err(BuildError::Differs { path, found: sha256(&found).hex(), want: sha256(&want).hex() });
        }
    }
    Ok(built)
}

/// Builds a component whose functions keep their names, for its author's eyes:
/// the package's name, and the component. Nothing is written but cargo's own
/// files, which lie apart from those of [`build`].
pub fn build_named(dir: &Path, messages: CargoMessages) -> Result<(String, Vec<u8>), BuildError> {
    let guest = Guest::open(dir, None)?;
    let component = encode(&guest.compile(messages, Names::Keep)?)?;
    Ok((guest.name, component))
}

/// Builds a component as [`build`] does, and keeps it in memory: the package's
/// name, and the component.
pub fn build_bytes(dir: &Path, messages: CargoMessages) -> Result<(String, Vec<u8>), BuildError> {
    let guest = Guest::open(dir, None)?;
    let component = componentize(&guest.compile(messages, Names::Drop)?)?;
    Ok((guest.name, component))
}

fn compile(options: &BuildOptions) -> Result<(Built, Vec<u8>), BuildError> {
    let guest = Guest::open(&options.dir, options.target)?;
    let component = componentize(&guest.compile(options.messages, Names::Drop)?)?;
    let built = Built {
        path: options.out.join(format!("{}.wasm", guest.name)),
        target: guest.target,
        bytes: component.len() as u64,
        digest: sha256(&component),
    };
    Ok((built, component))
}

/// Wraps a core module into a component, and removes what tells of the build
/// rather than of the component: symbol names and the versions of the tools.
fn componentize(binary: &[u8]) -> Result<Vec<u8>, BuildError> {
    let stripped = sections::strip(&encode(binary)?).map_err(|error| BuildError::Encode(error.to_string()))?;
    wasmparser::validate(&stripped).map_err(|error| BuildError::Encode(error.to_string()))?;
    Ok(stripped)
}

fn encode(binary: &[u8]) -> Result<Vec<u8>, BuildError> {
    if sections::is_component(binary) {
        return Ok(binary.to_vec());
    }
    let encoder = ComponentEncoder::default().module(binary);
    let encoded = encoder.and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| BuildError::Encode(format!("{error:#}")))
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::new(Algorithm::Sha256, &Sha256::digest(bytes)).expect("SHA-256 has the length of SHA-256")
}

fn digest_path(built: &Built) -> PathBuf {
    built.path.with_added_extension("sha256")
}

fn digest_line(built: &Built) -> String {
    let name = built.path.file_name().expect("the path ends in NAME.wasm").to_string_lossy();
    format!("{}  {name}\n", built.digest.hex())
}

/// Why a component was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A target that makes no component.
    #[error("unknown target `{0}`; known are wasm32-unknown-unknown and wasm32-wasip2")]
    UnknownTarget(String),
    /// Cargo or rustc could not be started.
    #[error("cannot run {program}")]
    Tool {
        /// Its name.
        program: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The folder holds no crate that cargo understands.
    #[error("cargo cannot read the crate in {}: {message}", dir.display())]
    Metadata {
        /// The folder.
        dir: PathBuf,
        /// What cargo said.
        message: String,
    },
    /// The folder holds a workspace, or a crate that is no library for C.
    #[error("{} holds no component crate", dir.display())]
    NoComponent {
        /// The folder.
        dir: PathBuf,
    },
    /// The standard library of the target is not installed.
    #[error("the target {0} is not installed")]
    MissingTarget(Target),
    /// The crate does not compile.
    #[error("cargo could not build `{name}`{message}")]
    Compile {
        /// The package.
        name: String,
        /// A colon and what cargo said, unless it was shown already.
        message: String,
    },
    /// The compiled module is no component.
    #[error("the compiled module cannot become a component: {0}")]
    Encode(String),
    /// A file could not be read or written.
    #[error("cannot access {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file to compare with is not there.
    #[error("{} does not exist", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what the source builds.
    #[error("{} is not what its source builds: found sha-256 {found}, built {want}", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// SHA-256 of the file.
        found: String,
        /// SHA-256 of what was built.
        want: String,
    },
}

impl BuildError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

impl Explain for BuildError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::UnknownTarget(_) | Self::Metadata { .. } | Self::NoComponent { .. } => ExitCode::Usage,
            Self::Tool { .. } | Self::MissingTarget(_) | Self::Compile { .. } => ExitCode::Failed,
            Self::Encode(_) => ExitCode::Component,
            Self::File { .. } => ExitCode::Local,
            Self::Absent { .. } | Self::Differs { .. } => ExitCode::Verification,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Tool { .. } => "install Rust from https://rustup.rs and put its programs on the path",
            Self::NoComponent { .. } => {
                "name the folder of one crate whose Cargo.toml has crate-type = [\"cdylib\"] under [lib]"
            }
            Self::MissingTarget(target) => return Some(format!("run `rustup target add {target}`")),
            Self::Encode(_) => "export the component, for instance with turbo_component::export_mirror_rule!",
            Self::Absent { .. } => "build it without --check first",
            Self::Differs { .. } => {
                "build it again without --check and commit the result; compare `rustc --version` if it still differs"
            }
            Self::UnknownTarget(_) | Self::Metadata { .. } | Self::Compile { .. } | Self::File { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_triple() {
        assert_eq!("wasm32-wasip2".parse::<Target>().unwrap(), Target::Wasip2);
        let error = "x86_64-unknown-linux-gnu".parse::<Target>().unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Usage);
    }

    #[test]
    fn a_missing_target_says_how_to_install_it() {
        assert_eq!(
            BuildError::MissingTarget(Target::Bare).hint().unwrap(),
            "run `rustup target add wasm32-unknown-unknown`"
        );
    }

    #[test]
    fn a_module_without_an_interface_is_no_component() {
        let module = wat::parse_str("(module (import \"env\" \"f\" (func)))").unwrap();
        let error = componentize(&module).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Component);
    }

    #[test]
    fn a_folder_without_a_crate_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let options = BuildOptions {
            dir: dir.path().to_owned(),
            target: None,
            out: dir.path().to_owned(),
            messages: CargoMessages::Keep,
        };
        let error = build(&options).unwrap_err();
        assert!(matches!(&error, BuildError::Metadata { .. }), "{error}");
    }
}
