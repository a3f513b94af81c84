//! The policy of the bytes as a property: for servers that change their file,
//! its validators and their mind at random times, the file under the final name
//! is one that the server had as a whole, or there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::rig::data::{self, Bytes};
use crate::rig::{Answer, Ending, Engine, File, KIB, MIB_PER_SECOND, Origin, Request};

/// How long servers are invented for.
const TIME: Duration = Duration::from_secs(15);
/// And how many at most.
const MOST: u64 = 100;
/// How many at a time.
const TOGETHER: usize = 3;

/// Numbers that a seed decides.
struct Chance(u64);

impl Chance {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }
}

/// What a version says of itself: nothing that is not true.
#[derive(Debug, Clone)]
struct Version {
    bytes: Bytes,
    fields: Vec<(&'static str, String)>,
}

/// A server that has one version after the other.
struct Fickle {
    versions: Vec<Version>,
    /// The requests before which it changes to the next version.
    changes: Vec<usize>,
    ranges: bool,
    /// Of so many answers, one is odd.
    odd_every: u64,
    seed: u64,
}

impl Fickle {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let same_size = chance.below(3) > 0;
        let size = 300 * KIB + usize::try_from(chance.below(900 * 1024)).expect("small");
        let kind = chance.below(6);
        let versions = (0..=chance.below(4)).map(|nth| {
            let length = if same_size { size } else { size + usize::try_from(nth).expect("small") * 1000 };
            let kind = if kind == 5 { chance.below(5) } else { kind };
            Version { bytes: data::bytes(length, seed.wrapping_add(nth)), fields: fields(kind, nth) }
        });
        let versions: Vec<_> = versions.collect();
        let changes = versions.iter().skip(1).map(|_| 1 + usize::try_from(chance.below(6)).expect("small")).collect();
        Self { versions, changes, ranges: chance.below(5) > 0, odd_every: 2 + chance.below(8), seed }
    }

    fn answer(&self, request: &Request) -> Answer {
        let version = self.changes.iter().filter(|change| request.nth >= **change).count();
        let version = &self.versions[version];
        let mut chance = Chance(self.seed ^ (request.nth as u64).wrapping_mul(0x1234_5678_9abc_def1));
        let mut file = File::new(Arc::clone(&version.bytes));
        file.etag = version.fields.iter().find(|(name, _)| *name == "ETag").map(|(_, value)| value.clone());
        if !self.ranges || chance.below(12) == 0 {
            file = file.without_ranges();
        }
        let answer =
            version.fields.iter().fold(file.answer(request), |answer, (name, value)| answer.header(name, value));
        let answer = answer.paced(2 * MIB_PER_SECOND);
        if chance.below(self.odd_every) > 0 {
            return answer;
        }
        let part = usize::try_from(chance.below(version.bytes.len() as u64)).expect("small");
        match chance.below(9) {
            0 => page(),
            1 => Answer::status(403),
            2 => Answer::status(416),
            3 => Answer::status(500),
            4 => answer.cut(part, Ending::Reset),
            5 => file.partial(0..version.bytes.len()),
            6 => answer.resized("99999999"),
            7 => answer.cut(part, Ending::Stall),
            _ => answer.cut(part, Ending::Close),
        }
    }

    /// Whether it ever had these bytes as a whole.
    fn had(&self, bytes: &[u8]) -> bool {
        self.versions.iter().any(|version| *version.bytes == *bytes) || *page().body == *bytes
    }
}

fn page() -> Answer {
    Answer::text("<html>log in</html>").header("Content-Type", "text/html")
}

/// The validators of a version.
fn fields(kind: u64, nth: u64) -> Vec<(&'static str, String)> {
    let date = |at: SystemTime| httpdate::fmt_http_date(at);
    let old = UNIX_EPOCH + Duration::from_secs(1_500_000_000 + nth * 1000);
    match kind {
        0 => vec![("ETag", format!("\"v{nth}\""))],
        1 => vec![("ETag", "W/\"same\"".into())],
        2 => vec![("Last-Modified", date(old)), ("Date", date(SystemTime::now()))],
        3 => vec![("Last-Modified", date(SystemTime::now())), ("Date", date(SystemTime::now()))],
        _ => Vec::new(),
    }
}

#[test]
fn a_file_is_one_that_the_server_had_as_a_whole() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let given = std::env::var("TURBO_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or(u64::try_from(clock % u128::from(u32::MAX)).expect("small"));
    eprintln!("TURBO_TEST_SEED={seed}");
    let (begun, next, done) = (Instant::now(), AtomicU64::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                while begun.elapsed() < TIME {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= MOST {
                        return;
                    }
                    holds_for(seed.wrapping_add(nth));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert!(done.into_inner() > 3, "hardly any server was tried");
}

/// Two runs of one command: what the first one left is met by the second.
fn holds_for(seed: u64) {
    let fickle = Arc::new(Fickle::new(seed));
    let server = Arc::clone(&fickle);
    let origin = Origin::start(
        move |request| {
            if request.path == "/file.bin" { server.answer(request) } else { Answer::status(404) }
        },
    );
    let engine = Engine::new();
    for run in 0..2 {
        let fixed = ["download", "--json", "--no-rules", "--no-cache", "--retry", "1", "--stall-timeout", "1"];
        let more = ["-o", "out", "--if-exists", "overwrite"];
        let outcome = engine.run([&fixed[..], &more, &[&origin.file_url()]].concat());
        let what = || format!("TURBO_TEST_SEED={seed}, run {run}: {outcome:?}\n{:?}", origin.requests());
        match outcome.code {
            Some(0) => assert!(fickle.had(&engine.read("out")), "a file that the server never had; {}", what()),
            Some(4..=6) => assert!(run > 0 || !engine.path("out").exists(), "it failed and left a file; {}", what()),
            _ => panic!("{}", what()),
        }
        if engine.path("out").exists() {
            assert!(fickle.had(&engine.read("out")), "a file that the server never had; {}", what());
        }
    }
}
