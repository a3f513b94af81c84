//! The previous version's files, and what of them the next version keeps.
//!
//! Which version that is says the setting `previous-version`, which languages
//! it has `previous-locales`: the engine, which sees the destination, fills
//! them in where the user does not.

use generator_common::{Fields, Findings, Value, text, yaml};
use turbo_component::manifest::PriorFile;

use crate::package::{Package, is_version, locale};

/// What every installer of a version may say, and people set by hand.
pub const KEPT: [&str; 26] = [
    "Platform",
    "MinimumOSVersion",
    "InstallModes",
    "InstallerSwitches",
    "InstallerSuccessCodes",
    "ExpectedReturnCodes",
    "UpgradeBehavior",
    "Commands",
    "Protocols",
    "FileExtensions",
    "Dependencies",
    "Capabilities",
    "RestrictedCapabilities",
    "Markets",
    "InstallerAbortsTerminal",
    "InstallLocationRequired",
    "RequireExplicitUpgrade",
    "DisplayInstallWarnings",
    "UnsupportedOSArchitectures",
    "UnsupportedArguments",
    "ElevationRequirement",
    "InstallationMetadata",
    "DownloadCommandProhibited",
    "RepairBehavior",
    "ArchiveBinariesDependOnPath",
    "Authentication",
];

/// Of those, what only makes sense for the installer technology it was set for.
const OF_TECHNOLOGY: [&str; 5] =
    ["InstallModes", "InstallerSwitches", "InstallerSuccessCodes", "ExpectedReturnCodes", "UnsupportedArguments"];

/// The previous version's files.
#[derive(Default)]
pub struct Previous {
    /// Its version, if there is one.
    pub version: Option<String>,
    /// Its installers.
    installer: Fields,
    /// Its texts, by language.
    pub locales: Vec<(String, Fields)>,
}

/// The files to read: this version's own, to see whether it is there already,
/// and the previous version's.
pub fn wants(package: &Package<'_>) -> Vec<String> {
    let mut paths = vec![package.file(&package.version, "")];
    if let Some(version) = version(package) {
        paths.push(package.file(version, ".installer"));
        paths.extend(tags(package).iter().map(|tag| package.file(version, &format!(".locale.{tag}"))));
    }
    let mut unique = Vec::new();
    for path in paths {
        if !unique.contains(&path) {
            unique.push(path);
        }
    }
    unique
}

/// The previous version; a version is not its own previous one in vain: then
/// its files are brought up to date.
fn version<'a>(package: &Package<'a>) -> Option<&'a str> {
    let is_on = package.settings.text("carry-forward") != Some("false");
    package.settings.text("previous-version").filter(|version| is_on && is_version(version))
}

/// Languages that the previous version may have: those of the settings and
/// those of the release.
fn tags(package: &Package<'_>) -> Vec<String> {
    let given = package.settings.list("previous-locales").into_iter();
    let told = package.release.texts.iter().map(|texts| texts.locale.as_str());
    let all = [package.default_locale.as_str()].into_iter().chain(given).chain(told);
    let mut tags: Vec<String> = Vec::new();
    for tag in all.filter_map(locale) {
        if !tags.iter().any(|known| known.eq_ignore_ascii_case(&tag)) {
            tags.push(tag);
        }
    }
    tags
}

impl Previous {
    /// Reads what there is. A file that is there and cannot be read is an
    /// error: what people wrote in it would be lost without a word.
    pub fn read(package: &Package<'_>, prior: &[PriorFile], findings: &mut Findings) -> Self {
        package.settings.switch("carry-forward", true, findings);
        let Some(version) = version(package) else { return Self::default() };
        let installer = read(&package.file(version, ".installer"), prior, findings);
        if installer.is_none() {
            let message = format!("version {version} has no {}", package.file(version, ".installer"));
            findings.warn("winget-previous-missing", &message, "correct `previous-version`");
        }
        let locales = tags(package).into_iter().filter_map(|tag| {
            let fields = read(&package.file(version, &format!(".locale.{tag}")), prior, findings)?;
            Some((tag, fields))
        });
        let locales = locales.collect();
        Self { version: Some(version.to_owned()), installer: installer.unwrap_or_default(), locales }
    }

    /// The texts in one language.
    pub fn locale(&self, tag: &str) -> Option<&Fields> {
        self.locales.iter().find(|(known, _)| known.eq_ignore_ascii_case(tag)).map(|(_, fields)| fields)
    }

    /// Adds to a manifest what the previous one says of all installers.
    pub fn keep_for_all(&self, root: &mut Fields, kinds: &[String], findings: &mut Findings) {
        let mut lost = Vec::new();
        for (name, value) in self.installer.iter() {
            let is_kept = KEPT.contains(&name) || matches!(name, "Scope" | "InstallerLocale");
            if is_kept && OF_TECHNOLOGY.contains(&name) && !self.has_any(kinds) {
                lost.push(name.to_owned());
            } else if is_kept {
                root.put_missing(name, kept(name, value));
            }
        }
        if !lost.is_empty() {
            let message = format!("the installers are of another type than before: {} not kept", lost.join(", "));
            findings.warn("winget-type-changed", &message, "set `switches` and the like if they still hold");
        }
    }

