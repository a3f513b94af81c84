//! Reads what is to be released, from whatever tool describes it.
//!
//! Owns the formats; downloads and inspects nothing. What several sources say
//! becomes one release: `turbo-release.toml` counts first, then the tool's own
//! description, then the project's Cargo.toml or package.json. The key
//! invariant: what comes out is complete and bounded, and every artifact has a
//! public URL.

mod description;
mod dist;
mod error;
mod github;
mod goreleaser;
mod merge;
mod own;
pub(super) mod platform;
mod project;
mod signing;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

pub use description::Description;
pub use error::IntakeError;
pub use github::GithubApi;
pub use own::{Channel, FILE_NAME, Stage, Target};
pub use signing::SignTable;
pub use table::ReleaseTable;

use self::own::Document;
use crate::model::Digest;
use crate::model::release::{Pairs, Release};
use crate::net::{Net, Trust};
use crate::store::{is_file, is_folder, matching, read_bounded};

/// Most files of one release.
pub(super) const MOST_ARTIFACTS: usize = 200;
/// Largest file that describes a release.
const FILE_BYTES: usize = 16 << 20;

/// What to read.
#[derive(Debug, Clone)]
pub struct IntakeOptions {
    /// What the user named: a file, a folder, a pattern or a tag.
    pub release: String,
    /// `turbo-release.toml`, where it has another name or place.
    pub file: Option<PathBuf>,
    /// How GitHub is asked.
    pub api: GithubApi,
    /// Today, `YYYY-MM-DD`.
    pub today: String,
}

/// A release, read: its artifacts are not yet looked at.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    /// The release without its artifacts.
    pub release: Release,
    /// The artifacts.
    pub artifacts: Vec<Planned>,
    /// Where it goes, by name.
    pub channels: BTreeMap<String, Channel>,
    /// With what its packages are signed.
    pub sign: SignTable,
    /// Folder that paths in the channels are seen from.
    pub folder: PathBuf,
}

/// An artifact, as it is described; the rest is found in its bytes.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Unique within the release.
    pub id: Option<String>,
    /// Its name; without one that of the path or the URL.
    pub file_name: Option<String>,
    /// Where it is on this machine; without one it is downloaded.
    pub path: Option<PathBuf>,
    /// Where the public gets it.
    pub url: Option<Url>,
    /// Who named the URL.
    pub trust: Trust,
    /// Operating system.
    pub os: Option<String>,
    /// Processor.
    pub arch: Option<String>,
    /// C library.
    pub libc: Option<String>,
    /// Container.
    pub format: Option<String>,
    /// Installer technology.
    pub installer_type: Option<String>,
    /// Programs inside.
    pub binaries: Vec<String>,
    /// Digests that its bytes must have.
    pub digests: Vec<Digest>,
    /// What no other field says.
    pub extra: Pairs,
}

impl Default for Planned {
    fn default() -> Self {
        Self {
            id: None,
            file_name: None,
            path: None,
            url: None,
            trust: Trust::Typed,
            os: None,
            arch: None,
            libc: None,
            format: None,
            installer_type: None,
            binaries: Vec::new(),
            digests: Vec::new(),
            extra: Pairs::new(),
        }
    }
}

impl Planned {
    /// Its name.
    pub fn name(&self) -> String {
        let of_path = || Some(self.path.as_ref()?.file_name()?.to_string_lossy().into_owned());
        let of_url = || self.url.as_ref().map(crate::plan::names::from_url);
        self.file_name.clone().or_else(of_path).or_else(of_url).unwrap_or_default()
    }
}

