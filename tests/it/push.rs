//! Pushes to feeds that answer as the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;

use crate::nupkg::source;
use crate::rig::{Answer, Engine, Origin, Request, Run, secret};

const KEY: &str = secret!("5d41402a-bc4b-2a76");
const PACKAGE: &str = "turbo-tool.1.2.3.nupkg";
const ENTRY: &str = "/api/v2/Packages(Id='turbo-tool',Version='1.2.3')";

fn publisher() -> Engine {
    let engine = Engine::new().variable("TURBO_ENGINE_NUGET_KEY", KEY);
    source(&engine);
    engine.run(["publish", "pack", "pkg"]).exits(0);
    engine
}

/// With all there is to be told, which must not be the key.
fn push(engine: &Engine, feed: &str) -> Run {
    let fixed = ["publish", "push", PACKAGE, "-vvv", "--stall-timeout", "5", "--retry", "2", "--source", feed];
    let run = engine.run(fixed);
    assert!(!run.stderr.contains(KEY) && !run.text().contains(KEY), "{}{}", run.text(), run.stderr);
    run
}

fn entry(package: &[u8]) -> String {
    let hash = STANDARD.encode(sha2::Sha512::digest(package));
    format!(
        "<entry xmlns:d=\"d\"><d:PackageHash>{hash}</d:PackageHash>\
         <d:PackageHashAlgorithm>SHA512</d:PackageHashAlgorithm></entry>"
    )
}

fn puts(origin: &Origin) -> Vec<Request> {
    origin.requests().into_iter().filter(|request| request.method == "PUT").collect()
}

#[test]
fn a_push_is_what_the_real_client_sends() {
    let origin = Origin::start(|request| Answer::status(if request.method == "PUT" { 201 } else { 404 }));
    let engine = publisher();
    push(&engine, &origin.url("")).exits(0);
    let requests = origin.requests();
    let asked: Vec<_> = requests.iter().map(|request| (request.method.as_str(), request.path.as_str())).collect();
    assert_eq!(asked, [("GET", "/"), ("GET", ENTRY), ("PUT", "/api/v2/package/")]);
    assert!(requests[..2].iter().all(|request| !request.mentions(KEY)), "the key is for the push alone");
    let put = &requests[2];
    assert_eq!(put.header("X-NuGet-ApiKey"), Some(KEY));
    let boundary = put.header("Content-Type").and_then(|value| value.strip_prefix("multipart/form-data; boundary="));
    let boundary = boundary.expect("a form").trim_matches('"').to_owned();
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"package\"; filename=\"package\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    assert_eq!(put.body, [head.as_bytes(), &engine.read(PACKAGE), tail.as_bytes()].concat());
}

#[test]
fn a_redirect_is_followed_within_the_origin_alone() {
    let origin = Origin::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => Answer::redirect("/feed/package/"),
        ("PUT", _) => Answer::status(201),
        _ => Answer::status(404),
    });
    let engine = publisher();
    push(&engine, &origin.url("")).exits(0);
    assert_eq!(puts(&origin)[0].path, "/feed/package/");
    assert_eq!(origin.requests_for("/feed/Packages(Id='turbo-tool',Version='1.2.3')").len(), 1);

    let thief = Origin::start(|_| Answer::status(201));
    let elsewhere = thief.url("/").replace("127.0.0.1", "localhost");
    let origin = Origin::start(move |_| Answer::redirect(elsewhere.as_str()));
    push(&engine, &origin.url("")).fails(5).says("which the key was not given for");
    assert!(thief.requests().is_empty() && puts(&origin).is_empty());
    // Neither does an answer to the push itself lead anywhere.
    let elsewhere = thief.url("/").replace("127.0.0.1", "localhost");
    let origin = Origin::start(move |request| match request.method.as_str() {
        "PUT" => Answer::status(307).header("Location", elsewhere.as_str()),
        _ => Answer::status(404),
    });
    push(&engine, &origin.url("")).fails(5).says("307");
    assert!(thief.requests().is_empty());
}

