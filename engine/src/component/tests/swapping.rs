//! Components that are exchanged while the set is in use.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// What the two versions answer.
const FIRST: &[&str] = &["https://a.example/f", "https://b.example/f"];
const SECOND: &[&str] = &["https://c.example/f", "https://d.example/f"];

fn version(version: &'static str, candidates: &'static [&'static str]) -> Fixture {
    Fixture { version, candidates, ..Fixture::default() }
}

fn given(name: &str, component: Vec<u8>) -> GivenComponent {
    GivenComponent { name: name.into(), path: format!("rules/{name}.wasm").into(), bytes: component }
}

fn put(name: &str, component: Vec<u8>) -> (Place, Change) {
    (Place::Folder, Change::Put(given(name, component)))
}

fn remove(name: &str) -> (Place, Change) {
    (Place::Folder, Change::Remove(name.into()))
}

/// A set whose folder holds one component.
fn holding(component: Vec<u8>) -> Set {
    let mut set = Set::new(&[]);
    set.options.folder.given.push(given("mine", component));
    set
}

/// The only thing that came of a change.
#[track_caller]
fn only(rules: &Rules, change: (Place, Change)) -> Swap {
    let mut swaps = rules.apply(vec![change], &BTreeMap::new());
    assert_eq!(swaps.len(), 1, "{swaps:?}");
    swaps.remove(0)
}

#[test]
fn a_new_version_answers_from_the_next_question_on() {
    let rules = holding(version("1.0.0", FIRST).build()).open();
    assert_eq!(candidates(&ask(&rules, "f")), FIRST);
    assert_eq!(candidates(&ask(&rules, "f")), FIRST, "from memory");
    let second = version("2.0.0", SECOND).build();
    let swap = only(&rules, put("mine", second.clone()));
    assert_eq!(
        (swap.state, swap.component.as_str(), swap.rule.as_deref()),
        (SwapState::Replaced, "mine", Some("fixture"))
    );
    assert_eq!((swap.was.as_deref(), swap.version.as_deref()), (Some("1.0.0"), Some("2.0.0")));
    assert_eq!(swap.sha256, Some(sha256_hex(&second)));
    assert_eq!(candidates(&ask(&rules, "f")), SECOND, "memory is the generation's own");
    assert_eq!(rules.apply(vec![put("mine", second)], &BTreeMap::new()), [], "the same bytes do nothing");
    let counters = rules.counters();
    assert_eq!((counters.swaps, counters.refused_swaps, counters.memo_hits), (1, 0, 1));
    assert_eq!(counters.rules["fixture"].calls, 2, "the numbers are the rule's");
}

#[test]
fn what_fails_leaves_the_old_version_in_place() {
    let first = version("1.0.0", FIRST).build();
    let rules = holding(first.clone()).open();
    let lie: &[(&str, &[&str])] = &[("https://origin.example/f", &["https://else.example/f"])];
    let broken = [
        (first[..first.len() / 2].to_vec(), FaultKind::Load),
        (b"<html>".to_vec(), FaultKind::Load),
        (Fixture { examples: lie, ..version("2.0.0", SECOND) }.build(), FaultKind::SelfTest),
        (Fixture { describe: "(loop (br 0))".into(), ..version("2.0.0", SECOND) }.build(), FaultKind::Fuel),
        (Fixture { version: "two", ..version("2.0.0", SECOND) }.build(), FaultKind::Description),
        (Fixture { pages: 1000, ..version("2.0.0", SECOND) }.build(), FaultKind::PreScan(ScanLimit::MemoryBytes)),
    ];
    for (component, kind) in broken {
        let swap = only(&rules, put("mine", component));
        assert_eq!((swap.state, swap.version.as_deref()), (SwapState::Refused, Some("1.0.0")), "{swap:?}");
        let fault = swap.fault.expect("a reason");
        // A deadline may come before the fuel on a busy machine.
        assert!(fault.kind == kind || fault.kind == FaultKind::Deadline, "{fault}");
        assert_eq!(candidates(&ask(&rules, "f")), FIRST);
        assert_eq!((rules.list().len(), rules.faults()), (1, vec![]));
    }
    let counters = rules.counters();
    assert_eq!((counters.swaps, counters.refused_swaps), (0, 6));
    assert_eq!(counters.rules["fixture"].faults.values().sum::<u64>(), 6);
    only(&rules, put("mine", version("2.0.0", SECOND).build()));
    assert_eq!(candidates(&ask(&rules, "f")), SECOND, "and then it may try again");
}

#[test]
fn a_component_comes_and_goes() {
    let rules = Set::new(&[]).open();
    assert_eq!(*ask(&rules, "f"), Answer::default());
    let swap = only(&rules, put("mine", version("1.0.0", FIRST).build()));
    assert_eq!((swap.state, swap.was, swap.version.as_deref()), (SwapState::Added, None, Some("1.0.0")));
    assert_eq!(candidates(&ask(&rules, "f")), FIRST);
    let swap = only(&rules, remove("mine"));
    assert_eq!((swap.state, swap.was.as_deref(), swap.version), (SwapState::Removed, Some("1.0.0"), None));
    assert_eq!(*ask(&rules, "f"), Answer::default());
    assert_eq!(rules.apply(vec![remove("mine")], &BTreeMap::new()), []);
    let refused = RefusedComponent { name: "mine".into(), path: "mine.wasm".into(), reason: "not signed".into() };
    for _ in 0..2 {
        let swaps = rules.apply(vec![(Place::Folder, Change::Refuse(refused.clone()))], &BTreeMap::new());
        assert!(swaps.iter().all(|swap| swap.state == SwapState::Refused && swap.version.is_none()), "{swaps:?}");
    }
    assert_eq!(rules.faults()[0].kind, FaultKind::Untrusted);
    assert_eq!(rules.counters().refused_swaps, 1, "the same refusal is told once");
    only(&rules, put("mine", version("1.0.0", FIRST).build()));
    assert_eq!((candidates(&ask(&rules, "f")), rules.faults()), (FIRST.to_vec(), vec![]));
}

#[test]
fn what_was_replaced_comes_back() {
    let mut set = holding(version("1.0.0", FIRST).build());
    set.options.installed.given.push(given("installed", version("0.1.0", SECOND).build()));
    let rules = set.open();
    assert_eq!(candidates(&ask(&rules, "f")), FIRST, "the folder comes first");
    only(&rules, remove("mine"));
    assert_eq!(candidates(&ask(&rules, "f")), SECOND);
    only(&rules, put("mine", version("1.0.0", FIRST).build()));
    assert_eq!(candidates(&ask(&rules, "f")), FIRST);
}

#[test]
fn two_components_of_a_folder_cannot_be_one_rule() {
    let rules = holding(version("1.0.0", FIRST).build()).open();
    let second = version("2.0.0", SECOND).build();
    let swap = only(&rules, put("another", second.clone()));
    assert_eq!((swap.state, swap.version), (SwapState::Refused, None));
    assert!(swap.fault.expect("a reason").message.contains("is the rule `fixture` already"));
    assert_eq!(candidates(&ask(&rules, "f")), FIRST);
    // A file that is renamed is gone and there at once.
    let swaps = rules.apply(vec![put("third", second), remove("mine")], &BTreeMap::new());
    assert_eq!(swaps.iter().map(|swap| swap.state).collect::<Vec<_>>(), [SwapState::Removed, SwapState::Added]);
    assert_eq!(candidates(&ask(&rules, "f")), SECOND);
}

#[test]
fn a_swap_forgives_failures_and_state() {
    let set = holding(Fixture { map_url: "(unreachable)".into(), ..version("1.0.0", FIRST) }.build());
    let rules = set.limits(|limits| limits.rest_ms = 3_600_000).open();
    (0..4).for_each(|_| drop(ask(&rules, "f")));
    assert_eq!(rules.list()[0].state, RuleState::Resting);
    only(&rules, put("mine", version("2.0.0", SECOND).build()));
    assert_eq!((candidates(&ask(&rules, "f")), &rules.list()[0].state), (SECOND.to_vec(), &RuleState::Active));
    assert_eq!(rules.counters().rules["fixture"].faults["trap"], 3, "but not the numbers");

    let stateful = Fixture { map_url: hostile::STATEFUL.into(), ..version("1.0.0", FIRST) };
    let rules = holding(stateful.build()).open();
    (0..3).for_each(|number| drop(ask(&rules, &number.to_string())));
    assert_eq!(rules.list()[0].state, RuleState::Demoted);
    only(&rules, put("mine", version("2.0.0", SECOND).build()));
    assert_eq!((candidates(&ask(&rules, "f")), &rules.list()[0].state), (SECOND.to_vec(), &RuleState::Active));
}

#[test]
fn a_rule_that_rests_is_tried_after_ever_longer_rests() {
    let rules = holding(Fixture { map_url: "(unreachable)".into(), ..version("1.0.0", FIRST) }.build());
    let rules = rules.limits(|limits| (limits.rest_ms, limits.longest_rest_ms) = (20, 40)).open();
    (0..3).for_each(|_| drop(ask(&rules, "f")));
    assert_eq!(ask(&rules, "f").asked[0].reply, Reply::Resting);
    let tried = |least: Duration| {
        let began = Instant::now();
        while ask(&rules, "f").asked[0].reply == Reply::Resting {
            assert!(began.elapsed() < Duration::from_secs(20), "it is never tried again");
            thread::yield_now();
        }
        assert!(began.elapsed() >= least, "{:?}", began.elapsed());
    };
    // A rest may have begun a moment before it is timed here.
    tried(Duration::from_millis(15));
    tried(Duration::from_millis(35));
    assert_eq!(rules.list()[0].state, RuleState::Resting);
}

#[test]
fn a_question_under_way_ends_as_it_began() {
    // Takes a good while and then answers as ever.
    let slow = "(local.set 0 (i32.const 0)) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get 0) (i32.const 1000000000)))) (global.get $answer)";
    let set = holding(Fixture { map_url: slow.into(), ..version("1.0.0", FIRST) }.build());
    let rules = set.limits(|limits| (limits.fuel, limits.deadline_ms) = (u64::MAX >> 1, 100_000)).open();
    let asked = thread::spawn({
        let rules = rules.clone();
        move || ask(&rules, "f")
    });
    while rules.counters().rules["fixture"].calls == 0 {
        thread::yield_now();
    }
    only(&rules, put("mine", version("2.0.0", SECOND).build()));
    assert_eq!(candidates(&ask(&rules, "f")), SECOND);
    assert!(!asked.is_finished(), "it was to take longer than a swap");
    assert_eq!(candidates(&asked.join().expect("an answer")), FIRST);
}

#[test]
fn a_grant_counts_from_the_change_on() {
    let big = Fixture { pages: 1000, ..version("1.0.0", FIRST) }.build();
    let rules = Set::new(&[]).open();
    assert_eq!(only(&rules, put("mine", big.clone())).state, SwapState::Refused);
    let grants = BTreeMap::from([(sha256_hex(&big), Grant::parse(["memory=64MiB"]).unwrap())]);
    let swaps = rules.apply(vec![put("mine", big)], &grants);
    assert_eq!(swaps[0].state, SwapState::Added, "{swaps:?}");
    assert_eq!(candidates(&ask(&rules, "f")), FIRST);
}

/// A version that was compiled before is scanned, compiled and asked no more
/// than needed, but passes its own test again.
#[test]
fn what_is_in_the_cache_is_not_compiled_again() {
    let (first, second) = (version("1.0.0", FIRST).build(), version("2.0.0", SECOND).build());
    let set = holding(first.clone()).cached();
    let rules = set.open();
    for component in [&second, &first, &second] {
        only(&rules, put("mine", component.clone()));
    }
    let counters = rules.counters();
    assert_eq!((counters.compiled, counters.restored, counters.swaps), (2, 2, 3));
}
