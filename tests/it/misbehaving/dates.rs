//! `--remote-time`: the modification time of a file that was downloaded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::rig::{Answer, Engine, Origin, Request, file};

const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
const SECONDS: u64 = 1_445_412_480;

/// A server whose file has this date, and may be kept for an hour.
fn dated(date: &'static str) -> Origin {
    let served = file(1, 1);
    Origin::start(move |request: &Request| -> Answer {
        served.answer(request).header("Last-Modified", date).header("Cache-Control", "max-age=3600")
    })
}

fn modified(engine: &Engine, name: &str) -> SystemTime {
    engine.path(name).metadata().and_then(|metadata| metadata.modified()).expect("a file with a time")
}

fn is_dated(engine: &Engine, name: &str) -> bool {
    modified(engine, name) == UNIX_EPOCH + Duration::from_secs(SECONDS)
}

/// As `curl -R` and wget do.
#[test]
fn a_file_gets_the_time_of_the_origin() {
    let origin = dated(DATE);
    let engine = Engine::new();
    let fetch = |more: &[&str]| engine.fetch(&origin.file_url(), &[&["--no-rules"], more].concat()).exits(0);
    fetch(&["--remote-time"]);
    assert!(is_dated(&engine, "out"));
    // What is remembered of it has the same time.
    assert_eq!(fetch(&["--remote-time"]).receipt()["already_there"], true);
    assert_eq!(fetch(&[]).receipt()["already_there"], true);
    assert!(is_dated(&engine, "out"));
}

#[test]
fn without_being_asked_for_nothing_is_dated() {
    let engine = Engine::new();
    engine.fetch(&dated(DATE).file_url(), &["--no-rules"]).exits(0);
    assert!(modified(&engine, "out").elapsed().is_ok_and(|age| age < Duration::from_mins(10)));
}

#[test]
fn a_file_that_is_there_already_is_dated_as_well() {
    let origin = dated(DATE);
    let engine = Engine::new();
    let fetch = |more: &[&str]| engine.fetch(&origin.file_url(), &[&["--no-rules"], more].concat()).exits(0);
    fetch(&[]);
    assert!(!is_dated(&engine, "out"));
    for _ in 0..2 {
        assert_eq!(fetch(&["--no-cache", "--remote-time"]).receipt()["already_there"], true);
        assert!(is_dated(&engine, "out"));
    }
    engine.assert_file("out", &file(1, 1).bytes);
}

#[test]
fn the_cache_and_one_stream_date_it_too() {
    let origin = dated(DATE);
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules"]).exits(0);
    let run = engine.download(["--no-rules", "--json", "--remote-time", "-o", "copy", &origin.file_url()]).exits(0);
    assert_eq!(run.receipt()["from_cache"], true);
    assert!(is_dated(&engine, "copy"));
    let served = file(1, 1).without_ranges();
    let plain = Origin::start(move |request| served.answer(request).header("Last-Modified", DATE).chunked());
    engine.download(["--no-rules", "--no-cache", "--remote-time", "-o", "stream", &plain.file_url()]).exits(0);
    assert!(is_dated(&engine, "stream"));
}

/// wget takes a date of the year 2099, and `make` then builds nothing any more.
#[test]
fn dates_that_cannot_be_true_are_not_taken() {
    for date in ["Thu, 01 Jan 2099 00:00:00 GMT", "Thu, 01 Jan 1960 00:00:00 GMT", "yesterday", ""] {
        let engine = Engine::new();
        let run = engine.download(["--no-rules", "--remote-time", "-o", "out", &dated(date).file_url()]).exits(0);
        let run = run.says("warning: the origin states no plausible modification time");
        assert!(modified(&engine, "out").elapsed().is_ok_and(|age| age < Duration::from_mins(10)), "{}", run.stderr);
    }
}

#[test]
fn it_is_a_setting_and_an_option_of_a_list() {
    let origin = dated(DATE);
    let engine = Engine::new().variable("TURBO_ENGINE_REMOTE_TIME", "true");
    engine.write("list", format!("{0}\n out=by-variable\n{0}\n out=not\n remote-time=false\n", origin.file_url()));
    engine.download(["--no-rules", "--no-cache", "-i", "list"]).exits(0);
    assert!(is_dated(&engine, "by-variable") && !is_dated(&engine, "not"));
    let engine = Engine::new();
    engine.write("list", format!("{0}\n out=by-list\n remote-time=true\n{0}\n out=not\n", origin.file_url()));
    engine.download(["--no-rules", "--no-cache", "-i", "list"]).exits(0);
    assert!(is_dated(&engine, "by-list") && !is_dated(&engine, "not"));
}

#[test]
fn standard_output_has_no_time() {
    let run = Engine::new().download(["--no-rules", "--remote-time", "-o", "-", &dated(DATE).file_url()]).exits(0);
    assert!(run.stdout == *file(1, 1).bytes && !run.stderr.contains("modification time"), "{}", run.stderr);
}
