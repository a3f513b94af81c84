//! Heads of answers that RFC 9112 does not know, each with what curl 7.88, wget
//! 1.21 and aria2 1.36 do: what they all read alike is read, and what two of
//! them read differently is refused, for that is how answers are smuggled.

use crate::rig::{Answer, Engine, Origin, file};

const BODY: &str = "0123456789";

/// How a head ends a download.
enum Outcome {
    /// With the body.
    Taken,
    /// With exit 5, and these words on standard error.
    Refused(&'static str),
}

use Outcome::{Refused, Taken};

const CHUNKS: &str = "a\r\n0123456789\r\n0\r\n\r\n";

/// Name, head up to the empty line, whether the body comes in chunks, outcome.
const HEADS: [(&str, &str, bool, Outcome); 45] = [
    // curl, wget and aria2 take it.
    ("a folded field", "200 OK\r\nX-A: one\r\n two\r\n\tthree\r\nContent-Length: 10", false, Taken),
    // wget and aria2 take it, curl refuses.
    ("a folded length", "200 OK\r\nContent-Length:\r\n 10", false, Taken),
    // All three take it.
    ("a blank before the colon", "200 OK\r\nContent-Length : 10", false, Taken),
    ("a tab before the colon", "200 OK\r\nX-A\t: 1\r\nContent-Length: 10", false, Taken),
    // curl and wget save the chunks as the file; aria2 refuses.
    ("a blank before the colon of chunks", "200 OK\r\nTransfer-Encoding : chunked", true, Taken),
    // curl and wget take it, aria2 refuses.
    ("a repeated length", "200 OK\r\nContent-Length: 10, 10", false, Taken),
    // All three take it.
    ("two equal lengths", "200 OK\r\nContent-Length: 10\r\nContent-Length: 10", false, Taken),
    ("zeros before a length", "200 OK\r\nContent-Length: 00010", false, Taken),
    // curl takes the last, wget the first, aria2 the first.
    ("two lengths", "200 OK\r\nContent-Length: 10\r\nContent-Length: 5", false, Refused("length")),
    ("a length of two values", "200 OK\r\nContent-Length: 10, 5", false, Refused("length")),
    // All three take the chunks; wget calls a shorter length an error.
    (
        "length and chunks",
        "200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked",
        true,
        Refused("both a Content-Length"),
    ),
    (
        "chunks and a length",
        "200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        true,
        Refused("both a Content-Length"),
    ),
    (
        "length and folded chunks",
        "200 OK\r\nContent-Length: 10\r\nTransfer-Encoding:\r\n chunked",
        true,
        Refused("both"),
    ),
    (
        "length and chunks behind a blank",
        "200 OK\r\nContent-Length: 10\r\nTransfer-Encoding : chunked",
        true,
        Refused("both"),
    ),
    // curl and wget take it, aria2 refuses.
    ("the identity coding", "200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 10", false, Taken),
    ("the identity coding alone", "200 OK\r\nTransfer-Encoding: identity", false, Taken),
    // All three take it.
    ("chunks said twice", "200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", true, Taken),
    // curl takes one layer away, wget none, aria2 refuses.
    ("chunks in chunks", "200 OK\r\nTransfer-Encoding: chunked, chunked", true, Refused("transfer coding")),
    // wget takes it, curl and aria2 refuse.
    ("an unknown transfer coding", "200 OK\r\nTransfer-Encoding: foo, chunked", true, Refused("`foo`")),
    ("chunks that are not the last", "200 OK\r\nTransfer-Encoding: chunked, gzip", true, Refused("transfer coding")),
    (
        "chunks, and then identity",
        "200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        true,
        Refused("transfer coding"),
    ),
    // All three take it.
    ("bare line ends", "200 OK\nX-A: 1\nContent-Length: 10", false, Taken),
    // curl and wget take it, aria2 refuses: a line end for some.
    ("a bare carriage return", "200 OK\r\nX-A: a\rContent-Length: 5\r\nContent-Length: 10", false, Refused("header")),
    // All three take it.
    ("an odd name", "200 OK\r\nX(A)@: 1\r\nContent-Length: 10", false, Taken),
    ("a name beyond ASCII", "200 OK\r\nX-\u{fc}: 1\r\nContent-Length: 10", false, Taken),
    // curl and wget take it.
    ("a blank in a name", "200 OK\r\nX A: 1\r\nContent-Length: 10", false, Taken),
    ("no name", "200 OK\r\n: x\r\nContent-Length: 10", false, Taken),
    // wget takes it; curl refuses.
    ("no colon", "200 OK\r\nnonsense\r\nContent-Length: 10", false, Taken),
    // What is passed over may be what ends the body.
    ("no colon and no length", "200 OK\r\nContent-Length 10", false, Refused("no length")),
    ("chunks under an odd name", "200 OK\r\nTransfer-Encoding\u{b}: chunked", true, Refused("no length")),
    // All three take it.
    ("a control character", "200 OK\r\nX-A: a\u{1}b\r\nContent-Length: 10", false, Taken),
    ("a delete character", "200 OK\r\nX-A: a\u{7f}b\r\nContent-Length: 10", false, Taken),
    ("letters beyond ASCII", "200 OK\r\nX-A: \u{e9}\r\nContent-Length: 10", false, Taken),
    // wget and aria2 take it, curl refuses.
    ("a NUL", "200 OK\r\nX-A: a\0b\r\nContent-Length: 10", false, Refused("header")),
    ("a NUL in a name", "200 OK\r\nX\0A: b\r\nContent-Length: 10", false, Refused("header")),
    // All three take it.
    ("no reason", "200\r\nContent-Length: 10", false, Taken),
    ("a blank for a reason", "200 \r\nContent-Length: 10", false, Taken),
    // curl and wget take it, aria2 refuses: the parser knows no such status.
    ("a reason without a blank", "200OK\r\nContent-Length: 10", false, Refused("status line")),
    ("a status of two digits", "20 OK\r\nContent-Length: 10", false, Refused("status line")),
    // curl and wget take it (as 10), aria2 too: no number of RFC 9110.
    ("a plus", "200 OK\r\nContent-Length: +10", false, Refused("content-length")),
    // curl and aria2 refuse.
    ("a negative length", "200 OK\r\nContent-Length: -10", false, Refused("content-length")),
    // curl refuses; wget and aria2 save an empty file.
    ("an empty length", "200 OK\r\nContent-Length:", false, Refused("content-length")),
    // curl and wget save an empty file.
    ("a hexadecimal length", "200 OK\r\nContent-Length: 0xA", false, Refused("content-length")),
    ("a length beyond 64 bits", "200 OK\r\nContent-Length: 99999999999999999999", false, Refused("content-length")),
    // All three take it.
    (
        "an informational answer",
        "103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10",
        false,
        Taken,
    ),
];

#[test]
fn heads_are_read_as_others_read_them_or_refused_with_the_reason() {
    for (name, head, is_chunked, outcome) in HEADS {
        let body = if is_chunked { CHUNKS } else { BODY };
        let end = if head.contains("\r\n") || !head.contains('\n') { "\r\n\r\n" } else { "\n\n" };
        judge(name, format!("HTTP/1.1 {head}{end}{body}").into_bytes(), &outcome);
    }
    let lengths = format!("200 OK\r\nContent-Length: 10\r\n\r\n{BODY}");
    // curl refuses it as HTTP/0.9, wget saves head and all.
    judge("leading blank lines", format!("\r\n\r\nHTTP/1.1 {lengths}").into_bytes(), &Taken);
    // wget and aria2 take it, curl refuses.
    judge("version 1.2", format!("HTTP/1.2 {lengths}").into_bytes(), &Refused("version"));
    judge("version 0.9", format!("HTTP/0.9 {lengths}").into_bytes(), &Refused("version"));
    // curl refuses, wget saves head and all, aria2 takes it.
    judge("ICY", format!("ICY {lengths}").into_bytes(), &Refused("HTTP"));
    judge("no head at all", BODY.as_bytes().to_vec(), &Refused("HTTP"));
    let chunked =
        |version: &str| format!("HTTP/{version} 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{CHUNKS}").into_bytes();
    // curl and wget take it, aria2 refuses: version 1.0 knows no chunks.
    judge("chunks in version 1.0", chunked("1.0"), &Refused("transfer-encoding"));
    let many: String = (0..300).map(|n| format!("X-{n}: a\r\n")).collect();
    // All three take it; the engine keeps no more than 256 fields.
    judge(
        "300 fields",
        format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 10\r\n\r\n{BODY}").into_bytes(),
        &Refused("too large"),
    );
    let long = "a".repeat(500_000);
    judge(
        "a long field",
        format!("HTTP/1.1 200 OK\r\nX: {long}\r\nContent-Length: 10\r\n\r\n{BODY}").into_bytes(),
        &Refused("too large"),
    );
}

#[track_caller]
fn judge(name: &str, answer: Vec<u8>, outcome: &Outcome) {
    let origin = Origin::start(move |_| Answer::verbatim(answer.clone()));
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--retry", "0"]);
    match outcome {
        Taken => {
            assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
            assert_eq!(engine.read("out"), BODY.as_bytes(), "{name}");
        }
        Refused(why) => {
            assert_eq!(run.code, Some(5), "{name}: {}", run.stderr);
            assert!(run.stderr.contains(why), "{name}: no `{why}` in {}", run.stderr);
            assert!(!engine.path("out").exists(), "{name}");
        }
    }
}

/// The same in the parts of a file.
#[test]
fn parts_have_such_heads_as_well() {
    let served = file(2, 1);
    let bytes = served.bytes.clone();
    let odd = |answer: Answer| answer.header("X-Folded", "a\r\n b").also("X Odd", "1").also("X-Blank ", "2");
    let origin = Origin::start(move |request| odd(served.at(request, "/file.bin")));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules", "-x", "4"]).exits(0);
    engine.assert_file("out", &bytes);
    assert!(origin.requests().iter().any(|request| request.start() > 0));
}

// Cookies come in heads, too.

/// Redirects to `to` until the cookie is there, as login gates and bot checks do.
fn gate(to: impl Fn(&str) -> String + Send + Sync + 'static, set: &'static str) -> Origin {
    let served = file(1, 1);
    Origin::start(move |request| {
        let has_it = request.header("Cookie").is_some_and(|cookies| cookies.contains("pass=1"));
        if has_it { served.answer(request) } else { Answer::redirect(to(&request.path)).header("Set-Cookie", set) }
    })
}

/// curl does it with `-b ''`, wget by default; aria2 never.
#[test]
fn a_cookie_of_a_redirect_is_sent_back() {
    let served = file(1, 1);
    for (origin, path) in [
        (gate(str::to_owned, "pass=1"), "/d/file.bin"),
        (gate(str::to_owned, "pass=1; Path=/; HttpOnly; SameSite=Strict"), "/file.bin"),
        (gate(str::to_owned, "pass=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "/file.bin"),
        (gate(|_| "/other/file.bin".into(), "pass=1; Path=/other"), "/file.bin"),
        (gate(|_| "/file.bin?again".into(), "pass=1; Domain=.wherever.example"), "/file.bin"),
    ] {
        let engine = Engine::new();
        engine.fetch(&origin.url(path), &["--no-rules", "-x", "2"]).exits(0);
        engine.assert_file("out", &served.bytes);
        assert!(origin.requests().len() < 8, "{:?}", origin.requests());
    }
}

#[test]
fn a_cookie_that_is_over_or_for_another_path_is_not_sent() {
    for set in [
        "pass=1; Max-Age=0",
        "pass=1; Path=/elsewhere",
        "pass=1; Secure",
        "pass=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT",
    ] {
        let origin = gate(str::to_owned, set);
        let engine = Engine::new();
        engine.fetch(&origin.file_url(), &["--no-rules"]).fails(5).says("redirects");
        assert!(origin.requests().iter().all(|request| request.header("Cookie").is_none()), "{set}");
    }
}

#[test]
fn cookies_of_a_run_stay_with_their_origin_and_their_run() {
    let served = file(1, 1);
    let honest = served.clone();
    let other = Origin::start(move |request| honest.answer(request));
    let target = other.url("/file.bin");
    let origin = Origin::start(move |_| Answer::redirect(target.clone()).header("Set-Cookie", "sid=kept; Path=/"));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache"]).exits(0);
    engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache", "--if-exists", "overwrite"]).exits(0);
    let sent = |origin: &Origin| origin.requests().iter().filter(|request| request.header("Cookie").is_some()).count();
    assert_eq!((sent(&other), sent(&origin)), (0, 0));
}

/// The user's own field says what it says; a cookie of their file gives way to
/// the newer one that the server sets, in memory.
#[test]
fn cookies_of_the_user_and_of_the_server() {
    let served = file(1, 1);
    let origin = Origin::start(move |request| match request.nth {
        0 => Answer::redirect("/file.bin?again")
            .header("Set-Cookie", "sid=s3cr3t-new; Path=/")
            .also("Set-Cookie", "mine=theirs"),
        _ => served.answer(request),
    });
    let engine = Engine::new();
    let file = "127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\ts3cr3t-old\n";
    engine.write("cookies.txt", file);
    engine
        .fetch(&origin.file_url(), &["--no-rules", "--cookies", "cookies.txt", "-H", "Cookie: mine=s3cr3t-1"])
        .exits(0);
    let sent: Vec<_> =
        origin.requests().iter().map(|request| request.header("Cookie").unwrap_or_default().to_owned()).collect();
    assert_eq!(&sent[..2], ["mine=s3cr3t-1; sid=s3cr3t-old", "mine=s3cr3t-1; sid=s3cr3t-new"]);
    engine.assert_file("cookies.txt", file.as_bytes());
}

#[test]
fn hostile_cookies_do_no_harm() {
    let served = file(1, 1);
    let bytes = served.bytes.clone();
    let origin = Origin::start(move |request| {
        let mut answer = match request.nth {
            0 => Answer::redirect("/file.bin?again"),
            _ => served.answer(request),
        };
        for n in 0..150 {
            answer = answer.also("Set-Cookie", format!("n{n}={}", "v".repeat(1000)));
        }
        answer.also("Set-Cookie", "=").also("Set-Cookie", format!("b={}", "v".repeat(9000)))
    });
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules", "-x", "1"]).exits(0);
    engine.assert_file("out", &bytes);
    let longest = origin.requests().iter().filter_map(|request| request.header("Cookie").map(str::len)).max();
    assert!(longest.is_some_and(|longest| (1000..=8190).contains(&longest)), "{longest:?}");
}
