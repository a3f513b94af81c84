//! `component new`: a project that builds and passes its tests at once.
//!
//! The templates are files under `components/templates`; what differs between
//! projects stands in them as `{{word}}`. Nothing is ever overwritten.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::AuthorError;
use crate::component::World;
use crate::component::description::is_id;

/// Where the project of the SDK lives.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
const ENGINE: &str = env!("CARGO_PKG_VERSION");

/// The language of a project's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, for `wasm32-unknown-unknown`.
    Rust,
}

/// Where a project finds the crate `turbo-component`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sdk {
    /// The engine's repository, at the tag of this version.
    Release,
    /// A folder: `components/sdk` of a checkout.
    Folder(PathBuf),
}

/// A project to begin.
#[derive(Debug, Clone)]
pub struct Project {
    /// The component's name, and its package's.
    pub name: String,
    /// What it is for.
    pub world: World,
    /// What it is written in.
    pub language: Language,
    /// The folder to write into; created when it is missing.
    pub folder: PathBuf,
    /// Where its SDK comes from.
    pub sdk: Sdk,
}

/// A file of a template: its path in the project, and its text.
type Template = (&'static str, &'static str);

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../../components/templates/", $path))
    };
}

const RUST: [Template; 4] = [
    ("Cargo.toml", template!("rust/Cargo.toml.in")),
    ("README.md", template!("rust/README.md.in")),
    (".gitignore", template!("rust/gitignore")),
    (".github/workflows/ci.yml", template!("rust/ci.yml.in")),
];

const RUST_RULE: [Template; 3] = [
    ("component.toml", template!("rust/mirror-rule/component.toml.in")),
    ("src/lib.rs", template!("rust/mirror-rule/src/lib.rs")),
    ("tests/files.toml", template!("rust/mirror-rule/tests/files.toml")),
];

const RUST_GENERATOR: [Template; 3] = [
    ("component.toml", template!("rust/manifest-generator/component.toml.in")),
    ("src/lib.rs", template!("rust/manifest-generator/src/lib.rs")),
    ("tests/releases.toml", template!("rust/manifest-generator/tests/releases.toml")),
];

impl Language {
    fn templates(self, world: World) -> impl Iterator<Item = Template> {
        let (common, own) = match (self, world) {
            (Self::Rust, World::MirrorRule) => (RUST, RUST_RULE),
            (Self::Rust, World::ManifestGenerator) => (RUST, RUST_GENERATOR),
        };
        common.into_iter().chain(own)
    }
}

/// Writes a project and returns the paths of its files, from the folder.
pub fn create(project: &Project) -> Result<Vec<&'static str>, AuthorError> {
    // A package's name begins with a letter; the rest is any component's.
    if !is_id(&project.name) || !project.name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(AuthorError::Name(project.name.clone()));
    }
    let words = words(project)?;
    refuse_occupied(&project.folder)?;
    let mut written = Vec::new();
    for (path, text) in project.language.templates(project.world) {
        let text =
            words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(&format!("{{{{{word}}}}}"), value));
        write_new(&project.folder.join(path), &text)?;
        written.push(path);
    }
    Ok(written)
}

fn words(project: &Project) -> Result<[(&'static str, String); 6], AuthorError> {
    let about = match project.world {
        World::MirrorRule => "the URLs it is asked about, its self-test",
        World::ManifestGenerator => "the package manager it writes for",
    };
    Ok([
        ("id", project.name.clone()),
        ("kind", project.world.to_string()),
        ("about", about.to_owned()),
        ("sdk", project.sdk.dependency()?),
        ("repository", REPOSITORY.to_owned()),
        ("engine", ENGINE.to_owned()),
    ])
}

impl Sdk {
    /// The value of `turbo-component` under `[dependencies]`.
    fn dependency(&self) -> Result<String, AuthorError> {
        let Self::Folder(folder) = self else {
            return Ok(format!("{{ git = \"{REPOSITORY}\", tag = \"v{ENGINE}\" }}"));
        };
        let no_sdk = || AuthorError::NoSdk(folder.clone());
        let folder = folder.canonicalize().map_err(|_| no_sdk())?;
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).map_err(|_| no_sdk())?;
        let manifest: toml::Table = manifest.parse().map_err(|_| no_sdk())?;
        let name = manifest.get("package").and_then(|package| package.get("name"));
        if name.and_then(toml::Value::as_str) != Some("turbo-component") {
            return Err(no_sdk());
        }
        Ok(format!("{{ path = {} }}", toml::Value::String(folder.to_string_lossy().into_owned())))
    }
}

/// An empty folder may be written into, anything else may not.
fn refuse_occupied(folder: &Path) -> Result<(), AuthorError> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotADirectory => Err(AuthorError::file(folder, error)),
        Ok(false) | Err(_) => Err(AuthorError::Exists(folder.to_owned())),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), AuthorError> {
    let failed = |source| AuthorError::file(path, source);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = fs::File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::author::Manifest;

    fn project(folder: &Path, world: World) -> Project {
        Project { name: "a-1".into(), world, language: Language::Rust, folder: folder.join("new"), sdk: Sdk::Release }
    }

    #[test]
    fn no_word_is_left_in_a_project_and_its_manifest_reads() {
        for world in World::ALL {
            let folder = tempfile::tempdir().unwrap();
            let project = project(folder.path(), world);
            for path in create(&project).unwrap() {
                let text = fs::read_to_string(project.folder.join(path)).unwrap();
                assert!(!text.contains("{{"), "{path}: {text}");
            }
            let manifest = Manifest::read(&project.folder).unwrap().expect("a manifest");
            assert_eq!((manifest.id.as_str(), manifest.kind), ("a-1", world));
            let cargo = fs::read_to_string(project.folder.join("Cargo.toml")).unwrap();
            let cargo: toml::Table = cargo.parse().unwrap();
            assert_eq!(cargo["dependencies"]["turbo-component"]["git"].as_str(), Some(REPOSITORY));
            assert!(matches!(create(&project), Err(AuthorError::Exists(_))));
        }
    }
}
