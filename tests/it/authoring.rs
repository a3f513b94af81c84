//! The author's verbs: `component new`, `test`, `bench` and `inspect`.
//!
//! What needs no compiler is tested on the committed components; `guests`
//! builds projects, and wants the target wasm32-unknown-unknown; `languages`
//! does so in JavaScript and Python.

pub mod guests;
pub mod languages;

use std::fs;

use serde_json::Value;

use crate::rig::{Engine, Run, fixture};

/// Writes cases and tests a committed component with them.
fn tried(engine: &Engine, component: &str, cases: &str, more: &[&str]) -> Run {
    fs::create_dir_all(engine.path("tests")).expect("scratch is writable");
    engine.write("tests/cases.toml", cases);
    fs::copy(fixture(component), engine.path("it.wasm")).expect("a committed component");
    engine.run([&["component", "test", "it.wasm"], more].concat())
}

/// The only case of a run that has this name.
#[track_caller]
fn case(run: &Run, name: &str) -> Value {
    let events = run.events();
    let found = events.iter().find(|event| event["name"] == name);
    found.unwrap_or_else(|| panic!("no case `{name}`: {events:#?}")).clone()
}

fn reasons(case: &Value) -> String {
    let lines = case["reasons"].as_array().expect("reasons").iter().map(|line| line.as_str().expect("text"));
    lines.collect::<Vec<_>>().join("\n")
}

const RULE_CASES: &str = r#"
[[case]]
name = "as built"
url = "https://origin.example/a"
max-fuel = 100_000
[case.expect]
candidates = ["https://mirror-a.example/a", "https://mirror-b.example/a"]

[[case]]
name = "configured"
url = "https://downloads.example/a"
settings = { from = "downloads.example", to = ["https://mirror.example"] }
[case.expect]
candidates = ["https://mirror.example/a"]

[[case]]
name = "wrongly configured"
url = "https://origin.example/a"
settings = { form = "origin.example" }
[case.expect]
settings-refused = "form: unknown setting; known are from, to.0, to.1, ..."
"#;

#[test]
fn a_rules_cases_pass_with_figures() {
    let engine = Engine::new();
    let run = tried(&engine, "swap-host", RULE_CASES, &["--json"]);
    for name in ["configured", "wrongly configured"] {
        assert_eq!(case(&run, name)["verdict"], "passed", "{:#}", case(&run, name));
    }
    let built = case(&run, "as built");
    assert_eq!(built["verdict"], "passed", "{built:#}");
    assert!(built["fuel"].as_u64() > Some(0) && built["fuel_limit"] == 5_000_000, "{built:#}");
    assert!(
        built["memory_bytes"].as_u64() >= Some(64 << 10) && built["milliseconds"].as_f64() > Some(0.0),
        "{built:#}"
    );
    assert!(run.events().iter().any(|event| event["event"] == "tested" && event["failed"] == 0), "{}", run.text());
}

#[test]
fn a_wrong_answer_exits_1_with_both_sides_and_update_accepts_it() {
    let engine = Engine::new();
    let cases = "# Why.\n[[case]]\nname = 'one' # keep\nurl = 'https://origin.example/a'\n\n[case.expect]\n# the answer\nnot-mine = true\n";
    let run = tried(&engine, "swap-host", cases, &[]).fails(1);
    for line in ["- not-mine = true", "+     \"https://mirror-a.example/a\",", "2 cases: 1 passed, 1 failed"] {
        assert!(run.text().contains(line), "no `{line}`:\n{}", run.text());
    }
    let updated = tried(&engine, "swap-host", cases, &["--update"]).exits(0);
    assert!(updated.text().contains("2 cases: 1 passed, 0 failed, 1 updated"), "{}", updated.text());
    let written = String::from_utf8(engine.read("tests/cases.toml")).expect("text");
    assert!(written.starts_with("# Why.\n[[case]]\nname = 'one' # keep\n"), "{written}");
    assert!(written.contains("\"https://mirror-b.example/a\",\n"), "{written}");
    engine.run(["component", "test", "it.wasm"]).exits(0);
}

