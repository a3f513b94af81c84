//! What was once released works for ever: the components of every version, as
//! they were built then, are loaded and asked by the engine of today.
//!
//! A version adds its folder `tests/fixtures/components/vX_Y_Z`, and nothing
//! here: `NAME.wasm` and `NAME.wasm.sha256` as `component build` wrote them
//! for the release, and `cases/NAME.toml` where asking the component its own
//! examples is not enough. Nothing in such a folder is ever changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::rig::{Engine, sha256};

const WORLDS: [&str; 2] = ["mirror-rule", "manifest-generator"];

fn released() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/components");
    let is_version = |path: &PathBuf| path.is_dir() && name(path).starts_with('v');
    entries(&root).into_iter().filter(is_version).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn components(version: &Path) -> Vec<PathBuf> {
    entries(version).into_iter().filter(|path| path.extension().is_some_and(|end| end == "wasm")).collect()
}

#[test]
fn the_components_of_every_version_pass_their_tests() {
    let versions = released();
    assert!(!versions.is_empty(), "version 0.1.0 at least");
    for version in versions {
        let worlds: BTreeSet<String> = components(&version).iter().map(|path| passes(&version, path)).collect();
        assert_eq!(worlds, WORLDS.map(str::to_owned).into(), "{}: one of each world", version.display());
    }
}

/// Asks a component its examples and its cases, and tells its world.
fn passes(version: &Path, path: &Path) -> String {
    let shown = path.display();
    let bytes = fs::read(path).expect("a readable file");
    let line = fs::read_to_string(path.with_added_extension("sha256")).expect("a digest beside it");
    assert_eq!(line, format!("{}  {}.wasm\n", sha256(&bytes), name(path)), "{shown} was changed");
    let engine = Engine::new();
    fs::create_dir(engine.path("cases")).expect("scratch is writable");
    let cases = version.join("cases").join(name(path)).with_extension("toml");
    if cases.exists() {
        engine.write("cases/it.toml", fs::read(cases).expect("cases"));
    }
    // A slow machine proves nothing about the component.
    engine.write("patient.toml", "[limits]\ndeadline_ms = 20000\ngenerate_deadline_ms = 60000\n");
    let component = path.to_string_lossy();
    let run = engine.run(["component", "inspect", "--json", &component]).exits(0);
    let world = run.events()[0]["world"].as_str().expect("a world").to_owned();
    let test = ["component", "test", "--json", "--config", "patient.toml", "--cases", "cases", &component];
    let run = engine.run(test).exits(0);
    let passed = run.events().iter().filter(|event| event["verdict"] == "passed").count();
    assert!(passed > 0, "{shown}: nothing was asked");
    world
}

/// The rules of a version serve a question as those of today do.
#[test]
fn the_rules_of_every_version_answer_a_question() {
    for version in released() {
        let rule = version.join("github.wasm");
        let url = "https://github.com/o/r/releases/download/v1/a.zip";
        let run = Engine::new().run(["resolve", "--json", "--rule", &rule.to_string_lossy(), url]);
        let run = run.exits(0);
        assert!(run.text().contains("https://gh-proxy.com/https://github.com/o/r/"), "{}", run.text());
    }
}
