//! The host against components that behave and components that do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use url::Url;

use super::fixture::{Fixture, error_at};
use super::*;
use crate::model::{ExitCode, Explain, PrivateMirrors, Region};

/// Rules made of fixtures, with the folder they live in.
struct Bench {
    folder: TempDir,
    options: RuleOptions,
}

impl Bench {
    fn new(fixtures: &[Fixture]) -> Self {
        let components: Vec<Vec<u8>> = fixtures.iter().map(Fixture::build).collect();
        Self::of(&components)
    }

    fn of(components: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = RuleOptions::default();
        for (number, component) in components.iter().enumerate() {
            let path = folder.path().join(format!("rule-{number}.wasm"));
            fs::write(&path, component).unwrap();
            options.user.push(path);
        }
        Self { folder, options }
    }

    fn cached(mut self) -> Self {
        self.options.cache_dir = Some(self.folder.path().join("cache"));
        self
    }

    fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.options.limits);
        self
    }

    fn settings(mut self, rule: &str, text: &str) -> Self {
        self.options.settings.insert(rule.into(), text.parse().unwrap());
        self
    }

    fn open(&self) -> Rules {
        Rules::open(&self.options).unwrap()
    }

    fn refused(&self) -> ComponentError {
        Rules::open(&self.options).unwrap_err()
    }

    fn aot_files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("cache/aot-v1")).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .collect()
    }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn ask(rules: &Rules, path: &str) -> std::sync::Arc<Answer> {
    rules.ask(&url(&format!("https://origin.example/{path}")), Region::WORLD)
}

fn candidates(answer: &Answer) -> Vec<&str> {
    answer.candidates.iter().map(|candidate| candidate.url.as_str()).collect()
}

/// The only fault of a rule whose `map-url` is the given text.
fn fault_of(map_url: &str, change: impl FnOnce(&mut Limits)) -> Fault {
    let bench = Bench::new(&[Fixture { map_url: map_url.into(), ..Fixture::default() }]).limits(change);
    let answer = ask(&bench.open(), "f");
    assert_eq!(answer.candidates, []);
    assert_eq!(answer.asked, [Asked { rule: "fixture".into(), reply: Reply::Faulted }]);
    let [fault] = &answer.faults[..] else { panic!("{:?}", answer.faults) };
    fault.clone()
}

const LOOP: &str = "(loop (br 0)) (unreachable)";

#[test]
fn a_rule_answers() {
    let rules = Bench::new(&[Fixture::default()]).open();
    let answer = ask(&rules, "f");
    assert_eq!(candidates(&answer), ["https://a.example/f", "https://b.example/f"]);
    assert_eq!(answer.candidates[0].rule, "fixture");
    assert_eq!(answer.candidates[0].weight, 50);
    assert_eq!(answer.asked, [Asked { rule: "fixture".into(), reply: Reply::Candidates(2) }]);
    assert_eq!((&answer.faults[..], &answer.advice[..]), (&[][..], &[][..]));
    let list = rules.list();
    assert_eq!(
        (list[0].id.as_str(), list[0].version.as_str(), &list[0].state),
        ("fixture", "1.0.0", &RuleState::Active)
    );
}

#[test]
fn nobody_is_asked_who_is_not_interested() {
    let rules = Bench::new(&[Fixture::default()]).open();
    assert_eq!(*rules.ask(&url("https://other.example/"), Region::WORLD), Answer::default());
    let counters = rules.counters();
    assert_eq!((counters.questions, counters.not_interested, counters.rules["fixture"].calls), (1, 1, 0));
}

#[test]
fn a_url_with_a_secret_is_shown_to_nobody() {
    let rules = Bench::new(&[Fixture::default()]).open();
    for path in ["f?token=1", "f?X-Amz-Signature=1"] {
        let answer = ask(&rules, path);
        assert_eq!(answer.candidates, []);
        assert!(answer.advice[0].rule.is_none() && answer.advice[0].text.contains("secret"));
    }
    assert!(!rules.ask(&url("https://me:pw@origin.example/f"), Region::WORLD).advice.is_empty());
    assert_eq!(ask(&rules, &"x".repeat(9000)).asked, []);
    let counters = rules.counters();
    assert_eq!((counters.withheld, counters.rules["fixture"].calls), (4, 0));
}

