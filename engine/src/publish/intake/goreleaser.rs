//! `dist/artifacts.json` and `dist/metadata.json`, as GoReleaser writes them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{IntakeError, Planned, ReleaseTable, is_there, platform, read_text};
use crate::model::Digest;

/// Types of what users install; a `Binary` counts only when it is uploaded.
const TYPES: [&str; 7] = ["Archive", "Linux Package", "MSI", "NSIS", "Installer", "DMG", "macOS Package"];

#[derive(Deserialize)]
struct Metadata {
    project_name: String,
    tag: Option<String>,
    version: String,
    date: Option<String>,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    path: PathBuf,
    goos: Option<String>,
    goarch: Option<String>,
    target: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    extra: Extra,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Extra {
    checksum: Option<String>,
    #[serde(rename = "ID")]
    id: Option<String>,
    binaries: Vec<String>,
    wrapped_in: Option<String>,
}

/// Reads the two files of a `dist` folder.
pub(super) fn read(folder: &Path) -> Result<(ReleaseTable, Vec<Planned>), IntakeError> {
    let text = |name: &str| read_text(&folder.join(name));
    parse(folder, &text("metadata.json")?, &text("artifacts.json")?)
}

/// Reads the texts of the two files.
pub(super) fn parse(
    folder: &Path,
    metadata: &str,
    artifacts: &str,
) -> Result<(ReleaseTable, Vec<Planned>), IntakeError> {
    let path = folder.join("metadata.json");
    let metadata: Metadata =
        serde_json::from_str(metadata).map_err(|error| IntakeError::format(&path, &error.to_string()))?;
    let path = folder.join("artifacts.json");
    let wrong = |what: &str| IntakeError::format(&path, what);
    let artifacts: Vec<Artifact> = serde_json::from_str(artifacts).map_err(|error| wrong(&error.to_string()))?;
    let installed = artifacts.iter().filter(|artifact| artifact.is_installed());
    let planned = installed.map(|artifact| {
        artifact.planned(folder).map_err(|what| wrong(&format!("artifact `{}`: {what}", artifact.name)))
    });
    let table = ReleaseTable {
        name: Some(metadata.project_name),
        version: Some(metadata.version),
        tag: metadata.tag,
        date: metadata.date.and_then(|date| date.get(..10).map(str::to_owned)),
        ..ReleaseTable::default()
    };
    Ok((table, planned.collect::<Result<_, _>>()?))
}

impl Artifact {
    fn is_installed(&self) -> bool {
        TYPES.contains(&self.kind.as_str()) || self.kind == "Binary" && self.extra.checksum.is_some()
    }

    fn planned(&self, folder: &Path) -> Result<Planned, String> {
        // Its paths are seen from the project, which the folder lies in.
        let from_project = folder.parent().unwrap_or_else(|| Path::new("")).join(&self.path);
        let candidates = [from_project, folder.join(&self.name)];
        let path = candidates.into_iter().find(|path| is_there(path));
        let named = platform::of_name(self.target.as_deref().unwrap_or(&self.name));
        let os = self.goos.as_deref().and_then(platform::os).or(named.os);
        let arch = self.goarch.as_deref().and_then(platform::arch).or(named.arch);
        let checksum = self.extra.checksum.as_deref().map(str::parse::<Digest>).transpose();
        let digest = checksum.map_err(|error| format!("`extra.Checksum`: {error}"))?;
        let wrapped = self.extra.wrapped_in.as_deref().filter(|folder| !folder.is_empty());
        let program = |name: &String| match wrapped {
            Some(folder) => format!("{folder}/{name}"),
            None => name.clone(),
        };
        let is_archive = self.kind == "Archive";
        Ok(Planned {
            id: self.extra.id.as_ref().map(|_| self.name.clone()),
            file_name: Some(self.name.clone()),
            path,
            os: os.map(str::to_owned),
            arch: arch.map(str::to_owned),
            libc: named.libc.map(str::to_owned),
            binaries: self.extra.binaries.iter().filter(|_| is_archive).map(program).collect(),
            digests: digest.into_iter().filter(|digest| digest.algorithm().is_collision_resistant()).collect(),
            ..Planned::default()
        })
    }
}
