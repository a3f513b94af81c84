//! What a file is called: by `Content-Disposition` in all its spellings, and
//! after redirects.

use crate::rig::{Answer, Ending, Engine, File, Origin, Run, file};

/// The name that a download gets without `-o`, of a server whose `/get?id=1`
/// answers with this field.
fn named_by(field: &str) -> String {
    let (served, value) = (file(1, 1), field.to_owned());
    let origin = Origin::start(move |request| served.answer(request).header("Content-Disposition", value.clone()));
    only_name(&origin, "/get?id=1")
}

fn only_name(origin: &Origin, path: &str) -> String {
    let engine = Engine::new();
    engine.download(["--no-rules", &origin.url(path)]).exits(0);
    let names = engine.listing();
    assert_eq!(names.len(), 1, "{path}: {names:?}");
    engine.assert_file(&names[0], &file(1, 1).bytes);
    names[0].clone()
}

/// Right is what Chromium and Firefox save; curl -J and wget keep the text as
/// it stands.
#[test]
fn fields_are_read_as_browsers_read_them() {
    for (field, name) in [
        // Percent-encoding in the plain parameter.
        ("attachment; filename=\"%E6%96%87.txt\"", "\u{6587}.txt"),
        ("attachment; filename=100%.txt", "100%.txt"),
        ("attachment; filename=\"..%2F..%2Fevil.txt\"", "evil.txt"),
        ("attachment; filename=\"%2Eprofile\"", "_profile"),
        ("attachment; filename=\"a%00%1b%0Ab.txt\"", "a___b.txt"),
        // The encoded words of mail.
        ("attachment; filename=\"=?UTF-8?B?5paHLnR4dA==?=\"", "\u{6587}.txt"),
        ("attachment; filename=\"=?utf-8?Q?=E6=96=87_a.txt?=\"", "\u{6587} a.txt"),
        ("attachment; filename=\"=?UTF-8?Q?=E6=96?= =?UTF-8?Q?=87.txt?=\"", "\u{6587}.txt"),
        ("attachment; filename=\"=?GBK?B?zsQudHh0?=\"", "\u{6587}.txt"),
        ("attachment; filename=\"=?utf-8?Q?=2E=2E=2Fevil.txt?=\"", "evil.txt"),
        // The extended parameter counts first, in the sets that are known.
        ("attachment; filename=x.txt; filename*=UTF-8''%E6%96%87.txt", "\u{6587}.txt"),
        ("attachment; filename*=ISO-8859-1'en'%E9.txt; filename=x.txt", "\u{e9}.txt"),
        ("attachment; filename*=UTF-8''%ff.txt; filename=x.txt", "x.txt"),
        // Raw bytes.
        ("attachment; filename=\"\u{6587}.txt\"", "\u{6587}.txt"),
        // Quotes, and what is in them.
        ("attachment; filename=\"a;b.txt\"", "a;b.txt"),
        ("attachment; filename=\"a\\\"b.txt\"", "a_b.txt"),
        ("attachment; filename=\"open.txt", "open.txt"),
        ("attachment; filename=a b.txt; x=y", "a b.txt"),
        ("attachment; filename=\"\"; filename=b.txt", "b.txt"),
        ("attachment; filename=a.txt; filename=b.txt", "a.txt"),
        ("filename=bare.txt", "bare.txt"),
        // Names that mean something to a system, or look like others.
        ("attachment; filename=\"CON.txt\"", "_CON.txt"),
        ("attachment; filename=\"a.txt . \"", "a.txt"),
        ("attachment; filename=\"C:\\\\dir\\\\a.txt\"", "a.txt"),
        ("attachment; filename*=UTF-8''%E2%80%AEgpj.exe", "_gpj.exe"),
        // Nothing of these is a name.
        ("attachment; filename=\"..\"", "get"),
        ("attachment; filename=\" \"", "get"),
        ("attachment", "get"),
    ] {
        assert_eq!(named_by(field), name, "{field}");
    }
}

