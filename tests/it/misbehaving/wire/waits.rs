//! What a server, or another process, asks the user to wait for.
//!
//! curl waits as long as Retry-After says (`--retry`), but at most
//! `--retry-max-time`; wget passes over the field; aria2 waits `--retry-wait`.

use std::time::{Duration, SystemTime};

use super::event_of;
use crate::misbehaving::Case;
use crate::rig::{Answer, Ending, Engine, MIB, Origin, file};

/// Refuses the first request so, then serves a file.
fn busy(status: u16, retry_after: &str) -> Origin {
    let (served, retry_after) = (file(1, 1), retry_after.to_owned());
    Origin::start(move |request| match request.nth {
        0 => Answer::status(status).header("Retry-After", retry_after.clone()),
        _ => served.answer(request),
    })
}

#[test]
fn a_wait_beyond_the_users_patience_ends_the_run_at_once() {
    let tomorrow = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(24));
    for (status, asked, says) in [
        (503, "86400", "asks to wait 24 h"),
        (429, "86400", "asks to wait 24 h"),
        (503, tomorrow.as_str(), "asks to wait 24 h"),
        (503, "301", "asks to wait 6 min"),
        (429, "99999999999999999999", "days"),
        (503, "Fri, 31 Dec 9999 23:59:59 GMT", "days"),
    ] {
        let origin = busy(status, asked);
        let engine = Engine::new();
        let run = engine.fetch(&origin.file_url(), &["--no-rules"]).fails(5).says(says).says("--max-wait");
        assert!(run.took < Duration::from_secs(5), "{asked}: {:?}", run.took);
        assert_eq!(origin.requests().len(), 1, "{asked}");
        engine.assert_absent("out");
    }
}

#[test]
fn a_server_that_is_always_busy_leaves_nothing() {
    let case = Case {
        name: "429 for a day",
        server: Box::new(|_| Answer::status(429).header("Retry-After", "86400")),
        arguments: &[],
        code: 5,
        says: &["asks to wait 24 h", "--max-wait 86400"],
        bytes: None,
    };
    let (_, run, _) = case.check();
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
}

/// A date that is past asks for nothing, and what cannot be read says nothing.
#[test]
fn what_asks_for_no_wait_is_no_reason_to_stop() {
    for asked in ["0", "Sun, 06 Nov 1994 08:49:37 GMT", "soon", "-5", "1.5", ""] {
        let origin = busy(503, asked);
        let engine = Engine::new();
        engine.fetch(&origin.file_url(), &["--no-rules", "--max-wait", "0"]).exits(0);
    }
}

#[test]
fn a_bearable_wait_is_told_and_waited_for() {
    let origin = busy(503, "3");
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--max-wait", "1m"]).exits(0);
    assert!(run.took >= Duration::from_secs(3), "{:?}", run.took);
    let events = run.events();
    let retry = event_of(&events, "retry").expect("the pause is told");
    assert!(retry["wait_s"].as_f64().is_some_and(|wait| (3.0..5.0).contains(&wait)), "{retry}");
    assert!(
        retry["why"].as_str().is_some_and(|why| why.contains("503") && why.contains("asks to wait 3 s")),
        "{retry}"
    );
    // People are told without -v.
    let origin = busy(429, "3");
    let run = Engine::new().download(["--no-rules", "--progress", "plain", "-o", "out", &origin.file_url()]).exits(0);
    assert!(run.stderr.contains("asks to wait 3 s; trying again in 3."), "{}", run.stderr);
}

#[test]
fn the_limit_is_the_users() {
    let engine = Engine::new();
    engine.fetch(&busy(503, "2").file_url(), &["--no-rules", "--max-wait", "1"]).fails(5).says("asks to wait 2 s");
    engine.fetch(&busy(503, "1").file_url(), &["--no-rules", "--max-wait", "soon"]).fails(2).says("not a time");
    let patient = Engine::new().variable("TURBO_ENGINE_MAX_WAIT", "0");
    patient.fetch(&busy(503, "1").file_url(), &["--no-rules"]).fails(5);
}

/// A server that asks again and again is waited for as long in all.
#[test]
fn waits_add_up() {
    let origin = Origin::start(|_| Answer::status(503).header("Retry-After", "2"));
    let engine = Engine::new();
    let more = ["--no-rules", "--max-wait", "3"];
    let run = engine.fetch(&origin.file_url(), &more).fails(5);
    assert!((2..6).contains(&run.took.as_secs()), "{:?}", run.took);
    assert_eq!(origin.requests().len(), 2);
}

/// The same in the middle of a file: with ranges and without.
#[test]
fn a_wait_in_the_middle_of_a_file_ends_the_run() {
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        let origin = Origin::start(move |request| match request.nth {
            0 => served.answer(request).cut(MIB, Ending::Close),
            _ => Answer::status(503).header("Retry-After", "86400"),
        });
        let engine = Engine::new();
        let run = engine.fetch(&origin.file_url(), &["--no-rules"]).fails(5).says("asks to wait 24 h");
        assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
        engine.assert_absent("out");
    }
}

/// A mirror that wants to be left alone for a day is left alone, not waited for.
#[test]
fn a_mirror_that_asks_for_a_day_is_dropped() {
    let served = file(2, 1);
    let origin = Origin::file(&served);
    let mirror = Origin::start(|_| Answer::status(503).header("Retry-After", "86400"));
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "-x", "4", "--mirror", &mirror.file_url()]).exits(0);
    engine.assert_file("out", &served.bytes);
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
}

#[test]
fn a_second_process_says_for_whom_it_waits_and_for_how_long() {
    let served = file(2, 1);
    let bytes = served.bytes.clone();
    let slow = Origin::start(move |request| served.answer(request).paced(256 * 1024));
    let engine = Engine::new();
    let mut first = engine.start(["download", "--json", "--no-rules", "-x", "1", "-o", "first", &slow.file_url()]);
    first.wait_for(|event| event["event"] == "progress");
    let second = engine
        .download(["--json", "--no-rules", "-x", "1", "--max-wait", "1", "-o", "second", &slow.file_url()])
        .exits(0);
    let said = second.text();
    assert!(said.contains("waiting for it, at most 1 s (--max-wait)"), "{said}");
    assert!(said.contains("is still downloading"), "{said}");
    if cfg!(unix) {
        assert!(said.contains("\"process "), "{said}");
    }
    engine.assert_file("second", &bytes);
    first.finish().exits(0);
    engine.assert_file("first", &bytes);
}
