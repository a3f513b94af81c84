//! Gets each artifact's bytes and finds out what they are.
//!
//! Owns hashing, formats, listings and what installers say of themselves.
//! Nothing of an artifact is run or unpacked to disk. The key invariant: what
//! is told of an artifact was read from the very bytes whose digests are told.

mod detect;
mod error;
mod listing;
mod package;
mod portable_executable;

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

pub use error::ArtifactError;

use self::detect::{Kind, TRAILER_BYTES, kind, zip_format};
use self::listing::is_windows_program;
use super::intake::Planned;
use crate::download::{Engine, Event, Job, Observer, Output, Promised, Proof, download};
use crate::model::release::{Artifact, Entry, InstallerFacts};
use crate::model::{Algorithm, Digest, DisplayUrl};
use crate::net::Trust;
use crate::store::{ReadSeek, hash_file, open_file};

/// Artifacts that are looked at together.
const AT_ONCE: usize = 4;
/// What is read of a program to find an installer in it: its start, and what
/// follows its sections.
const START_BYTES: usize = 8 << 20;
const OVERLAY_BYTES: u64 = 4 << 20;

/// An artifact, studied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Studied {
    /// What is told of it.
    pub artifact: Artifact,
    /// Where its bytes are on this machine.
    pub path: PathBuf,
    /// Who named its URL.
    pub trust: Trust,
    /// What a person should look at.
    pub warnings: Vec<String>,
}

/// What the bytes say.
#[derive(Debug, Clone, Default)]
struct Found {
    format: &'static str,
    arch: Option<&'static str>,
    /// Whether `arch` is that of the program inside, not of its installer.
    is_certain: bool,
    os: Option<&'static str>,
    installer_type: Option<&'static str>,
    entries: Vec<Entry>,
    facts: Option<InstallerFacts>,
}

/// Studies every artifact; those that are only at their URL are downloaded
/// into `scratch`, and stay there.
pub async fn study(
    engine: &Engine,
    planned: Vec<Planned>,
    scratch: &Path,
    cancel: &CancellationToken,
) -> Result<Vec<Studied>, ArtifactError> {
    let each = planned.into_iter().enumerate().map(|(nth, planned)| {
        let folder = scratch.join(nth.to_string());
        async move {
            let path = local(engine, &planned, &folder, cancel).await?;
            let told = tokio::task::spawn_blocking(move || examined(&path, planned)).await;
            told.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
        }
    });
    futures_util::stream::iter(each).buffered(AT_ONCE).try_collect().await
}

