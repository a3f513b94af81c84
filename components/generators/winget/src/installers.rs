//! The installer manifest: every installer, and what is true of all.

use generator_common::{Fields, Findings, Value, text};
use turbo_component::manifest::Artifact;

use crate::carry::Previous;
use crate::installer;
use crate::package::{Package, is_identifier, is_version};

/// Order of the fields, as the schema has it.
const ORDER: [&str; 44] = [
    "PackageIdentifier",
    "PackageVersion",
    "InstallerLocale",
    "Platform",
    "MinimumOSVersion",
    "Architecture",
    "InstallerType",
    "NestedInstallerType",
    "NestedInstallerFiles",
    "Scope",
    "InstallerUrl",
    "InstallerSha256",
    "SignatureSha256",
    "InstallModes",
    "InstallerSwitches",
    "InstallerSuccessCodes",
    "ExpectedReturnCodes",
    "UpgradeBehavior",
    "Commands",
    "Protocols",
    "FileExtensions",
    "Dependencies",
    "PackageFamilyName",
    "ProductCode",
    "Capabilities",
    "RestrictedCapabilities",
    "Markets",
    "InstallerAbortsTerminal",
    "ReleaseDate",
    "InstallLocationRequired",
    "RequireExplicitUpgrade",
    "DisplayInstallWarnings",
    "UnsupportedOSArchitectures",
    "UnsupportedArguments",
    "AppsAndFeaturesEntries",
    "ElevationRequirement",
    "InstallationMetadata",
    "DownloadCommandProhibited",
    "RepairBehavior",
    "ArchiveBinariesDependOnPath",
    "Authentication",
    "Installers",
    "ManifestType",
    "ManifestVersion",
];

/// What is written once when it is true of every installer.
const SHARED: [&str; 4] = ["InstallerType", "NestedInstallerType", "NestedInstallerFiles", "Scope"];

const SWITCHES: [(&str, &str, usize); 8] = [
    ("silent", "Silent", 512),
    ("silent-with-progress", "SilentWithProgress", 512),
    ("interactive", "Interactive", 512),
    ("install-location", "InstallLocation", 512),
    ("log", "Log", 512),
    ("upgrade", "Upgrade", 512),
    ("custom", "Custom", 2048),
    ("repair", "Repair", 512),
];

/// Makes the manifest.
pub fn manifest(package: &Package<'_>, previous: &Previous, findings: &mut Findings) -> Fields {
    let mut root = package.identity();
    from_settings(package, &mut root, findings);
    dependencies(package, previous, &mut root, findings);
    let date = text::line(&package.release.date);
    if text::is_date(&date) {
        root.put("ReleaseDate", Value::text(date));
    } else if !date.is_empty() {
        findings.warn("winget-date", &format!("{date:?} is no day"), "write it as YYYY-MM-DD");
    }
    let mut entries: Vec<(Fields, String)> = Vec::new();
    for artifact in in_order(&package.artifacts) {
        let Some((mut entry, kind)) = installer::of(package, previous, artifact, findings) else { continue };
        previous.keep_for_one(&mut entry, &kind);
        entries.push((entry.in_order(&ORDER), kind));
    }
    let kinds: Vec<String> = entries.iter().map(|(_, kind)| kind.clone()).collect();
    previous.keep_for_all(&mut root, &kinds, findings);
    let entries = unique(entries, &root, findings);
    if entries.is_empty() && !findings.is_fatal() {
        let suggestion = "publish a zip, a portable .exe, or an installer (msi, exe, msix) for Windows";
        findings.error("winget-no-installer", "the release has nothing that winget installs", suggestion);
    }
    check_together(&entries, &root, findings);
    let entries = share(entries, &mut root);
    root.put("Installers", Value::List(entries.into_iter().map(Value::Map).collect()));
    root.in_order(&ORDER)
}

/// By processor; equal ones as the release has them.
fn in_order<'a>(artifacts: &[&'a Artifact]) -> Vec<&'a Artifact> {
    let mut artifacts = artifacts.to_vec();
    let arches = ["x86", "x64", "arm", "arm64", "neutral"];
    // Of two builds for one processor the native toolchain's comes first.
    artifacts.sort_by_key(|artifact| {
        let place = arches.iter().position(|arch| *arch == artifact.arch);
        (place, matches!(artifact.libc.as_deref(), Some("gnu" | "musl")))
    });
    artifacts
}

fn from_settings(package: &Package<'_>, root: &mut Fields, findings: &mut Findings) {
    let settings = package.settings;
    root.put_text("MinimumOSVersion", settings.text("minimum-os-version"));
    if settings.text("scope").is_some() {
        root.put_text("Scope", Some(settings.choice("scope", &["user", "machine"], findings)));
    }
    if settings.text("upgrade-behavior").is_some() {
        let words = ["install", "uninstallPrevious", "deny"];
        root.put_text("UpgradeBehavior", Some(settings.choice("upgrade-behavior", &words, findings)));
    }
    root.put("InstallModes", Value::texts(settings.list("install-modes")));
    let codes = settings.list("success-codes");
    if codes.iter().any(|code| code.parse::<i64>().map_or(true, |code| code == 0)) {
        findings.error("bad-setting", "`success-codes` has what is no code", "write whole numbers other than 0");
    }
    root.put(
        "InstallerSuccessCodes",
        Value::List(codes.into_iter().map(|code| Value::Number(code.to_owned())).collect()),
    );
    let mut switches = Fields::new();
    for (key, name, most) in SWITCHES {
        let Some(text) = settings.text(&format!("switches.{key}")) else { continue };
        if text.chars().count() > most || text.contains("\\\\") {
            let message = format!("`switches.{key}` is longer than {most} or has a doubled backslash");
            findings.error("bad-setting", &message, "shorten or correct it");
        }
        switches.put(name, Value::text(text));
    }
    root.put("InstallerSwitches", Value::Map(switches));
    let commands = settings.list("commands");
    if commands.len() > 16 || commands.iter().any(|command| command.chars().count() > 40) {
        findings.error("bad-setting", "`commands` takes 16 of at most 40 characters", "leave some out");
    }
    root.put("Commands", Value::texts(commands));
}

