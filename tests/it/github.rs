//! A GitHub release through the built-in rule, with the real host names on
//! loopback: several mirrors and the origin at once.

use std::sync::Arc;

use serde_json::Value;

use crate::rig::{
    Answer, Authority, Engine, MIB, MIB_PER_SECOND, Nginx, Origin, Site, bytes_by_host, data, file, sha256,
};

const URL: &str = "https://github.com/owner/project/releases/download/v1.0/tool.tar.gz";
const ORIGIN: &str = "github.com";

/// Every mirror that the built-in rule may name for a release.
const MIRRORS: [&str; 6] =
    ["gh-proxy.com", "ghproxy.net", "ghfast.top", "hub.gitmirror.com", "bgithub.xyz", "kkgithub.com"];

/// Arguments that send every name to loopback; names not served refuse the connection.
fn arguments(authority: &Authority, resolve: impl Fn(&str) -> String) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--json", "--allow-private-mirrors", "--cacert", &authority.pem(), "-o", "out"].map(str::to_owned).into();
    for name in [ORIGIN, "api.github.com"].into_iter().chain(MIRRORS) {
        arguments.extend(["--resolve".to_owned(), resolve(name)]);
    }
    arguments.push(URL.to_owned());
    arguments
}

#[track_caller]
fn assert_shared_work(receipt: &Value, digest: &str) {
    let sources = bytes_by_host(receipt);
    assert!(sources.iter().any(|(host, _)| host == ORIGIN), "the origin gave nothing: {receipt:#}");
    assert!(sources.len() >= 4, "fewer than three mirrors helped: {receipt:#}");
    assert_eq!(receipt["sha256"], *digest);
    for source in receipt["sources"].as_array().expect("sources") {
        let is_origin = source["host"] == ORIGIN;
        assert_eq!(source["role"] == "origin", is_origin, "{source}");
        assert_eq!(source["rule"] == "github", !is_origin, "{source}");
    }
}

