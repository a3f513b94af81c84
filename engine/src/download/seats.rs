//! The connections that all jobs of a process share.
//!
//! A *seat* is the right to hold one connection that carries a file's bytes.
//! There are so many in all, and so many for each host; a host that refuses one
//! more gets fewer, whichever job it told. The short questions about a file
//! (checksum lists, the cache's revalidation) need no seat.
//!
//! Who waits in the queue for a first connection comes before those who want
//! another one, in the order of arrival. The key invariants: a seat is given
//! back when it is dropped, and nobody who holds one waits for another to move
//! on, so that one seat is enough for any number of jobs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::net::NetError;
use crate::plan::HostLimits;

/// A server may count a connection that was cut off for this long: one that
/// paces its answers sees the end of it only when it writes again.
const AFTERLIFE: Duration = Duration::from_secs(2);
/// A host with a learned limit is asked again this long after a cut: most
/// servers have noticed by then, and a refusal costs more.
const GRACE: Duration = Duration::from_millis(300);
/// One broken connection is an accident, so many in a row are a limit.
const ACCIDENTS: u32 = 2;

/// The seats of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Seats {
    shared: Arc<Shared>,
}

/// Connections that a job may hold to one host, those of other jobs among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerHost {
    /// At most so many.
    pub most: usize,
    /// Whether fewer count that the host took in an earlier run.
    pub memory: Memory,
}

/// Whether limits that were learned in earlier runs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// They do.
    Heeded,
    /// The user named a number, which counts instead.
    Overruled,
}

/// How a host refused a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// In the words of HTTP: 429 or 503.
    Rejected,
    /// It was closed before a byte came.
    Broken,
}

