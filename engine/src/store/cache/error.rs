//! What can go wrong with the cache. Damage never does: it is a miss.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Digest, ExitCode, Explain};

/// A failed operation on the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// An operation that the system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Something else stands where a folder of the cache belongs.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A digest of another algorithm than the one that names blobs.
    #[error("the cache is keyed by SHA-256, not by {0}")]
    Algorithm(&'static str),
    /// A cached file that somebody changed while it was being copied.
    #[error("the cached file {0} changed while it was copied")]
    Changed(Digest),
}

impl CacheError {
    pub(in crate::store) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl Explain for CacheError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Io { .. } | Self::NotAFolder(_) | Self::Changed(_) => ExitCode::Local,
            Self::Algorithm(_) => ExitCode::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space, for instance with `turbo-engine cache clear`, or go without with --no-cache".into()
            }
            Self::Io { .. } | Self::NotAFolder(_) => {
                "choose another folder with --cache-dir, or go without with --no-cache".into()
            }
            Self::Changed(_) => "run the same command again: the cache has dropped the file".into(),
            Self::Algorithm(_) => return None,
        })
    }
}