/// Packages of winget that the release needs; other kinds stay as they were.
fn dependencies(package: &Package<'_>, previous: &Previous, root: &mut Fields, findings: &mut Findings) {
    let mut packages = Vec::new();
    for (_, name) in package.release.dependencies.iter().filter(|(manager, _)| manager == "winget") {
        let (id, least) =
            name.split_once(">=").map_or((name.trim(), None), |(id, least)| (id.trim(), Some(least.trim())));
        if !is_identifier(id) || least.is_some_and(|least| !is_version(least)) {
            let message = format!("{name:?} names no package of winget");
            findings.error("winget-dependency", &message, "write Publisher.Name, or Publisher.Name >= 1.2");
            continue;
        }
        let mut fields = Fields::new();
        fields.put("PackageIdentifier", Value::text(id));
        fields.put_text("MinimumVersion", least);
        packages.push(Value::Map(fields));
    }
    if packages.is_empty() {
        return;
    }
    if packages.len() > 16 {
        findings.error("winget-dependency", "winget takes 16 dependencies", "leave some out");
    }
    let mut all = Fields::new();
    for name in ["WindowsFeatures", "WindowsLibraries", "ExternalDependencies"] {
        if let Some(kept) = previous.of_all("Dependencies").and_then(|kept| kept.get(name)) {
            all.put(name, kept.clone());
        }
    }
    all.put("PackageDependencies", Value::List(packages));
    let order = ["WindowsFeatures", "WindowsLibraries", "PackageDependencies", "ExternalDependencies"];
    root.put("Dependencies", Value::Map(all.in_order(&order)));
}

/// winget tells installers apart by type, processor, language and scope.
fn unique(entries: Vec<(Fields, String)>, root: &Fields, findings: &mut Findings) -> Vec<(Fields, String)> {
    let mut kept: Vec<(Fields, String)> = Vec::new();
    for (entry, kind) in entries {
        let text = |fields: &Fields, name: &str| fields.text(name).or_else(|| root.text(name)).map(str::to_owned);
        let is_equal = |other: &Fields, name: &str| text(other, name) == text(&entry, name);
        // An unknown scope may be either.
        let scopes = |other: &Fields| match (text(other, "Scope"), text(&entry, "Scope")) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        let names = ["InstallerType", "NestedInstallerType", "Architecture", "InstallerLocale"];
        if kept.iter().any(|(other, _)| names.iter().all(|name| is_equal(other, name)) && scopes(other)) {
            let url = entry.text("InstallerUrl").unwrap_or_default();
            let message =
                format!("{url} is left out: winget cannot tell it from another of the same type and processor");
            findings.warn("winget-duplicate-installer", &message, "name the files to publish with `artifacts`");
        } else {
            kept.push((entry, kind));
        }
    }
    kept
}

fn check_together(entries: &[(Fields, String)], root: &Fields, findings: &mut Findings) {
    for (at, (entry, kind)) in entries.iter().enumerate() {
        let url = entry.text("InstallerUrl").unwrap_or_default();
        for (other, _) in &entries[..at] {
            let is_same = |name| entry.text(name) == other.text(name);
            if is_same("InstallerUrl") && !is_same("InstallerSha256") {
                findings.error("winget-hash-mismatch", &format!("{url} has two hashes"), "one URL has one content");
            } else if is_same("InstallerSha256") && !is_same("InstallerUrl") {
                let message = format!("{url} and {} are the same file", other.text("InstallerUrl").unwrap_or_default());
                findings.warn("winget-same-hash", &message, "name one of them");
            }
        }
        let commands = entry.get("Commands").or_else(|| root.get("Commands")).map_or(0, |list| list.items().len());
        let is_portable = entry.text("InstallerType") == Some("portable");
        if is_portable && commands > 1 {
            findings.error("winget-portable-commands", "a portable program has one command", "leave one in `commands`");
        }
        let switches = entry.get("InstallerSwitches").or_else(|| root.get("InstallerSwitches"));
        let has = |name| switches.and_then(|switches| switches.get(name)).is_some();
        if kind == "exe" && !(has("Silent") && has("SilentWithProgress")) {
            let message = format!("winget cannot run {url} without questions: it has no silent switches");
            findings.warn(
                "winget-no-silent-switch",
                &message,
                "set `switches.silent` and `switches.silent-with-progress`",
            );
        }
    }
    if entries.len() > 1024 {
        findings.error("winget-too-many", "winget takes 1024 installers", "name some with `artifacts`");
    }
}

/// Moves to the root what every installer says.
fn share(entries: Vec<(Fields, String)>, root: &mut Fields) -> Vec<Fields> {
    let mut entries: Vec<Fields> = entries.into_iter().map(|(entry, _)| entry).collect();
    for name in SHARED {
        let Some(value) = entries.first().and_then(|first| first.get(name)).cloned() else { continue };
        let is_everywhere = entries.iter().all(|entry| entry.get(name) == Some(&value));
        if is_everywhere {
            for entry in &mut entries {
                entry.remove(name);
            }
            root.put(name, value);
        }
    }
    entries
}
