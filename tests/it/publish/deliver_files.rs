//! Files beside the release.

use serde_json::json;

use super::delivery::{arguments, check_records, told};
use crate::rig::Engine;

fn files(paths: &[&str]) -> Engine {
    let engine = Engine::new();
    engine.write("content", "one\n");
    let files: Vec<_> = paths.iter().map(|path| json!({"path": path, "file": "content"})).collect();
    let delivery = json!({
        "release": {"name": "tool", "version": "1.0", "date": "2026-11-24"}, "channel": "files",
        "delivery": {"kind": "files", "files": files},
    });
    engine.write("delivery.json", delivery.to_string());
    engine
}

#[test]
fn files_arrive_once() {
    let engine = files(&["tool.rb", "deep/er/tool.json"]);
    let dry = engine.run(arguments(&["--into", "out", "--dry-run"])).exits(0).text();
    assert!(dry.contains("+++ b/deep/er/tool.json\n@@ -0,0 +1 @@\n+one\n"), "{dry}");
    assert_eq!(engine.listing(), ["content", "delivery.json"], "a dry run leaves nothing");
    let run = engine.run(arguments(&["--into", "out"])).exits(0);
    assert_eq!(run.text(), "files: delivered: out\n");
    engine.assert_file("out/deep/er/tool.json", b"one\n");
    check_records(&engine, &[]);
    let lines = told(&engine);
    let again = engine.run(arguments(&["--into", "out", "--json"])).exits(0).events().remove(0);
    assert_eq!((&again["state"], &again["reference"]), (&json!("already-there"), &json!("out")));
    assert_eq!(told(&engine), lines, "nothing was done, and nothing told");
    let status = engine.run(["publish", "status", "state.json"]).exits(0).text();
    assert!(status.starts_with("tool 1.0  files: delivered, out\n"), "{status}");
}

#[test]
fn a_path_that_leads_elsewhere_is_refused_before_anything_is_written() {
    for path in ["../out-of-it", "/tmp/x", "a/../../b", ".git/hooks/post-commit", "NUL", "a\u{0}b"] {
        let engine = files(&["fine", path]);
        engine.run(arguments(&["--into", "out"])).fails(8).says("refused");
        engine.assert_absent("out");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_is_not_followed() {
    let engine = files(&["link/tool"]);
    std::fs::create_dir_all(engine.path("out")).expect("writable");
    std::os::unix::fs::symlink(engine.home(), engine.path("out/link")).expect("a link");
    engine.run(arguments(&["--into", "out"])).fails(7);
    assert!(!engine.home().join("tool").exists());
    engine.run(arguments(&["--into", "out", "--resume"])).fails(7);
}

#[test]
fn another_delivery_does_not_go_on_with_this_state() {
    let engine = files(&["tool"]);
    engine.run(arguments(&["--into", "out"])).exits(0);
    engine.write("content", "other\n");
    engine.run(arguments(&["--into", "out", "--resume"])).fails(2).says("is about");
    engine.write("state.json", "{}");
    engine.run(arguments(&["--into", "out", "--resume"])).fails(2).says("cannot be understood");
}

#[test]
fn a_delivery_that_is_none_is_told_so() {
    let engine = files(&["tool"]);
    let text = String::from_utf8(engine.read("delivery.json")).expect("text");
    for (from, to) in [("\"kind\"", "\"kin\""), ("channel", "chanel"), ("\"path\"", "\"pat\"")] {
        engine.write("delivery.json", text.replacen(from, to, 1));
        engine.run(arguments(&["--into", "out"])).fails(2).says("cannot be used");
    }
    engine.write("delivery.json", &text);
    engine.run(arguments(&[])).fails(2).says("--into");
}
