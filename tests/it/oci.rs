//! Components in OCI registries: a real one, and one that lies.

use std::fs;

use serde_json::json;

use crate::rig::{Answer, Door, Engine, Origin, Registry, Request, Run, basic, fixture, secret, sha256};

const URL: &str = "https://origin.example/pub/file.bin";
/// Of the user `me`.
const PASSWORD: &str = secret!("of me");
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn component() -> Vec<u8> {
    fs::read(fixture("swap-host")).expect("a committed fixture")
}

/// A manifest as wkg and others write it.
fn manifest(digest: &str, size: usize) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": format!("sha256:{}", "00".repeat(32)),
            "size": 2},
        "layers": [{"mediaType": "application/wasm", "digest": format!("sha256:{digest}"), "size": size}],
    })
    .to_string()
}

/// What an honest registry without a lock on its door says.
fn honest(request: &Request) -> Answer {
    let bytes = component();
    let (blob, text) = (format!("/v2/rule/blobs/sha256:{}", sha256(&bytes)), manifest(&sha256(&bytes), bytes.len()));
    match request.path.as_str() {
        "/v2/rule/manifests/1" => Answer::text(text).header("Content-Type", MANIFEST),
        path if path == blob => Answer::whole(200, bytes.into()),
        path if path == format!("/v2/rule/manifests/sha256:{}", sha256(text.as_bytes())) => Answer::text(text),
        _ => Answer::status(404),
    }
}

fn name(origin: &Origin, reference: &str) -> String {
    format!("oci://{}/rule{reference}", origin.address())
}

fn pull(engine: &Engine, origin: &Origin) -> Run {
    engine.run(["component", "pull", &name(origin, ":1")])
}

#[test]
fn a_component_comes_by_tag_and_by_digest() {
    let origin = Origin::start(honest);
    let engine = Engine::new();
    pull(&engine, &origin).exits(0);
    engine.assert_file("rule.wasm", &component());
    let text = manifest(&sha256(&component()), component().len());
    let pinned = name(&origin, &format!("@sha256:{}", sha256(text.as_bytes())));
    engine.run(["component", "add", &pinned]).exits(0);
    assert!(engine.run(["resolve", URL]).exits(0).text().contains("mirror-a.example"));
    engine.run(["component", "pull", &name(&origin, ":absent")]).fails(5).says("404");
    engine.run(["component", "pull", "oci://nowhere"]).exits(2).says("oci://HOST/NAME:TAG");
}

#[test]
fn other_bytes_than_the_digest_says_are_refused() {
    let blob = Origin::start(|request| {
        if request.path.contains("/blobs/") {
            Answer::whole(200, vec![0; component().len()].into())
        } else {
            honest(request)
        }
    });
    let engine = Engine::new();
    pull(&engine, &blob).fails(6).says("the layer");
    let origin = Origin::start(|request| {
        if request.path.contains("/manifests/sha256:") {
            Answer::text(manifest(&sha256(b"other"), 5))
        } else {
            honest(request)
        }
    });
    let pinned = name(&origin, &format!("@sha256:{}", "ab".repeat(32)));
    engine.run(["component", "pull", &pinned]).fails(6).says("the manifest");
    engine.assert_absent("rule.wasm");
}

#[test]
fn what_is_too_large_or_no_component_is_refused() {
    let engine = Engine::new();
    for (text, code, reason) in [
        (manifest(&sha256(b""), 5 << 20), 8, "--grant file=5MiB"),
        (manifest(&sha256(b""), 1 << 40), 8, "the limit is"),
        (manifest("00", 9), 8, "has the digest"),
        (manifest(&sha256(b""), 9).replace("application/wasm", "text/plain"), 8, "text/plain"),
        (manifest(&sha256(b""), 9).replace(MANIFEST, "application/vnd.oci.image.index.v1+json"), 8, "image.index"),
        ("[]".into(), 5, "a manifest that is none"),
        ("x".repeat(5 << 20), 5, "bytes expected"),
    ] {
        let origin = Origin::start(move |_| Answer::text(text.as_str()));
        engine.run(["component", "add", &name(&origin, ":1")]).fails(code).says(reason);
    }
    // A layer that goes on behind what its manifest says.
    let origin = Origin::start(|request| {
        if request.path.contains("/blobs/") {
            Answer::whole(200, component().into()).endless()
        } else {
            honest(request)
        }
    });
    pull(&engine, &origin).fails(5).says("bytes expected");
    engine.assert_absent("rule.wasm");
}

