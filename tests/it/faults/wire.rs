//! Faults below the meaning of an answer: connections cut at any byte, TLS
//! without its farewell, headers that trickle, bodies that never end.

use super::{gives_up, survives};
use crate::existing::{URL, killed_half_way};
use crate::rig::{Answer, Authority, Ending, Engine, File, KIB, MIB, MIB_PER_SECOND, Origin, Request, Run, data, file};

/// Draws numbers that are the same for the same seed.
fn drawn(seed: u64) -> impl FnMut(usize) -> usize {
    let bytes = data::bytes(8 * KIB, seed);
    let mut words = (0..).map(move |index: usize| {
        let at = index * 8 % bytes.len();
        usize::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
    });
    move |below| words.next().expect("an endless sequence") % below
}

/// Serves `file`, but the first answers break off, `times` of them.
fn broken(file: &File, seed: u64, times: usize) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
    let mut draw = drawn(seed);
    let endings = [Ending::Close, Ending::Reset, Ending::Reset];
    let breaks: Vec<_> = (0..times).map(|_| (draw(file.bytes.len()), endings[draw(endings.len())])).collect();
    let served = file.clone();
    move |request| {
        let answer = served.at(request, "/file.bin");
        match breaks.get(request.nth) {
            Some((bytes, ending)) => answer.cut(*bytes, *ending),
            None => answer,
        }
    }
}

/// Downloads from servers that break off: with patience for as many failures
/// in a row as there can be.
#[track_caller]
fn survives_breaks(seed: u64, file: &File, engine: &Engine, url: &str, more: &[&str]) {
    let fixed = ["download", "--no-rules", "--retry", "7", "--stall-timeout", "5", "-o", "out", url];
    let run = engine.run([&fixed, more].concat());
    assert_eq!(run.code, Some(0), "seed {seed}: {}", run.stderr);
    assert!(engine.read("out") == *file.bytes, "seed {seed}: wrong bytes");
}

#[test]
fn connections_that_break_at_random_offsets() {
    for seed in 0..24 {
        let file = File::new(data::bytes(MIB + 4099, seed)).etag("\"v1\"");
        let origin = Origin::start(broken(&file, seed, 6));
        survives_breaks(seed, &file, &Engine::new(), &origin.file_url(), &["-x", "4"]);
    }
}

#[test]
fn a_stream_without_ranges_that_breaks_at_random_offsets() {
    for seed in 100..112 {
        let file = File::new(data::bytes(MIB + 4099, seed)).without_ranges();
        let origin = Origin::start(broken(&file, seed, 2));
        survives_breaks(seed, &file, &Engine::new(), &origin.file_url(), &[]);
    }
}

#[test]
fn mirrors_that_break_at_random_offsets() {
    for seed in 200..206 {
        let file = File::new(data::bytes(2 * MIB + 4099, seed)).etag("\"v1\"");
        let served = file.clone();
        let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
        let mirror = Origin::start(broken(&file, seed, 6));
        survives_breaks(seed, &file, &Engine::new(), &origin.file_url(), &["--mirror", &mirror.file_url()]);
    }
}

#[test]
fn a_resumed_run_that_breaks_at_random_offsets() {
    let file = file(8, 1);
    let engine = killed_half_way(&file);
    let (part, state) = (engine.read("out.turbo-part"), engine.read("out.turbo-state"));
    for seed in 300..306 {
        let engine = Engine::new();
        engine.write("out.turbo-part", &part);
        engine.write("out.turbo-state", &state);
        let origin = Origin::start(broken(&file, seed, 6));
        survives_breaks(seed, &file, &engine, URL, &["--no-cache", "--resolve", &origin.resolve("files.example:80")]);
    }
}

/// Serves over TLS; the first answer is bent.
fn over_tls(first: fn(Answer) -> Answer, file: &File) -> (Engine, Run, Origin) {
    let (authority, served) = (Authority::new(), file.clone());
    let origin = Origin::start_tls(&authority, &["files.example"], move |request| {
        let answer = served.at(request, "/file.bin");
        if request.nth == 0 { first(answer) } else { answer }
    });
    let engine = Engine::new();
    let (resolve, pem) = (origin.resolve("files.example:443"), authority.pem());
    let more = ["--no-rules", "--cacert", &pem, "--resolve", &resolve];
    let run = engine.fetch("https://files.example/file.bin", &more);
    (engine, run, origin)
}

/// Whoever can cut a connection must not be able to shorten a file (RFC 8446
/// section 6.1): an end that TLS does not confirm is none.
#[test]
fn a_cut_of_tls_is_not_the_end() {
    let cuts: [fn(Answer) -> Answer; 4] = [
        |answer| answer.cut(MIB, Ending::Sever),
        |answer| answer.cut(MIB, Ending::Reset),
        |answer| answer.until_close().cut(MIB, Ending::Sever),
        |answer| answer.chunked().cut(MIB, Ending::Sever),
    ];
    for served in [file(2, 1), file(2, 1).without_ranges()] {
        for cut in cuts {
            let (engine, run, origin) = over_tls(cut, &served);
            run.exits(0);
            engine.assert_file("out", &served.bytes);
            assert!(origin.requests().len() >= 2, "a cut was taken for the end: {:?}", origin.requests());
        }
    }
}

