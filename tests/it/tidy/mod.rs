//! The architecture and the house style, as tests: who may depend on whom,
//! who may touch the outside world, and what no file may contain.

mod paths;
mod supply;
mod tree;

use std::collections::BTreeSet;

use tree::Source;

/// What each layer may name of the crate, besides itself. Dependencies point
/// down; the four adapters never name one another.
const LAYERS: [(&str, &[&str]); 12] = [
    ("model", &[]),
    ("plan", &["model"]),
    ("component", &["plan", "model"]),
    ("net", &["plan", "model"]),
    ("store", &["plan", "model"]),
    ("metrics", &["plan", "model"]),
    ("download", &["component", "net", "store", "metrics", "plan", "model"]),
    ("registry", &["component", "net", "store", "plan", "model"]),
    ("publish", &["download", "component", "net", "store", "metrics", "plan", "model"]),
    ("serve", &["download", "component", "net", "store", "metrics", "plan", "model"]),
    ("cli", &["serve", "publish", "registry", "download", "component", "net", "store", "metrics", "plan", "model"]),
    ("main", &["cli", "model"]),
];

/// Paths that reach outside the process, and the layers that may name them.
const RESERVED: [(&str, &[&str]); 15] = [
    ("reqwest", &["net"]),
    ("rustls", &["net"]),
    ("tokio::net", &["net"]),
    ("std::net::TcpStream", &["net"]),
    ("std::net::TcpListener", &["net"]),
    ("std::net::UdpSocket", &["net"]),
    ("std::net::ToSocketAddrs", &["net"]),
    ("wasmtime", &["component"]),
    ("wasmtime_wasi", &["component"]),
    ("wasmparser", &["component"]),
    ("std::fs", &["store"]),
    ("tokio::fs", &["store"]),
    ("std::env", &["cli", "main"]),
    ("std::process::exit", &["main"]),
    ("std::process::Command", &[]),
];

/// Files that name a reserved path although their layer may not, and why.
const EXCEPTIONS: [(&str, &str, &str); 10] = [
    ("engine/src/component/author", "std::fs", "the authoring tools read and write an author's project"),
    ("engine/src/component/private_dir", "std::fs", "compiled code must lie where nobody else can write"),
    ("engine/src/component/source", "std::fs", "a component is read where its size is limited"),
    ("engine/src/component/build", "std::fs", "the authoring tool reads WIT folders and writes the component"),
    ("engine/src/component/build", "std::process::Command", "the authoring tool runs cargo"),
    ("engine/src/publish/deliver/git/program", "std::process::Command", "the program git pushes to repositories"),
    ("engine/src/component/registry", "std::fs", "installed components are the registry's own files"),
    ("engine/src/metrics/process", "std::fs", "Linux tells of a process in a file"),
    (
        "engine/src/publish/sign/tool",
        "std::process::Command",
        "keys of code signing are read by osslsigncode or signtool",
    ),
    ("engine/src/cli", "std::fs", "configuration files, and outputs that the user named"),
];

/// What a decision may not look at: decisions are pure.
const IMPURE: [&str; 11] = [
    "std::fs",
    "std::env",
    "std::io",
    "Instant::now",
    "SystemTime::now",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "tokio",
    "getrandom",
    "std::thread",
    "std::process",
];

const LINES_PER_FILE: usize = 500;

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for source in product() {
        let layer = layer(&source);
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            assert_eq!(layer, "lib", "`{}` belongs to no layer; name it in LAYERS", source.path);
            continue;
        };
        for path in paths_of(&source) {
            let Some(target) = path.strip_prefix("crate::").and_then(|rest| rest.split("::").next()) else { continue };
            let is_layer = LAYERS.iter().any(|(name, _)| *name == target);
            if is_layer && target != layer && !below.contains(&target) {
                wrong.push(format!("{}: {path}", source.path));
            }
        }
    }
    assert_none(&wrong, "layers name only what lies below them");
}

#[test]
fn the_outside_world_is_reached_in_one_place() {
    let mut wrong = Vec::new();
    for source in product() {
        let layer = layer(&source);
        for path in paths_of(&source) {
            let allowed = RESERVED.iter().find(|(reserved, _)| is_below(&path, reserved));
            if allowed.is_some_and(|(reserved, layers)| !layers.contains(&layer) && !excepted(&source.path, reserved)) {
                wrong.push(format!("{}: {path}", source.path));
            }
        }
    }
    assert_none(&wrong, "sockets, files, wasmtime and the environment have one owner each");
}

