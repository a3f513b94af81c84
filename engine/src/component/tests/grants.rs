//! Limits raised for one component, and for no other.

use super::*;
use crate::component::build::sections::with_grants;

/// A component that declares so many pages of memory.
fn with_pages(id: &'static str, pages: u32) -> Vec<u8> {
    Fixture { id, pages, ..Fixture::default() }.build()
}

fn faults(rules: &Rules) -> Vec<String> {
    rules.faults().iter().map(ToString::to_string).collect()
}

#[test]
fn a_refusal_names_the_grant_and_the_grant_lets_in() {
    let component = with_pages("large", 300);
    let set = Set::of(std::slice::from_ref(&component)).cached();
    let [fault] = &faults(&set.open())[..] else { panic!("one fault") };
    assert!(fault.contains("needs the grant memory=19MiB"), "{fault}");
    let set = set.grant(&component, "memory=19MiB");
    let rules = set.open();
    assert_eq!(faults(&rules), [] as [String; 0]);
    assert_eq!(ask(&rules, "f").candidates.len(), 2);
}

#[test]
fn a_file_over_four_mebibytes_needs_a_grant() {
    let data = format!("(data (i32.const 100000) \"{}\")", "x".repeat(5 << 20));
    let component = Fixture { fields: data, pages: 100, ..Fixture::default() }.build();
    let set = Set::of(std::slice::from_ref(&component));
    let [fault] = &faults(&set.open())[..] else { panic!("one fault") };
    assert!(fault.contains("the limit is 4194304 (needs the grant file=6MiB)"), "{fault}");
    assert_eq!(ask(&set.grant(&component, "file=6MiB").open(), "f").candidates.len(), 2);
}

#[test]
fn all_that_is_needed_is_named_at_once() {
    let fields = format!("(func {}) (func (local {}))", "(drop (i32.const 1))".repeat(40_000), "i64 ".repeat(2_001));
    let component = Fixture { fields, pages: 300, ..Fixture::default() }.build();
    let given = GivenComponent { name: "many".into(), path: "many.wasm".into(), bytes: component.clone() };
    let mut options = RuleOptions::default();
    let Err(ComponentError::Faulty { grant, .. }) = examine(given.clone(), &options) else { panic!("over limits") };
    let texts = grant.texts();
    for key in ["function", "locals", "memory"] {
        assert!(texts.contains_key(key), "no {key} in {grant}");
    }
    options.grants.insert(sha256_hex(&component), grant);
    assert_eq!(examine(given, &options).unwrap().id, "fixture");
}

/// It is named beside what is needed, grants nothing, and is passed over where
/// it makes no sense.
#[test]
fn what_the_author_asks_for_is_named_too() {
    for (asked, wanted) in [
        ("memory=32MiB stack=512KiB", "(needs the grant memory=32MiB stack=512KiB)"),
        ("memory=1KiB stack=1KiB", "(needs the grant memory=19MiB)"),
        ("memory=1TiB", "(needs the grant memory=19MiB)"),
        ("anything", "(needs the grant memory=19MiB)"),
    ] {
        let set = Set::of(&[with_grants(with_pages("large", 300), asked)]);
        let [fault] = &faults(&set.open())[..] else { panic!("one fault") };
        assert!(fault.contains(wanted), "{asked}: {fault}");
    }
}

#[test]
fn core_instances_are_counted_before_anything_is_compiled() {
    let instances = "(core instance (instantiate $m))".repeat(9);
    let rule = "(instance $i) (export \"turbo:engine/mirror-rules@0.1.0\" (instance $i))";
    let bytes = wat::parse_str(format!("(component (core module $m) {instances} {rule})")).unwrap();
    let given = GivenComponent { name: "many".into(), path: "many.wasm".into(), bytes };
    let Err(ComponentError::Faulty { grant, .. }) = examine(given, &RuleOptions::default()) else {
        panic!("over the limit")
    };
    assert_eq!(grant.to_string(), "instances=9");
}

#[test]
fn a_grant_is_for_these_bytes_alone() {
    let (granted, other) = (with_pages("granted", 300), with_pages("other", 300));
    let set = Set::of(&[granted.clone(), other]).cached().grant(&granted, "memory=64MiB");
    let rules = set.open();
    let [fault] = &faults(&rules)[..] else { panic!("one fault") };
    assert!(fault.contains("rule-1"), "{fault}");
    assert_eq!(ask(&rules, "f").asked.len(), 1);
}

#[test]
fn what_passed_with_a_grant_does_not_pass_without() {
    let component = with_pages("large", 300);
    let set = Set::of(std::slice::from_ref(&component)).cached().grant(&component, "memory=64MiB");
    assert_eq!(ask(&set.open(), "f").candidates.len(), 2);
    let without = RuleOptions { grants: std::collections::BTreeMap::new(), ..set.options.clone() };
    assert_eq!(faults(&Rules::open(&without).unwrap()).len(), 1, "its description and code are kept, and not used");
}

#[test]
fn fuel_and_time_can_be_granted_too() {
    let slow = "(local.set 1 (i32.const 2000000))
        (loop (local.set 1 (i32.sub (local.get 1) (i32.const 1))) (br_if 0 (local.get 1)))
        (global.get $answer)";
    let component = Fixture { map_url: slow.into(), ..Fixture::default() }.build();
    let set = Set::of(std::slice::from_ref(&component)).limits(|limits| limits.deadline_ms = 60_000);
    let answer = ask(&set.open(), "f");
    assert_eq!(answer.faults[0].kind, FaultKind::Fuel);
    let answer = ask(&set.grant(&component, "fuel=100_000_000").open(), "f");
    assert_eq!((answer.candidates.len(), answer.faults.len()), (2, 0));
}

/// Granted memory is there to be used, in the pool of its own or without one.
#[test]
fn granted_memory_can_grow() {
    let grow = "(if (i32.eq (memory.grow (i32.const 500)) (i32.const -1)) (then (unreachable))) (global.get $answer)";
    let component = Fixture { map_url: grow.into(), ..Fixture::default() }.build();
    let set = Set::of(std::slice::from_ref(&component));
    assert_eq!(ask(&set.open(), "f").faults[0].kind, FaultKind::Memory);
    assert_eq!(ask(&set.grant(&component, "memory=64MiB").open(), "f").candidates.len(), 2);
}
