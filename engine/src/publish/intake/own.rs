//! `turbo-release.toml`: a release in our own words, and the channels that it
//! goes to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{IntakeError, Planned, ReleaseTable, SignTable, read_text};
use crate::model::Digest;
use crate::model::files::toml_fault;

/// Its name, where nobody names another.
pub const FILE_NAME: &str = "turbo-release.toml";

/// The file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    pub(super) release: ReleaseTable,
    pub(super) artifact: Vec<ArtifactTable>,
    pub(super) channel: BTreeMap<String, Channel>,
    pub(super) sign: SignTable,
}

/// One `[[artifact]]`. What it leaves out is found in the file itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ArtifactTable {
    id: Option<String>,
    path: Option<PathBuf>,
    url: Option<String>,
    os: Option<String>,
    arch: Option<String>,
    libc: Option<String>,
    format: Option<String>,
    installer_type: Option<String>,
    binaries: Vec<String>,
    digests: Vec<Digest>,
    extra: BTreeMap<String, String>,
}

/// One `[channel.NAME]`: a package manager, and where it is reached.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Channel {
    /// A generator inside the engine, a file, or an installed component; the
    /// channel's name without one.
    pub component: Option<String>,
    /// What the generator is told.
    pub settings: toml::Table,
    /// Folders that the generator may write to; those of its package manager
    /// without any.
    pub prefix: Vec<String>,
    /// Git repository: `OWNER/NAME` or a URL.
    pub repository: Option<String>,
    /// Its branch; what the generator says without one.
    pub base: Option<String>,
    /// Owner of the fork that pull requests come from.
    pub fork: Option<String>,
    /// Package feed.
    pub endpoint: Option<String>,
    /// Repository of an OCI registry, `HOST/NAME`.
    pub registry: Option<String>,
    /// Folder for files beside the release.
    pub folder: Option<PathBuf>,
    /// Where the token or API key is: `env:NAME`, `fd:N` or
    /// `keyring:SERVICE/ACCOUNT`.
    pub credential: Option<String>,
    /// The user to name with the token when git asks.
    pub user: Option<String>,
    /// Name and address in commits, `NAME <MAIL>`.
    pub author: Option<String>,
    /// The API of another GitHub.
    pub api: Option<Url>,
    /// Where a repository `OWNER/NAME` is, on another GitHub.
    pub web: Option<Url>,
    /// Where the deliveries go with `--staging`.
    pub staging: Option<Target>,
}

/// Which destination of a channel is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The public one.
    Public,
    /// The one to try things at.
    Staging,
}

/// A destination, and how to log in there; the fields mean what they mean in
/// the channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Target {
    /// Git repository: `OWNER/NAME` or a URL.
    pub repository: Option<String>,
    /// Its branch; what the generator says without one.
    pub base: Option<String>,
    /// Owner of the fork that pull requests come from.
    pub fork: Option<String>,
    /// Package feed.
    pub endpoint: Option<String>,
    /// Repository of an OCI registry, `HOST/NAME`.
    pub registry: Option<String>,
    /// Folder for files beside the release.
    pub folder: Option<PathBuf>,
    /// Where the token or API key is: `env:NAME`, `fd:N` or
    /// `keyring:SERVICE/ACCOUNT`.
    pub credential: Option<String>,
    /// The user to name with the token when git asks.
    pub user: Option<String>,
    /// Name and address in commits, `NAME <MAIL>`.
    pub author: Option<String>,
    /// The API of another GitHub.
    pub api: Option<Url>,
    /// Where a repository `OWNER/NAME` is, on another GitHub.
    pub web: Option<Url>,
}

impl Channel {
    /// The destination; none when the channel has no staging target.
    pub fn target(&self, stage: Stage) -> Option<Target> {
        match stage {
            Stage::Staging => self.staging.clone(),
            Stage::Public => Some(Target {
                repository: self.repository.clone(),
                base: self.base.clone(),
                fork: self.fork.clone(),
                endpoint: self.endpoint.clone(),
                registry: self.registry.clone(),
                folder: self.folder.clone(),
                credential: self.credential.clone(),
                user: self.user.clone(),
                author: self.author.clone(),
                api: self.api.clone(),
                web: self.web.clone(),
            }),
        }
    }
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Document, IntakeError> {
    parse(path, &read_text(path)?)
}

/// Reads the text of the file.
pub(super) fn parse(path: &Path, text: &str) -> Result<Document, IntakeError> {
    let parsed: Result<Document, toml::de::Error> = toml::from_str(text);
    let document = parsed.map_err(|error| IntakeError::format(path, &toml_fault(text, &error)))?;
    for name in document.channel.keys() {
        if !crate::model::files::is_name(name) {
            return Err(IntakeError::format(
                path,
                &format!("`channel.{name}`: a name is of the form [a-z0-9-]{{1,64}}"),
            ));
        }
    }
    Ok(document)
}

impl Document {
    /// The artifacts, their paths as seen from the file's folder.
    pub(super) fn artifacts(&self, path: &Path) -> Result<Vec<Planned>, IntakeError> {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        self.artifact.iter().zip(1..).map(|(table, place)| table.planned(folder, path, place)).collect()
    }
}

impl ArtifactTable {
    fn planned(&self, folder: &Path, file: &Path, place: usize) -> Result<Planned, IntakeError> {
        let wrong = |key: &str, what: &str| IntakeError::format(file, &format!("artifact {place}: `{key}`: {what}"));
        let url = self.url.as_deref().map(super::public_url).transpose().map_err(|why| wrong("url", &why))?;
        if self.path.is_none() && url.is_none() {
            return Err(wrong("path", "an artifact needs a path or a url"));
        }
        if let Some(os) = self.os.as_deref().filter(|os| !["windows", "linux", "macos"].contains(os)) {
            return Err(wrong("os", &format!("`{os}` is none of windows, linux, macos")));
        }
        let arches = ["x86", "x64", "arm", "arm64", "neutral"];
        if let Some(arch) = self.arch.as_deref().filter(|arch| !arches.contains(arch)) {
            return Err(wrong("arch", &format!("`{arch}` is none of {}", arches.join(", "))));
        }
        if let Some(weak) = self.digests.iter().find(|digest| !digest.algorithm().is_collision_resistant()) {
            return Err(wrong("digests", &format!("`{weak}` proves nothing; give sha-256 or sha-512")));
        }
        Ok(Planned {
            id: self.id.clone(),
            file_name: None,
            path: self.path.as_ref().map(|path| folder.join(path)),
            url,
            os: self.os.clone(),
            arch: self.arch.clone(),
            libc: self.libc.clone(),
            format: self.format.clone(),
            installer_type: self.installer_type.clone(),
            binaries: self.binaries.clone(),
            digests: self.digests.clone(),
            extra: self.extra.clone().into_iter().collect(),
            ..Planned::default()
        })
    }
}
