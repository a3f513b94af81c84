//! Servers that break off, lie, stall and limit: the bytes are right in the
//! end, or the run fails with nothing under the final name.

mod lies;
mod wire;

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::rig::{Answer, Ending, Engine, File, KIB, MIB, MIB_PER_SECOND, Origin, Request, Run, file};

/// Downloads from a server that answers by `script`.
fn against(script: impl Fn(&Request, &File) -> Answer + Send + Sync + 'static) -> (Engine, Run, File, Origin) {
    let file = file(4, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| {
        if request.path.starts_with("/file.bin") { script(request, &served) } else { Answer::status(404) }
    });
    let engine = Engine::new();
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "-x", "4"]);
    (engine, run, file, origin)
}

/// The fault is survived: exit 0 and the right bytes.
#[track_caller]
fn survives(script: impl Fn(&Request, &File) -> Answer + Send + Sync + 'static) -> Origin {
    let (engine, run, file, origin) = against(script);
    run.exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(engine.listing(), ["out"]);
    origin
}

/// The fault cannot be survived: the exit code is `code`, and nothing is there.
#[track_caller]
fn gives_up(code: i32, script: impl Fn(&Request, &File) -> Answer + Send + Sync + 'static) -> Run {
    let (engine, run, _, _origin) = against(script);
    let run = run.fails(code);
    engine.assert_absent("out");
    run
}

#[test]
fn connections_that_break_are_continued() {
    for ending in [Ending::Close, Ending::Reset, Ending::Stall] {
        let origin = survives(move |request, file| {
            let answer = file.answer(request);
            if request.nth < 2 { answer.cut(300 * KIB, ending) } else { answer }
        });
        let refetched = origin.requests().iter().filter(|request| request.start() == 0).count();
        assert!(refetched <= 2, "{ending:?}: bytes were thrown away: {:?}", origin.requests());
    }
}

/// Every answer breaks off, yet every answer brings something: progress is no failure.
#[test]
fn a_server_that_always_breaks_off_is_worn_down() {
    survives(|request, file| file.answer(request).cut(400 * KIB, Ending::Close));
}

#[test]
fn a_server_that_never_sends_a_byte_exits_4() {
    gives_up(4, |_, _| Answer::silence());
    gives_up(4, |request, file| file.answer(request).cut(0, Ending::Reset));
    gives_up(4, |request, file| file.answer(request).cut(0, Ending::Stall));
}

#[test]
fn a_first_silence_is_replaced() {
    survives(|request, file| if request.nth == 0 { Answer::silence() } else { file.answer(request) });
}

#[test]
fn a_server_without_ranges_sends_one_stream() {
    let origin = survives(|request, file| file.clone().without_ranges().answer(request));
    assert_eq!(origin.requests_for("/file.bin").len(), 1, "{:?}", origin.requests());
}

#[test]
fn a_body_without_a_length_is_whole_only_when_it_ends() {
    survives(|request, file| file.clone().without_ranges().answer(request).chunked());
    survives(|request, file| file.clone().without_ranges().answer(request).until_close());
    // A chunked body that lacks its last chunk is a broken transfer, not a short file.
    gives_up(4, |request, file| file.clone().without_ranges().answer(request).chunked().cut(MIB, Ending::Close));
}

#[test]
fn a_range_request_may_be_answered_with_the_whole_file() {
    survives(
        |request, file| {
            if request.nth == 0 { file.answer(request) } else { file.clone().without_ranges().answer(request) }
        },
    );
}

/// 206 for another range than asked: writing it where it was asked for corrupts.
#[test]
fn a_206_for_another_range_is_refused() {
    survives(|request, file| {
        let wanted = request.part(file.bytes.len());
        match wanted.filter(|span| span.start > 0 && request.nth < 4) {
            Some(span) => file.partial(span.start - 1..span.end - 1),
            None => file.answer(request),
        }
    });
    gives_up(5, |request, file| match request.part(file.bytes.len()) {
        Some(span) => file.partial(0..span.len() / 2).header("Content-Range", "bytes 7-9/12"),
        None => Answer::status(416),
    });
}

#[test]
fn a_206_that_disagrees_on_the_size_is_refused() {
    survives(|request, file| {
        let answer = file.answer(request);
        let span = request.part(file.bytes.len()).filter(|span| span.start > 0 && request.nth < 4);
        match span {
            Some(span) => answer.header("Content-Range", format!("bytes {}-{}/99999999", span.start, span.end - 1)),
            None => answer,
        }
    });
}

#[test]
fn a_206_without_content_range_is_refused() {
    gives_up(5, |request, file| {
        let mut answer = file.partial(0..file.bytes.len());
        answer.headers.clear();
        if request.header("Range").is_some() { answer } else { Answer::status(500) }
    });
}

