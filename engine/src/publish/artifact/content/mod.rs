//! Finds out what the bytes of an artifact are.
//!
//! Owns formats, listings and what installers say of themselves. Nothing is run
//! or unpacked to disk, and nothing but the file is read. The key invariant:
//! whatever the bytes are, the answer comes within bounds of time and memory,
//! and every path in it stays inside of the folder that it is unpacked to.

mod caught;
mod compound;
mod detect;
mod error;
mod listing;
mod package;
mod portable_executable;

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use self::detect::{Kind, TRAILER_BYTES, kind, zip_format};
use crate::model::release::{Entry, InstallerFacts};
use crate::store::ReadSeek;

pub use error::ContentError;
pub use listing::{is_inside, is_windows_program};
#[cfg(test)]
pub(super) use portable_executable::tests::program as sample_program;

/// What is read of a program to find an installer in it: its start, and what
/// follows its sections.
const START_BYTES: usize = 8 << 20;
const OVERLAY_BYTES: u64 = 4 << 20;

/// What the bytes say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Its format, one of a fixed list.
    pub format: &'static str,
    /// The processor it is for.
    pub arch: Option<&'static str>,
    /// Whether `arch` is that of the program inside, not of its installer.
    pub is_certain: bool,
    /// The system it is for.
    pub os: Option<&'static str>,
    /// Which installer it is.
    pub installer_type: Option<&'static str>,
    /// The files inside an archive.
    pub entries: Vec<Entry>,
    /// What an installer says of itself.
    pub facts: Option<InstallerFacts>,
}

/// Finds out what a file called `name` is; `path` is what errors call it.
pub fn find(mut file: Box<dyn ReadSeek>, path: &Path, name: &str) -> Result<Found, ContentError> {
    let (start, end, length) = ends(&mut *file).map_err(|error| unreadable(path, &error))?;
    let plain = |format: &'static str, os: Option<&'static str>| Found { format, os, ..Found::default() };
    Ok(match kind(&start, &end) {
        Kind::Zip => zipped(&mut *file, path, name)?,
        Kind::WindowsProgram => program(&mut *file, &start, length).map_err(|error| unreadable(path, &error))?,
        Kind::Compound => {
            let told = package::msi(rewound(file).map_err(|error| unreadable(path, &error))?, path)?;
            of_package("msi", told)
        }
        packed @ (Kind::Tar | Kind::Gzip | Kind::Xz | Kind::Zstd | Kind::Bzip2) => {
            let file = rewound(file).map_err(|error| unreadable(path, &error))?;
            let entries = listing::tar(file, length, path, packed)?;
            let format = tar_format(packed, entries.is_some());
            Found { format, entries: entries.unwrap_or_default(), ..Found::default() }
        }
        Kind::Debian => plain("deb", Some("linux")),
        Kind::Rpm => plain("rpm", Some("linux")),
        Kind::DiskImage => plain("dmg", Some("macos")),
        Kind::AppleInstaller => plain("pkg", Some("macos")),
        Kind::Program if name.to_ascii_lowercase().ends_with(".appimage") => plain("appimage", Some("linux")),
        Kind::Program => plain("binary", None),
        Kind::SevenZip => plain("7z", None),
        Kind::Font => plain("font", None),
        Kind::Unknown => plain("other", None),
    })
}

fn tar_format(kind: Kind, is_tar: bool) -> &'static str {
    match (kind, is_tar) {
        (Kind::Gzip, true) => "tar.gz",
        (Kind::Gzip, false) => "gz",
        (Kind::Xz, true) => "tar.xz",
        (Kind::Xz, false) => "xz",
        (Kind::Zstd, true) => "tar.zst",
        (Kind::Zstd, false) => "zst",
        (Kind::Bzip2, true) => "tar.bz2",
        (Kind::Bzip2, false) => "bz2",
        _ => "tar",
    }
}

fn zipped(file: &mut dyn ReadSeek, path: &Path, name: &str) -> Result<Found, ContentError> {
    let (entries, manifest) = listing::zip(file, path, &package::MANIFESTS)?;
    let has = |wanted: &str| entries.iter().any(|entry| entry.path == wanted);
    let has_nuspec =
        entries.iter().any(|entry| !entry.path.contains('/') && entry.path.rsplit('.').next() == Some("nuspec"));
    let format = zip_format(name, has, has_nuspec);
    match manifest.filter(|_| matches!(format, "msix" | "appx")) {
        Some(manifest) => {
            let told = package::msix(&manifest, path)?;
            Ok(Found { installer_type: Some(format), ..of_package(format, told) })
        }
        None => Ok(Found { format, entries, ..Found::default() }),
    }
}

fn of_package(format: &'static str, told: package::Told) -> Found {
    Found {
        format,
        arch: told.arch,
        is_certain: true,
        os: Some("windows"),
        installer_type: Some(told.installer_type),
        facts: Some(told.facts),
        entries: Vec::new(),
    }
}

