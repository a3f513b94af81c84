//! Downloads that go well: one origin or several, every way to name the
//! output, and what is reported of them.

use crate::rig::{
    Answer, Authority, Ending, Engine, File, MARK, MIB, MIB_PER_SECOND, Origin, Proxy, Run, basic, bytes_by_host, data,
    file, sha256,
};

#[test]
fn the_name_comes_from_the_url() {
    let file = file(3, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.download([origin.file_url()]).exits(0);
    assert_eq!(engine.listing(), ["file.bin"]);
    engine.assert_file("file.bin", &file.bytes);
}

#[test]
fn an_output_may_be_a_path_or_a_folder() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.download(["-o", "deep/er/name", &origin.file_url()]).exits(0);
    engine.assert_file("deep/er/name", &file.bytes);
    engine.download(["-d", "folder", &origin.file_url()]).exits(0);
    engine.assert_file("folder/file.bin", &file.bytes);
}

#[test]
fn the_server_may_suggest_a_name() {
    let file = file(1, 1);
    let suggested = |header: &'static str| {
        let served = file.clone();
        let origin = Origin::start(move |request| match request.path.as_str() {
            "/get?id=1" => served.answer(request).header("Content-Disposition", header),
            _ => Answer::status(404),
        });
        let engine = Engine::new();
        engine.download([origin.url("/get?id=1")]).exits(0);
        let names = engine.listing();
        assert_eq!(names.len(), 1, "{header}: {names:?}");
        engine.assert_file(&names[0], &file.bytes);
        names[0].clone()
    };
    assert_eq!(suggested("attachment; filename=\"plain name.zip\""), "plain name.zip");
    assert_eq!(suggested("attachment; filename=x.zip; filename*=UTF-8''na%C3%AFve.zip"), "na\u{ef}ve.zip");
    // A name can neither leave the folder, nor hide, nor mean a device.
    for hostile in ["../../evil", "/etc/evil", "..\\evil", ".bashrc", "CON", "a%1B[2Jb", "..", "%2e%2e%2fevil", ""] {
        let field = format!("attachment; filename=\"{hostile}\"; filename*=UTF-8''{hostile}");
        let name = suggested(Box::leak(field.into_boxed_str()));
        assert!(!name.starts_with('.') && !name.eq_ignore_ascii_case("con"), "{hostile:?} gave {name:?}");
        assert!(!name.contains(['/', '\\', '\u{1b}']), "{hostile:?} gave {name:?}");
    }
}

#[test]
fn standard_output_gets_the_bytes_in_order() {
    let file = file(9, 3);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let run = engine.download(["-o", "-", "-x", "4", &origin.file_url()]).exits(0);
    assert_eq!(sha256(&run.stdout), sha256(&file.bytes));
    assert!(engine.listing().is_empty(), "{:?}", engine.listing());
}

#[test]
fn standard_output_tells_a_wrong_checksum_after_the_bytes() {
    let file = file(1, 3);
    let origin = Origin::file(&file);
    let wrong = format!("sha-256:{}", sha256(b"else"));
    Engine::new().download(["-o", "-", "--checksum", &wrong, &origin.file_url()]).fails(6);
}

/// What is out of the pipe cannot be taken back: no second file may follow the half of a first.
#[test]
fn standard_output_never_mixes_two_files() {
    let (old, new) = (file(4, 1), file(4, 2));
    let served = new.clone();
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/file.bin" if request.nth == 0 => old.answer(request).cut(MIB, Ending::Close),
        _ => served.at(request, "/file.bin"),
    });
    let run = Engine::new().download(["-o", "-", "-x", "1", &origin.file_url()]).fails(6);
    assert!(run.stdout.len() <= MIB, "{} bytes", run.stdout.len());
}

#[test]
fn sizes_at_the_edges_arrive() {
    for len in [0, 1, 2, 65_535, 65_536, 65_537, MIB - 1, MIB + 1, 5 * MIB + 3] {
        let file = File::new(data::bytes(len, 7)).etag("\"edge\"");
        let origin = Origin::file(&file);
        let engine = Engine::new();
        let run = engine.fetch(&origin.file_url(), &["-x", "8"]).exits(0);
        engine.assert_file("out", &file.bytes);
        assert_eq!(run.receipt()["size"], len);
    }
}

