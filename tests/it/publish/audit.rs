//! `publish verify-audit`.

use super::delivery::{check_records, deliver, publisher};
use crate::rig::github::TOKEN;
use crate::rig::{GitHub, secret};

#[test]
fn a_touched_log_is_found_and_its_line_named() {
    let github = GitHub::start();
    let engine = publisher().variable("AUDIT_KEY", secret!("of the auditor"));
    deliver(&engine, &github, &["--audit-key", "env:AUDIT_KEY"]).exits(0);
    check_records(&engine, &[TOKEN, secret!("of the auditor")]);
    let verify = ["publish", "verify-audit", "audit.jsonl"];
    let keyed = [&verify[..], &["--audit-key", "env:AUDIT_KEY"]].concat();
    assert!(engine.run(&keyed).exits(0).text().contains("(authenticated)"));
    let event = engine.run([&keyed[..], &["--json"]].concat()).exits(0).events().remove(0);
    assert!(event["records"].as_u64().expect("a number") > 8 && event["authenticated"] == true, "{event}");

    let log = String::from_utf8(engine.read("audit.jsonl")).expect("text");
    engine.write("audit.jsonl", log.replacen("\"fork\"", "\"folk\"", 1));
    let line = 1 + log.lines().position(|line| line.contains("\"fork\"")).expect("a fork was made");
    engine.run(verify).fails(6).says(&format!("line {line}:"));
    // Nothing is delivered on top of it.
    deliver(&engine, &github, &["--resume"]).fails(6).says("tampered");
    let cut: String = log.lines().take(3).map(|line| format!("{line}\n")).collect();
    engine.write("audit.jsonl", cut);
    engine.run(verify).fails(6).says("line 4:").says("cut off");
    engine.write("audit.jsonl", &log);
    engine.run([&verify[..], &["--audit-key", "env:GITHUB_TOKEN"]].concat()).fails(6).says("another key");
    engine.run(["publish", "verify-audit", "absent"]).fails(7);
}

#[test]
fn a_credential_comes_from_where_it_was_said_or_not_at_all() {
    let github = GitHub::start();
    let engine = publisher();
    let api = github.origin.url("");
    let with = |source: &str| engine.run(super::delivery::arguments(&["--api", &api, "--credential", source]));
    with("env:ABSENT").fails(2).says("ABSENT");
    with("fd:77").fails(2).says("77");
    // There is no session here, and so no keyring.
    with("keyring:github/mona").fails(2).says("keyring");
    engine.run_carelessly(super::delivery::arguments(&["--api", &api, "--credential", TOKEN])).exits(2);
    engine.run(super::delivery::arguments(&["--api", &api])).fails(2).says("--credential");
    assert!(github.origin.requests().is_empty());
}

#[cfg(unix)]
#[test]
fn a_credential_comes_through_a_descriptor() {
    let github = GitHub::start();
    let engine = publisher();
    engine.write("token", format!("{TOKEN}\n"));
    let script = "exec \"$0\" publish deliver delivery.json --state s --audit a --api \"$1\" --credential fd:7 7<token";
    engine.shell(script, [github.origin.url("")]).finish().exits(0);
    assert_eq!(github.pulls().len(), 1);
}
