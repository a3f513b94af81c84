//! Streams, polling and the monotonic clock, without ever waiting.
//!
//! `wasmtime-wasi` answers these on an asynchronous runtime that it blocks the
//! thread for: that panics on a thread of another runtime, and a guest that
//! sleeps is beyond fuel and deadline. Here everything is ready at once, so its
//! asynchronous functions are polled a single time instead. What is not ready
//! then never will be, and traps.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::io::poll::{Host as Poll, HostPollable};
use wasmtime_wasi::p2::bindings::io::streams::{HostInputStream as Input, HostOutputStream as Output};
use wasmtime_wasi::p2::bindings::sync::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, OutputStream, Pollable, StreamError, StreamResult, subscribe,
};
use wasmtime_wasi::{WasiView as _, async_trait};

use crate::component::last_words::{LAST_WORDS_BYTES, LastWords};
use crate::component::sandbox::Sandbox;

/// Most bytes a guest writes to standard error at once.
const CHUNK_BYTES: usize = 4 << 10;

/// Names [`Io`] to the linker.
pub(super) struct HasIo;

impl HasData for HasIo {
    type Data<'a> = Io<'a>;
}

/// The interfaces of which some functions may wait, over the instance's
/// streams and pollables.
pub(super) struct Io<'a>(&'a mut ResourceTable);

/// What a sandbox has of these.
pub(super) fn of(sandbox: &mut Sandbox) -> Io<'_> {
    Io(sandbox.ctx().table)
}

#[derive(Debug, thiserror::Error)]
#[error("the guest waits for what never comes")]
struct Waits;

impl From<Waits> for StreamError {
    fn from(waits: Waits) -> Self {
        Self::Trap(waits.into())
    }
}

/// The result of a function that could wait but has nothing to wait for.
fn at_once<T, E: From<Waits>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    future.now_or_never().unwrap_or_else(|| Err(Waits.into()))
}

/// A time to wait for. It has always come: a guest that sleeps goes on at once.
struct Now;

#[async_trait]
impl Pollable for Now {
    async fn ready(&mut self) {}
}

impl monotonic_clock::Host for Io<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(0)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.0.push(Now)?;
        subscribe(self.0, now)
    }

    fn subscribe_duration(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_instant(0)
    }
}

impl poll::Host for Io<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        at_once(Poll::poll(self.0, pollables))
    }
}

impl poll::HostPollable for Io<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        at_once(HostPollable::ready(self.0, pollable))
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        at_once(HostPollable::block(self.0, pollable))
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        HostPollable::drop(self.0, pollable)
    }
}

impl streams::Host for Io<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<streams::StreamError> {
        streams::Host::convert_stream_error(self.0, error)
    }
}

impl streams::HostInputStream for Io<'_> {
    fn read(&mut self, stream: Resource<DynInputStream>, bytes: u64) -> StreamResult<Vec<u8>> {
        Input::read(self.0, stream, bytes)
    }

    fn blocking_read(&mut self, stream: Resource<DynInputStream>, bytes: u64) -> StreamResult<Vec<u8>> {
        at_once(Input::blocking_read(self.0, stream, bytes))
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, bytes: u64) -> StreamResult<u64> {
        Input::skip(self.0, stream, bytes)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, bytes: u64) -> StreamResult<u64> {
        at_once(Input::blocking_skip(self.0, stream, bytes))
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Input::subscribe(self.0, stream)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        at_once(Input::drop(self.0, stream))
    }
}

impl streams::HostOutputStream for Io<'_> {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Output::check_write(self.0, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        Output::write(self.0, stream, bytes)
    }

    fn blocking_write_and_flush(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        at_once(Output::blocking_write_and_flush(self.0, stream, bytes))
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Output::flush(self.0, stream)
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        at_once(Output::blocking_flush(self.0, stream))
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Output::subscribe(self.0, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, bytes: u64) -> StreamResult<()> {
        Output::write_zeroes(self.0, stream, bytes)
    }

    fn blocking_write_zeroes_and_flush(&mut self, stream: Resource<DynOutputStream>, bytes: u64) -> StreamResult<()> {
        at_once(Output::blocking_write_zeroes_and_flush(self.0, stream, bytes))
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        bytes: u64,
    ) -> StreamResult<u64> {
        Output::splice(self.0, to, from, bytes)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        bytes: u64,
    ) -> StreamResult<u64> {
        at_once(Output::blocking_splice(self.0, to, from, bytes))
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        at_once(Output::drop(self.0, stream))
    }
}

/// Standard error. The library's memory pipe would keep the beginning and
/// close when full, upon which `eprintln!` panics; the end is what tells.
#[derive(Clone, Default)]
pub(super) struct Stderr(Arc<Mutex<LastWords>>);

impl Stderr {
    pub(super) fn clear(&self) {
        self.words().clear();
    }

    pub(super) fn last_words(&self) -> String {
        self.words().shown()
    }

    fn words(&self) -> MutexGuard<'_, LastWords> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

#[async_trait]
impl Pollable for Stderr {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Stderr {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let end = &bytes[bytes.len().saturating_sub(LAST_WORDS_BYTES)..];
        self.words().remember(&String::from_utf8_lossy(end));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES)
    }
}

impl IsTerminal for Stderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stderr {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Only preview 3 writes through this, and it is not offered.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}