#[test]
fn more_bytes_than_declared_are_not_written() {
    survives(|request, file| {
        let answer = file.answer(request);
        if (1..4).contains(&request.nth) {
            // Cut by the declaration: the rest must not leak into the next answer.
            let declared = answer.span.len() / 2;
            answer.declare(declared)
        } else {
            answer
        }
    });
}

#[test]
fn fewer_bytes_than_declared_are_not_the_end() {
    survives(|request, file| {
        let answer = file.answer(request);
        let length = answer.span.len();
        if request.nth == 0 { answer.cut(length / 2, Ending::Close).declare(length) } else { answer }
    });
}

#[test]
fn a_file_that_changes_under_way_is_never_mixed() {
    let new = file(4, 2);
    let replaced = new.clone();
    let (engine, run, _, _origin) =
        against(
            move |request, old| {
                if request.nth == 0 { old.answer(request).cut(MIB, Ending::Close) } else { replaced.answer(request) }
            },
        );
    run.exits(0);
    engine.assert_file("out", &new.bytes);
}

/// What belongs to the first answer must not be said of the second.
#[test]
fn a_stream_that_changes_under_way_is_never_mixed() {
    let new = file(2, 2).without_ranges();
    let replaced = new.clone();
    let (engine, run, _, origin) = against(move |request, old| match request.nth {
        0 => old.clone().without_ranges().answer(request).cut(MIB, Ending::Close),
        _ => replaced.answer(request),
    });
    run.exits(0);
    engine.assert_file("out", &new.bytes);
    let receipt = engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache"]).exits(0).receipt();
    assert_eq!(receipt["already_there"], true, "{receipt:#}");
}

#[test]
fn a_stream_that_changes_to_another_of_its_size_is_known_by_its_own_validators() {
    let new = file(4, 2).without_ranges();
    let replaced = new.clone();
    let (engine, run, _, origin) = against(move |request, old| match request.nth {
        0 => old.clone().without_ranges().answer(request).cut(MIB, Ending::Close),
        _ => replaced.answer(request),
    });
    run.exits(0);
    engine.assert_file("out", &new.bytes);
    let receipt = engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache"]).exits(0).receipt();
    assert_eq!(receipt["already_there"], true, "{receipt:#}");
}

/// The server ignores `If-Range`, so the validator on the 206 is the only sign.
#[test]
fn a_change_behind_an_ignored_if_range_is_seen() {
    let new = file(4, 2);
    let replaced = new.clone();
    let (engine, run, _, _origin) = against(move |request, old| {
        if request.nth == 0 {
            return old.answer(request).cut(MIB, Ending::Close);
        }
        match request.part(replaced.bytes.len()) {
            Some(span) => replaced.partial(span).header("ETag", "\"v2\""),
            None => replaced.answer(request),
        }
    });
    run.exits(0);
    engine.assert_file("out", &new.bytes);
}

/// Some networks answer a range with 200 although `If-Range` names the current entity tag.
#[test]
fn a_200_to_if_range_loses_no_truth() {
    survives(|request, file| {
        if request.header("If-Range").is_some() {
            file.clone().without_ranges().answer(request)
        } else if request.nth == 0 {
            file.answer(request).cut(MIB, Ending::Close)
        } else {
            file.answer(request)
        }
    });
}

#[test]
fn forced_compression_is_refused_or_undone() {
    let (engine, run, file, _origin) = against(|request, file| file.answer(request).header("Content-Encoding", "gzip"));
    match run.code {
        Some(0) => engine.assert_file("out", &file.bytes),
        Some(4..=6) => engine.assert_absent("out"),
        _ => panic!("{run:?}"),
    }
}

#[test]
fn being_told_to_wait_is_honoured() {
    for status in [429, 503] {
        let (engine, run, file, origin) = against(move |request, file| {
            if request.nth == 0 { Answer::status(status).header("Retry-After", "2") } else { file.answer(request) }
        });
        let run = run.exits(0);
        engine.assert_file("out", &file.bytes);
        assert!(run.took.as_secs_f64() >= 1.9, "{status}: asked again after {:?}", run.took);
        assert!(origin.requests().len() >= 2);
    }
}

/// A server that allows two requests at a time must be left at two, not hammered.
#[test]
fn a_limit_of_connections_is_respected() {
    let open = AtomicUsize::new(0);
    let origin = survives(move |request, file| {
        // Four ranges are refused; by then the client should have understood.
        let refused = request.start() > 0 && open.fetch_add(1, Ordering::SeqCst) < 4;
        if refused { Answer::status(503) } else { file.answer(request).paced(2 * MIB_PER_SECOND) }
    });
    let asked = origin.requests_for("/file.bin").len();
    assert!(asked < 40, "{asked} requests");
}

#[test]
fn endless_headers_are_refused() {
    gives_up(5, |request, file| file.answer(request).padded(10_000));
}

