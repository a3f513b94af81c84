//! The supply chain as files: what a workflow runs is pinned, has few rights,
//! and no text of others becomes a script; what is released is what is judged.

use serde_json::Value;

use super::{assert_none, tree};
use crate::rig::yaml;

const RELEASE: &str = ".github/workflows/release.yml";

/// What the repository runs, and what it tells its users to run.
#[test]
fn every_action_is_pinned_by_commit() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in tree::texts().iter().filter(|source| shows_workflows(&source.path)) {
        let used: Vec<&str> = source.text.lines().filter_map(used_in).collect();
        seen += used.len();
        wrong.extend(used.iter().filter_map(|used| unpinned(used)).map(|why| format!("{}: {why}", source.path)));
    }
    assert!(seen > 20, "{seen} actions: the test does not find them");
    assert_none(&wrong, "an action is `OWNER/NAME@COMMIT # VERSION`: a tag can be moved to other code");
}

#[test]
fn workflows_have_few_rights() {
    let workflows: Vec<_> = tree::texts().into_iter().filter(|source| is_workflow(&source.path)).collect();
    assert!(workflows.len() >= 5, "the repository's, and those of three templates");
    let faults =
        workflows.iter().flat_map(|source| workflow_faults(&source.text).into_iter().map(move |fault| (source, fault)));
    let wrong: Vec<String> = faults.map(|(source, fault)| format!("{}: {fault}", source.path)).collect();
    assert_none(&wrong, "a workflow gets what it needs, and keeps no token where later steps find it");
}

