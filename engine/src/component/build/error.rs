//! Why a component was not built.

use std::io;
use std::path::{Path, PathBuf};

use super::{Language, Target};
use crate::component::author::AuthorError;
use crate::model::{ExitCode, Explain};

/// Why a component was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A target that makes no component.
    #[error("unknown target `{0}`; known are wasm32-unknown-unknown and wasm32-wasip2")]
    UnknownTarget(String),
    /// A language's tool could not be started.
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
    /// The source does not compile.
    #[error("{tool} could not build `{name}`{message}")]
    Compile {
        /// The program that said so.
        tool: &'static str,
        /// The package, or the component.
        name: String,
        /// A colon and what the tool said, unless it was shown already.
        message: String,
    },
    /// A package of the language's own is not installed.
    #[error("{tool} is not installed for {}", folder.display())]
    NotInstalled {
        /// Its name.
        tool: &'static str,
        /// The language.
        language: Language,
        /// The project.
        folder: PathBuf,
    },
    /// There is no source where it has to be.
    #[error("there is no {}", .0.display())]
    NoSource(PathBuf),
    /// A target for a language that has none.
    #[error("a component in {0} has no target to choose")]
    NoTarget(Language),
    /// A comparison that would always fail.
    #[error("the tool for {0} does not build the same bytes twice, so that there is nothing to compare")]
    NotRepeatable(Language),
    /// `component.toml` is wrong.
    #[error(transparent)]
    Manifest(Box<AuthorError>),
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
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// What a tool said when it failed, unless it was shown already.
    pub(super) fn compile(tool: &'static str, name: &str, said: &[u8]) -> Self {
        let kept = String::from_utf8_lossy(said);
        let message = if kept.is_empty() { String::new() } else { format!(":\n{}", kept.trim_end()) };
        Self::Compile { tool, name: name.to_owned(), message }
    }
}

impl Explain for BuildError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::UnknownTarget(_)
            | Self::Metadata { .. }
            | Self::NoComponent { .. }
            | Self::NoTarget(_)
            | Self::NotRepeatable(_) => ExitCode::Usage,
            Self::Tool { .. } | Self::MissingTarget(_) | Self::Compile { .. } | Self::NotInstalled { .. } => {
                ExitCode::Failed
            }
            Self::Manifest(error) => error.exit_code(),
            Self::Encode(_) => ExitCode::Component,
            Self::File { .. } | Self::NoSource(_) => ExitCode::Local,
            Self::Absent { .. } | Self::Differs { .. } => ExitCode::Verification,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Tool { program: "node", .. } => "install Node.js 20 or later, with npm, and put both on the path",
            Self::Tool { program: "componentize-py", .. } => "install it again, see requirements.txt",
            Self::Tool { .. } => "install Rust from https://rustup.rs and put its programs on the path",
            Self::NotInstalled { language, folder, .. } => return Some(install(*language, folder)),
            Self::NoSource(_) => "write the component's functions there; `turbo-engine component new` shows them",
            Self::NoTarget(_) => "go without --target",
            Self::NotRepeatable(_) => "go without --check; give others the built file, and sign it",
            Self::Manifest(error) => return error.hint(),
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

/// How a project gets the packages it names.
fn install(language: Language, folder: &Path) -> String {
    let folder = folder.display();
    match language {
        Language::Python => format!(
            "run `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt` in {folder}, or put \
             componentize-py on the path"
        ),
        _ => format!("run `npm install` in {folder}"),
    }
}
