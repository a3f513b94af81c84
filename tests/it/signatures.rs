//! Signatures of components: which ones count, which are refused, and that
//! minisign and the engine understand each other.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::rig::{Answer, Engine, Origin, Run, fixture, secret};

const URL: &str = "https://origin.example/pub/file.bin";
/// A key pair of minisign without a password, made for these tests.
const KEY: &str = include_str!("../fixtures/keys/author.key");
const PUBLIC: &str = include_str!("../fixtures/keys/author.pub");
const STRANGER: &str = include_str!("../fixtures/keys/stranger.key");

/// A user who has a component and a key to sign it with.
fn author() -> Engine {
    let engine = Engine::new();
    fs::copy(fixture("swap-host"), engine.path("rule.wasm")).expect("a committed fixture");
    for (name, text) in [("author.key", KEY), ("author.pub", PUBLIC), ("stranger.key", STRANGER)] {
        engine.write(name, text);
    }
    engine
}

fn sign(engine: &Engine, more: &[&str]) -> Run {
    engine.run([&["component", "sign", "rule.wasm"], more].concat())
}

fn add(engine: &Engine, more: &[&str]) -> Run {
    engine.run([&["component", "add", "rule.wasm"], more].concat())
}

fn trust(engine: &Engine) {
    engine.run(["component", "trust", "add", "author", "author.pub"]).exits(0);
}

fn asks_it(engine: &Engine, more: &[&str]) -> bool {
    engine.run([&["resolve", URL], more].concat()).exits(0).text().contains("mirror-a.example")
}

#[test]
fn a_signature_by_a_trusted_key_is_shown() {
    let engine = author();
    trust(&engine);
    sign(&engine, &["--key", "author.key", "--comment", "version 1 \x1b[31mred\u{202e}"]).exits(0);
    let event = add(&engine, &["--json"]).exits(0).events().remove(0);
    assert_eq!((&event["signed"]["name"], &event["signed"]["trusted"]), (&"author".into(), &true.into()), "{event:#}");
    assert_eq!(event["signed"]["comment"], "version 1 [31mred");
    let listed = engine.run(["component", "list"]).exits(0).text();
    assert!(listed.contains("signed by author ("), "{listed}");
}

#[test]
fn what_is_changed_or_of_something_else_is_refused() {
    let engine = author();
    trust(&engine);
    sign(&engine, &["--key", "author.key"]).exits(0);
    let (component, signature) = (engine.read("rule.wasm"), engine.read("rule.wasm.minisig"));
    let mut changed = component.clone();
    changed[30_000] ^= 1;
    engine.write("rule.wasm", changed);
    add(&engine, &[]).fails(8).says("not of this file");
    engine.write("rule.wasm", &component);
    // A signature of another file, by the right key.
    engine.write("other", "other");
    engine.run(["component", "sign", "other", "--key", "author.key"]).exits(0);
    fs::copy(engine.path("other.minisig"), engine.path("rule.wasm.minisig")).expect("a signature");
    add(&engine, &[]).fails(8).says("not of this file");
    // A comment that the signer did not write.
    let text = String::from_utf8(signature.clone()).expect("text").replace("file:rule.wasm", "file:good.wasm");
    engine.write("rule.wasm.minisig", text);
    add(&engine, &[]).fails(8).says("trusted comment");
    engine.write("rule.wasm.minisig", "nonsense");
    add(&engine, &[]).fails(8).says("not a signature");
    assert!(!asks_it(&engine, &[]));
    engine.write("rule.wasm.minisig", signature);
    add(&engine, &[]).exits(0);
    assert!(asks_it(&engine, &[]));
}

#[test]
fn where_signatures_are_required_nothing_else_comes_in() {
    let engine = author().variable("TURBO_ENGINE_REQUIRE_SIGNATURE", "true");
    trust(&engine);
    add(&engine, &[]).fails(8).says("not signed");
    engine.run(["resolve", "--rule", "rule.wasm", URL]).fails(8).says("not signed");
    sign(&engine, &["--key", "stranger.key"]).exits(0);
    add(&engine, &[]).fails(8).says("not trusted");
    engine.run(["resolve", "--rule", "rule.wasm", URL]).fails(8).says("not trusted");
    sign(&engine, &["--key", "author.key"]).exits(0);
    assert!(asks_it(&engine, &["--rule", "rule.wasm"]));
    add(&engine, &[]).exits(0);
    fs::remove_file(engine.path("rule.wasm.minisig")).expect("a signature");
    assert!(asks_it(&engine, &[]), "the signature was kept");
    engine.run(["component", "trust", "remove", "author"]).exits(0);
    assert!(!asks_it(&engine, &[]), "trust can be withdrawn");
    trust(&engine);
    let kept = engine.cached_files().into_iter().find(|path| path.extension().is_some_and(|end| end == "minisig"));
    fs::remove_file(kept.expect("a signature that was kept")).expect("removable");
    assert!(!asks_it(&engine, &[]));
    let run = engine.run(["resolve", URL]).exits(0);
    assert!(run.stderr.contains("swap-host") && run.stderr.contains("not signed"), "{}", run.stderr);
}

/// Not required, an unknown key is told and changes nothing.
#[test]
fn a_strangers_signature_is_told() {
    let engine = author();
    sign(&engine, &["--key", "stranger.key"]).exits(0);
    let run = add(&engine, &[]).exits(0);
    assert!(run.stderr.contains("which is not trusted"), "{}", run.stderr);
    let row = engine.run(["component", "list", "--json"]).exits(0).events().remove(0);
    assert_eq!(row["signer"], Value::Null);
}

