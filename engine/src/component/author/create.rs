//! `component new`: a project that builds and passes its tests at once.
//!
//! The templates are files under `components/templates`; what differs between
//! projects stands in them as `{{word}}`. Nothing is ever overwritten.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{AuthorError, Language};
use crate::component::World;
use crate::component::description::is_id;

/// Where the project of the SDK lives.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
const ENGINE: &str = env!("CARGO_PKG_VERSION");

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

const RUST: &[Template] = &[
    ("Cargo.toml", template!("rust/Cargo.toml.in")),
    ("README.md", template!("rust/README.md.in")),
    (".gitignore", template!("rust/gitignore")),
    (".github/workflows/ci.yml", template!("rust/ci.yml.in")),
];

const RUST_RULE: &[Template] = &[
    ("component.toml", template!("rust/mirror-rule/component.toml.in")),
    ("src/lib.rs", template!("rust/mirror-rule/src/lib.rs")),
    ("tests/files.toml", template!("rust/mirror-rule/tests/files.toml")),
];

const RUST_GENERATOR: &[Template] = &[
    ("component.toml", template!("rust/manifest-generator/component.toml.in")),
    ("src/lib.rs", template!("rust/manifest-generator/src/lib.rs")),
    ("tests/releases.toml", template!("rust/manifest-generator/tests/releases.toml")),
];

const JS: &[Template] = &[
    ("package.json", template!("js/package.json.in")),
    ("package-lock.json", template!("js/package-lock.json.in")),
    ("README.md", template!("js/README.md.in")),
    (".gitignore", template!("js/gitignore")),
    (".github/workflows/ci.yml", template!("js/ci.yml.in")),
];

const JS_RULE: &[Template] = &[
    ("component.toml", template!("js/mirror-rule/component.toml.in")),
    ("src/component.js", template!("js/mirror-rule/src/component.js")),
    ("tests/component.test.js", template!("js/mirror-rule/tests/component.test.js")),
    ("tests/files.toml", template!("js/mirror-rule/tests/files.toml")),
];

const JS_GENERATOR: &[Template] = &[
    ("component.toml", template!("js/manifest-generator/component.toml.in")),
    ("src/component.js", template!("js/manifest-generator/src/component.js")),
    ("tests/component.test.js", template!("js/manifest-generator/tests/component.test.js")),
    ("tests/releases.toml", template!("js/manifest-generator/tests/releases.toml")),
];

const PYTHON: &[Template] = &[
    ("requirements.txt", template!("python/requirements.txt")),
    ("README.md", template!("python/README.md.in")),
    (".gitignore", template!("python/gitignore")),
    (".github/workflows/ci.yml", template!("python/ci.yml.in")),
    ("src/turbo_component.py", template!("python/src/turbo_component.py")),
];

const PYTHON_RULE: &[Template] = &[
    ("component.toml", template!("python/mirror-rule/component.toml.in")),
    ("src/component.py", template!("python/mirror-rule/src/component.py")),
    ("tests/test_component.py", template!("python/mirror-rule/tests/test_component.py")),
    ("tests/files.toml", template!("python/mirror-rule/tests/files.toml")),
];

const PYTHON_GENERATOR: &[Template] = &[
    ("component.toml", template!("python/manifest-generator/component.toml.in")),
    ("src/component.py", template!("python/manifest-generator/src/component.py")),
    ("tests/test_component.py", template!("python/manifest-generator/tests/test_component.py")),
    ("tests/releases.toml", template!("python/manifest-generator/tests/releases.toml")),
];

/// The files of a project.
fn templates(language: Language, world: World) -> impl Iterator<Item = Template> {
    let (common, own) = match (language, world) {
        (Language::Rust, World::MirrorRule) => (RUST, RUST_RULE),
        (Language::Rust, World::ManifestGenerator) => (RUST, RUST_GENERATOR),
        (Language::Js, World::MirrorRule) => (JS, JS_RULE),
        (Language::Js, World::ManifestGenerator) => (JS, JS_GENERATOR),
        (Language::Python, World::MirrorRule) => (PYTHON, PYTHON_RULE),
        (Language::Python, World::ManifestGenerator) => (PYTHON, PYTHON_GENERATOR),
    };
    common.iter().chain(own).copied()
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
    for (path, text) in templates(project.language, project.world) {
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

    fn project(folder: &Path, language: Language, world: World) -> Project {
        Project { name: "a-1".into(), world, language, folder: folder.join("new"), sdk: Sdk::Release }
    }

    #[test]
    fn no_word_is_left_in_a_project_and_its_manifest_reads() {
        let languages = [Language::Rust, Language::Js, Language::Python];
        for (language, world) in languages.into_iter().flat_map(|language| World::ALL.map(|world| (language, world))) {
            let folder = tempfile::tempdir().unwrap();
            let project = project(folder.path(), language, world);
            for path in create(&project).unwrap() {
                let text = fs::read_to_string(project.folder.join(path)).unwrap();
                assert!(!text.contains("{{"), "{path}: {text}");
            }
            let manifest = Manifest::read(&project.folder).unwrap().expect("a manifest");
            assert_eq!((manifest.id.as_str(), manifest.kind, manifest.lang), ("a-1", world, language));
            assert!(matches!(create(&project), Err(AuthorError::Exists(_))));
        }
    }

    #[test]
    fn a_crate_finds_the_sdk_at_the_release() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path(), Language::Rust, World::MirrorRule);
        create(&project).unwrap();
        let cargo = fs::read_to_string(project.folder.join("Cargo.toml")).unwrap();
        let cargo: toml::Table = cargo.parse().unwrap();
        assert_eq!(cargo["dependencies"]["turbo-component"]["git"].as_str(), Some(REPOSITORY));
    }
}
