//! Components that attack the engine, one way each: every one is stopped,
//! named in what the user reads, and counted; the rule beside it goes on
//! answering, and the engine's memory stays within its limits.
//!
//! A process of its own, because it counts the process's memory.

#[path = "../../engine/src/component/tests/fixture.rs"]
mod fixture;
mod suite;

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;
use tempfile::TempDir;
use turbo_engine::component::{FaultKind, Limits, OutputCheck, RuleOptions, RuleState, Rules};
use turbo_engine::model::{ExitCode, Explain as _, Region};

use fixture::Fixture;
use suite::{Attack, End};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// There is one memory: the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// What one question may make the engine's own memory grow by: what it may copy
/// out of a guest, decoded, and the answer made of it.
const QUESTION_BYTES: usize = 4 * MIB;

/// What loading a component may make it grow by: the file, what the compiler
/// makes of one that passes the scan, and the engine itself.
const LOADING_BYTES: usize = 48 * MIB;

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder with a rule that behaves and, if given, one that does not.
struct Trial {
    folder: TempDir,
    options: RuleOptions,
}

impl Trial {
    fn new(hostile: &[u8], limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut trial = Self { folder, options: RuleOptions { limits, ..RuleOptions::default() } };
        trial.add("good", &good().build());
        trial.add("attacker", hostile);
        trial
    }

    fn add(&mut self, name: &str, component: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name).with_extension("wasm");
        fs::write(&path, component).expect("a writable folder");
        self.options.user.push(path.clone());
        path
    }

    fn open(&self) -> Rules {
        Rules::open(&self.options).expect("a set that loads")
    }
}

fn good() -> Fixture {
    Fixture { id: "good", candidates: &["https://good.example/f"], ..Fixture::default() }
}

/// Limits under which nothing but what is attacked ends a call.
fn patient() -> Limits {
    Limits { deadline_ms: 60_000, ..Limits::default() }
}

fn ask(rules: &Rules, path: &str) -> std::sync::Arc<turbo_engine::component::Answer> {
    rules.ask(&format!("https://origin.example/{path}").parse().expect("a URL"), Region::WORLD)
}

/// Bytes that the heap grew by at most, while something was done.
fn heap_peak<T>(action: impl FnOnce() -> T) -> (T, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let made = action();
    (made, ALLOCATOR.peak_usage().saturating_sub(before))
}

/// Bytes of the process in memory, guests included.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of memory");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}

#[test]
fn every_attack_is_stopped_named_and_counted() {
    let _turn = turn();
    let attacks = suite::attacks();
    assert!(attacks.len() >= 25, "{}", attacks.len());
    let mut failed = Vec::new();
    for attack in attacks {
        let name = attack.name;
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ends(attack)));
        failed.extend(ended.is_err().then_some(name));
    }
    assert!(failed.is_empty(), "these did not end as they should: {failed:?}");
}

/// Holds an attack against the end that it is to come to.
fn ends(attack: Attack) {
    let Attack { component, limits, end, .. } = attack;
    let trial = Trial::new(&component, limits);
    if let End::Refused(why) = end {
        let (error, bytes) = heap_peak(|| Rules::open(&trial.options).expect_err("no component"));
        assert!(bytes < LOADING_BYTES, "loading took {bytes} bytes");
        assert_eq!(error.exit_code(), ExitCode::Component);
        let told = error.to_string();
        assert!(told.contains("attacker.wasm") && told.contains(why), "{told}");
        return;
    }
    let (rules, bytes) = heap_peak(|| trial.open());
    assert!(bytes < LOADING_BYTES, "loading took {bytes} bytes");
    if let End::LeftOut(kind, why) = end {
        let faults = rules.faults();
        let [fault] = &faults[..] else { panic!("{faults:?}") };
        assert_told(fault, "attacker", kind, why);
        assert!(rules.list().iter().any(|rule| rule.state == RuleState::LeftOut(fault.clone())));
        assert_eq!(ask(&rules, "f").candidates.len(), 1, "the good rule's");
        return;
    }
    let (answer, bytes) = heap_peak(|| ask(&rules, "f"));
    assert!(bytes < QUESTION_BYTES, "the question took {bytes} bytes");
    let of = |rule: &str| answer.candidates.iter().filter(|candidate| &*candidate.rule == rule).count();
    assert_eq!(of("good"), 1, "the rule beside it answers");
    match end {
        End::Fault(kind, why) => {
            let [fault] = &answer.faults[..] else { panic!("{:?}", answer.faults) };
            assert_told(fault, "fixture", kind, why);
            assert_eq!(of("fixture"), 0);
            assert_eq!(rules.counters().rules["fixture"].faults[kind.name()], 1);
        }
        End::Dropped(check, kept) => {
            let [fault] = &answer.faults[..] else { panic!("{:?}", answer.faults) };
            assert_told(fault, "fixture", FaultKind::Output(check), "dropped");
            assert_eq!(of("fixture"), kept);
            assert_eq!(rules.counters().rules["fixture"].faults["output"], 1);
        }
        End::Harmless(candidates) => {
            let told = answer.advice.iter().map(ToString::to_string);
            told.for_each(|told| assert_eq!(turbo_engine::model::visible(&told), told, "nothing is hidden"));
            assert_eq!((&answer.faults[..], of("fixture")), (&[][..], candidates));
        }
        End::FoundOut => found_out(&rules),
        End::Refused(_) | End::LeftOut(..) => unreachable!("handled above"),
    }
}

