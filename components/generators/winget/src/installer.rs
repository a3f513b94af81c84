//! One installer: its type, what is in it, and what it says of itself.

use generator_common::choose::{self, backslashed, is_exe};
use generator_common::{Fields, Findings, Value, text};
use turbo_component::manifest::{Artifact, setting};

use crate::carry::Previous;
use crate::package::{Package, locale};

const ARCHES: [&str; 5] = ["x86", "x64", "arm", "arm64", "neutral"];
const IN_ARCHIVES: [&str; 10] = ["portable", "exe", "msi", "wix", "inno", "nullsoft", "burn", "msix", "appx", "font"];

/// The entry of an artifact, and the type of what it installs. None when it is
/// nothing for winget; the findings say why.
pub fn of(
    package: &Package<'_>,
    previous: &Previous,
    artifact: &Artifact,
    findings: &mut Findings,
) -> Option<(Fields, String)> {
    let name = &artifact.file_name;
    if !ARCHES.contains(&artifact.arch.as_str()) {
        findings.warn("winget-arch", &format!("{name} is left out: winget knows no processor {:?}", artifact.arch), "");
        return None;
    }
    let kind = kind(artifact, findings)?;
    if kind == "font" && package.manifest_version == "1.10.0" {
        findings.error(
            "winget-font",
            &format!("{name}: manifests 1.10.0 know no fonts"),
            "use `manifest-version = \"1.12.0\"`",
        );
    }
    if !choose::is_public(artifact, findings) {
        return None;
    }
    let mut entry = Fields::new();
    entry.put("Architecture", Value::text(&artifact.arch));
    let inner = if choose::kind(artifact) == "zip" {
        entry.put("InstallerType", Value::text("zip"));
        entry.put("NestedInstallerType", Value::text(&kind));
        entry.put("NestedInstallerFiles", Value::List(nested_files(previous, artifact, &kind, findings)?));
        true
    } else {
        entry.put("InstallerType", Value::text(&kind));
        false
    };
    entry.put("InstallerUrl", Value::text(&artifact.url));
    entry.put("InstallerSha256", Value::text(choose::sha256(artifact).unwrap_or_default().to_ascii_uppercase()));
    if kind == "portable" && !inner {
        command(package, previous, artifact, &mut entry);
    }
    facts(package, artifact, &kind, &mut entry, findings);
    Some((entry, kind))
}

/// Type of the installer, or of the one in the archive.
fn kind(artifact: &Artifact, findings: &mut Findings) -> Option<String> {
    let kind = choose::kind(artifact);
    let name = &artifact.file_name;
    match kind.as_str() {
        "zip" => {
            let inside = choose::technology(artifact).unwrap_or_else(|| "portable".to_owned());
            if IN_ARCHIVES.contains(&inside.as_str()) {
                return Some(inside);
            }
            let message = format!("{name} is left out: winget installs no {inside:?} out of an archive");
            findings.warn("winget-type", &message, "");
            None
        }
        "exe" => {
            let message = format!("nobody knows what kind of installer {name} is; it is called `exe`");
            findings.note("winget-unknown-installer", &message, "set the artifact's installer type");
            Some(kind)
        }
        "msi" | "wix" | "msix" | "appx" | "inno" | "nullsoft" | "burn" | "portable" | "font" => Some(kind),
        "ttf" | "otf" | "ttc" => Some("font".to_owned()),
        _ => {
            findings.note("winget-type", &format!("{name} is left out: winget installs no {kind:?}"), "");
            None
        }
    }
}

fn nested_files(previous: &Previous, artifact: &Artifact, kind: &str, findings: &mut Findings) -> Option<Vec<Value>> {
    let name = &artifact.file_name;
    let ends: &[&str] = match kind {
        "msi" | "wix" => &[".msi"],
        "msix" => &[".msix", ".msixbundle"],
        "appx" => &[".appx", ".appxbundle"],
        "font" => &[".ttf", ".otf", ".ttc"],
        _ => &[".exe"],
    };
    let is_one = |path: &str| ends.iter().any(|end| path.to_ascii_lowercase().ends_with(end));
    let mut programs = choose::programs(artifact, is_one, findings);
    if kind == "portable" {
        for program in programs.iter().filter(|program| !is_exe(&program.path)) {
            let message = format!("{name}: {:?} is left out: winget links programs that end in .exe", program.path);
            findings.warn("winget-not-exe", &message, "");
        }
        programs.retain(|program| is_exe(&program.path));
    }
    if programs.is_empty() {
        let message = format!("nobody knows which file of {name} is the program");
        findings.error("winget-no-binary", &message, "name it in the artifact's `binaries`");
        return None;
    }
    if programs.len() > 1 && !matches!(kind, "portable" | "font") {
        let message = format!("{name} holds {} installers, and winget runs one", programs.len());
        findings.error("winget-nested-count", &message, "name the one in the artifact's `binaries`");
        return None;
    }
    let mut aliases: Vec<String> = Vec::new();
    let mut files = Vec::new();
    for program in programs {
        let mut file = Fields::new();
        file.put("RelativeFilePath", Value::text(backslashed(&program.path)));
        if kind == "portable" {
            let alias = previous.alias(&program.path).unwrap_or(&program.command).to_owned();
            if alias.chars().count() > 40 || aliases.iter().any(|known| known.eq_ignore_ascii_case(&alias)) {
                let message = format!("{name}: {:?} gets no command of its own", program.path);
                findings.warn("winget-alias", &message, "a command is unique and has at most 40 characters");
            } else {
                file.put("PortableCommandAlias", Value::text(&alias));
                aliases.push(alias);
            }
        }
        if program.path.chars().count() > 512 {
            findings.error("winget-path", &format!("{name} has a path of more than 512 characters"), "shorten it");
        }
        files.push(Value::Map(file));
    }
    Some(files)
}

