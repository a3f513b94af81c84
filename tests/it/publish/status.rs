//! What became of deliveries, by the records of orders that the tests write
//! themselves, at a stand-in for GitHub and at feeds.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use turbo_engine::model::delivery::Delivery;
use turbo_engine::publish::state::Scope;

use crate::rig::github::{TOKEN, UPSTREAM};
use crate::rig::{Answer, Engine, GitHub, Origin, Request, fixture, secret, sha256};

const FOLDER: &str = ".turbo-publish";
const PULL: &str = "https://github.com/microsoft/winget-pkgs/pull/1";
/// A webhook's path, which nobody else may see.
const HOOK: &str = "/services/T0000/s3cr3tHook";

/// What stands in the records of one channel.
struct Kept<'a> {
    release: &'a str,
    channel: &'a str,
    component: &'a str,
    target: Value,
    delivery: Value,
    /// None where it has not been delivered.
    reference: Option<&'a str>,
}

impl Kept<'_> {
    /// A pull request for winget, by the built-in generator.
    fn pull(api: &str) -> Self {
        let delivery = json!({
            "kind": "git-change", "repository": UPSTREAM, "base": "master", "branch": "tool-1.2.0", "title": "t",
            "body": "", "writes": [{"path": "a", "text": "b"}], "deletes": [], "route": "pull-request",
        });
        let target = json!({"repository": UPSTREAM, "api": api, "credential": "env:GITHUB_TOKEN"});
        let (release, channel, component) = ("tool 1.2.0", "winget", "winget");
        Self { release, channel, component, target, delivery, reference: Some(PULL) }
    }

    /// A package for a feed, by the built-in generator of Chocolatey.
    fn package(endpoint: &str, version: &'static str) -> Self {
        let nuspec = format!("<package><metadata><id>tool</id><version>{version}</version></metadata></package>");
        let delivery = json!({"kind": "nupkg", "nuspec": nuspec, "files": [], "endpoint": endpoint});
        let target = json!({"endpoint": endpoint, "credential": "env:UNSET_KEY"});
        let (release, channel, component) = ("tool 1.2.0", "chocolatey", "chocolatey");
        Self { release, channel, component, target, delivery, reference: Some("tool") }
    }

    fn folder(&self) -> String {
        format!("{FOLDER}/{}/{}", self.release.replace(' ', "-"), self.channel)
    }

    /// Writes the order, and its state as `publish` leaves it.
    fn write(&self, engine: &Engine) {
        let folder = self.folder();
        fs::create_dir_all(engine.path(&folder)).expect("scratch is writable");
        let id = if is_file(self.component) { "asks-anything" } else { self.component };
        let digest = fs::read(built(self.component)).map_or_else(|_| "0".repeat(64), |bytes| sha256(&bytes));
        let generator = json!({"id": id, "version": "0.1.0", "summary": "", "manager": id, "sha256": digest});
        let order = json!({
            "v": 1, "release": self.release, "date": "2026-11-24", "channel": self.channel.trim_end_matches(".staging"),
            "question": "", "component": self.component, "generator": generator, "target": self.target,
            "deliveries": [self.delivery],
        });
        engine.write(&format!("{folder}/order.json"), order.to_string());
        let delivery: Delivery = serde_json::from_value(self.delivery.clone()).expect("a delivery");
        let scope = Scope::of(self.release, self.channel.trim_end_matches(".staging"), &delivery);
        let submission = self.reference.map(|reference| json!({"reference": reference, "state": "delivered"}));
        let state = json!({"v": 1, "scope": scope, "effects": [], "submission": submission});
        engine.write(&format!("{folder}/1.state.json"), state.to_string());
    }

    fn outcome(&self, engine: &Engine) -> Value {
        serde_json::from_slice(&engine.read(&format!("{}/1.outcome.json", self.folder()))).expect("JSON")
    }
}

fn is_file(component: &str) -> bool {
    Path::new(component).extension().is_some()
}

fn built(component: &str) -> String {
    if is_file(component) {
        component.to_owned()
    } else {
        format!("{}/../components/dist/{component}.wasm", env!("CARGO_MANIFEST_DIR"))
    }
}

/// A user whose token the stand-in takes.
fn user() -> Engine {
    Engine::new().variable("GITHUB_TOKEN", TOKEN)
}

