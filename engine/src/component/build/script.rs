//! A project in JavaScript or Python, and how it becomes a component.
//!
//! The author writes functions. What joins them to the interface, and the
//! description that `component.toml` gives, are laid out in a folder of their
//! own beside a copy of the source, and the language's own tool makes the
//! component of it. It imports no WASI.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::{BuildError, Language, Messages};
use crate::component::World;
use crate::component::author::Manifest;

/// The file that tells what a component is and which language it is in.
const MANIFEST: &str = "component.toml";

/// The author's source, in a project.
const SOURCE: &str = "src";

/// Most files of a source, their length together, and the depth of folders.
const SOURCE_FILES: usize = 10_000;
const SOURCE_BYTES: u64 = 64 << 20;
const SOURCE_DEPTH: usize = 32;

/// What the script for node exits with when the package is not there.
const NOT_INSTALLED: i32 = 66;

macro_rules! glue {
    ($path:literal) => {
        include_str!(concat!("../../../../components/glue/", $path))
    };
}

macro_rules! wit {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../../../wit/turbo-engine/v0_1/", $name)))),*]
    };
}

/// The interface, for the languages' tools.
const WIT: [(&str, &str); 5] = wit!["log.wit", "manifest.wit", "mirror-rules.wit", "types.wit", "worlds.wit"];

/// What node runs.
const COMPONENTIZE_JS: &str = glue!("js/componentize.mjs");

/// A project and what its author says of it.
pub(super) struct Script {
    /// Name of the component and of its file.
    pub(super) name: String,
    language: Language,
    folder: PathBuf,
    manifest: Manifest,
}

impl Script {
    /// Opens the project in a folder; none when its language is Rust, where
    /// the crate says what there is to say.
    pub(super) fn open(folder: &Path) -> Result<Option<Self>, BuildError> {
        if !folder.join(MANIFEST).is_file() {
            return Ok(None);
        }
        let manifest = Manifest::read(folder).map_err(|error| BuildError::Manifest(Box::new(error)))?;
        let script = manifest.map(|manifest| Self {
            name: manifest.id.clone(),
            language: manifest.lang,
            folder: folder.to_owned(),
            manifest,
        });
        Ok(script.filter(|script| script.language != Language::Rust))
    }

    /// The language, which is not Rust.
    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// What the component asks to be granted, as it carries it along.
    pub(super) fn grants(&self) -> String {
        self.manifest.grant().map(|grant| grant.to_string()).unwrap_or_default()
    }

    /// Lets the language's tool make the component.
    pub(super) fn compile(&self, messages: Messages) -> Result<Vec<u8>, BuildError> {
        let source = self.folder.join(SOURCE).join(self.entry());
        if !source.is_file() {
            return Err(BuildError::NoSource(source));
        }
        let stage = TempDir::new().map_err(|error| BuildError::file(Path::new("a temporary folder"), error))?;
        self.lay_out(stage.path())?;
        let output = stage.path().join("component.wasm");
        let mut command = match self.language {
            Language::Python => self.componentize_py(stage.path(), &output),
            _ => self.componentize_js(stage.path(), &output),
        };
        let told = match messages {
            Messages::Show => Stdio::inherit(),
            Messages::Keep => Stdio::piped(),
        };
        // Standard output is for data.
        let ran = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(told).output();
        let ran = ran.map_err(|source| self.not_started(source))?;
        if !ran.status.success() {
            return Err(self.failed(&ran));
        }
        fs::read(&output).map_err(|source| BuildError::file(&output, source))
    }

