//! Why an artifact cannot be published.

use super::content::ContentError;
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
    /// Its bytes are not what can be published.
    #[error(transparent)]
    Content(#[from] ContentError),
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
            Self::Content(error) => error.exit_code(),
            Self::Download { source, .. } => source.exit_code(),
            Self::Mismatch { .. } => ExitCode::Verification,
            _ => ExitCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::Content(error) => return error.hint(),
            Self::Download { source, .. } => return source.hint(),
            Self::Mismatch { .. } => "build again, and describe what was built last".into(),
            Self::Empty(_) => "build it again, or copy it whole".into(),
            Self::NoBinary { .. } => "correct `binaries` in the description, or the archive".into(),
        })
    }
}
