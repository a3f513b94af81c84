//! `turbo.lock`: which components are installed, byte for byte.
//!
//! TOML of version 1, sorted by name, so that the same components give the same
//! file and a change to one of them touches its own lines alone. A file of
//! another version is refused rather than guessed at: what it says decides
//! which code runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::excerpt::excerpt;

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// Most components of one file.
const MOST_COMPONENTS: usize = 1_000;
/// Earlier versions that are kept of each component.
pub const KEPT_VERSIONS: usize = 3;
/// Longest name of a component.
const NAME_BYTES: usize = 64;
/// Longest other text.
const TEXT_BYTES: usize = 8 << 10;

const HEADER: &str = "# Written by `turbo-engine component`: which components are installed, byte for byte.\n";

/// The components of a lockfile, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockFile {
    /// The components.
    pub components: BTreeMap<String, Locked>,
}

/// One installed component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Whether only these very bytes may stand under the name.
    pub pinned: bool,
    /// What is installed.
    pub current: LockedVersion,
    /// What was before, the latest first.
    pub previous: Vec<LockedVersion>,
}

/// One version of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedVersion {
    /// The rule's identifier.
    pub rule: String,
    /// What it is; a mirror rule where nothing else is said.
    #[serde(default, skip_serializing_if = "is_mirror_rule")]
    pub kind: LockedKind,
    /// The version that the component tells.
    pub version: String,
    /// SHA-256 of the component in lower-case hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Where it came from: a path, a URL, or `oci://...`.
    pub source: String,
    /// Whose signature it carries: the name and the identifier of a trusted key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// What it is granted beyond the limits, and no other bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<String, String>,
}

/// What a component is, as far as it decides who asks it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockedKind {
    /// It takes part in downloads.
    #[default]
    MirrorRule,
    /// It takes part in publishing.
    ManifestGenerator,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_mirror_rule(kind: &LockedKind) -> bool {
    *kind == LockedKind::MirrorRule
}

/// Why a text is no lockfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockFileError {
    /// No TOML of this shape.
    #[error("{0}")]
    Syntax(String),
    /// Written by another program, or another version of this one.
    #[error("it is of version {0}; this turbo-engine reads version {VERSION}")]
    Version(i64),
    /// Something in it makes no sense.
    #[error("component `{name}`: {what}")]
    Component {
        /// Which component.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
    /// More components than anybody installs.
    #[error("it has more than {MOST_COMPONENTS} components")]
    TooMany,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default, rename = "component")]
    components: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    pinned: bool,
    current: LockedVersion,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    previous: Vec<LockedVersion>,
}

impl LockFile {
    /// Reads a lockfile.
    pub fn parse(text: &str) -> Result<Self, LockFileError> {
        let syntax = |error: toml::de::Error| LockFileError::Syntax(excerpt(error.message()));
        let table: toml::Table = text.parse().map_err(syntax)?;
        match table.get("version").and_then(toml::Value::as_integer) {
            Some(version) if version == i64::from(VERSION) => {}
            Some(version) => return Err(LockFileError::Version(version)),
            None => return Err(LockFileError::Syntax("it does not say its version".into())),
        }
        let document: Document = table.try_into().map_err(syntax)?;
        if document.components.len() > MOST_COMPONENTS {
            return Err(LockFileError::TooMany);
        }
        let mut components = BTreeMap::new();
        for Entry { name, pinned, current, previous } in document.components {
            let wrong = |what| LockFileError::Component { name: excerpt(&name), what };
            if !is_name(&name) {
                return Err(wrong("the name is not of the form [a-z0-9-]{1,64}"));
            }
            if previous.len() > KEPT_VERSIONS {
                return Err(wrong("it has too many earlier versions"));
            }
            for version in previous.iter().chain([&current]) {
                version.check().map_err(wrong)?;
            }
            let locked = Locked { pinned, current, previous };
            if components.insert(name.clone(), locked).is_some() {
                return Err(LockFileError::Component { name, what: "it stands there twice" });
            }
        }
        Ok(Self { components })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let entry = |(name, locked): (&String, &Locked)| Entry {
            name: name.clone(),
            pinned: locked.pinned,
            current: locked.current.clone(),
            previous: locked.previous.clone(),
        };
        let document = Document { version: VERSION, components: self.components.iter().map(entry).collect() };
        format!("{HEADER}{}", toml::to_string(&document).expect("texts and numbers serialise"))
    }

