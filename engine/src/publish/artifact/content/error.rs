//! Why the bytes of an artifact are not published.

use std::path::PathBuf;

use crate::model::{ExitCode, Explain};

/// Why the bytes of an artifact are not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It cannot be read as what it seems to be.
    #[error("the artifact {} cannot be read as {format}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        format: &'static str,
        /// What is wrong.
        why: String,
    },
    /// It holds more than anybody needs.
    #[error("the artifact {} has more than {limit}", path.display())]
    TooMuch {
        /// The file.
        path: PathBuf,
        /// The bound.
        limit: String,
    },
    /// A name inside that leads elsewhere.
    #[error("the artifact {} has an entry `{entry}`, which would be unpacked outside its folder", path.display())]
    Escapes {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: String,
    },
}

impl Explain for ContentError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Failed
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Damaged { .. } => "build it again, or copy it whole".into(),
            Self::TooMuch { .. } => "publish it in smaller pieces; nothing of it was unpacked".into(),
            Self::Escapes { .. } => "pack it with relative paths".into(),
        })
    }
}