/// A bare program is called by its file's name unless it has a command.
fn command(package: &Package<'_>, previous: &Previous, artifact: &Artifact, entry: &mut Fields) {
    if !package.settings.list("commands").is_empty() || previous.of_all("Commands").is_some() {
        return;
    }
    let binary = artifact.binaries.first().map_or(artifact.file_name.as_str(), String::as_str);
    let own = choose::command(binary);
    // `tool-1.2.3-x64.exe` is nobody's command.
    let command = if own == choose::command(&artifact.file_name) && own.contains(&package.version) {
        package.release.name.as_str()
    } else {
        own
    };
    if (1..=40).contains(&command.chars().count()) {
        entry.put("Commands", Value::texts([command]));
    }
}

/// A fact under a name: the installer's own, else the artifact's.
fn fact<'a>(artifact: &'a Artifact, key: &str) -> Option<&'a str> {
    let own = artifact.facts.as_ref().and_then(|facts| setting(&facts.extra, key));
    own.or_else(|| setting(&artifact.extra, key)).map(str::trim).filter(|value| !value.is_empty())
}

fn facts(package: &Package<'_>, artifact: &Artifact, kind: &str, entry: &mut Fields, findings: &mut Findings) {
    let name = &artifact.file_name;
    let facts = artifact.facts.as_ref();
    let scope = fact(artifact, "scope").filter(|scope| matches!(*scope, "user" | "machine"));
    if package.settings.text("scope").is_none() {
        entry.put_text("Scope", scope);
    }
    entry.put_text("InstallerLocale", fact(artifact, "locale").and_then(locale));
    entry.put_text("MinimumOSVersion", fact(artifact, "minimum-os-version").filter(|version| is_os_version(version)));
    if matches!(kind, "msix" | "appx") {
        let family = facts.and_then(|facts| facts.package_family_name.as_deref());
        if family.is_some_and(is_family) {
            entry.put_text("PackageFamilyName", family);
        } else {
            findings.warn("winget-family-name", &format!("{name} has no sound package family name"), "");
        }
        let signature = fact(artifact, "signature-sha256").filter(|hex| is_sha256(hex));
        entry.put_text("SignatureSha256", signature.map(str::to_ascii_uppercase));
        if signature.is_none() {
            findings.note("winget-signature-hash", &format!("{name} has no digest of its signature"), "");
        }
        return;
    }
    if matches!(kind, "portable" | "font") {
        return;
    }
    let code = facts.and_then(|facts| facts.product_code.as_deref()).or_else(|| package.settings.text("product-code"));
    let code = code.map(text::line).filter(|code| (1..=255).contains(&code.chars().count()));
    if code.is_none() && matches!(kind, "msi" | "wix") {
        findings.warn(
            "winget-product-code",
            &format!("{name} tells no ProductCode: upgrades will not be recognised"),
            "",
        );
    }
    entry.put_text("ProductCode", code.as_deref());
    let mut listed = Fields::new();
    let told = |value: Option<&str>| value.map(text::line).filter(|value| (1..=256).contains(&value.chars().count()));
    let display = told(facts.and_then(|facts| facts.display_name.as_deref()));
    let package_name = package.release.default_texts().map(|texts| texts.name.as_str());
    listed.put_text("DisplayName", display.filter(|display| Some(display.as_str()) != package_name));
    listed.put_text("Publisher", told(fact(artifact, "publisher")).filter(|name| *name != package.release.publisher));
    listed.put_text(
        "DisplayVersion",
        told(fact(artifact, "display-version").or(fact(artifact, "version"))).filter(|shown| *shown != package.version),
    );
    let upgrade = facts.and_then(|facts| facts.upgrade_code.as_deref());
    listed.put_text("UpgradeCode", told(upgrade));
    if !listed.is_empty() {
        listed.put_missing("ProductCode", Value::text(code.unwrap_or_default()));
        let order = ["DisplayName", "Publisher", "DisplayVersion", "ProductCode", "UpgradeCode"];
        entry.put("AppsAndFeaturesEntries", Value::List(vec![Value::Map(listed.in_order(&order))]));
    }
}

fn is_sha256(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_os_version(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let is_part = |part: &&str| part.parse::<u16>().is_ok_and(|number| number.to_string() == **part);
    (1..=4).contains(&parts.len()) && parts.iter().all(is_part)
}

/// `Name_hash`, the hash of 13 letters and digits.
fn is_family(name: &str) -> bool {
    let Some((name, hash)) = name.rsplit_once('_') else { return false };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
    name.len() >= 2
        && name.len() + hash.len() < 255
        && name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || matches!(byte, b'-' | b'.'))
        && hash.len() == 13
        && hash.bytes().all(is_letter)
}
