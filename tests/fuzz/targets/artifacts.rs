//! Archives, installers and programs of a release.

#![no_main]

use std::panic::{PanicHookInfo, set_hook};

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// More than a decoder of xz may have, and the entries beside it.
const MOST_MIB: f32 = 320.0;

libfuzzer_sys::fuzz_target!(init: set_hook(Box::new(panicked)), |data: &[u8]| {
    HEAP.reset_peak_usage();
    turbo_engine_fuzz::artifacts(data);
    let peak = HEAP.peak_usage_as_mb();
    assert!(peak < MOST_MIB, "{peak} MiB were held");
});

/// Ends the process, as the fuzzer's own hook does, but for what the engine
/// catches: panics of the crates that read Windows Installer's tables.
fn panicked(panic: &PanicHookInfo<'_>) {
    let file = panic.location().map_or("", |place| place.file());
    if !["/msi-", "/cfb-"].iter().any(|name| file.contains(name)) {
        eprintln!("{panic}");
        std::process::abort();
    }
}
