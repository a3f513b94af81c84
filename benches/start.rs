//! How long does a user wait from pressing return to the answer of `resolve`?
//!
//! Baseline: `--version`, the bare cost of starting the process. `warm` finds
//! the compiled rule in the ahead-of-time cache, `cold` compiles it first.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

const URL: &str = "https://github.com/OWNER/REPOSITORY/releases/download/v1.0.0/tool.zip";

fn run(cache: &Path, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_turbo-engine"))
        .args(arguments)
        .env("TURBO_ENGINE_CACHE_DIR", cache)
        .env("TURBO_ENGINE_CONFIG", cache.join("config.toml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("the binary starts").success(), "{arguments:?} fails");
    begun.elapsed()
}

fn start(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let cache = folder.path();
    std::fs::write(cache.join("config.toml"), "").expect("a writable folder");
    let mut group = criterion.benchmark_group("start");
    group.sample_size(20);
    group.bench_function("version", |bencher| bencher.iter(|| run(cache, &["--version"])));
    run(cache, &["resolve", URL]);
    group.bench_function("resolve-warm", |bencher| bencher.iter(|| run(cache, &["resolve", URL])));
    group.bench_function("resolve-cold", |bencher| {
        bencher.iter_custom(|runs| {
            let cold = || {
                let fresh = tempfile::tempdir_in(cache).expect("a scratch folder");
                std::fs::write(fresh.path().join("config.toml"), "").expect("a writable folder");
                run(fresh.path(), &["resolve", URL])
            };
            (0..runs).map(|_| cold()).sum()
        });
    });
    group.finish();
}

criterion_group!(benches, start);
criterion_main!(benches);
