//! Pull requests, at a stand-in that keeps what was done to it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::delivery::{MANIFEST, check_records, deliver, publisher, pull_request, told};
use crate::rig::github::{LOGIN, TOKEN, UPSTREAM};
use crate::rig::{Answer, Engine, GitHub, Request};

const FORK: &str = "mona/winget-pkgs";
const BRANCH: &str = "Acme.Tool-1.2.0-5f0c";

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

fn is(request: &Request, method: &str, end: &str) -> bool {
    request.method == method && request.path.split('?').next().is_some_and(|path| path.ends_with(end))
}

/// A new package, for a user who has no fork yet.
#[test]
fn a_new_package_is_one_atomic_commit_on_upstreams_head() {
    let github = GitHub::start();
    let engine = publisher();
    let base = github.head(UPSTREAM, "master").expect("a head");
    let run = deliver(&engine, &github, &[]).exits(0);
    assert_eq!(run.text(), "winget: delivered: https://github.com/microsoft/winget-pkgs/pull/1\n");
    let [pull] = &github.pulls()[..] else { panic!("one pull request: {:?}", github.pulls()) };
    assert_eq!(pull.title, "New version: Acme.Tool version 1.2.0");
    assert_eq!((pull.body.as_str(), pull.head.as_str()), ("Made by turbo-engine.", "mona:Acme.Tool-1.2.0-5f0c"));
    assert_eq!(github.parents(&pull.sha), [base]);
    let files = github.files(&pull.sha);
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), ["README.md", MANIFEST]);
    assert_eq!(files[MANIFEST], engine.read("Acme.Tool.yaml"));
    let expected = [
        "POST /repos/microsoft/winget-pkgs/forks",
        "POST /repos/mona/winget-pkgs/git/trees",
        "POST /repos/mona/winget-pkgs/git/commits",
        "POST /repos/mona/winget-pkgs/git/refs",
        "POST /repos/microsoft/winget-pkgs/pulls",
    ];
    assert_eq!(github.effects(), expected);
    let commit = github.origin.requests().into_iter().find(|request| is(request, "POST", "/git/commits")).expect("one");
    let commit = body(&commit);
    assert_eq!(commit["message"], "New version: Acme.Tool version 1.2.0\n\nMade by turbo-engine.\n");
    for who in ["author", "committer"] {
        assert_eq!(commit[who]["email"], "583231+mona@users.noreply.github.com");
        assert_eq!(commit[who]["date"], "2026-11-24T00:00:00Z");
    }
    check_records(&engine, &[TOKEN]);
    assert_eq!(
        told(&engine),
        [
            "intent fork",
            "performed fork",
            "confirmed fork",
            "intent commit",
            "performed commit",
            "intent branch",
            "performed branch",
            "confirmed branch",
            "intent pull-request",
            "performed pull-request",
            "confirmed pull-request",
        ]
    );
}

/// A fork that is behind, and a binary file.
#[test]
fn a_fork_behind_upstream_is_brought_up_and_not_built_on() {
    let github = GitHub::start();
    github.fork();
    let base = github.commit(UPSTREAM, "master", ("manifests/o/other.yaml", "other\n"));
    let engine = publisher();
    engine.write("Acme.Tool.yaml", b"\xff\xfe binary");
    deliver(&engine, &github, &["--author", "Acme Bot <bot@acme.example>"]).exits(0);
    assert_eq!(github.head(FORK, "master"), Some(base.clone()));
    let pull = &github.pulls()[0];
    assert_eq!(github.parents(&pull.sha), [base]);
    assert_eq!(github.files(&pull.sha)[MANIFEST], b"\xff\xfe binary");
    let effects = github.effects();
    assert_eq!(effects[0], "POST /repos/mona/winget-pkgs/merge-upstream");
    assert!(!effects.iter().any(|effect| effect.ends_with("/forks")), "{effects:?}");
    let commits = github.origin.requests().into_iter().filter(|request| is(request, "POST", "/git/commits"));
    assert!(commits.map(|request| body(&request)).all(|commit| commit["author"]["name"] == "Acme Bot"));
}

#[test]
fn a_fork_that_went_its_own_way_is_left_alone() {
    let github = GitHub::start();
    github.fork();
    let own = github.commit(FORK, "master", ("mine", "mine\n"));
    let base = github.commit(UPSTREAM, "master", ("theirs", "theirs\n"));
    deliver(&publisher(), &github, &[]).exits(0);
    assert_eq!(github.head(FORK, "master"), Some(own));
    let pull = &github.pulls()[0];
    assert_eq!(github.parents(&pull.sha), [base]);
    assert!(!github.files(&pull.sha).contains_key("mine"), "nothing of the fork comes along");
}

