//! winget: a version is a folder of YAML files, one for the version, one for
//! its installers, one for each language.
//!
//! Structure is that of the official schemas (`fields`); `installer` has what
//! the client itself refuses, `set` what the files have to agree on, `head`
//! the comment that editors read.

mod fields;
mod head;
mod installer;
mod set;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::report::{Place, Report};
use super::shape::{self, Kind, Shape};
use super::tree::{Entry, Node};
use super::{extension_of, folder_of, layout, name_of, text_of, yaml};
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::Diagnostic;
use crate::model::excerpt::excerpt;

/// What a file of a version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Version,
    Installer,
    DefaultLocale,
    Locale,
}

impl Role {
    const ALL: [Self; 4] = [Self::Version, Self::Installer, Self::DefaultLocale, Self::Locale];

    /// The value of `ManifestType`.
    fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Installer => "installer",
            Self::DefaultLocale => "defaultLocale",
            Self::Locale => "locale",
        }
    }

    fn shape(self) -> &'static Shape {
        match self {
            Self::Version => &fields::VERSION_FILE,
            Self::Installer => &fields::INSTALLER_FILE,
            Self::DefaultLocale => &fields::DEFAULT_LOCALE_FILE,
            Self::Locale => &fields::LOCALE_FILE,
        }
    }

    /// What the file says it is, or else what its name says.
    fn of(root: &Node, path: &str) -> Option<Self> {
        if let Some(name) = root.text_of("ManifestType") {
            return Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(name));
        }
        let name = name_of(path);
        Some(match name {
            _ if name.contains(".installer.") => Self::Installer,
            _ if name.contains(".locale.") => Self::Locale,
            _ => Self::Version,
        })
    }
}

/// A file that was read.
struct Manifest<'a> {
    path: &'a str,
    text: &'a str,
    role: Option<Role>,
    root: Node,
}

impl Manifest<'_> {
    fn says(&self, key: &str) -> Option<&str> {
        self.root.text_of(key)
    }
}

fn help(code: &str) -> String {
    match code {
        "winget-header" | "winget-path" | "winget-file-name" | "winget-missing-file" | "winget-singleton" => {
            "https://learn.microsoft.com/windows/package-manager/package/manifest"
        }
        "winget-https" | "winget-icons" | "winget-agreements" => {
            "https://learn.microsoft.com/windows/package-manager/package/windows-package-manager-policies"
        }
        _ => "https://github.com/microsoft/winget-pkgs/tree/master/doc/manifest/schema/1.12.0",
    }
    .to_owned()
}

fn report(path: &str) -> Report<'_> {
    Report::new(path, "winget", help)
}

/// Checks every version among the files.
pub(super) fn check(files: &[OutputFile]) -> Vec<Diagnostic> {
    let mut folders: BTreeMap<&str, Vec<&OutputFile>> = BTreeMap::new();
    let is_yaml = |file: &&OutputFile| matches!(extension_of(&file.path).as_str(), "yaml" | "yml");
    for file in files.iter().filter(is_yaml) {
        folders.entry(folder_of(&file.path)).or_default().push(file);
    }
    folders.values().flat_map(|files| check_version(files)).collect()
}

fn check_version(files: &[&OutputFile]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut manifests = Vec::new();
    for file in files {
        match text_of(file).and_then(|text| Ok((text, yaml::read(text.trim_start_matches(layout::BYTE_ORDER_MARK))?))) {
            Ok((text, root)) => {
                let role = Role::of(&root, &file.path);
                manifests.push(Manifest { path: &file.path, text, role, root });
            }
            Err(unreadable) => {
                let mut report = report(&file.path);
                report.error("syntax", unreadable.at, unreadable.message);
                findings.extend(report.finish());
            }
        }
    }
    let is_complete = manifests.len() == files.len();
    for manifest in &manifests {
        let mut report = report(manifest.path);
        report.about(&manifest.root);
        check_file(manifest, &mut report);
        set::check_file(manifest, &manifests, &mut report);
        findings.extend(report.finish());
    }
    // A file that cannot be read is not missing.
    if let Some(first) = manifests.first().filter(|_| is_complete) {
        let mut report = report(first.path);
        set::check_missing(&manifests, &mut report);
        findings.extend(report.finish());
    }
    findings
}

fn check_file(manifest: &Manifest<'_>, report: &mut Report<'_>) {
    layout::check(manifest.text, "winget", report);
    shape::check_duplicates(&manifest.root, report);
    let Some(role) = manifest.role else { return unknown_role(manifest, report) };
    shape::check(&Kind::Map(role.shape()), &manifest.root, report);
    head::check(manifest, role, report);
    check_schema_version(manifest, report);
    check_urls(&manifest.root, report);
    match role {
        Role::Installer => installer::check(&manifest.root, report),
        Role::Locale | Role::DefaultLocale => check_texts(&manifest.root, report),
        Role::Version => {}
    }
}

fn unknown_role(manifest: &Manifest<'_>, report: &mut Report<'_>) {
    let name = manifest.says("ManifestType").unwrap_or_default();
    let place = manifest.root.get("ManifestType").map_or(Place::File, Place::from);
    if name.eq_ignore_ascii_case("singleton") || name.eq_ignore_ascii_case("merged") {
        let message = format!("a manifest of the type `{}` is not accepted any more", excerpt(name));
        report.error("singleton", place, message).suggest("write a version, an installer and a locale file");
    } else {
        let message = format!("`{}` is no type of a manifest", excerpt(name));
        report.error("enum", place, message).suggest("version, installer, defaultLocale or locale");
    }
}

/// The schemas that exist; each was frozen when the next came.
const SCHEMA_VERSIONS: [&str; 11] =
    ["1.0.0", "1.1.0", "1.2.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.9.0", "1.10.0", "1.12.0", "1.28.0"];

fn check_schema_version(manifest: &Manifest<'_>, report: &mut Report<'_>) {
    let Some(node) = manifest.root.get("ManifestVersion") else { return };
    let Some(version) = node.text() else { return };
    let Some(at) = SCHEMA_VERSIONS.iter().position(|known| *known == version) else {
        let message = format!("there is no schema of version `{}`", excerpt(version));
        report.error("manifest-version", node, message).suggest("1.12.0");
        return;
    };
    if at < SCHEMA_VERSIONS.len() - 3 {
        report.note("manifest-version", node, "this is checked by the rules of 1.12.0").suggest("1.12.0");
    }
}

/// Every URL should be secure; that of an installer has to be.
fn check_urls(node: &Node, report: &mut Report<'_>) {
    for entry in node.entries() {
        if entry.key.ends_with("Url")
            && let Some(url) = entry.node.text()
        {
            check_url(entry, url, report);
        }
        check_urls(&entry.node, report);
    }
    node.items().iter().for_each(|item| check_urls(item, report));
}

fn check_url(entry: &Entry, url: &str, report: &mut Report<'_>) {
    let scheme = url.split("://").next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("http") {
        return;
    }
    let secure = format!("https{}", &url[scheme.len()..]);
    if entry.key == "InstallerUrl" {
        report.error("https", &entry.node, "an installer has to come by https").suggest(secure);
    } else {
        report.warning("https", &entry.node, "this is not secure").suggest(secure);
    }
}

fn check_texts(root: &Node, report: &mut Report<'_>) {
    if let Some(entry) = root.entry("Agreements") {
        report.warning("agreements", entry, "agreements are for verified developers only");
    }
    if let Some(entry) = root.entry("Icons") {
        report.warning("icons", entry, "the community repository takes no icons");
    }
}
