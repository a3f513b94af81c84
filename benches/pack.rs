//! How long does packing a package of 50 MiB take, and what memory?
//!
//! Baseline: the same files through `zip -6` of Info-ZIP, where it is installed.
//! Half of the bytes are a program's, which deflate shrinks; the other half is
//! noise, which it does not.

use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use peak_alloc::PeakAlloc;
use turbo_engine::model::delivery::{Nupkg, OutputFile};
use turbo_engine::publish::pack::pack;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const HALF_BYTES: usize = 25 << 20;
const NUSPEC: &str = "<package><metadata><id>tool</id><version>1.2.3</version><authors>me</authors>\
    <description>what it does</description></metadata></package>";

fn package() -> Nupkg {
    let engine = std::fs::read(env!("CARGO_BIN_EXE_turbo-engine")).expect("the built binary");
    let program: Vec<u8> = engine.iter().copied().cycle().take(HALF_BYTES).collect();
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    let file = |path: &str, content| OutputFile { path: path.into(), content };
    let files = vec![file("tools/tool.exe", program), file("tools/data.bin", noise.take(HALF_BYTES).collect())];
    Nupkg { nuspec: NUSPEC.into(), files, endpoint: String::new() }
}

fn zip(folder: &Path) -> bool {
    let _ = std::fs::remove_file(folder.join("out.zip"));
    let mut command = Command::new("zip");
    command.args(["-q", "-6", "-r", "out.zip", "tools"]).current_dir(folder).stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[expect(clippy::print_stdout, reason = "memory is no measurement that criterion makes")]
fn large(criterion: &mut Criterion) {
    let package = package();
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let packed = pack(&package).expect("a package");
    let peak = (HEAP.peak_usage() - before) >> 20;
    println!("50 MiB of files: {} MiB packed, {peak} MiB of heap at most besides the files", packed.bytes.len() >> 20);
    let folder = tempfile::tempdir().expect("a scratch folder");
    std::fs::create_dir(folder.path().join("tools")).expect("a writable folder");
    for file in &package.files {
        std::fs::write(folder.path().join(&file.path), &file.content).expect("a writable folder");
    }
    let mut group = criterion.benchmark_group("pack");
    group.sample_size(10);
    group.bench_function("50-MiB", |bencher| bencher.iter(|| pack(&package).expect("a package")));
    if zip(folder.path()) {
        group.bench_function("50-MiB-by-zip", |bencher| bencher.iter(|| zip(folder.path())));
    }
    group.finish();
}

criterion_group!(benches, large);
criterion_main!(benches);
