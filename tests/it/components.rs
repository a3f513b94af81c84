//! The user's own rules, and files that only pretend to be components.

use crate::rig::{
    Authority, Engine, MIB, MIB_PER_SECOND, Nginx, Origin, Run, Site, bytes_by_host, data, file, fixture, sha256,
};

const URL: &str = "https://origin.example/pub/file.bin";
const HOSTS: [&str; 3] = ["origin.example", "mirror-a.example", "mirror-b.example"];

/// Downloads [`URL`] from three paced hosts, of which rules name the latter two.
fn download(engine: &Engine, more: &[&str]) -> Run {
    let file = file(12, 1);
    let authority = Authority::new();
    let served = file.clone();
    let host = Origin::start_tls(&authority, &HOSTS, move |request| {
        served.at(request, "/pub/file.bin").paced(2 * MIB_PER_SECOND)
    });
    let mut arguments: Vec<String> =
        ["--json", "-o", "out", "--no-cache", "--if-exists", "overwrite", "--allow-private-mirrors"]
            .map(str::to_owned)
            .into();
    // The rule is what is tested: its mirrors may deliver without a digest.
    arguments.extend(["--accept-unverified".to_owned(), "--cacert".to_owned(), authority.pem()]);
    for name in HOSTS {
        arguments.extend(["--resolve".to_owned(), host.resolve(&format!("{name}:443"))]);
    }
    arguments.extend(more.iter().map(ToString::to_string));
    arguments.push(URL.to_owned());
    let run = engine.download(arguments).exits(0);
    engine.assert_file("out", &file.bytes);
    run
}

#[test]
fn a_users_rule_changes_where_bytes_come_from() {
    let engine = Engine::new();
    assert_eq!(bytes_by_host(&download(&engine, &[]).receipt()).len(), 1);
    let receipt = download(&engine, &["--rule", &fixture("swap-host")]).receipt();
    let sources = bytes_by_host(&receipt);
    assert_eq!(sources.len(), 3, "{receipt:#}");
    assert!(sources.iter().map(|(_, bytes)| bytes).sum::<u64>() >= 12 * MIB as u64);
    for source in receipt["sources"].as_array().expect("sources").iter().filter(|source| source["role"] == "mirror") {
        assert_eq!(source["rule"], "swap-host");
    }
}

#[test]
#[ignore = "needs nginx"]
fn a_users_rule_changes_where_bytes_come_from_over_nginx() {
    let content = data::bytes(16 * MIB, 1);
    let authority = Authority::new();
    let sites = HOSTS.map(|name| Site { name, content: content.to_vec(), directives: "limit_rate 1m;" });
    let nginx = Nginx::start(&authority, &sites);
    let resolve = HOSTS.map(|name| nginx.resolve(name));
    let (rule, pem) = (fixture("swap-host"), authority.pem());
    let engine = Engine::new();
    let mut more =
        vec!["--no-cache", "--allow-private-mirrors", "--accept-unverified", "--cacert", &pem, "--rule", &rule];
    more.extend(resolve.iter().flat_map(|pinned| ["--resolve", pinned.as_str()]));
    let receipt = engine.fetch(URL, &more).exits(0).receipt();
    engine.assert_file("out", &content);
    assert_eq!(bytes_by_host(&receipt).len(), 3, "{receipt:#}");
    assert_eq!(receipt["sha256"], sha256(&content));
}

#[test]
fn resolve_says_which_rule_and_why() {
    let engine = Engine::new();
    let run = engine.run(["resolve", "--rule", &fixture("swap-host"), URL]).exits(0);
    for wanted in ["https://mirror-a.example/pub/file.bin", "https://mirror-b.example/pub/file.bin", "swap-host"] {
        assert!(run.text().contains(wanted), "{}", run.text());
    }
    engine.run(["resolve", "--json", "--rule", &fixture("swap-host"), URL]).exits(0).events();
}

#[test]
fn the_built_in_rules_answer_without_any_setup() {
    let run = Engine::new().run(["resolve", "https://github.com/o/r/releases/download/v1/a.zip"]).exits(0);
    assert!(
        run.text().contains("https://gh-proxy.com/https://github.com/o/r/releases/download/v1/a.zip"),
        "{}",
        run.text()
    );
}

#[test]
fn a_damaged_component_exits_8() {
    let whole = std::fs::read(fixture("swap-host")).expect("a committed fixture");
    let origin = Origin::file(&file(1, 1));
    for (name, bytes) in [("half.wasm", &whole[..whole.len() / 2]), ("empty.wasm", &[]), ("head.wasm", &whole[..8])] {
        let engine = Engine::new();
        engine.write(name, bytes);
        engine.fetch(&origin.file_url(), &["--rule", name]).fails(8).says(name);
        engine.assert_absent("out");
    }
}

/// Components that would cost their compiler minutes or gigabytes: refused
/// before they are compiled, and the file comes from the origin.
#[test]
fn bombs_are_refused_before_they_are_compiled() {
    let long_body = format!("(component (core module (func {})))", "(drop (i32.const 1))".repeat(40_000));
    let many_functions = format!("(component (core module {}))", "(func)".repeat(200_000));
    let big_file = format!("(component (core module (memory 100) (data (i32.const 0) \"{}\")))", "x".repeat(5 * MIB));
    let origin = Origin::file(&file(1, 1));
    for (name, text) in [("long-body.wasm", long_body), ("many-functions.wasm", many_functions), ("big.wasm", big_file)]
    {
        let engine = Engine::new();
        engine.write(name, wat::parse_str(&text).expect("valid text"));
        let run = engine.fetch(&origin.file_url(), &["--rule", name]).exits(0);
        engine.assert_file("out", &data::bytes(MIB, 1));
        let warned = run
            .events()
            .iter()
            .any(|event| event["event"] == "warning" && event.to_string().contains(name.trim_end_matches(".wasm")));
        assert!(warned, "{name}: {}", run.text());
        assert!(run.took.as_secs() < 15, "{name} took {:?}", run.took);
    }
}

/// What is no mirror rule of this engine: whoever named it has to know at once.
#[test]
fn strangers_exit_8() {
    let cases = [
        ("nothing.wasm", "(component)"),
        ("network.wasm", "(component (import \"wasi:http/outgoing-handler@0.2.0\" (instance)))"),
        ("future.wasm", "(component (import \"turbo:engine/log@9.0.0\" (instance)))"),
        ("module.wasm", "(module)"),
    ];
    let origin = Origin::file(&file(1, 1));
    for (name, text) in cases {
        let engine = Engine::new();
        engine.write(name, wat::parse_str(text).expect("valid text"));
        engine.fetch(&origin.file_url(), &["--rule", name]).fails(8).says(name);
        engine.assert_absent("out");
    }
}

/// Compiled code is trusted with the process: only what the engine wrote may be loaded.
#[test]
fn a_tampered_compilation_cache_is_not_loaded() {
    let engine = Engine::new();
    let resolve = ["resolve", "--rule", &fixture("swap-host"), URL];
    let before = engine.run(resolve).exits(0).text();
    let mut flipped = 0;
    for path in engine.cached_files() {
        let mut bytes = std::fs::read(&path).expect("a readable file");
        if bytes.len() > 4096 {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            std::fs::write(&path, bytes).expect("a writable file");
            flipped += 1;
        }
    }
    assert!(flipped > 0, "nothing was cached: {:?}", engine.cached_files());
    assert_eq!(engine.run(resolve).exits(0).text(), before);
}