#[test]
fn a_repository_with_the_forks_name_is_not_taken_for_it() {
    let github = GitHub::start();
    github.stranger(FORK);
    deliver(&publisher(), &github, &[]).exits(0);
    assert_eq!(github.head("mona/winget-pkgs-1", BRANCH), Some(github.pulls()[0].sha.clone()));
    assert_eq!(github.head(FORK, BRANCH), None);
}

#[test]
fn an_open_pull_request_of_the_same_version_is_found() {
    for title in ["New version: Acme.Tool version 1.2.0", "Update: acme.tool version 1.2.0"] {
        let github = GitHub::start();
        github.open_pull("New version: Acme.Tool version 1.2.0.1");
        github.open_pull(title);
        let engine = publisher();
        let run = deliver(&engine, &github, &[]).exits(0);
        assert_eq!(run.text(), "winget: already there: https://github.com/microsoft/winget-pkgs/pull/2\n");
        assert_eq!(github.effects(), Vec::<String>::new());
        check_records(&engine, &[TOKEN]);
    }
    // A removal is another matter.
    let github = GitHub::start();
    github.open_pull("Remove version: Acme.Tool version 1.2.0");
    deliver(&publisher(), &github, &[]).exits(0);
    assert_eq!(github.pulls().len(), 2);
}

#[test]
fn what_was_delivered_is_delivered_once_whoever_asks() {
    let github = GitHub::start();
    let engine = publisher();
    deliver(&engine, &github, &[]).exits(0);
    let effects = github.effects();
    // The same machine, and another that knows nothing of it.
    for engine in [&engine, &publisher()] {
        let run = deliver(engine, &github, &[]).exits(0);
        assert_eq!(run.text(), "winget: already there: https://github.com/microsoft/winget-pkgs/pull/1\n");
    }
    assert_eq!(github.effects(), effects);
    // And when it has been merged meanwhile.
    let github = GitHub::start();
    github.commit(UPSTREAM, "master", (MANIFEST, "PackageIdentifier: Acme.Tool\r\nPackageVersion: 1.2.0\r\n"));
    let run = deliver(&publisher(), &github, &[]).exits(0);
    assert!(run.text().starts_with("winget: already there: microsoft/winget-pkgs "), "{}", run.text());
    assert_eq!(github.effects(), Vec::<String>::new());
}

#[test]
fn a_branch_with_something_else_is_not_overwritten() {
    let github = GitHub::start();
    github.fork();
    let engine = publisher();
    // A branch of that name, made by hand.
    let mut other = pull_request();
    other["delivery"]["title"] = "Another".into();
    other["delivery"]["writes"] = serde_json::json!([]);
    other["delivery"]["deletes"] = serde_json::json!(["README.md"]);
    engine.write("delivery.json", other.to_string());
    let refused = |request: &Request| is(request, "POST", "/pulls").then(|| Answer::status(422));
    github.bend(refused);
    deliver(&engine, &github, &[]).fails(5);
    github.straighten();
    let standing = github.head(FORK, BRANCH).expect("a branch");
    let run = deliver(&publisher(), &github, &[]).fails(5);
    assert!(run.stderr.contains("is something else than what is delivered"), "{}", run.stderr);
    assert_eq!(github.head(FORK, BRANCH), Some(standing));
}

#[test]
fn refusals_are_explained() {
    for (status, fields, code, words) in [
        (401, &[][..], 5, &["does not accept the credential", "expired"][..]),
        (
            403,
            &[("X-Accepted-GitHub-Permissions", "contents=write,workflows=write")],
            5,
            &["contents=write", "fine-grained"],
        ),
        (403, &[("X-Accepted-OAuth-Scopes", "repo")], 5, &["does not allow it", "repo"]),
        (403, &[], 5, &["not made for this repository"]),
        (404, &[], 5, &["does not show it to this credential"]),
        (422, &[], 5, &["refuses", "told you so"]),
        (500, &[], 5, &["500"]),
        (301, &[("Location", "https://evil.example/")], 5, &["redirect"]),
    ] {
        let github = GitHub::start();
        github.bend(move |request| {
            let text = format!("{{\"message\": \"told you so, {}\"}}", request.header("Authorization").unwrap_or(""));
            let answer = Answer::whole(status, text.into_bytes().into());
            let answer = fields.iter().fold(answer, |answer, (name, value)| answer.header(name, *value));
            is(request, "POST", "/git/refs").then_some(answer)
        });
        let engine = publisher();
        let run = deliver(&engine, &github, &["-vv", "--retry", "0"]).fails(code);
        words.iter().for_each(|word| assert!(run.stderr.contains(word), "{status}: no `{word}` in {}", run.stderr));
        assert!(!run.stderr.contains(TOKEN) && !run.text().contains(TOKEN), "{}", run.stderr);
        check_records(&engine, &[TOKEN]);
        assert!(github.pulls().is_empty());
        // Put right, the same command ends it.
        github.straighten();
        deliver(&engine, &github, &[]).fails(2).says("--resume");
        deliver(&engine, &github, &["--resume"]).exits(0);
        assert_eq!(github.pulls().len(), 1, "{status}");
    }
}

