//! What does it cost to ask a sandboxed rule, and how much of it is ours?
//!
//! The same GitHub release URL, six candidates, seven rules loaded. The floor
//! is the bare call of the same export through wasmtime, without limits,
//! checks or clock; the ceiling to beat is not to call at all.
//!
//! `start` is the way from nothing to the first answer: that no rule is
//! interested, with everything in the cache, and with an empty cache.
//!
//! At the end stands a table of what the engine promises, each line measured
//! beside its floor in turns, and so free of what the machine does meanwhile:
//! `cargo bench --bench rules -- figures` measures it alone.

mod figures;
mod floor;

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group};
use turbo_engine::component::{Limits, RuleOptions, Rules};
use turbo_engine::model::Region;
use url::Url;

const RELEASE: &str = "https://github.com/turbo-engine/turbo-engine/releases/download/v1.2.3/turbo-engine-x86_64-unknown-linux-gnu.tar.gz";
const NOBODYS: &str = "https://downloads.some.vendor.example/pub/product/1.2.3/product-1.2.3-linux-x86_64.tar.gz";

fn options(limits: Limits) -> RuleOptions {
    RuleOptions { built_in: true, limits, ..RuleOptions::default() }
}

fn open(limits: Limits) -> Rules {
    Rules::open(&options(limits)).expect("the built-in rules load")
}

fn ask(criterion: &mut Criterion) {
    let (release, nobodys): (Url, Url) = (RELEASE.parse().expect("a URL"), NOBODYS.parse().expect("a URL"));
    let kept = open(Limits::default());
    let unkept = open(Limits { memo_bytes: 0, ..Limits::default() });
    let fresh = open(Limits { memo_bytes: 0, calls_per_instance: 1, ..Limits::default() });
    assert_eq!(kept.ask(&release, Region::WORLD).candidates.len(), native(RELEASE).len());
    let mut group = criterion.benchmark_group("ask");
    group.bench_function("nobody is interested", |bencher| {
        bencher.iter(|| kept.ask(black_box(&nobodys), Region::WORLD));
    });
    group.bench_function("known answer", |bencher| bencher.iter(|| kept.ask(black_box(&release), Region::WORLD)));
    group.bench_function("warm instance", |bencher| bencher.iter(|| unkept.ask(black_box(&release), Region::WORLD)));
    group.bench_function("fresh instance", |bencher| bencher.iter(|| fresh.ask(black_box(&release), Region::WORLD)));
    group.finish();
}

fn baselines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("baseline");
    group.bench_function("native", |bencher| bencher.iter(|| native(black_box(RELEASE))));
    group.bench_function("native, URLs parsed", |bencher| {
        bencher.iter(|| native(black_box(RELEASE)).iter().map(|text| Url::parse(text)).collect::<Vec<_>>());
    });
    let mut bare = floor::Warm::new(floor::GITHUB);
    group.bench_function("wasmtime's bare call", |bencher| bencher.iter(|| bare.ask(black_box(RELEASE))));
    group.finish();
}

fn start(criterion: &mut Criterion) {
    let (release, nobodys): (Url, Url) = (RELEASE.parse().expect("a URL"), NOBODYS.parse().expect("a URL"));
    let scratch = tempfile::tempdir().expect("a folder");
    let first_answer = |cache: &Path| {
        let options = RuleOptions { cache_dir: Some(cache.to_owned()), ..options(Limits::default()) };
        let rules = Rules::open(&options).expect("the built-in rules load");
        assert!(!rules.ask(&release, Region::WORLD).candidates.is_empty());
        rules
    };
    let warm = scratch.path().join("warm");
    first_answer(&warm);
    let mut group = criterion.benchmark_group("start");
    group.sample_size(20);
    group.bench_function("nobody is interested", |bencher| {
        bencher.iter_with_large_drop(|| open(Limits::default()).ask(&nobodys, Region::WORLD));
    });
    group.bench_function("warm", |bencher| bencher.iter_with_large_drop(|| first_answer(&warm)));
    group.sample_size(10);
    group.bench_function("cold", |bencher| {
        let empty = || tempfile::tempdir_in(scratch.path()).expect("a folder");
        bencher.iter_batched_ref(empty, |cache| first_answer(cache.path()), BatchSize::PerIteration);
    });
    group.finish();
}

/// What the GitHub rule does, without a sandbox.
fn native(url: &str) -> Vec<String> {
    const PROXIES: [&str; 4] =
        ["https://gh-proxy.com/", "https://ghfast.top/", "https://ghproxy.net/", "https://hub.gitmirror.com/"];
    const HOSTS: [&str; 2] = ["https://bgithub.xyz", "https://kkgithub.com"];
    let path = &url["https://github.com".len()..];
    let proxied = PROXIES.iter().map(|proxy| [proxy, url].concat());
    proxied.chain(HOSTS.iter().map(|host| [host, path].concat())).collect()
}

criterion_group!(benches, ask, baselines, start);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench`; anything else chooses among the groups, or how.
    match arguments.iter().find(|argument| *argument != "--bench").map(String::as_str) {
        Some("figures") => figures::print(),
        chosen => {
            benches();
            Criterion::default().configure_from_args().final_summary();
            if chosen.is_none() {
                figures::print();
            }
        }
    }
}
