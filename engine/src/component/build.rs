//! Builds a component from its source.
//!
//! Owns the way from a project to the file that is committed, signed and
//! loaded. Must not load or run a component. Key invariant: of a crate in Rust
//! the bytes depend on the source, the lock file, the profile and the version
//! of rustc alone; neither the folder, the machine nor its cargo home shows in
//! them, so anyone can rebuild a component and compare. The tools of other
//! languages do not build the same bytes twice.

mod error;
mod guest;
mod language;
mod script;
pub(super) mod sections;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use wit_component::ComponentEncoder;

pub use self::error::BuildError;
use self::guest::{Guest, Names};
pub use self::language::Language;
use self::script::Script;
use crate::model::{Algorithm, Digest};

/// What to build and where to put it.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Folder of the project, with its `component.toml` or `Cargo.toml`.
    pub dir: PathBuf,
    /// Target to compile for. None: what the crate says under
    /// `package.metadata.turbo-engine.target`, else [`Target::Bare`]. Other
    /// languages have no choice.
    pub target: Option<Target>,
    /// Folder of the built files; created when it is missing.
    pub out: PathBuf,
    /// Where the messages of the language's tool go.
    pub messages: Messages,
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

/// Where the messages of a language's tool go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    /// To the standard error of this process, as they come.
    Show,
    /// Into the error when the tool fails.
    Keep,
}

/// A component that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component file; its digest stands beside it in `FILE.sha256`.
    pub path: PathBuf,
    /// What a crate was compiled for; none of another language.
    pub target: Option<Target>,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub digest: Digest,
}

/// Builds a component and writes `NAME.wasm` and `NAME.wasm.sha256`, which
/// `sha256sum --check` reads. NAME is the package's, or the component's.
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
    if let Some(script) = Script::open(&options.dir)? {
        return Err(BuildError::NotRepeatable(script.language()));
    }
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
pub fn build_named(dir: &Path, messages: Messages) -> Result<(String, Vec<u8>), BuildError> {
    let project = Open::new(dir, None)?;
    let component = project.make(messages, Names::Keep)?;
    Ok((project.name(), component))
}

/// Builds a component as [`build`] does, and keeps it in memory: the package's
/// name, and the component.
pub fn build_bytes(dir: &Path, messages: Messages) -> Result<(String, Vec<u8>), BuildError> {
    let project = Open::new(dir, None)?;
    let component = project.make(messages, Names::Drop)?;
    Ok((project.name(), component))
}

fn compile(options: &BuildOptions) -> Result<(Built, Vec<u8>), BuildError> {
    let project = Open::new(&options.dir, options.target)?;
    let component = project.make(options.messages, Names::Drop)?;
    let built = Built {
        path: options.out.join(format!("{}.wasm", project.name())),
        target: project.target(),
        bytes: component.len() as u64,
        digest: sha256(&component),
    };
    Ok((built, component))
}

/// A project of either sort.
enum Open {
    Crate(Guest),
    Script(Script),
}

impl Open {
    fn new(dir: &Path, target: Option<Target>) -> Result<Self, BuildError> {
        match Script::open(dir)? {
            Some(script) if target.is_some() => Err(BuildError::NoTarget(script.language())),
            Some(script) => Ok(Self::Script(script)),
            None => Guest::open(dir, target).map(Self::Crate),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Crate(guest) => guest.name.clone(),
            Self::Script(script) => script.name.clone(),
        }
    }

    fn target(&self) -> Option<Target> {
        match self {
            Self::Crate(guest) => Some(guest.target),
            Self::Script(_) => None,
        }
    }

    fn make(&self, messages: Messages, names: Names) -> Result<Vec<u8>, BuildError> {
        let (binary, grants) = match self {
            Self::Crate(guest) => (guest.compile(messages, names)?, guest.grants()?),
            Self::Script(script) => (script.compile(messages)?, script.grants()),
        };
        let component = match names {
            Names::Keep => encode(&binary)?,
            Names::Drop => componentize(&binary)?,
        };
        Ok(sections::with_grants(component, &grants))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExitCode, Explain as _};

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
            messages: Messages::Keep,
        };
        let error = build(&options).unwrap_err();
        assert!(matches!(&error, BuildError::Metadata { .. }), "{error}");
    }
}