    /// Every version of every component, the current ones and those kept.
    pub fn versions(&self) -> impl Iterator<Item = &LockedVersion> {
        self.components.values().flat_map(|locked| locked.previous.iter().chain([&locked.current]))
    }
}

impl Locked {
    /// Puts another version in the place of the current one, which is kept.
    pub fn replace(&mut self, version: LockedVersion) {
        self.previous.retain(|earlier| earlier.sha256 != version.sha256);
        let earlier = std::mem::replace(&mut self.current, version);
        if earlier.sha256 != self.current.sha256 {
            self.previous.insert(0, earlier);
            self.previous.truncate(KEPT_VERSIONS);
        }
    }
}

impl LockedVersion {
    fn check(&self) -> Result<(), &'static str> {
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err("a SHA-256 is not 64 digits of lower-case hexadecimal");
        }
        let grants = self.grants.iter().flat_map(|(key, value)| [key, value]);
        let texts = [&self.rule, &self.version, &self.source].into_iter().chain(&self.signer).chain(grants);
        for text in texts {
            if text.len() > TEXT_BYTES || text.chars().any(char::is_control) {
                return Err("a text is too long, or has control characters");
            }
        }
        Ok(())
    }
}

/// Whether a text can name a component.
pub fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= NAME_BYTES && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(digit: char) -> LockedVersion {
        LockedVersion {
            rule: "rule".into(),
            kind: LockedKind::MirrorRule,
            version: "1.0.0".into(),
            sha256: digit.to_string().repeat(64),
            bytes: 9,
            source: "https://a.example/rule.wasm".into(),
            signer: None,
            grants: BTreeMap::new(),
        }
    }

    fn locked(digit: char) -> Locked {
        Locked { pinned: false, current: version(digit), previous: Vec::new() }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut file = LockFile::default();
        assert_eq!(LockFile::parse(&file.text()), Ok(file.clone()));
        let mut rule = locked('1');
        rule.pinned = true;
        rule.replace(LockedVersion {
            signer: Some("me (A1B2)".into()),
            grants: BTreeMap::from([("memory".into(), "64MiB".into())]),
            ..version('2')
        });
        file.components.insert("b-rule".into(), rule);
        file.components.insert("a-rule".into(), locked('3'));
        assert_eq!(LockFile::parse(&file.text()), Ok(file.clone()));
        assert!(file.text().find("a-rule") < file.text().find("b-rule"), "sorted:\n{}", file.text());
    }

    #[test]
    fn the_latest_versions_are_kept_and_none_twice() {
        let mut rule = locked('1');
        for digit in ['2', '3', '4', '5', '3', '3'] {
            rule.replace(version(digit));
        }
        let kept: Vec<&str> = rule.previous.iter().map(|version| &version.sha256[..1]).collect();
        assert_eq!((&rule.current.sha256[..1], kept), ("3", vec!["5", "4", "2"]));
    }

    #[test]
    fn a_wrong_file_is_refused() {
        let good = LockFile { components: BTreeMap::from([("rule".into(), locked('1'))]) }.text();
        LockFile::parse(&good).expect("a good file");
        let entry = good.split_once("[[component]]").map(|(_, entry)| format!("[[component]]{entry}")).expect("one");
        for (from, to) in [
            ("version = 1\n", "version = 2\n"),
            ("version = 1\n", ""),
            ("name = \"rule\"", "name = \"../rule\""),
            ("sha256 = \"1", "sha256 = \"G"),
            ("sha256 = \"1", "sha256 = \"A"),
            ("a.example", "a\\u001b.example"),
            ("pinned = false", "pinned = false\nsurprise = 1"),
            ("bytes = 9", "bytes = -9"),
            ("[[component]]", &format!("{entry}\n[[component]]")),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            assert!(LockFile::parse(&text).is_err(), "{text}");
        }
    }
}