/// The file of an artifact, downloaded if it is not here.
async fn local(
    engine: &Engine,
    planned: &Planned,
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<PathBuf, ArtifactError> {
    if let Some(path) = &planned.path {
        return Ok(path.clone());
    }
    let url = planned.url.clone().expect("intake gives every artifact a URL");
    let shown = DisplayUrl(&url).to_string();
    let path = folder.join("artifact");
    let promised = planned.digests.iter().map(|digest| Promised { digest: digest.clone(), by: Proof::Checksum });
    let plain = Job::plain(url, planned.trust, Output::File(path.clone()));
    let job = Job { digests: promised.collect(), ..plain };
    let downloaded = download(engine, job, &Quiet, cancel).await;
    downloaded.map_err(|source| ArtifactError::Download { url: shown, source })?;
    Ok(path)
}

/// Downloads of a release are told when they fail, and not otherwise.
pub(super) struct Quiet;

impl Observer for Quiet {
    fn event(&self, event: &Event) {
        tracing::debug!(target: "publish", ?event, "download");
    }
}

/// Hashes a file, finds out what it is, and joins that with its description.
fn examined(path: &Path, planned: Planned) -> Result<Studied, ArtifactError> {
    let name = planned.name();
    let (_, size) = open_file(path)?;
    if size == 0 {
        return Err(ArtifactError::Empty(name));
    }
    let digests = hash_file(path, [Algorithm::Sha512])?;
    check_digests(&name, &planned.digests, &digests)?;
    let found = find(path, &name)?;
    let mut warnings = Vec::new();
    let arch = arch(&planned, &found, &name, &mut warnings);
    let os = planned.os.clone().or_else(|| found.os.map(str::to_owned)).unwrap_or_default();
    let format = planned.format.clone().unwrap_or_else(|| found.format.to_owned());
    let installer_type = planned.installer_type.clone().or_else(|| found.installer_type.map(str::to_owned));
    let binaries = binaries(&planned, &found, (&name, &os))?;
    let artifact = Artifact {
        id: planned.id.clone().unwrap_or_else(|| name.clone()),
        url: planned.url.as_ref().map(ToString::to_string).unwrap_or_default(),
        strip_prefix: common_folder(&found.entries),
        file_name: name,
        size,
        os,
        arch,
        libc: planned.libc,
        format,
        installer_type,
        digests,
        entries: found.entries,
        binaries,
        facts: found.facts,
        extra: planned.extra,
    };
    Ok(Studied { artifact, path: path.to_owned(), trust: planned.trust, warnings })
}

fn check_digests(name: &str, promised: &[Digest], found: &[Digest]) -> Result<(), ArtifactError> {
    for expected in promised {
        let got = found.iter().find(|digest| digest.algorithm() == expected.algorithm());
        if let Some(got) = got.filter(|got| *got != expected) {
            let (expected, got) = (expected.clone(), got.clone());
            return Err(ArtifactError::Mismatch { file: name.to_owned(), expected, got });
        }
    }
    Ok(())
}

fn arch(planned: &Planned, found: &Found, name: &str, warnings: &mut Vec<String>) -> String {
    match (planned.arch.as_deref(), found.arch) {
        (Some(told), Some(read)) if told != read && found.is_certain => {
            warnings.push(format!("{name} is said to be for {told}, but its program is for {read}"));
            told.to_owned()
        }
        (Some(told), _) => told.to_owned(),
        (None, Some(read)) => read.to_owned(),
        (None, None) => String::new(),
    }
}

/// The programs inside an archive, or the file itself.
fn binaries(planned: &Planned, found: &Found, (name, os): (&str, &str)) -> Result<Vec<String>, ArtifactError> {
    if found.entries.is_empty() {
        return Ok(vec![name.to_owned()]);
    }
    let prefix = common_folder(&found.entries).map(|folder| folder + "/").unwrap_or_default();
    let mut chosen = Vec::new();
    for binary in &planned.binaries {
        // Some tools name a program as seen from the folder that all share.
        let listed = [binary.clone(), format!("{prefix}{binary}")];
        let entry = found.entries.iter().find(|entry| listed.contains(&entry.path));
        let missing = || ArtifactError::NoBinary { file: name.to_owned(), binary: binary.clone() };
        chosen.push(entry.ok_or_else(missing)?.path.clone());
    }
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let is_program = |entry: &&Entry| match os {
        "windows" => entry.path.to_ascii_lowercase().ends_with(".exe"),
        _ => entry.executable && !is_windows_program(&entry.path) && !is_library(&entry.path),
    };
    Ok(found.entries.iter().filter(is_program).map(|entry| entry.path.clone()).collect())
}

/// Executable by its mode, but nothing that people start.
fn is_library(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    [".so", ".dylib", ".dll", ".a", ".la", ".node"].iter().any(|ending| file.ends_with(ending)) || file.contains(".so.")
}

/// The folder at the top that all entries are in.
fn common_folder(entries: &[Entry]) -> Option<String> {
    let (first, _) = entries.first()?.path.split_once('/')?;
    let is_inside = |entry: &Entry| entry.path.split_once('/').is_some_and(|(folder, _)| folder == first);
    entries.iter().all(is_inside).then(|| first.to_owned())
}

/// Finds out what a file is.
fn find(path: &Path, name: &str) -> Result<Found, ArtifactError> {
    let (mut file, length) = open_file(path)?;
    let (start, end) = ends(&mut *file, length).map_err(|error| unreadable(path, &error))?;
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

fn zipped(file: &mut dyn ReadSeek, path: &Path, name: &str) -> Result<Found, ArtifactError> {
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

/// The first and last bytes of a file.
fn ends(file: &mut dyn ReadSeek, length: u64) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut start, mut end) = (Vec::new(), Vec::new());
    Read::take(&mut *file, START_BYTES as u64).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(length.saturating_sub(TRAILER_BYTES as u64)))?;
    Read::take(&mut *file, TRAILER_BYTES as u64).read_to_end(&mut end)?;
    Ok((start, end))
}