/// The whole body came, but nobody says that it is whole.
#[test]
fn an_unconfirmed_end_of_tls_is_refused_every_time() {
    let (authority, served) = (Authority::new(), file(1, 1).without_ranges());
    let origin = Origin::start_tls(&authority, &["files.example"], move |request| {
        served.at(request, "/file.bin").until_close().ending(Ending::Sever)
    });
    let engine = Engine::new();
    let more = ["--no-rules", "--cacert", &authority.pem(), "--resolve", &origin.resolve("files.example:443")];
    engine.fetch("https://files.example/file.bin", &more).fails(4);
    engine.assert_absent("out");
}

#[test]
fn headers_that_trickle_are_not_waited_for() {
    let run = gives_up(4, |request, file| file.answer(request).trickled());
    assert!(run.took.as_secs() < 60, "took {:?}", run.took);
}

#[test]
fn headers_that_trickle_once_cost_one_timeout() {
    survives(|request, file| match request.nth {
        0 => file.answer(request).cut(MIB, Ending::Close),
        1 => file.answer(request).trickled(),
        _ => file.answer(request),
    });
}

#[test]
fn an_origin_whose_headers_trickle_is_replaced_by_a_mirror() {
    let file = file(2, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").trickled());
    let mirror = Origin::file(&file);
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--mirror", &mirror.file_url()]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert!(run.took.as_secs() < 60, "took {:?}", run.took);
}

/// One `100 Continue` is as good as none; without an end they are no answer.
#[test]
fn interim_answers_are_passed_over_within_reason() {
    const INTERIM: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
    let whole = file(1, 1);
    let served = whole.clone();
    let origin = Origin::start(move |request| {
        if request.path != "/file.bin" {
            return Answer::status(404);
        }
        let head = format!("{}HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", INTERIM.repeat(100), served.bytes.len());
        Answer::verbatim([head.as_bytes(), &served.bytes].concat())
    });
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules"]).exits(0);
    engine.assert_file("out", &whole.bytes);

    let run = gives_up(4, |_, _| Answer::verbatim(INTERIM.repeat(1000)).ending(Ending::Endless));
    assert!(run.took.as_secs() < 60, "took {:?}", run.took);
}

#[test]
fn trailers_say_nothing_that_counts() {
    let whole = file(1, 1);
    let served = whole.clone();
    let origin = Origin::start(move |request| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n";
        let start = format!("{head}{:X};name=\"value\"\r\n", served.bytes.len());
        let end = "\r\n0\r\nContent-Length: 7\r\nContent-Encoding: gzip\r\nETag: \"other\"\r\n\r\n";
        let answer = Answer::verbatim([start.as_bytes(), &served.bytes, end.as_bytes()].concat());
        if request.path == "/file.bin" { answer } else { Answer::status(404) }
    });
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules"]).exits(0);
    engine.assert_file("out", &whole.bytes);
}

/// A part that goes on behind its range: those bytes are nobody's.
#[test]
fn bytes_behind_a_range_are_not_written() {
    // The answer names the first 100 KiB of its range; what follows is garbage.
    let overflowing = |answer: Answer, size: usize| {
        let span = answer.span.start..(answer.span.start + 100 * KIB).min(answer.span.end);
        let mut body = answer.body[span.clone()].to_vec();
        body.resize(body.len() + 300 * KIB, 0xAA);
        let range = format!("bytes {}-{}/{size}", span.start, span.end - 1);
        Answer { span: 0..body.len(), body: body.into(), ..answer }.header("Content-Range", range).chunked()
    };
    survives(move |request, file| overflowing(file.answer(request), file.bytes.len()));
    survives(move |request, file| overflowing(file.answer(request), file.bytes.len()).ending(Ending::Endless));
}

/// The answers to a last range never end; the connections are left.
#[test]
fn a_part_without_an_end_ends_with_its_range() {
    survives(|request, file| file.answer(request).endless());
}

/// What was promised bounds a body that says nothing of its length.
#[test]
fn an_endless_body_ends_at_its_promised_size() {
    let served = file(1, 1).without_ranges();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").endless());
    let engine = Engine::new();
    let list = format!(
        "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"out\"><size>{}</size><url>{}</url></file>\
         </metalink>",
        3 * MIB,
        origin.file_url()
    );
    engine.write("list.meta4", list);
    engine.download(["--no-rules", "--allow-private-mirrors", "-i", "list.meta4"]).fails(6);
    engine.assert_absent("out");
}
