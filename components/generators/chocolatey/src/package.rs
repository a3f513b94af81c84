//! The package: its identifier, its version, and what the settings say of it.

use generator_common::{Findings, Settings, text};
use turbo_component::manifest::Release;

use crate::version;

/// Every setting that the generator reads.
pub const SETTINGS: [&str; 26] = [
    "artifacts",
    "authors",
    "bug-tracker-url",
    "description",
    "docs-url",
    "embed",
    "endpoint",
    "icon-url",
    "id",
    "license-url",
    "mailing-list-url",
    "owners",
    "package-fix",
    "package-source-url",
    "prefer",
    "project-source-url",
    "project-url",
    "release-notes",
    "require-license-acceptance",
    "silent-args",
    "software-name",
    "summary",
    "tags",
    "title",
    "uninstall-script",
    "valid-exit-codes",
];

/// One version of a package.
pub struct Package<'a> {
    /// The release.
    pub release: &'a Release,
    /// The user's settings.
    pub settings: Settings<'a>,
    /// Identifier.
    pub id: String,
    /// Version as the gallery takes it.
    pub version: String,
    /// Whether the files lie in the package.
    pub is_embedded: bool,
}

impl<'a> Package<'a> {
    /// Finds out what the package is; the findings say why it is none.
    pub fn open(release: &'a Release, settings: Settings<'a>, findings: &mut Findings) -> Option<Self> {
        let id = settings.text("id").map_or_else(|| text::slug(&release.name, &['.', '-', '_']), str::to_owned);
        check_id(&id, findings);
        let version = version_of(release, settings, findings);
        let is_embedded = settings.switch("embed", false, findings);
        let version = version.filter(|_| !findings.is_fatal())?;
        Some(Self { release, settings, id, version, is_embedded })
    }
}

fn check_id(id: &str, findings: &mut Findings) {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if id.is_empty() || id.len() > 100 || !id.bytes().all(is_letter) || id.starts_with(['.', '-']) {
        findings.error("choco-id", &format!("{id:?} is no package identifier"), "set `id`, for instance to my-tool");
    }
    if id.to_ascii_lowercase().ends_with(".config") {
        findings.error("choco-id", "an identifier does not end in .config (CPMR0029)", "set another `id`");
    }
    let is_word = |word: &str| matches!(word, "alpha" | "beta" | "prerelease");
    if id.to_ascii_lowercase().split(['.', '-', '_']).any(is_word) {
        let message = format!("{id:?} says that it is a pre-release (CPMR0024)");
        findings.error("choco-id", &message, "leave that to the version");
    }
}

fn version_of(release: &Release, settings: Settings<'_>, findings: &mut Findings) -> Option<String> {
    let Some(found) = version::normalise(release.version.trim()) else {
        let message = format!("the gallery takes no version {:?}", release.version);
        findings.error("choco-version", &message, "begin it with one to four numbers: 1.2.3, 1.2.3-rc1");
        return None;
    };
    if let Some(build) = found.lost_build {
        findings.warn(
            "choco-version-build",
            &format!("a package's version has no build metadata: +{build} is left out"),
            "",
        );
    }
    if found.is_renamed {
        let message =
            format!("{} is written {}: the gallery knows no dots behind the hyphen", release.version, found.version);
        findings.warn("choco-version-renamed", &message, "mind the order: rc10 comes before rc2");
    }
    if release.prerelease && !found.version.contains('-') {
        let message = format!("the release is a pre-release, and {} does not say so", found.version);
        findings.warn("choco-prerelease", &message, "give the version a suffix like -rc1");
    }
    let Some(day) = settings.text("package-fix") else { return Some(found.version) };
    let mended = version::mended(&found.version, day);
    if mended.is_none() {
        let message = format!("`package-fix` is {day:?}, for the version {}", found.version);
        findings.error("choco-package-fix", &message, "write a day as yyyyMMdd, for a version of three numbers");
    }
    mended
}
