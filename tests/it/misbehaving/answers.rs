//! Answers that are not the file: portals, stale nodes, ranges that are none.
//!
//! Files are paced, so that `auto` wants more than one connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use super::Case;
use crate::existing::{continued, killed_half_way};
use crate::rig::{Answer, Ending, Engine, File, MIB, MIB_PER_SECOND, Origin, Request, data, file, sha256};

/// Slow enough that one connection is not all there is to have.
const PACE: u32 = 4 * MIB_PER_SECOND;
const PAGE: &str = "<html>too many connections</html>";

pub fn page() -> Answer {
    Answer::text(PAGE).header("Content-Type", "text/html")
}

pub fn digest_of(file: &File) -> String {
    format!("sha-256:{}", sha256(&file.bytes))
}

/// The date of a file that was written this second: it may change again.
fn now() -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now())
}

/// Answers with fields that prove nothing, or none.
type Unproven = fn(Answer) -> Answer;

const UNPROVEN: [(&str, Unproven); 5] = [
    ("no validator", |answer| answer),
    ("a weak entity tag", |answer| answer.header("ETag", "W/\"same\"")),
    ("a date without Date", |answer| answer.header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")),
    ("the date of this second", |answer| answer.header("Last-Modified", now()).header("Date", now())),
    ("the date of every file of a build", |answer| {
        answer.header("Last-Modified", "Thu, 01 Jan 1970 00:00:01 GMT").header("Date", now())
    }),
];

pub fn bare(seed: u64) -> File {
    File::new(data::bytes(6 * MIB, seed))
}

/// Two backends, a deploy: the first answer is of one version, later ones are of
/// another of its size. aria2 and axel splice the two and exit 0.
#[test]
fn without_a_strong_validator_a_file_is_one_stream() {
    for (name, prove) in UNPROVEN {
        let (old, new) = (bare(1), bare(2));
        let (first, later) = (old.clone(), new.clone());
        let server = move |request: &Request| {
            let version = if request.nth == 0 { &first } else { &later };
            prove(version.answer(request).paced(PACE))
        };
        let (_, run, origin) = Case {
            name,
            server: Box::new(server),
            arguments: &[],
            code: 0,
            says: &[],
            bytes: Some(old.bytes.to_vec()),
        }
        .check();
        assert_eq!(origin.requests_for("/file.bin").len(), 1, "{name}");
        assert_eq!(run.receipt()["verified"]["by"], "origin", "{name}");
    }
}

/// What breaks off without a validator is begun again, not spliced.
#[test]
fn a_stream_without_a_validator_that_breaks_begins_again() {
    for (name, prove) in UNPROVEN {
        let (old, new) = (bare(1), bare(2));
        let later = new.clone();
        let server = move |request: &Request| match request.nth {
            0 => prove(old.answer(request).cut(2 * MIB, Ending::Close)),
            _ => prove(later.answer(request)),
        };
        Case { name, server: Box::new(server), arguments: &[], code: 0, says: &[], bytes: Some(new.bytes.to_vec()) }
            .check();
    }
}

/// `-x N` overrules, and the receipt does not claim what nobody can know.
#[test]
fn a_named_number_of_connections_is_obeyed_and_called_unverified() {
    let served = bare(1);
    let server = move |request: &Request| served.at(request, "/file.bin").paced(PACE);
    let arguments = &["-x", "4", "--no-cache"];
    let bytes = Some(bare(1).bytes.to_vec());
    let case = Case { name: "-x 4", server: Box::new(server), arguments, code: 0, says: &[], bytes };
    let (_, run, origin) = case.check();
    assert!(origin.requests_for("/file.bin").len() > 1, "{:?}", origin.requests());
    assert_eq!(run.receipt()["verified"]["by"], "unverified");
}

/// A digest tells at the end: parts are combined, and where they do not fit
/// together one stream is tried.
#[test]
fn a_digest_allows_parts_and_finds_mixed_ones() {
    let honest = bare(1);
    let engine = Engine::new();
    let served = honest.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(PACE));
    engine.fetch(&origin.file_url(), &["--no-rules", "-x", "4", "--checksum", &digest_of(&honest)]).exits(0);
    engine.assert_file("out", &honest.bytes);
    assert!(origin.requests_for("/file.bin").len() > 1, "{:?}", origin.requests());

    let (old, new) = (bare(1), bare(2));
    for (promised, code) in [(&new, 0), (&old, 6)] {
        let (first, later) = (old.clone(), new.clone());
        let origin = Origin::start(move |request| {
            let version = if request.nth == 0 { &first } else { &later };
            version.at(request, "/file.bin").paced(PACE)
        });
        let engine = Engine::new();
        engine.fetch(&origin.file_url(), &["--no-rules", "-x", "4", "--checksum", &digest_of(promised)]).exits(code);
        match code {
            0 => engine.assert_file("out", &new.bytes),
            _ => engine.assert_absent("out"),
        }
    }
}