#[test]
fn an_answer_is_given_from_memory_whatever_the_fragment() {
    let rules = Bench::new(&[Fixture::default()]).open();
    let first = ask(&rules, "f");
    assert!(std::sync::Arc::ptr_eq(&first, &ask(&rules, "f")));
    assert!(std::sync::Arc::ptr_eq(&first, &ask(&rules, "f#part")));
    assert!(!std::sync::Arc::ptr_eq(&first, &ask(&rules, "g")));
    let counters = rules.counters();
    assert_eq!((counters.memo_hits, counters.rules["fixture"].calls), (2, 2));
    assert_eq!(counters.rules["fixture"].instances, 3, "one examined, one for the first question, one to audit it");
}

#[test]
fn several_rules_answer_in_order_without_repeating_each_other() {
    let second =
        Fixture { id: "second", candidates: &["https://b.example/f", "https://c.example/f"], ..Fixture::default() };
    let answer = ask(&Bench::new(&[Fixture::default(), second]).open(), "f");
    assert_eq!(candidates(&answer), ["https://a.example/f", "https://b.example/f", "https://c.example/f"]);
    assert_eq!(answer.candidates[2].rule, "second");
}

#[test]
fn the_words_of_a_rule_reach_the_user_clean() {
    for (discriminant, reply) in [
        (1, Reply::Refused("ask [31mthe file".into())),
        (2, Reply::Invalid("ask [31mthe file".into())),
        (3, Reply::Other("ask [31mthe file".into())),
    ] {
        let fixture = Fixture {
            map_url: "(global.get $error)".into(),
            fields: error_at(70_000, [1, discriminant], "ask \\1b[31mthe\\nfile").replace(r"\nfile", " file"),
            ..Fixture::default()
        };
        let answer = ask(&Bench::new(&[fixture]).open(), "f");
        assert_eq!(answer.asked[0].reply, reply);
        assert_eq!(answer.advice.len(), usize::from(discriminant != 3));
    }
}

#[test]
fn a_loop_runs_out_of_fuel() {
    let fault = fault_of(LOOP, |limits| limits.deadline_ms = 60_000);
    assert_eq!(fault.kind, FaultKind::Fuel);
    assert_eq!(fault.to_string(), "component `fixture`: out of fuel: more than 5000000 units in one call");
}

