//! Where a channel's deliveries go, as it is now. It is read, and never
//! changed.

use std::path::{Path, PathBuf};

use crate::model::{ExitCode, Explain};
use crate::store::{StoreError, read_below};

/// A destination as it is now.
#[derive(Debug)]
pub enum Destination<'a> {
    /// One that nothing is in yet.
    Empty,
    /// A folder that stands for it.
    Folder(&'a Path),
}

/// Why a destination cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for DestinationError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
        }
    }
}

impl Destination<'_> {
    /// Reads a file of at most so many bytes; none where there is none. Blocks.
    pub fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, DestinationError> {
        match self {
            Self::Empty => Ok(None),
            Self::Folder(folder) => Ok(read_below(folder, &PathBuf::from(path), limit)?),
        }
    }
}