/// Made once: a refusal is to come while the first stream runs.
static OTHER: LazyLock<data::Bytes> = LazyLock::new(|| data::bytes(6 * MIB, 9));

/// The lie that a server tells of every range but the first.
type Refused = fn(&File, &Request) -> Answer;

const REFUSED: [(&str, Refused); 14] = [
    ("a page", |_, _| page()),
    ("a page without a length", |_, _| page().chunked()),
    ("an empty answer", |_, _| Answer::text("")),
    ("the whole file as 200", |file, request| file.clone().without_ranges().answer(request)),
    ("the whole file as 206", |file, _| file.partial(0..file.bytes.len()).header("ETag", "\"v1\"")),
    ("400", |_, _| Answer::status(400)),
    ("403", |_, _| Answer::status(403)),
    ("404", |_, _| Answer::status(404)),
    ("416", |_, _| Answer::status(416)),
    ("501", |_, _| Answer::status(501)),
    ("another entity tag", |file, request| file.answer(request).header("ETag", "\"node 2\"")),
    ("another entity tag each time", |file, request| {
        file.answer(request).header("ETag", format!("\"{}\"", request.nth))
    }),
    ("no entity tag, and other bytes", |file, request| {
        assert_eq!(file.bytes.len(), OTHER.len());
        let mut answer = File::new(Arc::clone(&OTHER)).answer(request);
        answer.headers.retain(|(name, _)| name != "ETag");
        answer
    }),
    ("another size", |file, request| file.answer(request).resized("99999999")),
];

/// A portal, a login page, "too many connections": that connection is refused,
/// and the stream that runs ends the file alone.
#[test]
fn what_is_no_part_of_the_file_costs_its_connection() {
    LazyLock::force(&OTHER);
    for (name, lie) in REFUSED {
        for arguments in [&[][..], &["-x", "4"]] {
            let served = file(6, 1);
            let server = move |request: &Request| match request.start() {
                0 => served.answer(request).paced(PACE),
                _ => lie(&served, request),
            };
            let bytes = Some(file(6, 1).bytes.to_vec());
            let (_, run, origin) =
                Case { name, server: Box::new(server), arguments, code: 0, says: &[], bytes }.check();
            let all = origin.requests_for("/file.bin");
            assert!(all.iter().any(|request| request.start() > 0), "{name}: never told");
            let again = all.iter().filter(|request| request.start() == 0).count();
            // Among several at once the first stream has a small share, and may
            // be at its end before the others are refused.
            let most = if arguments.is_empty() { 1 } else { 2 };
            assert!(again <= most, "{name}: begun {again} times: {}", run.text());
        }
    }
}

/// Once the first stream breaks, a part with the same strong validator goes on
/// with it; else the file begins again, as a whole.
#[test]
fn a_first_stream_that_breaks_is_continued_by_its_own_validator_alone() {
    for (name, lie) in REFUSED {
        let served = file(6, 1);
        let server = move |request: &Request| match (request.nth, request.header("Range")) {
            (0, _) => served.answer(request).cut(2 * MIB, Ending::Close),
            (_, None) => served.clone().without_ranges().answer(request),
            _ => lie(&served, request),
        };
        let engine = Engine::new();
        let origin = Origin::start(server);
        let run = engine.fetch(&origin.file_url(), &["--no-rules"]);
        match run.code {
            Some(0) => engine.assert_file("out", &file(6, 1).bytes),
            // What is there is kept for a better day.
            Some(5 | 6) => {
                engine.assert_absent("out");
                assert!(engine.path("out.turbo-part").exists(), "{name}: {:?}", engine.listing());
            }
            _ => panic!("{name}: {run:?}"),
        }
    }
}