impl Refusal {
    /// What an error says of the host's patience, if anything. Meant for
    /// requests that brought no byte.
    pub(super) fn of(error: &NetError) -> Option<Self> {
        match error {
            NetError::Connect { .. } | NetError::Broken { .. } => Some(Self::Broken),
            error if error.is_rejection() => Some(Self::Rejected),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Shared {
    total: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    hosts: HashMap<Arc<str>, Host>,
    queue: BTreeMap<u64, Waiting>,
    next_ticket: u64,
    earlier: HostLimits,
    learned: HostLimits,
}

#[derive(Debug)]
struct Waiting {
    host: Arc<str>,
    per_host: PerHost,
}

/// What the jobs know together of one host.
#[derive(Debug, Default)]
struct Host {
    taken: usize,
    /// Those of the taken seats that have brought bytes.
    served: usize,
    /// Connections that were cut off and whose server may not know yet.
    cut: Vec<Cut>,
    resting_until: Option<Instant>,
    /// Bound after a refusal while nothing was served: one more than is served.
    careful: Option<usize>,
    broken_in_a_row: u32,
}

#[derive(Debug)]
struct Cut {
    at: Instant,
    was_served: bool,
}

impl Host {
    fn is_resting(&self, now: Instant) -> bool {
        self.resting_until.is_some_and(|until| until > now)
    }

    /// Connections that the server is known to serve.
    fn alive(&mut self, now: Instant) -> usize {
        self.cut.retain(|cut| now.saturating_duration_since(cut.at) < AFTERLIFE);
        self.served + self.cut.iter().filter(|cut| cut.was_served).count()
    }

    /// Connections cut off so lately that a strict server may refuse another.
    fn lingering(&self, now: Instant) -> usize {
        self.cut.iter().filter(|cut| now.saturating_duration_since(cut.at) < GRACE).count()
    }

    /// When time alone makes room.
    fn clears_at(&self, now: Instant) -> Option<Instant> {
        let rested = self.resting_until.filter(|until| *until > now);
        let noticed = self.cut.iter().map(|cut| cut.at + GRACE).filter(|at| *at > now).min();
        rested.or(noticed)
    }

    fn is_forgettable(&mut self, now: Instant) -> bool {
        self.taken == 0
            && self.lingering(now) == 0
            && self.alive(now) == 0
            && !self.is_resting(now)
            && self.careful.is_none()
    }
}

impl State {
    /// Most connections to `host` now.
    fn limit(&self, host: &str, per_host: PerHost, now: Instant) -> usize {
        let known = self.hosts.get(host);
        if known.is_some_and(|known| known.is_resting(now)) {
            return 0;
        }
        let earlier = || self.earlier.of(host, since_1970()).filter(|_| per_host.memory == Memory::Heeded);
        let learned = self.learned.of(host, since_1970()).or_else(earlier);
        let careful = known.and_then(|known| known.careful);
        [learned, careful].into_iter().flatten().fold(per_host.most, usize::min)
    }

    /// Connections to `host` that nobody holds.
    fn vacant(&self, host: &str, per_host: PerHost, now: Instant) -> usize {
        let limit = self.limit(host, per_host, now);
        let Some(known) = self.hosts.get(host) else { return limit };
        let lingering = if limit < per_host.most { known.lingering(now) } else { 0 };
        limit.saturating_sub(known.taken + lingering)
    }

    /// Vacant connections to `host` that nobody before `ticket` waits for.
    fn free_at(&self, host: &str, per_host: PerHost, ticket: u64) -> usize {
        let ahead = self.queue.range(..ticket).filter(|(_, waiting)| &*waiting.host == host).count();
        self.vacant(host, per_host, Instant::now()).saturating_sub(ahead)
    }

    /// Seats in all that nobody holds, and nobody before `ticket` could take.
    fn free(&self, total: usize, ticket: u64) -> usize {
        let now = Instant::now();
        let mut wanted: HashMap<&str, usize> = HashMap::new();
        for Waiting { host, per_host } in self.queue.range(..ticket).map(|(_, waiting)| waiting) {
            let seats = wanted.entry(host).or_default();
            *seats = (*seats + 1).min(self.vacant(host, *per_host, now));
        }
        total.saturating_sub(self.taken + wanted.values().sum::<usize>())
    }

    fn learn(&mut self, host: &str, connections: usize) {
        tracing::debug!(host, connections, "the host takes no more connections than this");
        self.learned.learn(host, connections, since_1970());
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while holding it")
    }

    /// Changes what is known of a host and tells those who wait.
    fn change<T>(&self, host: &Arc<str>, change: impl FnOnce(&mut Host) -> T) -> T {
        let changed = change(self.state().hosts.entry(Arc::clone(host)).or_default());
        self.changed.notify_waiters();
        changed
    }
}

impl Seats {
    /// So many seats, with what earlier runs have learned.
    pub fn new(total: usize, earlier: HostLimits) -> Self {
        let state = Mutex::new(State { earlier, ..State::default() });
        Self { shared: Arc::new(Shared { total: total.max(1), state, changed: Notify::new() }) }
    }

    /// What the jobs have learned so far.
    pub fn learned(&self) -> HostLimits {
        self.shared.state().learned.clone()
    }

    /// Waits for a first connection to `host`. Cancel safe: the place in the
    /// queue is given up.
    pub(super) async fn first(&self, host: &str, per_host: PerHost) -> Seat {
        let ticket = self.queue(host, per_host);
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // From here on a change is noticed, whoever makes it.
            changed.as_mut().enable();
            if let Some(seat) = self.try_take(host, per_host, Some(&ticket)) {
                return seat;
            }
            let now = Instant::now();
            let clears_at = self.shared.state().hosts.get(host).and_then(|known| known.clears_at(now));
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(clears_at.unwrap_or(now).into()), if clears_at.is_some() => {}
            }
        }
    }

    /// Takes a place in the queue for a first connection to `host`.
    pub(super) fn queue(&self, host: &str, per_host: PerHost) -> Ticket {
        let mut state = self.shared.state();
        let number = state.next_ticket;
        state.next_ticket += 1;
        state.queue.insert(number, Waiting { host: host.into(), per_host });
        Ticket { shared: Arc::clone(&self.shared), number }
    }

    /// Takes a seat if one is free for the holder of `ticket`; without one, if
    /// nobody in the queue could use it.
    pub(super) fn try_take(&self, host: &str, per_host: PerHost, ticket: Option<&Ticket>) -> Option<Seat> {
        let mut state = self.shared.state();
        let ticket = place(ticket);
        if state.free(self.shared.total, ticket) == 0 || state.free_at(host, per_host, ticket) == 0 {
            return None;
        }
        state.taken += 1;
        let host: Arc<str> = host.into();
        state.hosts.entry(Arc::clone(&host)).or_default().taken += 1;
        Some(Seat { shared: Arc::clone(&self.shared), host, is_served: false, is_cut: false })
    }

    /// Seats that are free in all.
    pub(super) fn free(&self, ticket: Option<&Ticket>) -> usize {
        self.shared.state().free(self.shared.total, place(ticket))
    }

    /// Seats that are free at `host`.
    pub(super) fn free_at(&self, host: &str, per_host: PerHost, ticket: Option<&Ticket>) -> usize {
        self.shared.state().free_at(host, per_host, place(ticket))
    }

    /// Notes that `host` leaves a second connection without an answer, for every
    /// job and for later runs.
    pub(super) fn serves_one(&self, host: &str) {
        self.shared.state().learn(host, 1);
        self.shared.changed.notify_waiters();
    }

    /// Leaves `host` alone for `pause`, in every job.
    pub(super) fn rest(&self, host: &str, pause: Duration) {
        let until = Instant::now() + pause;
        self.shared.change(&host.into(), |known| known.resting_until = known.resting_until.max(Some(until)));
    }
}

/// Without a ticket everybody in the queue comes first.
fn place(ticket: Option<&Ticket>) -> u64 {
    ticket.map_or(u64::MAX, |ticket| ticket.number)
}

/// A place in the queue, given up when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.state().queue.remove(&self.number);
        self.shared.changed.notify_waiters();
    }
}

