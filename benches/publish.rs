//! How long does a user wait from pressing return to the checked manifests and
//! packages of all four package managers, without a network?
//!
//! Baseline: `--version`, the bare cost of starting the process. `warm` finds
//! the compiled generators in the ahead-of-time cache, `cold` compiles them
//! first. Where `komac` is installed, it looks into the same archive: its part
//! of the work that needs no network, for winget alone.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

/// A program of a size that programs have, in an archive for each system.
const PROGRAM_BYTES: usize = 4 << 20;
const RELEASE: &str = r#"
[release]
name = "tool"
version = "1.2.0"
date = "2026-11-24"
publisher = "Acme"
authors = ["Acme"]
copyright = "(c) 2026 Acme"
license = "MIT"
homepage = "https://tool.example"
source = "https://github.com/acme/tool"
summary = "Does what a tool does."
description = "Does what a tool does, and does it well and fast."
tags = ["tool"]
download-url = "https://downloads.tool.example/{tag}/{file}"

[[artifact]]
path = "tool-windows-x64.zip"
binaries = ["tool.exe"]

[[artifact]]
path = "tool-windows-arm64.zip"
binaries = ["tool.exe"]

[[artifact]]
path = "tool-linux-x64.zip"
os = "linux"
arch = "x64"
binaries = ["tool"]

[[artifact]]
path = "tool-macos-arm64.zip"
os = "macos"
arch = "arm64"
binaries = ["tool"]

[channel.winget]
repository = "microsoft/winget-pkgs"
settings = { identifier = "Acme.Tool" }

[channel.scoop]
repository = "acme/bucket"

[channel.chocolatey]
endpoint = "https://push.example/"

[channel.homebrew]
repository = "acme/homebrew-tap"
"#;

fn archive(program: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file(program, options.unix_permissions(0o755)).expect("memory takes all");
    writer.write_all(&windows_program()).expect("memory takes all");
    writer.finish().expect("memory takes all").into_inner()
}

/// The smallest headers that readers of Windows programs accept, and noughts.
fn windows_program() -> Vec<u8> {
    let mut bytes = vec![0; PROGRAM_BYTES];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3c, &64_u32.to_le_bytes());
    put(64, b"PE\0\0");
    put(68, &0x014c_u16.to_le_bytes()); // for x86
    put(70, &1_u16.to_le_bytes()); // one section
    put(84, &224_u16.to_le_bytes()); // length of the optional header
    put(86, &0x0102_u16.to_le_bytes());
    put(88, &0x010b_u16.to_le_bytes()); // PE32
    put(88 + 60, &512_u32.to_le_bytes()); // length of all headers
    put(88 + 92, &16_u32.to_le_bytes()); // directories
    put(312, b".text\0\0\0");
    put(312 + 16, &509_u32.to_le_bytes());
    put(312 + 20, &512_u32.to_le_bytes());
    bytes
}

fn release(folder: &Path) {
    let write = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).expect("a writable folder");
    write("turbo-release.toml", RELEASE.as_bytes());
    write("config.toml", b"");
    for name in ["windows-x64", "windows-arm64", "linux-x64", "macos-arm64"] {
        let program = if name.starts_with("windows") { "tool.exe" } else { "tool" };
        write(&format!("tool-{name}.zip"), &archive(program));
    }
}

fn run(folder: &Path, cache: &Path, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_turbo-engine"))
        .args(arguments)
        .current_dir(folder)
        .env("TURBO_ENGINE_CACHE_DIR", cache)
        .env("TURBO_ENGINE_CONFIG", folder.join("config.toml"))
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{arguments:?} fails: {}", String::from_utf8_lossy(&output.stderr));
    begun.elapsed()
}

fn komac(folder: &Path) -> bool {
    let mut command = Command::new("komac");
    command.args(["analyse", "tool-windows-x64.zip"]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn publish(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (folder, cache) = (folder.path(), folder.path().join("cache"));
    release(folder);
    let arguments = ["publish", "--no-gate", "--prior", "nothing", "--out", "out"];
    let mut group = criterion.benchmark_group("publish");
    group.sample_size(20);
    group.bench_function("version", |bencher| bencher.iter(|| run(folder, &cache, &["--version"])));
    run(folder, &cache, &arguments);
    group.bench_function("four-managers-warm", |bencher| bencher.iter(|| run(folder, &cache, &arguments)));
    if komac(folder) {
        group.bench_function("komac-analyse-one-archive", |bencher| bencher.iter(|| komac(folder)));
    }
    group.sample_size(10);
    group.bench_function("four-managers-cold", |bencher| {
        bencher.iter_custom(|runs| {
            let cold = || {
                let fresh = tempfile::tempdir_in(folder).expect("a scratch folder");
                run(folder, fresh.path(), &arguments)
            };
            (0..runs).map(|_| cold()).sum()
        });
    });
    group.finish();
}

criterion_group!(benches, publish);
criterion_main!(benches);
