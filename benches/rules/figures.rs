//! What the engine promises of its rules, measured beside the floor.
//!
//! Two things that are compared take turns, a few milliseconds each, and the
//! median of the turns counts: whatever slows the machine down slows both.
//! Built with `lto = "off"`, as a quick build may be, neither side is what its
//! users get: the small functions between wasmtime's crates are not inlined.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use turbo_engine::component::author::{Bench, Rebuild, bench};
use turbo_engine::component::{Limits, RuleOptions, Rules};
use turbo_engine::model::Region;
use url::Url;

use super::{RELEASE, floor, native, open};

/// Turns of each side, and how long one takes.
const TURNS: usize = 41;
const TURN: Duration = Duration::from_millis(12);

/// A rule that behaves until it is asked for `/trap`, and many other things.
const HOSTILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/components/hostile.wasm");

/// Calls in a row that fail, each in another way, before a good rule is asked.
const HOSTILE_CALLS: usize = 1_000;

/// One line of the table.
struct Line {
    what: &'static str,
    figure: String,
    beside: String,
    /// What is promised, and whether it holds.
    promise: &'static str,
    holds: bool,
}

/// Measures everything and prints the table.
pub fn print() {
    let lines = [calls, fresh, threads, audit, hostile, load].into_iter().flat_map(|measure| measure());
    let table = lines.fold(String::new(), |mut table, line| {
        let Line { what, figure, beside, promise, holds } = line;
        let verdict = if holds { "holds" } else { "DOES NOT HOLD" };
        let _ = writeln!(table, "{what:34} {figure:>10}  {beside:44} {promise:10} {verdict}");
        table
    });
    let _ = writeln!(io::stdout(), "\n{table}");
}

fn unkept() -> Limits {
    Limits { memo_bytes: 0, ..Limits::default() }
}

fn asker(limits: Limits) -> impl FnMut() {
    let (rules, url): (Rules, Url) = (open(limits), RELEASE.parse().expect("a URL"));
    assert_eq!(rules.ask(&url, Region::WORLD).candidates.len(), native(RELEASE).len());
    move || drop(black_box(rules.ask(black_box(&url), Region::WORLD)))
}

/// A question to a warm instance: whole, with the index, the checks and the
/// answer's own memory, and then the call alone, as `component bench` has it.
fn calls() -> Vec<Line> {
    let mut bare = floor::Warm::new(floor::GITHUB);
    let pair = in_turns(asker(unkept()), || drop(black_box(bare.ask(black_box(RELEASE)))));
    vec![
        Line {
            what: "a warm question, six candidates",
            figure: micro(pair.first),
            beside: format!("{} by wasmtime alone, {:.2} times that", micro(pair.second), pair.ratio),
            promise: "<= 0.80 us",
            holds: pair.first <= 0.80e-6,
        },
        Line {
            what: "  beside the floor",
            figure: format!("{:.2}", pair.ratio),
            beside: String::new(),
            promise: "<= 1.25",
            holds: pair.ratio <= 1.25,
        },
    ]
}

fn fresh() -> Vec<Line> {
    let bare = floor::Fresh::new(floor::GITHUB);
    let limits = Limits { calls_per_instance: 1, ..unkept() };
    let pair = in_turns(asker(limits), || drop(black_box(bare.start().ask(black_box(RELEASE)))));
    vec![Line {
        what: "the same to a fresh instance",
        figure: micro(pair.first),
        beside: format!("{} by wasmtime alone, {:.2} times that", micro(pair.second), pair.ratio),
        promise: "<= 8.00 us",
        holds: pair.first <= 8e-6,
    }]
}

/// How much more two threads get done than one.
fn threads() -> Vec<Line> {
    let (rules, url): (Rules, Url) = (open(unkept()), RELEASE.parse().expect("a URL"));
    let calls_by = |threads: usize| {
        let count = || {
            let began = Instant::now();
            let mut calls = 0_u32;
            while began.elapsed() < TURN {
                (0..64).for_each(|_| drop(black_box(rules.ask(&url, Region::WORLD))));
                calls += 64;
            }
            f64::from(calls) / began.elapsed().as_secs_f64()
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(count)).collect();
            count() + others.into_iter().map(|other| other.join().expect("a thread that asks")).sum::<f64>()
        })
    };
    calls_by(2);
    let ratio = median((0..TURNS).map(|_| calls_by(2) / calls_by(1)).collect());
    vec![Line {
        what: "two threads beside one",
        figure: format!("{ratio:.2}"),
        beside: format!("on {} cores", thread::available_parallelism().map_or(1, usize::from)),
        promise: ">= 1.80",
        holds: ratio >= 1.8,
    }]
}

