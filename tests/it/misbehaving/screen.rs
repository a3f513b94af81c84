//! The progress display, on a real pseudo terminal.

use std::time::Duration;

use crate::rig::pty::OnTerminal;
use crate::rig::{Answer, Ending, Engine, File, MIB, MIB_PER_SECOND, Origin, data, file};

/// Files of a megabyte, whose second half comes slowly.
fn slow() -> Origin {
    let served = file(1, 1);
    Origin::start(move |request| served.answer(request).paced(MIB_PER_SECOND / 7))
}

/// A run on a terminal of this size, with `TERM` as given.
fn on_terminal(engine: &Engine, arguments: &[&str], size: (u16, u16), term: Option<&str>) -> OnTerminal {
    let short = ["download", "--no-rules", "-x", "1", "--stall-timeout", "20"];
    OnTerminal::start(engine, &[&short, arguments].concat(), size, term)
}

fn list(engine: &Engine, origin: &Origin, names: &[String]) {
    engine.write("list", names.iter().map(|name| format!("{}\n", origin.url(&format!("/{name}")))).collect::<String>());
}

/// A row that wraps is drawn again one row lower each time: in the field a
/// download at 40 columns filled the screen in seconds.
#[test]
fn one_row_a_file_at_any_width() {
    let origin = slow();
    for columns in [30, 40, 60, 80, 132] {
        let engine = Engine::new();
        let names: Vec<String> = (0..3).map(|nth| format!("a-rather-long-name-of-a-file-{nth}.tar.gz")).collect();
        list(&engine, &origin, &names);
        let mut run = on_terminal(&engine, &["-i", "list"], (24, columns), Some("xterm"));
        run.wait_for(|lines| lines.iter().filter(|line| line.contains(" 2") && line.contains('%')).count() >= 3);
        let lines = run.screen.lines();
        assert_eq!(lines.len(), 4, "at {columns} columns: {lines:#?}");
        for (nth, line) in lines[..3].iter().enumerate() {
            assert!(line.starts_with("a-ra"), "at {columns} columns: {lines:#?}");
            assert!(line.contains(&format!("-{nth}.")) || columns < 132, "the order changed: {lines:#?}");
        }
        assert!(lines[3].starts_with("0 of 3 files"), "at {columns} columns: {lines:#?}");
        assert_eq!(run.screen.wrapped, 0, "at {columns} columns: {lines:#?}");
        run.signal("INT");
        let (code, lines) = run.finish();
        assert_eq!(code, Some(9), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains('%')), "rows were left behind: {lines:#?}");
    }
}

#[test]
fn more_files_than_rows_are_counted() {
    let origin = slow();
    let engine = Engine::new().variable("TURBO_ENGINE_JOBS", "12");
    list(&engine, &origin, &(0..12).map(|nth| format!("file-{nth}.bin")).collect::<Vec<_>>());
    let mut run = on_terminal(&engine, &["-i", "list"], (8, 80), Some("xterm"));
    run.wait_for(|lines| lines.iter().any(|line| line.starts_with("0 of 12 files, 6 more")));
    let lines = run.screen.lines();
    assert_eq!(lines.len(), 7, "{lines:#?}");
    assert_eq!(run.screen.wrapped, 0);
    // A window made larger has room for all of them, one made narrower for no row that wraps.
    run.resize(24, 80);
    run.wait_for(|lines| lines.iter().filter(|line| line.contains("file-")).count() == 12);
    run.resize(24, 32);
    run.wait_for(|lines| lines.iter().filter(|line| line.contains("file-")).count() == 12);
    assert_eq!(run.screen.wrapped, 0, "{:#?}", run.screen.lines());
}

/// As serial lines and some containers: rows and columns are zero.
#[test]
fn a_terminal_without_a_size_has_80_columns() {
    let origin = slow();
    let engine = Engine::new();
    let mut run = on_terminal(&engine, &[&origin.url("/file.bin")], (0, 0), Some("xterm"));
    run.wait_for(|lines| lines.iter().any(|line| line.contains("eta")));
    assert_eq!((run.screen.lines().len(), run.screen.wrapped), (1, 0), "{:#?}", run.screen.lines());
}