#[test]
fn latin1_bytes_are_read_as_such() {
    let field = b"HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"\xe9t\xe9.txt\"\r\nContent-Length: 2\r\n\r\nhi";
    let origin = Origin::start(move |_| Answer::verbatim(*field));
    let engine = Engine::new();
    engine.download(["--no-rules", &origin.url("/get")]).exits(0);
    assert_eq!(engine.listing(), ["\u{e9}t\u{e9}.txt"]);
}

#[test]
fn a_long_name_keeps_its_extension() {
    let name = named_by(&format!("attachment; filename=\"{}.tar.gz\"", "\u{6587}".repeat(120)));
    assert!(name.len() <= 240 && name.ends_with("\u{6587}.tar.gz"), "{name}");
}

/// Browsers and aria2 name a file after the last URL; curl -O and wget after
/// the first.
#[test]
fn a_redirect_names_the_file() {
    let (served, other) = (file(1, 1), file(1, 1));
    let elsewhere = Origin::start(move |request| other.answer(request));
    let base = elsewhere.url("");
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/latest" => Answer::redirect("/hop"),
        "/hop" => Answer::redirect("/v1.2/tool.zip"),
        "/download?id=5" => Answer::redirect("/files/tool%201.0.zip?sig=x"),
        "/elsewhere" => Answer::redirect(format!("{base}/other.zip")),
        "/hidden" => Answer::redirect(format!("{base}/.bashrc")),
        "/device" => Answer::redirect("/NUL.txt"),
        "/climbs" => Answer::redirect("/a/..%2f..%2fevil"),
        "/turned" => Answer::redirect("/%E2%80%AEgpj.exe"),
        "/staged" => Answer::redirect("/x.turbo-state"),
        "/nameless.zip" => Answer::redirect("/dir/"),
        "/.dotted" => Answer::redirect("/real/.dotted"),
        "/both" => Answer::redirect("/by-url?named"),
        "/by-url?named" => served.answer(request).header("Content-Disposition", "attachment; filename=by-field"),
        _ => served.answer(request),
    });
    for (path, name) in [
        ("/latest", "tool.zip"),
        ("/download?id=5", "tool 1.0.zip"),
        ("/hidden", "_bashrc"),
        ("/device", "_NUL.txt"),
        ("/climbs", "evil"),
        ("/turned", "_gpj.exe"),
        ("/staged", "x_turbo-state"),
        ("/nameless.zip", "nameless.zip"),
        ("/.dotted", ".dotted"),
        ("/both", "by-field"),
    ] {
        assert_eq!(only_name(&origin, path), name, "{path}");
    }
    // Another origin may name it as well, and no name changes what -o says.
    let engine = Engine::new();
    engine.download(["--no-rules", "--allow-private-mirrors", &origin.url("/elsewhere")]).exits(0);
    assert_eq!(engine.listing(), ["other.zip"]);
    engine.download(["--no-rules", "-o", "mine", &origin.url("/latest")]).exits(0);
    assert_eq!(engine.listing(), ["mine", "other.zip"]);
}

/// The cache knows files by the URL that was asked for.
#[test]
fn the_cache_gives_a_redirected_file_the_same_name() {
    let served = file(1, 1);
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/latest" => Answer::redirect("/v1.2/%E6%96%87%20a.zip"),
        _ => served.answer(request).header("Cache-Control", "max-age=3600"),
    });
    let engine = Engine::new();
    engine.download(["--no-rules", &origin.url("/latest")]).exits(0);
    assert_eq!(engine.listing(), ["\u{6587} a.zip"]);
    let asked = origin.requests().len();
    let run = engine.download(["--no-rules", "--json", "-d", "again", &origin.url("/latest")]).exits(0);
    assert_eq!((run.receipt()["from_cache"].as_bool(), origin.requests().len()), (Some(true), asked));
    engine.assert_file("again/\u{6587} a.zip", &file(1, 1).bytes);
}

