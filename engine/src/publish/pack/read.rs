//! What a package that somebody else may have packed is.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::{Nuspec, PackError};
use crate::model::excerpt::excerpt;

/// Longest nuspec that is unpacked, and most parts that are looked at.
const MOST_NUSPEC_BYTES: u64 = 1 << 20;
const MOST_PARTS: usize = 20_000;

/// Reads the nuspec out of a package.
pub fn nuspec_of(package: &[u8]) -> Result<Nuspec, PackError> {
    let wrong = |what: &str| PackError::NotPackage(excerpt(what));
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(|error| wrong(&error.to_string()))?;
    if archive.len() > MOST_PARTS {
        return Err(wrong("it has too many parts"));
    }
    let mut at_root = Vec::new();
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(|error| wrong(&error.to_string()))?;
        let name = part.name().map_err(|error| wrong(&error.to_string()))?;
        if !name.contains('/') && name.to_lowercase().ends_with(".nuspec") {
            at_root.push(index);
        }
    }
    let [index] = at_root[..] else { return Err(wrong("it has not one nuspec")) };
    let part = archive.by_index(index).map_err(|error| wrong(&error.to_string()))?;
    let mut text = String::new();
    let read = part.take(MOST_NUSPEC_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| wrong(&error.to_string()))?;
    Nuspec::parse(&text)
}