fn status(engine: &Engine, more: &[&str]) -> crate::rig::Run {
    let fixed = ["publish", "status", "--connect-timeout", "5", "--stall-timeout", "5"];
    let run = engine.run([&fixed[..], more].concat());
    for secret in [TOKEN, "s3cr3t"] {
        assert!(!run.text().contains(secret) && !run.stderr.contains(secret), "{}{}", run.text(), run.stderr);
    }
    run
}

/// The only event of a kind.
#[track_caller]
fn event(engine: &Engine, kind: &str, code: i32, more: &[&str]) -> Value {
    let events = status(engine, &[&["--json"], more].concat()).exits(code).events();
    let mut found = events.into_iter().filter(|event| event["event"] == kind);
    let event = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    event
}

/// A stand-in with one open pull request.
fn reviewed() -> GitHub {
    let github = GitHub::start();
    github.open_pull("New version: tool version 1.2.0");
    github
}

/// Asks about the first pull request of a stand-in.
pub fn follow(github: &GitHub) {
    let engine = user();
    Kept::pull(&github.origin.url("")).write(&engine);
    assert_eq!(event(&engine, "status", 0, &[])["outcome"]["state"], "pending");
}

#[test]
fn a_pull_request_is_followed_to_its_end() {
    let (github, engine) = (reviewed(), user());
    let kept = Kept::pull(&github.origin.url(""));
    kept.write(&engine);
    let first = event(&engine, "status", 0, &[]);
    assert_eq!(first["outcome"], json!({"state": "pending"}));
    assert_eq!((&first["reference"], &first["state"]), (&json!(PULL), &json!("delivered")));
    let rate = event(&engine, "rate", 0, &[]);
    assert_eq!((&rate["delivered"], &rate["pending"], &rate["rate"]), (&json!(1), &json!(1), &Value::Null));

    github.review(1, |pull| {
        pull.checks = vec![("Scan".into(), None), ("Validation".into(), Some("failure".into()))];
    });
    let failed = event(&engine, "status", 3, &[]);
    assert_eq!(failed["outcome"], json!({"state": "needs-action", "text": "checks failed: Validation"}));
    github.review(1, |pull| pull.labels = vec!["Needs-Author-Feedback".into()]);
    let text = status(&engine, &[]).exits(3).text();
    assert!(text.contains("tool 1.2.0  winget: needs action since 20"), "{text}");
    assert!(text.contains("a moderator waits for an answer"), "{text}");

    github.review(1, |pull| pull.open = false);
    let closed = event(&engine, "status", 3, &[]);
    assert_eq!(closed["outcome"]["state"], "failed");
    assert_eq!(event(&engine, "rate", 3, &[])["rate"], 0.0);

    // Somebody opens it again, and it is merged.
    github.review(1, |pull| pull.merged = true);
    assert_eq!(event(&engine, "status", 0, &[])["outcome"], json!({"state": "succeeded"}));
    let asked = github.origin.requests().len();
    let text = status(&engine, &[]).exits(0).text();
    let table = [
        "channel  delivered  succeeded  failed  pending  rate",
        "winget           1          1       0        0  100%",
    ];
    for line in table {
        assert!(text.lines().any(|shown| shown == line), "no `{line}` in\n{text}");
    }
    assert_eq!(github.origin.requests().len(), asked, "what is published is asked about no more");
    let own = |request: &Request| request.path.starts_with("/repos/microsoft/winget-pkgs/");
    assert!(github.origin.requests().iter().all(own));
    assert_eq!(kept.outcome(&engine)["outcome"], json!({"state": "succeeded"}));
}

/// The feed answers as the gallery does while a package is moderated.
#[test]
fn a_package_is_followed_through_its_moderation() {
    for (fields, code, state) in [
        ("<d:PackageStatus>Submitted</d:PackageStatus>", 0, "pending"),
        ("<d:PackageStatus>Approved</d:PackageStatus>", 0, "succeeded"),
        ("<d:PackageStatus>Rejected</d:PackageStatus>", 3, "failed"),
        (
            "<d:PackageStatus>Submitted</d:PackageStatus><d:PackageTestResultStatus>Failing</d:PackageTestResultStatus>",
            3,
            "needs-action",
        ),
    ] {
        let feed = Origin::start(move |_| {
            let entry = format!("<entry><m:properties><d:Version>1.2.0</d:Version>{fields}</m:properties></entry>");
            Answer::text(entry)
        });
        let engine = user();
        Kept::package(&feed.url("/"), "1.2.0").write(&engine);
        // The key of the feed is not needed, so that it need not be there.
        assert_eq!(event(&engine, "status", code, &[])["outcome"]["state"], state);
        let [request] = &feed.requests()[..] else { panic!("one request: {:?}", feed.requests()) };
        assert_eq!(request.path, "/api/v2/Packages(Id='tool',Version='1.2.0')");
        assert!(request.header("Authorization").is_none() && request.header("X-NuGet-ApiKey").is_none());
    }
}

