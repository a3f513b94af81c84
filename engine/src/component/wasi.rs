//! WASI preview 2 for guests whose standard library insists on it: present,
//! empty and the same on every machine.
//!
//! The interfaces are `wasmtime-wasi`'s, linked one by one. No arguments,
//! environment, files, sockets or HTTP; clocks stand still; "random" numbers
//! are one short sequence. Standard error is kept for the fault report.
//!
//! Nothing here waits, so that no guest sleeps where neither fuel nor deadline
//! reaches, and no asynchronous runtime is needed or disturbed: see [`io`].

mod io;
#[cfg(test)]
mod tests;

use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::sync::{cli, clocks, filesystem, io as wasi_io, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{Deterministic, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use self::io::{HasIo, Stderr};
use super::sandbox::Sandbox;

/// Most bytes a guest draws at once.
const RANDOM_BYTES: u64 = 4 << 10;

/// Most streams and pollables an instance holds at once. They are memory of
/// the host's, which neither fuel nor the memory limit counts; a guest that
/// forgets a few in every call still lives as long as any other.
const RESOURCES: usize = 4 << 10;

/// Makes an interface available.
type Link = fn(&mut Linker<Sandbox>) -> wasmtime::Result<()>;

/// Interfaces that a component may import.
const OFFERED: [(&str, Link); 20] = [
    ("wasi:cli/environment", |to| cli::environment::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/exit", |to| cli::exit::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/stdin", |to| cli::stdin::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/stdout", |to| cli::stdout::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/stderr", |to| cli::stderr::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/terminal-input", |to| cli::terminal_input::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/terminal-output", |to| cli::terminal_output::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/terminal-stdin", |to| cli::terminal_stdin::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/terminal-stdout", |to| cli::terminal_stdout::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:cli/terminal-stderr", |to| cli::terminal_stderr::add_to_linker::<_, WasiCli>(to, WasiCliView::cli)),
    ("wasi:clocks/monotonic-clock", |to| clocks::monotonic_clock::add_to_linker::<_, HasIo>(to, io::of)),
    ("wasi:clocks/wall-clock", |to| clocks::wall_clock::add_to_linker::<_, WasiClocks>(to, WasiClocksView::clocks)),
    ("wasi:filesystem/preopens", |to| {
        filesystem::preopens::add_to_linker::<_, WasiFilesystem>(to, WasiFilesystemView::filesystem)
    }),
    // Its functions would wait for files, but want a descriptor, and there is none.
    ("wasi:filesystem/types", |to| {
        filesystem::types::add_to_linker::<_, WasiFilesystem>(to, WasiFilesystemView::filesystem)
    }),
    ("wasi:io/error", |to| {
        wasi_io::error::add_to_linker::<_, HasSelf<ResourceTable>>(to, |sandbox: &mut Sandbox| sandbox.ctx().table)
    }),
    ("wasi:io/poll", |to| wasi_io::poll::add_to_linker::<_, HasIo>(to, io::of)),
    ("wasi:io/streams", |to| wasi_io::streams::add_to_linker::<_, HasIo>(to, io::of)),
    ("wasi:random/random", |to| random::random::add_to_linker::<_, WasiRandom>(to, WasiRandomView::random)),
    ("wasi:random/insecure", |to| random::insecure::add_to_linker::<_, WasiRandom>(to, WasiRandomView::random)),
    ("wasi:random/insecure-seed", |to| {
        random::insecure_seed::add_to_linker::<_, WasiRandom>(to, WasiRandomView::random)
    }),
];

/// Whether an import is one that a component may have.
pub(super) fn offers(import: &str) -> bool {
    OFFERED.iter().any(|(interface, _)| is_of(import, interface))
}

/// The linker with WASI in it, for a component that imports any of it.
pub(super) fn extend(base: &Linker<Sandbox>, component: &Component) -> wasmtime::Result<Option<Linker<Sandbox>>> {
    let component_type = component.component_type();
    let imports: Vec<&str> = component_type.imports(base.engine()).map(|(name, _)| name).collect();
    let mut extended = None;
    for (interface, link) in OFFERED {
        if imports.iter().any(|import| is_of(import, interface)) {
            link(extended.get_or_insert_with(|| base.clone()))?;
        }
    }
    Ok(extended)
}

/// Whether an import is this interface, in any version of preview 2.
fn is_of(import: &str, interface: &str) -> bool {
    import.strip_prefix(interface).is_some_and(|version| version.starts_with("@0.2."))
}

/// What one instance has of WASI.
pub(super) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    stderr: Stderr,
}

impl Default for Wasi {
    fn default() -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let stderr = Stderr::default();
        Self { context: context(&stderr), table, stderr }
    }
}

impl Wasi {
    /// Begins anew, but for the handles that the guest holds: an answer shall
    /// depend on the request alone.
    pub(super) fn begin_call(&mut self) {
        self.context = context(&self.stderr);
        self.stderr.clear();
    }

    /// The end of what the guest wrote to standard error.
    pub(super) fn last_words(&self) -> String {
        self.stderr.last_words()
    }
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { context: ctx, table, .. } = self.wasi();
        WasiCtxView { ctx, table }
    }
}

/// An empty world: the builder's default is no argument, no variable, no
/// directory, closed input and ignored output.
fn context(stderr: &Stderr) -> WasiCtx {
    WasiCtx::builder()
        .stderr(stderr.clone())
        .wall_clock(Standstill)
        .secure_random(sequence())
        .insecure_random(sequence())
        .insecure_random_seed(0)
        .max_random_size(RANDOM_BYTES)
        .build()
}

/// What guests get for randomness: hash maps want a seed, and every run shall
/// have the same one. All byte values below a prime, so that a draw of any
/// size meets all of them before it repeats.
fn sequence() -> Deterministic {
    Deterministic::new((0..251).map(|byte: u8| byte.wrapping_mul(167)).collect())
}

/// The clock on the wall: always 1970.
struct Standstill;

impl HostWallClock for Standstill {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}