#[test]
fn a_signature_comes_along_by_url() {
    let engine = author().variable("TURBO_ENGINE_REQUIRE_SIGNATURE", "true");
    trust(&engine);
    sign(&engine, &["--key", "author.key"]).exits(0);
    let (component, signature) = (engine.read("rule.wasm"), engine.read("rule.wasm.minisig"));
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/rule.wasm" | "/unsigned.wasm" => Answer::whole(200, component.clone().into()),
        "/rule.wasm.minisig" => Answer::whole(200, signature.clone().into()),
        _ => Answer::status(404),
    });
    engine.run(["component", "add", &origin.url("/unsigned.wasm")]).fails(8).says("not signed");
    engine.run(["component", "add", &origin.url("/rule.wasm")]).exits(0);
    assert!(asks_it(&engine, &[]));
}

#[test]
fn keys_are_trusted_by_name() {
    let engine = author();
    trust(&engine);
    let key = PUBLIC.lines().nth(1).expect("a key");
    let listed = engine.run(["component", "trust", "list", "--json"]).exits(0).events();
    assert_eq!((&listed[0]["name"], &listed[0]["key"]), (&"author".into(), &key.into()));
    engine.run(["component", "trust", "add", "author", key]).fails(2).says("there is a key `author` already");
    engine.run(["component", "trust", "add", "again", key]).fails(2).says("trusted already");
    engine.run(["component", "trust", "add", "Me Too", key]).fails(2).says("Me Too");
    engine.run(["component", "trust", "add", "me", "rule.wasm"]).fails(7);
    engine.run(["component", "trust", "add", "me", "author.key"]).fails(2).says("not a public key");
    engine.run(["component", "trust", "remove", "nobody"]).fails(2).says("nobody");
    engine.run(["component", "trust", "remove", "author"]).exits(0);
    assert!(engine.run(["component", "trust", "list"]).exits(0).stdout.is_empty());
}

#[test]
fn a_key_that_cannot_be_used_is_explained() {
    let engine = author();
    sign(&engine, &["--key", "author.pub"]).fails(2).says("not a secret key");
    sign(&engine, &["--key", "absent.key"]).fails(7).says("absent.key");
    engine.assert_absent("rule.wasm.minisig");
}

/// Runs minisign, with a password where one is asked for.
fn minisign(folder: &Path, arguments: &[&str], password: &str) -> bool {
    use std::io::Write as _;
    let mut child = Command::new("minisign")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run minisign: {error}; install minisign"));
    let mut stdin = child.stdin.take().expect("a piped stream");
    // It may end without asking.
    let _ = writeln!(stdin, "{password}\n{password}");
    drop(stdin);
    child.wait().expect("a child to wait for").success()
}

#[test]
#[ignore = "needs minisign"]
fn minisign_and_the_engine_understand_each_other() {
    let engine = author();
    let folder = engine.path("");
    // Ours, held against the file by minisign.
    sign(&engine, &["--key", "author.key"]).exits(0);
    assert!(minisign(&folder, &["-V", "-p", "author.pub", "-m", "rule.wasm"], ""));
    let mut changed = engine.read("rule.wasm");
    changed[0] ^= 1;
    engine.write("changed.wasm", changed);
    fs::copy(engine.path("rule.wasm.minisig"), engine.path("changed.wasm.minisig")).expect("a signature");
    assert!(!minisign(&folder, &["-V", "-p", "author.pub", "-m", "changed.wasm"], ""));
    // Minisign's, prehashed and of the old kind, held against it by us.
    trust(&engine);
    for kind in [&[][..], &["-l"]] {
        let arguments = [&["-S", "-s", "author.key", "-m", "rule.wasm", "-t", "by minisign"], kind].concat();
        assert!(minisign(&folder, &arguments, ""), "{kind:?}");
        let run = add(&engine, &["--require-signature"]).exits(0);
        assert!(run.text().contains("by minisign"), "{}", run.text());
    }
}

/// A key with a password, as minisign makes it unless told otherwise.
#[cfg(unix)]
#[test]
#[ignore = "needs minisign"]
fn a_key_with_a_password_opens_with_it_alone() {
    let engine = author();
    let folder = engine.path("");
    assert!(minisign(&folder, &["-G", "-p", "own.pub", "-s", "own.key"], secret!("pass word")));
    sign(&engine, &["--key", "own.key"]).fails(2).says("TURBO_ENGINE_SIGN_PASSWORD");
    // By a file descriptor, which the shell opens.
    engine.write("password", concat!(secret!("pass word"), "\n"));
    let script = "exec \"$0\" component sign rule.wasm --key own.key --password-fd 7 7<password";
    engine.shell(script, [""; 0]).finish().exits(0);
    assert!(minisign(&folder, &["-V", "-p", "own.pub", "-m", "rule.wasm"], ""));
    // By a variable.
    let engine = engine.variable("TURBO_ENGINE_SIGN_PASSWORD", secret!("pass-word"));
    fs::remove_file(engine.path("rule.wasm.minisig")).expect("a signature");
    sign(&engine, &["--key", "own.key"]).fails(2).says("the password is wrong");
    let engine = engine.variable("TURBO_ENGINE_SIGN_PASSWORD", secret!("pass word"));
    sign(&engine, &["--key", "own.key"]).exits(0);
    assert!(minisign(&folder, &["-V", "-p", "own.pub", "-m", "rule.wasm"], ""));
}