/// What a download would survive is what an author has to see.
#[test]
fn misbehaviour_fails_a_case_and_says_how() {
    let misbehaviours = [
        ("trap", "trapped: panicked at fixtures/hostile/src/lib.rs:"),
        ("loop", "out of fuel: more than 5000000 units in one call"),
        ("recurse", "over its stack limit"),
        ("private", "not a public host"),
        ("downgrade", "neither https nor as safe as the request"),
        ("none", "no candidate"),
        ("stateful", "it answers otherwise when asked again"),
        ("many", "too many candidates"),
    ];
    let cases =
        misbehaviours.map(|(path, _)| format!("[[case]]\nname = '{path}'\nurl = 'https://hostile.example/{path}'\n"));
    let unasked = "[[case]]\nname = 'unasked'\nurl = 'https://elsewhere.example/plain'\n";
    let engine = Engine::new();
    engine.write("patient.toml", "[limits]\ndeadline_ms = 20000\n");
    let run = tried(&engine, "hostile", &(cases.concat() + unasked), &["--json", "--config", "patient.toml"]).exits(1);
    for (path, wanted) in misbehaviours {
        let case = case(&run, path);
        assert_eq!(case["verdict"], "failed", "{case:#}");
        assert!(reasons(&case).contains(wanted), "no `{wanted}`: {case:#}");
    }
    assert!(reasons(&case(&run, "unasked")).contains("the engine never asks"), "{:#}", case(&run, "unasked"));
    let looping = case(&run, "loop");
    assert_eq!(looping["fuel"], looping["fuel_limit"], "{looping:#}");
    assert!(reasons(&case(&run, "trap")).contains("  at "), "a backtrace: {:#}", case(&run, "trap"));
}

const RELEASE: &str = r#"
version = "1.0.0"
[[case.release.artifacts]]
file-name = "tool.zip"
url = "https://tool.example/tool.zip"
digests = ["sha-256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"]
"#;

fn generating(name: &str, head: &str) -> String {
    format!("[[case]]\nname = '{name}'\n{head}\n[case.release]\nname = '{name}'\n{RELEASE}\n")
}

#[test]
fn a_generators_answer_is_recorded_and_compared() {
    let engine = Engine::new();
    let settings = "settings = { repository = 'owner/name' }";
    let prior = "[case.prior]\n'tool/1.0.0.txt' = \"# Before\\n\"\n";
    let cases = generating("tool", settings) + prior;
    tried(&engine, "list-files", &cases, &[]).fails(1).says("--update");
    tried(&engine, "list-files", &cases, &["--update"]).exits(0);
    let written = String::from_utf8(engine.read("tests/cases.toml")).expect("text");
    let table: toml::Table = written.parse().unwrap_or_else(|error| panic!("{error}: {written}"));
    let expect = &table["case"][0]["expect"];
    assert_eq!(expect["wants"][0].as_str(), Some("tool/1.0.0.txt"), "{written}");
    let delivery = &expect["deliveries"][0];
    assert_eq!((delivery["kind"].as_str(), delivery["repository"].as_str()), (Some("git-change"), Some("owner/name")));
    let content = delivery["files"]["tool/1.0.0.txt"].as_str().expect("the file");
    assert_eq!(content, format!("# Before\n{} tool.zip\n", "0a".repeat(32)));
    assert_eq!(expect["findings"][0]["code"].as_str(), Some("no-body"), "what validate says: {written}");
    let run = engine.run(["component", "test", "it.wasm", "--json"]).exits(0);
    let tool = case(&run, "tool");
    assert_eq!((&tool["verdict"], &tool["fuel_limit"]), (&"passed".into(), &500_000_000.into()), "{tool:#}");
}

#[test]
fn a_generator_is_held_to_its_limits_and_its_paths() {
    let engine = Engine::new();
    // The fuel is what has to end it, however slow the machine.
    engine.write("patient.toml", "[limits]\ngenerate_fuel = 20000000\ngenerate_deadline_ms = 60000\n");
    let names = ["panics", "loops", "escapes", "wavers", "empty"];
    let mut cases: String = names[..4].iter().map(|name| generating(name, "")).collect();
    cases += "[[case]]\nname = 'empty'\n[case.release]\nname = 'empty'\n[case.prior]\n'other' = ''\n";
    let run = tried(&engine, "list-files", &cases, &["--json", "--config", "patient.toml"]).exits(1);
    let wanted = [
        "trapped: panicked at fixtures/list-files/src/lib.rs:",
        "out of fuel: more than 20000000 units in one call",
        "`../outside.txt` is no relative path separated by /",
        "it answers otherwise when asked again",
        "a prior file `other`, which the generator does not ask for",
    ];
    for (name, wanted) in names.iter().zip(wanted) {
        let case = case(&run, name);
        assert!(reasons(&case).contains(wanted), "no `{wanted}`: {case:#}");
    }
    assert!(reasons(&case(&run, "empty")).contains("+ code = \"no-artifact\""), "{:#}", case(&run, "empty"));
}

