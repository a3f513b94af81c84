//! Secrets go to the origin they were given for, and nowhere else.

use crate::rig::{
    Answer, Authority, Engine, File, MARK as SECRET, MIB_PER_SECOND, Origin, Request, Run, file, fixture, sha256,
};

/// `me:s3cr3t` as HTTP Basic writes it.
const BASIC: &str = "bWU6czNjcjN0";

/// One way to give a secret.
#[derive(Debug, Clone, Copy)]
struct Given {
    arguments: &'static [&'static str],
    /// What stands before the host in the URL.
    login: &'static str,
    /// What a request with the secret carries.
    sent: &'static str,
}

const GIVEN: [Given; 7] = [
    Given { arguments: &["-H", "Authorization: Bearer s3cr3t"], login: "", sent: SECRET },
    Given { arguments: &["-H", "Cookie: session=s3cr3t"], login: "", sent: SECRET },
    Given { arguments: &["-H", "Proxy-Authorization: Basic s3cr3t"], login: "", sent: SECRET },
    Given { arguments: &["-H", "X-Api-Key: s3cr3t"], login: "", sent: SECRET },
    Given { arguments: &["--netrc"], login: "", sent: BASIC },
    Given { arguments: &["--cookies", "cookies.txt"], login: "", sent: SECRET },
    Given { arguments: &[], login: "me:s3cr3t@", sent: BASIC },
];

fn with_files(host: &str) -> Engine {
    let engine = Engine::new();
    for name in [".netrc", "_netrc"] {
        let line = format!("machine {host} login me password {SECRET}\n");
        std::fs::write(engine.home().join(name), line).expect("scratch is writable");
    }
    // Whoever copies a browser's cookies has those of the mirrors as well.
    let hosts = [host, "127.0.0.1", "mirror.example"];
    let lines = hosts.map(|host| format!("{host}\tTRUE\t/\tFALSE\t0\tsession\t{SECRET}\n"));
    engine.write("cookies.txt", lines.concat());
    engine
}

/// The origin: whatever it is asked for, it asks for the secret.
fn guarded(given: Given, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Origin {
    Origin::start(move |request| if request.mentions(given.sent) { answer(request) } else { Answer::status(401) })
}

/// Serves `file`, slowly enough that others are asked as well.
fn paced(file: &File) -> impl Fn(&Request) -> Answer + Send + Sync + use<> {
    let served = file.clone();
    move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND)
}

/// Downloads `files.example/file.bin`, which is `origin`, with a secret for it.
fn fetch(engine: &Engine, given: Given, origin: &Origin, more: &[&str]) -> Run {
    let resolve = origin.resolve("files.example:80");
    let url = format!("http://{}files.example/file.bin", given.login);
    let fixed = ["--allow-private-mirrors", "--resolve", &resolve];
    engine.fetch(&url, &[&fixed[..], given.arguments, more].concat())
}

/// Asserts that `elsewhere` was asked, and never with a secret.
#[track_caller]
fn assert_kept(given: Given, elsewhere: &Origin) {
    assert!(!elsewhere.requests().is_empty(), "{given:?}: nobody asked");
    for request in elsewhere.requests() {
        assert!(!request.mentions(SECRET) && !request.mentions(BASIC), "{given:?} leaked: {request:?}");
    }
}

#[test]
fn no_secret_reaches_a_mirror_that_was_typed() {
    let file = file(8, 1);
    for given in GIVEN {
        let (origin, mirror) = (guarded(given, paced(&file)), Origin::start(paced(&file)));
        let engine = with_files("files.example");
        let receipt = fetch(&engine, given, &origin, &["--no-rules", "--mirror", &mirror.file_url()]);
        let receipt = receipt.exits(0).receipt();
        engine.assert_file("out", &file.bytes);
        assert_kept(given, &mirror);
        // The origin's part in the comparison needed the secret as well.
        assert!(receipt["verified"]["sampled_bytes"].as_u64() > Some(0), "{receipt:#}");
    }
}

#[test]
fn no_secret_reaches_a_mirror_that_a_rule_names() {
    let file = file(8, 1);
    for given in GIVEN {
        let (origin, mirror) = (guarded(given, paced(&file)), Origin::start(paced(&file)));
        let engine = with_files("files.example");
        let table = "[rules.swap-host]\nfrom = \"files.example\"\nto = [\"http://mirror.example\"]\n";
        engine.write("rules.toml", table);
        let (rule, resolve) = (fixture("swap-host"), mirror.resolve("mirror.example:80"));
        let more = ["--accept-unverified", "--config", "rules.toml", "--rule", &rule, "--resolve", &resolve];
        fetch(&engine, given, &origin, &more).exits(0);
        engine.assert_file("out", &file.bytes);
        assert_kept(given, &mirror);
    }
}

