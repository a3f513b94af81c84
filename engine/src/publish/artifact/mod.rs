//! Gets each artifact's bytes, and joins what they are with its description.
//!
//! Owns downloading, hashing and the choice of programs; `content` looks into
//! the bytes. The key invariant: what is told of an artifact was read from the
//! very bytes whose digests are told.

pub mod content;
mod error;

use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

pub use error::ArtifactError;

use self::content::{Found, is_windows_program};
use super::intake::Planned;
use crate::download::{Engine, Event, Job, Observer, Output, Promised, Proof, download};
use crate::model::release::{Artifact, Entry};
use crate::model::{Algorithm, Digest, DisplayUrl};
use crate::net::Trust;
use crate::store::{hash_file, open_file};

/// Artifacts that are looked at together.
const AT_ONCE: usize = 4;

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
    let (file, size) = open_file(path)?;
    if size == 0 {
        return Err(ArtifactError::Empty(name));
    }
    let digests = hash_file(path, [Algorithm::Sha512])?;
    check_digests(&name, &planned.digests, &digests)?;
    let found = content::find(file, path, &name)?;
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

#[cfg(test)]
mod tests {
    use super::content::sample_program as program;
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
}