#[test]
fn a_loop_with_much_fuel_meets_its_deadline() {
    let began = Instant::now();
    let fault = fault_of(LOOP, |limits| (limits.fuel, limits.deadline_ms) = (u64::MAX >> 1, 50));
    assert_eq!(fault.kind, FaultKind::Deadline);
    assert!(fault.to_string().contains("past its deadline: more than 50 ms"));
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[test]
fn growing_memory_meets_its_limit() {
    let grow = "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then (unreachable))) (unreachable)";
    let fault = fault_of(grow, |_| {});
    assert_eq!(fault.kind, FaultKind::Memory);
    assert!(fault.message.contains("16777216 bytes"), "{}", fault.message);
}

#[test]
fn recursion_meets_its_limit() {
    let fixture = Fixture {
        map_url: "(call $deep (i64.const 0)) (unreachable)".into(),
        fields: "(func $deep (param i64) (call $deep (i64.add (local.get 0) (i64.const 1))) (drop (i64.mul (local.get 0) (i64.const 3))))"
            .into(),
        ..Fixture::default()
    };
    let fault = ask(&Bench::new(&[fixture]).open(), "f").faults[0].clone();
    assert_eq!(fault.kind, FaultKind::Stack);
}

#[test]
fn a_huge_result_is_not_copied() {
    // A list of 4 million candidates, and one candidate with a URL of 100 MB
    // that lies in bounds.
    let list = "(i32.store (i32.const 70000) (i32.const 0)) (i32.store (i32.const 70004) (i32.const 0))
        (i32.store (i32.const 70008) (i32.const 600000)) (i32.const 70000)";
    let text = "(i32.store (i32.const 70000) (i32.const 0)) (i32.store (i32.const 70004) (i32.const 70100))
        (i32.store (i32.const 70008) (i32.const 1)) (i32.store (i32.const 70104) (i32.const 14000000)) (i32.const 70000)";
    for answer in [list, text] {
        let fixture = Fixture { map_url: answer.into(), pages: 256, ..Fixture::default() };
        let began = Instant::now();
        let fault = ask(&Bench::new(&[fixture]).open(), "f").faults[0].clone();
        assert_eq!(fault.kind, FaultKind::ResultSize, "{fault}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_trap_quotes_the_guests_last_words() {
    let fields = r#"(data (i32.const 70000) "panicked: no table\1b[0m")"#;
    let say = "(call $log (i32.const 0) (i32.const 70000) (i32.const 22)) (unreachable)";
    let fixture = Fixture { map_url: say.into(), fields: fields.into(), ..Fixture::default() };
    let fault = ask(&Bench::new(&[fixture]).open(), "f").faults[0].clone();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Trap, "panicked: no table[0m"));
    let silent = fault_of("(unreachable)", |_| {});
    assert!(silent.message.contains("unreachable"), "{}", silent.message);
}

#[test]
fn an_answer_out_of_bounds_or_not_text_is_a_trap() {
    let wild = "(i32.store (i32.const 70000) (i32.const 0)) (i32.store (i32.const 70004) (i32.const 0x7ffffff0))
        (i32.store (i32.const 70008) (i32.const 1)) (i32.const 70000)";
    assert_eq!(fault_of(wild, |_| {}).kind, FaultKind::Trap);
    let not_text = "(i32.store (i32.load (i32.load (i32.add (global.get $answer) (i32.const 4)))) (i32.const -1)) (global.get $answer)";
    assert_eq!(fault_of(not_text, |_| {}).kind, FaultKind::Trap);
}

#[test]
fn spamming_the_host_ends_at_the_deadline() {
    let spam = "(loop (call $log (i32.const 1) (i32.const 70000) (i32.const 60000)) (br 0)) (unreachable)";
    let fault = fault_of(spam, |limits| limits.fuel = u64::MAX >> 1);
    assert_eq!(fault.kind, FaultKind::Deadline);
}

#[test]
fn an_answer_that_fails_a_check_is_dropped_and_reported() {
    let fixture = Fixture {
        candidates: &["http://a.example/f", "https://127.0.0.1/f", "https://good.example/f", "https://10.0.0.1/f"],
        ..Fixture::default()
    };
    let bench = Bench::new(&[fixture]);
    let rules = bench.open();
    let answer = ask(&rules, "f");
    assert_eq!(candidates(&answer), ["https://good.example/f"]);
    let kinds: Vec<FaultKind> = answer.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [OutputCheck::Scheme, OutputCheck::Address].map(FaultKind::Output));
    assert_eq!(answer.faults[1].message, "2 dropped, the first is `https://127.0.0.1/f`");
    assert_eq!(rules.list()[0].state, RuleState::Active);
    let options = RuleOptions { private_mirrors: PrivateMirrors::Allow, ..bench.options.clone() };
    assert_eq!(ask(&Rules::open(&options).unwrap(), "f").candidates.len(), 3);
}