#[test]
fn no_secret_reaches_a_mirror_that_the_origin_links_to() {
    let file = file(8, 1);
    for given in GIVEN {
        let mirror = Origin::start(paced(&file));
        let (link, served) = (format!("<{}>; rel=duplicate", mirror.file_url()), paced(&file));
        let origin = guarded(given, move |request| served(request).header("Link", link.as_str()));
        let engine = with_files("files.example");
        fetch(&engine, given, &origin, &["--no-rules", "--accept-unverified"]).exits(0);
        engine.assert_file("out", &file.bytes);
        assert_kept(given, &mirror);
    }
}

#[test]
fn no_secret_reaches_a_mirror_that_a_metalink_names() {
    let file = file(8, 1);
    for given in GIVEN.into_iter().filter(|given| given.login.is_empty()) {
        let (origin, mirror) = (guarded(given, paced(&file)), Origin::start(paced(&file)));
        let engine = with_files("files.example");
        let list = format!(
            "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"out\">\
             <url priority=\"1\">http://files.example/file.bin</url><url priority=\"2\">{}</url></file></metalink>",
            mirror.file_url()
        );
        engine.write("list.meta4", list);
        let resolve = origin.resolve("files.example:80");
        let fixed = ["--no-rules", "--allow-private-mirrors", "--accept-unverified", "--resolve", &resolve];
        engine.download([&fixed[..], &["-i", "list.meta4"], given.arguments].concat()).exits(0);
        engine.assert_file("out", &file.bytes);
        assert_kept(given, &mirror);
    }
}

/// Another port, another host, another scheme: each is another origin.
#[test]
fn no_secret_crosses_a_redirect_to_another_origin() {
    let file = file(2, 1);
    let authority = Authority::new();
    for given in GIVEN {
        let plain = Origin::start(paced(&file));
        let secure = Origin::start_tls(&authority, &["files.example"], paced(&file));
        let port = plain.address().port();
        let places = [
            (&plain, format!("http://files.example:{port}/file.bin"), format!("files.example:{port}:127.0.0.1")),
            (&plain, "http://other.example/file.bin".to_owned(), plain.resolve("other.example:80")),
            (&secure, "https://files.example/file.bin".to_owned(), secure.resolve("files.example:443")),
        ];
        for (elsewhere, location, resolve) in places {
            let origin = guarded(given, move |_| {
                Answer::redirect(location.clone()).header("Set-Cookie", "id=s3cr3t; Path=/; Domain=example")
            });
            let engine = with_files("files.example");
            let more = ["--no-rules", "-x", "4", "--cacert", &authority.pem(), "--resolve", &resolve];
            fetch(&engine, given, &origin, &more).exits(0);
            engine.assert_file("out", &file.bytes);
            assert_kept(given, elsewhere);
        }
    }
}

/// On the way home the secret may be sent again, but not before.
#[test]
fn no_secret_is_told_on_the_way_through_another_origin() {
    let file = file(2, 1);
    for given in GIVEN {
        let elsewhere = Origin::start(|_| Answer::redirect("http://files.example/home/file.bin"));
        let (location, served) = (elsewhere.file_url(), file.clone());
        let origin = guarded(given, move |request| match request.path.as_str() {
            "/home/file.bin" => served.answer(request),
            _ => Answer::redirect(location.clone()),
        });
        let engine = with_files("files.example");
        fetch(&engine, given, &origin, &["--no-rules"]).exits(0);
        engine.assert_file("out", &file.bytes);
        assert_kept(given, &elsewhere);
    }
}

/// Checksum files beside the file are behind the same lock.
#[test]
fn a_secret_is_told_when_the_origins_checksum_is_asked_for() {
    let file = file(1, 1);
    for given in GIVEN {
        let (served, list) = (file.clone(), format!("{}  file.bin\n", sha256(&file.bytes)));
        let origin = guarded(given, move |request| match request.path.as_str() {
            "/SHA256SUMS" => Answer::text(list.clone()),
            _ => served.at(request, "/file.bin"),
        });
        let engine = with_files("files.example");
        let receipt = fetch(&engine, given, &origin, &["--no-rules", "--require-checksum"]).exits(0).receipt();
        assert_eq!(receipt["verified"]["by"], "sidecar", "{given:?}");
    }
}

