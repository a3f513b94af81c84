//! Projects that are built: from `component new` to the bytes of a download.
//!
//! All of them share one target folder, so that the SDK is compiled once.
//! They want cargo, the target wasm32-unknown-unknown, and the crates that the
//! SDK depends on in cargo's home; nothing is fetched.

use std::fs;

use super::{case, reasons};
use crate::rig::Engine;

/// Where cargo and rustup keep what they know, for a user with an empty home.
pub fn with_cargo(engine: Engine) -> Engine {
    let home = std::env::home_dir().expect("a home directory");
    let folder = |name: &str, below: &str| std::env::var_os(name).unwrap_or_else(|| home.join(below).into());
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/../components/sdk");
    engine
        .variable("CARGO_HOME", folder("CARGO_HOME", ".cargo"))
        .variable("RUSTUP_HOME", folder("RUSTUP_HOME", ".rustup"))
        .variable("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/guests"))
        .variable("CARGO_NET_OFFLINE", "true")
        .variable("TURBO_ENGINE_SDK", sdk)
}

#[test]
#[ignore = "needs the target wasm32-unknown-unknown"]
fn a_new_project_builds_and_passes_its_tests() {
    for kind in ["mirror-rule", "manifest-generator"] {
        let engine = with_cargo(Engine::new());
        engine.run(["component", "new", "fresh", "--kind", kind]).exits(0);
        let run = engine.run(["component", "test", "fresh", "--json"]).exits(0);
        let tested = run.events().pop().expect("a summary");
        assert!(tested["cases"].as_u64() >= Some(2) && tested["kind"] == kind, "{tested:#}");
        engine.run(["component", "build", "fresh", "--out", "fresh/dist"]).exits(0);
        engine.run(["component", "test", "fresh", "--no-build"]).exits(0);
        engine.run(["component", "inspect", "fresh", "--no-build"]).exits(0);
        engine.run(["component", "bench", "fresh", "--no-build"]).exits(0);
        let mut cargo = engine.program("cargo");
        cargo.args(["test", "--quiet", "--locked"]).current_dir(engine.path("fresh"));
        let output = cargo.output().expect("cargo");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The panic's words, its place, and the functions on the way to it.
#[test]
#[ignore = "needs the target wasm32-unknown-unknown"]
fn a_failure_is_told_with_the_names_of_functions() {
    let engine = with_cargo(Engine::new());
    engine.run(["component", "new", "fresh", "--kind", "mirror-rule"]).exits(0);
    let path = engine.path("fresh/src/lib.rs");
    let source = fs::read_to_string(&path).expect("the source");
    let source = source.replace("Ok(Place::all(copies, url.path))", "Ok(Place::all(copies, shortened(url.path)))")
        + "\n#[inline(never)]\nfn shortened(path: &str) -> &str {\n    assert!(path.len() < 5, \"too long: {path}\");\n    path\n}\n";
    fs::write(&path, source).expect("scratch is writable");
    let run = engine.run(["component", "test", "fresh", "--json"]).exits(1);
    let told = reasons(&case(&run, "a file has a copy"));
    for wanted in ["panicked at src/lib.rs:", "too long: /pub/tool.zip", "  at fresh::shortened"] {
        assert!(told.contains(wanted), "no `{wanted}`:\n{told}");
    }
    engine.run(["component", "build", "fresh"]).exits(0);
    let run = engine.run(["component", "test", "dist/fresh.wasm", "--cases", "fresh/tests", "--json"]).exits(1);
    assert!(!run.text().contains("shortened"), "what is built for use names no function: {}", run.text());
}

#[test]
#[ignore = "needs the target wasm32-unknown-unknown"]
fn what_the_manifest_and_the_component_say_differently_is_named() {
    let engine = with_cargo(Engine::new());
    engine.run(["component", "new", "fresh", "--kind", "mirror-rule"]).exits(0);
    let path = engine.path("fresh/src/lib.rs");
    let source = fs::read_to_string(&path).expect("the source");
    let own = "RuleInfo::new(\"fresh\", \"9.9.9\", \"Copies of downloads.example\")";
    fs::write(&path, source.replace("turbo_component::rule_info!()", own)).expect("scratch is writable");
    let run = engine.run(["component", "test", "fresh"]).fails(1);
    for wanted in
        ["component.toml says `version` is 0.1.0, the component says 9.9.9", "says `pattern` is", "says `example` is"]
    {
        assert!(run.text().contains(wanted), "no `{wanted}`:\n{}", run.text());
    }
    engine.write("fresh/component.toml", "id = 'fresh'");
    engine.run(["component", "test", "fresh"]).fails(2).says("component.toml").says("missing field");
}
