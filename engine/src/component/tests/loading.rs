//! What is loaded, what is left out and what is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::fixture::error_at;
use super::*;
use crate::component::built_in::{self, BUILT_IN};
use crate::component::description::Description;
use crate::model::{ExitCode, Explain};

#[test]
fn settings_reach_the_rule_and_a_refusal_the_user() {
    let refuse = Fixture {
        configure: "(global.get $error)".into(),
        fields: error_at(&[1], "depth: not a number"),
        ..Fixture::default()
    };
    let set = Set::new(&[refuse]);
    assert_eq!(ask(&set.open(), "f").candidates.len(), 2, "not configured without settings");
    let error = set.settings("fixture", "depth = 'x'").refused();
    assert_eq!(error.to_string(), "component `fixture` refuses its settings: \"depth: not a number\"");
    assert_eq!(error.exit_code(), ExitCode::Component);
    assert!(error.hint().unwrap().contains("rules.fixture"));
    let accept = Set::new(&[Fixture { configure: SEES_ONE_SETTING.into(), ..Fixture::default() }]);
    assert_eq!(ask(&accept.settings("fixture", "depth = 3").open(), "f").candidates.len(), 2);
}

/// Traps unless there is exactly one setting, whose key is five bytes long and
/// begins with `d`, with a value of one byte.
const SEES_ONE_SETTING: &str = "(if (i32.or (i32.ne (local.get 1) (i32.const 1)) (i32.or
    (i32.ne (i32.load8_u (i32.load (local.get 0))) (i32.const 100))
    (i32.ne (i32.load offset=4 (local.get 0)) (i32.const 5)))) (then (unreachable)))
    (if (i32.ne (i32.load offset=12 (local.get 0)) (i32.const 1)) (then (unreachable)))
    (global.get $accepted)";

/// The fault of a component that is left out when the set is loaded.
fn left_out(component: Vec<u8>, change: impl FnOnce(&mut Limits)) -> Fault {
    let rules = Set::of(&[component]).limits(change).open();
    assert_eq!(*ask(&rules, "f"), Answer::default());
    let fault = rules.faults().remove(0);
    assert_eq!(rules.list()[0].state, RuleState::LeftOut(fault.clone()));
    assert_eq!(fault.component, "rule-0");
    fault
}

#[test]
fn a_rule_that_fails_its_own_example_is_left_out() {
    let example: &[(&str, &[&str])] = &[("https://origin.example/f", &["https://a.example/f", "https://b.example/f"])];
    let good = Fixture { examples: example, ..Fixture::default() };
    assert_eq!(ask(&Set::new(&[good]).open(), "f").candidates.len(), 2);
    let wrong: &[(&str, &[&str])] = &[("https://origin.example/f", &["https://a.example/f"])];
    let fault = left_out(Fixture { examples: wrong, ..Fixture::default() }.build(), |_| {});
    assert_eq!(fault.kind, FaultKind::SelfTest);
    assert!(fault.message.contains("https://origin.example/f") && fault.message.contains("b.example"), "{fault}");
    let none: &[(&str, &[&str])] = &[("https://origin.example/f", &[])];
    assert_eq!(left_out(Fixture { examples: none, ..Fixture::default() }.build(), |_| {}).kind, FaultKind::SelfTest);
}

