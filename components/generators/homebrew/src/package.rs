//! The package: its name, its version, and whether it is a formula or a cask.

use generator_common::license::{self, License};
use generator_common::{Findings, Settings, choose, text, web};
use turbo_component::manifest::{Artifact, Release};

use crate::ruby::{list, quoted};

/// Every setting that the generator reads.
pub const SETTINGS: [&str; 18] = [
    "app",
    "artifacts",
    "base",
    "caveats",
    "description",
    "homepage",
    "kind",
    "libc",
    "license",
    "livecheck",
    "macos",
    "name",
    "path",
    "pkgutil",
    "repository",
    "route",
    "test",
    "zap",
];

/// What a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Programs for the command line.
    Formula,
    /// An application for macOS.
    Cask,
}

/// One version of a package.
pub struct Package<'a> {
    /// The release.
    pub release: &'a Release,
    /// The user's settings.
    pub settings: Settings<'a>,
    /// Formula or cask.
    pub kind: Kind,
    /// Name of the formula, token of the cask.
    pub name: String,
    /// Version.
    pub version: String,
    /// The artifacts for macOS and Linux.
    pub artifacts: Vec<&'a Artifact>,
}

impl<'a> Package<'a> {
    /// Finds out what the package is; the findings say why it is none.
    pub fn open(release: &'a Release, settings: Settings<'a>, findings: &mut Findings) -> Option<Self> {
        let artifacts = choose::artifacts(release, &["macos", "linux"], settings, findings);
        let has = |is_one: fn(&Artifact) -> bool| artifacts.iter().any(|artifact| is_one(artifact));
        let is_cask = match settings.choice("kind", &["auto", "formula", "cask"], findings) {
            "formula" => false,
            "cask" => true,
            _ => !has(is_program) && has(is_application),
        };
        let kind = if is_cask { Kind::Cask } else { Kind::Formula };
        let name =
            settings.text("name").map_or_else(|| text::slug(&release.name, &['-', '_', '@', '+', '.']), str::to_owned);
        let is_letter = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'@' | b'+' | b'.')
        };
        if name.is_empty()
            || !name.bytes().all(is_letter)
            || !name.starts_with(|first: char| first.is_ascii_alphanumeric())
        {
            findings.error(
                "brew-name",
                &format!("{name:?} is no name of a formula"),
                "set `name`, for instance to my-tool",
            );
        }
        let version = text::line(&release.version);
        let is_version =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'.' | b'~' | b',');
        if version.is_empty() || !version.bytes().all(is_version) {
            findings.error(
                "brew-version",
                &format!("Homebrew takes no version {version:?}"),
                "write letters, digits, - _ + ~ , and .",
            );
        }
        (!findings.is_fatal()).then_some(Self { release, settings, kind, name, version, artifacts })
    }

    /// Where the file lies in the tap.
    pub fn path(&self) -> String {
        let folder = match self.kind {
            Kind::Formula => "Formula",
            Kind::Cask => "Casks",
        };
        let folder = self.settings.text("path").unwrap_or(folder).trim_matches('/');
        if folder == "." { format!("{}.rb", self.name) } else { format!("{folder}/{}.rb", self.name) }
    }

    /// One line that says what it is, by Homebrew's rules: no article, no name,
    /// no full stop, at most 80 characters.
    pub fn desc(&self, findings: &mut Findings) -> Option<String> {
        let texts = self.release.default_texts();
        let told = texts.map(|texts| text::line(&texts.summary)).filter(|summary| !summary.is_empty());
        let told = self.settings.text("description").map(text::line).or(told);
        let told = told
            .or_else(|| texts.map(|texts| text::first_sentence(&texts.description)).filter(|text| !text.is_empty()));
        let Some(told) = told else {
            findings.warn("brew-desc", "the package has no description", "give the release a summary");
            return None;
        };
        let mut desc = told.trim_end_matches(['.', '!']).trim();
        for article in ["a ", "an ", "the "] {
            if desc.get(..article.len()).is_some_and(|head| head.eq_ignore_ascii_case(article)) {
                desc = desc[article.len()..].trim_start();
                break;
            }
        }
        let mut letters = desc.chars();
        let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
        let desc = first + letters.as_str();
        if let Some(shorter) = text::cut(&desc, 80) {
            findings.warn("brew-text-cut", "the description is cut to 80 characters", "write a shorter summary");
            return Some(shorter.trim_end_matches('…').trim_end().to_owned());
        }
        Some(desc)
    }

    /// The page of the project.
    pub fn homepage(&self, findings: &mut Findings) -> String {
        let links = [self.settings.text("homepage"), self.release.link("homepage"), self.release.link("source")];
        let homepage = links.into_iter().flatten().map(str::trim).find(|url| web::is_link(url));
        if homepage.is_none() {
            findings.error("brew-homepage", "the package has no homepage", "give the release a homepage");
        }
        homepage.unwrap_or_default().to_owned()
    }

    /// The licence as Ruby; none when nobody says it.
    pub fn license(&self, findings: &mut Findings) -> Option<String> {
        let spdx = self.settings.text("license").unwrap_or(&self.release.license_spdx).trim();
        if spdx.is_empty() {
            findings.warn("brew-license", "the package has no licence", "give the release an SPDX expression");
            return None;
        }
        if spdx == "cannot_represent" {
            return Some(":cannot_represent".to_owned());
        }
        if let Some(license) = license::parse(spdx) {
            return Some(of_license(&license));
        }
        let message = format!("{spdx:?} is no SPDX expression: the licence is left out");
        findings.warn("brew-license", &message, "set `license` to one, or to cannot_represent");
        None
    }

    /// Where new versions are announced, if on GitHub.
    pub fn is_on_github(&self) -> bool {
        self.artifacts.iter().any(|artifact| {
            web::github_repository(&artifact.url).is_some() && artifact.url.contains("/releases/download/")
        })
    }
}