#[test]
fn a_release_comes_from_several_mirrors_at_once() {
    let file = file(24, 1);
    let authority = Authority::new();
    let names: Vec<&str> = [ORIGIN, "api.github.com"].into_iter().chain(MIRRORS).collect();
    let served = file.clone();
    let release = format!(r#"{{"assets":[{{"name":"tool.tar.gz","digest":"sha256:{}"}}]}}"#, sha256(&file.bytes));
    let host = Origin::start_tls(&authority, &names, move |request| match request.path.as_str() {
        "/repos/owner/project/releases/tags/v1.0" => Answer::text(release.clone()),
        _ => served.at(request, "/tool.tar.gz").paced(MIB_PER_SECOND),
    });
    let engine = Engine::new();
    let run = engine.download(arguments(&authority, |name| host.resolve(&format!("{name}:443")))).exits(0);
    engine.assert_file("out", &file.bytes);
    // The digest of the API is what lets the mirrors take part.
    assert_eq!(run.receipt()["verified"]["by"], "github-digest");
    assert_shared_work(&run.receipt(), &sha256(&file.bytes));
    for request in host.requests_for(&format!("/{URL}")) {
        assert_ne!(request.header("Host"), Some(ORIGIN), "a mirror's path went to the origin");
    }
}

#[test]
fn dead_mirrors_leave_the_origin() {
    let file = file(4, 1);
    let authority = Authority::new();
    let served = file.clone();
    let host = Origin::start_tls(&authority, &[ORIGIN], move |request| served.at(request, "/tool.tar.gz"));
    let resolve = |name: &str| match name {
        ORIGIN => host.resolve("github.com:443"),
        name => format!("{name}:443:127.0.0.1:9"),
    };
    let engine = Engine::new();
    let receipt = engine.download(arguments(&authority, resolve)).exits(0).receipt();
    engine.assert_file("out", &file.bytes);
    assert_eq!(bytes_by_host(&receipt).len(), 1);
}

/// Without permission no rule can make the engine connect to loopback.
#[test]
fn mirrors_on_private_addresses_are_refused_by_default() {
    let file = file(4, 1);
    let authority = Authority::new();
    let names: Vec<&str> = [ORIGIN].into_iter().chain(MIRRORS).collect();
    let served = file.clone();
    let host = Origin::start_tls(&authority, &names, move |request| {
        served.at(request, "/tool.tar.gz").paced(2 * MIB_PER_SECOND)
    });
    let mut arguments = arguments(&authority, |name| host.resolve(&format!("{name}:443")));
    arguments.retain(|argument| argument != "--allow-private-mirrors");
    let engine = Engine::new();
    engine.download(arguments).exits(0);
    engine.assert_file("out", &file.bytes);
    let hosts: Vec<Option<String>> =
        host.requests().iter().map(|request| request.header("Host").map(str::to_owned)).collect();
    assert!(hosts.iter().all(|host| host.as_deref() == Some(ORIGIN)), "{hosts:?}");
}

#[test]
#[ignore = "needs nginx"]
fn a_release_over_nginx() {
    let file = data::bytes(32 * MIB, 1);
    let authority = Authority::new();
    let site = |name| Site { name, content: file.to_vec(), directives: "limit_rate 1m;" };
    let sites: Vec<Site> = [ORIGIN].into_iter().chain(MIRRORS).map(site).collect();
    let nginx = Nginx::start(&authority, &sites);
    let engine = Engine::new();
    let mut arguments = arguments(&authority, |name| nginx.resolve(name));
    arguments.push("--accept-unverified".into());
    let run = engine.download(arguments).exits(0);
    engine.assert_file("out", &file);
    assert_shared_work(&run.receipt(), &sha256(&file));
    let path = URL.strip_prefix("https://github.com").expect("the origin");
    // The origin alone is asked for checksum files beside the file.
    let beside = |uri: &str| uri.ends_with(".sha256") || uri.ends_with("SHA256SUMS");
    for access in nginx.into_accesses() {
        if access.host == ORIGIN && beside(&access.uri) || access.host == "api.github.com" {
            continue;
        }
        // 499 is nginx's word for a client that had enough.
        assert!(matches!(access.status, 206 | 499), "{access:?}");
        let prefixed = access.uri == format!("/{URL}");
        assert!(prefixed || access.uri == path, "{access:?}");
        assert!(!prefixed || access.host != ORIGIN, "{access:?}");
    }
}

/// The mirrors have another file of the same size; nginx's ranges are honest, its bytes are not.
#[test]
#[ignore = "needs nginx"]
fn lying_mirrors_over_nginx_change_nothing() {
    let (honest, lie) = (data::bytes(8 * MIB, 1), data::bytes(8 * MIB, 2));
    let authority = Authority::new();
    let site = |name| {
        let content = if name == ORIGIN { Arc::clone(&honest) } else { Arc::clone(&lie) };
        Site { name, content: content.to_vec(), directives: if name == ORIGIN { "limit_rate 2m;" } else { "" } }
    };
    let sites: Vec<Site> = [ORIGIN].into_iter().chain(MIRRORS).map(site).collect();
    let nginx = Nginx::start(&authority, &sites);
    let engine = Engine::new();
    let mut arguments = arguments(&authority, |name| nginx.resolve(name));
    arguments.push("--accept-unverified".into());
    let receipt = engine.download(arguments).exits(0).receipt();
    engine.assert_file("out", &honest);
    assert_eq!(receipt["verified"]["by"], "origin", "{receipt:#}");
    for source in receipt["sources"].as_array().expect("sources").iter().filter(|source| source["role"] == "mirror") {
        let given = source["bytes"].as_u64().expect("a count");
        assert!(given == 0 || source["state"] == "refused", "{source:#}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn an_nginx_without_ranges_is_one_stream() {
    let file = data::bytes(8 * MIB, 1);
    let authority = Authority::new();
    let nginx = Nginx::start(&authority, &[Site { name: ORIGIN, content: file.to_vec(), directives: "max_ranges 0;" }]);
    let engine = Engine::new();
    let resolve = nginx.resolve(ORIGIN);
    engine.fetch(URL, &["--no-rules", "--cacert", &authority.pem(), "--resolve", &resolve, "-x", "8"]).exits(0);
    engine.assert_file("out", &file);
}