/// Reads the release that the user named.
pub async fn take(net: &Net, options: &IntakeOptions) -> Result<Intake, IntakeError> {
    let (file, document) = own_file(options)?;
    let folder = file.parent().unwrap_or_else(|| Path::new("")).to_owned();
    let own = rooted(document.release.clone(), &folder);
    let project = project::read(own.project.as_deref().unwrap_or(&folder))?;
    let named = &options.release;
    let path = Path::new(named);
    if path == file && !is_file(path) {
        return Err(IntakeError::Unknown(named.clone()));
    }
    let (said, planned) = if path == file {
        (ReleaseTable::default(), document.artifacts(&file)?)
    } else if is_file(path) || is_folder(path) {
        described(path, own.name.as_deref())?
    } else if is_pattern(named) {
        (ReleaseTable::default(), matched(named)?)
    } else {
        let known = own.source.as_deref().or(project.source.as_deref());
        let (owner, name, tag) = tagged(named, known).ok_or_else(|| IntakeError::Unknown(named.clone()))?;
        github::read(net, &options.api, (owner, name), tag).await?
    };
    let mut overrides = if path == file { Vec::new() } else { document.artifacts(&file)? };
    if is_pattern(named) {
        // What a pattern names is all that is meant.
        overrides.retain(|own| planned.iter().any(|planned| planned.name() == own.name()));
    }
    let table = own.or(said).or(project);
    let artifacts = merge::artifacts(planned, overrides, &table)?;
    let mut from = vec![named.clone(), file.display().to_string()];
    from.dedup();
    let release = merge::release(&table, &artifacts, &options.today, &from)?;
    let artifacts = merge::published(artifacts, &table, &release)?;
    let sign = document.sign.rooted(&folder);
    Ok(Intake { release, artifacts, channels: document.channel, sign, folder })
}

/// Our own file: the one that the user named in either way, or the one here.
fn own_file(options: &IntakeOptions) -> Result<(PathBuf, Document), IntakeError> {
    let named = Path::new(&options.release);
    let is_own = named.extension().is_some_and(|extension| extension == "toml") && is_file(named);
    let within = named.join(FILE_NAME);
    let path = match &options.file {
        _ if is_own => named.to_owned(),
        Some(path) => return Ok((path.clone(), own::read(path)?)),
        None if is_folder(named) && is_file(&within) => within,
        None => PathBuf::from(FILE_NAME),
    };
    let document = if is_file(&path) { own::read(&path)? } else { Document::default() };
    Ok((path, document))
}

/// The table with its paths as seen from a folder.
fn rooted(mut table: ReleaseTable, folder: &Path) -> ReleaseTable {
    for path in [&mut table.project, &mut table.license_file, &mut table.release_notes_file] {
        *path = path.take().map(|path| folder.join(path));
    }
    table
}

/// What another tool's file, or the folder it lies in, describes.
fn described(path: &Path, name: Option<&str>) -> Result<(ReleaseTable, Vec<Planned>), IntakeError> {
    if is_folder(path) {
        let manifest = path.join("dist-manifest.json");
        if is_file(&manifest) {
            return dist::read(&manifest, &read_text(&manifest)?, name);
        }
        if is_file(&path.join("artifacts.json")) {
            return goreleaser::read(path);
        }
        let own = path.join(FILE_NAME);
        if is_file(&own) {
            return Ok((ReleaseTable::default(), own::read(&own)?.artifacts(&own)?));
        }
        return Err(IntakeError::format(
            path,
            "it has neither turbo-release.toml, dist-manifest.json nor artifacts.json",
        ));
    }
    let text = read_text(path)?;
    let value: Result<serde_json::Value, _> = serde_json::from_str(&text);
    let value = value.map_err(|error| IntakeError::format(path, &format!("it is neither TOML nor JSON: {error}")))?;
    if dist::is_manifest(&value) {
        return dist::read(path, &text, name);
    }
    if value.is_array() || value.get("project_name").is_some() {
        return goreleaser::read(path.parent().unwrap_or_else(|| Path::new("")));
    }
    Err(IntakeError::format(path, "it is neither cargo-dist's dist-manifest.json nor GoReleaser's artifacts.json"))
}

fn is_pattern(named: &str) -> bool {
    named.contains(['*', '?', '['])
}

