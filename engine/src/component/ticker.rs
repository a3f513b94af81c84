//! The clock behind deadlines: advances the engine's epoch while calls run.
//!
//! A guest compares the epoch at every loop and call, which costs it one load;
//! someone has to advance it. One thread does, and sleeps for good as soon as
//! nothing has been called for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::Engine;

use super::lanes::Lanes;

/// Length of one epoch.
const TICK: Duration = Duration::from_millis(10);

/// Epochs without a call after which the thread goes to sleep. Waking it takes
/// a system call, which a burst of calls should pay once.
const IDLE_TICKS: u32 = 20;

/// Owns the thread. Dropping it ends the thread.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    running: Lanes<AtomicUsize>,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

/// Keeps the clock going; one for the length of each call.
pub(super) struct Running<'a>(&'a AtomicUsize);

impl Ticker {
    /// Starts the clock of an engine.
    pub(super) fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let thread = thread::Builder::new().name("component-epoch".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.tick(&engine)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Announces a call.
    ///
    /// Caller and thread each write their own flag before they read the
    /// other's, in one total order, so that at least one of them notices.
    pub(super) fn running(&self) -> Running<'_> {
        let running = self.shared.running.own();
        running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        Running(running)
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// How many epochs ahead a deadline lies. The current one is already
    /// partly over, so one is added: late by a tick, never early.
    pub(super) fn ticks(deadline: Duration) -> u64 {
        u64::try_from(deadline.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX / 2).saturating_add(1)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread never panics; there is nothing to learn from it.
            let _ = thread.join();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn tick(&self, engine: &Engine) {
        let mut idle = 0;
        while !self.stopped.load(Ordering::SeqCst) {
            self.wait_one_tick();
            engine.increment_epoch();
            idle = if self.is_running() { 0 } else { idle + 1 };
            if idle > IDLE_TICKS {
                self.sleep();
                idle = 0;
            }
        }
    }

    fn is_running(&self) -> bool {
        self.running.all().any(|lane| lane.load(Ordering::SeqCst) > 0)
    }

    /// Returns early only to stop: a wake-up that comes late must not shorten
    /// an epoch.
    fn wait_one_tick(&self) {
        let end = Instant::now() + TICK;
        while let Some(left) = end.checked_duration_since(Instant::now())
            && !self.stopped.load(Ordering::SeqCst)
        {
            thread::park_timeout(left);
        }
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while !self.is_running() && !self.stopped.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_early() {
        assert_eq!(Ticker::ticks(Duration::from_millis(50)), 6);
        assert_eq!(Ticker::ticks(Duration::from_millis(51)), 7);
        assert_eq!(Ticker::ticks(Duration::ZERO), 1);
    }

    #[test]
    fn a_call_wakes_the_clock_and_dropping_ends_it() {
        let ticker = Ticker::start(Engine::default()).expect("a thread");
        while !ticker.shared.asleep.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let running = ticker.running();
        while ticker.shared.asleep.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        drop(running);
        drop(ticker);
    }
}
