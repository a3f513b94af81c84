//! A hostile origin and hostile mirrors, drawn at random: 0 wrong files.
//!
//! Each run draws versions of one file, what the origin says of them, when it
//! changes, how it fails, and what its mirrors do. A file under the final name
//! is one that the origin had as a whole, unless it is called unverified; a run
//! that fails leaves none, and the next one, with the origin well again, ends
//! with the origin's file.
//!
//! `TURBO_ENGINE_HOSTILE_RUNS` says how many runs, `TURBO_ENGINE_HOSTILE_SEED`
//! which is the first.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::rig::{Answer, Ending, Engine, File, KIB, MIB, Origin, Request, data, sha256};

/// Runs where no variable says otherwise.
const RUNS: u64 = 24;
const PAGE: &str = "<html>Too many connections</html>";

/// `SplitMix64`.
#[derive(Clone)]
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// What the origin says of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validators {
    Strong,
    Weak,
    /// One weak tag for all versions.
    Stuck,
    Missing,
    /// Another strong tag with every answer.
    EachAnswer,
    /// Nodes give the same bytes other tags.
    EachNode,
    OldDate,
    NewDate,
}

/// When the origin has another version.
#[derive(Debug, Clone, Copy)]
enum Change {
    Never,
    /// Once, with this request.
    At(usize),
    /// Two nodes have different versions.
    Alternating,
}

/// How the origin fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Page,
    Empty,
    Busy,
    Refused,
    Unsatisfiable,
    Cut,
    Reset,
    Stall,
    WholeAsPart,
    WrongRange,
    NoRange,
}

#[derive(Debug, Clone)]
struct World {
    seed: u64,
    versions: Vec<File>,
    validators: Validators,
    change: Change,
    /// One answer in so many fails.
    fault_rate: usize,
    first_fails: bool,
    ranges: bool,
}

const FAULTS: [Fault; 11] = [
    Fault::Page,
    Fault::Empty,
    Fault::Busy,
    Fault::Refused,
    Fault::Unsatisfiable,
    Fault::Cut,
    Fault::Reset,
    Fault::Stall,
    Fault::WholeAsPart,
    Fault::WrongRange,
    Fault::NoRange,
];

impl World {
    fn new(seed: u64) -> (Self, Draw) {
        let mut draw = Draw(seed.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let size = draw.of(&[64 * KIB, 300 * KIB, MIB, 3 * MIB]) + draw.below(5000);
        let versions = (0..=draw.below(3)).map(|nth| {
            let size = if draw.one_in(3) { size + nth } else { size };
            File::new(data::bytes(size, seed * 8 + nth as u64))
        });
        let versions: Vec<_> = versions.collect();
        let validators = draw.of(&[
            Validators::Strong,
            Validators::Strong,
            Validators::Weak,
            Validators::Stuck,
            Validators::Missing,
            Validators::EachAnswer,
            Validators::EachNode,
            Validators::OldDate,
            Validators::NewDate,
        ]);
        let at = 1 + draw.below(6);
        let change = draw.of(&[Change::Never, Change::At(at), Change::Alternating]);
        let (fault_rate, first_fails) = (draw.of(&[2, 4, 1000]), draw.one_in(4));
        let ranges = !draw.one_in(6);
        (Self { seed, versions, validators, change, fault_rate, first_fails, ranges }, draw)
    }

    fn version(&self, nth: usize) -> usize {
        let last = self.versions.len() - 1;
        match self.change {
            Change::Never => last,
            Change::At(change) => {
                if nth >= change {
                    last
                } else {
                    0
                }
            }
            Change::Alternating => nth % self.versions.len(),
        }
    }

    /// The version that it has from now on.
    fn settled(&self) -> &File {
        self.versions.last().expect("a version")
    }

    fn honest(&self, request: &Request, nth: usize, version: usize) -> Answer {
        let mut file = self.versions[version].clone();
        file.ranges = self.ranges;
        file.etag = match self.validators {
            Validators::Strong => Some(format!("\"v{version}\"")),
            Validators::Weak => Some(format!("W/\"v{version}\"")),
            Validators::Stuck => Some("W/\"v\"".into()),
            Validators::EachAnswer => Some(format!("\"a{nth}\"")),
            Validators::EachNode => Some(format!("\"v{version}-n{}\"", nth % 2)),
            Validators::Missing | Validators::OldDate | Validators::NewDate => None,
        };
        let answer = file.answer(request);
        let date = answer.clone().header("Date", "Tue, 01 Dec 2026 12:00:00 GMT");
        match self.validators {
            Validators::OldDate => date.header("Last-Modified", format!("Sun, 01 Nov 2026 12:00:0{version} GMT")),
            Validators::NewDate => date.header("Last-Modified", "Tue, 01 Dec 2026 11:59:59 GMT"),
            _ => answer,
        }
    }

    fn answer(&self, request: &Request, nth: usize) -> Answer {
        let mut draw = Draw(self.seed ^ (nth as u64) << 32);
        let version = self.version(nth);
        let honest = self.honest(request, nth, version);
        if nth == 0 && !self.first_fails || !draw.one_in(self.fault_rate) {
            return honest;
        }
        let whole = &self.versions[version];
        let length = honest.span.len();
        let at = draw.below(length.max(1));
        match FAULTS[draw.below(FAULTS.len())] {
            // A first answer that is a page cannot be told from a file.
            Fault::Page | Fault::Empty if nth == 0 => honest,
            Fault::Page => Answer::text(PAGE).header("Content-Type", "text/html"),
            Fault::Empty => Answer::text(""),
            Fault::Busy => Answer::status(503),
            Fault::Refused => Answer::status(403),
            Fault::Unsatisfiable => Answer::status(416),
            Fault::Cut => honest.cut(at, Ending::Close),
            Fault::Reset => honest.cut(at, Ending::Reset),
            Fault::Stall => honest.cut(at, Ending::Stall),
            Fault::WholeAsPart => whole.partial(0..whole.bytes.len()),
            Fault::WrongRange => honest.header("Content-Range", format!("bytes 0-{}/{}", length, whole.bytes.len())),
            Fault::NoRange => Answer::status(501),
        }
    }
}

/// What a mirror does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mirror {
    Honest,
    OneWrongByte,
    Garbage,
    OtherSize,
    Page,
    Cut,
    Silent,
    Gone,
}