#[test]
fn no_secret_follows_a_checksum_elsewhere() {
    let file = file(1, 1);
    for given in GIVEN {
        let list = format!("{}  file.bin\n", sha256(&file.bytes));
        let elsewhere = Origin::start(move |_| Answer::text(list.clone()));
        let (location, served) = (elsewhere.url("/sums"), file.clone());
        let origin = guarded(given, move |request| match request.path.as_str() {
            "/file.bin" => served.answer(request),
            _ => Answer::redirect(location.clone()),
        });
        let engine = with_files("files.example");
        fetch(&engine, given, &origin, &["--no-rules", "--require-checksum"]).exits(0);
        assert_kept(given, &elsewhere);
        let engine = with_files("files.example");
        let more = ["--no-rules", "--no-cache", "--checksum-file", &elsewhere.url("/sums")];
        fetch(&engine, given, &origin, &more).exits(0);
        assert_kept(given, &elsewhere);
    }
}

/// A token for github.com is none for its API, which is another origin.
#[test]
fn no_secret_reaches_githubs_api() {
    const URL: &str = "https://github.com/owner/project/releases/download/v1/file.bin";
    let (authority, file) = (Authority::new(), file(1, 1));
    let given = GIVEN[0];
    let served = file.clone();
    let origin = Origin::start_tls(&authority, &["github.com"], move |request| served.at(request, "/file.bin"));
    let release = format!(r#"{{"assets":[{{"name":"file.bin","digest":"sha256:{}"}}]}}"#, sha256(&file.bytes));
    let api = Origin::start_tls(&authority, &["api.github.com"], move |_| Answer::text(release.clone()));
    let (pem, github, api_github) =
        (authority.pem(), origin.resolve("github.com:443"), api.resolve("api.github.com:443"));
    let more = ["--no-rules", "--allow-private-mirrors", "--require-checksum", "--cacert", &pem];
    let resolve = ["--resolve", &github, "--resolve", &api_github];
    let engine = Engine::new();
    let receipt = engine.fetch(URL, &[&more, &resolve[..], given.arguments].concat()).exits(0).receipt();
    assert_eq!(receipt["verified"]["by"], "github-digest", "{receipt:#}");
    assert!(origin.requests_for(URL.trim_start_matches("https://github.com")).iter().all(|r| r.mentions(given.sent)));
    assert_kept(given, &api);
}

/// What a secret opened is not for those who come without it.
#[test]
fn the_cache_does_not_stand_in_for_a_secret() {
    let file = file(1, 1);
    for given in GIVEN {
        let served = file.clone();
        let origin =
            guarded(given, move |request| served.at(request, "/file.bin").header("Cache-Control", "max-age=3600"));
        let engine = with_files("files.example");
        fetch(&engine, given, &origin, &["--no-rules"]).exits(0);
        let without = Given { arguments: &[], login: "", ..given };
        fetch(&engine, without, &origin, &["--no-rules", "--if-exists", "overwrite"]).fails(5);
    }
}

/// A stored file is asked about without a secret, and one that needs a secret
/// is asked for with it.
#[test]
fn a_secret_goes_past_what_the_cache_keeps() {
    let (public, private) = (file(1, 1), file(1, 2));
    for given in GIVEN {
        let (open, closed) = (public.clone(), private.clone());
        let origin = Origin::start(move |request| {
            let served = if request.mentions(given.sent) { &closed } else { &open };
            served.at(request, "/file.bin").header("Cache-Control", "max-age=3600")
        });
        let engine = with_files("files.example");
        let overwrite = ["--no-rules", "--if-exists", "overwrite"];
        fetch(&engine, Given { arguments: &[], login: "", ..given }, &origin, &overwrite).exits(0);
        engine.assert_file("out", &public.bytes);
        fetch(&engine, given, &origin, &overwrite).exits(0);
        engine.assert_file("out", &private.bytes);
    }
}

/// Every connection of a redirected download, not only the first hop.
#[test]
fn a_secret_survives_a_redirect_within_its_origin() {
    let file = file(8, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/start" => Answer::redirect("/file.bin"),
        _ if !request.mentions(SECRET) => Answer::status(401),
        _ => served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND),
    });
    let engine = Engine::new();
    engine.fetch(&origin.url("/start"), &["--no-rules", "-x", "4", "-H", "Authorization: Bearer s3cr3t"]).exits(0);
    engine.assert_file("out", &file.bytes);
}

