//! Which package, which version, and where its files lie.

use generator_common::{Fields, Findings, Settings, Value, choose, text};
use turbo_component::manifest::{Artifact, Release};

/// Every setting that the generator reads.
pub const SETTINGS: [&str; 28] = [
    "artifacts",
    "author",
    "base",
    "carry-forward",
    "commands",
    "copyright-url",
    "default-locale",
    "identifier",
    "installation-notes",
    "license",
    "manifest-version",
    "minimum-os-version",
    "moniker",
    "package-name",
    "previous-locales",
    "previous-version",
    "privacy-url",
    "product-code",
    "publisher",
    "publisher-url",
    "repository",
    "scope",
    "support-url",
    "switches",
    "tags",
    "upgrade-behavior",
    "install-modes",
    "success-codes",
];

/// Versions of the manifests that can be written; the first is the default.
const MANIFEST_VERSIONS: [&str; 2] = ["1.12.0", "1.10.0"];

/// One version of a package.
pub struct Package<'a> {
    /// The release.
    pub release: &'a Release,
    /// The user's settings.
    pub settings: Settings<'a>,
    /// `Publisher.Name`.
    pub id: String,
    /// Version.
    pub version: String,
    /// Version of the manifests.
    pub manifest_version: &'a str,
    /// BCP 47 tag of the texts that stand for all others.
    pub default_locale: String,
    /// The artifacts for Windows.
    pub artifacts: Vec<&'a Artifact>,
}

impl<'a> Package<'a> {
    /// Finds out what the package is. None when there is no sound identifier
    /// or version; the findings say why.
    pub fn open(release: &'a Release, settings: Settings<'a>, findings: &mut Findings) -> Option<Self> {
        let version = text::line(&release.version);
        if !is_version(&version) {
            let message = format!("winget takes no version {version:?}");
            findings.error("winget-version", &message, "leave out \\ / : * ? \" < > | and an end in a dot");
        }
        let id = identifier(release, settings, findings);
        if !is_identifier(&id) {
            let message = format!("{id:?} is no package identifier");
            findings.error("winget-identifier", &message, "set `identifier` to Publisher.Name, in 2 to 8 parts");
        }
        let given = settings.text("default-locale").unwrap_or(&release.default_locale).trim();
        let default_locale = locale(if given.is_empty() { "en-US" } else { given });
        if default_locale.is_none() {
            let message = format!("{given:?} is no BCP 47 tag");
            findings.error("winget-locale", &message, "set `default-locale`, for instance to en-US");
        }
        let manifest_version = settings.choice("manifest-version", &MANIFEST_VERSIONS, findings);
        if findings.is_fatal() {
            return None;
        }
        let artifacts = choose::artifacts(release, &["windows"], settings, findings);
        let default_locale = default_locale?;
        Some(Self { release, settings, id, version, manifest_version, default_locale, artifacts })
    }

    /// Path of a file of some version. `part` is what follows the identifier:
    /// nothing, `.installer`, `.locale.en-US`.
    pub fn file(&self, version: &str, part: &str) -> String {
        format!("{}/{}{part}.yaml", self.folder(version), self.id)
    }

    fn folder(&self, version: &str) -> String {
        let first: String = self.id.chars().take(1).flat_map(char::to_lowercase).collect();
        let is_font = !self.artifacts.is_empty() && self.artifacts.iter().all(|artifact| is_font(artifact));
        let root = if is_font { "fonts" } else { "manifests" };
        format!("{root}/{first}/{}/{version}", self.id.replace('.', "/"))
    }

    /// What every file begins with.
    pub fn identity(&self) -> Fields {
        let mut fields = Fields::new();
        fields.put("PackageIdentifier", Value::text(&self.id));
        fields.put("PackageVersion", Value::text(&self.version));
        fields
    }
}

fn is_font(artifact: &Artifact) -> bool {
    choose::technology(artifact).as_deref() == Some("font")
}

/// The identifier that the settings name, else publisher and name.
fn identifier(release: &Release, settings: Settings<'_>, findings: &mut Findings) -> String {
    if let Some(id) = settings.text("identifier") {
        return id.to_owned();
    }
    let part = |name: &str| -> String {
        let letters =
            name.chars().filter(|letter| is_identifier_letter(*letter) && !matches!(letter, ',' | '\'' | '(' | ')'));
        letters.take(32).collect()
    };
    let id = format!("{}.{}", part(&release.publisher), part(&release.name));
    let message = format!("the package identifier is made of publisher and name: {id}");
    findings.warn("winget-identifier-guessed", &message, "set `identifier`: it can never change later");
    id
}

fn is_identifier_letter(letter: char) -> bool {
    !letter.is_whitespace() && !letter.is_control() && !".\\/:*?\"<>|".contains(letter)
}

/// The schema's pattern, and what no file system takes.
pub fn is_identifier(id: &str) -> bool {
    let is_part = |part: &str| (1..=32).contains(&part.chars().count()) && part.chars().all(is_identifier_letter);
    let parts = id.split('.').count();
    (2..=8).contains(&parts) && id.split('.').all(is_part) && id.chars().count() <= 128
}

/// The schema's pattern, and what no file system takes.
pub fn is_version(version: &str) -> bool {
    let letters = version.chars().all(|letter| !letter.is_control() && !"\\/:*?\"<>|".contains(letter));
    letters && !version.is_empty() && !version.ends_with(['.', ' ']) && version.chars().count() <= 128
}

/// A BCP 47 tag as manifests write it.
pub fn locale(tag: &str) -> Option<String> {
    let tag = tag.trim().replace('_', "-");
    let mut parts = tag.split('-');
    let first = parts.next()?;
    let is_language =
        (2..=3).contains(&first.len()) || first.eq_ignore_ascii_case("i") || first.eq_ignore_ascii_case("x");
    let is_word = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let has_more = first.len() > 1 || tag.len() > 2;
    (is_language && has_more && is_word(first) && parts.all(is_word) && tag.len() <= 20).then_some(tag)
}