#[test]
fn each_refusal_is_explained() {
    let engine = publisher();
    for (status, there, what) in [
        (400, false, "does not accept turbo-tool 1.2.3 (400)"),
        (400, true, "has turbo-tool 1.2.3 already, with bytes that the feed does not tell (400)"),
        (403, false, "does not let this key push turbo-tool 1.2.3 (403)"),
        (409, true, "has turbo-tool 1.2.3 already"),
        (409, false, "does not accept turbo-tool 1.2.3 (409)"),
        (413, false, "bytes are too many"),
        (405, false, "takes no packages at this address (405)"),
        (500, false, "answered 500"),
    ] {
        let origin = Origin::start(move |request| match request.method.as_str() {
            // A server may repeat what it was sent.
            "PUT" => Answer::whole(status, format!("no good: {KEY}").into_bytes().into()),
            _ if there => Answer::text("<entry><PackageHash></PackageHash></entry>"),
            _ => Answer::status(404),
        });
        let run = push(&engine, &origin.url("")).fails(5).says(what);
        assert!(status == 405 || run.stderr.contains("no good: [redacted]"), "{}", run.stderr);
        assert_eq!(puts(&origin).len(), 1, "{status} is no reason to try again");
    }
}

#[test]
fn a_version_with_these_bytes_is_left_alone() {
    let engine = publisher();
    let (same, other) = (entry(&engine.read(PACKAGE)), entry(b"other"));
    let origin = Origin::start(move |_| Answer::text(same.as_str()));
    let run = push(&engine, &origin.url("")).exits(0);
    assert!(run.text().contains("is there already, with these bytes"), "{}", run.text());
    assert!(puts(&origin).is_empty());
    // A version in moderation may be replaced: only the feed can tell.
    let origin = Origin::start(move |request| match request.method.as_str() {
        "PUT" => Answer::status(409),
        _ => Answer::text(other.as_str()),
    });
    push(&engine, &origin.url("")).fails(5).says("already, with other bytes (409)");
    assert_eq!(puts(&origin).len(), 1);
}

#[test]
fn a_busy_feed_is_asked_again() {
    let engine = publisher();
    let origin = Origin::start(|request| match (request.method.as_str(), request.nth) {
        ("PUT", 0..3) => Answer::status(503).header("Retry-After", "0"),
        ("PUT", _) => Answer::status(201),
        _ => Answer::status(404),
    });
    push(&engine, &origin.url("")).exits(0);
    assert_eq!(puts(&origin).len(), 2);
    let origin = Origin::start(|request| Answer::status(if request.method == "PUT" { 503 } else { 404 }));
    push(&engine, &origin.url("")).fails(5).says("answered 503");
    assert_eq!(puts(&origin).len(), 3, "one attempt and two retries");
}

/// A feed whose answer to the push is lost; what it then says of the version.
fn lossy(arrives: Option<String>) -> Origin {
    let arrived = Arc::new(AtomicBool::new(false));
    Origin::start(move |request| match (request.method.as_str(), &arrives) {
        ("PUT", None) if arrived.swap(true, Ordering::SeqCst) => Answer::status(201),
        ("PUT", _) => {
            arrived.store(true, Ordering::SeqCst);
            Answer::verbatim([])
        }
        ("GET", Some(entry)) if request.path == ENTRY && arrived.load(Ordering::SeqCst) => Answer::text(entry.as_str()),
        _ => Answer::status(404),
    })
}

#[test]
fn a_lost_answer_never_doubles_a_push() {
    let engine = publisher();
    let arrived = lossy(Some(entry(&engine.read(PACKAGE))));
    push(&engine, &arrived.url("")).exits(0);
    assert_eq!(puts(&arrived).len(), 1, "the feed says that it arrived");
    let lost = lossy(None);
    push(&engine, &lost.url("")).exits(0);
    assert_eq!(puts(&lost).len(), 2, "the feed says that it did not");
    let untold = lossy(Some("<entry/>".into()));
    push(&engine, &untold.url("")).fails(4).says("whether turbo-tool 1.2.3 arrived").says("is not clear");
    assert_eq!(puts(&untold).len(), 1);
}

