//! How servers are reached: addresses, proxies, and how fast.

use std::net::TcpListener;

#[cfg(target_os = "linux")]
use crate::rig::Void;
use crate::rig::{Engine, File, Origin, Proxy, Socks, file, sha256};

const URL: &str = "http://behind.example/file.bin";

fn start_v6(file: &File) -> Origin {
    let served = file.clone();
    Origin::start_v6(move |request| served.at(request, "/file.bin"))
}

#[test]
fn a_socks_proxy_resolves_names_when_asked() {
    let file = file(2, 1);
    let origin = Origin::file(&file);
    let socks = Socks::start(origin.address(), None);
    let engine = Engine::new();
    engine.fetch(URL, &["-x", "4", "--proxy", &format!("socks5h://{}", socks.address())]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert!(socks.targets().iter().all(|target| target == "behind.example:80"), "{:?}", socks.targets());
    assert!(!socks.targets().is_empty());
}

/// The scheme `socks5` resolves here: the proxy is told an address.
#[test]
fn a_socks_proxy_is_told_addresses() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let socks = Socks::start(origin.address(), None);
    let proxy = format!("socks5://{}", socks.address());
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--proxy", &proxy]).exits(0);
    engine.assert_file("out", &file.bytes);
    assert_eq!(socks.targets()[0], origin.address().to_string());
    let asked = socks.targets().len();
    engine.fetch("http://no-such-host.invalid/file.bin", &["--if-exists", "overwrite", "--proxy", &proxy]).fails(4);
    assert_eq!(socks.targets().len(), asked, "{:?}", socks.targets());
}

#[test]
fn a_socks_proxy_asks_for_a_login() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let socks = Socks::start(origin.address(), Some(("me", "s3cr3t")));
    for (login, code) in [("me:s3cr3t@", 0), ("me:s3cr3t-but-wrong@", 4), ("", 4)] {
        let engine = Engine::new();
        engine.fetch(URL, &["--proxy", &format!("socks5h://{login}{}", socks.address())]).exits(code);
        if code == 0 {
            engine.assert_file("out", &file.bytes);
        }
    }
    assert!(socks.targets().iter().all(|target| target == "behind.example:80"), "{:?}", socks.targets());
}

#[test]
fn the_environment_names_proxies_and_exceptions() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let proxy = Proxy::start(origin.address());
    for variable in ["http_proxy", "all_proxy", "ALL_PROXY"] {
        let engine = Engine::new().variable(variable, proxy.url());
        let asked = proxy.requests().len();
        engine.fetch(URL, &["--no-rules"]).exits(0);
        assert!(proxy.requests().len() > asked, "{variable} was passed over");
    }
    // A CGI program would take it from a request's `Proxy` field.
    let engine = Engine::new().variable("HTTP_PROXY", proxy.url());
    engine.fetch(URL, &["--resolve", &origin.resolve("behind.example:80"), "--no-rules"]).exits(0);
    let asked = proxy.requests().len();
    for (variable, list) in [("NO_PROXY", "127.0.0.1"), ("no_proxy", "other.example, 127.0.0.0/8"), ("NO_PROXY", "*")] {
        let engine = Engine::new().variable("http_proxy", proxy.url()).variable(variable, list);
        engine.fetch(&origin.file_url(), &["--no-rules"]).exits(0);
        assert_eq!(proxy.requests().len(), asked, "{variable}={list}");
    }
    let engine = Engine::new().variable("http_proxy", proxy.url()).variable("NO_PROXY", ".behind.example,example");
    engine.fetch("http://ahead.invalid/file.bin", &["--no-rules"]).exits(0);
    assert!(proxy.requests().len() > asked, "a list that names others was taken for this host");
}

#[test]
fn an_ipv6_address_is_an_address() {
    let file = file(2, 1);
    let origin = start_v6(&file);
    assert!(origin.file_url().starts_with("http://[::1]:"), "{}", origin.file_url());
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["-x", "4"]).exits(0);
    engine.assert_file("out", &file.bytes);
    let engine = Engine::new();
    engine.fetch(URL, &["--resolve", &origin.resolve("behind.example:80")]).exits(0);
    engine.assert_file("out", &file.bytes);
}

/// A closed port is a quick no: the next address is tried at once.
#[test]
fn an_address_that_refuses_gives_way_to_the_next() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let closed = |host| TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr()).expect("a port");
    for dead in [closed("127.0.0.1"), closed("::1")] {
        let engine = Engine::new();
        let resolve = format!("behind.example:80:{dead},{}", origin.address());
        engine.fetch(URL, &["--resolve", &resolve]).exits(0);
        engine.assert_file("out", &file.bytes);
    }
}