/// What a user reads names the component, what it did and how far it got, and
/// holds nothing that a terminal obeys.
fn assert_told(fault: &turbo_engine::component::Fault, component: &str, kind: FaultKind, why: &str) {
    let told = fault.to_string();
    assert_eq!((fault.component.as_str(), fault.kind), (component, kind), "{told}");
    assert!(told.contains(component) && told.contains(why), "no `{why}` in: {told}");
    assert_eq!(turbo_engine::model::visible(&told), told, "nothing is hidden");
    assert!(told.len() < 3_000, "{} bytes", told.len());
}

/// The first answer was as good as any. The second would tell of the first.
fn found_out(rules: &Rules) {
    let second = ask(rules, "second");
    let [fault] = &second.faults[..] else { panic!("{:?}", second.faults) };
    assert_told(fault, "fixture", FaultKind::State, "answers otherwise");
    assert_eq!(second.candidates.len(), 2, "a fresh instance's, and the good rule's");
    let state = |rules: &Rules| rules.list().into_iter().find(|rule| rule.id == "fixture").map(|rule| rule.state);
    assert_eq!(state(rules), Some(RuleState::Demoted));
    for path in ["third", "fourth"] {
        assert_eq!((ask(rules, path).candidates.len(), ask(rules, path).faults.len()), (2, 0));
    }
    assert_eq!(rules.counters().rules["fixture"].faults["state"], 1);
}

/// Each of a thousand calls is really made and fails. Were one slot of the pool
/// not given back, or the good rule's instances lost, it would show: the pool
/// has room for fewer than a tenth of them.
#[test]
fn a_thousand_failing_calls_leave_everything_in_its_place() {
    let _turn = turn();
    let crash = Fixture { map_url: "(unreachable)".into(), ..Fixture::default() };
    // Audits of old instances are drawn by chance, and each makes another one.
    let limits = Limits { faults_before_rest: u32::MAX, memo_bytes: 0, audit_every: u32::MAX, ..patient() };
    let trial = Trial::new(&crash.build(), limits);
    let rules = trial.open();
    let calls = |count: usize| (0..count).for_each(|call| assert_eq!(ask(&rules, &call.to_string()).faults.len(), 1));
    calls(50);
    let (before, instances) = (ALLOCATOR.current_usage(), rules.counters().rules["good"].instances);
    #[cfg(target_os = "linux")]
    let resident_before = resident();
    let ((), peak) = heap_peak(|| calls(1_000));
    assert!(peak < MIB, "the heap grew by {peak} bytes on the way");
    let kept = ALLOCATOR.current_usage().saturating_sub(before);
    assert!(kept < MIB / 8, "{kept} bytes were kept");
    #[cfg(target_os = "linux")]
    assert!(resident() < resident_before + 16 * MIB, "{} bytes more", resident() - resident_before);
    let counters = rules.counters();
    let attacker = &counters.rules["fixture"];
    assert_eq!(attacker.faults.iter().map(|(name, count)| (*name, *count)).collect::<Vec<_>>(), [("trap", 1_050)]);
    assert!(attacker.instances >= 1_050, "each call got an instance: {}", attacker.instances);
    // The good rule was asked as often, by the instances that it had, but for
    // the successor of one that had served its time, and the audit of that.
    let good = &counters.rules["good"];
    assert_eq!((good.calls, good.faults.len()), (1_050, 0));
    assert!(good.instances <= instances + 2, "{} more", good.instances - instances);
}

