//! The component that a tool works on: a file, or a folder to build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{AuthorError, Manifest};
use crate::component::build::{self, Messages};
use crate::component::source::{GivenComponent, Source, Standing};
use crate::component::{Limits, MOST_COMPONENT_BYTES, World};

/// Whether a folder's component is built before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuild {
    /// From its source, with the names of its functions kept.
    WithNames(Messages),
    /// From its source, as it is built for use.
    Now(Messages),
    /// Taken from `dist/` as it is.
    No,
}

/// A component and what its author says of it.
pub(super) struct Subject {
    /// The folder of its project; none for a file.
    pub(super) folder: Option<PathBuf>,
    /// Its `component.toml`.
    pub(super) manifest: Option<Manifest>,
    /// The component.
    pub(super) source: Source,
}

impl Subject {
    /// Finds the component, and builds it when that is asked for.
    pub(super) fn open(path: &Path, rebuild: Rebuild) -> Result<Self, AuthorError> {
        if path.is_file() {
            return Ok(Self { folder: None, manifest: None, source: read(path)? });
        }
        if !path.is_dir() {
            return Err(AuthorError::NoSubject(path.to_owned()));
        }
        let manifest = Manifest::read(path)?;
        let source = match rebuild {
            Rebuild::WithNames(messages) => built(path, build::build_named(path, messages)?),
            Rebuild::Now(messages) => built(path, build::build_bytes(path, messages)?),
            Rebuild::No => kept(path, manifest.as_ref())?,
        };
        Ok(Self { folder: Some(path.to_owned()), manifest, source })
    }

    /// The limits under which the component runs, with what it asks for.
    pub(super) fn limits(&self, world: World, limits: &Limits) -> Limits {
        let limits = match world {
            World::MirrorRule => limits.clone(),
            World::ManifestGenerator => limits.of_generator(),
        };
        match self.manifest.as_ref().map(Manifest::grant) {
            // It was read when the manifest was.
            Some(Ok(grant)) => grant.raise(&limits),
            _ => limits,
        }
    }
}

fn built(folder: &Path, (name, bytes): (String, Vec<u8>)) -> Source {
    Source::given(GivenComponent { name, path: folder.to_owned(), bytes }, Standing::Named)
}

fn kept(folder: &Path, manifest: Option<&Manifest>) -> Result<Source, AuthorError> {
    let name = manifest.map(|manifest| manifest.id.clone());
    let name = name.or_else(|| Some(folder.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned()));
    let file = folder.join("dist").join(name.unwrap_or_default()).with_added_extension("wasm");
    if !file.is_file() {
        return Err(AuthorError::NotBuilt { folder: folder.to_owned(), file });
    }
    read(&file)
}

fn read(file: &Path) -> Result<Source, AuthorError> {
    let limits = Limits { file_bytes: MOST_COMPONENT_BYTES, ..Limits::default() };
    Ok(Source::read(file, &limits, &BTreeMap::new())?)
}