/// RFC 8305: a family that leads nowhere costs a moment, not the time limit.
#[test]
#[cfg(target_os = "linux")]
fn an_address_that_keeps_silent_gives_way_to_the_other_family() {
    let file = file(1, 1);
    for (void, origin) in [(Void::at("[::1]"), Origin::file(&file)), (Void::at("127.0.0.1"), start_v6(&file))] {
        let engine = Engine::new();
        let resolve = format!("behind.example:80:{},{}", void.address(), origin.address());
        let flags = ["--json", "-o", "out", "--connect-timeout", "30", "--no-rules", "--resolve", &resolve];
        let receipt = engine.run([&["download", URL], &flags[..]].concat()).exits(0).receipt();
        engine.assert_file("out", &file.bytes);
        let seconds = receipt["seconds"].as_f64().expect("a number");
        assert!((0.2..3.0).contains(&seconds), "{} took {seconds} s", void.address());
    }
}

#[test]
fn a_line_of_a_list_has_fields_of_its_own() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let (first, second) = (origin.url("/a/file.bin"), origin.url("/b/file.bin"));
    engine.write(
        "list",
        format!(
            "{first}\n  out=a\n  header=X-Token: one\n  user-agent=probe/1\n{second}\n  out=b\n  header=X-Token: two\n"
        ),
    );
    engine.download(["-i", "list", "-H", "X-All: all", "--no-rules"]).exits(0);
    for (path, token, agent) in [("/a/file.bin", "one", "probe/1"), ("/b/file.bin", "two", "turbo-engine/")] {
        let requests = origin.requests_for(path);
        assert!(!requests.is_empty());
        for request in requests {
            assert_eq!((request.header("X-Token"), request.header("X-All")), (Some(token), Some("all")));
            assert!(request.header("User-Agent").is_some_and(|sent| sent.starts_with(agent)), "{request:?}");
        }
    }
}

/// Never faster than asked, whatever shares the rate; a busy machine may be slower.
#[track_caller]
fn assert_rate(bytes: usize, bytes_per_s: usize, seconds: f64) {
    #[expect(clippy::cast_precision_loss, reason = "some MiB")]
    let share = bytes as f64 / bytes_per_s as f64 / seconds;
    assert!(share <= 1.05, "{:.0} % of the rate", share * 100.0);
    assert!(share >= 0.5, "{:.0} % of the rate", share * 100.0);
}

#[test]
fn a_rate_limit_holds_for_all_connections_of_a_file() {
    let file = file(4, 1);
    for (connections, served) in [("1", file.clone()), ("8", file.clone()), ("8", file.clone().without_ranges())] {
        let origin = Origin::file(&served);
        let engine = Engine::new();
        let more = ["--no-rules", "-x", connections, "--limit-rate", "2M"];
        let receipt = engine.fetch(&origin.file_url(), &more).exits(0).receipt();
        engine.assert_file("out", &file.bytes);
        assert_rate(file.bytes.len(), 2 << 20, receipt["seconds"].as_f64().expect("a number"));
    }
}

#[test]
fn a_rate_limit_holds_for_all_files_together() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let urls = ["/a/file.bin", "/b/file.bin", "/c/file.bin"].map(|path| origin.url(path));
    engine.write(
        "list",
        urls.iter().zip(["a", "b", "c"]).map(|(url, out)| format!("{url}\n  out={out}\n")).collect::<String>(),
    );
    let run = engine.download(["-i", "list", "--no-rules", "--no-cache", "--limit-rate", "2M"]).exits(0);
    ["a", "b", "c"].into_iter().for_each(|name| engine.assert_file(name, &file.bytes));
    assert_rate(3 * file.bytes.len(), 2 << 20, run.took.as_secs_f64());
}

#[test]
fn a_rate_limit_holds_for_a_stream() {
    let file = file(3, 1);
    let origin = Origin::file(&file);
    let run = Engine::new().download(["-o", "-", "-x", "4", "--limit-rate", "2M", "--no-rules", &origin.file_url()]);
    let run = run.exits(0);
    assert_eq!(sha256(&run.stdout), sha256(&file.bytes));
    assert_rate(file.bytes.len(), 2 << 20, run.took.as_secs_f64());
}

/// A trickle is no stall: a lane that waits for its turn keeps its work.
#[test]
fn a_slow_rate_wastes_nothing() {
    let file = File::new(crate::rig::data::bytes(48 << 10, 5)).etag("\"v\"");
    let origin = Origin::file(&file);
    let engine = Engine::new();
    let flags = ["--json", "-o", "out", "--no-rules", "-x", "2", "--limit-rate", "16K", "--stall-timeout", "1"];
    let receipt = engine.run([&["download", &*origin.file_url()], &flags[..]].concat()).exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    assert_eq!((&receipt["retries"], &receipt["sources"][0]["failures"]), (&0.into(), &0.into()), "{receipt:#}");
    assert_eq!(receipt["sources"][0]["bytes"], file.bytes.len(), "{receipt:#}");
}
