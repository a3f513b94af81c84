//! Killed at any instant, a download goes on: the right bytes, and at most a
//! second of the transfer lost.
//!
//! Each trial downloads from a flaky origin and a flaky mirror, is killed
//! (SIGKILL) at a random instant, and is run again to its end.
//! `TURBO_ENGINE_KILLS` says how many trials there are, `TURBO_ENGINE_KILL_SEED`
//! repeats those of a failed run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::rig::{Answer, Ending, Engine, File, KIB, MIB, MIB_PER_SECOND, Origin, Request, Run, Running, file};

/// Trials of a plain `cargo test`; CI asks for 200.
const TRIALS: usize = 3;
/// Trials under way at a time.
const AT_ONCE: usize = 3;
const FILE_MIB: usize = 256;
const LANES: usize = 8;
/// What one answer gives: a whole download takes about three seconds.
const LANE_MIB_PER_SECOND: u32 = 12;
/// Kills fall between the start of the process and about its end.
const LATEST_KILL: Duration = Duration::from_millis(3200);
/// What the engine holds between network and disk: half of its buffer of 32 MiB.
const QUEUE_BYTES: u64 = 16 * MIB as u64;
/// Most progress that a kill may cost: a second of the fastest transfer that
/// these servers allow, and what was told as delivered but still in the queue.
const MOST_LOST_BYTES: u64 = (LANES * LANE_MIB_PER_SECOND as usize * MIB) as u64 + QUEUE_BYTES;

/// `SplitMix64`: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What one trial came to.
#[derive(Debug)]
struct Outcome {
    /// Told as delivered when the process was killed.
    told: u64,
    /// Still there for the next run.
    kept: u64,
    /// Whether the file had its name before the kill.
    finished: bool,
}

impl Outcome {
    fn lost(&self) -> u64 {
        self.told.saturating_sub(self.kept)
    }
}

/// Names the trial when it fails, so that it can be repeated.
struct Named {
    seed: u64,
    trial: usize,
}

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "part of the panic's message")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("trial {} of TURBO_ENGINE_KILL_SEED={}", self.trial, self.seed);
        }
    }
}

#[test]
fn killed_at_any_instant_it_goes_on() {
    let trials = from_environment("TURBO_ENGINE_KILLS").unwrap_or(TRIALS as u64);
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970").as_secs();
    let seed = from_environment("TURBO_ENGINE_KILL_SEED").unwrap_or_else(clock);
    let file = file(FILE_MIB, 1);
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let trial = next.fetch_add(1, Ordering::Relaxed);
                    if trial as u64 >= trials {
                        return;
                    }
                    let named = Named { seed, trial };
                    let outcome = try_once(&file, seed.wrapping_mul(1_000_003).wrapping_add(trial as u64));
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                    drop(named);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(outcomes.len() as u64, trials);
    report(&outcomes);
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// Says what the trials showed, for who runs them with `--nocapture`.
#[expect(clippy::print_stdout, reason = "what CI shows of the trials")]
fn report(outcomes: &[Outcome]) {
    let mut lost: Vec<u64> = outcomes.iter().map(Outcome::lost).collect();
    lost.sort_unstable();
    let (median, most) = (lost[lost.len() / 2] / KIB as u64, lost[lost.len() - 1] / KIB as u64);
    let finished = outcomes.iter().filter(|outcome| outcome.finished).count();
    let (count, rate) = (outcomes.len(), LANES * LANE_MIB_PER_SECOND as usize);
    println!(
        "{count} kills, {finished} after the end: lost {median} KiB in the median and {most} KiB at most, \
         of up to {rate} MiB a second"
    );
}

fn try_once(file: &File, seed: u64) -> Outcome {
    let mut random = Random(seed);
    let (origin, mirror) = (flaky(file, random.next()), flaky(file, random.next()));
    let engine = Engine::new();
    let lanes = LANES.to_string();
    let (url, mirror_url) = (origin.file_url(), mirror.file_url());
    let arguments = [
        &["download", "--json", "--no-rules", "--no-cache", "--stall-timeout", "1", "--retry", "9", "-x", &lanes][..],
        &["-o", "out", &url, "--mirror", &mirror_url],
    ]
    .concat();
    let instant = Duration::from_micros(random.below(u64::try_from(LATEST_KILL.as_micros()).expect("a short time")));
    let mut running = engine.start(&arguments);
    let told = told_until(&mut running, Instant::now() + instant);
    running.kill();
    let finished = engine.path("out").exists();
    let again = engine.run(&arguments).exits(0);
    let receipt = again.receipt();
    assert!(engine.read("out") == *file.bytes, "wrong bytes after a kill at {instant:?}");
    assert_eq!(engine.listing(), ["out"]);
    let kept = if finished { file.bytes.len() as u64 } else { receipt["resumed_bytes"].as_u64().expect("a count") };
    assert_eq!(receipt["already_there"].as_bool(), Some(finished), "{receipt:#}");
    let outcome = Outcome { told, kept, finished };
    assert!(outcome.lost() <= MOST_LOST_BYTES, "{outcome:?} at {instant:?}: {:#?}", told_besides_progress(&again));
    outcome
}

fn told_besides_progress(run: &Run) -> Vec<serde_json::Value> {
    run.events().into_iter().filter(|event| event["event"] != "progress").collect()
}

/// The bytes that the run told of as delivered until `end`.
fn told_until(running: &mut Running, end: Instant) -> u64 {
    let mut told = 0;
    while let Some(event) = running.event_before(end) {
        told = event["bytes"].as_u64().unwrap_or(told);
    }
    told
}

/// Serves `file`, but one answer in four breaks off and some fall silent.
fn flaky(file: &File, seed: u64) -> Origin {
    let (file, random) = (file.clone(), Arc::new(Mutex::new(Random(seed))));
    Origin::start(move |request: &Request| {
        let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = file.at(request, "/file.bin").paced(LANE_MIB_PER_SECOND * MIB_PER_SECOND);
        let cut = 64 * KIB + usize::try_from(random.below(16 * MIB as u64)).expect("a small number");
        match random.below(32) {
            // What is compared with the origin, in the end, is small.
            _ if answer.span.len() <= cut => answer,
            0 => answer.cut(cut, Ending::Stall),
            1..=6 => answer.cut(cut, Ending::Reset),
            7 => answer.cut(cut, Ending::Close),
            8 => Answer::status(503),
            _ => answer,
        }
    })
}
