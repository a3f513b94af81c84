//! What does it cost to exchange a rule while it is asked?
//!
//! Two versions of one rule, both compiled before, take each other's place.
//! `swap` is all of it: the digest, the vault with its authentication, loading,
//! linking, the self-test, warm instances, the new index. The floor is wasmtime
//! alone: unauthenticated code is loaded, linked and instantiated twice.
//!
//! `under load` has four threads that ask without pause, without and during
//! 2,000 swaps, and prints the percentiles of a call, and how long a swap takes
//! then. What memory does, `tests/memory` says. `watch` is one look at a folder in which nothing
//! changed, of which there are four a second.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use turbo_engine::component::{Change, GivenComponent, Limits, Place, RuleOptions, Rules, Shelf, SwapState};
use turbo_engine::model::Region;
use turbo_engine::store::Folder;
use url::Url;

const THREADS: usize = 4;
const SWAPS: usize = 2_000;
const URL: &str = "https://origin.example/pub/product/1.2.3/product-1.2.3-linux-x86_64.tar.gz";

mod floor {
    wasmtime::component::bindgen!({ path: "../wit/turbo-engine/v0_1", world: "mirror-rule" });
}

/// A set with one rule, and its two versions, both of which were compiled.
struct Stage {
    rules: Rules,
    versions: [GivenComponent; 2],
    next: usize,
    _cache: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let cache = tempfile::tempdir().expect("a folder");
        let versions = versions();
        let rules = Rules::open(&RuleOptions {
            cache_dir: Some(cache.path().to_owned()),
            folder: Shelf { given: vec![versions[0].clone()], ..Shelf::default() },
            // What is remembered is no call.
            limits: Limits { memo_bytes: 0, ..Limits::default() },
            ..RuleOptions::default()
        })
        .expect("a rule");
        let mut stage = Self { rules, versions, next: 1, _cache: cache };
        (0..4).for_each(|_| stage.swap());
        stage
    }

    fn swap(&mut self) {
        let version = self.versions[self.next % 2].clone();
        self.next += 1;
        let swaps = self.rules.apply(vec![(Place::Folder, Change::Put(version))], &BTreeMap::new());
        assert!(swaps.len() == 1 && swaps[0].state == SwapState::Replaced, "{swaps:?}");
    }
}

fn swap(criterion: &mut Criterion) {
    // As the program does at its start; without it glibc gives the buffer of the
    // code back to the system each time.
    drop(black_box(Vec::<u8>::with_capacity(8 << 20)));
    let mut group = criterion.benchmark_group("swap");
    let mut stage = Stage::new();
    group.bench_function("nobody asks", |bencher| bencher.iter(|| stage.swap()));
    let bare = Bare::new();
    group.bench_function("wasmtime alone", |bencher| bencher.iter(|| bare.load()));
    group.finish();
}

#[expect(clippy::print_stdout, reason = "criterion has no percentiles of single calls")]
fn under_load(_: &mut Criterion) {
    let mut stage = Stage::new();
    let quiet = load(&mut stage, |_| thread::sleep(Duration::from_secs(2)));
    let mut took = Vec::with_capacity(SWAPS);
    let busy = load(&mut stage, |stage| {
        for _ in 0..SWAPS {
            let began = Instant::now();
            stage.swap();
            took.push(nanoseconds(began));
        }
    });
    for (name, times) in [("a call, no swaps", quiet), ("a call, 2,000 swaps", busy), ("a swap", took)] {
        println!("under load: {name}: {}", percentiles(times));
    }
}

/// How long each call of four threads took while something was done.
fn load(stage: &mut Stage, work: impl FnOnce(&mut Stage)) -> Vec<u64> {
    let is_over = AtomicBool::new(false);
    let (rules, url) = (stage.rules.clone(), URL.parse::<Url>().expect("a URL"));
    thread::scope(|scope| {
        let ask = || {
            let mut times = Vec::with_capacity(1 << 22);
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                let answer = rules.ask(black_box(&url), Region::WORLD);
                times.push(nanoseconds(began));
                assert!(answer.faults.is_empty() && answer.candidates.len() == 2, "{answer:?}");
            }
            times
        };
        let askers: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        work(stage);
        is_over.store(true, Ordering::Relaxed);
        askers.into_iter().flat_map(|asker| asker.join().expect("no call fails")).collect()
    })
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn percentiles(mut times: Vec<u64>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 1000];
    let of = [("p50", 500), ("p99", 990), ("p99.9", 999), ("most", 1000)];
    let parts = of.map(|(name, share)| format!("{name} {} ns", at(share)));
    format!("{} of {}", parts.join(", "), times.len())
}

/// The committed rule, and one that differs in its mirrors and its version alone.
fn versions() -> [GivenComponent; 2] {
    let first = include_bytes!("../tests/fixtures/components/swap-host.wasm").to_vec();
    let mut second = first.clone();
    for (from, to) in [("mirror-a.example", "mirror-c.example"), ("host0.1.0", "host0.2.0")] {
        let places: Vec<usize> = (0..second.len()).filter(|at| second[*at..].starts_with(from.as_bytes())).collect();
        places.into_iter().for_each(|at| second[at..at + to.len()].copy_from_slice(to.as_bytes()));
    }
    assert_ne!(first, second);
    [first, second].map(|bytes| GivenComponent { name: "mine".into(), path: "mine.wasm".into(), bytes })
}

struct Silent;

impl floor::turbo::engine::log::Host for Silent {
    fn log(&mut self, _: floor::turbo::engine::log::Level, _: String) {}
}

impl floor::turbo::engine::types::Host for Silent {}

/// What wasmtime takes for the same, without limits, checks or a vault.
struct Bare {
    engine: wasmtime::Engine,
    linker: wasmtime::component::Linker<Silent>,
    code: tempfile::NamedTempFile,
}

impl Bare {
    fn new() -> Self {
        let mut config = wasmtime::Config::new();
        config.concurrency_support(false);
        config.allocation_strategy(wasmtime::PoolingAllocationConfig::new());
        let engine = wasmtime::Engine::new(&config).expect("an engine");
        let mut linker = wasmtime::component::Linker::new(&engine);
        floor::MirrorRule::add_to_linker::<_, wasmtime::component::HasSelf<_>>(&mut linker, |silent| silent)
            .expect("a linker");
        let code = engine.precompile_component(&versions()[0].bytes).expect("a component");
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), code).expect("writable");
        Self { engine, linker, code: file }
    }

    #[expect(unsafe_code, reason = "the floor trusts the file that it wrote itself")]
    fn load(&self) {
        // SAFETY: the file holds what `precompile_component` of this very
        // engine returned, and nobody else knows it.
        let component = unsafe { wasmtime::component::Component::deserialize_file(&self.engine, self.code.path()) };
        let pre = self.linker.instantiate_pre(&component.expect("our own code")).expect("the same interface");
        let pre = floor::MirrorRulePre::new(pre).expect("the same interface");
        for _ in 0..2 {
            let mut store = wasmtime::Store::new(&self.engine, Silent);
            black_box(pre.instantiate(&mut store).expect("an instance"));
        }
    }
}

fn watch(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..64 {
        fs::write(folder.path().join(format!("{number}.wasm")), b"").expect("writable");
    }
    let mut watched = Folder::new(folder.path(), "wasm");
    (0..20).for_each(|_| drop(watched.look()));
    criterion.benchmark_group("watch").bench_function("64 components", |bencher| {
        bencher.iter(|| assert!(watched.look().expect("a folder").quiet.is_empty()));
    });
}

criterion_group!(benches, swap, under_load, watch);
criterion_main!(benches);