#[test]
fn what_is_no_http_is_refused() {
    gives_up(5, |request, file| file.answer(request).header("Bad\0Name", "x"))
        .says("cannot be read: invalid HTTP header");
}

/// A range that is never served again: one stream from the start, at most once more.
#[test]
fn ranges_that_stop_being_served_cost_one_restart() {
    let origin = survives(|request, file| match request.nth {
        0 => file.answer(request).cut(MIB, Ending::Close),
        _ => file.clone().without_ranges().answer(request),
    });
    assert!(origin.requests().len() < 10, "{:?}", origin.requests());
}

#[test]
fn a_redirect_loop_ends() {
    gives_up(5, |_, _| Answer::redirect("/file.bin?again")).says("redirect");
}

#[test]
fn a_redirect_out_of_http_is_refused() {
    for target in
        ["file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:alert(1)", "data:text/plain,x", "http://[::", ""]
    {
        let run = gives_up(5, move |_, _| Answer::redirect(target));
        assert!(!run.stderr.contains("root:"), "{}", run.stderr);
    }
}

/// What a server on the web says must not make the engine call into a private network.
#[test]
fn a_redirect_to_another_private_address_is_refused() {
    let inner = Origin::file(&file(1, 1));
    let target = inner.file_url();
    let (engine, run, _, _origin) = against(move |_, _| Answer::redirect(target.replace("127.0.0.1", "127.0.0.2")));
    run.fails(5).says("--allow-private-mirrors");
    engine.assert_absent("out");
    for metadata in
        ["http://169.254.169.254/latest/meta-data/", "http://[::1]/x", "http://10.0.0.1/x", "http://0.0.0.0/x"]
    {
        let run = gives_up(5, move |_, _| Answer::redirect(metadata));
        assert!(run.took.as_secs() < 10, "it was tried: {:?}", run.took);
    }
}

/// A signed link expires mid-file: ask the original again, keep the bytes.
#[test]
fn an_expired_link_is_resolved_again() {
    let file = file(4, 1);
    let served = file.clone();
    let issued = AtomicUsize::new(0);
    let origin = Origin::start(move |request| {
        if request.path == "/file.bin" {
            return Answer::redirect(format!("/signed?n={}", issued.fetch_add(1, Ordering::SeqCst)));
        }
        let answer = served.answer(request);
        match request.path.as_str() {
            "/signed?n=0" if request.start() == 0 => answer.cut(MIB, Ending::Close),
            "/signed?n=0" => Answer::status(403),
            path if path.starts_with("/signed") => answer,
            _ => Answer::status(404),
        }
    });
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules", "-x", "1"]).exits(0);
    engine.assert_file("out", &file.bytes);
    let again = origin.requests().into_iter().filter(|request| request.path.starts_with("/signed?n=1"));
    assert!(again.clone().count() > 0 && again.clone().all(|request| request.start() > 0), "bytes were thrown away");
}

/// A link for each time: every connection that finds its link used asks for a new one.
#[test]
fn a_link_that_is_good_once_is_resolved_each_time() {
    let file = file(4, 1);
    let served = file.clone();
    let (issued, used) = (AtomicUsize::new(0), Mutex::new(HashSet::new()));
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/file.bin" => Answer::redirect(format!("/once?n={}", issued.fetch_add(1, Ordering::SeqCst))),
        path if used.lock().expect("no panic").insert(path.to_owned()) => {
            served.answer(request).paced(2 * MIB_PER_SECOND)
        }
        _ => Answer::status(410),
    });
    let engine = Engine::new();
    let receipt = engine.fetch(&origin.file_url(), &["--no-rules", "-x", "4"]).exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    assert!(origin.requests_for("/file.bin").len() > 1, "{:?}", origin.requests());
    assert_eq!(receipt["sources"][0]["failures"], 0, "{receipt:#}");
}

/// The storage that a redirect led to dies: the way back is the URL itself.
#[test]
fn a_dead_end_is_left_by_the_way_that_led_there() {
    let file = file(4, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/file.bin" if request.nth == 0 => Answer::redirect("/dying"),
        "/file.bin" => Answer::redirect("/healthy"),
        "/dying" if request.start() == 0 => served.answer(request).cut(MIB, Ending::Close),
        "/dying" => Answer::status(500),
        _ => served.at(request, "/healthy"),
    });
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--no-rules", "-x", "1"]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert!(origin.requests_for("/healthy").iter().all(|request| request.start() > 0), "bytes were thrown away");
}

/// 416 on a finished file: the body is an error page, not the rest of the file.
#[test]
fn a_416_body_is_never_appended() {
    survives(|request, file| {
        if request.nth == 1 { Answer::status(416).header("Content-Range", "bytes */1") } else { file.answer(request) }
    });
}

#[test]
fn a_weak_entity_tag_proves_nothing_but_harms_nothing() {
    survives(|request, file| file.clone().etag("W/\"weak\"").answer(request).cut(MIB, Ending::Close));
}