#[test]
fn a_dry_run_tells_all_and_sends_nothing() {
    let origin = Origin::start(|_| Answer::status(500));
    let engine = Engine::new();
    source(&engine);
    engine.run(["publish", "pack", "pkg"]).exits(0);
    let run = engine.run(["publish", "push", PACKAGE, "--source", &origin.url(""), "--dry-run"]).exits(0);
    for part in [
        format!("PUT {}", origin.url("/api/v2/package/")),
        "X-NuGet-ApiKey: [redacted]".into(),
        format!("sha-256:{}", crate::rig::sha256(&engine.read(PACKAGE))),
        "<id>turbo-tool</id>".into(),
    ] {
        assert!(run.text().contains(&part), "no `{part}` in {}", run.text());
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn a_key_goes_nowhere_it_must_not() {
    let engine = publisher();
    push(&engine, "http://feed.example/").fails(2).says("not encrypted");
    push(&engine, "https://me:s3cr3t@feed.example/").fails(2).says("carries a login");
    engine.write("text.nupkg", "nothing");
    engine.run(["publish", "push", "text.nupkg", "--source", "https://feed.example"]).fails(1).says("no package");
    let keyless = Engine::new();
    keyless.write(PACKAGE, engine.read(PACKAGE));
    let feed = ["--source", "http://127.0.0.1:9"];
    keyless.run([&["publish", "push", PACKAGE][..], &feed].concat()).fails(2).says("TURBO_ENGINE_NUGET_KEY");
    let other = [&["publish", "push", PACKAGE, "--api-key-env", "OTHER"][..], &feed].concat();
    keyless.run(other).fails(2).says("no key in OTHER");
}

/// Given by a descriptor, the key stands in no argument and no environment of
/// any process, the engine's own among them.
#[test]
#[cfg(target_os = "linux")]
fn a_key_by_a_descriptor_is_nowhere_to_be_read() {
    const OWN: &str = secret!("by-descriptor-91c3");
    let leaks = Arc::new(std::sync::Mutex::new(None));
    let origin = Origin::start({
        let leaks = Arc::clone(&leaks);
        move |request| {
            if request.method != "PUT" {
                return Answer::status(404);
            }
            *leaks.lock().expect("no panic while holding it") = Some(processes_that_mention(OWN));
            Answer::status(201)
        }
    });
    let engine = publisher();
    engine.write("key", format!("{OWN}\n"));
    let script = "exec \"$0\" publish push \"$1\" --source \"$2\" --json -vvv --api-key-fd 7 7<key";
    let run = engine.shell(script, [PACKAGE, &origin.url("")]).finish().exits(0);
    assert_eq!(puts(&origin)[0].header("X-NuGet-ApiKey"), Some(OWN));
    assert_eq!(*leaks.lock().expect("no panic while holding it"), Some(Vec::new()));
    assert_eq!(run.events()[0]["state"], "delivered");
    assert!(!run.text().contains(OWN) && !run.stderr.contains(OWN), "{}{}", run.text(), run.stderr);
}

/// The arguments or environments of running processes with a text in them.
#[cfg(target_os = "linux")]
fn processes_that_mention(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("Linux has it").flatten().map(|entry| entry.path());
    let files = processes.flat_map(|process| ["cmdline", "environ"].map(|file| process.join(file)));
    let read = files.filter_map(|path| Some((std::fs::read(&path).ok()?, path)));
    let mut seen = 0;
    let found = read.filter(|(told, _)| {
        seen += 1;
        String::from_utf8_lossy(told).contains(text)
    });
    let found = found.map(|(_, path)| path.display().to_string()).collect();
    assert!(seen > 2, "not even our own process can be read");
    found
}
