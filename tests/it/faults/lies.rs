//! One table of lies, told in every place where an answer can be wrong: the
//! first answer, a later one, one stream, a mirror's, a resumed run's.
//!
//! The rule is the same everywhere: the bytes are right, or the run fails and
//! nothing stands under the final name.

use crate::existing::{continued, killed_half_way};
use crate::rig::{Answer, Ending, Engine, File, KIB, MIB, MIB_PER_SECOND, Origin, Run, file, sha256};

/// Bends the honest answer to a request.
type Lie = fn(Answer) -> Answer;

/// What contradicts HTTP, the request or itself: first how the message is
/// framed, then which bytes it holds.
const CONTRADICTIONS: [(&str, Lie); 42] = [
    ("nothing", |_| Answer::verbatim([])),
    ("the body alone", Answer::headless),
    ("the preface of HTTP/2", |_| Answer::verbatim("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
    ("frames of HTTP/2", |_| Answer::verbatim([0, 0, 0, 4, 0, 0, 0, 0, 0])),
    ("a status of four digits", |_| Answer::verbatim("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok")),
    ("a switch of protocols", |_| Answer::status(101)),
    ("204", |_| Answer::status(204)),
    ("an unasked 304", |_| Answer::status(304)),
    ("206, whatever was asked", |answer| Answer { status: 206, ..answer }),
    ("a redirect to nowhere", |_| Answer::status(302)),
    ("a redirect to itself", |_| Answer::redirect("/file.bin")),
    ("a redirect to a local file", |_| Answer::redirect("file:///etc/hostname")),
    ("a redirect into a private network", |_| Answer::redirect("http://10.0.0.1/file.bin")),
    ("a redirect of a megabyte", |_| Answer::redirect("/x".repeat(MIB / 2))),
    ("a NUL in a value", |answer| answer.header("X-Odd", "a\0b")),
    ("a NUL in a name", |answer| answer.header("X-O\0dd", "a")),
    ("a line that is no header", |answer| answer.header("no header\r\nX", "x")),
    ("10,000 headers", |answer| answer.padded(10_000)),
    ("a header of a megabyte", |answer| answer.header("X-Long", "x".repeat(MIB))),
    ("a length of 2^63", |answer| answer.until_close().header("Content-Length", "9223372036854775808")),
    ("a length of 2^64", |answer| answer.until_close().header("Content-Length", "18446744073709551616")),
    ("a negative length", |answer| answer.until_close().header("Content-Length", "-1")),
    ("two lengths", |answer| answer.header("Content-Length", "7")),
    ("a length with two values", |answer| answer.until_close().header("Content-Length", "7, 8")),
    ("chunks and a shorter length", |answer| answer.chunked().header("Content-Length", "7")),
    ("chunks and a longer length", |answer| answer.chunked().header("Content-Length", "99999999")),
    ("chunks of gzip", |answer| answer.chunked().header("Transfer-Encoding", "gzip")),
    ("gzip without a length", |answer| answer.until_close().header("Transfer-Encoding", "gzip")),
    ("a chunk of more than 64 bits", |_| Answer::verbatim(chunked("fffffffffffffffff\r\nx"))),
    ("a chunk of negative size", |_| Answer::verbatim(chunked("-1\r\nx"))),
    ("a chunk without an end", |_| Answer::verbatim(chunked("5;a=b\r\nabc"))),
    ("gzip", |answer| answer.header("Content-Encoding", "gzip")),
    ("identity and gzip", |answer| answer.header("Content-Encoding", "identity").also("Content-Encoding", "gzip")),
    ("a longer length", |answer| answer.declare(9 * MIB).ending(Ending::Close)),
    ("another range", |answer| answer.header("Content-Range", "bytes 7-9/12")),
    ("a range of 2^64 bytes", |answer| answer.header("Content-Range", "bytes 0-18446744073709551615/*")),
    ("a size of 2^64-1", |answer| answer.resized("18446744073709551615")),
    ("a size of 2^63", |answer| answer.resized("9223372036854775808")),
    ("no size", |answer| answer.resized("*")),
    ("a negative range", |answer| answer.header("Content-Range", "bytes -7-9/12")),
    ("two ranges", |answer| answer.also("Content-Range", "bytes 0-6/12")),
    ("several parts", |answer| answer.header("Content-Type", "Multipart/ByteRanges; boundary=x")),
];

/// What only a digest, or the origin, can contradict.
const FABRICATIONS: [(&str, Lie); 4] = [
    ("a shorter length", |answer| answer.declare(7)),
    ("fewer bytes in chunks", |answer| answer.cut(64 * KIB, Ending::KeepAlive).chunked()),
    ("a page", |_| Answer::text("<html>log in</html>")),
    ("other bytes", |answer| Answer { body: file(2, 2).bytes, ..answer }),
];

fn chunked(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

/// Serves `file` and bends the answers that `is_bent` picks by their number.
fn liar(file: &File, lie: Lie, is_bent: fn(usize) -> bool) -> Origin {
    let served = file.clone();
    Origin::start(move |request| {
        let honest = served.at(request, "/file.bin");
        if is_bent(request.nth) { lie(honest) } else { honest }
    })
}

/// The one rule: right bytes, or a failure of the network, the server or the
/// verification that leaves nothing under the name.
#[track_caller]
fn is_right_or_refused(name: &str, engine: &Engine, run: &Run, file: &File) {
    match run.code {
        Some(0) => assert_eq!(sha256(&engine.read("out")), sha256(&file.bytes), "{name}: exit 0 and wrong bytes"),
        Some(4..=6) => assert!(!engine.path("out").exists(), "{name}: it failed and left a file"),
        _ => panic!("{name}: exit {:?}: {}", run.code, run.stderr),
    }
}

#[track_caller]
fn is_right(name: &str, engine: &Engine, run: &Run, file: &File) {
    assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
    is_right_or_refused(name, engine, run, file);
}

#[test]
fn lies_of_a_first_answer() {
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        for (name, lie) in CONTRADICTIONS {
            let origin = liar(&served, lie, |nth| nth == 0);
            let engine = Engine::new();
            let run = engine.fetch(&origin.file_url(), &["--no-rules"]);
            is_right_or_refused(name, &engine, &run, &served);
        }
    }
}

#[test]
fn lies_that_are_told_again_and_again() {
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        for (name, lie) in CONTRADICTIONS {
            let origin = liar(&served, lie, |_| true);
            let engine = Engine::new();
            let run = engine.fetch(&origin.file_url(), &["--no-rules"]);
            is_right_or_refused(name, &engine, &run, &served);
        }
    }
}

/// A digest finds what contradicts nothing.
#[test]
fn lies_that_only_a_digest_tells() {
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        let checksum = format!("sha-256:{}", sha256(&served.bytes));
        for (name, lie) in FABRICATIONS {
            let origin = liar(&served, lie, |_| true);
            let engine = Engine::new();
            let run = engine.fetch(&origin.file_url(), &["--no-rules", "--checksum", &checksum]);
            is_right_or_refused(name, &engine, &run, &served);
        }
    }
}