#[test]
fn a_rule_that_cannot_describe_itself_is_left_out() {
    // Whatever else the machine does, the fuel has to end it.
    let patient = |limits: &mut Limits| limits.deadline_ms = 60_000;
    let fault = left_out(Fixture { describe: "(loop (br 0))".into(), ..Fixture::default() }.build(), patient);
    assert_eq!(fault.kind, FaultKind::Fuel);
    let fault = left_out(Fixture { version: "one", ..Fixture::default() }.build(), |_| {});
    assert_eq!(fault.kind, FaultKind::Description);
    let start = Fixture { fields: "(func $start (loop (br 0))) (start $start)".into(), ..Fixture::default() };
    assert_eq!(left_out(start.build(), patient).kind, FaultKind::Fuel);
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
    let updates: Vec<String> = (0..900).map(|n| format!("(loop (local.set {n} (local.get {}))", n + 1)).collect();
    let updates = updates.concat();
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
    let rules = Set::of(&[pages]).limits(|limits| limits.memory_bytes = 32 << 20).open();
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
        let error = Set::of(&[bytes]).refused();
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
    let error = Set::of(&[wat::parse_str(text).unwrap()]).refused();
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
    let error = Set::of(&[wat::parse_str(text).unwrap()]).refused();
    assert!(error.to_string().contains("describe"), "{error}");
}

#[test]
fn sockets_are_refused_by_name() {
    let text = r#"(component
        (import "wasi:sockets/tcp@0.2.0" (instance))
        (instance $rules) (export "turbo:engine/mirror-rules@0.1.0" (instance $rules)))"#;
    let error = Set::of(&[wat::parse_str(text).unwrap()]).refused();
    assert!(error.to_string().contains("imports wasi:sockets/tcp@0.2.0"), "{error}");
}

#[test]
fn two_rules_of_one_name_are_an_error_and_one_file_twice_is_not() {
    let other = Fixture { candidates: &[], ..Fixture::default() };
    let mut set = Set::new(&[Fixture::default(), other]);
    assert!(matches!(set.refused(), ComponentError::Duplicate { .. }));
    set.options.user[1] = set.options.user[0].clone();
    assert_eq!(set.open().list().len(), 1);
}

#[test]
fn every_rule_inside_the_engine_passes_its_own_test() {
    // As the user's files they are unknown, so each is asked and tested.
    let components: Vec<Vec<u8>> = BUILT_IN.iter().map(|built_in| built_in.bytes.to_vec()).collect();
    let rules = Set::of(&components).open();
    assert_eq!(rules.faults(), []);
    let told: BTreeMap<String, Description> = rules.list().into_iter().map(described).collect();
    assert_eq!(told.values().map(|about| &*about.id).collect::<BTreeSet<_>>(), BUILT_IN.iter().map(|b| b.id).collect());
    if std::env::var_os("TURBO_ENGINE_UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&told).unwrap() + "\n";
        fs::write("src/component/built_in.json", text).unwrap();
    } else {
        assert_eq!(built_in::descriptions(), told, "run this test with TURBO_ENGINE_UPDATE=1");
    }
}

fn described(rule: RuleSummary) -> (String, Description) {
    let RuleSummary { id, version, summary, patterns, examples, sha256, .. } = rule;
    (sha256, Description { id, version, summary, patterns, examples })
}

#[test]
fn a_rule_inside_the_engine_is_compiled_when_it_is_asked() {
    let options = RuleOptions { built_in: true, ..RuleOptions::default() };
    let rules = Rules::open(&options).unwrap();
    let ids: Vec<String> = rules.list().into_iter().map(|rule| rule.id).collect();
    assert_eq!(ids, BUILT_IN.iter().map(|built_in| built_in.id).collect::<Vec<_>>());
    assert_eq!(rules.counters().compiled, 0);
    let answer = rules.ask(&url("https://nodejs.org/dist/v22.0.0/node-v22.0.0.tar.gz"), Region::WORLD);
    assert!(!answer.candidates.is_empty());
    assert_eq!(rules.counters().compiled, answer.asked.len() as u64);
}

#[test]
fn the_users_rule_takes_the_place_of_a_built_in_one() {
    let mut set = Set::new(&[Fixture { id: "nodejs", ..Fixture::default() }]);
    set.options.built_in = true;
    let list = set.open().list();
    let nodejs: Vec<&RuleSummary> = list.iter().filter(|rule| rule.id == "nodejs").collect();
    assert_eq!((nodejs.len(), nodejs[0].path.as_ref()), (1, set.options.user.first()));
}