/// No HEAD and no probe: the first request is a GET that can carry the whole file.
#[test]
fn the_first_request_is_the_first_segment() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    Engine::new().fetch(&origin.file_url(), &["--no-rules"]).exits(0);
    let requests = origin.requests_for("/file.bin");
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:?}");
    assert_eq!(requests[0].start(), 0);
    assert_eq!(requests[0].header("Accept-Encoding").unwrap_or("identity"), "identity");
}

#[test]
fn several_connections_share_one_slow_origin() {
    let file = file(12, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(2 * MIB_PER_SECOND));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["-x", "8"]).exits(0);
    engine.assert_file("out", &file.bytes);
    let mut starts: Vec<usize> = origin.requests_for("/file.bin").iter().map(crate::rig::Request::start).collect();
    starts.sort_unstable();
    starts.dedup();
    assert!(starts.len() >= 3, "only {starts:?}");
}

#[test]
fn one_connection_means_one() {
    let file = file(6, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["-x", "1"]).exits(0);
    engine.assert_file("out", &file.bytes);
    let requests = origin.requests_for("/file.bin");
    assert_eq!(requests.len(), 1, "{requests:?}");
}

#[test]
fn mirrors_and_the_origin_work_together() {
    let file = file(16, 1);
    let slow = |file: &File| {
        let served = file.clone();
        Origin::start(move |request| served.at(request, "/file.bin").paced(2 * MIB_PER_SECOND))
    };
    let (origin, first, second) = (slow(&file), slow(&file), slow(&file));
    let engine = Engine::new();
    let mirrors = ["--mirror", &first.file_url(), "--mirror", &second.file_url(), "--max-per-host", "2"];
    let receipt = engine.fetch(&origin.file_url(), &mirrors).exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    let sources = bytes_by_host(&receipt);
    assert_eq!(sources.len(), 3, "{receipt:#}");
    let total: u64 = sources.iter().map(|(_, bytes)| bytes).sum();
    assert!(total >= file.bytes.len() as u64, "{receipt:#}");
    assert_eq!(receipt["sha256"], sha256(&file.bytes));
}

#[test]
fn the_origin_gets_no_more_connections_than_a_host_may() {
    let file = file(4, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").paced(2 * MIB_PER_SECOND));
    let engine = Engine::new();
    for (flags, most) in [(["-x", "4", "--max-per-host", "2"], 2), (["-x", "4", "--max-per-host", "auto"], 4)] {
        let run = engine.fetch(&origin.file_url(), &[&flags[..], &["--no-cache", "--if-exists", "overwrite"]].concat());
        let events = run.exits(0).events();
        let open = events.iter().filter_map(|event| event["connections"].as_u64()).max();
        assert_eq!(open, Some(most), "{flags:?}");
    }
}

#[test]
fn headers_reach_the_origin() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let more = ["-H", "X-Token: abc", "--user-agent", "probe/1.0"];
    Engine::new().fetch(&origin.file_url(), &more).exits(0);
    for request in origin.requests_for("/file.bin") {
        assert_eq!(request.header("X-Token"), Some("abc"));
        assert_eq!(request.header("User-Agent"), Some("probe/1.0"));
    }
}

#[test]
fn netrc_is_read_when_asked() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    std::fs::write(engine.home().join(".netrc"), "machine 127.0.0.1 login me password s3cr3t\n").expect("scratch");
    std::fs::write(engine.home().join("_netrc"), "machine 127.0.0.1 login me password s3cr3t\n").expect("scratch");
    engine.fetch(&origin.file_url(), &["--no-cache"]).exits(0);
    assert!(origin.requests().iter().all(|request| request.header("Authorization").is_none()));
    engine.fetch(&origin.file_url(), &["--no-cache", "--netrc", "--if-exists", "overwrite"]).exits(0);
    let last = origin.requests_for("/file.bin").pop().expect("requests");
    assert_eq!(last.header("Authorization"), Some(&*basic("me", MARK)));
}