#[test]
fn cases_that_cannot_be_read_exit_2_and_say_where() {
    let engine = Engine::new();
    for (cases, wanted) in [
        ("[[case]]\nname = 'x'\nurl = 'https://a.example/'\nexpects = {}\n", "unknown field `expects`"),
        ("[[case]]\nname = 'x'\n", "the case `x` has no `url`"),
        ("[[case]]\nname = 'x'\nurl = 'https://a.example/'\n[case.release]\n", "this is a mirror rule"),
        ("= =", "TOML parse error"),
    ] {
        tried(&engine, "swap-host", cases, &[]).fails(2).says("cases.toml").says(wanted);
    }
}

/// What `component.toml` says is held against the component; what it asks for
/// beyond the limits is granted, and told.
#[test]
fn a_projects_manifest_counts() {
    let engine = Engine::new();
    fs::create_dir_all(engine.path("it/dist")).expect("scratch is writable");
    fs::copy(fixture("swap-host"), engine.path("it/dist/swap-host.wasm")).expect("a committed component");
    let manifest = |grants: &str| {
        let head = "id = 'swap-host'\nversion = '0.2.0'\nkind = 'mirror-rule'\nwit = 'turbo:engine@0.1.0'";
        engine.write("it/component.toml", format!("{head}\nsummary = 'x'\n[grants]\n{grants}\n"));
    };
    let test = || engine.run(["component", "test", "it", "--no-build", "--json"]);
    manifest("fuel = '6000000'");
    let run = test().exits(1);
    let tested = run.events().into_iter().find(|event| event["event"] == "tested").expect("a summary");
    assert_eq!(tested["grants"]["fuel"], "6000000", "{tested:#}");
    let fields = tested["disagreements"].as_array().expect("a list").iter().map(|found| found["field"].as_str());
    assert_eq!(fields.collect::<Vec<_>>(), [Some("version"), Some("summary"), Some("pattern"), Some("example")]);
    let example = run.events().remove(0);
    assert_eq!((&example["verdict"], &example["fuel_limit"]), (&"passed".into(), &6_000_000.into()), "{example:#}");
    for (grants, wanted) in [("patience = '1'", "there is no limit `patience`"), ("memory = '1TiB'", "no more than")] {
        manifest(grants);
        test().fails(2).says("component.toml").says(wanted);
    }
    fs::remove_file(engine.path("it/dist/swap-host.wasm")).expect("it was there");
    manifest("");
    test().fails(7).says("is not built");
}

#[test]
fn inspect_tells_what_a_component_is() {
    let run = Engine::new().run(["component", "inspect", "--json", &fixture("list-files")]).exits(0);
    let told = &run.events()[0];
    assert_eq!((&told["world"], &told["id"]), (&"manifest-generator".into(), &"list-files".into()), "{told:#}");
    assert_eq!(told["imports"].as_array().map(Vec::len), Some(2), "{told:#}");
    let measures = told["measures"].as_array().expect("measures");
    assert!(measures.iter().any(|measure| measure["limit"] == "functions" && measure["found"].as_u64() > Some(9)));
    let text = Engine::new().run(["component", "inspect", &fixture("swap-host")]).exits(0).text();
    for wanted in ["world        mirror-rule", "http|https://origin.example/", "limit        file "] {
        assert!(text.contains(wanted), "no `{wanted}`:\n{text}");
    }
}

