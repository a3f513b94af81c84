//! Why an artifact cannot be published.

use std::path::PathBuf;

use crate::download::DownloadError;
use crate::model::{Digest, ExitCode, Explain};
use crate::store::StoreError;

/// Why an artifact cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be downloaded.
    #[error("downloading {url} failed")]
    Download {
        /// From where.
        url: String,
        /// Why.
        source: DownloadError,
    },
    /// Its description promises other bytes.
    #[error("the artifact {file} is not the one described: expected {expected}, got {got}")]
    Mismatch {
        /// Its name.
        file: String,
        /// The digest promised.
        expected: Digest,
        /// The digest found.
        got: Digest,
    },
    /// It is empty.
    #[error("the artifact {0} is empty")]
    Empty(String),
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
    /// A program that the description names and the archive lacks.
    #[error("the artifact {file} has no `{binary}` inside")]
    NoBinary {
        /// Its name.
        file: String,
        /// The program.
        binary: String,
    },
}

impl Explain for ArtifactError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Download { source, .. } => source.exit_code(),
            Self::Mismatch { .. } => ExitCode::Verification,
            _ => ExitCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::Download { source, .. } => return source.hint(),
            Self::Mismatch { .. } => "build again, and describe what was built last".into(),
            Self::Empty(_) | Self::Damaged { .. } => "build it again, or copy it whole".into(),
            Self::TooMuch { .. } => "publish it in smaller pieces; nothing of it was unpacked".into(),
            Self::Escapes { .. } => "pack it with relative paths".into(),
            Self::NoBinary { .. } => "correct `binaries` in the description, or the archive".into(),
        })
    }
}