/// One lie among honest answers costs one more request, not the download.
#[test]
fn lies_of_a_later_answer() {
    let served = file(2, 1);
    for (name, lie) in CONTRADICTIONS.into_iter().chain(FABRICATIONS).filter(|(name, _)| *name != "other bytes") {
        let broken = served.clone();
        let origin = Origin::start(move |request| {
            let honest = broken.at(request, "/file.bin");
            match request.nth {
                0 => honest.cut(512 * KIB, Ending::Close),
                1 => lie(honest),
                _ => honest,
            }
        });
        let engine = Engine::new();
        let run = engine.fetch(&origin.file_url(), &["--no-rules", "-x", "2"]);
        is_right(name, &engine, &run, &served);
        assert!(origin.requests().len() >= 2, "{name}: never told");
    }
}

#[test]
fn lies_of_a_mirror() {
    let served = file(2, 1);
    for (name, lie) in CONTRADICTIONS.into_iter().chain(FABRICATIONS) {
        let honest = served.clone();
        let origin = Origin::start(move |request| honest.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
        let mirror = liar(&served, lie, |_| true);
        let engine = Engine::new();
        let run = engine.fetch(&origin.file_url(), &["--no-rules", "--mirror", &mirror.file_url()]);
        is_right(name, &engine, &run, &served);
        assert!(!mirror.requests().is_empty(), "{name}: never told");
    }
}

/// A lie to a run that resumes: what is already there is neither mixed with it
/// nor lost to it.
#[test]
fn lies_to_a_resumed_run() {
    let served = file(8, 1);
    let interrupted = killed_half_way(&served);
    let (part, state) = (interrupted.read("out.turbo-part"), interrupted.read("out.turbo-state"));
    for (name, lie) in CONTRADICTIONS {
        let engine = Engine::new();
        engine.write("out.turbo-part", &part);
        engine.write("out.turbo-state", &state);
        let run = continued(&engine, &liar(&served, lie, |nth| nth == 0), &[]);
        is_right_or_refused(name, &engine, &run, &served);
        let run = continued(&engine, &Origin::file(&served), &[]);
        is_right(name, &engine, &run, &served);
    }
}