#[test]
fn a_rule_that_keeps_failing_rests() {
    let bench = Bench::new(&[Fixture { map_url: "(unreachable)".into(), ..Fixture::default() }]);
    let rules = bench.limits(|limits| limits.rest_ms = 3_600_000).open();
    for _ in 0..3 {
        assert_eq!(ask(&rules, "f").asked[0].reply, Reply::Faulted);
    }
    assert_eq!(ask(&rules, "f").asked[0].reply, Reply::Resting);
    assert_eq!(rules.list()[0].state, RuleState::Resting);
    let counts = &rules.counters().rules["fixture"];
    assert_eq!((counts.calls, counts.resting, counts.faults["trapped"]), (3, 1, 3));
}

/// Answers one candidate first and two from the second call on.
const STATEFUL: &str = "(i32.store (i32.add (global.get $answer) (i32.const 8))
    (select (i32.const 1) (i32.const 2) (i32.le_u (global.get $calls) (i32.const 1)))) (global.get $answer)";

#[test]
fn a_rule_that_keeps_state_is_found_out_and_demoted() {
    let rules = Bench::new(&[Fixture { map_url: STATEFUL.into(), ..Fixture::default() }]).open();
    assert_eq!(ask(&rules, "1").candidates.len(), 1);
    let audited = ask(&rules, "2");
    assert_eq!((audited.candidates.len(), audited.faults[0].kind), (1, FaultKind::State));
    assert_eq!(rules.list()[0].state, RuleState::Demoted);
    assert_eq!((ask(&rules, "3").candidates.len(), ask(&rules, "3").faults.len()), (1, 0));
}

#[test]
fn a_leak_is_healed_by_a_fresh_instance() {
    let leak = "(if (i32.gt_u (global.get $calls) (i32.const 3)) (then (unreachable))) (global.get $answer)";
    let rules = Bench::new(&[Fixture { map_url: leak.into(), ..Fixture::default() }]).open();
    for number in 0..20 {
        let answer = ask(&rules, &number.to_string());
        assert_eq!((answer.candidates.len(), answer.faults.len()), (2, 0));
    }
}

#[test]
fn an_instance_retires() {
    let bench = Bench::new(&[Fixture::default()]).limits(|limits| limits.calls_per_instance = 2);
    let rules = bench.limits(|limits| limits.audit_every = u32::MAX).open();
    (0..10).for_each(|number| drop(ask(&rules, &number.to_string())));
    let counts = &rules.counters().rules["fixture"];
    assert_eq!((counts.calls, counts.audits, counts.instances), (10, 5, 1 + 5 + 5));
}

#[test]
fn settings_reach_the_rule_and_a_refusal_the_user() {
    let refuse = Fixture {
        configure: "(global.get $error)".into(),
        fields: configure_error("depth: not a number"),
        ..Fixture::default()
    };
    let bench = Bench::new(&[refuse]);
    assert_eq!(ask(&bench.open(), "f").candidates.len(), 2, "not configured without settings");
    let error = bench.settings("fixture", "depth = 'x'").refused();
    assert_eq!(error.to_string(), "component `fixture` refuses its settings: depth: not a number");
    assert_eq!(error.exit_code(), ExitCode::Component);
    assert!(error.hint().unwrap().contains("rules.fixture"));
    let accept = Bench::new(&[Fixture { configure: SEES_ONE_SETTING.into(), ..Fixture::default() }]);
    assert_eq!(ask(&accept.settings("fixture", "depth = 3").open(), "f").candidates.len(), 2);
}

/// Traps unless there is exactly one setting, whose key is five bytes long and
/// begins with `d`, with a value of one byte.
const SEES_ONE_SETTING: &str = "(if (i32.or (i32.ne (local.get 1) (i32.const 1)) (i32.or
    (i32.ne (i32.load8_u (i32.load (local.get 0))) (i32.const 100))
    (i32.ne (i32.load offset=4 (local.get 0)) (i32.const 5)))) (then (unreachable)))
    (if (i32.ne (i32.load offset=12 (local.get 0)) (i32.const 1)) (then (unreachable)))
    (global.get $accepted)";

