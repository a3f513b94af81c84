//! Projects in JavaScript and Python. That one of each serves a download, the
//! tutorial's tests show; these are about the rest.
//!
//! They want node with npm, or python3 with venv, and the packages that the
//! templates name in the folder of `TURBO_ENGINE_LANGUAGES`, which `.ci/run`
//! fills: `npm` is a cache of npm's, `wheels` is for pip. Nothing is fetched.

use std::fs;
use std::path::PathBuf;

use super::{case, reasons};
use crate::rig::Engine;

const LANGUAGES: [&str; 2] = ["js", "python"];

/// Lets npm and pip find their packages, for a user with an empty home.
pub fn with_packages(engine: Engine) -> Engine {
    let folder = std::env::var_os("TURBO_ENGINE_LANGUAGES").map(PathBuf::from);
    let folder = folder.expect("TURBO_ENGINE_LANGUAGES names a folder that was filled as .ci/run does it");
    engine
        .variable("npm_config_cache", folder.join("npm"))
        .variable("npm_config_offline", "true")
        .variable("npm_config_audit", "false")
        .variable("npm_config_fund", "false")
        .variable("npm_config_update_notifier", "false")
        .variable("PIP_NO_INDEX", "1")
        .variable("PIP_FIND_LINKS", folder.join("wheels"))
        .variable("PIP_DISABLE_PIP_VERSION_CHECK", "1")
}

/// Begins a project.
fn begun(engine: &Engine, lang: &str, kind: &str) {
    engine.run(["component", "new", "fresh", "--kind", kind, "--lang", lang]).exits(0);
}

/// Runs a program in the project, as the engine's user.
fn in_project(engine: &Engine, program: &str, arguments: &[&str]) {
    let mut command = engine.program(program);
    command.args(arguments).current_dir(engine.path("fresh"));
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Replaces a part of the project's source.
#[track_caller]
fn edit(engine: &Engine, file: &str, from: &str, to: &str) {
    let path = engine.path(file);
    let source = fs::read_to_string(&path).expect("the source");
    assert!(source.contains(from), "no `{from}` in {source}");
    fs::write(&path, source.replace(from, to)).expect("scratch is writable");
}

/// A generator passes its cases; a rule that fails says where and why.
fn a_project_passes_and_its_failures_are_told(engine: &Engine, lang: &str, failing: [&str; 3], told: &[&str]) {
    let run = engine.run(["component", "test", "fresh", "--json"]).exits(0);
    let tested = run.events().pop().expect("a summary");
    assert_eq!((&tested["cases"], &tested["kind"]), (&2.into(), &"manifest-generator".into()), "{tested:#}");
    engine.run(["component", "build", "fresh", "--check"]).fails(2).says("go without --check");
    engine.run(["component", "build", "fresh", "--target", "wasm32-wasip2"]).fails(2).says("go without --target");
    // The packages stay, the project is another.
    for file in ["component.toml", "src", "tests"] {
        let path = engine.path("fresh").join(file);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it was there");
    }
    engine.run(["component", "new", "fresh", "--dir", "rule", "--kind", "mirror-rule", "--lang", lang]).exits(0);
    for file in ["component.toml", "src", "tests"] {
        fs::rename(engine.path("rule").join(file), engine.path("fresh").join(file)).expect("scratch is writable");
    }
    let [file, from, to] = failing;
    edit(engine, file, from, to);
    engine.run(["component", "build", "fresh", "--out", "fresh/dist"]).exits(0);
    let run = engine.run(["component", "test", "fresh", "--no-build", "--json"]).exits(1);
    let reasons = reasons(&case(&run, "a file has a copy"));
    for wanted in told {
        assert!(reasons.contains(wanted), "no `{wanted}`:\n{reasons}");
    }
}

#[test]
#[ignore = "needs node and npm"]
fn a_project_in_javascript_passes_and_its_failures_are_told() {
    let engine = with_packages(Engine::new());
    begun(&engine, "js", "manifest-generator");
    in_project(&engine, "npm", &["install"]);
    in_project(&engine, "npm", &["test"]);
    let failing = ["fresh/src/component.js", "return COPIES.map", "return [].missing.map"];
    a_project_passes_and_its_failures_are_told(
        &engine,
        "js",
        failing,
        &["trapped: TypeError: ", "mapUrl@src/component.js:"],
    );
    edit(&engine, "fresh/src/component.js", "return [].missing", "return (");
    engine.run(["component", "build", "fresh"]).exits(1).says("componentize-js could not build `fresh`");
}

#[test]
#[ignore = "needs python3 with venv"]
fn a_project_in_python_passes_and_its_failures_are_told() {
    let engine = with_packages(Engine::new());
    begun(&engine, "python", "manifest-generator");
    in_project(&engine, "python3", &["-m", "venv", ".venv"]);
    let pip = engine.path("fresh/.venv/bin/pip");
    in_project(&engine, &pip.to_string_lossy(), &["install", "--quiet", "-r", "requirements.txt"]);
    in_project(&engine, "python3", &["-m", "unittest", "discover", "tests"]);
    let failing = ["fresh/src/component.py", "    # Who asked", "    parts.missing  # Who asked"];
    let told = ["trapped: AttributeError: ", "at map_url (component.py:"];
    a_project_passes_and_its_failures_are_told(&engine, "python", failing, &told);
    edit(&engine, "fresh/src/component.py", "def map_url", "def map_url(");
    engine.run(["component", "build", "fresh"]).exits(1).says("componentize-py could not build `fresh`");
}

/// What is missing is named, with what installs it. No program is on the path.
#[test]
fn what_is_not_installed_is_named() {
    let engine = Engine::new().variable("PATH", "");
    for (lang, program, hint) in
        [("js", "cannot run node", "install Node.js"), ("python", "componentize-py is not installed", "pip install -r")]
    {
        engine.run(["component", "new", lang, "--kind", "mirror-rule", "--lang", lang]).exits(0);
        for verb in ["build", "test", "inspect", "bench"] {
            engine.run(["component", verb, lang]).fails(1).says(program).says(hint);
        }
    }
}

#[test]
#[ignore = "needs node and npm"]
fn a_package_that_is_not_installed_is_named() {
    let engine = Engine::new();
    begun(&engine, "js", "mirror-rule");
    engine.run(["component", "build", "fresh"]).fails(1).says("componentize-js is not installed").says("npm install");
}

#[test]
fn a_project_in_another_language_is_whole() {
    for lang in LANGUAGES {
        let engine = Engine::new();
        let event = &engine
            .run(["component", "new", "fresh", "--kind", "mirror-rule", "--lang", lang, "--json"])
            .exits(0)
            .events()[0];
        for file in event["files"].as_array().expect("files") {
            assert!(!engine.read(&format!("fresh/{}", file.as_str().expect("a path"))).is_empty());
        }
        engine.write("fresh/component.toml", "id = 'fresh'\nlang = 'cobol'");
        engine.run(["component", "build", "fresh"]).fails(2).says("component.toml").says("unknown variant `cobol`");
    }
}
