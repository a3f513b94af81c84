//! Deliveries as the tests write them.

use serde_json::{Value, json};

use crate::rig::github::{TOKEN, UPSTREAM};
use crate::rig::{Engine, GitHub, Run};

/// Where a version of the package goes.
pub const MANIFEST: &str = "manifests/a/Acme/Tool/1.2.0/Acme.Tool.yaml";

/// A pull request for winget, as its generator proposes it.
pub fn pull_request() -> Value {
    json!({
        "release": {"name": "Acme.Tool", "version": "1.2.0", "date": "2026-11-24"},
        "channel": "winget",
        "delivery": {
            "kind": "git-change", "route": "pull-request", "repository": UPSTREAM, "base": "master",
            "branch": "Acme.Tool-1.2.0-5f0c", "title": "New version: Acme.Tool version 1.2.0", "body": "Made by turbo-engine.",
            "writes": [{"path": MANIFEST, "file": "Acme.Tool.yaml"}],
        },
    })
}

/// A push of one file to a bucket.
pub fn push(repository: &str, path: &str, file: &str) -> Value {
    json!({
        "release": {"name": path, "version": "1.2.0", "date": "2026-11-24"},
        "channel": "scoop",
        "delivery": {
            "kind": "git-change", "route": "push", "repository": repository, "base": "main",
            "title": format!("{path}: Update to version 1.2.0"), "writes": [{"path": path, "file": file}],
        },
    })
}

/// A user with a pull request to deliver and a token.
pub fn publisher() -> Engine {
    let engine = Engine::new().variable("GITHUB_TOKEN", TOKEN);
    engine.write("Acme.Tool.yaml", "PackageIdentifier: Acme.Tool\r\nPackageVersion: 1.2.0\r\n");
    engine.write("delivery.json", pull_request().to_string());
    engine
}

/// The arguments that every delivery here has.
pub fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["publish", "deliver", "delivery.json", "--state", "state.json", "--audit", "audit.jsonl"];
    let patient = ["--connect-timeout", "5", "--stall-timeout", "5"];
    let retry: &[&str] = if more.contains(&"--retry") { &[] } else { &["--retry", "2"] };
    [&fixed[..], &patient, retry, more].concat()
}

/// Delivers to a stand-in of GitHub.
pub fn deliver(engine: &Engine, github: &GitHub, more: &[&str]) -> Run {
    let api = github.origin.url("");
    engine.run(arguments(&[&["--api", &api, "--credential", "env:GITHUB_TOKEN"], more].concat()))
}

/// Asserts that the audit log is whole, and that nothing that was written holds
/// a secret.
#[track_caller]
pub fn check_records(engine: &Engine, secrets: &[&str]) {
    let run = engine.run(["publish", "verify-audit", "audit.jsonl", "--state", "state.json"]).exits(0);
    assert!(run.text().contains("none was changed"), "{}", run.text());
    for name in engine.listing() {
        let Ok(content) = std::fs::read(engine.path(&name)) else { continue };
        let text = String::from_utf8_lossy(&content).into_owned();
        let found = secrets.iter().find(|secret| text.contains(**secret));
        assert!(found.is_none(), "{name} holds {found:?}");
    }
}

/// What the audit log tells, as `WHAT EFFECT`.
pub fn told(engine: &Engine) -> Vec<String> {
    let text = String::from_utf8(engine.read("audit.jsonl")).expect("text");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines
        .map(|line| format!("{} {}", line["what"].as_str().unwrap_or(""), line["effect"].as_str().unwrap_or("")))
        .collect()
}
