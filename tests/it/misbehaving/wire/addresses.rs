//! Several addresses of one name (RFC 8305). curl races families alone and
//! gives each address a share of the time limit; wget and aria2 wait for each
//! in turn.

use std::net::TcpListener;
use std::time::Duration;

use crate::rig::{Authority, Engine, Origin, Void, file};

const URL: &str = "http://behind.example/file.bin";

fn closed() -> std::net::SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port")
}

/// Downloads with the patience of a user, not that of a test.
#[track_caller]
fn fetch(engine: &Engine, url: &str, resolve: &str, more: &[&str]) -> Duration {
    let flags = ["--json", "-o", "out", "--connect-timeout", "30", "--no-rules", "--resolve", resolve];
    let run = engine.run([&["download", url], &flags[..], more].concat()).exits(0);
    run.took
}

#[test]
fn a_silent_address_costs_a_moment() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let alive = origin.address();
    let (silent, mute) = (Void::at("127.0.0.2"), Void::at("127.0.0.3"));
    let (void, other, closed) = (silent.address(), mute.address(), closed());
    for addresses in [
        format!("{void},{alive}"),
        format!("{void},{other},{alive}"),
        format!("{closed},{void},{alive}"),
        format!("{void},{closed},{alive}"),
    ] {
        let engine = Engine::new();
        let took = fetch(&engine, URL, &format!("behind.example:80:{addresses}"), &[]);
        engine.assert_file("out", &file.bytes);
        assert!(took < Duration::from_secs(3), "{addresses}: {took:?}");
    }
}

/// The other connections of the run do not meet it again.
#[test]
fn a_silent_address_is_remembered_for_the_run() {
    let served = file(8, 1);
    let honest = served.clone();
    let origin = Origin::start(move |request| honest.at(request, "/file.bin").paced(2 << 20));
    let void = Void::at("127.0.0.2");
    let resolve = format!("behind.example:80:{},{}", void.address(), origin.address());
    let engine = Engine::new();
    let run = engine.run([
        "download",
        URL,
        "-v",
        "-v",
        "-o",
        "out",
        "-x",
        "8",
        "--connect-timeout",
        "30",
        "--no-rules",
        "--resolve",
        &resolve,
    ]);
    let run = run.exits(0);
    engine.assert_file("out", &served.bytes);
    // One stream would take four seconds, and eight that each met it longer.
    assert!(run.took < Duration::from_secs(4), "{:?}", run.took);
    assert!(origin.requests().len() >= 2);
}

#[test]
fn the_same_through_tls() {
    let file = file(1, 1);
    let authority = Authority::new();
    let served = file.clone();
    let origin = Origin::start_tls(&authority, &["behind.example"], move |request| served.at(request, "/file.bin"));
    let void = Void::at("127.0.0.2");
    let engine = Engine::new();
    let resolve = format!("behind.example:443:{},{}", void.address(), origin.address());
    let took = fetch(&engine, "https://behind.example/file.bin", &resolve, &["--cacert", &authority.pem()]);
    engine.assert_file("out", &file.bytes);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// A healthy first address is the only one that is connected to.
#[test]
fn a_healthy_first_address_is_alone() {
    let file = file(1, 1);
    let (first, second) = (Origin::file(&file), Origin::file(&file));
    let engine = Engine::new();
    fetch(&engine, URL, &format!("behind.example:80:{},{}", first.address(), second.address()), &[]);
    engine.assert_file("out", &file.bytes);
    assert_eq!(second.connections(), 0);
}

#[test]
fn addresses_that_are_all_dead_end_in_time() {
    let (void, other) = (Void::at("127.0.0.2"), Void::at("127.0.0.3"));
    let engine = Engine::new();
    let resolve = format!("behind.example:80:{},{}", void.address(), other.address());
    let flags = ["-o", "out", "--connect-timeout", "2", "--retry", "0", "--no-rules", "--resolve", &resolve];
    let run = engine.run([&["download", URL], &flags[..]].concat()).fails(4).says("cannot connect to behind.example");
    assert!(run.took < Duration::from_secs(8), "{:?}", run.took);
}

/// A URL has a Unicode name in punycode, and a dot at its end means the same host.
#[test]
fn resolve_takes_names_as_people_write_them() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    for (host, url) in [
        ("b\u{fc}cher.example", "http://b\u{fc}cher.example/file.bin"),
        ("B\u{dc}CHER.example", "http://xn--bcher-kva.example/file.bin"),
        ("xn--bcher-kva.example", "http://b\u{fc}cher.example/file.bin"),
        ("behind.example.", URL),
        ("behind.example", "http://behind.example./file.bin"),
        ("behind.example.", "http://behind.example./file.bin"),
        ("Behind.EXAMPLE", URL),
    ] {
        let engine = Engine::new();
        engine.fetch(url, &["--no-rules", "--resolve", &origin.resolve(&format!("{host}:80"))]).exits(0);
        engine.assert_file("out", &file.bytes);
    }
}