/// aria2 and indicatif show the last rate, or an eta of 0 s.
#[test]
fn a_stalled_file_says_so() {
    let served = file(1, 1);
    let origin = Origin::start(move |request| match request.start() {
        0 => served.answer(request).cut(MIB / 2, Ending::Stall),
        _ => Answer::silence(),
    });
    let engine = Engine::new();
    let mut run = on_terminal(&engine, &[&origin.file_url()], (24, 100), Some("xterm"));
    run.wait_for(|lines| lines.iter().any(|line| line.contains("stalled")));
    assert!(!run.screen.lines().concat().contains("eta"), "{:#?}", run.screen.lines());
    assert!(!run.screen.sent.contains("eta 0s"));
}

#[test]
fn names_are_decoded_and_harmless() {
    let origin = slow();
    let engine = Engine::new();
    list(&engine, &origin, &["%E6%96%87%E5%AD%97.bin".into(), "a%1b%5b2J%E2%80%AEgpj.exe".into()]);
    let mut run = on_terminal(&engine, &["-i", "list"], (24, 120), Some("xterm"));
    run.wait_for(|lines| lines.iter().filter(|line| line.contains('%') && line.contains("connection")).count() == 2);
    let lines = run.screen.lines();
    assert!(lines.iter().any(|line| line.starts_with("\u{6587}\u{5b57}.bin [")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("a_[2J_gpj.exe [")), "{lines:#?}");
    assert!(!run.screen.sent.contains(['\u{202e}']) && !run.screen.sent.contains("\x1b[2J"));
}

/// curl and wget look at TERM as well; a dumb terminal shows escapes as text.
#[test]
fn a_terminal_that_moves_no_cursor_gets_plain_lines() {
    let file = File::new(data::bytes(MIB, 1)).etag("\"1\"");
    let origin = Origin::file(&file);
    for term in [Some("dumb"), Some("none"), Some(""), None] {
        let engine = Engine::new();
        let (code, lines) = on_terminal(&engine, &[&origin.file_url()], (24, 200), term).finish();
        assert_eq!(code, Some(0), "{term:?}: {lines:#?}");
        assert_eq!(lines.len(), 1, "{term:?}: {lines:#?}");
        assert!(lines[0].starts_with("file.bin: 1.00 MiB in "), "{term:?}: {lines:#?}");
        let mut refused = on_terminal(&engine, &["--if-exists", "fail", &origin.file_url()], (24, 200), term);
        refused.wait_for(|lines| lines.iter().any(|line| line.starts_with("error: ")));
        assert!(!refused.screen.sent.contains('\x1b'), "{term:?}: {:?}", refused.screen.sent);
    }
}

/// Finished, kept for resume, not begun: three numbers, not one.
#[test]
fn an_interrupted_list_counts_what_was_kept() {
    let served = file(1, 1);
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/done.bin" => served.answer(request),
        "/silent.bin" => Answer::silence(),
        _ => served.answer(request).cut(MIB / 2, Ending::Stall),
    });
    let engine = Engine::new().variable("TURBO_ENGINE_JOBS", "2");
    list(&engine, &origin, &["done.bin", "half.bin", "silent.bin", "never.bin"].map(str::to_owned));
    let arguments = ["download", "--no-rules", "-x", "1", "--stall-timeout", "60", "--json", "-i", "list"];
    let mut run = engine.start(arguments);
    run.wait_for(|event| event["event"] == "done");
    run.wait_for(|event| event["event"] == "progress" && event["bytes"].as_u64() >= Some(MIB as u64 / 2));
    // What is written is in the journal within a second.
    let journalled = || std::fs::metadata(engine.path("half.bin.turbo-state")).is_ok();
    while !journalled() {
        std::thread::sleep(Duration::from_millis(20));
    }
    run.signal("INT");
    let run = run.finish().exits(9);
    let events = run.events();
    let summary = events.last().expect("a summary");
    assert_eq!(summary["event"], "summary");
    for (what, count) in [("done", 1), ("interrupted", 3), ("kept", 1), ("not_begun", 2)] {
        assert_eq!(summary[what], count, "{what}: {summary}");
    }
    assert!(summary["kept_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{summary}");
    // A second run, ended at once, still counts what is there.
    let run = engine.start(["download", "--no-rules", "-x", "1", "--stall-timeout", "60", "-i", "list"]);
    while origin.requests_for("/silent.bin").len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    run.signal("INT");
    let run = run.finish().exits(9);
    let line = run.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with("4 files: 0 done, 1 already there, 1 kept for resume ("), "{}", run.stderr);
    assert!(line.contains("), 2 not begun; "), "{}", run.stderr);
}