fn rewound(mut file: Box<dyn ReadSeek>) -> std::io::Result<Box<dyn ReadSeek>> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn unreadable(path: &Path, error: &std::io::Error) -> ArtifactError {
    ArtifactError::Damaged { path: path.to_owned(), format: "a file", why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::portable_executable::tests::program;
    use super::*;

    fn entry(path: &str, executable: bool) -> Entry {
        Entry { path: path.into(), size: 1, executable }
    }

    fn study_one(name: &str, bytes: &[u8], planned: Planned) -> Result<Studied, ArtifactError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        examined(&path, Planned { path: Some(path.clone()), ..planned })
    }

    #[test]
    fn a_portable_program_is_its_own_binary() {
        let studied = study_one("tool.exe", &program(0xaa64, &[".text"]), Planned::default()).unwrap();
        let Artifact { os, arch, format, installer_type, binaries, .. } = studied.artifact;
        assert_eq!((os.as_str(), arch.as_str(), format.as_str()), ("windows", "arm64", "exe"));
        assert_eq!((installer_type.as_deref(), binaries), (Some("portable"), vec!["tool.exe".to_owned()]));
    }

    #[test]
    fn an_installers_own_processor_is_not_its_programs() {
        let mut bytes = program(0x14c, &[".text"]);
        bytes.extend_from_slice(b"\0\0\0\0\xef\xbe\xad\xdeNullsoftInst");
        let planned = Planned { arch: Some("x64".into()), ..Planned::default() };
        let studied = study_one("setup-x64.exe", &bytes, planned.clone()).unwrap();
        assert_eq!(studied.artifact.installer_type.as_deref(), Some("nullsoft"));
        assert_eq!((studied.artifact.arch.as_str(), studied.warnings.len()), ("x64", 0));
        let studied = study_one("tool-x64.exe", &program(0x14c, &[".text"]), planned).unwrap();
        assert_eq!((studied.artifact.arch.as_str(), studied.warnings.len()), ("x64", 1));
    }

    #[test]
    fn programs_in_archives_are_found() {
        let found = Found {
            entries: vec![entry("t/bin/tool", true), entry("t/lib/libt.so", true), entry("t/README", false)],
            ..Found::default()
        };
        let all = binaries(&Planned::default(), &found, ("t.tar.gz", "linux")).unwrap();
        assert_eq!((all, common_folder(&found.entries).as_deref()), (vec!["t/bin/tool".to_owned()], Some("t")));
        let named = Planned { binaries: vec!["bin/tool".into()], ..Planned::default() };
        assert_eq!(binaries(&named, &found, ("t.tar.gz", "linux")).unwrap(), ["t/bin/tool"]);
        let named = Planned { binaries: vec!["other".into()], ..Planned::default() };
        assert!(binaries(&named, &found, ("t.tar.gz", "linux")).is_err());
    }

    #[test]
    fn promised_digests_are_held() {
        let wrong = Digest::from_hex(Algorithm::Sha256, &"0".repeat(64)).unwrap();
        let planned = Planned { digests: vec![wrong], ..Planned::default() };
        assert!(matches!(study_one("a", b"abc", planned), Err(ArtifactError::Mismatch { .. })));
        assert!(matches!(study_one("a", b"", Planned::default()), Err(ArtifactError::Empty(_))));
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
            let folder = tempfile::tempdir().unwrap();
            for (name, mut bytes) in whole_files() {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
                let place = |part: f64| (part * bytes.len() as f64) as usize;
                let places: Vec<(usize, u8)> = damage.iter().map(|(at, byte)| (place(*at), *byte)).collect();
                let length = place(cut).clamp(1, bytes.len());
                for (at, byte) in places {
                    bytes[at] = byte;
                }
                bytes.truncate(length);
                let path = folder.path().join(name);
                std::fs::write(&path, &bytes).unwrap();
                let _ = find(&path, name);
            }
        }
    }

    #[test]
    fn whole_files_are_understood() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in whole_files() {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).unwrap();
            let found = find(&path, name).unwrap();
            assert_eq!(name.strip_prefix("t."), Some(found.format), "{name}");
        }
    }
}