/// What a server that is not well answers to everything.
type Ill = fn() -> Answer;

const ILL: [(&str, Ill); 6] = [
    ("a page of 48 bytes", || Answer::text("x".repeat(48)).header("Content-Type", "text/html")),
    ("an empty 200", || Answer::text("")),
    ("a page with a weak entity tag", || page().header("ETag", "W/\"page\"")),
    ("a page without a length", || page().chunked()),
    ("a page of this second", || page().header("Last-Modified", now()).header("Date", now())),
    ("403", || Answer::status(403)),
];

/// curl -C - and aria2 -c append such a page, or take it for the file.
#[test]
fn a_page_does_not_end_a_resume() {
    let served = file(8, 1);
    let interrupted = killed_half_way(&served);
    let (part, state) = (interrupted.read("out.turbo-part"), interrupted.read("out.turbo-state"));
    for (name, ill) in ILL {
        for more in [&[][..], &["--checksum", &digest_of(&served)], &["-x", "4"]] {
            let engine = Engine::new();
            engine.write("out.turbo-part", &part);
            engine.write("out.turbo-state", &state);
            let run = continued(&engine, &Origin::start(move |_| ill()), more);
            assert!(matches!(run.code, Some(5 | 6)), "{name}: {run:?}");
            engine.assert_absent("out");
            continues(name, &engine, &served, more);
        }
    }
}

/// The same command goes on once the server is well again.
#[track_caller]
pub fn continues(name: &str, engine: &Engine, served: &File, more: &[&str]) {
    let receipt = continued(engine, &Origin::file(served), more).exits(0).receipt();
    engine.assert_file("out", &served.bytes);
    assert!(receipt["resumed_bytes"].as_u64() >= Some(MIB as u64), "{name}: {receipt:#}");
}

#[test]
fn the_refusal_of_a_page_says_what_came_and_what_to_do() {
    let engine = killed_half_way(&file(8, 1));
    let run = continued(&engine, &Origin::start(|_| page()), &[]).fails(5);
    run.says("33 bytes of text/html and no strong validator").says("out.turbo-part").says("run the same command again");
}

/// With a checksum, a new version that is none costs nothing of the old one.
#[test]
fn a_mismatch_keeps_what_the_journal_can_prove() {
    let served = file(8, 1);
    let engine = killed_half_way(&served);
    let more = ["--checksum", &digest_of(&served)];
    for _ in 0..2 {
        let odd = Origin::start(|_| page().header("ETag", "\"page\""));
        continued(&engine, &odd, &more).fails(6);
        engine.assert_absent("out");
    }
    continues("a page with a strong entity tag", &engine, &served, &more);
    assert_eq!(engine.listing(), ["out"]);

    // The wrong checksum: all bytes are there for the right one.
    let engine = killed_half_way(&served);
    let wrong = ["--checksum", &digest_of(&file(1, 9))];
    continued(&engine, &Origin::file(&served), &wrong).fails(6);
    engine.assert_absent("out");
    continues("a wrong checksum", &engine, &served, &more);

    // Again with the wrong one: it must not go round in circles.
    let engine = killed_half_way(&served);
    continued(&engine, &Origin::file(&served), &wrong).fails(6);
    continued(&engine, &Origin::file(&served), &wrong).fails(6);
    assert_eq!(engine.listing(), Vec::<String>::new());
}

/// An answer to a range that makes no sense.
type Odd = fn(&File) -> Answer;

const ODD: [(&str, Odd); 11] = [
    ("the short form", |file| file.partial(0..file.bytes.len()).header("Content-Range", "bytes 0-/6291456")),
    ("no size", |file| file.partial(0..file.bytes.len()).resized("*")),
    ("no range", |file| file.partial(0..file.bytes.len()).header("Content-Range", "bytes */6291456")),
    ("an end one too high", |file| {
        file.partial(0..file.bytes.len()).header("Content-Range", "bytes 0-6291456/6291456")
    }),
    ("another unit", |file| file.partial(0..file.bytes.len()).header("Content-Range", "octets 0-6291455/6291456")),
    ("no Content-Range", |file| {
        let mut answer = file.partial(0..file.bytes.len());
        answer.headers.clear();
        answer
    }),
    ("several parts", |file| file.partial(0..9).header("Content-Type", "multipart/byteranges; boundary=x")),
    ("400", |_| Answer::status(400)),
    ("403", |_| Answer::status(403)),
    ("405", |_| Answer::status(405)),
    ("501", |_| Answer::status(501)),
];