fn of_license(license: &License) -> String {
    match license {
        License::One { id, exception: None } => quoted(id),
        License::One { id, exception: Some(exception) } => {
            format!("{} => {{ with: {} }}", quoted(id), quoted(exception))
        }
        License::Any(parts) => format!("any_of: {}", of_parts(parts)),
        License::All(parts) => format!("all_of: {}", of_parts(parts)),
    }
}

fn of_parts(parts: &[License]) -> String {
    let plain: Option<Vec<String>> = parts
        .iter()
        .map(|part| match part {
            License::One { id, exception: None } => Some(id.clone()),
            _ => None,
        })
        .collect();
    if let Some(ids) = plain {
        return list(&ids);
    }
    let parts: Vec<String> = parts
        .iter()
        .map(|part| match part {
            License::Any(_) | License::All(_) => format!("{{ {} }}", of_license(part)),
            one @ License::One { .. } => of_license(one),
        })
        .collect();
    format!("[{}]", parts.join(", "))
}

/// Whether an artifact holds programs for the command line.
pub fn is_program(artifact: &Artifact) -> bool {
    let format = choose::kind(artifact);
    let is_archive = format == "zip" || format.starts_with("tar");
    let is_bare = matches!(
        format.as_str(),
        "portable" | "binary" | "raw" | "none" | "" | "executable" | "bin" | "elf" | "mach-o"
    );
    (is_archive || is_bare) && app_of(artifact).is_none()
}

/// Whether an artifact holds an application for macOS.
pub fn is_application(artifact: &Artifact) -> bool {
    artifact.os == "macos" && (matches!(choose::kind(artifact).as_str(), "dmg" | "pkg") || app_of(artifact).is_some())
}

/// The application in an archive: `Tool.app`.
pub fn app_of(artifact: &Artifact) -> Option<&str> {
    artifact.entries.iter().find_map(|entry| {
        let end = entry
            .path
            .find(".app/")
            .map(|at| at + 4)
            .or_else(|| entry.path.strip_suffix(".app").map(|_| entry.path.len()))?;
        // An application within another is a part of it.
        Some(&entry.path[..end])
    })
}