#[test]
fn a_password_in_the_url_is_sent_and_never_shown() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let url = origin.file_url().replace("http://", "http://me:s3cr3t@");
    let run = engine.fetch(&url, &["-v", "--receipt", "receipt"]).exits(0);
    let sent = origin.requests_for("/file.bin");
    assert!(sent.iter().all(|request| request.header("Authorization") == Some(&format!("Basic {BASIC}"))));
    let receipt = String::from_utf8(engine.read("receipt")).expect("JSON is UTF-8");
    for shown in [run.text(), run.stderr, receipt] {
        assert!(!shown.contains(SECRET) && !shown.contains(BASIC), "{shown}");
    }
}

#[test]
fn a_signed_query_is_never_shown_even_in_errors() {
    let origin = Origin::start(|_| Answer::status(403));
    let run = Engine::new().fetch(&origin.url("/file.bin?X-Amz-Signature=s3cr3t"), &["-v"]).fails(5);
    assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
    assert!(!run.text().contains(SECRET), "{}", run.text());
}

#[test]
fn cookies_go_where_their_file_says() {
    let file = file(1, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/start" => Answer::redirect("/deep/file.bin").header("Set-Cookie", "set=by-server; Path=/"),
        _ => served.at(request, "/file.bin"),
    });
    let engine = Engine::new();
    let cookies = [
        "# Netscape HTTP Cookie File",
        "#HttpOnly_.files.example\tTRUE\t/\tFALSE\t4102444800\tbelow\ts3cr3t-1",
        "dl.files.example\tFALSE\t/deep\tFALSE\t0\tdeep\ts3cr3t-2",
        "dl.files.example\tFALSE\t/\tTRUE\t0\tsecure\ts3cr3t-3",
        "dl.files.example\tFALSE\t/\tFALSE\t1\texpired\ts3cr3t-4",
        ".other.example\tTRUE\t/\tFALSE\t0\tother\ts3cr3t-5",
    ];
    engine.write("cookies.txt", cookies.join("\n"));
    let more = ["--no-rules", "--resolve", &origin.resolve("dl.files.example:80"), "--cookies", "cookies.txt"];
    let with_field = [&more[..], &["-H", "Cookie: own=s3cr3t-0", "--if-exists", "overwrite"]].concat();
    engine.fetch("http://dl.files.example/start", &more).exits(0);
    engine.fetch("http://dl.files.example/start", &with_field).exits(0);
    let sent =
        |path| origin.requests_for(path).iter().map(|r| r.header("Cookie").map(str::to_owned)).collect::<Vec<_>>();
    // What the server sets is sent back to it, for the time of the run.
    let [short, long] = ["below=s3cr3t-1", "deep=s3cr3t-2; below=s3cr3t-1; set=by-server"].map(str::to_owned);
    let own = |rest: &str| Some(format!("own=s3cr3t-0; {rest}"));
    assert_eq!(sent("/start"), [Some(short.clone()), own(&short)]);
    assert_eq!(sent("/deep/file.bin"), [Some(long.clone()), own(&long)]);
}

#[test]
fn what_cookies_were_sent_for_is_not_cached() {
    let file = file(1, 1);
    let served = file.clone();
    let origin = Origin::start(move |request| served.at(request, "/file.bin").header("Cache-Control", "max-age=3600"));
    let engine = Engine::new();
    engine.write("cookies.txt", "127.0.0.1\tFALSE\t/\tFALSE\t0\tn\ts3cr3t\n");
    engine.fetch(&origin.file_url(), &["--cookies", "cookies.txt"]).exits(0);
    engine.download(["-o", "second", "--offline", &origin.file_url()]).fails(4);
}

#[test]
fn a_cookies_file_must_be_there_and_its_broken_lines_tell_nothing() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--cookies", "absent"]).fails(7).says("absent");
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
    engine.write("broken", "# cookies\n127.0.0.1 TRUE / FALSE 0 session s3cr3t\n");
    let run = engine.fetch(&origin.file_url(), &["--cookies", "broken"]).exits(0);
    assert!(run.text().contains("line 2") && !run.text().contains(SECRET), "{}", run.text());
    assert!(origin.requests().iter().all(|request| request.header("Cookie").is_none()), "{:?}", origin.requests());
}
