//! What an installer file has to mean, beyond its structure.
//!
//! An installer takes from the file what it does not say itself.

use std::collections::{HashMap, HashSet};

use super::super::report::Report;
use super::super::tree::{Node, Value};
use crate::model::excerpt::excerpt;

/// Installers that write themselves into the list of installed programs.
const LISTED: [&str; 7] = ["exe", "msi", "inno", "nullsoft", "wix", "burn", "portable"];
/// Installers that have a package family.
const FAMILIES: [&str; 2] = ["msix", "appx"];

/// One installer with what the file says of all.
#[derive(Clone, Copy)]
struct Installer<'a> {
    own: &'a Node,
    root: &'a Node,
}

impl<'a> Installer<'a> {
    fn field(self, key: &str) -> Option<&'a Node> {
        self.own.get(key).or_else(|| self.root.get(key))
    }

    fn text(self, key: &str) -> &'a str {
        self.field(key).and_then(Node::text).unwrap_or_default()
    }

    fn is_archive(self) -> bool {
        self.text("InstallerType") == "zip"
    }

    /// The type of what is installed in the end.
    fn kind(self) -> &'a str {
        self.text(if self.is_archive() { "NestedInstallerType" } else { "InstallerType" })
    }
}

/// Checks an installer file.
pub(super) fn check(root: &Node, report: &mut Report<'_>) {
    if let Some(entry) = root.entry("Channel") {
        report.error("channel", entry, "channels are not supported yet").suggest("remove it");
    }
    let installers = root.get("Installers").map_or(&[][..], Node::items);
    let installers: Vec<Installer<'_>> = installers.iter().map(|own| Installer { own, root }).collect();
    for installer in &installers {
        check_type(*installer, report);
        check_archive(*installer, report);
        check_fit(*installer, report);
    }
    // What the file says of all installers is checked once.
    for level in installers.iter().map(|installer| installer.own).chain([root]) {
        check_markets(level, report);
        check_switches(level, report);
        check_nested_files(level, report);
        check_return_codes(level, report);
    }
    check_unused(root, &installers, report);
    check_duplicates(&installers, report);
    check_downloads(&installers, report);
}

fn check_type(installer: Installer<'_>, report: &mut Report<'_>) {
    let Some(node) = installer.field("InstallerType") else {
        report.error("required", installer.own, "the field `InstallerType` is missing, here and for all installers");
        return;
    };
    let version = installer.root.text_of("ManifestVersion").unwrap_or_default();
    let is_old = ["1.0.", "1.1.", "1.2.", "1.4.", "1.5.", "1.6.", "1.7.", "1.9.", "1.10."];
    if installer.kind() == "font" && is_old.iter().any(|start| version.starts_with(start)) {
        report
            .error("enum", node, format!("there are no fonts in {}", excerpt(version)))
            .suggest("ManifestVersion: 1.12.0");
    }
    if installer.kind() == "exe" {
        let switches = installer.field("InstallerSwitches");
        let has = |key| switches.is_some_and(|switches| switches.get(key).is_some());
        if !(has("Silent") && has("SilentWithProgress")) {
            let message = "an exe needs the switches Silent and SilentWithProgress to install without questions";
            report.warning("silent", installer.own, message);
        }
    }
    let commands = installer.field("Commands");
    if let Some(commands) = commands.filter(|commands| installer.kind() == "portable" && commands.items().len() > 1) {
        report.error("commands", commands, "a portable program has one command");
    }
}

fn check_archive(installer: Installer<'_>, report: &mut Report<'_>) {
    if !installer.is_archive() {
        for key in ["NestedInstallerType", "NestedInstallerFiles"] {
            if let Some(entry) = installer.own.entry(key).filter(|_| !installer.text("InstallerType").is_empty()) {
                report.warning("nested", entry, "only an archive has something nested");
            }
        }
        return;
    }
    if installer.field("NestedInstallerType").is_none() {
        report.error("nested", installer.own, "an archive needs a NestedInstallerType");
    }
    let Some(files) = installer.field("NestedInstallerFiles").filter(|files| !files.items().is_empty()) else {
        report.error("nested", installer.own, "an archive needs NestedInstallerFiles");
        return;
    };
    let kind = installer.kind();
    if !matches!(kind, "portable" | "font" | "") && files.items().len() != 1 {
        report.error(
            "nested",
            files,
            format!("one file inside an archive is the {}, not {}", excerpt(kind), files.items().len()),
        );
    }
    if kind == "portable" {
        for path in files.items().iter().filter_map(|file| file.get("RelativeFilePath")) {
            if path.text().is_some_and(|path| !path.to_ascii_lowercase().ends_with(".exe")) {
                report.error("nested", path, "a portable program ends in .exe");
            }
        }
    }
}

/// Fields that mean nothing to the installer's type.
fn check_fit(installer: Installer<'_>, report: &mut Report<'_>) {
    let kind = installer.kind();
    for (key, kinds) in type_specific() {
        if let Some(entry) = installer.own.entry(key).filter(|_| !kind.is_empty() && !kinds.contains(&kind)) {
            report.error("installer-type", entry, format!("`{key}` does not go with the type {}", excerpt(kind)));
        }
    }
}

