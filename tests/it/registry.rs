//! Installed components: what lets one in, what it does then, and what becomes
//! of one that somebody touched.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::rig::{Answer, Engine, MARK, Origin, Run, basic, data, file, fixture, sha256};

const URL: &str = "https://origin.example/pub/file.bin";

/// A committed component, and the same with a section that says nothing: other
/// bytes, another version of it.
fn component(note: &str) -> Vec<u8> {
    let bytes = fs::read(fixture("swap-host")).expect("a committed fixture");
    if note.is_empty() { bytes } else { with_section(&bytes, note.as_bytes()) }
}

/// Adds a custom section.
fn with_section(component: &[u8], content: &[u8]) -> Vec<u8> {
    let body = [&b"\x04note"[..], content].concat();
    let mut length = body.len();
    let mut section = vec![0];
    while length >= 0x80 {
        section.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    section.push(u8::try_from(length).expect("seven bits"));
    [component, &section, &body].concat()
}

/// What is listed under a name.
fn listed(engine: &Engine, name: &str) -> Option<Value> {
    let events = engine.run(["component", "list", "--json"]).exits(0).events();
    events.into_iter().find(|event| event["name"] == name)
}

fn asks_it(engine: &Engine) -> bool {
    engine.run(["resolve", URL]).exits(0).text().contains("mirror-a.example")
}

/// The file of an installed component.
fn kept(engine: &Engine, bytes: &[u8]) -> PathBuf {
    let name = format!("sha256-{}.wasm", sha256(bytes));
    let found = engine.cached_files().into_iter().find(|path| path.ends_with(&name));
    found.unwrap_or_else(|| panic!("no {name} in {:?}", engine.cached_files()))
}

fn installed() -> Engine {
    let engine = Engine::new();
    engine.write("rule.wasm", component(""));
    engine.run(["component", "add", "rule.wasm"]).exits(0);
    engine
}

#[test]
fn an_installed_rule_is_asked_until_it_is_removed() {
    let engine = Engine::new();
    assert!(!asks_it(&engine));
    engine.write("rule.wasm", component(""));
    let run = engine.run(["component", "add", "--json", "rule.wasm"]).exits(0);
    assert_eq!(run.events()[0]["sha256"], sha256(&component("")));
    assert!(asks_it(&engine));
    let row = listed(&engine, "swap-host").expect("installed");
    assert_eq!((&row["state"], &row["version"]), (&"active".into(), &"0.1.0".into()), "{row:#}");
    assert_eq!(listed(&engine, "github").expect("built in")["source"], "built in");
    engine.run(["component", "remove", "swap-host"]).exits(0);
    assert!(!asks_it(&engine));
    assert!(
        engine.cached_files().iter().all(|path| !path.ends_with(format!("sha256-{}.wasm", sha256(&component("")))))
    );
    engine.run(["component", "remove", "swap-host"]).fails(2).says("swap-host");
}

#[test]
fn it_takes_part_in_downloads() {
    let engine = installed();
    let file = file(2, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/pub/file.bin"));
    let resolve =
        ["origin.example", "mirror-a.example", "mirror-b.example"].map(|name| origin.resolve(&format!("{name}:80")));
    let mut more = vec!["--no-cache", "--allow-private-mirrors"];
    more.extend(resolve.iter().flat_map(|pinned| ["--resolve", pinned.as_str()]));
    let receipt = engine.fetch("http://origin.example/pub/file.bin", &more).exits(0).receipt();
    let sources = receipt["sources"].as_array().expect("sources");
    assert!(sources.iter().any(|source| source["rule"] == "swap-host"), "{receipt:#}");
}

/// Whatever is wrong with it, nothing is installed and the reason is told.
#[test]
fn what_fails_its_checks_is_not_installed() {
    let whole = component("");
    let damaged: [(&str, &[u8], &str); 3] = [
        ("half.wasm", &whole[..whole.len() / 2], "not a WebAssembly component"),
        ("empty.wasm", &[], "it is empty"),
        ("text.wasm", b"(component)", "WebAssembly text"),
    ];
    let engine = Engine::new();
    for (name, bytes, reason) in damaged {
        engine.write(name, bytes);
        engine.run(["component", "add", name]).fails(8).says(reason).says(name);
    }
    for (name, reason) in [
        ("self-test-fails", "fails its own example"),
        ("describe-panics", "trapped"),
        ("describe-loops", "out of fuel"),
    ] {
        engine.run(["component", "add", &fixture(name)]).fails(8).says(reason).says(name);
    }
    engine.run(["component", "add", "absent.wasm"]).fails(7).says("absent.wasm");
    engine.run(["component", "add", "ftp://files.example/rule.wasm"]).fails(2).says("ftp://");
    engine.run(["component", "add", &fixture("swap-host"), "--name", "../up"]).fails(2).says("../up");
    let wrong = "00".repeat(32);
    engine.run(["component", "add", &fixture("swap-host"), "--sha256", &wrong]).fails(6).says(&wrong);
    assert!(!asks_it(&engine));
    let events = engine.run(["component", "list", "--json"]).exits(0).events();
    assert!(events.iter().all(|event| event["source"] == "built in"), "{events:#?}");
    assert!(engine.cached_files().iter().all(|path| path.extension().is_none_or(|end| end != "wasm")));
}

#[test]
fn a_large_component_needs_a_grant_and_the_grant_stays_with_it() {
    let engine = Engine::new();
    engine.write("large.wasm", with_section(&component(""), &vec![b'x'; 5 << 20]));
    engine.run(["component", "add", "large.wasm"]).fails(8).says("--grant file=6MiB");
    assert!(!asks_it(&engine));
    engine.run(["component", "add", "large.wasm", "--grant", "file=6MiB"]).exits(0);
    assert!(asks_it(&engine));
    assert_eq!(listed(&engine, "swap-host").expect("installed")["grants"]["file"], "6MiB");
    engine.write("larger.wasm", with_section(&component(""), &vec![b'y'; 5 << 20]));
    engine.run(["component", "add", "larger.wasm"]).fails(8).says("--grant file=6MiB");
    let run = engine.run(["component", "add", &fixture("swap-host")]).exits(0);
    assert!(run.stderr.contains("do not count for this one"), "{}", run.stderr);
    assert_eq!(listed(&engine, "swap-host").expect("installed")["grants"], serde_json::json!({}));
    engine.run(["component", "rollback", "swap-host"]).exits(0);
    assert!(asks_it(&engine), "the earlier version has its grant");
    engine.run(["component", "add", "large.wasm", "--grant", "file=1TiB"]).fails(2).says("can be granted");
    engine.run(["component", "add", "large.wasm", "--grant", "speed=1"]).fails(2).says("speed");
}

/// Without installing anything: by the digest in the configuration.
#[test]
fn a_rule_named_on_the_command_line_is_granted_by_its_digest() {
    let engine = Engine::new();
    let large = with_section(&component(""), &vec![b'x'; 5 << 20]);
    engine.write("large.wasm", &large);
    let resolve = ["resolve", "--rule", "large.wasm", "--config", "own.toml", URL];
    engine.write("own.toml", "");
    engine.run(resolve).exits(0).says("needs the grant file=6MiB");
    engine.write("own.toml", format!("[grants.large]\nsha256 = \"{}\"\nfile = \"6MiB\"\n", sha256(&large)));
    assert!(engine.run(resolve).exits(0).text().contains("mirror-a.example"));
    engine.write("own.toml", format!("[grants.large]\nsha256 = \"{}\"\nfile = \"6MiB\"\n", sha256(b"other")));
    engine.run(resolve).exits(0).says("needs the grant file=6MiB");
}

#[test]
fn a_touched_component_is_refused_by_name_and_the_download_goes_on() {
    let engine = installed();
    let path = kept(&engine, &component(""));
    for at in [0, 20_000] {
        let mut bytes = component("");
        bytes[at] ^= 1;
        fs::write(&path, bytes).expect("writable");
        let origin = Origin::file(&file(1, 1));
        let run = engine.fetch(&origin.file_url(), &["--if-exists", "overwrite", "--no-cache"]).exits(0);
        engine.assert_file("out", &data::bytes(1 << 20, 1));
        assert!(!asks_it(&engine));
        let row = listed(&engine, "swap-host").expect("installed");
        assert_eq!(row["state"], "left-out", "{row:#}");
        assert!(
            row["reason"].as_str().is_some_and(|reason| reason.contains("not the one that was installed")),
            "{row:#}"
        );
        assert!(run.text().contains("swap-host"), "{}", run.text());
    }
    fs::remove_file(&path).expect("a file");
    assert!(!asks_it(&engine));
    engine.run(["component", "sync"]).exits(0);
    assert!(asks_it(&engine));
}

#[test]
fn a_pin_holds_until_it_is_lifted() {
    let engine = installed();
    let (first, second) = (sha256(&component("")), sha256(&component("two")));
    engine.write("two.wasm", component("two"));
    engine.run(["component", "pin", "swap-host"]).exits(0);
    engine.run(["component", "add", "two.wasm"]).fails(8).says(&first).says(&second);
    engine.run(["component", "rollback", "swap-host"]).fails(2);
    engine.run(["component", "unpin", "swap-host"]).exits(0);
    engine.run(["component", "add", "two.wasm"]).exits(0);
    let row = listed(&engine, "swap-host").expect("installed");
    assert_eq!((&row["sha256"], &row["previous"][0]), (&second.as_str().into(), &first.as_str().into()));
    engine.run(["component", "pin", &format!("swap-host@sha256:{first}")]).exits(0);
    let row = listed(&engine, "swap-host").expect("installed");
    assert_eq!((&row["sha256"], &row["pinned"]), (&first.as_str().into(), &true.into()));
    engine.run(["component", "rollback", "swap-host"]).fails(8).says("pinned");
    engine.run(["component", "pin", &format!("swap-host@sha256:{}", "00".repeat(32))]).fails(2);
    engine.run(["component", "pin", "swap-host@md5:00"]).fails(2);
}

#[test]
fn rolling_back_twice_leads_back() {
    let engine = installed();
    engine.write("two.wasm", component("two"));
    engine.run(["component", "add", "two.wasm"]).exits(0);
    for expected in ["", "two", ""] {
        engine.run(["component", "rollback", "swap-host"]).exits(0);
        assert_eq!(listed(&engine, "swap-host").expect("installed")["sha256"], sha256(&component(expected)));
        assert!(asks_it(&engine));
    }
}

#[test]
fn frozen_takes_what_the_lockfile_has_or_nothing() {
    let engine = installed();
    let frozen = |more: &[&str]| engine.run([&["resolve", "--frozen", URL], more].concat());
    frozen(&[]).exits(0);
    frozen(&["--rule", "rule.wasm"]).exits(0);
    engine.write("other.wasm", component("other"));
    frozen(&["--rule", "other.wasm"]).fails(8).says("not in the lockfile");
    let before = fs::read(engine.cached_files().iter().find(|path| path.ends_with("turbo.lock")).expect("a lockfile"));
    for change in
        [&["add", "other.wasm"][..], &["remove", "swap-host"], &["pin", "swap-host"], &["rollback", "swap-host"]]
    {
        engine.run([&["component"], change, &["--frozen"]].concat()).fails(8).says("--frozen");
    }
    let path = engine.cached_files().into_iter().find(|path| path.ends_with("turbo.lock")).expect("a lockfile");
    assert_eq!(before.expect("readable"), fs::read(path).expect("readable"));
    fs::write(kept(&engine, &component("")), b"else").expect("writable");
    frozen(&[]).fails(8).says("swap-host");
    engine.run(["component", "sync", "--frozen"]).fails(8).says("swap-host");
}

#[test]
fn a_project_has_a_lockfile_of_its_own() {
    let engine = Engine::new();
    engine.write("rule.wasm", component(""));
    engine.run(["resolve", "--lock", "turbo.lock", URL]).fails(2).says("turbo.lock");
    engine.run(["component", "add", "rule.wasm", "--lock", "turbo.lock"]).exits(0);
    assert!(!asks_it(&engine), "the user's own lockfile names nothing");
    let text = String::from_utf8(engine.read("turbo.lock")).expect("text");
    assert!(text.contains("source = \"rule.wasm\"") && text.contains(&sha256(&component(""))), "{text}");
    let run = engine.run(["resolve", "--lock", "turbo.lock", URL]).exits(0);
    assert!(run.text().contains("mirror-a.example"), "{}", run.text());
    // On another machine the lockfile and the sources are all there is.
    let other = Engine::new();
    other.write("turbo.lock", &text);
    other.run(["resolve", "--lock", "turbo.lock", "--frozen", URL]).fails(8).says("missing");
    other.write("rule.wasm", component("tampered"));
    other.run(["component", "sync", "--lock", "turbo.lock"]).fails(6).says(&sha256(&component("tampered")));
    other.write("rule.wasm", component(""));
    other.run(["component", "sync", "--lock", "turbo.lock"]).exits(0);
    other.run(["resolve", "--lock", "turbo.lock", "--frozen", URL]).exits(0);
}

/// Whoever wrote the lockfile is not whoever runs it.
#[test]
fn a_strangers_lockfile_grants_nothing_by_itself() {
    let engine = Engine::new();
    let large = with_section(&component(""), &vec![b'x'; 5 << 20]);
    engine.write("large.wasm", &large);
    engine.run(["component", "add", "large.wasm", "--lock", "turbo.lock", "--grant", "file=6MiB"]).exits(0);
    let text = String::from_utf8(engine.read("turbo.lock")).expect("text");
    let other = Engine::new();
    other.write("large.wasm", &large);
    other.write("turbo.lock", &text);
    let asked = |engine: &Engine| engine.run(["resolve", "--lock", "turbo.lock", URL]).exits(0);
    assert!(asked(&other).stderr.contains("nobody accepted"), "{}", asked(&other).stderr);
    other.run(["component", "sync", "--lock", "turbo.lock"]).fails(8).says("file=6MiB").says("--accept-grants");
    other.run(["component", "sync", "--lock", "turbo.lock", "--accept-grants"]).exits(0);
    assert!(asked(&other).text().contains("mirror-a.example"));
    // More than was accepted is not covered by it.
    other.write("turbo.lock", text.replace("file = \"6MiB\"", "file = \"6MiB\"\nmemory = \"1GiB\""));
    assert!(asked(&other).stderr.contains("memory=1GiB"), "{}", asked(&other).stderr);
    assert!(!asked(&other).text().contains("mirror-a.example"));
}

#[test]
fn a_rule_in_the_place_of_a_built_in_one_is_told() {
    let engine = Engine::new();
    let built_in = format!("{}/../components/dist/nodejs.wasm", env!("CARGO_MANIFEST_DIR"));
    let run = engine.run(["component", "add", &built_in]).exits(0);
    assert!(run.stderr.contains("takes the place of the built-in rule"), "{}", run.stderr);
}

/// Who signed is for the keys to say.
#[test]
fn a_signer_in_a_lockfile_is_not_believed() {
    let engine = installed();
    let lock = engine.cached_files().into_iter().find(|path| path.ends_with("turbo.lock")).expect("a lockfile");
    let text = fs::read_to_string(&lock).expect("readable");
    fs::write(&lock, text.replace("bytes = ", "signer = \"the boss (00)\"\nbytes = ")).expect("writable");
    assert_eq!(listed(&engine, "swap-host").expect("installed")["signer"], Value::Null);
}

#[test]
fn a_damaged_lockfile_is_told_and_fails_no_download() {
    let engine = installed();
    let lock = engine.cached_files().into_iter().find(|path| path.ends_with("turbo.lock")).expect("a lockfile");
    let origin = Origin::file(&file(1, 1));
    for text in ["version = 2\n", "= =", "version = 1\n[[component]]\nname = \"../x\"\n"] {
        fs::write(&lock, text).expect("writable");
        let more = ["--if-exists", "overwrite", "--no-cache"];
        let run = engine.fetch(&origin.file_url(), &more).exits(0);
        assert!(run.text().contains("turbo.lock"), "{}", run.text());
        engine.run(["component", "list"]).fails(2).says("turbo.lock");
        engine.run(["component", "add", "rule.wasm"]).fails(2).says("turbo.lock");
        engine.fetch(&origin.file_url(), &[&more[..], &["--frozen"]].concat()).fails(2).says("turbo.lock");
    }
}

#[test]
fn processes_that_add_at_once_lose_nothing() {
    let engine = Engine::new();
    let names = ["swap-host", "std-wasi", "hostile"];
    let runs: Vec<_> = names.iter().map(|name| engine.start(["component", "add", &fixture(name)])).collect();
    for run in runs {
        run.finish().exits(0);
    }
    for name in names {
        assert!(listed(&engine, name).is_some(), "{name} was lost");
    }
}

#[test]
fn components_come_by_url() {
    let (good, large) = (component(""), with_section(&component(""), &vec![b'x'; 5 << 20]));
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/rule.wasm" => Answer::whole(200, good.clone().into()),
        "/large.wasm" => Answer::whole(200, large.clone().into()),
        "/endless.wasm" => Answer::whole(200, vec![0; 1 << 20].into()).endless(),
        "/private" => Answer::redirect("http://10.0.0.1/rule.wasm"),
        "/moved" => Answer::redirect("/rule.wasm"),
        _ => Answer::status(404),
    });
    let engine = Engine::new();
    engine.run(["component", "add", &origin.url("/absent.wasm")]).fails(5).says("404");
    engine.run(["component", "add", &origin.url("/large.wasm")]).fails(8).says("--grant file=6MiB");
    engine.run(["component", "add", &origin.url("/endless.wasm")]).fails(8).says("--grant file=SIZE");
    engine.run(["component", "add", &origin.url("/private")]).fails(5).says("not at a public address");
    let digest = sha256(&component(""));
    engine.run(["component", "add", &origin.url("/moved"), "--sha256", &digest]).exits(0);
    assert!(asks_it(&engine));
    assert_eq!(listed(&engine, "swap-host").expect("installed")["source"], origin.url("/moved"));
}

#[test]
fn a_login_in_a_url_reaches_its_server_and_no_lockfile() {
    let good = component("");
    let origin = Origin::start(move |request| match request.header("Authorization") {
        Some(login) if login == basic("me", MARK) => Answer::whole(200, good.clone().into()),
        _ => Answer::status(401),
    });
    let engine = Engine::new();
    engine.run(["component", "add", &origin.url("/rule.wasm")]).fails(5);
    let url = origin.url("/rule.wasm").replace("http://", "http://me:s3cr3t@");
    engine.run(["component", "add", &url]).exits(0);
    let lock = engine.cached_files().into_iter().find(|path| path.ends_with("turbo.lock")).expect("a lockfile");
    let text = fs::read_to_string(lock).expect("readable");
    assert!(!text.contains("me:") && text.contains("/rule.wasm"), "{text}");
}

#[test]
fn two_names_of_one_rule_are_refused() {
    let engine = installed();
    let add = |more: &[&str]| -> Run { engine.run([&["component", "add", "rule.wasm"], more].concat()) };
    add(&["--name", "other"]).fails(8).says("swap-host");
    add(&["--name", "swap-host"]).exits(0);
}