#[test]
fn after_a_few_failures_a_thousand_calls_are_not_even_made() {
    let _turn = turn();
    let crash = Fixture { map_url: "(unreachable)".into(), ..Fixture::default() };
    let trial = Trial::new(&crash.build(), Limits { rest_ms: 3_600_000, ..patient() });
    let rules = trial.open();
    (0..1_000).for_each(|call| assert_eq!(ask(&rules, &call.to_string()).candidates.len(), 1));
    let counters = rules.counters();
    let attacker = &counters.rules["fixture"];
    assert_eq!((attacker.calls, attacker.resting, attacker.faults["trap"]), (3, 997, 3));
    assert!(rules.list().iter().any(|rule| rule.id == "fixture" && rule.state == RuleState::Resting));
}

/// A component that takes the name of a rule inside the engine takes its place
/// in plain sight: its file stands in the list. One that takes the name of
/// another of the user's is an error.
#[test]
fn nobody_hides_behind_anothers_name() {
    let _turn = turn();
    let thief = Fixture { id: "github", ..Fixture::default() };
    let mut trial = Trial::new(&thief.build(), patient());
    trial.options.built_in = true;
    let list = trial.open().list();
    let named: Vec<_> = list.iter().filter(|rule| rule.id == "github").collect();
    assert_eq!((named.len(), named[0].path.as_ref()), (1, trial.options.user.last()));
    let twin = Fixture { id: "good", ..Fixture::default() };
    let error = Rules::open(&Trial::new(&twin.build(), patient()).options).expect_err("two rules of one name");
    let told = error.to_string();
    assert!(told.contains("`good`") && told.contains("good.wasm") && told.contains("attacker.wasm"), "{told}");
}

/// A description may depend on the settings, but not the name they came by.
#[test]
fn a_rule_that_changes_its_name_once_it_has_settings_is_left_out() {
    let _turn = turn();
    let turncoat = Fixture {
        configure: "(global.set $settled (i32.const 1)) (global.get $accepted)".into(),
        describe: "(if (global.get $settled) (then (i32.store8 (i32.load (global.get $info)) (i32.const 120))))".into(),
        fields: "(global $settled (mut i32) (i32.const 0))".into(),
        ..Fixture::default()
    };
    let mut trial = Trial::new(&turncoat.build(), patient());
    assert_eq!(ask(&trial.open(), "f").candidates.len(), 3, "without settings it behaves");
    trial.options.settings.insert("fixture".into(), "depth = 1".parse().expect("TOML"));
    let rules = trial.open();
    let fault = rules.faults().into_iter().next().expect("a fault");
    assert_told(&fault, "attacker", FaultKind::Description, "with its settings it is `xixture`");
}

/// Whatever is drawn from a call's allowance, the answer is whole or there is
/// none: one unit of fuel decides.
#[test]
fn at_the_edge_of_its_fuel_a_call_ends_one_way_or_the_other() {
    let _turn = turn();
    let component = Fixture::default().build();
    let answers = |fuel| {
        let rules = Trial::new(&component, Limits { fuel, ..patient() }).open();
        let answer = ask(&rules, "f");
        let told = answer.faults.iter().all(|fault| fault.kind == FaultKind::Fuel);
        assert!(told, "{:?}", answer.faults);
        let found = answer.candidates.iter().filter(|candidate| &*candidate.rule == "fixture").count();
        assert!(found == 2 || found == 0, "{found}");
        found == 2
    };
    let (mut too_little, mut enough) = (0, 4_096);
    assert!(answers(enough) && !answers(too_little));
    while enough - too_little > 1 {
        let middle = too_little.midpoint(enough);
        if answers(middle) { enough = middle } else { too_little = middle }
    }
    assert!(!answers(enough - 1) && answers(enough));
}

#[test]
fn dropped_is_what_the_checks_drop() {
    // The kinds that the suite names are all there are.
    let checks = [
        OutputCheck::Count,
        OutputCheck::Length,
        OutputCheck::Character,
        OutputCheck::Syntax,
        OutputCheck::Scheme,
        OutputCheck::Credentials,
        OutputCheck::Address,
        OutputCheck::Region,
    ];
    let attacks = suite::attacks();
    for check in checks {
        assert!(attacks.iter().any(|attack| matches!(attack.end, End::Dropped(other, _) if other == check)), "{check}");
    }
}
