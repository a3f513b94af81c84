//! Our own release: packed twice to the same bytes, and proposed to every
//! package manager that turbo-release.toml names.

use std::collections::BTreeSet;
use std::fs;

use super::script::{BINARY, bash};
use super::{SCRIPT, committed, text};
use crate::rig::Engine;

const PACKAGE: &str = ".ci/package";

/// Programs of every target, laid out as the workflow does; their bytes do not
/// matter here.
fn programs(engine: &Engine, targets: &[&str]) -> String {
    for target in targets {
        let folder = engine.path("binaries").join(target);
        fs::create_dir_all(&folder).expect("scratch is writable");
        let name = if target.contains("windows") { "turbo-engine.exe" } else { "turbo-engine" };
        fs::write(folder.join(name), format!("the program of {target}")).expect("scratch is writable");
    }
    engine.path("binaries").display().to_string()
}

fn every_target() -> Vec<String> {
    let own: toml::Table = text("turbo-release.toml").parse().expect("our release file");
    let paths = own["artifact"].as_array().expect("artifacts").iter().filter_map(|artifact| artifact["path"].as_str());
    let target = |path: &str| {
        let name = path.trim_start_matches("dist/turbo-engine-");
        name.trim_end_matches(".tar.gz").trim_end_matches(".zip").to_owned()
    };
    paths.map(target).collect()
}

fn pack(engine: &Engine, binaries: &str, out: &str) {
    let out = engine.path(out).display().to_string();
    bash(engine, PACKAGE, &["--binaries", binaries, "--tool", BINARY, "--out", &out]).exits(0);
}

/// The project around `dist`.
fn checkout(engine: &Engine) {
    fs::create_dir(engine.path("engine")).expect("scratch is writable");
    for name in ["Cargo.toml", "engine/Cargo.toml", "LICENSE-MIT"] {
        fs::copy(committed(name), engine.path(name)).expect("scratch is writable");
    }
    engine.write("turbo-release.toml", text("turbo-release.toml"));
}

#[test]
#[ignore = "needs bash, GNU tar and zip"]
fn the_same_programs_give_the_same_archives() {
    let engine = Engine::new().variable("SOURCE_DATE_EPOCH", "1767225600");
    let targets = every_target();
    let binaries = programs(&engine, &targets.iter().map(String::as_str).collect::<Vec<_>>());
    pack(&engine, &binaries, "first");
    // Written anew, with another time.
    programs(&engine, &targets.iter().map(String::as_str).collect::<Vec<_>>());
    pack(&engine, &binaries, "second");
    let sums = String::from_utf8(engine.read("first/SHA256SUMS")).expect("text");
    assert_eq!(sums.lines().count(), targets.len(), "{sums}");
    engine.assert_file("second/SHA256SUMS", sums.as_bytes());
    for line in sums.lines() {
        let (digest, name) = line.split_once("  ").expect("as sha256sum writes");
        assert_eq!(digest, crate::rig::sha256(&engine.read(&format!("second/{name}"))), "{name}");
    }
}

#[test]
#[ignore = "needs bash, GNU tar and zip"]
fn our_own_release_goes_to_every_package_manager() {
    let engine = Engine::new().variable("SOURCE_DATE_EPOCH", "1767225600");
    let targets = every_target();
    let binaries = programs(&engine, &targets.iter().map(String::as_str).collect::<Vec<_>>());
    pack(&engine, &binaries, "dist");
    checkout(&engine);
    let run = engine.run(["publish", "--dry-run", "--no-gate", "--prior", "nothing", "--json"]).exits(0);
    let events = run.events();
    let proposed: BTreeSet<&str> = events.iter().filter_map(|event| event["channel"].as_str()).collect();
    assert_eq!(proposed, BTreeSet::from(["chocolatey", "homebrew", "scoop", "winget"]));
    assert!(!run.stderr.contains("warning:"), "{}", run.stderr);
    let formula = run.text();
    for part in ["completions/_turbo-engine", "man/turbo-engine.1", "aarch64-pc-windows-msvc"] {
        assert!(formula.contains(part), "no {part}");
    }
}

/// One machine has one system's archive: the others' channels fail, are told,
/// and stop nothing.
#[test]
#[ignore = "needs bash, jq, GNU tar and zip"]
fn on_one_machine_the_stages_go_as_far_as_they_can() {
    let engine = Engine::new().variable("SOURCE_DATE_EPOCH", "1767225600");
    let binaries = programs(&engine, &["x86_64-unknown-linux-gnu", "x86_64-apple-darwin"]);
    pack(&engine, &binaries, "dist");
    checkout(&engine);
    let settings = committed(".github/publish.env").display().to_string();
    let commands = ["--build", "true", "--test", "true", "--package", "true", "--binary", BINARY];
    let arguments = [&["--no-gate", "--prior", "nothing", "--settings", &settings], &commands[..]].concat();
    let run = bash(&engine, SCRIPT, &arguments).exits(0).says("warning: some channels failed");
    let shown = run.text();
    assert!(shown.contains("| homebrew | proposed | git-change |"), "{shown}");
    assert_eq!(shown.matches("| failed |").count(), 3, "{shown}");
}

#[test]
#[ignore = "needs bash, GNU tar and zip"]
fn a_tag_is_packed_by_its_own_program_and_signed() {
    let engine = Engine::new().variable("SOURCE_DATE_EPOCH", "1767225600");
    let binaries = programs(&engine, &["x86_64-pc-windows-msvc"]);
    let out = engine.path("dist").display().to_string();
    let arguments = ["--binaries", &binaries, "--tool", BINARY, "--out", &out, "--tag"];
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    bash(&engine, PACKAGE, &[&arguments[..], &["v9.9.9"]].concat()).exits(1).says("but the program says");
    bash(&engine, PACKAGE, &[&arguments[..], &[&version]].concat()).exits(1).says("there is no MINISIGN_KEY");
    engine.assert_absent("dist");
    let engine = engine.variable("MINISIGN_KEY", include_str!("../../fixtures/keys/author.key"));
    bash(&engine, PACKAGE, &[&arguments[..], &[&version]].concat()).exits(0);
    for name in ["turbo-engine-x86_64-pc-windows-msvc.zip.minisig", "SHA256SUMS.minisig"] {
        assert!(engine.read(&format!("dist/{name}")).starts_with(b"untrusted comment"), "{name}");
    }
}
