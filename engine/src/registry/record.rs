//! What this machine knows of an installed component: what it said of itself
//! when it was installed, and where it was fetched from.
//!
//! A lockfile can be edited by anybody who can write it. The record lies with
//! the component's bytes in the user's data folder, so that an entry of the
//! lockfile that says otherwise is found. Components that an earlier version
//! installed have no record, and their entries are taken at their word.

use crate::model::files::{LockedKind, LockedVersion};
use crate::model::quoted;

/// Most places that are remembered.
const SOURCES: usize = 64;

/// What is known of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    rule: String,
    version: String,
    kind: &'static str,
    /// Where its bytes were fetched from, as lockfiles write it.
    sources: Vec<String>,
}

/// A field of a lockfile that was not written by this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the lockfile was edited: its `{field}` is {}, the component's is {}", quoted(said), quoted(known))]
pub struct Edited {
    /// The field.
    pub field: &'static str,
    /// What the lockfile says.
    pub said: String,
    /// What is known.
    pub known: String,
}

impl Record {
    /// The record of a component that was examined.
    pub(super) fn of(version: &LockedVersion) -> Self {
        let LockedVersion { rule, version, kind, source, .. } = version.clone();
        Self { rule, version, kind: name(kind), sources: vec![source] }
    }

    /// The same with the sources of an earlier record of these bytes.
    #[must_use]
    pub(super) fn after(mut self, earlier: Option<Self>) -> Self {
        for source in earlier.into_iter().flat_map(|earlier| earlier.sources) {
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        self.sources.truncate(SOURCES);
        self
    }

    /// Reads a record; one that makes no sense is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(|line| line.split_once(' '));
        let mut field = |wanted: &str| lines.next().flatten().filter(|(key, _)| *key == wanted).map(|(_, text)| text);
        let (rule, version, kind) = (field("rule")?.to_owned(), field("version")?.to_owned(), field("kind")?);
        let kind =
            [LockedKind::MirrorRule, LockedKind::ManifestGenerator].map(name).into_iter().find(|it| *it == kind)?;
        let sources = lines.map(|line| line.filter(|(key, _)| *key == "source").map(|(_, text)| text.to_owned()));
        Some(Self { rule, version, kind, sources: sources.collect::<Option<_>>()? })
    }

    /// The record as it is kept. None of the texts has a line break: a lockfile
    /// takes none.
    pub(super) fn text(&self) -> String {
        let Self { rule, version, kind, sources } = self;
        let sources: String = sources.iter().map(|source| format!("source {source}\n")).collect();
        format!("rule {rule}\nversion {version}\nkind {kind}\n{sources}")
    }

    /// Compares what a lockfile says of the component with what is known.
    pub(super) fn check(&self, version: &LockedVersion) -> Result<(), Edited> {
        let pairs = [
            ("rule", version.rule.as_str(), self.rule.as_str()),
            ("version", &version.version, &self.version),
            ("kind", name(version.kind), self.kind),
        ];
        match pairs.into_iter().find(|(_, said, known)| said != known) {
            Some((field, said, known)) => Err(Edited { field, said: said.to_owned(), known: known.to_owned() }),
            None => Ok(()),
        }
    }

    /// Compares where a lockfile says that it came from with where it did.
    pub(super) fn check_source(&self, version: &LockedVersion) -> Result<(), Edited> {
        if self.sources.contains(&version.source) {
            return Ok(());
        }
        let known = self.sources.join(", ");
        Err(Edited { field: "source", said: version.source.clone(), known })
    }
}

/// Compares the length that a lockfile says with that of the component.
pub(super) fn check_length(version: &LockedVersion, bytes: usize) -> Result<(), Edited> {
    if version.bytes == bytes as u64 {
        return Ok(());
    }
    Err(Edited { field: "bytes", said: version.bytes.to_string(), known: bytes.to_string() })
}

fn name(kind: LockedKind) -> &'static str {
    match kind {
        LockedKind::MirrorRule => "mirror-rule",
        LockedKind::ManifestGenerator => "manifest-generator",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn version() -> LockedVersion {
        LockedVersion {
            rule: "rule".into(),
            kind: LockedKind::MirrorRule,
            version: "1.0.0".into(),
            sha256: "0".repeat(64),
            bytes: 9,
            source: "https://a.example/a b.wasm".into(),
            signer: None,
            grants: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_kept_reads_back() {
        let earlier = Record::of(&LockedVersion { source: "rule.wasm".into(), ..version() });
        let record = Record::of(&version()).after(Some(earlier));
        assert_eq!(Record::parse(&record.text()), Some(record.clone()));
        for source in ["https://a.example/a b.wasm", "rule.wasm"] {
            assert_eq!(record.check_source(&LockedVersion { source: source.into(), ..version() }), Ok(()));
        }
        for text in ["", "rule a", "rule a\nversion 1\nkind other\n", "rule a\nversion 1\nkind mirror-rule\nelse b\n"] {
            assert_eq!(Record::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_edited_field_is_named() {
        let record = Record::of(&version());
        assert_eq!(record.check(&version()), Ok(()));
        let edited = [
            ("rule", LockedVersion { rule: "other".into(), ..version() }),
            ("version", LockedVersion { version: "2.0.0".into(), ..version() }),
            ("kind", LockedVersion { kind: LockedKind::ManifestGenerator, ..version() }),
        ];
        for (field, edited) in edited {
            assert_eq!(record.check(&edited).map_err(|edited| edited.field), Err(field));
        }
        let elsewhere = LockedVersion { source: "https://b.example/r.wasm".into(), ..version() };
        let told = record.check_source(&elsewhere).unwrap_err().to_string();
        assert!(told.contains("`source`") && told.contains("\"https://b.example/r.wasm\""), "{told}");
        assert_eq!(check_length(&version(), 9), Ok(()));
        assert_eq!(check_length(&version(), 8).unwrap_err().field, "bytes");
    }
}