#[test]
fn composite_actions_run_no_text_of_others() {
    let actions: Vec<_> =
        tree::texts().into_iter().filter(|source| source.path.starts_with(".github/actions/")).collect();
    let actions: Vec<_> = actions.iter().filter(|source| is_yaml(&source.path)).collect();
    assert!(!actions.is_empty());
    let faults = actions.iter().flat_map(|source| {
        let document = yaml(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
        let steps = document["runs"]["steps"].as_array().cloned().unwrap_or_default();
        let faults: Vec<String> = steps.iter().flat_map(step_faults).collect();
        faults.into_iter().map(|fault| format!("{}: {fault}", source.path))
    });
    assert_none(&faults.collect::<Vec<_>>(), "inputs reach a script as variables");
}

/// What cargo-deny leaves out, nobody has judged; what the action cannot
/// install, nobody gets.
#[test]
fn every_released_target_is_judged_and_can_be_installed() {
    let release = yaml(&text(RELEASE)).expect("a workflow");
    let rows = release["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().expect("a matrix");
    let mut built: Vec<&str> = rows.iter().map(|row| row["target"].as_str().expect("a target")).collect();
    let deny: toml::Table = text("deny.toml").parse().expect("cargo-deny's settings");
    let judged = deny["graph"]["targets"].as_array().expect("targets");
    let mut judged: Vec<&str> = judged.iter().filter_map(toml::Value::as_str).collect();
    built.sort_unstable();
    judged.sort_unstable();
    assert_eq!(built, judged, "deny.toml has the targets that {RELEASE} builds");
    let script = text(".github/actions/publish/publish.sh");
    let absent = built.into_iter().filter(|target| !script.contains(&format!("echo {target} ;;")));
    assert_eq!(absent.collect::<Vec<_>>(), Vec::<&str>::new(), "publish.sh can install every target");
}

/// What a bot does not look at is as old as the day it was written.
#[test]
fn a_bot_looks_at_every_lockfile_and_workflow() {
    let settings = yaml(&text(".github/dependabot.yml")).expect("dependabot's settings");
    let updates = settings["updates"].as_array().expect("updates");
    let folders = |ecosystem: &str| -> Vec<&str> {
        let of_it = updates.iter().filter(|update| update["package-ecosystem"] == ecosystem);
        let named = of_it.flat_map(|update| {
            update["directories"].as_array().into_iter().flatten().chain(std::iter::once(&update["directory"]))
        });
        named.filter_map(Value::as_str).map(|folder| folder.trim_start_matches('/')).collect()
    };
    let cargo = folders("cargo");
    let actions = folders("github-actions");
    assert!(actions.contains(&""), "the folder of the workflows is known as the root: {actions:?}");
    for source in tree::texts() {
        let (folder, name) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        let is_looked_at = match name {
            "Cargo.lock" => cargo.contains(&folder),
            "action.yml" | "action.yaml" => actions.contains(&folder),
            _ => true,
        };
        assert!(is_looked_at, ".github/dependabot.yml does not name the folder of {}", source.path);
    }
    for update in updates {
        assert_eq!(update["schedule"]["interval"], "weekly", "{update}");
        assert!(update["groups"].is_object(), "one pull request a week: {update}");
    }
}

fn text(path: &str) -> String {
    let found = tree::texts().into_iter().find(|source| source.path == path);
    found.unwrap_or_else(|| panic!("there is no {path}")).text
}

fn is_yaml(path: &str) -> bool {
    [".yml", ".yaml", ".yml.in"].iter().any(|ending| path.ends_with(ending))
}

fn is_workflow(path: &str) -> bool {
    let is_template = path.starts_with("components/templates/") && path.ends_with("ci.yml.in");
    is_template || path.starts_with(".github/workflows/") && is_yaml(path)
}

/// Documents show workflows as well, and readers copy them.
fn shows_workflows(path: &str) -> bool {
    is_yaml(path) || [".md", ".md.in"].iter().any(|ending| path.ends_with(ending))
}

/// What a line of a workflow uses, its comment included.
fn used_in(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("- ").trim_start();
    let (key, value) = line.split_once(':')?;
    (key.trim_matches(['"', '\'', ' ']) == "uses" && value.starts_with([' ', '\t'])).then(|| value.trim())
}

/// Why an action is not pinned. In a document the commit of our own release
/// may be a word, which the reader replaces.
fn unpinned(used: &str) -> Option<String> {
    let (action, comment) =
        used.split_once(" #").map_or((used, ""), |(action, comment)| (action.trim(), comment.trim()));
    let action = action.trim_matches(['"', '\'']);
    if action.starts_with("./") {
        return None;
    }
    let (name, commit) = action.split_once('@').unwrap_or((action, ""));
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_own = name.starts_with("turbo-engine/turbo-engine/") && commit == "COMMIT";
    let is_pinned = match name.strip_prefix("docker://") {
        Some(_) => commit.strip_prefix("sha256:").is_some_and(|digest| is_hex(digest, 64)),
        None => is_own || is_hex(commit, 40),
    };
    let version = comment.strip_prefix('v').unwrap_or_default();
    let is_version = !version.is_empty()
        && version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    match (is_pinned, is_version) {
        (false, _) => Some(format!("`{used}` is not pinned by a commit")),
        (true, false) => Some(format!("`{used}` does not say which version the commit is of")),
        (true, true) => None,
    }
}

/// What is wrong with a workflow, apart from its pins.
fn workflow_faults(text: &str) -> Vec<String> {
    let document = match yaml(text) {
        Ok(document) => document,
        Err(error) => return vec![error],
    };
    let mut faults = Vec::new();
    // Its token can write, and what it checks out is a stranger's.
    let events = ["pull_request_target", "workflow_run"];
    faults.extend(
        events.iter().filter(|event| names_event(&document["on"], event)).map(|event| format!("it runs on {event}")),
    );
    let grants = document["permissions"].as_object();
    match grants {
        None => faults.push("its permissions are not a list".into()),
        Some(grants) if grants.iter().any(|(scope, level)| scope != "contents" || level != "read") => {
            faults.push("more than `contents: read` belongs to the job that needs it".into());
        }
        Some(_) => {}
    }
    for (name, job) in document["jobs"].as_object().into_iter().flatten() {
        if job["permissions"].is_string() {
            faults.push(format!("job {name}: its permissions are not a list"));
        }
        if job["secrets"] == "inherit" {
            faults.push(format!("job {name}: it hands on every secret"));
        }
        if job["uses"].is_null() && job["timeout-minutes"].is_null() {
            faults.push(format!("job {name}: it has no timeout"));
        }
        let steps = job["steps"].as_array().into_iter().flatten();
        faults.extend(steps.flat_map(step_faults).map(|fault| format!("job {name}: {fault}")));
    }
    let lines = text.lines().filter_map(used_in).count();
    if lines != count(&document, "uses") {
        faults.push("a `uses` does not have a line of its own, where its pin is looked for".into());
    }
    faults
}

fn step_faults(step: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let used = step["uses"].as_str().unwrap_or_default();
    let settings = &step["with"];
    if used.to_ascii_lowercase().starts_with("actions/checkout@")
        && settings["persist-credentials"].to_string().trim_matches('"') != "false"
    {
        faults.push("a checkout keeps its token in .git/config".into());
    }
    for script in [&step["run"], &settings["script"]].into_iter().filter_map(Value::as_str) {
        if script.contains("${{") {
            faults.push(format!("an expression becomes a script: {script}"));
        }
    }
    faults
}

fn names_event(on: &Value, event: &str) -> bool {
    match on {
        Value::String(only) => only == event,
        Value::Array(several) => several.iter().any(|one| one == event),
        Value::Object(several) => several.contains_key(event),
        _ => false,
    }
}

fn count(value: &Value, key: &str) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| count(item, key)).sum(),
        Value::Object(fields) => fields.iter().map(|(name, field)| usize::from(name == key) + count(field, key)).sum(),
        _ => 0,
    }
}