#[test]
fn decisions_are_pure() {
    let mut wrong = Vec::new();
    for source in product().iter().filter(|source| ["model", "plan"].contains(&layer(source))) {
        let impure = paths_of(source).into_iter().filter(|path| IMPURE.iter().any(|name| is_below(path, name)));
        wrong.extend(impure.map(|path| format!("{}: {path}", source.path)));
    }
    assert_none(&wrong, "`model` and `plan` see values only: time, files and chance come in as arguments");
}

#[test]
fn every_module_says_what_it_is_for() {
    let headless = tree::rust().into_iter().filter(|source| !source.text.trim_start().starts_with("//!"));
    let headless: Vec<String> = headless.map(|source| source.path).collect();
    assert_none(&headless, "a file opens with a `//!` header: what it owns and what it must not do");
}

#[test]
fn files_stay_readable() {
    let long = tree::rust().into_iter().filter(|source| source.text.lines().count() > LINES_PER_FILE);
    let long: Vec<String> = long.map(|source| source.path).collect();
    assert_none(&long, "a file has at most 500 lines");
}

#[test]
fn names_say_what_things_are() {
    let vague = tree::rust().into_iter().map(|source| source.path);
    let vague =
        vague.filter(|path| path.split(['/', '.']).any(|part| ["util", "utils", "helpers", "manager"].contains(&part)));
    assert_none(&vague.collect::<Vec<_>>(), "no module is called after nothing");
}

#[test]
fn nothing_is_left_unfinished_or_waved_through() {
    // Written in pieces, or this file would find itself.
    let banned =
        [["TO", "DO"], ["FIX", "ME"], ["to", "do!("], ["unimple", "mented!("], ["#[al", "low("], ["#![al", "low("]];
    let mut wrong = Vec::new();
    for source in tree::rust() {
        let found = banned.iter().map(|parts| parts.concat()).filter(|word| source.text.contains(word.as_str()));
        wrong.extend(found.map(|word| format!("{}: {word}", source.path)));
    }
    assert_none(&wrong, "finish it, or `#[expect(lint, reason = \"...\")]` it");
}

#[test]
fn unwrap_stays_in_tests() {
    let mut wrong = Vec::new();
    for source in product() {
        let tests = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|start| source.text.find(start)).min();
        let code = &source.text[..tests.unwrap_or(source.text.len())];
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//") && line.contains(".unwrap()"));
        wrong.extend(lines.map(|line| format!("{}: {}", source.path, line.trim())));
    }
    assert_none(&wrong, "`expect` states why it cannot fail");
}

#[test]
fn unsafe_has_one_place() {
    let marker = ["uns", "afe_code"].concat();
    let users = product().into_iter().filter(|source| source.text.contains(&marker));
    let users: Vec<String> = users.map(|source| source.path).collect();
    assert!(users.len() <= 1, "more than the loader of compiled components: {users:?}");
}

#[test]
fn no_registry_is_hard_wired() {
    // Rules match registries by registrable domain; a host below one would be
    // a dependency on somebody's infrastructure. `host` stands for any in tests.
    let domains = ["crates.io", "npmjs.org", "pythonhosted.org", "pypi.org", "debian.org"];
    let mut wrong = Vec::new();
    for source in tree::texts() {
        for domain in domains {
            let dotted = format!(".{domain}");
            let labels = source.text.match_indices(&dotted).map(|(at, _)| {
                source.text[..at].rsplit(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default()
            });
            let named = labels.filter(|label| !label.is_empty() && *label != "host");
            wrong.extend(named.map(|label| format!("{}: {label}{dotted}", source.path)));
        }
    }
    assert_none(&wrong, "no file names the download host of a package registry");
}

/// The engine's sources that end up in the binary.
fn product() -> Vec<Source> {
    let mut files = tree::rust();
    files.retain(|source| {
        let is_test = source.path.contains("/tests/") || source.path.ends_with("tests.rs");
        source.path.starts_with("engine/src/") && !is_test
    });
    files
}

/// First folder below `src`, or the file's own stem.
fn layer(source: &Source) -> &str {
    let below = source.path.strip_prefix("engine/src/").expect("a file of the engine");
    below.split(['/', '.']).next().unwrap_or_default()
}

fn paths_of(source: &Source) -> BTreeSet<String> {
    let file = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
    let below = source.path.strip_prefix("engine/src/").expect("a file of the engine").trim_end_matches(".rs");
    let module: Vec<String> = below.split('/').filter(|part| *part != "mod").map(str::to_owned).collect();
    paths::named(&file, &module)
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn excepted(file: &str, reserved: &str) -> bool {
    EXCEPTIONS.iter().any(|(prefix, path, reason)| file.starts_with(prefix) && *path == reserved && !reason.is_empty())
}

#[track_caller]
fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}
