//! Proxies that variables name, that refuse, and that look names up themselves.

use std::net::TcpListener;

use super::told;
use crate::rig::{Answer, Authority, Engine, Origin, Proxy, Socks, file};

const URL: &str = "http://behind.example/file.bin";

/// Desktops export it, and mean version 5. (curl takes it for version 4.)
#[test]
fn socks_without_a_version_is_socks5() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let socks = Socks::start(origin.address(), None);
    let pinned = origin.resolve("behind.example:80");
    for (variable, scheme) in [("all_proxy", "socks"), ("ALL_PROXY", "SOCKS"), ("http_proxy", "socks5")] {
        let engine = Engine::new().variable(variable, format!("{scheme}://{}/", socks.address()));
        let asked = socks.targets().len();
        engine.fetch(URL, &["--no-rules", "--resolve", &pinned]).exits(0);
        engine.assert_file("out", &file.bytes);
        assert!(socks.targets().len() > asked, "{variable} was passed over");
    }
    let engine = Engine::new();
    engine
        .fetch(URL, &["--no-rules", "--resolve", &pinned, "--proxy", &format!("socks://{}", socks.address())])
        .exits(0);
}

#[test]
fn a_variable_that_cannot_be_read_matters_where_it_is_used() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    for (variable, value, more) in [
        ("https_proxy", "gopher://proxy", &[][..]),
        ("HTTPS_PROXY", "http://a b", &[]),
        ("http_proxy", "nonsense://x", &["--noproxy", "127.0.0.1"]),
        ("all_proxy", "http://[::", &["--noproxy", "*"]),
    ] {
        let engine = Engine::new().variable(variable, value);
        engine.fetch(&origin.file_url(), &[&["--no-rules"], more].concat()).exits(0);
    }
    let unused =
        Engine::new().variable("all_proxy", "gopher://x").variable("http_proxy", Proxy::start(origin.address()).url());
    unused.fetch(URL, &["--no-rules"]).exits(0);
    let asked = origin.requests().len();
    for (variable, value) in [("http_proxy", "gopher://proxy"), ("all_proxy", "http://"), ("ALL_PROXY", "http://a b")] {
        let engine = Engine::new().variable(variable, value);
        engine.fetch(&origin.file_url(), &["--no-rules"]).fails(2).says(variable);
    }
    Engine::new().variable("https_proxy", "gopher://p").fetch("https://127.0.0.1:9/x", &["--no-rules"]).fails(2);
    assert_eq!(origin.requests().len(), asked, "it went past the proxy");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt as _;
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new().variable("http_proxy", std::ffi::OsStr::from_bytes(b"http://\xff:1"));
    engine.fetch(&origin.file_url(), &["--no-rules"]).fails(2).says("http_proxy");
    assert!(origin.requests().is_empty());
}

/// A 407 is the proxy's question, not the server's.
#[test]
fn a_proxy_that_asks_for_a_login_is_named() {
    let authority = Authority::new();
    let served = file(1, 1);
    let honest = served.clone();
    let tls = Origin::start_tls(&authority, &["behind.example"], move |request| honest.answer(request));
    let plain = Origin::file(&served);
    for (origin, url) in [(&plain, URL), (&tls, "https://behind.example/file.bin")] {
        let proxy = Proxy::locked(origin.address(), "me:s3cr3t");
        let more = ["--no-rules", "--cacert", &authority.pem(), "--proxy", &proxy.url()];
        let run = Engine::new().fetch(url, &more).fails(5);
        let run = run.says(&format!("the proxy {} asks for a login", proxy.url())).says("--proxy http://USER:PASS@");
        assert!(!run.stderr.contains("--netrc"), "{}", run.stderr);
        assert!(origin.requests().is_empty());
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    for scheme in ["http", "socks5", "socks5h"] {
        for url in [URL, "https://behind.example/file.bin"] {
            let proxy = format!("{scheme}://{closed}");
            let more = [
                "--no-rules",
                "--retry",
                "0",
                "--resolve",
                "behind.example:80:192.0.2.7",
                "--resolve",
                "behind.example:443:192.0.2.7",
                "--proxy",
                &proxy,
            ];
            Engine::new().fetch(url, &more).fails(4).says(&proxy).says("behind.example");
        }
    }
    let more = ["--no-rules", "--retry", "0", "--proxy", "http://no-such-proxy.invalid:3128"];
    Engine::new().fetch(URL, &more).fails(4).says("the proxy http://no-such-proxy.invalid:3128");
}

/// What a redirect names must not reach this machine through a proxy either,
/// as far as the name tells.
#[test]
fn private_places_are_refused_through_a_proxy() {
    for target in [
        "http://127.0.0.1/x",
        "http://10.0.0.1/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://2130706433/x",
        "http://0x7f.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/x",
        "http://LOCALHOST./x",
        "http://a.localhost:8080/x",
        "http://localhost.localdomain/x",
        "http://ip6-localhost/x",
    ] {
        let origin = Origin::start(move |_| Answer::redirect(target));
        let proxy = Proxy::start(origin.address());
        let engine = Engine::new();
        let run = engine.fetch(URL, &["--no-rules", "--proxy", &proxy.url()]).fails(5);
        assert!(told(&run).contains("not at a public address"), "{target}: {}", told(&run));
        assert_eq!(proxy.requests().len(), 1, "{target}");
        engine.assert_absent("out");
    }
    // What the user typed, and what they allow, may be anywhere.
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let proxy = Proxy::start(origin.address());
    Engine::new().fetch("http://localhost/file.bin", &["--no-rules", "--proxy", &proxy.url()]).exits(0);
    let served = file.clone();
    let bounced = Origin::start(move |request| match request.nth {
        0 => Answer::redirect("http://localhost/file.bin"),
        _ => served.answer(request),
    });
    let proxy = Proxy::start(bounced.address());
    let more = ["--no-rules", "--allow-private-mirrors", "--proxy", &proxy.url()];
    Engine::new().fetch(URL, &more).exits(0);
}

/// The user named the proxy, so it may be at a private address; a name that is
/// pinned for a URL is not the proxy's.
#[test]
fn a_proxy_with_a_name_is_found() {
    let served = file(1, 1);
    let bytes = served.bytes.clone();
    let origin = Origin::start(move |request| match request.nth {
        0 => Answer::redirect("http://elsewhere.example/file.bin"),
        _ => served.answer(request),
    });
    let proxy = Proxy::start(origin.address());
    let by_name = proxy.url().replace("127.0.0.1", "localhost");
    let engine = Engine::new();
    let more = ["--no-rules", "--resolve", "behind.example:80:192.0.2.7", "--proxy", &by_name];
    engine.fetch(URL, &more).exits(0);
    engine.assert_file("out", &bytes);
    assert!(proxy.requests().len() >= 2);
}