/// The right to hold one connection to a host, until dropped.
#[derive(Debug)]
#[must_use = "the right ends with this value"]
pub(super) struct Seat {
    shared: Arc<Shared>,
    host: Arc<str>,
    is_served: bool,
    is_cut: bool,
}

impl Seat {
    /// The host.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Bytes have come over the connection.
    pub(super) fn served(&mut self) {
        if std::mem::replace(&mut self.is_served, true) {
            return;
        }
        let mut state = self.shared.state();
        let known = state.hosts.get_mut(&self.host).expect("a host whose seat is taken");
        known.served += 1;
        known.broken_in_a_row = 0;
        let served = known.served;
        known.careful = known.careful.map(|most| most.max(served + 1));
        // It was learned while these were still without an answer.
        if state.learned.of(&self.host, since_1970()).is_some_and(|most| most < served) {
            state.learn(&self.host, served);
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// The connection ends before its answer does.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
    }

    /// The host refused the connection. Says whether it serves others, of any
    /// job: then it is healthy, and takes no more than those.
    pub(super) fn refused(mut self, why: Refusal) -> bool {
        // There is no connection to linger.
        self.is_cut = false;
        let (shared, host) = (Arc::clone(&self.shared), Arc::clone(&self.host));
        drop(self);
        let (alive, broken) = shared.change(&host, |known| {
            let alive = known.alive(Instant::now());
            known.broken_in_a_row += u32::from(why == Refusal::Broken);
            if alive == 0 && why == Refusal::Rejected {
                known.careful = Some(1);
            }
            (alive, known.broken_in_a_row)
        });
        if alive > 0 && (why == Refusal::Rejected || broken >= ACCIDENTS) {
            shared.state().learn(&host, alive);
        }
        alive > 0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.shared.state();
        state.taken -= 1;
        let known = state.hosts.get_mut(&self.host).expect("a host whose seat is taken");
        known.taken -= 1;
        known.served -= usize::from(self.is_served);
        if self.is_cut {
            known.cut.push(Cut { at: now, was_served: self.is_served });
        }
        if known.is_forgettable(now) {
            state.hosts.remove(&self.host);
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
#[path = "seats_tests.rs"]
mod tests;
