//! A release as the engine knows it: what was built, where the public gets it,
//! and what people are told of it.
//!
//! The shapes are those of `turbo:engine/manifest`; the WIT documents each field.

use serde::{Deserialize, Serialize};

use super::Digest;

/// Names and values, in the order they were given.
pub type Pairs = Vec<(String, String)>;

/// A release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    /// Package name.
    pub name: String,
    /// Version without a leading `v`.
    pub version: String,
    /// The git tag.
    pub tag: String,
    /// Whether the version is a pre-release.
    pub prerelease: bool,
    /// Day of the release, `YYYY-MM-DD`.
    pub date: String,
    /// Who publishes.
    pub publisher: String,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Web pages, by role: `homepage`, `source`, `docs`, `bugs`, `notes`, `icon`.
    pub links: Pairs,
    /// SPDX expression.
    pub license_spdx: String,
    /// Where the licence can be read.
    pub license_url: Option<String>,
    /// The licence itself.
    pub license_text: Option<String>,
    /// Copyright line.
    pub copyright: Option<String>,
    /// The locale of `texts` that stands for all others.
    pub default_locale: String,
    /// Texts, the default locale's among them.
    pub texts: Vec<Texts>,
    /// Packages it needs, by manager and identifier.
    pub dependencies: Pairs,
    /// Files.
    pub artifacts: Vec<Artifact>,
    /// What no other field says.
    pub extra: Pairs,
}

/// The release's texts in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Texts {
    /// BCP 47 tag.
    pub locale: String,
    /// Name of the package.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Paragraphs in Markdown.
    pub description: String,
    /// What changed, in Markdown.
    pub release_notes: Option<String>,
    /// Search words.
    pub tags: Vec<String>,
}

/// One file of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Artifact {
    /// Unique within the release.
    pub id: String,
    /// Last segment of its path.
    pub file_name: String,
    /// Where the public fetches it.
    pub url: String,
    /// Length in bytes.
    pub size: u64,
    /// Operating system: `windows`, `linux`, `macos`.
    pub os: String,
    /// Processor: `x86`, `x64`, `arm`, `arm64`, `neutral`.
    pub arch: String,
    /// C library where that matters: `gnu`, `musl`, `msvc`.
    pub libc: Option<String>,
    /// Container: `zip`, `tar.gz`, `exe`, `msi`, `msix`, ...
    pub format: String,
    /// Installer technology: `portable`, `inno`, `nullsoft`, `wix`, `burn`, ...
    pub installer_type: Option<String>,
    /// Digests of the bytes at `url`.
    pub digests: Vec<Digest>,
    /// Listing of the archive; empty for anything else.
    pub entries: Vec<Entry>,
    /// Leading directory that all entries share.
    pub strip_prefix: Option<String>,
    /// Paths of the programs inside, or the file's own name.
    pub binaries: Vec<String>,
    /// What the installer says of itself.
    pub facts: Option<InstallerFacts>,
    /// What no other field says.
    pub extra: Pairs,
}

/// One file inside an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Path inside the archive, separated by `/`.
    pub path: String,
    /// Uncompressed length in bytes.
    pub size: u64,
    /// Whether the file may be executed.
    pub executable: bool,
}

/// What an installer says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InstallerFacts {
    /// MSI `ProductCode`, with its braces.
    pub product_code: Option<String>,
    /// MSI `UpgradeCode`, with its braces.
    pub upgrade_code: Option<String>,
    /// MSIX package family name.
    pub package_family_name: Option<String>,
    /// The name shown in the list of installed programs.
    pub display_name: Option<String>,
    /// What no other field says.
    pub extra: Pairs,
}