/// The journal is looked for before the answer that names the file.
#[test]
fn a_file_that_the_server_named_resumes() {
    let redirected: fn(&str) -> Option<Answer> = |path| (path == "/get").then(|| Answer::redirect("/v1/tool.zip"));
    let proposed: fn(&str) -> Option<Answer> = |_| None;
    for (way, first) in [("redirect", redirected), ("field", proposed)] {
        let served = file(8, 1);
        let serve = move |answer: Answer| match way {
            "field" => answer.header("Content-Disposition", "attachment; filename=tool.zip"),
            _ => answer,
        };
        let half = served.bytes.len() / 2;
        let begun = served.clone();
        let before = Origin::start(move |request| {
            first(&request.path).unwrap_or_else(|| {
                let answer = serve(begun.answer(request));
                if request.start() >= half {
                    Answer::silence()
                } else {
                    answer.cut(half - request.start(), Ending::Stall)
                }
            })
        });
        let whole = served.clone();
        let after = Origin::start(move |request| first(&request.path).unwrap_or_else(|| serve(whole.answer(request))));
        let engine = Engine::new();
        interrupted_at(&engine, &before, "tool.zip");
        let run = continued_at(&engine, &after, "http://files.example/get").exits(0);
        engine.assert_file("tool.zip", &served.bytes);
        assert!(run.receipt()["resumed_bytes"].as_u64() > Some(0), "{way}: {}", run.receipt());
        assert_eq!(engine.listing(), ["tool.zip"], "{way}");
        // Nor is it fetched a third time.
        let run = continued_at(&engine, &after, "http://files.example/get").exits(0);
        assert_eq!(run.receipt()["already_there"], true, "{way}");
    }
}

/// A new version has another name: what is left of the old one is not mixed in.
#[test]
fn a_redirect_to_a_new_version_begins_it() {
    let (old, new) = (file(8, 1), file(8, 2));
    let half = old.bytes.len() / 2;
    let before = Origin::start(move |request| match request.path.as_str() {
        "/get" => Answer::redirect("/tool-1.zip"),
        _ if request.start() >= half => Answer::silence(),
        _ => old.answer(request).cut(half - request.start(), Ending::Stall),
    });
    let served = new.clone();
    let after = Origin::start(move |request| match request.path.as_str() {
        "/get" => Answer::redirect("/tool-2.zip"),
        _ => served.answer(request),
    });
    let engine = Engine::new();
    interrupted_at(&engine, &before, "tool-1.zip");
    continued_at(&engine, &after, "http://files.example/get").exits(0);
    engine.assert_file("tool-2.zip", &new.bytes);
    engine.assert_absent("tool-1.zip");
}

/// Ends a download of `/get` once its journal is there.
fn interrupted_at(engine: &Engine, origin: &Origin, name: &str) {
    let resolve = origin.resolve("files.example:80");
    let run = engine.start([
        "download",
        "--no-rules",
        "--json",
        "-x",
        "2",
        "--stall-timeout",
        "60",
        "--resolve",
        &resolve,
        "http://files.example/get",
    ]);
    let state = engine.path(&format!("{name}.turbo-state"));
    let started = std::time::Instant::now();
    let has_bytes = |journal: Vec<u8>| {
        let journal: serde_json::Value = serde_json::from_slice(&journal).expect("a journal");
        journal["runs"].as_array().is_some_and(|runs| !runs.is_empty())
    };
    while !std::fs::read(&state).is_ok_and(has_bytes) {
        assert!(started.elapsed().as_secs() < 60, "no journal at {}: {:?}", state.display(), engine.listing());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    run.signal("INT");
    run.finish().exits(9);
}

/// Runs it again, with another server behind the same URL.
fn continued_at(engine: &Engine, origin: &Origin, url: &str) -> Run {
    let resolve = origin.resolve("files.example:80");
    engine.download(["--no-rules", "--no-cache", "--json", "--resolve", &resolve, url])
}

/// The origin names a file, whoever answers first.
#[test]
fn a_mirror_names_nothing() {
    let served: File = file(1, 1);
    let copy = served.clone();
    let mirror = Origin::start(move |request| {
        copy.answer(request).header("Content-Disposition", "attachment; filename=of-the-mirror")
    });
    let origin = Origin::start(move |request| served.answer(request).late(std::time::Duration::from_secs(2)));
    let engine = Engine::new();
    engine.download(["--no-rules", "--mirror", &mirror.url("/m"), &origin.url("/file.bin")]).exits(0);
    assert_eq!(engine.listing(), ["file.bin"]);
}
