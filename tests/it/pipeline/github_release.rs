//! `.ci/github-release` against a stand-in for the program gh.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::script::bash;
use crate::rig::Engine;

const SCRIPT: &str = ".ci/github-release";

/// A user with a release on disk, and a gh that knows one in some state: of
/// none `view` fails, and `public` is the list that the public gets.
fn user(draft: Option<bool>, public: &str) -> Engine {
    let engine = Engine::new();
    for folder in ["programs", "dist"] {
        fs::create_dir(engine.path(folder)).expect("scratch is writable");
    }
    engine.write("dist/SHA256SUMS", "ours\n");
    engine.write("public", public);
    let (log, public) = (engine.path("asked"), engine.path("public"));
    let view = draft.map_or_else(|| "exit 1".to_owned(), |draft| format!("echo {draft}"));
    let gh = engine.write(
        "programs/gh",
        format!(
            "#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{}'\ncase $2 in\nview) {view} ;;\n\
             download) while [ \"$1\" != --dir ]; do shift; done; cp '{}' \"$2/SHA256SUMS\" ;;\nesac\n",
            log.display(),
            public.display()
        ),
    );
    fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).expect("scratch is writable");
    let path = std::env::var("PATH").expect("a PATH");
    let programs = engine.path("programs").display().to_string();
    engine.variable("PATH", format!("{programs}:{path}"))
}

/// What gh was asked for, without what follows.
fn asked(engine: &Engine) -> Vec<String> {
    let text = String::from_utf8(engine.read("asked")).expect("text");
    text.lines().filter_map(|line| line.split(' ').nth(1).map(str::to_owned)).collect()
}

fn run(engine: &Engine, tag: &str, code: i32) {
    let folder = engine.path("dist").display().to_string();
    bash(engine, SCRIPT, &[tag, &folder]).exits(code);
}

#[test]
#[ignore = "needs bash"]
fn a_release_is_a_draft_until_every_file_is_there() {
    let engine = user(None, "");
    run(&engine, "v1.0.0-rc.1", 0);
    assert_eq!(asked(&engine), ["view", "create", "upload", "edit"]);
    let text = String::from_utf8(engine.read("asked")).expect("text");
    for part in ["--draft --verify-tag", "--prerelease", "--clobber", "--draft=false"] {
        assert!(text.contains(part), "no `{part}`:\n{text}");
    }
    // A draft is what an earlier attempt left behind.
    let engine = user(Some(true), "");
    run(&engine, "v1.0.0", 0);
    assert_eq!(asked(&engine), ["view", "upload", "edit"]);
}

#[test]
#[ignore = "needs bash"]
fn what_is_public_is_never_replaced() {
    for (public, code) in [("ours\n", 0), ("others'\n", 1)] {
        let engine = user(Some(false), public);
        run(&engine, "v1.0.0", code);
        assert_eq!(asked(&engine), ["view", "download"]);
    }
}
