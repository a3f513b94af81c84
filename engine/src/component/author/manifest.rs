//! `component.toml`: what an author says of a component, in one place.
//!
//! The SDK makes `describe` of it when it can; the tools compare the two
//! whoever wrote which.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::AuthorError;
use super::workshop::Told;
use crate::component::build::Language;
use crate::component::text::printable;
use crate::component::world::is_spoken;
use crate::component::{Grant, GrantError, World};

/// Name of the file, in the component's folder.
pub(super) const MANIFEST: &str = "component.toml";

/// Longest file of an author's that is read.
const FILE_BYTES: u64 = 4 << 20;

/// Longest value that a disagreement quotes.
const VALUE_BYTES: usize = 300;

/// What an author says of a component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// Stable name.
    pub id: String,
    /// Version of the component.
    pub version: String,
    /// What it is for.
    pub kind: World,
    /// What it is written in: Rust, unless it says otherwise.
    #[serde(default)]
    pub lang: Language,
    /// The interface it speaks: `turbo:engine@0.1.0`.
    pub wit: String,
    /// One sentence.
    pub summary: String,
    /// The package manager that a manifest generator writes for.
    #[serde(default)]
    pub manager: Option<String>,
    /// Limits it needs raised, as `component add --grant` takes them.
    #[serde(default)]
    pub grants: BTreeMap<String, String>,
    /// The URLs that a mirror rule has an answer for.
    #[serde(default, rename = "pattern")]
    pub patterns: Vec<ManifestPattern>,
    /// Its self-test.
    #[serde(default, rename = "example")]
    pub examples: Vec<ManifestExample>,
}

/// A set of URLs; an empty list matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManifestPattern {
    /// Schemes, without the colon.
    #[serde(default)]
    pub schemes: Vec<String>,
    /// Host suffixes, by whole labels.
    #[serde(default)]
    pub host_suffixes: Vec<String>,
    /// Path prefixes.
    #[serde(default)]
    pub path_prefixes: Vec<String>,
}

/// A question of the self-test, with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestExample {
    /// The URL asked.
    pub url: String,
    /// The region asked for; empty for none.
    #[serde(default)]
    pub region: String,
    /// The candidates; none where the answer is an error.
    #[serde(default)]
    pub candidates: Vec<String>,
}

/// Where `component.toml` and the component itself differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The field of `component.toml`.
    pub field: String,
    /// What the file says.
    pub manifest: String,
    /// What the component says.
    pub component: String,
}

impl Manifest {
    /// Reads the file in a component's folder; none when there is no such file.
    pub(in crate::component) fn read(folder: &Path) -> Result<Option<Self>, AuthorError> {
        let path = folder.join(MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        let wrong = |reason: String| AuthorError::Manifest { path: path.clone(), reason };
        let manifest: Self = toml::from_str(&read_text(&path)?).map_err(|error| wrong(error.to_string()))?;
        if !is_spoken(&manifest.wit) || !manifest.wit.starts_with("turbo:engine@") {
            return Err(wrong(format!("`wit` is `{}`; this engine speaks turbo:engine@0.1.x", manifest.wit)));
        }
        manifest.grant().map_err(|error| wrong(format!("[grants]: {error}")))?;
        Ok(Some(manifest))
    }

    /// What the component asks for beyond the limits.
    pub(in crate::component) fn grant(&self) -> Result<Grant, GrantError> {
        Grant::of(self.grants.iter().map(|(key, text)| (key.as_str(), text.as_str())))
    }

    /// Where the component says otherwise.
    pub(super) fn disagreements(&self, told: &Told) -> Vec<Disagreement> {
        let kind = |world: World| world.name().to_owned();
        let mut pairs = vec![
            ("id", self.id.clone(), told.id.clone()),
            ("version", self.version.clone(), told.version.clone()),
            ("kind", kind(self.kind), kind(told.world)),
            ("summary", self.summary.clone(), told.summary.clone()),
        ];
        match told.world {
            World::MirrorRule => {
                pairs.push(("pattern", json(&self.patterns), json(&told.patterns)));
                pairs.push(("example", json(&self.examples), json(&told.examples)));
            }
            World::ManifestGenerator => {
                pairs.push(("manager", self.manager.clone().unwrap_or_default(), told.manager.clone()));
            }
        }
        let shown = |text: &str| printable(text, VALUE_BYTES);
        let differing = pairs.into_iter().filter(|(_, manifest, component)| manifest != component);
        differing
            .map(|(field, manifest, component)| Disagreement {
                field: field.to_owned(),
                manifest: shown(&manifest),
                component: shown(&component),
            })
            .collect()
    }
}

impl ManifestPattern {
    /// The pattern, fit for a terminal: a path prefix may hold anything.
    pub(super) fn printable(self) -> Self {
        let shown = |list: Vec<String>| list.iter().map(|text| printable(text, VALUE_BYTES)).collect();
        Self {
            schemes: shown(self.schemes),
            host_suffixes: shown(self.host_suffixes),
            path_prefixes: shown(self.path_prefixes),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts in lists serialise")
}

/// Reads a text of bounded length.
pub(super) fn read_text(path: &Path) -> Result<String, AuthorError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES + 1).read_to_string(&mut text));
    read.map_err(|source| AuthorError::file(path, source))?;
    if text.len() as u64 > FILE_BYTES {
        let reason = format!("it is longer than {FILE_BYTES} bytes");
        return Err(AuthorError::Cases { path: path.to_owned(), reason });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::Limits;

    fn manifest(grants: &str) -> Manifest {
        let head = "id = 'a'\nversion = '1.0.0'\nkind = 'mirror-rule'\nwit = 'turbo:engine@0.1.0'\nsummary = 'A.'\n";
        toml::from_str(&format!("{head}[grants]\n{grants}")).unwrap()
    }

    #[test]
    fn grants_are_those_of_the_command_line() {
        let limits = Limits::default();
        let granted = manifest("memory = '32MiB'\nfuel = '1'").grant().unwrap().raise(&limits);
        assert_eq!((granted.memory_bytes, granted.fuel), (32 << 20, limits.fuel));
        assert!(manifest("patience = '1'").grant().unwrap_err().to_string().contains("patience"));
    }

    #[test]
    fn what_differs_is_named_with_both_sides() {
        let told =
            Told { id: "a".into(), version: "2.0.0".into(), summary: "A.".into(), ..Told::new(World::MirrorRule) };
        let found = manifest("").disagreements(&told);
        let expected = Disagreement { field: "version".into(), manifest: "1.0.0".into(), component: "2.0.0".into() };
        assert_eq!(found, [expected]);
    }
}
