//! Components that misbehave when they are called.

use std::time::{Duration, Instant};

use super::*;

/// The only fault of a rule whose `map-url` is the given text.
fn fault_of(map_url: &str, change: impl FnOnce(&mut Limits)) -> Fault {
    let set = Set::new(&[Fixture { map_url: map_url.into(), ..Fixture::default() }]).limits(change);
    let answer = ask(&set.open(), "f");
    assert_eq!(answer.candidates, []);
    assert_eq!(answer.asked, [Asked { rule: "fixture".into(), reply: Reply::Faulted }]);
    let [fault] = &answer.faults[..] else { panic!("{:?}", answer.faults) };
    fault.clone()
}

const LOOP: &str = "(loop (br 0)) (unreachable)";

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
    let fault = ask(&Set::new(&[fixture]).open(), "f").faults[0].clone();
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
        let fault = ask(&Set::new(&[fixture]).open(), "f").faults[0].clone();
        assert_eq!(fault.kind, FaultKind::ResultSize, "{fault}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_trap_quotes_the_guests_last_words() {
    let fields = r#"(data (i32.const 70000) "panicked: no table\1b[0m")"#;
    let say = "(call $log (i32.const 0) (i32.const 70000) (i32.const 22)) (unreachable)";
    let fixture = Fixture { map_url: say.into(), fields: fields.into(), ..Fixture::default() };
    let fault = ask(&Set::new(&[fixture]).open(), "f").faults[0].clone();
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
fn a_rule_that_keeps_failing_rests() {
    let set = Set::new(&[Fixture { map_url: "(unreachable)".into(), ..Fixture::default() }]);
    let rules = set.limits(|limits| limits.rest_ms = 3_600_000).open();
    for _ in 0..3 {
        assert_eq!(ask(&rules, "f").asked[0].reply, Reply::Faulted);
    }
    assert_eq!(ask(&rules, "f").asked[0].reply, Reply::Resting);
    assert_eq!(rules.list()[0].state, RuleState::Resting);
    let counts = &rules.counters().rules["fixture"];
    assert_eq!((counts.calls, counts.resting, counts.faults["trap"]), (3, 1, 3));
}

/// Answers one candidate first and two from the second call on.
pub(super) const STATEFUL: &str = "(i32.store (i32.add (global.get $answer) (i32.const 8))
    (select (i32.const 1) (i32.const 2) (i32.le_u (global.get $calls) (i32.const 1)))) (global.get $answer)";

#[test]
fn a_rule_that_keeps_state_is_found_out_and_demoted() {
    let rules = Set::new(&[Fixture { map_url: STATEFUL.into(), ..Fixture::default() }]).open();
    assert_eq!(ask(&rules, "1").candidates.len(), 1);
    let audited = ask(&rules, "2");
    assert_eq!((audited.candidates.len(), audited.faults[0].kind), (1, FaultKind::State));
    assert_eq!(rules.list()[0].state, RuleState::Demoted);
    assert_eq!((ask(&rules, "3").candidates.len(), ask(&rules, "3").faults.len()), (1, 0));
}

#[test]
fn a_leak_is_healed_by_a_fresh_instance() {
    let leak = "(if (i32.gt_u (global.get $calls) (i32.const 3)) (then (unreachable))) (global.get $answer)";
    let rules = Set::new(&[Fixture { map_url: leak.into(), ..Fixture::default() }]).open();
    for number in 0..20 {
        let answer = ask(&rules, &number.to_string());
        assert_eq!((answer.candidates.len(), answer.faults.len()), (2, 0));
    }
}