fn mirror(kind: Mirror, world: &World) -> Origin {
    let file = world.settled().clone().etag("\"m\"");
    Origin::start(move |request| match kind {
        Mirror::Honest => file.answer(request),
        Mirror::OneWrongByte => {
            let mut bytes = file.bytes.to_vec();
            let last = bytes.len() - 1;
            bytes[last / 2] ^= 1;
            File { bytes: bytes.into(), ..file.clone() }.answer(request)
        }
        Mirror::Garbage => File { bytes: data::bytes(file.bytes.len(), 77), ..file.clone() }.answer(request),
        Mirror::OtherSize => File { bytes: data::bytes(file.bytes.len() + 1, 77), ..file.clone() }.answer(request),
        Mirror::Page => Answer::text(PAGE),
        Mirror::Cut => file.answer(request).cut(9000, Ending::Close),
        Mirror::Silent => Answer::silence(),
        Mirror::Gone => Answer::status(404),
    })
}

/// What a run is asked to do, and in which world.
struct Scenario {
    world: Arc<World>,
    mirrors: Vec<Mirror>,
    /// Whether the user typed the mirrors; a Metalink names them otherwise.
    typed: bool,
    /// The value of `-x`, if any.
    connections: Option<&'static str>,
    /// SHA-256 of the last version.
    digest: Option<String>,
}

impl Scenario {
    fn new(seed: u64) -> Self {
        const KINDS: [Mirror; 8] = [
            Mirror::Honest,
            Mirror::OneWrongByte,
            Mirror::Garbage,
            Mirror::OtherSize,
            Mirror::Page,
            Mirror::Cut,
            Mirror::Silent,
            Mirror::Gone,
        ];
        let (world, mut draw) = World::new(seed);
        let mirrors = (0..draw.below(4)).map(|_| draw.of(&KINDS)).collect();
        let (typed, connections) = (draw.one_in(2), draw.of(&[None, None, Some("4"), Some("16")]));
        let digest = draw.one_in(3).then(|| sha256(&world.settled().bytes));
        Self { world: Arc::new(world), mirrors, typed, connections, digest }
    }

    fn about(&self) -> String {
        let World { seed, versions, validators, change, fault_rate, ranges, .. } = &*self.world;
        format!(
            "seed {seed}: {validators:?} {change:?} versions {} faults 1/{fault_rate} ranges {ranges} mirrors {:?} \
             typed {} -x {:?} digest {}",
            versions.len(),
            self.mirrors,
            self.typed,
            self.connections,
            self.digest.is_some()
        )
    }

    /// The origin; it behaves once `calm` is set.
    fn origin(&self, calm: &Arc<AtomicBool>) -> Origin {
        let (world, calm, asked) = (Arc::clone(&self.world), Arc::clone(calm), AtomicUsize::new(0));
        Origin::start(move |request| {
            if !request.path.ends_with("/file.bin") {
                return Answer::status(404);
            }
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            let last = world.versions.len() - 1;
            if calm.load(Ordering::Relaxed) { world.honest(request, 7, last) } else { world.answer(request, nth) }
        })
    }

