//! How the action gets its turbo-engine: from a folder with archives, and only
//! one that its checksum and its signature vouch for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::SCRIPT;
use super::script::{BINARY, bash, project};
use crate::rig::{Engine, Run};

const LISTS: &str = "[channel.good]\ncomponent = 'LISTS'\n";

/// A folder as a release has it, whose program leads to the one under test.
fn release(engine: &Engine) -> String {
    let folder = engine.path("release");
    let name = format!("turbo-engine-{}", target());
    let inside = folder.join(&name);
    fs::create_dir_all(&inside).expect("scratch is writable");
    let program = inside.join("turbo-engine");
    fs::write(&program, format!("#!/bin/sh\nexec '{BINARY}' \"$@\"\n")).expect("scratch is writable");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("scratch is writable");
    let archive = folder.join(format!("{name}.tar.gz"));
    let packed = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&folder).arg(&name).status();
    assert!(packed.expect("tar").success());
    engine.write("author.key", include_str!("../../fixtures/keys/author.key"));
    engine.run(["publish", "sign", "--sums", "--key", "author.key", &archive.display().to_string()]).exits(0);
    folder.display().to_string()
}

fn target() -> String {
    let system = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-gnu" };
    format!("{}-{system}", std::env::consts::ARCH)
}

fn install(engine: &Engine, folder: &str, more: &[&str]) -> Run {
    let from = format!("file://{folder}");
    bash(engine, SCRIPT, &[&["--dry-run", "--no-gate", "--prior", "nothing", "--downloads", &from], more].concat())
}

fn public(key: &str) -> String {
    key.lines().nth(1).expect("a key after its comment").to_owned()
}

#[test]
#[ignore = "needs bash, jq and curl"]
fn the_program_is_installed_when_it_is_the_one_that_is_listed() {
    let engine = project(LISTS);
    let folder = release(&engine);
    let run = install(&engine, &folder, &["--version", "v0.1.0", "--build", "turbo-engine --version >built"]).exits(0);
    assert!(run.stderr.contains("/engine/"), "{}", run.stderr);
    // The stages have it as well.
    assert!(engine.read("built").starts_with(b"turbo-engine "));
    for wrong in ["main", "v0", "0.1.0/../../x", "8f1d2b0c9e"] {
        install(&engine, &folder, &["--version", wrong]).exits(2).says("is no version of turbo-engine");
    }
    fs::write(format!("{folder}/turbo-engine-{}.tar.gz", target()), b"another").expect("scratch is writable");
    install(&engine, &folder, &["--version", "0.1.0"]).exits(2).says("is not what SHA256SUMS of");
    fs::write(format!("{folder}/SHA256SUMS"), b"").expect("scratch is writable");
    install(&engine, &folder, &["--version", "0.1.0"]).exits(2).says("is not what SHA256SUMS of");
}

#[test]
#[ignore = "needs bash, jq, curl and minisign"]
fn the_list_has_to_be_signed_by_the_key_that_is_named() {
    let engine = project(LISTS);
    let folder = release(&engine);
    let author = public(include_str!("../../fixtures/keys/author.pub"));
    let stranger = public(include_str!("../../fixtures/keys/stranger.pub"));
    install(&engine, &folder, &["--version", "0.1.0", "--public-key", &author]).exits(0);
    install(&engine, &folder, &["--version", "0.1.0", "--public-key", &stranger]).exits(2).says("is not signed by");
}
