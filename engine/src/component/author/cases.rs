//! The cases in `tests/*.toml`: questions to a component, answers expected.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Table;

use super::AuthorError;
use super::manifest::read_text;
use crate::component::World;
use crate::model::release::Release;

/// Most files of cases, and most cases in one.
const FILES: usize = 1_000;
const CASES: usize = 10_000;

/// A file of cases.
pub(super) struct CaseFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) cases: Vec<Case>,
}

/// One question, with the answer expected.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Case {
    /// What the case shows.
    pub(super) name: String,
    /// The URL asked; of mirror rules.
    pub(super) url: Option<String>,
    /// The region asked for; of mirror rules.
    #[serde(default)]
    pub(super) region: String,
    /// The release; of manifest generators.
    pub(super) release: Option<Release>,
    /// Files that stand at the destination, by path; of manifest generators.
    #[serde(default)]
    pub(super) prior: BTreeMap<String, String>,
    /// The component's settings.
    #[serde(default)]
    pub(super) settings: Table,
    /// Fuel that the call may use. The engine's own limit holds anyway.
    pub(super) max_fuel: Option<u64>,
    /// The answer.
    pub(super) expect: Option<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "case")]
    cases: Vec<Case>,
}

/// Reads every `*.toml` of a folder, by name. No folder has no cases.
pub(super) fn read(folder: &Path, world: World) -> Result<Vec<CaseFile>, AuthorError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|source| AuthorError::file(folder, source))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| AuthorError::file(folder, source))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.len() > FILES {
        return Err(wrong(folder, format!("there are more than {FILES} files")));
    }
    paths.into_iter().map(|path| CaseFile::read(path, world)).collect()
}

impl CaseFile {
    fn read(path: PathBuf, world: World) -> Result<Self, AuthorError> {
        let text = read_text(&path)?;
        let Document { cases } = toml::from_str(&text).map_err(|error| wrong(&path, error.to_string()))?;
        if cases.len() > CASES {
            return Err(wrong(&path, format!("there are more than {CASES} cases")));
        }
        for case in &cases {
            case.check(world).map_err(|reason| wrong(&path, format!("the case `{}` {reason}", case.name)))?;
        }
        Ok(Self { path, text, cases })
    }
}

impl Case {
    fn check(&self, world: World) -> Result<(), String> {
        match world {
            World::MirrorRule if self.url.is_none() => Err("has no `url`".into()),
            World::MirrorRule if self.release.is_some() || !self.prior.is_empty() => {
                Err("has a `release` or `prior` files, and this is a mirror rule".into())
            }
            World::ManifestGenerator if self.release.is_none() => Err("has no `release`".into()),
            World::ManifestGenerator if self.url.is_some() || !self.region.is_empty() => {
                Err("has a `url` or `region`, and this is a manifest generator".into())
            }
            _ => self.check_digests(),
        }
    }

    /// Weak digests are told to no generator: a case with one shows nothing.
    fn check_digests(&self) -> Result<(), String> {
        let artifacts = self.release.iter().flat_map(|release| &release.artifacts);
        match artifacts.flat_map(|artifact| &artifact.digests).find(|it| !it.algorithm().is_collision_resistant()) {
            Some(weak) => Err(format!("has the digest `{weak}`: releases have sha-256 and sha-512")),
            None => Ok(()),
        }
    }
}

fn wrong(path: &Path, reason: String) -> AuthorError {
    AuthorError::Cases { path: path.to_owned(), reason }
}