    /// The command, and the Metalink that it may read.
    fn command(&self, url: &str, mirrors: &[String]) -> (Vec<String>, String) {
        let fixed = "download --retry 2 --connect-timeout 2 --stall-timeout 1 --json --no-rules --no-cache \
                     --allow-private-mirrors";
        let mut arguments: Vec<String> = fixed.split_whitespace().map(str::to_owned).collect();
        arguments.extend(self.connections.iter().flat_map(|count| ["-x".to_owned(), (*count).to_owned()]));
        let mut list = String::new();
        if self.typed {
            arguments.extend(mirrors.iter().flat_map(|url| ["--mirror".to_owned(), url.clone()]));
            arguments.extend(["-o", "out", url].map(str::to_owned));
            let checksum = self.digest.iter().map(|digest| format!("sha-256:{digest}"));
            arguments.extend(checksum.flat_map(|checksum| ["--checksum".to_owned(), checksum]));
        } else {
            let hash = self.digest.iter().map(|digest| format!("<hash type=\"sha-256\">{digest}</hash>"));
            let hash: String = hash.collect();
            let _ = write!(list, "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"out\">{hash}");
            for (priority, url) in std::iter::once(url).chain(mirrors.iter().map(String::as_str)).enumerate() {
                let _ = write!(list, "<url priority=\"{}\">{url}</url>", priority + 1);
            }
            list.push_str("</file></metalink>");
            arguments.extend(["-i", "list.meta4"].map(str::to_owned));
        }
        (arguments, list)
    }

    /// Runs the command; gives whether the file is there.
    fn judge(&self, engine: &Engine, arguments: &[String], calm: bool) -> Result<bool, String> {
        let ended = engine.run(arguments);
        let wrong = |what: &str| Err(format!("{what}: {}\n{}\n{}", self.about(), ended.text(), ended.stderr));
        let found = std::fs::read(engine.path("out")).ok();
        let Some(found) = found else {
            // Nothing tells that the part is of another version: it is the user's to give up.
            let is_kept = ended.code == Some(5) && ended.stderr.contains("remove out.turbo-part");
            return match ended.code {
                Some(0) => wrong("a run that succeeded left no file"),
                _ if calm && !is_kept => wrong("a run against a calm origin failed"),
                _ => Ok(false),
            };
        };
        if ended.code != Some(0) {
            return wrong("a failed run left a file");
        }
        let by = ended.receipt()["verified"]["by"].clone();
        let is_version = self.world.versions.iter().any(|version| *version.bytes == found[..]);
        // Without a strong validator a page with status 200 is a version like any other.
        let strong = matches!(self.world.validators, Validators::Strong | Validators::OldDate | Validators::EachNode);
        let is_page = !strong && !calm && (found == PAGE.as_bytes() || found.is_empty());
        let may_differ = self.typed && !self.mirrors.is_empty() || self.connections.is_some();
        if self.digest.is_some() && found[..] != *self.world.settled().bytes {
            return wrong("a digest was not honoured");
        }
        if is_version || is_page || by == "unverified" && may_differ { Ok(true) } else { wrong("a wrong file") }
    }
}

/// One run, and the ones after it.
fn run(seed: u64) -> Result<(), String> {
    let scenario = Scenario::new(seed);
    let calm = Arc::new(AtomicBool::new(false));
    let origin = scenario.origin(&calm);
    let mirrors: Vec<_> = scenario.mirrors.iter().map(|kind| mirror(*kind, &scenario.world)).collect();
    let urls: Vec<_> = mirrors.iter().map(Origin::file_url).collect();
    let (arguments, list) = scenario.command(&origin.file_url(), &urls);
    let engine = Engine::new();
    engine.write("list.meta4", list);
    if scenario.judge(&engine, &arguments, false)? {
        return Ok(());
    }
    calm.store(true, Ordering::Relaxed);
    if scenario.judge(&engine, &arguments, true)? {
        return Ok(());
    }
    let part = engine.path("out.turbo-part");
    std::fs::remove_file(part).map_err(|error| format!("{}: the part: {error}", scenario.about()))?;
    let is_there = scenario.judge(&engine, &arguments, true)?;
    if is_there { Ok(()) } else { Err(format!("{}: the hint did not help", scenario.about())) }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_wrong_file_from_a_hostile_origin_and_hostile_mirrors() {
    let runs = variable("TURBO_ENGINE_HOSTILE_RUNS").unwrap_or(RUNS);
    let first = variable("TURBO_ENGINE_HOSTILE_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 16);
    println!("{runs} runs from seed {first}");
    let next = AtomicUsize::new(0);
    let failures = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut failures = Vec::new();
                    loop {
                        let nth = next.fetch_add(1, Ordering::Relaxed) as u64;
                        if nth >= runs {
                            return failures;
                        }
                        failures.extend(run(first + nth).err());
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{} of {runs}:\n{}", failures.len(), failures.join("\n\n"));
}