#[test]
fn a_silence_is_told_of_and_a_server_that_fails_does_not_end_it() {
    let (github, engine) = (reviewed(), user());
    let kept = Kept::pull(&github.origin.url(""));
    kept.write(&engine);
    status(&engine, &[]).exits(0);
    let mut outcome = kept.outcome(&engine);
    outcome["since"] = json!("2026-01-01T00:00:00Z");
    engine.write(&format!("{}/1.outcome.json", kept.folder()), outcome.to_string());
    github.bend(|_| Some(Answer::status(502)));
    let told = event(&engine, "status", 3, &[]);
    assert_eq!(told["outcome"]["state"], "retryable");
    github.straighten();
    let alert = event(&engine, "alert", 3, &[]);
    assert_eq!((&alert["reason"], &alert["since"]), (&json!("silent"), &json!("2026-01-01T00:00:00Z")));
    assert_eq!(alert["detail"], "nothing has changed for 7 days or longer");
    status(&engine, &["--silence-days", "3650"]).exits(0);
    status(&engine, &["--silence-days", "0"]).exits(2);
    // The state of a delivery of the past says when that was.
    let path = format!("{}/1.state.json", kept.folder());
    let mut state: Value = serde_json::from_slice(&engine.read(&path)).expect("JSON");
    state["delivered"] = json!("2026-02-02T00:00:00Z");
    engine.write(&path, state.to_string());
    fs::remove_file(engine.path(&format!("{}/1.outcome.json", kept.folder()))).expect("it is there");
    assert_eq!(event(&engine, "status", 3, &[])["since"], "2026-02-02T00:00:00Z");
}

/// Once a change, however often it is asked; again when it did not arrive.
#[test]
fn a_webhook_hears_of_every_change_once() {
    let (github, hook) = (reviewed(), Origin::start(|_| Answer::text("ok")));
    let engine = user().variable("HOOK", hook.url(HOOK));
    Kept::pull(&github.origin.url("")).write(&engine);
    let run = |code| event(&engine, "status", code, &["--webhook", "env:HOOK"]);
    run(0);
    assert_eq!(hook.requests().len(), 0, "nothing to tell");
    github.review(1, |pull| pull.labels = vec!["Needs-Author-Feedback".into()]);
    run(3);
    run(3);
    let [posted] = &hook.requests()[..] else { panic!("one alert: {:?}", hook.requests()) };
    assert_eq!((posted.method.as_str(), posted.path.as_str()), ("POST", HOOK));
    let body: Value = serde_json::from_slice(&posted.body).expect("JSON");
    assert_eq!((&body["v"], &body["event"], &body["reason"]), (&json!(1), &json!("alert"), &json!("needs-action")));
    assert_eq!((&body["release"], &body["channel"]), (&json!("tool 1.2.0"), &json!("winget")));
    let text = body["text"].as_str().expect("a text");
    assert!(text.starts_with("tool 1.2.0 on winget: needs action: ") && text.ends_with(PULL), "{text}");
    // What passes is no change; what returns is one.
    github.bend(|_| Some(Answer::status(503)));
    run(3);
    assert_eq!(hook.requests().len(), 1);
    github.straighten();
    github.review(1, |pull| pull.labels.clear());
    run(0);
    github.review(1, |pull| pull.labels = vec!["Needs-Author-Feedback".into()]);
    run(3);
    assert_eq!(hook.requests().len(), 2);
}

