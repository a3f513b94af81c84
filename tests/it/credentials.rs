//! Secrets go to the origin they were given for, and nowhere else.

use crate::rig::{Answer, Engine, File, MIB_PER_SECOND, Origin, Request, file};

const SECRET: &str = "s3cr3t";

/// `me:s3cr3t` as HTTP Basic writes it.
const BASIC: &str = "bWU6czNjcjN0";

/// Ways to give a secret: the arguments, and what its request carries.
fn secrets() -> Vec<(Vec<&'static str>, &'static str)> {
    vec![
        (vec!["-H", "Authorization: Bearer s3cr3t"], SECRET),
        (vec!["-H", "Cookie: session=s3cr3t"], SECRET),
        (vec!["-H", "Proxy-Authorization: Basic s3cr3t"], SECRET),
        (vec!["-H", "X-Api-Key: s3cr3t"], SECRET),
        (vec!["--netrc"], BASIC),
    ]
}

fn paced(file: &File) -> Origin {
    let served = file.clone();
    Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND))
}

fn with_netrc(host: &str) -> Engine {
    let engine = Engine::new();
    for name in [".netrc", "_netrc"] {
        let line = format!("machine {host} login me password {SECRET}\n");
        std::fs::write(engine.home().join(name), line).expect("scratch is writable");
    }
    engine
}

#[track_caller]
fn assert_kept(requests: &[Request], secret: &str) {
    for request in requests {
        assert!(!request.mentions(secret), "the secret leaked: {request:?}");
    }
}

#[test]
fn no_secret_reaches_a_mirror() {
    let file = file(8, 1);
    for (arguments, secret) in secrets() {
        let (origin, mirror) = (paced(&file), paced(&file));
        let engine = with_netrc("files.example");
        let resolve = origin.resolve("files.example:80");
        let mirrored = mirror.file_url();
        let more = [&["--no-rules", "--resolve", &resolve, "--mirror", &mirrored], &arguments[..]].concat();
        engine.fetch("http://files.example/file.bin", &more).exits(0);
        engine.assert_file("out", &file.bytes);
        assert!(origin.requests().iter().any(|request| request.mentions(secret)), "{arguments:?} was not sent");
        assert!(!mirror.requests().is_empty(), "the mirror was not asked");
        assert_kept(&mirror.requests(), secret);
    }
}

#[test]
fn no_secret_crosses_a_redirect_to_another_origin() {
    let file = file(4, 1);
    for (arguments, secret) in secrets() {
        let target = Origin::file(&file);
        let location = target.file_url();
        let origin =
            Origin::start(move |_| Answer::redirect(location.clone()).header("Set-Cookie", "id=s3cr3t; Path=/"));
        let engine = with_netrc("files.example");
        let resolve = origin.resolve("files.example:80");
        let more =
            [&["--no-rules", "--allow-private-mirrors", "-x", "4", "--resolve", &resolve], &arguments[..]].concat();
        engine.fetch("http://files.example/file.bin", &more).exits(0);
        engine.assert_file("out", &file.bytes);
        assert!(origin.requests().iter().any(|request| request.mentions(secret)), "{arguments:?} was not sent");
        assert_kept(&target.requests(), secret);
        assert_kept(&target.requests(), SECRET);
    }
}

/// Every connection of a redirected download, not only the first hop.
#[test]
fn a_secret_survives_a_redirect_within_its_origin() {
    let file = file(8, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/start" => Answer::redirect("/file.bin"),
        _ if !request.mentions(SECRET) => Answer::status(401),
        _ => served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND),
    });
    let engine = Engine::new();
    engine.fetch(&origin.url("/start"), &["--no-rules", "-x", "4", "-H", "Authorization: Bearer s3cr3t"]).exits(0);
    engine.assert_file("out", &file.bytes);
}

#[test]
fn a_password_in_the_url_is_sent_and_never_shown() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let url = origin.file_url().replace("http://", "http://me:s3cr3t@");
    let run = engine.fetch(&url, &["-v", "--receipt", "receipt"]).exits(0);
    let sent = origin.requests_for("/file.bin");
    assert!(sent.iter().all(|request| request.header("Authorization") == Some(&format!("Basic {BASIC}"))));
    let receipt = String::from_utf8(engine.read("receipt")).expect("JSON is UTF-8");
    for shown in [run.text(), run.stderr, receipt] {
        assert!(!shown.contains(SECRET) && !shown.contains(BASIC), "{shown}");
    }
}

#[test]
fn a_signed_query_is_never_shown_even_in_errors() {
    let origin = Origin::start(|_| Answer::status(403));
    let run = Engine::new().fetch(&origin.url("/file.bin?X-Amz-Signature=s3cr3t"), &["-v"]).fails(5);
    assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
    assert!(!run.text().contains(SECRET), "{}", run.text());
}
