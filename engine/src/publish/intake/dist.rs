//! `dist-manifest.json`, as cargo-dist writes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{IntakeError, Planned, ReleaseTable, is_there, platform};
use crate::model::{Algorithm, Digest};

#[derive(Deserialize)]
struct Manifest {
    announcement_tag: Option<String>,
    #[serde(default)]
    announcement_is_prerelease: bool,
    announcement_changelog: Option<String>,
    #[serde(default)]
    releases: Vec<Release>,
    #[serde(default)]
    artifacts: BTreeMap<String, Artifact>,
}

#[derive(Deserialize)]
struct Release {
    app_name: String,
    app_version: String,
    display_name: Option<String>,
    #[serde(default)]
    artifacts: Vec<String>,
    #[serde(default)]
    hosting: Hosting,
}

#[derive(Deserialize, Default)]
struct Hosting {
    github: Option<Github>,
    simple: Option<Simple>,
}

#[derive(Deserialize)]
struct Github {
    artifact_base_url: Option<String>,
    artifact_download_path: Option<String>,
    // Before these, one field had both.
    artifact_download_url: Option<String>,
    owner: Option<String>,
    repo: Option<String>,
}

#[derive(Deserialize)]
struct Simple {
    download_url: String,
}

#[derive(Deserialize)]
struct Artifact {
    name: Option<String>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    target_triples: Vec<String>,
    path: Option<PathBuf>,
    #[serde(default)]
    assets: Vec<Asset>,
    #[serde(default)]
    checksums: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Asset {
    path: Option<String>,
    #[serde(default)]
    kind: String,
}

/// Reads the manifest; `name` chooses among several applications.
pub(super) fn read(path: &Path, text: &str, name: Option<&str>) -> Result<(ReleaseTable, Vec<Planned>), IntakeError> {
    let wrong = |what: &str| IntakeError::format(path, what);
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
    let names: Vec<&str> = manifest.releases.iter().map(|release| release.app_name.as_str()).collect();
    let release = match (&manifest.releases[..], name) {
        ([], _) => return Err(wrong("`releases` is empty")),
        ([only], _) => only,
        (several, Some(name)) => several
            .iter()
            .find(|release| release.app_name == name)
            .ok_or_else(|| wrong(&format!("`releases` has no `{name}`, but {}", names.join(", "))))?,
        _ => {
            let names = names.join(", ");
            return Err(wrong(&format!("`releases` has several: {names}; choose one by `name` in turbo-release.toml")));
        }
    };
    let github = release.hosting.github.as_ref();
    let source = github.and_then(|it| Some(format!("https://github.com/{}/{}", it.owner.as_ref()?, it.repo.as_ref()?)));
    let table = ReleaseTable {
        name: Some(release.app_name.clone()),
        version: Some(release.app_version.clone()),
        tag: manifest.announcement_tag.clone(),
        prerelease: Some(manifest.announcement_is_prerelease),
        display_name: release.display_name.clone(),
        release_notes: manifest.announcement_changelog.clone().filter(|text| !text.trim().is_empty()),
        source,
        download_url: release.hosting.download_url(),
        ..ReleaseTable::default()
    };
    let mut planned = Vec::new();
    for id in &release.artifacts {
        let listed = manifest.artifacts.get(id);
        let artifact = listed.ok_or_else(|| wrong(&format!("`artifacts` has no `{id}`, which `releases` names")))?;
        planned.extend(artifact.planned(id, path).map_err(|what| wrong(&format!("`artifacts.{id}`: {what}")))?);
    }
    Ok((table, planned))
}

impl Hosting {
    fn download_url(&self) -> Option<String> {
        let base =
            self.github.as_ref().and_then(|github| match (&github.artifact_base_url, &github.artifact_download_path) {
                (Some(base), Some(path)) => Some(format!("{base}{path}")),
                _ => github.artifact_download_url.clone(),
            });
        let base = base.or_else(|| self.simple.as_ref().map(|simple| simple.download_url.clone()))?;
        Some(format!("{}/{{file}}", base.trim_end_matches('/')))
    }
}

impl Artifact {
    /// The artifact, if it is one that people install.
    fn planned(&self, id: &str, manifest: &Path) -> Result<Option<Planned>, String> {
        let name = self.name.clone().unwrap_or_else(|| id.to_owned());
        let is_installed = self.kind == "executable-zip" || self.kind == "installer" && super::is_package(&name);
        if !is_installed {
            return Ok(None);
        }
        // Next to the manifest is where cargo-dist puts what it builds; the
        // path it noted is one of the machine that built it.
        let beside = manifest.with_file_name(&name);
        let path = self.path.clone().filter(|path| is_there(path)).or(Some(beside)).filter(|path| is_there(path));
        let triple = platform::of_name(self.target_triples.first().map_or("", String::as_str));
        let digests = self.checksums.iter().filter_map(|(algorithm, hex)| {
            let algorithm: Algorithm = algorithm.parse().ok().filter(|it: &Algorithm| it.is_collision_resistant())?;
            Some(Digest::from_hex(algorithm, hex).map_err(|error| format!("`checksums`: {error}")))
        });
        let programs = self.assets.iter().filter(|asset| asset.kind == "executable");
        Ok(Some(Planned {
            id: Some(id.to_owned()),
            file_name: Some(name),
            path,
            os: triple.os.map(str::to_owned),
            arch: triple.arch.map(str::to_owned),
            libc: triple.libc.map(str::to_owned),
            binaries: programs.filter_map(|asset| asset.path.clone()).collect(),
            digests: digests.collect::<Result<_, _>>()?,
            ..Planned::default()
        }))
    }
}

/// Whether a text is such a manifest.
pub(super) fn is_manifest(value: &serde_json::Value) -> bool {
    value.get("dist_version").is_some() || value.get("announcement_tag").is_some() && value.get("releases").is_some()
}