#[test]
fn an_alert_that_does_not_arrive_is_sent_again() {
    let github = reviewed();
    github.review(1, |pull| pull.open = false);
    let hook = Origin::start(|request| Answer::status(if request.nth == 0 { 302 } else { 204 }));
    let login = format!("https://me:{}@chat.example/", secret!("of-the-chat"));
    let engine = user().variable("HOOK", hook.url(HOOK)).variable("WITH_LOGIN", login);
    Kept::pull(&github.origin.url("")).write(&engine);
    let run = status(&engine, &["-vv", "--webhook", "env:HOOK"]).exits(1);
    assert!(run.stderr.contains("127.0.0.1 does not take the alert (302)"), "{}", run.stderr);
    status(&engine, &["-vv", "--webhook", "env:HOOK"]).exits(3);
    status(&engine, &["--webhook", "env:HOOK"]).exits(3);
    assert_eq!(hook.requests().len(), 2);
    for name in fs::read_dir(engine.path(&format!("{FOLDER}/tool-1.2.0/winget"))).expect("a folder") {
        let text = fs::read_to_string(name.expect("an entry").path()).expect("text");
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    // Neither in the clear, nor from nowhere.
    for source in ["http://chat.example/hook", "env:WITH_LOGIN", "env:MISSING", "nonsense"] {
        status(&engine, &["--webhook", source]).fails(2);
    }
}

#[test]
fn what_was_not_delivered_to_its_end_is_told() {
    let engine = user();
    let kept = Kept { reference: None, ..Kept::pull("http://127.0.0.1:9") };
    kept.write(&engine);
    let alert = event(&engine, "alert", 3, &[]);
    assert_eq!((&alert["reason"], &alert["reference"]), (&json!("unfinished"), &Value::Null));
    fs::remove_file(engine.path(&format!("{}/1.state.json", kept.folder()))).expect("it is there");
    assert_eq!(event(&engine, "status", 3, &[])["outcome"]["state"], "unfinished");
    assert_eq!(event(&engine, "rate", 3, &[])["delivered"], 0);
}

/// What a hostile generator names: none of it is asked, and the token goes to
/// nothing but the repository of the delivery.
#[test]
fn a_generator_reaches_nothing_but_the_destination() {
    let github = reviewed();
    let metadata = Origin::start(|_| Answer::text("of the cloud"));
    let many = ["https://api.github.com/repos/microsoft/winget-pkgs/pulls/1"; 100].join(" ");
    let component = fixture("asks-anything");
    for (reference, why) in [
        ("https://evil.example/collect", "which is not where the delivery went"),
        ("https://169.254.169.254/latest/meta-data/", "which is not where the delivery went"),
        ("http://169.254.169.254/latest/meta-data/", "which is no https URL, or has a port"),
        ("file:///etc/passwd", "which is no https URL"),
        (&metadata.url("/"), "which is no https URL, or has a port that nobody configured"),
        ("https://me:pass@api.github.com/", "which carries a login"),
        ("https://api.github.com/user", "which is not about the repository of the delivery"),
        ("https://api.github.com/repos/microsoft/winget-pkgs/../../me/private/contents/key", "which is not about"),
        (&many, "100 URLs, and 8 are the most"),
    ] {
        let engine = user();
        let kept = Kept { component: &component, reference: Some(reference), ..Kept::pull(&github.origin.url("")) };
        kept.write(&engine);
        let run = engine.run(["publish", "status", "--json"]).exits(3);
        let told = run.events().remove(0);
        assert_eq!(told["outcome"]["state"], "unknown", "{reference}: {told}");
        assert!(told["outcome"]["text"].as_str().is_some_and(|text| text.contains(why)), "{reference}: {told}");
    }
    assert_eq!((github.origin.requests().len(), metadata.requests().len()), (0, 0));
    // What it repeats is short, tame, and without the token.
    let engine = user();
    let about = "https://api.github.com/repos/microsoft/winget-pkgs/pulls/1";
    let kept = Kept { component: &component, reference: Some(about), ..Kept::pull(&github.origin.url("")) };
    kept.write(&engine);
    github.bend(|request| {
        let header = request.header("Authorization").unwrap_or_default().to_owned();
        Some(Answer::text(format!("\u{1b}[2J {header} {}", "x".repeat(10_000))))
    });
    let text = status(&engine, &[]).exits(3).text();
    assert!(text.contains("[2J Bearer [redacted] x") && text.len() < 1000, "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    github.bend(|_| Some(Answer::text("x".repeat(64 << 10)).endless()));
    assert!(status(&engine, &[]).exits(3).text().contains(": 0\n"), "an answer without an end is none");
    // One that fails costs its own order alone.
    let broken =
        Kept { component: &component, reference: Some("panic"), channel: "broken", ..Kept::pull("http://[::1]:9") };
    broken.write(&engine);
    let text = status(&engine, &["--only", "broken"]).exits(3).text();
    assert!(text.contains("tool 1.2.0  broken: not known since") && text.contains("its generator failed"), "{text}");
}

/// Without its generator, GitHub itself tells whether a pull request is merged;
/// of anything else it is known that it was delivered.
#[test]
fn a_generator_that_is_gone_or_new_is_told() {
    let (github, engine) = (reviewed(), user());
    let kept = Kept { component: "gone.wasm", ..Kept::pull(&github.origin.url("")) };
    kept.write(&engine);
    let told = event(&engine, "status", 0, &[]);
    assert_eq!(told["outcome"], json!({"state": "pending"}));
    assert!(told["notes"][0].as_str().is_some_and(|note| note.contains("gone.wasm")), "{told}");
    github.review(1, |pull| (pull.open, pull.merged) = (false, true));
    assert_eq!(event(&engine, "status", 0, &[])["outcome"], json!({"state": "succeeded"}));
    Kept { component: "gone.wasm", ..Kept::package("http://127.0.0.1:9/", "1") }.write(&engine);
    assert_eq!(event(&engine, "status", 3, &["--only", "chocolatey"])["outcome"]["state"], "unknown");
    // A push is over when it has arrived.
    let mut push = Kept::pull("http://127.0.0.1:9");
    (push.channel, push.component, push.reference) = ("bucket", "scoop", Some("acme/bucket main 0123456789"));
    push.delivery["route"] = json!("push");
    push.write(&engine);
    assert_eq!(event(&engine, "status", 0, &["--only", "bucket"])["outcome"], json!({"state": "succeeded"}));

    let path = format!("{}/order.json", push.folder());
    let order = String::from_utf8(engine.read(&path)).expect("text");
    let sha256 = serde_json::from_str::<Value>(&order).expect("JSON")["generator"]["sha256"].clone();
    engine.write(&path, order.replace(sha256.as_str().expect("a digest"), &"0".repeat(64)));
    fs::remove_file(engine.path(&format!("{}/1.outcome.json", push.folder()))).expect("it is there");
    let told = event(&engine, "status", 0, &["--only", "bucket"]);
    assert_eq!(told["notes"], json!(["another build of scoop reads the answers: 0.1.0 now, 0.1.0 then"]));
}

#[test]
fn releases_and_channels_are_chosen_and_a_damaged_order_stops_none() {
    let engine = user();
    status(&engine, &[]).fails(2).says("there are no records in .turbo-publish");
    let mut push = Kept::pull("http://127.0.0.1:9");
    (push.component, push.reference) = ("scoop", Some("acme/bucket main 0123456789"));
    push.delivery["route"] = json!("push");
    for (release, channel) in [("tool 1.0", "scoop"), ("tool 1.1", "scoop"), ("tool 1.1", "scoop.staging")] {
        (push.release, push.channel) = (release, channel);
        push.write(&engine);
    }
    let count = |more: &[&str]| {
        let events = status(&engine, &[&["--json"], more].concat()).exits(0).events();
        events.iter().filter(|event| event["event"] == "status").count()
    };
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["--release", "tool-1.1"]), 2);
    assert_eq!(count(&["--release", "tool 1.1", "--only", "scoop.staging"]), 1);
    assert_eq!(count(&["--only", "scoop", "--records", "./.turbo-publish"]), 3);
    let text = status(&engine, &[]).exits(0).text();
    assert!(text.contains("scoop                  2          2       0        0  100%"), "trials count apart:\n{text}");
    engine.write(&format!("{FOLDER}/tool-1.0/scoop/order.json"), "{");
    let run = status(&engine, &[]).exits(3).says("cannot be understood");
    assert_eq!(run.text().matches("succeeded since").count(), 2, "{}", run.text());
    let run = status(&engine, &["--only", "winget"]).exits(3);
    assert_eq!(run.text(), "");
}

/// A token is sent encrypted alone, and its place has to have it.
#[test]
fn a_token_that_cannot_be_sent_is_said_to_be_so() {
    let engine = user();
    let mut kept = Kept::pull("http://git.example/api/v3");
    kept.write(&engine);
    let text = status(&engine, &[]).exits(3).text();
    assert!(text.contains("the connection is not encrypted"), "{text}");
    kept.target["credential"] = json!("env:NOT_SET");
    kept.write(&engine);
    let text = status(&engine, &[]).exits(3).text();
    assert!(text.contains("the variable NOT_SET is not set"), "{text}");
}
