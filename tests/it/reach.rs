//! What a component may say, learn and name: words that hide nothing, rules
//! that see every URL only with leave, candidates at public places alone, and
//! lockfiles that say what is so.

#[path = "../../engine/src/component/tests/fixture.rs"]
mod guest;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use self::guest::{Fixture, error_at};
use crate::rig::{Answer, Engine, MIB, Origin, Run, data, file, fixture, sha256};

const URL: &str = "https://origin.example/f";

/// What the fixture answers, as its example.
const EXAMPLES: &[(&str, &[&str])] = &[(URL, &["https://a.example/f", "https://b.example/f"])];

/// Text that reads as something else than it is, each with its escape.
const HIDDEN: [(&str, &str); 15] = [
    ("\u{202e}", "202e"),
    ("\u{2066}", "2066"),
    ("\u{200f}", "200f"),
    ("\u{61c}", "61c"),
    ("\u{200b}", "200b"),
    ("\u{200d}", "200d"),
    ("\u{2060}", "2060"),
    ("\u{feff}", "feff"),
    ("\u{ad}", "ad"),
    ("\u{e0041}", "e0041"),
    ("\u{fe0f}", "fe0f"),
    ("\u{2028}", "2028"),
    ("\u{fff9}", "fff9"),
    ("\u{e000}", "e000"),
    ("\u{3164}", "3164"),
];

/// A pile of marks that covers the lines around it.
const PILE: &str = "a\u{301}\u{302}\u{303}\u{304}\u{305}\u{489}\u{20dd}";

fn words() -> String {
    let hidden: String = HIDDEN.iter().map(|(text, _)| format!("x{text}y ")).collect();
    format!("{hidden}{PILE}")
}

/// Nothing of what a guest says is on the screen as it said it.
#[track_caller]
fn assert_visible(screen: &str) {
    for (text, escape) in HIDDEN {
        assert!(!screen.contains(text), "{text:?} is shown as it is: {screen:?}");
        assert!(screen.contains(&format!("\\u{{{escape}}}")), "{escape} is not shown: {screen:?}");
    }
    assert!(!screen.contains("\u{303}\u{304}"), "{screen:?}");
}

fn advising(host: &'static str, text: &str) -> Vec<u8> {
    // `refused`, with a text.
    let fields = error_at(&[1, 1], text);
    Fixture { host, map_url: "(global.get $error)".into(), fields, ..Fixture::default() }.build()
}

