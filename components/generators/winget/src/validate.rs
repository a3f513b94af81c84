//! What the generator demands of its own files, and of those written by hand.

use generator_common::{Fields, Value, text, yaml};
use turbo_component::manifest::{Delivery, Diagnostic, GitChange, OutputFile};

use crate::package::{is_identifier, is_version};

/// Checks a delivery: the set of files, their heads, and that they agree.
pub fn delivery(delivery: &Delivery) -> Vec<Diagnostic> {
    match delivery {
        Delivery::GitChange(change) => git_change(change),
        _ => vec![Diagnostic::error("winget-delivery", "winget's manifests are a change to a git repository")],
    }
}

struct File<'a> {
    path: &'a str,
    kind: String,
    fields: Fields,
}

fn git_change(change: &GitChange) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let files: Vec<File<'_>> = change.writes.iter().filter_map(|file| read(file, &mut found)).collect();
    for kind in ["version", "installer", "defaultLocale"] {
        if files.iter().filter(|file| file.kind == kind).count() != 1 {
            found.push(Diagnostic::error("winget-files", &format!("there has to be one manifest of type {kind}")));
        }
    }
    let Some(first) = files.first() else { return found };
    let id = first.fields.text("PackageIdentifier").unwrap_or_default();
    let version = first.fields.text("PackageVersion").unwrap_or_default();
    if !is_identifier(id) || !is_version(version) {
        found.push(
            Diagnostic::error("winget-identity", "the identifier or the version is not sound").in_file(first.path),
        );
    }
    let folder = format!("/{}/{version}/", id.replace('.', "/"));
    for file in &files {
        for name in ["PackageIdentifier", "PackageVersion", "ManifestVersion"] {
            if file.fields.text(name) != first.fields.text(name) {
                let message = format!("{name} is not that of {}", first.path);
                found.push(Diagnostic::error("winget-consistency", &message).in_file(file.path));
            }
        }
        let is_placed = ["manifests/", "fonts/"].iter().any(|root| file.path.starts_with(root));
        if !is_placed || !file.path.contains(&folder) {
            found.push(
                Diagnostic::error("winget-path", "the file is not in the folder of its version").in_file(file.path),
            );
        }
        if file.kind == "installer" {
            installers(file, &mut found);
        }
    }
    if !change.title.contains(&format!("{id} version {version}")) {
        found.push(Diagnostic::warning("winget-title", "the title names neither the package nor its version"));
    }
    found
}

fn read<'a>(file: &'a OutputFile, found: &mut Vec<Diagnostic>) -> Option<File<'a>> {
    let mut wrong = |code: &str, message: &str| found.push(Diagnostic::error(code, message).in_file(&file.path));
    let Ok(content) = std::str::from_utf8(&file.content) else {
        wrong("winget-encoding", "the file is not UTF-8");
        return None;
    };
    let fields = match yaml::read(content) {
        Ok(Value::Map(fields)) => fields,
        Ok(_) => {
            wrong("winget-yaml", "the file holds no manifest");
            return None;
        }
        Err(reason) => {
            wrong("winget-yaml", &text::line(&reason));
            return None;
        }
    };
    let kind = fields.text("ManifestType").unwrap_or_default().to_owned();
    let version = fields.text("ManifestVersion").unwrap_or_default();
    let schema = format!("https://aka.ms/winget-manifest.{kind}.{version}.schema.json");
    let head = content.lines().find_map(|line| line.strip_prefix("# yaml-language-server: $schema="));
    if !head.is_some_and(|head| head.trim().eq_ignore_ascii_case(&schema)) {
        wrong("winget-head", "the head names another type or version than the manifest");
    }
    if content.replace("\r\n", "").contains(['\r', '\n']) {
        wrong("winget-line-ends", "lines end in CRLF");
    }
    Some(File { path: &file.path, kind, fields })
}

fn installers(file: &File<'_>, found: &mut Vec<Diagnostic>) {
    let installers = file.fields.get("Installers").map(Value::items).unwrap_or_default();
    let mut wrong = |at: usize, name: &str, message: &str| {
        let pointer = Some(format!("/Installers/{at}/{name}"));
        let told = Diagnostic::error("winget-installer", message).in_file(file.path);
        found.push(Diagnostic { pointer, ..told });
    };
    if installers.is_empty() {
        wrong(0, "", "there is no installer");
    }
    for (at, installer) in installers.iter().enumerate() {
        let text = |name: &str| installer.get(name).or_else(|| file.fields.get(name)).and_then(Value::as_text);
        let is_hash = |hex: &str| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !text("InstallerSha256").is_some_and(is_hash) {
            wrong(at, "InstallerSha256", "a SHA-256 has 64 hexadecimal digits");
        }
        if !text("InstallerUrl").is_some_and(|url| url.starts_with("https://")) {
            wrong(at, "InstallerUrl", "an installer has an https URL");
        }
        if !text("Architecture").is_some_and(|arch| ["x86", "x64", "arm", "arm64", "neutral"].contains(&arch)) {
            wrong(at, "Architecture", "an installer is for x86, x64, arm, arm64 or neutral");
        }
        let nested = installer.get("NestedInstallerFiles").or_else(|| file.fields.get("NestedInstallerFiles"));
        let is_complete =
            nested.is_some_and(|files| !files.items().is_empty()) && text("NestedInstallerType").is_some();
        match text("InstallerType") {
            None => wrong(at, "InstallerType", "an installer has a type"),
            Some("zip") if !is_complete => wrong(at, "NestedInstallerFiles", "an archive says what is in it"),
            Some(_) => {}
        }
    }
}