/// What the sampled second run on a fresh instance costs each question.
fn audit() -> Vec<Line> {
    let without = Limits { audit_every: u32::MAX, ..unkept() };
    let pair = in_turns(asker(unkept()), asker(without));
    vec![Line {
        what: "with the audit beside without",
        figure: format!("{:.3}", pair.ratio),
        beside: format!("{} and {}", micro(pair.first), micro(pair.second)),
        promise: "<= 1.010",
        holds: pair.ratio <= 1.01,
    }]
}

/// What is left of a good rule's pace after a bad one was asked a thousand
/// times, with a breaker so patient that every call is really made.
fn hostile() -> Vec<Line> {
    let url: Url = RELEASE.parse().expect("a URL");
    let limits = Limits { faults_before_rest: u32::MAX, ..unkept() };
    let options = RuleOptions { built_in: true, user: vec![HOSTILE.into()], limits, ..RuleOptions::default() };
    let [spared, attacked] = [(); 2].map(|()| Rules::open(&options).expect("the fixture loads"));
    let began = Instant::now();
    let faults: usize = ["trap", "recurse", "huge", "long", "loop"].into_iter().cycle().take(HOSTILE_CALLS).fold(
        0,
        |faults, behaviour| {
            let url = format!("https://hostile.example/{behaviour}").parse().expect("a URL");
            faults + attacked.ask(&url, Region::WORLD).faults.len()
        },
    );
    assert_eq!(faults, HOSTILE_CALLS, "each is a fault");
    let took = began.elapsed();
    let ask = |rules: &Rules| drop(black_box(rules.ask(black_box(&url), Region::WORLD)));
    let pair = in_turns(|| ask(&attacked), || ask(&spared));
    vec![Line {
        what: "after 1000 hostile calls",
        figure: format!("{:.3}", pair.ratio),
        beside: format!("times the question of a spared set; they took {:.2} s", took.as_secs_f64()),
        promise: "<= 1.050",
        holds: pair.ratio <= 1.05,
    }]
}

/// Reading compiled code from the cache, checking it and making it callable.
fn load() -> Vec<Line> {
    let scratch = tempfile::tempdir().expect("a folder");
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../components/dist/github.wasm");
    let reports = (0..5).map(|_| {
        let [path, cache_dir] = [component.clone(), scratch.path().to_owned()];
        let limits = Limits::default();
        bench(&Bench { path, rebuild: Rebuild::No, cache_dir, limits }).expect("a rule")
    });
    let loads = median(reports.map(|report| report.load_ms.expect("a cache")).collect());
    vec![Line {
        what: "load from the cache",
        figure: format!("{loads:.3} ms"),
        beside: String::new(),
        promise: "<= 0.3 ms",
        holds: loads <= 0.3,
    }]
}

/// Seconds a call of either side, and how many times the second the first is.
struct Pair {
    first: f64,
    second: f64,
    ratio: f64,
}

fn in_turns(mut first: impl FnMut(), mut second: impl FnMut()) -> Pair {
    let (a, b) = (calls_in_a_turn(&mut first), calls_in_a_turn(&mut second));
    let turns: Vec<(f64, f64)> = (0..TURNS).map(|_| (timed(&mut first, a), timed(&mut second, b))).collect();
    Pair {
        first: median(turns.iter().map(|turn| turn.0).collect()),
        second: median(turns.iter().map(|turn| turn.1).collect()),
        ratio: median(turns.iter().map(|turn| turn.0 / turn.1).collect()),
    }
}

fn calls_in_a_turn(call: &mut impl FnMut()) -> u32 {
    let one = timed(call, 1_000);
    u32::try_from(TURN.div_f64(one).as_secs()).unwrap_or(u32::MAX).max(1)
}

/// Seconds that one of so many calls takes.
fn timed(call: &mut impl FnMut(), calls: u32) -> f64 {
    let began = Instant::now();
    (0..calls).for_each(|_| call());
    began.elapsed().as_secs_f64() / f64::from(calls)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn micro(seconds: f64) -> String {
    format!("{:.2} us", seconds * 1e6)
}
