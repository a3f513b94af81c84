//! WASI preview 2 for guests whose standard library insists on it: present,
//! empty and the same on every machine.
//!
//! No arguments, environment, files, sockets or HTTP; clocks stand still, so
//! that no guest can sleep where neither fuel nor deadline reaches; random
//! numbers are a fixed sequence. Standard error is kept for the fault report.
//! Every other function of these interfaces traps and says its name.
//!
//! Written here because the usual implementation waits on an asynchronous
//! runtime, which must not happen on a thread that belongs to one.

use wasmtime::component::{Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource};
use wasmtime::{StoreContextMut, bail};

use super::sandbox::Sandbox;

/// Most bytes a guest takes in one write or gets in one draw.
const CHUNK_BYTES: u64 = 4 << 10;

/// Interfaces that a component may import, by package and name.
const OFFERED: [&str; 5] = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"];

/// Whether an import is one that a component may have.
pub(super) fn offers(import: &str) -> bool {
    OFFERED.iter().any(|package| import.starts_with(package))
        && import.rsplit_once('@').is_some_and(|(_, version)| version.starts_with("0.2."))
}

/// The linker with WASI in it, for a component that imports any of it.
pub(super) fn extend(base: &Linker<Sandbox>, component: &Component) -> wasmtime::Result<Option<Linker<Sandbox>>> {
    let component_type = component.component_type();
    let wanted: Vec<&str> =
        component_type.imports(base.engine()).map(|(name, _)| name).filter(|name| offers(name)).collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut linker = base.clone();
    for name in wanted {
        define(name, &mut linker.instance(name)?)?;
    }
    linker.define_unknown_imports_as_traps(component)?;
    Ok(Some(linker))
}

/// A resource. There is one type of them, because `define_unknown_imports_as_traps`
/// gives this one to every interface that names a resource of another.
type Handle = Resource<()>;

const STDOUT: u32 = 1;
const STDERR: u32 = 2;
const READY: u32 = 3;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Handle),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

type Written = Result<(), StreamError>;
type Context<'a> = StoreContextMut<'a, Sandbox>;

fn define(import: &str, to: &mut LinkerInstance<'_, Sandbox>) -> wasmtime::Result<()> {
    let (interface, _) = import.rsplit_once('@').unwrap_or((import, ""));
    match interface {
        "wasi:cli/environment" => environment(to),
        "wasi:cli/exit" => to.func_wrap("exit", |_: Context<'_>, (_,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            bail!("the guest ended itself")
        }),
        "wasi:cli/stdout" => to.func_wrap("get-stdout", |_, (): ()| Ok((Handle::new_own(STDOUT),))),
        "wasi:cli/stderr" => to.func_wrap("get-stderr", |_, (): ()| Ok((Handle::new_own(STDERR),))),
        "wasi:cli/terminal-stdin" => no_terminal(to, "get-terminal-stdin"),
        "wasi:cli/terminal-stdout" => no_terminal(to, "get-terminal-stdout"),
        "wasi:cli/terminal-stderr" => no_terminal(to, "get-terminal-stderr"),
        "wasi:io/streams" => streams(to),
        "wasi:io/poll" => poll(to),
        "wasi:clocks/monotonic-clock" => {
            to.func_wrap("now", |_, (): ()| Ok((0u64,)))?;
            to.func_wrap("resolution", |_, (): ()| Ok((1u64,)))
        }
        "wasi:clocks/wall-clock" => {
            to.func_wrap("now", |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 0 },)))?;
            to.func_wrap("resolution", |_, (): ()| Ok((Datetime { seconds: 1, nanoseconds: 0 },)))
        }
        "wasi:filesystem/preopens" => {
            to.func_wrap("get-directories", |_, (): ()| Ok((Vec::<(Handle, String)>::new(),)))
        }
        "wasi:random/random" => random(to, "get-random-bytes", "get-random-u64"),
        "wasi:random/insecure" => random(to, "get-insecure-random-bytes", "get-insecure-random-u64"),
        "wasi:random/insecure-seed" => to.func_wrap("insecure-seed", |mut context: Context<'_>, (): ()| {
            let sandbox = context.data_mut();
            Ok(((sandbox.next_random(), sandbox.next_random()),))
        }),
        _ => Ok(()),
    }
}

fn environment(to: &mut LinkerInstance<'_, Sandbox>) -> wasmtime::Result<()> {
    to.func_wrap("get-environment", |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    to.func_wrap("get-arguments", |_, (): ()| Ok((Vec::<String>::new(),)))?;
    to.func_wrap("initial-cwd", |_, (): ()| Ok((None::<String>,)))
}

fn no_terminal(to: &mut LinkerInstance<'_, Sandbox>, function: &str) -> wasmtime::Result<()> {
    to.func_wrap(function, |_, (): ()| Ok((None::<Handle>,)))
}

fn streams(to: &mut LinkerInstance<'_, Sandbox>) -> wasmtime::Result<()> {
    to.func_wrap("[method]output-stream.check-write", |_, (_,): (Handle,)| Ok((Ok::<_, StreamError>(CHUNK_BYTES),)))?;
    to.func_wrap("[method]output-stream.subscribe", |_, (_,): (Handle,)| Ok((Handle::new_own(READY),)))?;
    for function in ["write", "blocking-write-and-flush"] {
        let function = format!("[method]output-stream.{function}");
        to.func_wrap(&function, |mut context: Context<'_>, (stream, bytes): (Handle, Vec<u8>)| {
            if stream.rep() == STDERR {
                context.data_mut().remember(&String::from_utf8_lossy(&bytes));
            }
            Ok((Written::Ok(()),))
        })?;
    }
    for function in ["flush", "blocking-flush"] {
        to.func_wrap(&format!("[method]output-stream.{function}"), |_, (_,): (Handle,)| Ok((Written::Ok(()),)))?;
    }
    Ok(())
}

/// The only thing to wait for is room in an output stream, and there always is.
fn poll(to: &mut LinkerInstance<'_, Sandbox>) -> wasmtime::Result<()> {
    to.func_wrap("[method]pollable.block", |_, (_,): (Handle,)| Ok(()))?;
    to.func_wrap("[method]pollable.ready", |_, (_,): (Handle,)| Ok((true,)))?;
    to.func_wrap("poll", |_, (pollables,): (Vec<Handle>,)| Ok(((0u32..).take(pollables.len()).collect::<Vec<_>>(),)))
}

fn random(to: &mut LinkerInstance<'_, Sandbox>, bytes: &str, number: &str) -> wasmtime::Result<()> {
    to.func_wrap(bytes, |mut context: Context<'_>, (length,): (u64,)| {
        if length > CHUNK_BYTES {
            bail!("the guest asked for {length} random bytes; it may have {CHUNK_BYTES} at a time");
        }
        let sandbox = context.data_mut();
        let mut drawn = Vec::new();
        while (drawn.len() as u64) < length {
            drawn.extend(sandbox.next_random().to_le_bytes());
        }
        drawn.truncate(usize::try_from(length).expect("at most CHUNK_BYTES"));
        Ok((drawn,))
    })?;
    to.func_wrap(number, |mut context: Context<'_>, (): ()| Ok((context.data_mut().next_random(),)))
}