fn logging(host: &'static str, text: &str, then: &str) -> Vec<u8> {
    let bytes: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    Fixture {
        host,
        map_url: format!("(call $log (i32.const 1) (i32.const 90000) (i32.const {})) {then}", text.len()),
        fields: format!(r#"(data (i32.const 90000) "{bytes}")"#),
        ..Fixture::default()
    }
    .build()
}

/// Three files of one host, in a list.
fn three_files(engine: &Engine) -> Origin {
    let served = file(1, 1);
    let origin = Origin::start(move |request| served.answer(request));
    let lines: String = (0..3).map(|number| format!("{}\n", origin.url(&format!("/{number}.bin")))).collect();
    engine.write("list", lines);
    origin
}

#[test]
fn advice_is_shown_in_quotes_by_name_and_hides_nothing() {
    let engine = Engine::new();
    engine.write("rule.wasm", advising("origin.example", &words()));
    let run = engine.run(["resolve", "--rule", "rule.wasm", URL]).exits(0);
    assert_visible(&run.stderr);
    assert!(run.stderr.contains("component `fixture` says \"x\\u{202e}y "), "{}", run.stderr);
    engine.write("rule.wasm", advising("origin.example", "\" and turbo-engine says \"all is well"));
    let run = engine.run(["resolve", "--rule", "rule.wasm", URL]).exits(0);
    assert!(run.stderr.contains(r#"says "\" and turbo-engine says \"all is well""#), "{}", run.stderr);
}

#[test]
fn words_of_a_guest_are_told_once_a_run() {
    let engine = Engine::new();
    let _origin = three_files(&engine);
    let download = |more: &[&str]| -> Run {
        let fixed = ["download", "-i", "list", "--no-cache", "--if-exists", "overwrite", "--rule", "rule.wasm"];
        engine.run([&fixed[..], more].concat()).exits(0)
    };
    let times = |run: &Run, text: &str| run.stderr.matches(text).count();
    engine.write("rule.wasm", advising("127.0.0.1", "ask for /plain instead"));
    let run = download(&[]);
    assert_eq!(times(&run, "component `fixture` says \"ask for /plain instead\""), 1, "{}", run.stderr);
    // Programs are told of each file by itself.
    let events = download(&["--json"]).events();
    assert_eq!(events.iter().filter(|event| event["component"] == "fixture").count(), 3, "{events:#?}");
    engine.write("rule.wasm", logging("127.0.0.1", &words(), "(global.get $answer)"));
    let run = download(&["-v"]);
    assert_visible(&run.stderr);
    assert_eq!(times(&run, "component `fixture` says \"x\\u{202e}y "), 1, "{}", run.stderr);
}

#[test]
fn last_words_are_quoted_and_hide_nothing() {
    let engine = Engine::new();
    let failing = Fixture {
        // At the level of errors, which are remembered.
        map_url: "(call $log (i32.const 0) (i32.const 90000) (i32.const 9)) (unreachable)".into(),
        fields: "(data (i32.const 90000) \"a\\e2\\80\\ae\\e2\\80\\8bzz\")".into(),
        ..Fixture::default()
    };
    engine.write("rule.wasm", failing.build());
    let run = engine.run(["resolve", "--rule", "rule.wasm", URL]).exits(0);
    assert!(run.stderr.contains(r#"component `fixture`: trapped: "a\u{202e}\u{200b}zz""#), "{}", run.stderr);
}

/// Servers and files have words, too.
#[test]
fn names_of_others_hide_nothing_on_the_screen() {
    let served = file(1, 1);
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/broken" => Answer::redirect("http://a\u{202e}b.example:99999/"),
        _ => served.answer(request),
    });
    let engine = Engine::new();
    let run = engine.run(["download", "--no-cache", &origin.url("/%E2%80%AEgpj.exe")]).exits(0);
    assert!(!run.stderr.contains('\u{202e}'), "{:?}", run.stderr);
    let run = engine.run(["download", "--no-cache", &origin.url("/broken")]);
    assert!(!run.stderr.contains('\u{202e}'), "{:?}", run.stderr);
    engine.write("\u{202e}list", "ftp://x\n\u{200b}");
    let run = engine.run(["download", "-i", "\u{202e}list"]).fails(2);
    assert!(run.stderr.contains("\\u{202e}list") && !run.stderr.contains('\u{202e}'), "{:?}", run.stderr);
    fs::create_dir_all(engine.path("sums\u{200b}")).expect("writable");
    let run = engine.run(["component", "inspect", "sums\u{200b}"]);
    assert!(!run.stderr.contains('\u{200b}') && !run.text().contains('\u{200b}'), "{run:?}");
}

/// A rule that is asked about every URL.
fn nosy() -> Fixture {
    // No patterns: every URL.
    Fixture {
        id: "nosy",
        describe: "(i32.store offset=28 (global.get $info) (i32.const 0))".into(),
        examples: EXAMPLES,
        ..Fixture::default()
    }
}

fn listed(engine: &Engine, name: &str) -> Value {
    let events = engine.run(["component", "list", "--json"]).exits(0).events();
    events.into_iter().find(|event| event["name"] == name).expect("installed")
}

fn lock_file(engine: &Engine) -> PathBuf {
    engine.cached_files().into_iter().find(|path| path.ends_with("turbo.lock")).expect("a lockfile")
}

fn edit(engine: &Engine, from: &str, to: &str) {
    let path = lock_file(engine);
    let text = fs::read_to_string(&path).expect("readable");
    assert!(text.contains(from), "no `{from}` in {text}");
    fs::write(path, text.replacen(from, to, 1)).expect("writable");
}

#[test]
fn add_list_and_inspect_say_what_a_rule_learns_and_where_it_leads() {
    let engine = Engine::new();
    let leads = "a.example, b.example in its examples; it can name any public host";
    engine.write("rule.wasm", Fixture { examples: EXAMPLES, ..Fixture::default() }.build());
    let inspected = engine.run(["component", "inspect", "rule.wasm"]).exits(0);
    let added = engine.run(["component", "add", "rule.wasm"]).exits(0);
    let list = engine.run(["component", "list"]).exits(0);
    for run in [inspected, added, list] {
        for wanted in ["asked about", "http|https://origin.example/", "leads to", leads] {
            assert!(run.text().contains(wanted), "no `{wanted}`: {}", run.text());
        }
    }
    let row = listed(&engine, "fixture");
    assert_eq!((&row["reach"]["any_host"], &row["reach"]["example_hosts"][1]), (&false.into(), &"b.example".into()));
    let built_in = listed(&engine, "github");
    assert!(built_in["reach"]["asked_about"].to_string().contains("github.com"), "{built_in:#}");
}

#[test]
fn a_rule_without_a_host_pattern_needs_leave() {
    let engine = Engine::new();
    engine.write("nosy.wasm", nosy().build());
    let inspected = engine.run(["component", "inspect", "nosy.wasm"]).exits(0).text();
    assert!(inspected.contains("every URL you download") && inspected.contains("--any-host"), "{inspected}");
    let refused = engine.run(["component", "add", "nosy.wasm"]).fails(8);
    refused.says("every URL you download").says("--any-host");
    let added = engine.run(["component", "add", "nosy.wasm", "--any-host"]).exits(0);
    assert!(added.text().contains("every URL you download"), "{}", added.text());
    let row = listed(&engine, "nosy");
    assert_eq!((&row["grants"]["any-host"], &row["state"]), (&"yes".into(), &"active".into()), "{row:#}");
    let run = engine.run(["component", "list"]).exits(0);
    assert!(run.text().contains("every URL you download") && !run.stderr.contains("any-host"), "{run:?}");
    assert!(engine.run(["resolve", "https://else.example/x"]).exits(0).text().contains("a.example"));
    // A suffix under which anybody has names is no host either.
    for host in ["com", "co.uk"] {
        engine.write("broad.wasm", Fixture { id: "broad", host, examples: EXAMPLES, ..Fixture::default() }.build());
        engine.run(["component", "add", "broad.wasm"]).fails(8).says("--any-host").says(&format!("*.{host}"));
    }
    // Named for this run, it is asked.
    assert!(
        Engine::new()
            .run(["resolve", "--rule", &path(&engine, "nosy.wasm"), URL])
            .exits(0)
            .text()
            .contains("a.example")
    );
}

fn path(engine: &Engine, name: &str) -> String {
    engine.path(name).display().to_string()
}

/// What an earlier version installed goes on, and is told of.
#[test]
fn a_rule_that_had_no_leave_yet_is_told_of() {
    let engine = Engine::new();
    engine.write("nosy.wasm", nosy().build());
    engine.run(["component", "add", "nosy.wasm", "--any-host"]).exits(0);
    edit(&engine, "[component.current.grants]\nany-host = \"yes\"\n", "");
    let run = engine.run(["resolve", "https://else.example/x"]).exits(0);
    assert!(run.text().contains("a.example"), "{}", run.text());
    run.says("component `nosy` is asked about URLs of any host").says("--any-host");
    let _origin = three_files(&engine);
    let run = engine.run(["download", "-i", "list", "--no-cache"]).exits(0);
    assert_eq!(run.stderr.matches("`nosy` is asked about URLs of any host").count(), 1, "{}", run.stderr);
}

#[test]
fn a_strangers_lockfile_gives_no_leave() {
    let engine = Engine::new();
    engine.write("nosy.wasm", nosy().build());
    engine.run(["component", "add", "nosy.wasm", "--any-host", "--lock", "turbo.lock"]).exits(0);
    let text = String::from_utf8(engine.read("turbo.lock")).expect("text");
    for lock in [text.clone(), text.replace("[component.current.grants]\nany-host = \"yes\"\n", "")] {
        let other = Engine::new();
        other.write("nosy.wasm", nosy().build());
        other.write("turbo.lock", &lock);
        other.run(["component", "sync", "--lock", "turbo.lock"]).fails(8).says("any-host=yes").says("--accept-grants");
        other.run(["component", "sync", "--lock", "turbo.lock", "--accept-grants"]).exits(0);
        let run = other.run(["resolve", "--lock", "turbo.lock", "https://else.example/x"]).exits(0);
        assert!(run.text().contains("a.example"), "{}", run.text());
    }
}

#[test]
fn candidates_lead_to_public_places_alone() {
    let engine = Engine::new();
    for candidate in [
        "https://mirror.example:22/f",
        "https://mirror.example:6379/f",
        "https://93.184.215.14:8081/f",
        "https://expyuzz4wqqyqhjn.onion/f",
        "https://metadata.google.internal/f",
        "https://kubernetes.default.svc/f",
        "https://a.svc.cluster.local/f",
        "https://printer.local/f",
        "https://a.localhost/f",
        "https://router.home.arpa/f",
        "https://a.test/f",
        "https://a.invalid/f",
        "https://nas.lan/f",
        "https://files.corp/f",
        "https://files/f",
    ] {
        let candidates: &'static [&'static str] = Vec::leak(vec![candidate, "https://public.example:8443/f"]);
        engine.write("rule.wasm", Fixture { candidates, ..Fixture::default() }.build());
        let run = engine.run(["resolve", "--rule", "rule.wasm", URL]).exits(0);
        assert!(!run.text().contains(candidate) && run.text().contains("public.example:8443"), "{}", run.text());
        run.says("not a public host");
        let run = engine.run(["resolve", "--rule", "rule.wasm", "--allow-private-mirrors", URL]).exits(0);
        assert!(run.text().contains(candidate), "{}", run.text());
    }
}

/// Redirects and Metalinks are others' words as much as a rule's are.
#[test]
fn redirects_and_metalinks_lead_to_public_places_alone() {
    let engine = Engine::new();
    for place in ["mirror.example:6379", "expyuzz4wqqyqhjn.onion", "metadata.google.internal", "files", "a.localhost"] {
        let to = format!("http://{place}/f");
        let target = to.clone();
        let origin = Origin::start(move |_| Answer::redirect(&target));
        let host = place.split(':').next().expect("a host");
        engine.fetch(&origin.url("/f"), &[]).fails(5).says("is not at a public address or port").says(host);
        engine.assert_absent("out");
        let metalink = format!(
            "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"out\"><url>{to}</url></file></metalink>"
        );
        engine.write("list.meta4", metalink);
        engine.run(["download", "-i", "list.meta4"]).fails(5).says("is not at a public address or port");
    }
}

#[test]
fn a_rule_named_for_the_run_is_asked_though_the_others_are_not() {
    let engine = Engine::new();
    engine.write("installed.wasm", Fixture { examples: EXAMPLES, ..Fixture::default() }.build());
    engine.run(["component", "add", "installed.wasm"]).exits(0);
    let (rule, asset) = (fixture("swap-host"), "https://github.com/o/r/releases/download/v1/a.zip");
    let asked = |more: &[&str], url: &str| engine.run([&["resolve"], more, &[url]].concat()).exits(0).text();
    let named = asked(&["--no-rules", "--rule", &rule], URL);
    assert!(named.contains("mirror-a.example"), "{named}");
    assert!(!named.contains("https://a.example/f"), "the installed one: {named}");
    assert!(!asked(&["--no-rules", "--rule", &rule], asset).contains("gh-proxy"));
    assert!(!asked(&["--no-rules"], URL).contains("mirror-a.example"));
    fs::create_dir_all(engine.path("rules")).expect("writable");
    fs::copy(&rule, engine.path("rules/swap.wasm")).expect("a committed fixture");
    assert!(asked(&["--no-rules", "--rules", "rules"], URL).contains("mirror-a.example"));
    // What the configuration names is what `--no-rules` is for.
    engine.write("own.toml", format!("rule = [{rule:?}]\n"));
    assert!(asked(&["--config", "own.toml"], URL).contains("mirror-a.example"));
    assert!(!asked(&["--config", "own.toml", "--no-rules"], URL).contains("mirror-a.example"));
    engine.write("own.toml", format!("rules = false\nrule = [{rule:?}]\n"));
    assert!(asked(&["--config", "own.toml"], URL).contains("mirror-a.example"));
    engine.run(["resolve", "--no-rules", "--rule", "absent.wasm", URL]).fails(8).says("absent.wasm");
}

#[test]
fn a_rule_without_examples_is_tested_by_nothing() {
    let engine = Engine::new();
    engine.write("rule.wasm", Fixture::default().build());
    engine.run(["component", "test", "rule.wasm"]).fails(1).says("no examples");
    let events = engine.run(["component", "test", "rule.wasm", "--json"]).fails(1).events();
    assert!(events.iter().any(|event| event["untested"] == true), "{events:#?}");
    let inspected = engine.run(["component", "inspect", "rule.wasm"]).exits(0).text();
    assert!(inspected.contains("--untested"), "{inspected}");
    engine.run(["component", "add", "rule.wasm"]).fails(8).says("no examples").says("--untested");
    engine.run(["component", "add", "rule.wasm", "--untested"]).exits(0);
    assert_eq!(listed(&engine, "fixture")["state"], "active");
    engine.write("good.wasm", Fixture { examples: EXAMPLES, ..Fixture::default() }.build());
    engine.run(["component", "test", "good.wasm"]).exits(0);
}

#[test]
fn an_edited_lockfile_is_found() {
    let rule = Fixture { examples: EXAMPLES, ..Fixture::default() }.build();
    let length = rule.len();
    for (field, from, to) in [
        ("rule", "rule = \"fixture\"", "rule = \"github\""),
        ("version", "version = \"1.0.0\"", "version = \"9.0.0\""),
        ("bytes", &*format!("bytes = {length}"), "bytes = 7"),
        ("source", "rule.wasm\"", "other.wasm\""),
        ("kind", "version = \"1.0.0\"", "version = \"1.0.0\"\nkind = \"manifest-generator\""),
    ] {
        let engine = Engine::new();
        engine.write("rule.wasm", &rule);
        engine.run(["component", "add", "rule.wasm"]).exits(0);
        edit(&engine, from, to);
        let run = engine.run(["resolve", URL]).exits(0);
        assert!(!run.text().contains("https://a.example/f"), "{field}: {}", run.text());
        run.says(&format!("`{field}`")).says("edited");
        let row = listed(&engine, "fixture");
        assert_eq!(row["state"], "left-out", "{field}: {row:#}");
        engine.run(["resolve", "--frozen", URL]).fails(8).says(&format!("`{field}`"));
        if field == "source" {
            // Fetched from there, it would be another one's word.
            engine.run(["component", "sync"]).fails(7).says("other.wasm");
        } else {
            engine.run(["component", "sync"]).fails(8).says(&format!("`{field}`"));
        }
        let origin = Origin::file(&file(1, 1));
        engine.fetch(&origin.file_url(), &[]).exits(0);
        engine.assert_file("out", &data::bytes(MIB, 1));
        engine.run(["component", "add", "rule.wasm", "--name", "fixture"]).exits(0);
        assert_eq!(listed(&engine, "fixture")["state"], "active", "{field}");
    }
}

#[test]
fn a_source_that_gives_the_same_bytes_is_taken_after_a_look() {
    let engine = Engine::new();
    let rule = Fixture { examples: EXAMPLES, ..Fixture::default() }.build();
    for name in ["rule.wasm", "other.wasm"] {
        engine.write(name, &rule);
    }
    engine.run(["component", "add", "rule.wasm"]).exits(0);
    edit(&engine, "rule.wasm\"", "other.wasm\"");
    engine.run(["component", "sync"]).exits(0);
    assert_eq!(listed(&engine, "fixture")["state"], "active");
    // An earlier version has no record, and its lockfile is taken at its word.
    let record = engine.cached_files().into_iter().find(|path| path.extension().is_some_and(|end| end == "record"));
    fs::remove_file(record.expect("a record")).expect("removable");
    assert_eq!(listed(&engine, "fixture")["state"], "active");
}

#[test]
fn an_interrupted_add_leaves_nothing_for_long() {
    let engine = Engine::new();
    engine.write("rule.wasm", Fixture { examples: EXAMPLES, ..Fixture::default() }.build());
    engine.run(["component", "add", "rule.wasm"]).exits(0);
    let lock = lock_file(&engine);
    let folder = lock.parent().expect("a folder");
    let left = [
        folder.join(format!("components-v1/sha256-{}.wasm.4711.tmp", sha256(b"half"))),
        folder.join("components-v1/sha256-00.record.4711.tmp"),
        folder.join("turbo.lock.4711.tmp"),
    ];
    for verb in [&["resolve", URL][..], &["component", "list"], &["component", "add", "rule.wasm"]] {
        left.iter().for_each(|path| fs::write(path, b"half").expect("writable"));
        engine.run(verb).exits(0);
        let still: Vec<_> = left.iter().filter(|path| path.exists()).collect();
        assert!(still.is_empty(), "{verb:?} leaves {still:?}");
    }
    assert_eq!(listed(&engine, "fixture")["state"], "active");
}