fn configure_error(text: &str) -> String {
    let address: String = 70_032u32.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let length: String =
        u32::try_from(text.len()).unwrap().to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(global $error i32 (i32.const 70000))
        (data (i32.const 70000) "\01\00\00\00{address}{length}")
        (data (i32.const 70032) "{text}")"#
    )
}

/// The fault of a component that is left out when the set is loaded.
fn left_out(component: Vec<u8>, change: impl FnOnce(&mut Limits)) -> Fault {
    let rules = Bench::of(&[component]).limits(change).open();
    assert_eq!(*ask(&rules, "f"), Answer::default());
    let fault = rules.faults().next().expect("a fault").clone();
    assert_eq!(rules.list()[0].state, RuleState::LeftOut(fault.clone()));
    assert_eq!(fault.component, "rule-0");
    fault
}

#[test]
fn a_rule_that_fails_its_own_example_is_left_out() {
    let example: &[(&str, &[&str])] = &[("https://origin.example/f", &["https://a.example/f", "https://b.example/f"])];
    let good = Fixture { examples: example, ..Fixture::default() };
    assert_eq!(ask(&Bench::new(&[good]).open(), "f").candidates.len(), 2);
    let wrong: &[(&str, &[&str])] = &[("https://origin.example/f", &["https://a.example/f"])];
    let fault = left_out(Fixture { examples: wrong, ..Fixture::default() }.build(), |_| {});
    assert_eq!(fault.kind, FaultKind::SelfTest);
    assert!(fault.message.contains("https://origin.example/f") && fault.message.contains("b.example"), "{fault}");
    let none: &[(&str, &[&str])] = &[("https://origin.example/f", &[])];
    assert_eq!(left_out(Fixture { examples: none, ..Fixture::default() }.build(), |_| {}).kind, FaultKind::SelfTest);
}

#[test]
fn a_rule_that_cannot_describe_itself_is_left_out() {
    let fault = left_out(Fixture { describe: "(loop (br 0))".into(), ..Fixture::default() }.build(), |_| {});
    assert_eq!(fault.kind, FaultKind::Fuel);
    let fault = left_out(Fixture { version: "one", ..Fixture::default() }.build(), |_| {});
    assert_eq!(fault.kind, FaultKind::Description);
    let start = Fixture { fields: "(func $start (loop (br 0))) (start $start)".into(), ..Fixture::default() };
    assert_eq!(left_out(start.build(), |_| {}).kind, FaultKind::Fuel);
}

#[test]
fn a_guest_of_the_standard_library_sees_an_empty_world() {
    let component = fs::read("../tests/fixtures/components/std-wasi.wasm").unwrap();
    let rules = Bench::of(&[component]).open();
    let ask = |path: &str| rules.ask(&url(&format!("https://wasi.example/{path}")), Region::WORLD);
    assert_eq!(candidates(&ask("file")), ["https://mirror-a.example/file"]);
    assert_eq!(candidates(&ask("escaped")), ["https://mirror-a.example/nothing"]);
    let fault = ask("panic").faults[0].clone();
    assert!(fault.message.contains("the rule gave up: no mirror for /panic"), "{fault}");
}

/// A fixture with more code than anyone calls.
fn with_fields(fields: String) -> Vec<u8> {
    Fixture { fields, ..Fixture::default() }.build()
}