/// A program of Windows: portable, or an installer.
fn program(file: &mut dyn ReadSeek, start: &[u8], length: u64) -> std::io::Result<Found> {
    let Some(headers) = portable_executable::headers(start) else {
        return Ok(Found { format: "exe", os: Some("windows"), ..Found::default() });
    };
    let mut overlay = Vec::new();
    if headers.overlay < length {
        file.seek(SeekFrom::Start(headers.overlay))?;
        file.take(OVERLAY_BYTES).read_to_end(&mut overlay)?;
    }
    let installer = portable_executable::installer(&headers, &[start, &overlay]);
    Ok(Found {
        format: "exe",
        os: Some("windows"),
        arch: headers.arch,
        // The little program in front of an installer is for x86 whatever it installs.
        is_certain: installer.is_none(),
        installer_type: Some(installer.unwrap_or("portable")),
        ..Found::default()
    })
}

/// The first and last bytes of a file, and its length.
fn ends(file: &mut dyn ReadSeek) -> std::io::Result<(Vec<u8>, Vec<u8>, u64)> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let (mut start, mut end) = (Vec::new(), Vec::new());
    Read::take(&mut *file, START_BYTES as u64).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(length.saturating_sub(TRAILER_BYTES as u64)))?;
    Read::take(&mut *file, TRAILER_BYTES as u64).read_to_end(&mut end)?;
    Ok((start, end, length))
}

fn rewound(mut file: Box<dyn ReadSeek>) -> std::io::Result<Box<dyn ReadSeek>> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn unreadable(path: &Path, error: &std::io::Error) -> ContentError {
    ContentError::Damaged { path: path.to_owned(), format: "a file", why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::portable_executable::tests::program;
    use super::*;

    fn look(name: &str, bytes: Vec<u8>) -> Result<Found, ContentError> {
        find(Box::new(std::io::Cursor::new(bytes)), Path::new(name), name)
    }

    /// A valid file of each kind, to be damaged.
    fn whole_files() -> Vec<(&'static str, Vec<u8>)> {
        use std::io::{Cursor, Write as _};
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        tar.append_data(&mut header, format!("{}/tool", "d".repeat(150)), &b"tool"[..]).unwrap();
        let tar = tar.into_inner().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&tar).unwrap();
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in [("AppxManifest.xml", "<Identity Name='a' Publisher='b'/>"), ("tool.exe", "MZ")] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        let mut msi = msi::Package::create(msi::PackageType::Installer, Cursor::new(Vec::new())).unwrap();
        let columns = vec![
            msi::Column::build("Property").primary_key().id_string(72),
            msi::Column::build("Value").text_string(0),
        ];
        msi.create_table("Property", columns).unwrap();
        let row = vec![msi::Value::Str("ProductCode".into()), msi::Value::Str("{0}".into())];
        msi.insert_rows(msi::Insert::into("Property").row(row)).unwrap();
        vec![
            ("t.tar", tar.clone()),
            ("t.tar.gz", gzip.finish().unwrap()),
            ("t.tar.zst", ruzstd::encoding::compress_to_vec(&tar[..], ruzstd::encoding::CompressionLevel::Fastest)),
            ("t.msix", zip.finish().unwrap().into_inner()),
            ("t.exe", program(0x8664, &[".text", ".data"])),
            ("t.msi", msi.into_inner().unwrap().into_inner()),
        ]
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

        /// Whatever happened to a file, looking into it ends, and with a value.
        #[test]
        fn damage_is_survived(damage in proptest::collection::vec((0.0..1.0_f64, proptest::num::u8::ANY), 1..6), cut in 0.5..1.2_f64) {
            for (name, mut bytes) in whole_files() {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
                let place = |part: f64| (part * bytes.len() as f64) as usize;
                let places: Vec<(usize, u8)> = damage.iter().map(|(at, byte)| (place(*at), *byte)).collect();
                let length = place(cut).clamp(1, bytes.len());
                for (at, byte) in places {
                    bytes[at] = byte;
                }
                bytes.truncate(length);
                let _ = look(name, bytes);
            }
        }
    }

    #[test]
    fn whole_files_are_understood() {
        for (name, bytes) in whole_files() {
            let found = look(name, bytes).unwrap();
            assert_eq!(name.strip_prefix("t."), Some(found.format), "{name}");
        }
    }

    #[test]
    fn packages_that_claim_more_than_they_have_are_refused_unread() {
        let (_, whole) = whole_files().into_iter().find(|(name, _)| *name == "t.msi").unwrap();
        let claims = |bytes: Vec<u8>| compound::check_claims(&mut std::io::Cursor::new(bytes));
        claims(whole.clone()).unwrap();
        // A text of 22 bytes in the summary, and the first of the pool, after its code page.
        let summary = memchr::memmem::find(&whole, b"\x1e\0\0\0\x16\0\0\0").unwrap();
        let pool = memchr::memmem::rfind(&whole, b"\xe9\xfd\0\0").unwrap();
        for (at, lie) in [(summary + 4, &[0xff; 4][..]), (pool + 4, &[0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff])] {
            let mut bytes = whole.clone();
            bytes[at..at + lie.len()].copy_from_slice(lie);
            assert!(claims(bytes).is_err(), "{lie:?}");
        }
    }
}
