//! Packages of `NuGet` and Chocolatey: a zip in the shape of OPC (ECMA-376
//! part 2), as `nuget pack` writes it, without Mono and without Windows.
//!
//! The key invariant: the bytes depend on the nuspec and the files alone. No
//! clock, no order of a directory and no random name goes in, so that two packs
//! are equal byte by byte. It must not read anything: what is packed was given.

mod archive;
mod error;
mod nuspec;
mod path;
mod read;
mod select;
mod version;

pub use error::PackError;
pub use nuspec::{FileRule, Nuspec};
pub use read::nuspec_of;
pub use select::{Source, select};
pub use version::PackageVersion;

use crate::model::delivery::{Nupkg, OutputFile};

/// Most bytes of all files together. Chocolatey's gallery takes 200 MB.
pub const MOST_BYTES: u64 = 1 << 30;
/// Most files of a package.
pub const MOST_FILES: usize = 10_000;

/// A package as it is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedNupkg {
    /// `ID.VERSION.nupkg`.
    pub file_name: String,
    /// The package.
    pub bytes: Vec<u8>,
}

/// Packs a package. Equal input gives equal bytes, everywhere and always.
pub fn pack(package: &Nupkg) -> Result<PackedNupkg, PackError> {
    let nuspec = Nuspec::parse(&package.nuspec)?;
    let files = confined(&package.files)?;
    Ok(PackedNupkg {
        file_name: format!("{}.{}.nupkg", nuspec.id, nuspec.version),
        bytes: archive::write(&nuspec, &files)?,
    })
}

/// What the nuspec of a package is called, in the package and in a folder.
pub fn nuspec_name(package: &Nupkg) -> String {
    Nuspec::parse(&package.nuspec).map_or_else(|_| "package.nuspec".into(), |nuspec| format!("{}.nuspec", nuspec.id))
}

/// The files in the order in which they are packed, once each is known to stay
/// inside of the package, and to be the only one of its name.
fn confined(files: &[OutputFile]) -> Result<Vec<&OutputFile>, PackError> {
    if files.len() > MOST_FILES {
        return Err(PackError::TooMany);
    }
    let total: u64 = files.iter().map(|file| file.content.len() as u64).sum();
    if total > MOST_BYTES {
        return Err(PackError::TooLarge { bytes: total });
    }
    files.iter().try_for_each(|file| path::check(&file.path))?;
    let mut sorted: Vec<&OutputFile> = files.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    let paths: Vec<&str> = sorted.iter().map(|file| file.path.as_str()).collect();
    path::check_distinct(&paths)?;
    Ok(sorted)
}

#[cfg(test)]
mod tests;