/// What the tests above find.
mod checks {
    use super::*;

    #[test]
    fn a_pin_is_a_whole_commit_and_a_version() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let digest = "ab".repeat(32);
        for right in [
            format!("a/b@{commit} # v1"),
            format!("a/b/c/d@{commit} # v1.2.3"),
            format!("\"a/b@{commit}\" # v1.2"),
            "./.github/actions/publish".into(),
            format!("docker://a.example/b@sha256:{digest} # v1"),
            "turbo-engine/turbo-engine/.github/actions/publish@COMMIT # v0.1.0".into(),
        ] {
            assert_eq!(unpinned(&right), None, "{right}");
        }
        for wrong in [
            "a/b".to_owned(),
            "a/b@v4".into(),
            "a/b@main # v4".into(),
            format!("a/b@{commit}"),
            format!("a/b@{commit} # the newest"),
            format!("a/b@{commit} # v"),
            format!("a/b@{} # v1", &commit[..12]),
            format!("a/b@{} # v1", commit.to_uppercase()),
            format!("a/b@{commit}#v1"),
            "a/b@COMMIT # v1".into(),
            "docker://a.example/b:1 # v1".into(),
            "../elsewhere".into(),
        ] {
            assert!(unpinned(&wrong).is_some(), "{wrong}");
        }
        let lines = ["- uses: a/b@v1", "  uses: a/b@v1", "-   \"uses\": a/b@v1"];
        assert!(lines.iter().all(|line| used_in(line) == Some("a/b@v1")));
        assert_eq!(used_in("  name: what it uses: nothing"), None);
    }

    #[test]
    fn a_careless_workflow_is_found() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let careful = format!(
            "on: push\npermissions:\n  contents: read\njobs:\n  a:\n    timeout-minutes: 5\n    steps:\n      \
             - uses: actions/checkout@{commit} # v1\n        with:\n          persist-credentials: false\n      \
             - run: true\n"
        );
        assert_eq!(workflow_faults(&careful), Vec::<String>::new());
        for (from, to, found) in [
            ("on: push", "on: pull_request_target", "it runs on pull_request_target"),
            ("on: push", "on: [push, pull_request_target]", "it runs on pull_request_target"),
            ("on: push", "on:\n  workflow_run:\n    workflows: [ci]", "it runs on workflow_run"),
            ("permissions:\n  contents: read\n", "", "its permissions are not a list"),
            ("permissions:\n  contents: read\n", "permissions: write-all\n", "its permissions are not a list"),
            ("contents: read", "contents: write", "belongs to the job"),
            ("    timeout-minutes: 5\n", "", "no timeout"),
            ("persist-credentials: false", "fetch-depth: 1", "keeps its token"),
            ("persist-credentials: false", "persist-credentials: true", "keeps its token"),
            ("run: true", "run: echo ${{ github.ref_name }}", "becomes a script"),
            ("run: true", "{ uses: a/b@v1 }", "a line of its own"),
            ("    steps:", "    permissions: write-all\n    steps:", "job a: its permissions"),
            ("    steps:", "    secrets: inherit\n    steps:", "every secret"),
        ] {
            let faults = workflow_faults(&careful.replace(from, to));
            assert!(faults.iter().any(|fault| fault.contains(found)), "{to}: {faults:?}");
        }
    }
}
