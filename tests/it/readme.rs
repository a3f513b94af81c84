//! The examples of the README and of the tutorial, run as they stand there.
//!
//! A block after `<!-- run -->` is run by a shell, a block after
//! `<!-- file NAME -->` is written to that file first; blocks after
//! `<!-- run LANGUAGE -->` are a sequence of their own. All servers are one
//! server on loopback, reached as a proxy, so that the names need not exist.
#![cfg(unix)]

use std::fs;

use crate::authoring::guests::with_cargo;
use crate::authoring::languages::with_packages;
use crate::rig::{Answer, Engine, File, MIB_PER_SECOND, Origin, Request, file, fixture, sha256};

/// Units of measured values; which one depends on the machine's speed.
const UNITS: [&str; 8] = ["B", "KiB", "MiB", "GiB", "B/s", "KiB/s", "MiB/s", "GiB/s"];

#[test]
fn the_examples_of_the_readme_are_true() {
    let origin = world();
    let engine = user(&origin, Engine::new());
    engine.write("author.key", include_str!("../fixtures/keys/author.key"));
    for name in ["swap-host", "list-files"] {
        fs::copy(fixture(name), engine.path(&format!("{name}.wasm"))).expect("a committed component");
    }
    assert!(follow(&engine, "README.md", "run") >= 8, "too few examples are run");
}

/// From nothing to a rule that changes a download.
#[test]
#[ignore = "needs the target wasm32-unknown-unknown"]
fn the_tutorial_is_true() {
    let origin = world();
    let engine = user(&origin, with_cargo(Engine::new()));
    assert!(follow(&engine, "components/README.md", "run") >= 5, "too few examples are run");
}

/// The same in JavaScript: built, refused without its grants, and serving a
/// download with them.
#[test]
#[ignore = "needs node and npm"]
fn the_tutorial_in_javascript_is_true() {
    let origin = world();
    let engine = user(&origin, with_packages(Engine::new()));
    assert!(follow(&engine, "components/README.md", "run js") >= 3, "too few examples are run");
}

/// And in Python.
#[test]
#[ignore = "needs python3 with venv"]
fn the_tutorial_in_python_is_true() {
    let origin = world();
    let engine = user(&origin, with_packages(Engine::new()));
    assert!(follow(&engine, "components/README.md", "run python") >= 1, "too few examples are run");
}

/// A user for whom the server is every host there is.
fn user(origin: &Origin, engine: Engine) -> Engine {
    engine.variable("http_proxy", origin.url("")).variable("TURBO_ENGINE_REGION", "world")
}

/// Does what a document says in the blocks with a mark, and returns how many
/// were run.
fn follow(engine: &Engine, document: &str, wanted: &str) -> usize {
    let path = format!("{}/../{document}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("a committed document");
    let mut run = 0;
    for (mark, block) in marked_blocks(&text) {
        if mark == wanted {
            check(engine, block);
            run += 1;
        } else if let Some(name) = mark.strip_prefix("file ")
            && wanted == "run"
        {
            engine.write(name, block);
        } else {
            assert!(mark.starts_with("run") || mark.starts_with("file "), "unknown mark {mark}");
        }
    }
    run
}

/// Two files with mirrors, one of them a liar's, and one with a checksum list.
fn world() -> Origin {
    let [tool, image, app, lie] = [1, 2, 3, 4].map(|seed| file(24, seed));
    let sums = format!("{}  app.zip\n", sha256(&app.bytes));
    let give = |file: &File, request: &Request| file.answer(request).paced(8 * MIB_PER_SECOND);
    Origin::start(move |request| match request.path.strip_prefix("http://").and_then(|path| path.split_once('/')) {
        Some(("liar.example", "image.iso")) => give(&lie, request),
        Some((_, "tool.tar.gz" | "pub/tool.tar.gz")) => give(&tool, request),
        Some((_, "image.iso")) => give(&image, request),
        Some((_, "signed/app.zip")) => give(&app, request),
        Some((_, "signed/SHA256SUMS")) => Answer::text(sums.as_str()),
        _ => Answer::status(404),
    })
}

/// Every block that follows a mark, with the mark.
fn marked_blocks(readme: &str) -> Vec<(&str, &str)> {
    let pieces = readme.split("<!-- ").skip(1);
    let blocks = pieces.filter_map(|piece| {
        let (mark, rest) = piece.split_once(" -->\n```")?;
        let (_language, rest) = rest.split_once('\n')?;
        Some((mark, rest.split_once("```")?.0))
    });
    blocks.collect()
}

/// Runs a block's commands and looks for each line of its output.
#[track_caller]
fn check(engine: &Engine, block: &str) {
    let (commands, wanted): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with("$ "));
    let script: Vec<&str> = commands.iter().map(|command| &command[2..]).collect();
    let said = shell(engine, &script.join("\n"));
    let found: Vec<String> = said.lines().map(measured).collect();
    for line in wanted.into_iter().filter(|line| *line != "...") {
        assert!(found.contains(&measured(line)), "no `{line}` after\n{}\nbut\n{said}", script.join("\n"));
    }
}

/// What a script prints to either stream, run as the engine's user.
fn shell(engine: &Engine, script: &str) -> String {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_turbo-engine")).parent().expect("a file has a folder");
    let script = format!("exec 2>&1; export PATH=\"{}:$PATH\"; {script}", binary.display());
    String::from_utf8(engine.shell(&script, [""; 0]).finish().stdout).expect("the engine prints UTF-8")
}

/// A line without what is different in every run: numbers, units, and how
/// much each source gave.
fn measured(line: &str) -> String {
    let (before, after) = line
        .split_once(", from ")
        .map_or((line, ""), |(before, rest)| (before, rest.split_once("; ").map_or("", |(_sources, proof)| proof)));
    let word = |word: &str| {
        let bare = word.trim_matches(|letter: char| "(),;:".contains(letter));
        if bare.parse::<f64>().is_ok() || UNITS.contains(&bare) { "#".to_owned() } else { word.to_owned() }
    };
    let words: Vec<String> = before.split_whitespace().chain(after.split_whitespace()).map(word).collect();
    words.join(" ")
}
