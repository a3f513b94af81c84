//! Rules are exchanged under load: no question fails, none is answered by a
//! mixture or by a version that is gone, and memory stays as it was.
//!
//! `TURBO_ENGINE_SWAPS` says how often.

use std::collections::BTreeMap;
use std::fs;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use turbo_engine::component::{Answer, Change, GivenComponent, Limits, Place, RuleOptions, Rules, Shelf, SwapState};
use turbo_engine::model::Region;
use url::Url;

use super::{ALLOCATOR, MIB, TURN};

/// Swaps of a plain `cargo test`; CI asks for 2,000.
const SWAPS: u64 = 300;
const THREADS: u64 = 4;
/// Different questions, so that some are answered from memory and some are not.
const QUESTIONS: u64 = 1000;
/// What memory may grow by after the first tenth of the swaps: caches that fill
/// up, and the allocator's own slack.
const MOST_GROWTH: usize = 8 * MIB;

/// The swaps that were begun and that were finished: whoever asks in between
/// may get the version of either.
#[derive(Default)]
struct Swaps {
    begun: AtomicU64,
    finished: AtomicU64,
    is_over: AtomicBool,
}

#[test]
fn swaps_under_load_fail_no_question_mix_no_answer_and_take_no_memory() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for memo_bytes in [0, Limits::default().memo_bytes] {
        exchange(memo_bytes);
    }
}

#[expect(clippy::print_stdout, reason = "what CI shows of the swaps")]
fn exchange(memo_bytes: u64) {
    let count = std::env::var("TURBO_ENGINE_SWAPS").map_or(SWAPS, |text| text.parse().expect("a number of swaps"));
    let cache = tempfile::tempdir().expect("a scratch folder");
    let versions = versions();
    let rules = Rules::open(&RuleOptions {
        cache_dir: Some(cache.path().to_owned()),
        folder: Shelf { given: vec![versions[0].clone()], ..Shelf::default() },
        limits: Limits { memo_bytes, ..Limits::default() },
        ..RuleOptions::default()
    })
    .expect("a rule");
    let (swaps, asked) = (Swaps::default(), AtomicU64::new(0));
    let memory = thread::scope(|scope| {
        for thread in 0..THREADS {
            let (rules, swaps, asked) = (&rules, &swaps, &asked);
            scope.spawn(move || {
                while !swaps.is_over.load(Ordering::SeqCst) {
                    let number = asked.fetch_add(1, Ordering::Relaxed);
                    ask(rules, swaps, number * THREADS + thread);
                }
            });
        }
        // The other threads end in any case, so that a failure here shows.
        let _over = Over(&swaps.is_over);
        let mut memory = Vec::new();
        for number in 1..=count {
            swaps.begun.store(number, Ordering::SeqCst);
            let version = versions[usize::try_from(number % 2).expect("0 or 1")].clone();
            let swapped = rules.apply(vec![(Place::Folder, Change::Put(version))], &BTreeMap::new());
            assert!(swapped.iter().all(|swap| swap.state == SwapState::Replaced) && swapped.len() == 1, "{swapped:?}");
            swaps.finished.store(number, Ordering::SeqCst);
            if number == count.div_ceil(10) || number == count {
                memory.push((ALLOCATOR.current_usage(), resident()));
            }
        }
        memory
    });
    let counters = rules.counters();
    assert_eq!((counters.swaps, counters.compiled), (count, 2));
    let (heap, resident) = (memory[1].0.saturating_sub(memory[0].0), memory[1].1.saturating_sub(memory[0].1));
    println!(
        "{count} swaps, {} questions, {} calls, memo of {memo_bytes} bytes: heap +{heap}, resident +{resident} bytes",
        counters.questions, counters.rules["swap-host"].calls
    );
    assert!(heap < MOST_GROWTH && resident < MOST_GROWTH, "{memory:?}");
}

/// Asks once; the answer has to be one version's, whole, and of its time.
fn ask(rules: &Rules, swaps: &Swaps, number: u64) {
    let path = format!("/pub/{}", number % QUESTIONS);
    let url: Url = format!("https://origin.example{path}").parse().expect("a URL");
    let earliest = swaps.finished.load(Ordering::SeqCst);
    let answer = rules.ask(&url, Region::WORLD);
    let latest = swaps.begun.load(Ordering::SeqCst);
    assert_eq!(answer.faults, [], "{answer:?}");
    let version = version(&answer, &path);
    assert!((earliest..=latest).any(|swap| swap % 2 == version), "version {version} in {earliest}..={latest}");
}

/// Which version answered.
fn version(answer: &Answer, path: &str) -> u64 {
    let urls: Vec<&str> = answer.candidates.iter().map(|candidate| candidate.url.as_str()).collect();
    let of = |hosts: [&str; 2]| hosts.map(|host| format!("https://mirror-{host}.example{path}"));
    match &urls[..] {
        urls if *urls == of(["a", "b"]) => 0,
        urls if *urls == of(["c", "d"]) => 1,
        urls => panic!("no version's answer: {urls:?}"),
    }
}

/// The committed rule, and one that differs in its mirrors and its version alone.
fn versions() -> [GivenComponent; 2] {
    let path = format!("{}/../tests/fixtures/components/swap-host.wasm", env!("CARGO_MANIFEST_DIR"));
    let first = fs::read(&path).expect("a committed fixture");
    let words = [("mirror-a.example", "mirror-c.example"), ("mirror-b.", "mirror-d."), ("host0.1.0", "host0.2.0")];
    let second = words.iter().fold(first.clone(), |bytes, (from, to)| replaced(bytes, from.as_bytes(), to.as_bytes()));
    assert_ne!(first, second);
    [first, second].map(|bytes| GivenComponent { name: "mine".into(), path: path.clone().into(), bytes })
}

fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty() && from.len() == to.len());
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
    bytes
}

/// Resident memory; nothing where the system does not say.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
