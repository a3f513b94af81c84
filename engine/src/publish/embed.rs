//! Artifacts inside of a package: a generator sees no bytes, so it says which
//! artifact lies where, and the engine puts it there.
//!
//! The key invariant: what is put in is the artifact, by its digest, at the
//! moment it is packed.

use std::path::{Path, PathBuf};

use super::artifact::Studied;
use super::confine::Bounds;
use super::violation::Violation;
use crate::component::Generated;
use crate::model::delivery::{Delivery, OutputFile};
use crate::model::release::{Pairs, Release};
use crate::model::{Algorithm, Digest, ExitCode, Explain};
use crate::store::{StoreError, read_bounded, sha256};

/// What the name begins with under which a generator says so; the path in the
/// package follows.
const KEY: &str = "embed:";

/// Why an artifact was not put into a package.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// It cannot be read any more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody changed it since it was looked at.
    #[error("{} is not the artifact any more that it was: expected {expected}, got {got}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it was.
        expected: Digest,
        /// What it is.
        got: Digest,
    },
}

impl Explain for EmbedError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Changed { .. } => ExitCode::Verification,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Changed { .. } => Some("run the command again once nobody writes to it".into()),
        }
    }
}

/// Path in the package and artifact, as a generator wants them.
pub fn wanted(extra: &Pairs) -> Pairs {
    let pairs = extra.iter().filter_map(|(key, id)| Some((key.strip_prefix(KEY)?.to_owned(), id.clone())));
    pairs.collect()
}

/// What is wrong with what a generator wants to have inside of its package.
pub(super) fn check(generated: &Generated, release: &Release, bounds: &Bounds) -> Vec<Violation> {
    let wanted = wanted(&generated.extra);
    if wanted.is_empty() {
        return Vec::new();
    }
    let [Delivery::Nupkg(package)] = &generated.deliveries[..] else {
        return vec![Violation::Field { what: "extra", why: "puts artifacts into something else than one package" }];
    };
    let is_artifact = |id: &str| release.artifacts.iter().any(|artifact| artifact.id == id);
    let mut wrong: Vec<Violation> = wanted
        .iter()
        .filter(|(_, id)| !is_artifact(id))
        .map(|_| Violation::Field { what: "extra", why: "puts something into the package that is no artifact" })
        .collect();
    // The same paths as any other file of the package may have.
    let mut whole = package.clone();
    whole.files.extend(wanted.into_iter().map(|(path, _)| OutputFile { path, content: Vec::new() }));
    wrong.extend(bounds.check(&[Delivery::Nupkg(whole)]));
    wrong
}

/// The artifacts as files of the package. Blocks.
pub fn files(wanted: &Pairs, studied: &[Studied], most_bytes: u64) -> Result<Vec<OutputFile>, EmbedError> {
    let mut left = most_bytes;
    let mut files = Vec::with_capacity(wanted.len());
    for (path, id) in wanted {
        let artifact = studied.iter().find(|studied| studied.artifact.id == *id).expect("checked when generated");
        let content = read(&artifact.path, artifact, left)?;
        left -= content.len() as u64;
        files.push(OutputFile { path: path.clone(), content });
    }
    Ok(files)
}

fn read(path: &Path, studied: &Studied, limit: u64) -> Result<Vec<u8>, EmbedError> {
    let content = read_bounded(path, usize::try_from(limit).unwrap_or(usize::MAX))?;
    let got = sha256(&content);
    let digests = &studied.artifact.digests;
    let expected = digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256);
    match expected.filter(|expected| **expected != got) {
        Some(expected) => Err(EmbedError::Changed { path: path.to_owned(), expected: expected.clone(), got }),
        None => Ok(content),
    }
}
