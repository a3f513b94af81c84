//! What a set of rules answers, and whom it asks.

use std::fs;
use std::sync::Arc;

use super::fixture::error_at;
use super::*;

#[test]
fn a_rule_answers() {
    let rules = Set::new(&[Fixture::default()]).open();
    let answer = ask(&rules, "f");
    assert_eq!(candidates(&answer), ["https://a.example/f", "https://b.example/f"]);
    assert_eq!(&*answer.candidates[0].rule, "fixture");
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
    let rules = Set::new(&[Fixture::default()]).open();
    assert_eq!(*rules.ask(&url("https://other.example/"), Region::WORLD), Answer::default());
    let counters = rules.counters();
    assert_eq!((counters.questions, counters.not_interested, counters.rules["fixture"].calls), (1, 1, 0));
}

#[test]
fn a_url_with_a_secret_is_shown_to_nobody() {
    let rules = Set::new(&[Fixture::default()]).open();
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
    let rules = Set::new(&[Fixture::default()]).open();
    let first = ask(&rules, "f");
    assert!(Arc::ptr_eq(&first, &ask(&rules, "f")));
    assert!(Arc::ptr_eq(&first, &ask(&rules, "f#part")));
    assert!(!Arc::ptr_eq(&first, &ask(&rules, "g")));
    let counters = rules.counters();
    assert_eq!((counters.memo_hits, counters.rules["fixture"].calls), (2, 2));
    assert_eq!(counters.rules["fixture"].instances, 3, "one examined, one for the first question, one to audit it");
}

#[test]
fn several_rules_answer_in_order_without_repeating_each_other() {
    let second =
        Fixture { id: "second", candidates: &["https://b.example/f", "https://c.example/f"], ..Fixture::default() };
    let answer = ask(&Set::new(&[Fixture::default(), second]).open(), "f");
    assert_eq!(candidates(&answer), ["https://a.example/f", "https://b.example/f", "https://c.example/f"]);
    assert_eq!(&*answer.candidates[2].rule, "second");
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
            fields: error_at(&[1, discriminant], "ask \u{1b}[31mthe\nfile"),
            ..Fixture::default()
        };
        let answer = ask(&Set::new(&[fixture]).open(), "f");
        assert_eq!(answer.asked[0].reply, reply);
        assert_eq!(answer.advice.len(), usize::from(discriminant != 3));
    }
}

#[test]
fn an_answer_that_fails_a_check_is_dropped_and_reported() {
    let fixture = Fixture {
        candidates: &["http://a.example/f", "https://127.0.0.1/f", "https://good.example/f", "https://10.0.0.1/f"],
        ..Fixture::default()
    };
    let set = Set::new(&[fixture]);
    let rules = set.open();
    let answer = ask(&rules, "f");
    assert_eq!(candidates(&answer), ["https://good.example/f"]);
    let kinds: Vec<FaultKind> = answer.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [OutputCheck::Scheme, OutputCheck::Address].map(FaultKind::Output));
    assert_eq!(answer.faults[1].message, "2 dropped, the first is `https://127.0.0.1/f`");
    assert_eq!(rules.list()[0].state, RuleState::Active);
    let options = RuleOptions { private_mirrors: PrivateMirrors::Allow, ..set.options.clone() };
    assert_eq!(ask(&Rules::open(&options).unwrap(), "f").candidates.len(), 3);
}

#[test]
fn an_instance_retires() {
    let set = Set::new(&[Fixture::default()]).limits(|limits| limits.calls_per_instance = 2);
    let rules = set.limits(|limits| limits.audit_every = u32::MAX).open();
    (0..10).for_each(|number| drop(ask(&rules, &number.to_string())));
    let counts = &rules.counters().rules["fixture"];
    assert_eq!((counts.calls, counts.audits, counts.instances), (10, 5, 1 + 5 + 5));
}

#[test]
fn a_guest_of_the_standard_library_sees_an_empty_world() {
    let component = fs::read("../tests/fixtures/components/std-wasi.wasm").unwrap();
    let rules = Set::of(&[component]).open();
    let ask = |path: &str| rules.ask(&url(&format!("https://wasi.example/{path}")), Region::WORLD);
    assert_eq!(candidates(&ask("file")), ["https://mirror-a.example/file"]);
    assert_eq!(candidates(&ask("escaped")), ["https://mirror-a.example/nothing"]);
    let fault = ask("panic").faults[0].clone();
    assert!(fault.message.contains("the rule gave up: no mirror for /panic"), "{fault}");
}

#[test]
fn many_threads_ask_at_once() {
    let rules = Set::new(&[Fixture::default()]).open();
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
