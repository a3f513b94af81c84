//! Why nothing was packed.

use crate::model::{ExitCode, Explain};

/// Why nothing was packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A nuspec that cannot be read.
    #[error("the nuspec cannot be read: line {line}: {what}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// A text that has to be there.
    #[error("the nuspec has no <{0}>")]
    Missing(&'static str),
    /// An element that stands there twice.
    #[error("the nuspec has more than one <{0}>")]
    Twice(String),
    /// An identifier that no feed takes.
    #[error("`{0}` is not an identifier of a package")]
    Id(String),
    /// A version that is none.
    #[error("`{0}` is not a version of a package")]
    Version(String),
    /// A version that feeds refuse as it is written.
    #[error("the version `{found}` is not normalised")]
    NotNormalised {
        /// As it is written.
        found: String,
        /// As feeds write it.
        normalised: String,
    },
    /// A namespace that is not one of nuspecs.
    #[error("`{0}` is not a namespace of nuspecs")]
    Namespace(String),
    /// A path that leads out of the package, or means something else on Windows.
    #[error("`{path}` cannot be the path of a file in a package: {why}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two files that Windows could not tell apart.
    #[error("`{one}` and `{other}` are one file on Windows")]
    Duplicate {
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// A rule of `<files>` that names nothing.
    #[error("no file is meant by `{0}` in <files>")]
    NoMatch(String),
    /// Too many files.
    #[error("a package has at most {} files", super::MOST_FILES)]
    TooMany,
    /// Too many bytes.
    #[error("the files have {bytes} bytes, a package has at most {}", super::MOST_BYTES)]
    TooLarge {
        /// Bytes of all files.
        bytes: u64,
    },
    /// A file that is no package.
    #[error("it is no package: {0}")]
    NotPackage(String),
    /// The archive could not be written: a bug, as it is written to memory.
    #[error("the archive cannot be written: {0}")]
    Archive(String),
}

impl Explain for PackError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Archive(_) => ExitCode::Bug,
            _ => ExitCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Syntax { .. } => "a nuspec is XML without a document type".into(),
            Self::Missing(name) => format!("write <{name}> into <metadata>"),
            Self::Twice(name) => format!("keep one <{name}>"),
            Self::Id(_) => "letters, digits and `_`, joined by single `.` or `-`, at most 100 of them".into(),
            Self::Version(_) => "write it as 1.2.3, 1.2.3.4 or 1.2.3-beta1".into(),
            Self::NotNormalised { normalised, .. } => format!("write {normalised}: the gallery refuses any other form"),
            Self::Namespace(_) => {
                "http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd is the one to write".into()
            }
            Self::Path { .. } => "name it relative to the package, for instance tools/tool.exe".into(),
            Self::Duplicate { .. } => "rename one of them".into(),
            Self::NoMatch(_) => "check how the path is written; it is relative to the nuspec's folder".into(),
            Self::TooMany | Self::TooLarge { .. } => "leave files out, or let the install script download them".into(),
            Self::NotPackage(_) => "give the .nupkg that `turbo-engine publish pack` writes".into(),
            Self::Archive(_) => return None,
        })
    }
}
