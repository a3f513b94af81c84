//! Why an author's tool did not do what was asked.

use std::io;
use std::path::{Path, PathBuf};

use crate::component::build::BuildError;
use crate::component::source::Rejected;
use crate::component::{ComponentError, Fault, Grant};
use crate::model::{ExitCode, Explain};

/// Why an author's tool did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// A name that no component can have.
    #[error("`{0}` cannot be the name of a component")]
    Name(String),
    /// Something is where a project was to be written.
    #[error("{} exists and is not empty", .0.display())]
    Exists(PathBuf),
    /// There is no crate of the SDK where it was said to be.
    #[error("{} holds no crate `turbo-component`", .0.display())]
    NoSdk(PathBuf),
    /// A file could not be read or written.
    #[error("cannot access {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// `component.toml` is wrong.
    #[error("{} cannot be used: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of cases is wrong.
    #[error("the cases in {} cannot be used: {reason}", path.display())]
    Cases {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nothing to work on.
    #[error("{} is neither a component's folder nor a file", .0.display())]
    NoSubject(PathBuf),
    /// The component has not been built.
    #[error("{} is not built: there is no {}", folder.display(), file.display())]
    NotBuilt {
        /// The component's folder.
        folder: PathBuf,
        /// What was looked for.
        file: PathBuf,
    },
    /// The component was not built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The file is no component for this engine.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component breaks a limit, or does not come to answer.
    #[error("{fault}")]
    Faulty {
        /// What is wrong.
        fault: Fault,
        /// What `component.toml` could ask for, to let it pass.
        grant: Grant,
    },
    /// Cases failed.
    #[error("{failed} of {cases} cases failed")]
    Failed {
        /// How many.
        failed: usize,
        /// Out of how many.
        cases: usize,
    },
    /// Nothing tests the component.
    #[error("component `{id}` has no {what}, so that nothing tests it")]
    Untested {
        /// The component.
        id: String,
        /// What it lacks.
        what: &'static str,
    },
    /// The component would be refused.
    #[error("{} would be refused: {reason}", path.display())]
    Refused {
        /// The component.
        path: PathBuf,
        /// The first reason.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// There is no question to measure with.
    #[error("{} has neither an example nor a case that answers", .0.display())]
    NoQuestion(PathBuf),
}

impl AuthorError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// A component that does not take part, by the name it goes by.
    pub(super) fn rejected(rejected: Rejected, name: &str) -> Self {
        match rejected {
            Rejected::Unusable(error) => Self::Component(error),
            Rejected::Faulty(failure) => Self::Faulty { fault: failure.blame(name), grant: failure.grant },
        }
    }
}

impl Explain for AuthorError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Name(_) | Self::NoSdk(_) | Self::Manifest { .. } | Self::Cases { .. } | Self::NoSubject(_) => {
                ExitCode::Usage
            }
            Self::Exists(_) | Self::File { .. } | Self::NotBuilt { .. } => ExitCode::Local,
            Self::Build(error) => error.exit_code(),
            Self::Component(error) => error.exit_code(),
            Self::Faulty { .. } | Self::Refused { .. } => ExitCode::Component,
            Self::Failed { .. } | Self::Untested { .. } | Self::NoQuestion(_) => ExitCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name(_) => "begin with a letter; use 1 to 64 of a-z, 0-9 and -".into(),
            Self::Exists(_) => "choose another name, or another folder with --dir; nothing is ever overwritten".into(),
            Self::NoSdk(_) => "name the folder `components/sdk` of a checkout of turbo-engine".into(),
            Self::File { .. } => "check that it exists and that you may read and write there".into(),
            Self::Manifest { .. } => "`turbo-engine component new` writes a component.toml that explains itself".into(),
            Self::Cases { .. } => "components/README.md has an example of every field".into(),
            Self::NoSubject(_) => "name a folder with a component.toml or a Cargo.toml, or a .wasm file".into(),
            Self::NotBuilt { .. } => "run `turbo-engine component build` there, or go without --no-build".into(),
            Self::Build(error) => return error.hint(),
            Self::Component(error) => return error.hint(),
            Self::Faulty { grant, .. } if !grant.is_empty() => asked_for(grant),
            Self::Faulty { .. } => "`turbo-engine component inspect` shows how near to the limits it comes".into(),
            Self::Failed { .. } => "correct the component, or accept its answers with --update".into(),
            Self::Untested { what: "examples", .. } => {
                "give component.toml an [[example]], or `describe` an example: the engine tries them before it asks"
                    .into()
            }
            Self::Untested { .. } => "give tests/ a [[case]] with a release".into(),
            Self::Refused { hint, .. } => hint.clone().unwrap_or_else(|| {
                "correct the component, or raise the limit that it meets in the table [limits] of the configuration"
                    .into()
            }),
            Self::NoQuestion(_) => "give component.toml an [[example]], or tests/ a [[case]]".into(),
        })
    }
}

/// How a component asks for what it needs.
fn asked_for(grant: &Grant) -> String {
    let lines: Vec<String> = grant.texts().iter().map(|(key, text)| format!("{key} = \"{text}\"")).collect();
    format!("if it needs that, ask for it under [grants] in component.toml: {}", lines.join(", "))
}