/// A registry that sends to its token server, and a token server that lets in
/// only who is the user.
fn with_tokens(request: &Request) -> Answer {
    let here = request.header("Host").expect("a host").to_owned();
    if request.path.starts_with("/token?") {
        assert!(request.path.contains("service=test&scope=repository%3Arule%3Apull"), "{}", request.path);
        return match request.header("Authorization") {
            Some(login) if login == basic("me", PASSWORD) => Answer::text(r#"{"token": "s3cr3t-let-me-in"}"#),
            _ => Answer::status(401),
        };
    }
    match request.header("Authorization") {
        Some("Bearer s3cr3t-let-me-in") => honest(request),
        _ => Answer::status(401)
            .header("WWW-Authenticate", format!("Bearer realm=\"http://{here}/token\",service=\"test\"")),
    }
}

#[test]
fn a_token_is_fetched_with_the_users_login() {
    let origin = Origin::start(with_tokens);
    let login = |engine: Engine, user: &str| {
        engine.variable("TURBO_ENGINE_OCI_USER", user).variable("TURBO_ENGINE_OCI_PASSWORD", PASSWORD)
    };
    pull(&Engine::new(), &origin).fails(5).says("refuses access").says("TURBO_ENGINE_OCI_USER");
    pull(&login(Engine::new(), "you"), &origin).fails(5).says("refuses access");
    let engine = login(Engine::new(), "me");
    pull(&engine, &origin).exits(0);
    engine.assert_file("rule.wasm", &component());
    // From docker's own file, where it is for this registry.
    let engine = Engine::new();
    let logins =
        |host: &str| json!({"auths": {host: {"auth": basic("me", PASSWORD).trim_start_matches("Basic ")}}}).to_string();
    fs::create_dir(engine.home().join(".docker")).expect("a home");
    let config = engine.home().join(".docker/config.json");
    fs::write(&config, logins("registry.example")).expect("writable");
    pull(&engine, &origin).fails(5);
    fs::write(&config, logins(&origin.address().to_string())).expect("writable");
    pull(&engine, &origin).exits(0);
    fs::write(&config, "{").expect("writable");
    pull(&engine, &origin).fails(2).says("config.json");
}

#[test]
fn a_registry_that_never_lets_in_is_asked_twice() {
    let origin = Origin::start(|request| {
        if request.path.starts_with("/token") {
            Answer::text(r#"{"token": "s3cr3t-useless"}"#)
        } else {
            with_tokens(request)
        }
    });
    pull(&Engine::new(), &origin).fails(5).says("refuses access");
    assert_eq!(origin.requests_for("/v2/rule/manifests/1").len(), 2, "{:#?}", origin.requests());
}

#[test]
fn a_login_goes_to_no_other_host() {
    let thief = Origin::start(|_| Answer::text(r#"{"token": "s3cr3t-stolen"}"#));
    let realm = thief.url("/token").replace("127.0.0.1", "localhost");
    let origin = Origin::start(move |_| {
        Answer::status(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"test\""))
    });
    let engine = Engine::new()
        .variable("TURBO_ENGINE_OCI_USER", "me")
        .variable("TURBO_ENGINE_OCI_PASSWORD", PASSWORD)
        .variable("TURBO_ENGINE_ALLOW_PRIVATE_MIRRORS", "true");
    pull(&engine, &origin).fails(5).says("token server without TLS");
    assert!(thief.requests().is_empty(), "{:#?}", thief.requests());
}

/// Registries keep blobs elsewhere; the token is not for there.
#[test]
fn a_blob_elsewhere_comes_without_the_token() {
    let storage = Origin::start(|_| Answer::whole(200, component().into()));
    let elsewhere = storage.url("/blob").replace("127.0.0.1", "localhost");
    let origin = Origin::start(move |request| match with_tokens(request) {
        answer if answer.status == 200 && request.path.contains("/blobs/") => Answer::redirect(elsewhere.as_str()),
        answer => answer,
    });
    let engine =
        || Engine::new().variable("TURBO_ENGINE_OCI_USER", "me").variable("TURBO_ENGINE_OCI_PASSWORD", PASSWORD);
    pull(&engine(), &origin).fails(5).says("not at a public address");
    assert!(storage.requests().is_empty());
    let engine = engine().variable("TURBO_ENGINE_ALLOW_PRIVATE_MIRRORS", "true");
    pull(&engine, &origin).exits(0);
    engine.assert_file("rule.wasm", &component());
    let [request] = &storage.requests()[..] else { panic!("one request: {:#?}", storage.requests()) };
    assert_eq!(request.header("Authorization"), None);
}

#[test]
fn what_is_no_component_is_not_pushed() {
    let origin = Origin::start(|_| Answer::status(500));
    let engine = Engine::new();
    engine.write("text.wasm", "nothing");
    engine.run(["component", "push", "text.wasm", &name(&origin, ":1")]).fails(8).says("text.wasm");
    assert!(origin.requests().is_empty());
}

#[test]
#[ignore = "needs docker-registry"]
fn a_real_registry_gives_what_it_was_given() {
    for door in [Door::Open, Door::Locked] {
        let registry = Registry::start(door);
        let name = format!("oci://{}/rules/swap-host:0.1.0", registry.host());
        let engine = Engine::new();
        engine.write("rule.wasm", component());
        engine.write("author.key", include_str!("../fixtures/keys/author.key"));
        engine.write("author.pub", include_str!("../fixtures/keys/author.pub"));
        engine.run(["component", "sign", "rule.wasm", "--key", "author.key"]).exits(0);
        if door == Door::Locked {
            engine.run(["component", "push", "rule.wasm", &name]).fails(5).says("refuses access");
        }
        let engine = match door {
            Door::Open => engine,
            Door::Locked => {
                engine.variable("TURBO_ENGINE_OCI_USER", "me").variable("TURBO_ENGINE_OCI_PASSWORD", Registry::PASSWORD)
            }
        };
        let pinned = engine.run(["component", "push", "rule.wasm", &name]).exits(0).text();
        let again = engine.run(["component", "push", "rule.wasm", &name]).exits(0).text();
        assert_eq!(pinned, again, "the same component has the same name");
        engine.run(["component", "pull", pinned.trim(), "-o", "pulled.wasm"]).exits(0);
        engine.assert_file("pulled.wasm", &component());
        assert_eq!(engine.read("pulled.wasm.minisig"), engine.read("rule.wasm.minisig"), "the signature came along");
        engine.run(["component", "trust", "add", "author", "author.pub"]).exits(0);
        let run = engine.run(["component", "add", &name, "--require-signature"]).exits(0);
        assert!(run.text().contains("signed by author"), "{}", run.text());
        assert!(engine.run(["resolve", URL]).exits(0).text().contains("mirror-a.example"));
        engine.run(["component", "pull", &name.replace("0.1.0", "absent")]).fails(5).says("404");
    }
}