#[test]
fn a_proxy_carries_plain_and_tls() {
    let file = file(2, 1);
    let plain = Origin::file(&file);
    let proxy = Proxy::start(plain.address());
    let engine = Engine::new();
    engine.fetch("http://behind.example/file.bin", &["--proxy", &proxy.url()]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert!(proxy.requests().iter().all(|request| request.path.starts_with("http://behind.example/")));

    let authority = Authority::new();
    let served = file.clone();
    let tls = Origin::start_tls(&authority, &["behind.example"], move |request| served.at(request, "/file.bin"));
    let proxy = Proxy::start(tls.address());
    let engine = Engine::new();
    let more = ["--proxy", &proxy.url(), "--cacert", &authority.pem()];
    engine.fetch("https://behind.example/file.bin", &more).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(proxy.requests()[0].method, "CONNECT");
    assert_eq!(proxy.requests()[0].path, "behind.example:443");
}

#[test]
fn noproxy_goes_straight() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let proxy = Proxy::start(origin.address());
    let more = ["--proxy", &proxy.url(), "--noproxy", "127.0.0.1"];
    Engine::new().fetch(&origin.file_url(), &more).exits(0);
    assert!(proxy.requests().is_empty(), "{:?}", proxy.requests());
}

#[test]
fn quiet_is_silent() {
    let origin = Origin::file(&file(1, 1));
    let run = Engine::new().download(["-q", &origin.file_url()]).exits(0);
    assert_eq!((run.text().as_str(), run.stderr.as_str()), ("", ""));
}

/// Standard output is for data: without `--json` a download to a file says nothing there.
#[test]
fn messages_go_to_standard_error() {
    let origin = Origin::file(&file(1, 1));
    assert_eq!(Engine::new().download([origin.file_url()]).exits(0).text(), "");
}

#[test]
fn events_tell_the_story_in_order() {
    let origin = Origin::file(&file(2, 1));
    let events = Engine::new().fetch(&origin.file_url(), &[]).exits(0).events();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"start"), Some(&"done")), "{names:?}");
    assert!(names.contains(&"source"), "{names:?}");
}

#[test]
fn the_receipt_is_complete() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let digest = format!("sha-256:{}", sha256(&file.bytes));
    let run = engine.fetch(&origin.file_url(), &["--receipt", "receipt.json", "--checksum", &digest]).exits(0);
    let written: serde_json::Value = serde_json::from_slice(&engine.read("receipt.json")).expect("JSON");
    assert_eq!(written, run.receipt());
    assert_eq!(written["v"], 1);
    assert_eq!(written["url"], origin.file_url());
    assert_eq!(written["size"], file.bytes.len());
    assert_eq!(written["sha256"], sha256(&file.bytes));
    assert_eq!(written["verified"]["by"], "checksum");
    assert_eq!(written["resumed_bytes"], 0);
    assert_eq!(written["from_cache"], false);
    assert_eq!(written["retries"], 0);
    assert!(written["hash_tail_seconds"].as_f64() <= written["seconds"].as_f64(), "{written:#}");
    // A program, a runtime and 2 MiB: more than a MiB, less than a GiB.
    #[cfg(target_os = "linux")]
    assert!(
        written["peak_memory_bytes"].as_u64().is_some_and(|bytes| (1 << 20..1 << 30).contains(&bytes)),
        "{written:#}"
    );
    #[cfg(unix)]
    assert!(written["cpu_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{written:#}");
    let source = &written["sources"][0];
    assert_eq!((source["role"].as_str(), source["rule"].as_str()), (Some("origin"), None));
    assert_eq!(source["bytes"], file.bytes.len());
    assert_eq!(source["failures"], 0);
}

#[test]
fn redirects_are_followed_and_remembered() {
    let file = file(2, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/a/first" => Answer::redirect("../b/second"),
        "/b/second" => Answer::redirect("/file.bin"),
        _ => served.at(request, "/file.bin").paced(MIB_PER_SECOND),
    });
    let engine = Engine::new();
    engine.fetch(&origin.url("/a/first"), &["--no-rules", "-x", "4"]).exits(0);
    engine.assert_file("out", &file.bytes);
    let asked = |path| origin.requests_for(path).len();
    assert!(asked("/file.bin") > 1, "{:?}", origin.requests());
    assert_eq!((asked("/a/first"), asked("/b/second")), (1, 1), "{:?}", origin.requests());
}

/// However much is told, standard output stays empty.
#[test]
fn verbose_adds_to_stderr_only() {
    let origin = Origin::file(&file(1, 1));
    let run: Run = Engine::new().download(["-v", "-o", "out", &origin.file_url()]).exits(0);
    assert_eq!(run.text(), "");
    assert!(!run.stderr.is_empty());
}
