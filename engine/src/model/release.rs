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
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
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

impl Release {
    /// Fills what follows from the rest where it is empty: the tag from the
    /// version, identifiers of artifacts from their places.
    #[must_use]
    pub fn completed(mut self) -> Self {
        if self.tag.is_empty() {
            self.tag = format!("v{}", self.version);
        }
        for (artifact, place) in self.artifacts.iter_mut().zip(1..) {
            if artifact.id.is_empty() {
                artifact.id = format!("artifact-{place}");
            }
        }
        self
    }

    /// The texts in the default locale.
    pub fn default_texts(&self) -> Option<&Texts> {
        self.texts.iter().find(|texts| texts.locale == self.default_locale)
    }
}

/// The release's texts in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
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
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
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
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
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
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_empty_or_follows() {
        let text = "name = 'tool'\nversion = '1.0.0'\n[[artifacts]]\nurl = 'https://a.example/t.zip'\ndigests = ['X']";
        assert!(toml::from_str::<Release>(text).unwrap_err().to_string().contains("not a digest"));
        let text = text.replace('X', &format!("sha-256:{}", "0a".repeat(32)));
        let release = toml::from_str::<Release>(&text).unwrap().completed();
        assert_eq!((release.tag.as_str(), release.artifacts[0].id.as_str()), ("v1.0.0", "artifact-1"));
        assert_eq!(release.artifacts[0].digests[0].value(), [10; 32]);
        assert!(toml::from_str::<Release>("nmae = 'tool'").is_err());
    }
}