/// Whatever is wrong with a file, what can be told of it is told.
#[test]
fn inspect_tells_why_a_component_would_be_refused() {
    let many = format!("(component (core module {}))", "(func)".repeat(20_000));
    let cases = [
        ("network", "(component (import \"wasi:http/outgoing-handler@0.2.0\" (instance)))", "not a mirror rule"),
        (
            "future",
            "(component (instance $i) (export \"turbo:engine/mirror-rules@9.0.0\" (instance $i)))",
            "turbo:engine@0.1",
        ),
        ("many", &many, "too many functions: 20000, the limit is 10000"),
        ("module", "(module)", "core WebAssembly module"),
    ];
    let engine = Engine::new();
    for (name, text, wanted) in cases {
        engine.write(name, wat::parse_str(text).expect("valid text"));
        let run = engine.run(["component", "inspect", "--json", name]).fails(8);
        let told = &run.events()[0];
        assert_eq!(told["sha256"].as_str().map(str::len), Some(64), "{told:#}");
        assert!(told["refusals"].to_string().contains(wanted), "no `{wanted}`: {told:#}");
    }
    let whole = fs::read(fixture("hostile")).expect("a committed component");
    for length in [0, 3, 8, 100, whole.len() / 2, whole.len() - 1] {
        engine.write("cut.wasm", &whole[..length]);
        let run = engine.run(["component", "inspect", "cut.wasm"]).fails(8);
        assert!(run.text().contains("refused ") && run.text().contains("sha256 "), "{length}: {}", run.text());
    }
    engine.run(["component", "inspect", &fixture("self-test-fails")]).fails(8).says("fails its own example");
    engine.run(["component", "inspect", &fixture("describe-panics")]).fails(8).says("the table is empty");
    engine.run(["component", "inspect", "absent.wasm"]).fails(2);
}

/// An unexpected import tells which target gets rid of it.
#[test]
fn an_unwanted_import_says_what_removes_it() {
    let engine = Engine::new();
    let export = "(instance $i) (export \"turbo:engine/mirror-rules@0.1.0\" (instance $i))";
    for (import, hint) in [
        ("wasi:sockets/tcp@0.2.0", "components answer questions and get no network"),
        ("wasi:clocks/timezone@0.2.0", "wasm32-unknown-unknown"),
        ("my:host/thing", "remove the import"),
    ] {
        let text = format!("(component (import \"{import}\" (instance)) {export})");
        engine.write("it.wasm", wat::parse_str(text).expect("valid text"));
        engine.run(["component", "inspect", "it.wasm"]).fails(8).says(import).says(hint);
        engine.run(["component", "test", "it.wasm"]).fails(8).says(import).says(hint);
    }
}

#[test]
fn bench_measures_beside_wasmtime_alone() {
    let engine = Engine::new();
    let run = engine.run(["component", "bench", "--json", &fixture("swap-host")]).exits(0);
    let told = &run.events()[0];
    for figure in ["compile_ms", "load_ms", "fresh_us", "warm_us", "bare_us"] {
        assert!(told[figure].as_f64() > Some(0.0), "{figure}: {told:#}");
    }
    assert!(told["fresh_us"].as_f64() > told["warm_us"].as_f64(), "{told:#}");
    let text = engine.run(["component", "bench", &fixture("swap-host")]).exits(0).text();
    assert!(text.contains("bare call ") && text.contains("https://origin.example/pub/file"), "{text}");
    engine.run(["component", "bench", &fixture("list-files")]).fails(1).says("neither an example nor a case");
}

#[test]
fn new_never_overwrites_and_names_are_checked() {
    let engine = Engine::new();
    let new = |more: &[&str]| engine.run([&["component", "new", "--kind", "mirror-rule"], more].concat());
    new(&["files"]).exits(0);
    let before = engine.read("files/component.toml");
    new(&["files"]).fails(7).says("files exists");
    assert_eq!(engine.read("files/component.toml"), before);
    engine.write("taken", "mine");
    new(&["taken"]).fails(7);
    assert_eq!(engine.read("taken"), b"mine");
    for name in ["Files", "a b", "-a", "1st", "../up", "", &"a".repeat(65)] {
        new(&["--dir", "fresh", "--", name]).fails(2);
        engine.assert_absent("fresh");
    }
    new(&["other", "--sdk", "."]).fails(2).says("turbo-component");
    let event = &new(&["third", "--dir", "deep/er", "--json"]).exits(0).events()[0];
    assert_eq!((&event["event"], &event["folder"]), (&"created".into(), &"deep/er".into()));
    engine.read("deep/er/.github/workflows/ci.yml");
}