/// As GitHub refuses when a pull request exists that it did not show.
#[test]
fn a_422_is_never_a_success() {
    let github = GitHub::start();
    github.bend(|request| {
        is(request, "POST", "/pulls").then(|| {
            let text =
                r#"{"message": "Validation Failed", "errors": [{"code": "custom", "message": "No commits between"}]}"#;
            Answer::whole(422, text.as_bytes().to_vec().into())
        })
    });
    let engine = publisher();
    deliver(&engine, &github, &[]).fails(5).says("No commits between (422)");
    let status = engine.run(["publish", "status", "state.json"]).exits(3).text();
    assert!(status.contains("pull-request   tried, outcome unknown"), "{status}");
    assert!(told(&engine).contains(&"failed pull-request".to_owned()));
}

#[test]
fn a_limit_is_waited_for_when_it_is_short() {
    let github = GitHub::start();
    let refused = AtomicUsize::new(0);
    github.bend(move |request| {
        let first = is(request, "POST", "/pulls") && refused.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| Answer::status(403).header("Retry-After", "1"))
    });
    let run = deliver(&publisher(), &github, &[]).exits(0);
    assert!(run.took.as_secs_f64() >= 1.0, "{:?}", run.took);
    assert_eq!(github.pulls().len(), 1);
    // An hour is for the user to decide about.
    let github = GitHub::start();
    github.bend(|request| is(request, "POST", "/pulls").then(|| Answer::status(429).header("Retry-After", "3000")));
    deliver(&publisher(), &github, &[]).fails(5).says("wait for 3000 s").says("--resume");
}

/// The answer is lost, the effect is not.
#[test]
fn a_lost_answer_is_looked_for_and_not_repeated() {
    for end in ["/forks", "/git/trees", "/git/commits", "/git/refs", "/pulls"] {
        let github = GitHub::start();
        let (honest, lost) = (github.doer(), AtomicUsize::new(0));
        github.bend(move |request| {
            let first = is(request, "POST", end) && lost.fetch_add(1, Ordering::SeqCst) == 0;
            first.then(|| {
                honest(request);
                Answer::status(502)
            })
        });
        let engine = publisher();
        let run = deliver(&engine, &github, &[]).exits(0);
        assert!(run.text().starts_with("winget: delivered: "), "{end}: {}", run.text());
        assert_eq!((github.pulls().len(), github.commits()), (1, 2), "{end}");
        let refs = github.effects().iter().filter(|effect| effect.ends_with("/git/refs")).count();
        assert_eq!(refs, 1, "{end}");
        check_records(&engine, &[TOKEN]);
    }
}

/// Whether it is in, and what its labels and checks say meanwhile.
#[test]
fn what_became_of_a_pull_request_is_asked() {
    for (state, merged, code, word) in
        [("open", false, 0, "open"), ("closed", true, 0, "merged"), ("closed", false, 3, "closed, not merged")]
    {
        let github = GitHub::start();
        let engine = publisher();
        deliver(&engine, &github, &[]).exits(0);
        github.bend(move |request| {
            let pull = serde_json::json!({
                "number": 1, "state": state, "merged": merged, "updated_at": "2026-11-25T10:00:00Z",
                "labels": [{"name": "Needs-Author-Feedback"}], "head": {"sha": "ab"},
            });
            let checks = serde_json::json!({"total_count": 1, "check_runs": [
                {"name": "Validation", "status": "completed", "conclusion": "failure"},
                {"name": "Scan", "status": "queued", "conclusion": null},
            ]});
            let answer = |value: Value| Answer::text(value.to_string());
            (is(request, "GET", "/pulls/1").then(|| answer(pull)))
                .or_else(|| is(request, "GET", "/commits/ab/check-runs").then(|| answer(checks)))
        });
        let api = github.origin.url("");
        let online = ["publish", "status", "state.json", "--api", &api, "--credential", "env:GITHUB_TOKEN"];
        let text = engine.run(online).exits(code).text();
        for line in [
            &format!("  now            {word}, since 2026-11-25T10:00:00Z"),
            "  label          Needs-Author-Feedback",
            "  check          Validation: failure",
            "  check          Scan: queued",
        ] {
            assert!(text.lines().any(|shown| shown == line), "no `{line}` in\n{text}");
        }
        let event = engine.run([&online[..], &["--json"]].concat()).exits(code).events().remove(0);
        assert_eq!(event["pull-request"]["labels"][0], "Needs-Author-Feedback");
    }
}