    /// Adds to an installer what its predecessor says of itself.
    pub fn keep_for_one(&self, installer: &mut Fields, kind: &str) {
        let arch = installer.text("Architecture").unwrap_or_default().to_owned();
        let of_kind = |found: &&Fields| self.kind_of(found) == Some(kind);
        let mut same_kind = self.installers().filter(of_kind);
        let same_arch = self.installers().filter(of_kind).find(|found| found.text("Architecture") == Some(&arch));
        let Some(found) = same_arch.or_else(|| same_kind.next()) else { return };
        for name in KEPT {
            let is_of_arch = name == "UnsupportedOSArchitectures" && same_arch.is_none();
            if let Some(value) = found.get(name).filter(|_| !is_of_arch) {
                installer.put_missing(name, kept(name, value));
            }
        }
        if installer.get("Scope").is_none() && same_arch.is_some() {
            installer.put_text("Scope", found.text("Scope"));
        }
        // Codes of these stay the same from version to version.
        if matches!(kind, "inno" | "nullsoft" | "exe") {
            let code = found.text("ProductCode").or_else(|| self.installer.text("ProductCode"));
            let is_steady = |code: &&str| !code.contains(self.version.as_deref().unwrap_or_default());
            if installer.get("ProductCode").is_none() {
                installer.put_text("ProductCode", code.filter(is_steady));
            }
        }
        if installer.get("AppsAndFeaturesEntries").is_none() && !matches!(kind, "portable" | "msix" | "appx" | "font") {
            let entries = found.get("AppsAndFeaturesEntries").or_else(|| self.installer.get("AppsAndFeaturesEntries"));
            installer.put("AppsAndFeaturesEntries", timeless(entries));
        }
    }

    /// The alias that somebody chose for a program in an archive.
    pub fn alias(&self, path: &str) -> Option<&str> {
        let lists = self.installers().chain([&self.installer]).filter_map(|found| found.get("NestedInstallerFiles"));
        let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        let mut files = lists.flat_map(Value::items);
        let file = files.find(|file| {
            file.get("RelativeFilePath").and_then(Value::as_text).is_some_and(|known| name(known) == name(path))
        })?;
        file.get("PortableCommandAlias")?.as_text()
    }

    /// What the installers of all say under a name.
    pub fn of_all(&self, name: &str) -> Option<&Value> {
        self.installer.get(name)
    }

    fn installers(&self) -> impl Iterator<Item = &Fields> {
        let list = self.installer.get("Installers").map(Value::items).unwrap_or_default();
        list.iter().filter_map(Value::as_fields)
    }

    fn has_any(&self, kinds: &[String]) -> bool {
        self.installers().any(|found| self.kind_of(found).is_some_and(|kind| kinds.iter().any(|known| known == kind)))
    }

    /// Type of an installer, for archives that of the installer inside.
    fn kind_of<'a>(&'a self, installer: &'a Fields) -> Option<&'a str> {
        let own = |name| installer.text(name).or_else(|| self.installer.text(name));
        match own("InstallerType") {
            Some("zip") => own("NestedInstallerType"),
            kind => kind,
        }
    }
}

fn read(path: &str, prior: &[PriorFile], findings: &mut Findings) -> Option<Fields> {
    let file = prior.iter().find(|file| file.path == path)?;
    let content = file.content.as_deref()?;
    let parsed = std::str::from_utf8(content).map_err(|_| "it is not UTF-8".to_owned()).and_then(yaml::read);
    match parsed {
        Ok(Value::Map(fields)) => return Some(fields),
        Ok(_) => findings.error("winget-previous-unreadable", &format!("{path} holds no manifest"), ADVICE),
        Err(reason) => {
            findings.error("winget-previous-unreadable", &format!("{path}: {}", text::line(&reason)), ADVICE);
        }
    }
    None
}

const ADVICE: &str = "correct the file, or set `carry-forward = false` to begin anew";

/// A value without what is true of one version alone.
fn kept(name: &str, value: &Value) -> Value {
    if name != "InstallationMetadata" {
        return without_nothing(value);
    }
    let mut fields = Fields::new();
    if let Some(place) = value.get("DefaultInstallLocation") {
        fields.put("DefaultInstallLocation", place.clone());
    }
    Value::Map(fields)
}

/// Readers take a field that says nothing for an error, or for a text.
fn without_nothing(value: &Value) -> Value {
    match value {
        Value::Map(fields) => {
            let mut kept = Fields::new();
            for (name, value) in fields.iter() {
                kept.put(name, without_nothing(value));
            }
            Value::Map(kept)
        }
        Value::List(items) => Value::List(items.iter().map(without_nothing).filter(|item| !item.is_empty()).collect()),
        other => other.clone(),
    }
}

fn timeless(entries: Option<&Value>) -> Value {
    let entries = entries.map(Value::items).unwrap_or_default().iter().filter_map(Value::as_fields);
    let entries = entries.map(|entry| {
        let mut fields = Fields::new();
        for name in ["DisplayName", "Publisher", "UpgradeCode", "InstallerType"] {
            fields.put_text(name, entry.text(name));
        }
        Value::Map(fields)
    });
    Value::List(entries.filter(|entry| !entry.is_empty()).collect())
}