#[test]
fn compile_bombs_are_refused_before_compilation() {
    let big = with_fields(format!("(func {})", "(drop (i32.const 1))".repeat(40_000)));
    let many = with_fields("(func)".repeat(10_001));
    let deep = with_fields(format!("(func {} {})", "(block".repeat(1_001), ")".repeat(1_001)));
    let locals = with_fields(format!("(func (local {}))", "i64 ".repeat(2_001)));
    // Took 281 seconds and 4.9 GB in a file of 4 MB.
    let updates: String = (0..900).map(|n| format!("(loop (local.set {n} (local.get {}))", n + 1)).collect();
    let loops = with_fields(format!("(func (local {}) {updates} {})", "i64 ".repeat(1_900), ")".repeat(900)).repeat(2));
    let composed = wat::parse_str("(component (component (core module (func))))").unwrap();
    let globals = with_fields("(global i32 (i32.const 0))".repeat(10_001));
    let table = with_fields("(table 10001 funcref)".into());
    let tables = with_fields("(table 1 funcref)".repeat(9));
    for (component, limit) in [
        (big, ScanLimit::FunctionBytes),
        (many, ScanLimit::Functions),
        (deep, ScanLimit::Nesting),
        (locals, ScanLimit::Locals),
        (loops, ScanLimit::CompileTime),
        (composed, ScanLimit::Modules),
        (globals, ScanLimit::Items),
        (table, ScanLimit::TableElements),
        (tables, ScanLimit::Instances),
        (Fixture { pages: 257, ..Fixture::default() }.build(), ScanLimit::MemoryBytes),
        (with_fields(format!("(data (i32.const 0) \"{}\")", "x".repeat(5 << 20))), ScanLimit::FileBytes),
    ] {
        let fault = left_out(component, |_| {});
        assert_eq!(fault.kind, FaultKind::PreScan(limit), "{fault}");
        assert!(fault.message.contains("limit"), "{fault}");
    }
}

#[test]
fn limits_are_the_users_to_change() {
    let pages = Fixture { pages: 257, ..Fixture::default() }.build();
    let rules = Bench::of(&[pages]).limits(|limits| limits.memory_bytes = 32 << 20).open();
    assert_eq!(ask(&rules, "f").candidates.len(), 2);
    assert_eq!(
        left_out(Fixture::default().build(), |limits| limits.modules = 0).kind,
        FaultKind::PreScan(ScanLimit::Modules)
    );
}

#[test]
fn what_is_no_rule_is_an_error() {
    let whole = Fixture::default().build();
    for (bytes, expected) in [
        (Vec::new(), "it is empty"),
        (b"(module)".to_vec(), "WebAssembly text"),
        (b"<html>".to_vec(), "does not begin like"),
        (whole[..whole.len() / 2].to_vec(), "unexpected end"),
        (wat::parse_str("(module)").unwrap(), "core WebAssembly module"),
        (wat::parse_str("(component)").unwrap(), "exports nothing"),
    ] {
        let error = Bench::of(&[bytes]).refused();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.exit_code(), ExitCode::Component);
        assert!(error.hint().is_some());
    }
    let missing = RuleOptions { user: vec!["/nonexistent/rule.wasm".into()], ..RuleOptions::default() };
    assert!(matches!(Rules::open(&missing).unwrap_err(), ComponentError::Read { .. }));
}

#[test]
fn another_version_names_both() {
    let text = r#"(component (instance $rules) (export "turbo:engine/mirror-rules@0.2.0" (instance $rules)))"#;
    let error = Bench::of(&[wat::parse_str(text).unwrap()]).refused();
    let error_text = error.to_string();
    assert!(
        error_text.contains("turbo:engine/mirror-rules@0.2.0") && error_text.contains("offers turbo:engine@0.1"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("turbo:engine@0.1"));
}

#[test]
fn an_empty_interface_of_the_right_name_is_an_error() {
    let text = r#"(component (instance $rules) (export "turbo:engine/mirror-rules@0.1.0" (instance $rules)))"#;
    let error = Bench::of(&[wat::parse_str(text).unwrap()]).refused();
    assert!(error.to_string().contains("describe"), "{error}");
}

#[test]
fn sockets_are_refused_by_name() {
    let text = r#"(component
        (import "wasi:sockets/tcp@0.2.0" (instance))
        (instance $rules) (export "turbo:engine/mirror-rules@0.1.0" (instance $rules)))"#;
    let error = Bench::of(&[wat::parse_str(text).unwrap()]).refused();
    assert!(error.to_string().contains("imports wasi:sockets/tcp@0.2.0"), "{error}");
}