#[test]
fn a_dry_run_shows_all_and_changes_nothing() {
    let github = GitHub::start();
    let mut delivery = pull_request();
    delivery["delivery"]["deletes"] = serde_json::json!(["README.md"]);
    let engine = publisher();
    engine.write("delivery.json", delivery.to_string());
    let text = deliver(&engine, &github, &["--dry-run"]).exits(0).text();
    for line in [
        "pull request to microsoft/winget-pkgs, branch master",
        "  POST /repos/microsoft/winget-pkgs/forks",
        "  POST /repos/mona/winget-pkgs/git/refs refs/heads/Acme.Tool-1.2.0-5f0c",
        "  POST /repos/microsoft/winget-pkgs/pulls from mona:Acme.Tool-1.2.0-5f0c",
        "    New version: Acme.Tool version 1.2.0",
        "+++ b/manifests/a/Acme/Tool/1.2.0/Acme.Tool.yaml",
        "+PackageVersion: 1.2.0",
        "--- a/README.md",
        "-# winget-pkgs",
    ] {
        assert!(text.lines().any(|shown| shown == line), "no `{line}` in\n{text}");
    }
    assert!(github.origin.requests().iter().all(|request| request.method == "GET"));
    assert_eq!(engine.listing(), ["Acme.Tool.yaml", "delivery.json"], "a dry run leaves nothing");
}

#[test]
fn a_token_is_not_sent_in_the_clear_or_to_a_strange_repository() {
    let engine = publisher();
    let to = |api: &str| engine.run(super::delivery::arguments(&["--api", api, "--credential", "env:GITHUB_TOKEN"]));
    to("http://api.github.example/").fails(2).says("not encrypted");
    to("ftp://api.github.example/").fails(2);
    let github = GitHub::start();
    for (name, value) in [("repository", "a/b/c"), ("repository", "../x"), ("base", "a b"), ("branch", "-x")] {
        let mut delivery = pull_request();
        delivery["delivery"][name] = value.into();
        engine.write("delivery.json", delivery.to_string());
        deliver(&engine, &github, &[]).fails(2);
    }
    assert!(github.origin.requests().is_empty());
}

/// What a server says is held against what was asked.
#[test]
fn a_server_that_contradicts_itself_is_not_believed() {
    for (end, method, text) in [
        ("/user", "GET", r#"{"login": "../x", "id": 1}"#),
        ("/user", "GET", "[]"),
        ("/git/commits", "POST", r#"{"sha": "00", "tree": {"sha": "00"}, "parents": []}"#),
        ("/git/refs", "POST", r#"{"ref": "refs/heads/x", "object": {"sha": "00"}}"#),
        ("/pulls", "POST", r#"{"number": 1, "html_url": "javascript:1", "state": "open", "head": {"sha": "00"}}"#),
        ("/pulls/1", "GET", r#"{"number": 1, "html_url": "https://x/", "state": "closed", "head": {"sha": "00"}}"#),
    ] {
        let github = GitHub::start();
        github
            .bend(move |request| is(request, method, end).then(|| Answer::whole(200, text.as_bytes().to_vec().into())));
        deliver(&publisher(), &github, &[]).fails(5).says("cannot be trusted");
    }
    let github = GitHub::start();
    github.bend(|request| is(request, "GET", "/user").then(|| Answer::text("x".repeat(1 << 20)).endless()));
    deliver(&publisher(), &github, &[]).fails(5).says("bytes expected");
}

#[test]
fn the_owner_needs_no_fork() {
    let github = GitHub::start();
    let engine: Engine = publisher();
    deliver(&engine, &github, &["--fork", "microsoft"]).exits(0);
    assert_eq!(github.head(UPSTREAM, BRANCH), Some(github.pulls()[0].sha.clone()));
    assert!(!github.effects().iter().any(|effect| effect.ends_with("/forks") || effect.ends_with("/merge-upstream")));
    assert!(github.origin.requests().iter().all(|request| !request.path.contains(LOGIN) || request.path == "/user"));
}
