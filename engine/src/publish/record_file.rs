//! The JSON files of the records: bounded, of a version, and replaced as a
//! whole.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{StoreError, read_bounded, write_atomic};

/// Content that says of which version it is.
pub(super) trait Versioned: Serialize + DeserializeOwned {
    /// The version that is read and written.
    const VERSION: u32;
    /// Largest file.
    const MOST_BYTES: usize;

    /// The version of this content.
    fn version(&self) -> u32;
}

/// Reads a file; none where there is none. What is not understood is `shape`'s
/// to tell, with the path and why.
pub(super) fn read<T: Versioned, E: From<StoreError>>(
    path: &Path,
    shape: impl Fn(PathBuf, String) -> E,
) -> Result<Option<T>, E> {
    let bytes = match read_bounded(path, T::MOST_BYTES) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let shape = |why: String| shape(path.to_owned(), why);
    let found: T = serde_json::from_slice(&bytes).map_err(|error| shape(error.to_string()))?;
    if found.version() != T::VERSION {
        return Err(shape(format!("version {}, this is for version {}", found.version(), T::VERSION)));
    }
    Ok(Some(found))
}

/// Replaces a file, and returns once it is on disk.
pub(super) fn write<T: Versioned>(path: &Path, content: &T) -> Result<(), StoreError> {
    let mut text = serde_json::to_vec_pretty(content).expect("texts and numbers serialise");
    text.push(b'\n');
    write_atomic(path, &text)
}