    /// The author's module.
    fn entry(&self) -> &'static str {
        if self.language == Language::Python { "component.py" } else { "component.js" }
    }

    /// Writes all that the tool reads.
    fn lay_out(&self, stage: &Path) -> Result<(), BuildError> {
        let write = |name: &str, text: &str| {
            let path = stage.join(name);
            fs::write(&path, text).map_err(|source| BuildError::file(&path, source))
        };
        let wit = stage.join("wit");
        fs::create_dir(&wit).map_err(|source| BuildError::file(&wit, source))?;
        for (name, text) in WIT {
            write(&format!("wit/{name}"), text)?;
        }
        let description = self.description();
        match (self.language, self.manifest.kind) {
            (Language::Python, world) => {
                write("turbo_description.py", &format!("DESCRIPTION = {description}\n"))?;
                write("turbo_glue.py", glue!("python/turbo_glue.py"))?;
                write(
                    "turbo_entry.py",
                    match world {
                        World::MirrorRule => glue!("python/mirror_rule.py"),
                        World::ManifestGenerator => glue!("python/manifest_generator.py"),
                    },
                )?;
            }
            (_, world) => {
                write("description.js", &format!("export default {description};\n"))?;
                write("glue.js", glue!("js/glue.js"))?;
                write(
                    "entry.js",
                    match world {
                        World::MirrorRule => glue!("js/mirror-rule.js"),
                        World::ManifestGenerator => glue!("js/manifest-generator.js"),
                    },
                )?;
            }
        }
        // A copy, so that no path of this machine gets into the component.
        let mut copy = Copy { files: 0, bytes: 0 };
        copy.folder(&self.folder.join(SOURCE), &stage.join(SOURCE), 0)
    }

    /// What the component says of itself: JSON whose texts, lists and tables
    /// are written alike in JavaScript and Python.
    fn description(&self) -> String {
        let Manifest { id, version, summary, manager, patterns, examples, .. } = &self.manifest;
        let manager = manager.as_deref().unwrap_or_default();
        json!({
            "id": id, "version": version, "summary": summary, "manager": manager,
            "patterns": patterns, "examples": examples,
        })
        .to_string()
    }

    /// Node finds the package from the folder that it runs in.
    fn componentize_js(&self, stage: &Path, output: &Path) -> Command {
        let mut command = Command::new("node");
        command.args(["--input-type=module", "--eval", COMPONENTIZE_JS]).arg(stage);
        command.arg(self.manifest.kind.name()).arg(output).current_dir(&self.folder);
        command
    }

    /// The program of the project's own environment, else the one on the path.
    fn componentize_py(&self, stage: &Path, output: &Path) -> Command {
        let environment = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone()).join(".venv");
        let program = if cfg!(windows) { "Scripts/componentize-py.exe" } else { "bin/componentize-py" };
        let own = environment.join(program);
        let mut command = Command::new(if own.is_file() { &own } else { Path::new("componentize-py") });
        if own.is_file() {
            // Where it looks for the packages that the project requires.
            command.env("VIRTUAL_ENV", &environment);
        }
        command.args(["--quiet", "--wit-path", "wit", "--world", self.manifest.kind.name(), "componentize"]);
        // Its WASI would have sockets, which components do not get.
        command.args(["--stub-wasi", "--python-path", ".", "--python-path", SOURCE, "--output"]).arg(output);
        command.arg("turbo_entry").current_dir(stage);
        command
    }

    fn tool(&self) -> &'static str {
        if self.language == Language::Python { "componentize-py" } else { "componentize-js" }
    }

    fn not_started(&self, source: io::Error) -> BuildError {
        match self.language {
            Language::Python if source.kind() == io::ErrorKind::NotFound => self.not_installed(),
            Language::Python => BuildError::Tool { program: "componentize-py", source },
            _ => BuildError::Tool { program: "node", source },
        }
    }

    fn not_installed(&self) -> BuildError {
        BuildError::NotInstalled { tool: self.tool(), language: self.language, folder: self.folder.clone() }
    }

    fn failed(&self, ran: &Output) -> BuildError {
        if self.language == Language::Js && ran.status.code() == Some(NOT_INSTALLED) {
            return self.not_installed();
        }
        BuildError::compile(self.tool(), &self.name, &ran.stderr)
    }
}

/// A copy of a source, counted.
struct Copy {
    files: usize,
    bytes: u64,
}

impl Copy {
    fn folder(&mut self, from: &Path, to: &Path, depth: usize) -> Result<(), BuildError> {
        let failed = |source| BuildError::file(from, source);
        fs::create_dir(to).map_err(|source| BuildError::file(to, source))?;
        for entry in fs::read_dir(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if entry.file_type().map_err(failed)?.is_dir() {
                within(&from, depth < SOURCE_DEPTH)?;
                self.folder(&from, &to, depth + 1)?;
                continue;
            }
            self.files += 1;
            self.bytes += fs::metadata(&from).map_err(|source| BuildError::file(&from, source))?.len();
            within(&from, self.files <= SOURCE_FILES && self.bytes <= SOURCE_BYTES)?;
            fs::copy(&from, &to).map_err(|source| BuildError::file(&from, source))?;
        }
        Ok(())
    }
}

fn within(path: &Path, is_within: bool) -> Result<(), BuildError> {
    if is_within {
        return Ok(());
    }
    let why =
        format!("the source is more than {SOURCE_FILES} files, {SOURCE_BYTES} bytes or {SOURCE_DEPTH} folders deep");
    Err(BuildError::file(path, io::Error::new(io::ErrorKind::FileTooLarge, why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::author::{Project, Sdk, create};

    fn script(folder: &Path, language: Language) -> Script {
        let folder = folder.join("new");
        create(&Project {
            name: "a-1".into(),
            world: World::MirrorRule,
            language,
            folder: folder.clone(),
            sdk: Sdk::Release,
        })
        .unwrap();
        Script::open(&folder).unwrap().expect("a project in a script's language")
    }

    #[test]
    fn a_project_is_laid_out_with_its_description() {
        for language in [Language::Js, Language::Python] {
            let folder = tempfile::tempdir().unwrap();
            let script = script(folder.path(), language);
            let stage = tempfile::tempdir().unwrap();
            script.lay_out(stage.path()).unwrap();
            assert!(stage.path().join(SOURCE).join(script.entry()).is_file());
            let description: serde_json::Value = serde_json::from_str(&script.description()).unwrap();
            assert_eq!(description["id"], "a-1");
            assert_eq!(description["patterns"][0]["host-suffixes"][0], "downloads.example");
            assert!(script.grants().contains("file="), "{}", script.grants());
        }
    }

    #[test]
    fn without_its_source_there_is_nothing_to_build() {
        let folder = tempfile::tempdir().unwrap();
        let script = script(folder.path(), Language::Js);
        fs::remove_file(script.folder.join("src/component.js")).unwrap();
        let error = script.compile(Messages::Keep).unwrap_err();
        assert!(matches!(&error, BuildError::NoSource(path) if path.ends_with("src/component.js")), "{error}");
    }
}
