//! What generators run on, with what is installed.

use std::path::PathBuf;

use crate::cli::error::CliError;
use crate::cli::registry::registry;
use crate::cli::settings::{Settings, cache_dir};
use crate::component::{GeneratorOptions, Generators, GivenComponent, RefusedComponent};

/// What may be asked.
pub(super) struct Loaded {
    pub(super) generators: Generators,
    pub(super) installed: Vec<GivenComponent>,
    pub(super) refused: Vec<RefusedComponent>,
}

/// Prepares generators. `named` are the files that the user named.
pub(super) fn load(settings: &Settings, named: &[PathBuf]) -> Result<Loaded, CliError> {
    let loaded = registry(settings).load(named, &settings.limits, &settings.grants)?;
    let generators = Generators::new(GeneratorOptions {
        cache_dir: Some(cache_dir(settings)),
        limits: settings.limits.clone(),
        grants: loaded.grants,
        admission: loaded.admission,
    });
    Ok(Loaded { generators, installed: loaded.generators, refused: loaded.installed.refused })
}
