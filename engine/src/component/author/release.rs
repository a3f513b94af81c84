//! A release as a case writes it down. What a case leaves out is empty.

use serde::Deserialize;

use crate::component::bindings::v0_1::generator::manifest::{Artifact, Digest, Entry, InstallerFacts, Release, Texts};
use crate::model::Algorithm;

type Pairs = Vec<(String, String)>;

/// A release.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ReleaseTable {
    name: String,
    version: String,
    tag: Option<String>,
    prerelease: bool,
    date: String,
    publisher: String,
    authors: Vec<String>,
    links: Pairs,
    license_spdx: String,
    license_url: Option<String>,
    license_text: Option<String>,
    copyright: Option<String>,
    default_locale: String,
    texts: Vec<TextsTable>,
    dependencies: Pairs,
    artifacts: Vec<ArtifactTable>,
    extra: Pairs,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct TextsTable {
    locale: String,
    name: String,
    summary: String,
    description: String,
    release_notes: Option<String>,
    tags: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct ArtifactTable {
    id: Option<String>,
    file_name: String,
    url: String,
    size: u64,
    os: String,
    arch: String,
    libc: Option<String>,
    format: String,
    installer_type: Option<String>,
    /// `sha-256:HEX`
    digests: Vec<String>,
    entries: Vec<EntryTable>,
    strip_prefix: Option<String>,
    binaries: Vec<String>,
    facts: Option<FactsTable>,
    extra: Pairs,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct EntryTable {
    path: String,
    size: u64,
    executable: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct FactsTable {
    product_code: Option<String>,
    upgrade_code: Option<String>,
    package_family_name: Option<String>,
    display_name: Option<String>,
    extra: Pairs,
}

impl ReleaseTable {
    /// The release as a component is given it. The error says which digest is
    /// none.
    pub(super) fn release(&self) -> Result<Release, String> {
        let texts = self.texts.iter().cloned().map(TextsTable::texts).collect();
        let artifacts = self.artifacts.iter().cloned().enumerate().map(|(at, artifact)| artifact.artifact(at));
        Ok(Release {
            name: self.name.clone(),
            version: self.version.clone(),
            tag: self.tag.clone().unwrap_or_else(|| format!("v{}", self.version)),
            prerelease: self.prerelease,
            date: self.date.clone(),
            publisher: self.publisher.clone(),
            authors: self.authors.clone(),
            links: self.links.clone(),
            license_spdx: self.license_spdx.clone(),
            license_url: self.license_url.clone(),
            license_text: self.license_text.clone(),
            copyright: self.copyright.clone(),
            default_locale: self.default_locale.clone(),
            texts,
            dependencies: self.dependencies.clone(),
            artifacts: artifacts.collect::<Result<_, _>>()?,
            extra: self.extra.clone(),
        })
    }
}

impl TextsTable {
    fn texts(self) -> Texts {
        let Self { locale, name, summary, description, release_notes, tags } = self;
        Texts { locale, name, summary, description, release_notes, tags }
    }
}

impl ArtifactTable {
    fn artifact(self, at: usize) -> Result<Artifact, String> {
        let digests = self.digests.iter().map(|text| digest(text)).collect::<Result<_, _>>()?;
        Ok(Artifact {
            id: self.id.unwrap_or_else(|| format!("artifact-{}", at + 1)),
            file_name: self.file_name,
            url: self.url,
            size: self.size,
            os: self.os,
            arch: self.arch,
            libc: self.libc,
            format: self.format,
            installer_type: self.installer_type,
            digests,
            entries: self.entries.into_iter().map(EntryTable::entry).collect(),
            strip_prefix: self.strip_prefix,
            binaries: self.binaries,
            facts: self.facts.map(FactsTable::facts),
            extra: self.extra,
        })
    }
}

impl EntryTable {
    fn entry(self) -> Entry {
        let Self { path, size, executable } = self;
        Entry { path, size, executable }
    }
}

impl FactsTable {
    fn facts(self) -> InstallerFacts {
        let Self { product_code, upgrade_code, package_family_name, display_name, extra } = self;
        InstallerFacts { product_code, upgrade_code, package_family_name, display_name, extra }
    }
}

/// `ALGORITHM:HEX`, as `--checksum` takes it.
fn digest(text: &str) -> Result<Digest, String> {
    let parsed: crate::model::Digest = text.parse().map_err(|error| format!("the digest `{text}`: {error}"))?;
    let algorithm = match parsed.algorithm() {
        Algorithm::Sha256 => "sha-256",
        Algorithm::Sha512 => "sha-512",
        _ => return Err(format!("the digest `{text}`: releases have sha-256 and sha-512")),
    };
    Ok(Digest { algorithm: algorithm.to_owned(), value: parsed.value().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_empty_or_follows() {
        let table: ReleaseTable = toml::from_str(
            "name = 'tool'\nversion = '1.0.0'\n[[artifacts]]\nurl = 'https://a.example/t.zip'\ndigests = ['sha-256:zz']",
        )
        .unwrap();
        assert!(table.release().unwrap_err().contains("sha-256:zz"));
        let mut table = table;
        table.artifacts[0].digests = vec![format!("sha-256:{}", "0a".repeat(32))];
        let release = table.release().unwrap();
        assert_eq!((release.tag.as_str(), release.artifacts[0].id.as_str()), ("v1.0.0", "artifact-1"));
        assert_eq!(release.artifacts[0].digests[0].value, [10; 32]);
    }
}