#[test]
fn a_server_that_takes_offence_at_ranges_is_asked_without_one() {
    for (name, odd) in ODD {
        for tagged in [true, false] {
            let served = if tagged { file(6, 1) } else { bare(1) };
            let bytes = Some(served.bytes.to_vec());
            let server = move |request: &Request| match request.header("Range") {
                Some(_) => odd(&served),
                None => served.answer(request),
            };
            let (_, _, origin) =
                Case { name, server: Box::new(server), arguments: &[], code: 0, says: &[], bytes }.check();
            assert_eq!(origin.requests_for("/file.bin").len(), 2, "{name}");
        }
    }
}

/// Answers one connection; others are accepted and silent while one is open.
fn one_at_a_time(served: File) -> Origin {
    let open = Arc::new(AtomicUsize::new(0));
    Origin::start(move |request| {
        let guard = Open::new(&open);
        let answer = if guard.was > 0 { Answer::silence() } else { served.answer(request).paced(PACE / 4) };
        Answer { ending: if guard.was > 0 { Ending::Stall } else { Ending::Close }, ..answer }.holding(guard)
    })
}

struct Open {
    open: Arc<AtomicUsize>,
    was: usize,
}

impl Open {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        Self { was: open.fetch_add(1, Ordering::SeqCst), open: Arc::clone(open) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_host_that_serves_one_connection_gets_one() {
    let served = file(6, 1);
    let engine = Engine::new();
    let origin = one_at_a_time(served.clone());
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache", "-x", "8"]).exits(0);
    engine.assert_file("out", &served.bytes);
    assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
    // The next run knows.
    let before = origin.connections();
    engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache", "--if-exists", "overwrite"]).exits(0);
    assert!(origin.connections() - before <= 2, "{} connections", origin.connections() - before);
}

/// Every way to keep a client waiting without a byte of the file ends.
#[test]
fn a_run_to_which_no_byte_comes_exits_4() {
    type Mute = fn(&File, &Request) -> Answer;
    let cases: [(&str, Mute); 6] = [
        ("silence", |_, _| Answer::silence()),
        ("a head that trickles", |file, request| file.answer(request).trickled()),
        ("no body", |file, request| file.answer(request).cut(0, Ending::Stall)),
        ("informational answers without end", |_, _| {
            Answer::verbatim("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".repeat(20)).ending(Ending::Endless).paced(4096)
        }),
        ("chunks without a byte", |_, _| {
            Answer::verbatim(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(99)))
                .ending(Ending::Stall)
        }),
        ("ranges that are never answered", |file, request| match request.nth {
            0 => file.answer(request).cut(MIB, Ending::Stall),
            _ => Answer::silence(),
        }),
    ];
    thread::scope(|scope| {
        for (name, mute) in cases {
            for arguments in [&[][..], &["-x", "4"]] {
                scope.spawn(move || {
                    let served = file(6, 1);
                    let server = move |request: &Request| mute(&served, request);
                    let case = Case { name, server: Box::new(server), arguments, code: 4, says: &[], bytes: None };
                    let (_, run, _) = case.check();
                    assert!(run.took < Duration::from_mins(1), "{name}: {:?}", run.took);
                });
            }
        }
    });
}

/// A mirror delivered everything and the origin accepts and says nothing.
#[test]
fn a_silent_origin_does_not_hold_up_the_end() {
    let served = file(4, 1);
    let mirror = Origin::file(&served);
    let origin = Origin::start(|_| Answer::silence());
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--mirror", &mirror.file_url()]).exits(0);
    engine.assert_file("out", &served.bytes);
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    let receipt = run.receipt();
    assert_eq!((&receipt["audit"], &receipt["verified"]["by"]), (&"abandoned".into(), &"unverified".into()));
}