/// The files that a pattern names.
fn matched(pattern: &str) -> Result<Vec<Planned>, IntakeError> {
    let wrong = |error: glob::PatternError| IntakeError::Pattern { pattern: pattern.into(), why: error.to_string() };
    let found = matching(pattern, MOST_ARTIFACTS * 10).map_err(wrong)?;
    let all = found.into_iter().map(|path| Planned { path: Some(path), ..Planned::default() });
    let packages: Vec<Planned> = all.filter(|planned| is_package(&planned.name())).collect();
    if packages.is_empty() { Err(IntakeError::NoMatch(pattern.to_owned())) } else { Ok(packages) }
}

/// Owner, repository and tag out of `OWNER/REPO@TAG`, or a tag of the project's
/// own repository.
fn tagged<'a>(named: &'a str, source: Option<&'a str>) -> Option<(&'a str, &'a str, &'a str)> {
    if let Some((repository, tag)) = named.split_once('@')
        && let Some((owner, name)) = repository.split_once('/')
        && ![owner, name, tag].iter().any(|part| part.is_empty())
        && !name.contains('/')
    {
        return Some((owner, name, tag));
    }
    let (owner, name) = project::on_github(source?)?;
    Some((owner, name, named))
}

/// Whether a name is that of something people install, not of a checksum, a
/// signature or a script.
pub(in crate::publish) fn is_package(name: &str) -> bool {
    const PACKAGES: [&str; 26] = [
        ".zip",
        ".tar.gz",
        ".tgz",
        ".tar.xz",
        ".txz",
        ".tar.zst",
        ".tzst",
        ".tar.bz2",
        ".tbz2",
        ".tar",
        ".exe",
        ".msi",
        ".msix",
        ".msixbundle",
        ".appx",
        ".appxbundle",
        ".dmg",
        ".pkg",
        ".deb",
        ".rpm",
        ".apk",
        ".nupkg",
        ".appimage",
        ".7z",
        ".jar",
        ".ttf",
    ];
    let name = name.to_ascii_lowercase();
    let named = platform::of_name(&name);
    let is_bare = !name.contains('.') && named.os.is_some() && named.arch.is_some();
    PACKAGES.iter().any(|ending| name.ends_with(ending)) || is_bare
}

/// A URL that the public can fetch.
pub(super) fn public_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("`{text}` is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{text}` is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a login is not public".into());
    }
    if url.as_str().len() > 2048 {
        return Err("a URL has at most 2048 bytes".into());
    }
    Ok(url)
}

/// Whether an ordinary file is there.
fn is_there(path: &Path) -> bool {
    is_file(path)
}

/// A text file of bearable size.
fn read_text(path: &Path) -> Result<String, IntakeError> {
    let bytes = read_bounded(path, FILE_BYTES)?;
    String::from_utf8(bytes).map_err(|_| IntakeError::format(path, "it is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_a_repository_or_are_of_the_projects() {
        let source = Some("https://github.com/o/r");
        assert_eq!(tagged("a/b@v1", source), Some(("a", "b", "v1")));
        assert_eq!(tagged("v1", source), Some(("o", "r", "v1")));
        assert_eq!(tagged("v1", Some("https://gitlab.com/o/r")), None);
        assert_eq!(tagged("a/b@", None), None);
    }

    #[test]
    fn packages_are_told_from_what_accompanies_them() {
        for name in ["t.zip", "t-linux-x64", "T-Setup.EXE", "t.tar.zst", "t_1.0_amd64.deb"] {
            assert!(is_package(name), "{name}");
        }
        for name in ["t.zip.sha256", "SHA256SUMS", "t.zip.sig", "install.sh", "t.json", "t.tar.gz.asc"] {
            assert!(!is_package(name), "{name}");
        }
    }

    #[test]
    fn logins_are_not_public() {
        assert!(public_url("https://a.example/f").is_ok());
        for url in ["ftp://a.example/f", "https://u:p@a.example/f", "nonsense", "file:///etc/passwd"] {
            assert!(public_url(url).is_err(), "{url}");
        }
    }
}