fn type_specific() -> [(&'static str, &'static [&'static str]); 3] {
    [("ProductCode", &LISTED), ("AppsAndFeaturesEntries", &LISTED), ("PackageFamilyName", &FAMILIES)]
}

/// The same, said of all installers, of which none can use it.
fn check_unused(root: &Node, installers: &[Installer<'_>], report: &mut Report<'_>) {
    for (key, kinds) in type_specific() {
        let Some(entry) = root.entry(key) else { continue };
        let known = installers.iter().map(|installer| installer.kind()).filter(|kind| !kind.is_empty());
        let known: Vec<&str> = known.collect();
        if !known.is_empty() && !known.iter().any(|kind| kinds.contains(kind)) {
            report.error("installer-type", entry, format!("`{key}` goes with none of the installers"));
        }
    }
}

fn check_markets(level: &Node, report: &mut Report<'_>) {
    let Some(markets) = level.get("Markets").filter(|markets| matches!(markets.value, Value::Map(_))) else { return };
    let named = ["AllowedMarkets", "ExcludedMarkets"].iter().filter(|key| markets.entry(key).is_some()).count();
    if named != 1 {
        report.error("markets", markets, "either AllowedMarkets or ExcludedMarkets has to be there, and not both");
    }
}

fn check_switches(level: &Node, report: &mut Report<'_>) {
    for entry in level.get("InstallerSwitches").map_or(&[][..], Node::entries) {
        if entry.node.text().is_some_and(|text| text.contains(r"\\")) {
            report.error("switches", &entry.node, r"a switch has `\\`: outside of double quotes nothing is escaped");
        }
    }
}

fn check_nested_files(level: &Node, report: &mut Report<'_>) {
    let mut paths = HashSet::new();
    let mut aliases = HashSet::new();
    for file in level.get("NestedInstallerFiles").map_or(&[][..], Node::items) {
        if let Some(node) = file.get("RelativeFilePath")
            && let Some(path) = node.text()
        {
            let same = path.replace('\\', "/").to_lowercase();
            if escapes(&same) {
                report.error("escape", node, "this path leads out of the archive");
            }
            if !paths.insert(same) {
                report.error("twice", node, "this file is in the list already, whatever the case");
            }
        }
        if let Some(node) = file.get("PortableCommandAlias")
            && let Some(alias) = node.text()
            && !aliases.insert(alias.to_lowercase())
        {
            report.error("twice", node, "another file has this alias, whatever the case");
        }
    }
}

/// Whether a path, separated by `/`, may name something outside its root.
fn escapes(path: &str) -> bool {
    path.starts_with('/') || path.contains(':') || path.split('/').any(|part| part == "..")
}

fn check_return_codes(level: &Node, report: &mut Report<'_>) {
    let number = |node: &Node| if let Value::Number(digits) = &node.value { digits.parse::<i64>().ok() } else { None };
    let successes = level.get("InstallerSuccessCodes").map_or(&[][..], Node::items);
    let mut seen: HashSet<i64> = successes.iter().filter_map(number).collect();
    let expected = level.get("ExpectedReturnCodes").map_or(&[][..], Node::items);
    for node in expected.iter().filter_map(|code| code.get("InstallerReturnCode")) {
        if number(node).is_some_and(|code| !seen.insert(code)) {
            report.error("return-codes", node, "this code has a meaning already");
        }
    }
}

/// Two installers among which the client could not choose.
fn check_duplicates(installers: &[Installer<'_>], report: &mut Report<'_>) {
    let mut seen: HashMap<[String; 4], Vec<&str>> = HashMap::new();
    for installer in installers {
        let keys = ["InstallerType", "NestedInstallerType", "Architecture", "InstallerLocale"];
        let key = keys.map(|key| installer.text(key).to_lowercase());
        let scope = installer.text("Scope");
        let scopes = seen.entry(key).or_default();
        // An installer without a scope is for any.
        let is_same = |other: &&str| scope.is_empty() || other.is_empty() || **other == *scope;
        if scopes.iter().any(is_same) {
            let message = "another installer has the same type, architecture, locale and scope";
            report.error("duplicate-installer", installer.own, message);
        } else {
            scopes.push(scope);
        }
    }
}

/// What is downloaded, and with which digest.
fn check_downloads(installers: &[Installer<'_>], report: &mut Report<'_>) {
    let mut by_url: HashMap<&str, String> = HashMap::new();
    let mut by_hash: HashMap<String, &str> = HashMap::new();
    for installer in installers {
        let (url, Some(node)) = (installer.text("InstallerUrl"), installer.own.get("InstallerSha256")) else {
            continue;
        };
        let Some(hash) = node.text().filter(|_| !url.is_empty()) else { continue };
        let upper = hash.to_ascii_uppercase();
        if hash != upper {
            report.note("hash-case", node, "digests are written in capitals by convention").suggest(excerpt(&upper));
        }
        if by_url.get(url).is_some_and(|other| *other != upper) {
            report.error("hash", node, "another installer of the same URL has another digest");
        }
        if by_hash.get(&upper).is_some_and(|other| *other != url) {
            report.warning("hash", node, "another URL has the same digest: are these the same bytes?");
        }
        by_url.insert(url, upper.clone());
        by_hash.insert(upper, url);
    }
}