#[test]
fn two_rules_of_one_name_are_an_error_and_one_file_twice_is_not() {
    let other = Fixture { candidates: &[], ..Fixture::default() };
    let mut bench = Bench::new(&[Fixture::default(), other]);
    assert!(matches!(bench.refused(), ComponentError::Duplicate { .. }));
    bench.options.user[1] = bench.options.user[0].clone();
    assert_eq!(bench.open().list().len(), 1);
}

#[test]
fn a_warm_start_neither_compiles_nor_starts_an_engine_for_nothing() {
    let bench = Bench::new(&[Fixture::default()]).cached();
    let cold = bench.open();
    assert_eq!(ask(&cold, "f").candidates.len(), 2);
    assert_eq!((cold.counters().compiled, cold.counters().restored), (1, 0));
    let warm = bench.open();
    assert_eq!(warm.list(), cold.list());
    assert_eq!(*warm.ask(&url("https://other.example/"), Region::WORLD), Answer::default());
    assert_eq!((warm.counters().compiled, warm.counters().restored), (0, 0));
    assert_eq!(ask(&warm, "f"), ask(&cold, "f"));
    assert_eq!((warm.counters().compiled, warm.counters().restored), (0, 1));
}

#[test]
fn a_cache_that_was_touched_is_not_believed() {
    let bench = Bench::new(&[Fixture::default()]).cached();
    bench.open();
    let [code] = &bench.aot_files("code")[..] else { panic!("one file of code") };
    let genuine = fs::read(code).unwrap();
    for position in (0..genuine.len()).step_by(genuine.len() / 200) {
        let mut forged = genuine.clone();
        forged[position] ^= 0x10;
        fs::write(code, &forged).unwrap();
        let rules = bench.open();
        assert_eq!(ask(&rules, "f").candidates.len(), 2);
        assert_eq!((rules.counters().compiled, rules.counters().restored), (1, 0), "byte {position}");
        assert_eq!(fs::read(code).unwrap().len(), genuine.len(), "made again");
    }
}

#[test]
fn another_rules_code_is_not_taken_for_this_ones() {
    let other = Fixture { id: "other", host: "other.example", candidates: &[], ..Fixture::default() };
    let bench = Bench::new(&[Fixture::default(), other]).cached();
    bench.open();
    let code = bench.aot_files("code");
    fs::copy(&code[0], &code[1]).unwrap();
    fs::copy(&bench.aot_files("about")[0], &bench.aot_files("about")[1]).unwrap();
    let rules = bench.open();
    assert_eq!(rules.list().iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["fixture", "other"]);
}

#[test]
fn without_a_cache_that_can_be_written_all_works() {
    let mut bench = Bench::new(&[Fixture::default()]);
    fs::write(bench.folder.path().join("file"), "").unwrap();
    bench.options.cache_dir = Some(Path::join(bench.folder.path(), "file"));
    assert_eq!(ask(&bench.open(), "f").candidates.len(), 2);
}

#[test]
fn many_threads_ask_at_once() {
    let rules = Bench::new(&[Fixture::default()]).open();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let rules = rules.clone();
            scope.spawn(move || {
                for number in 0..200 {
                    let answer = ask(&rules, &format!("{thread}/{number}"));
                    assert_eq!((answer.candidates.len(), answer.faults.len()), (2, 0));
                }
            });
        }
    });
    assert_eq!(rules.counters().rules["fixture"].calls, 1600);
}

#[test]
fn every_rule_inside_the_engine_passes_its_own_test() {
    let options = RuleOptions { built_in: true, ..RuleOptions::default() };
    let rules = Rules::open(&options).unwrap();
    assert_eq!(rules.faults().collect::<Vec<_>>(), [] as [&Fault; 0]);
    let ids: Vec<String> = rules.list().into_iter().map(|rule| rule.id).collect();
    assert_eq!(ids, built_in::BUILT_IN.iter().map(|built_in| built_in.id).collect::<Vec<_>>());
}
