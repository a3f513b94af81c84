//! The thread that follows the written bytes from the first one on: it hashes
//! them, and streams them out.
//!
//! SHA-256 needs the bytes in order, and takes longer than writing them. A chunk
//! at the frontier is handed to the thread in memory; everything else is read
//! back from the part. A file that is too small for a thread is hashed by the
//! writer itself. The key invariant: no byte is read that is not written.

use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::writer::Permit;
use super::{Hashes, Part, StoreError, Summary};
use crate::model::{Algorithm, Digest};

/// How much is read back at a time.
const STEP_BYTES: u64 = 512 * 1024;
/// How much a file must have for a thread of its own: starting one takes as long
/// as hashing a tenth of this.
const WORTH_A_THREAD: u64 = 1 << 20;
/// Most pieces of work that wait. Together with the step this is how far a
/// stream's reader may stay behind before the network has to wait for it.
const MOST_WAITING: usize = 16;

enum Task {
    /// Take in the bytes that follow. The permit holds their place in the queue.
    Chunk(Bytes, Permit),
    /// Take in what is written up to here.
    ReadTo(u64),
    /// Begin anew: bytes that were taken in are no longer written.
    Restart,
    /// Tell the outcome.
    Summarise(oneshot::Sender<Summary>),
}

/// Handle of the work, and of the thread once there is one.
pub(super) struct Follower {
    worker: Worker,
    /// How far the work will be once all that was handed over is done.
    handed: u64,
    is_streaming: bool,
}

enum Worker {
    /// Whoever hands something over does it at once.
    Caller(Box<State>),
    Thread(Sender<Task>, JoinHandle<Result<(), StoreError>>),
    /// Between the two.
    Nobody,
}

impl Follower {
    /// Starts to follow `part`.
    pub(super) fn start(part: Arc<Part>, algorithms: Vec<Algorithm>, stream: Option<Box<dyn Write + Send>>) -> Self {
        let is_streaming = stream.is_some();
        let state = State {
            part,
            hashes: Hashes::new(algorithms.iter().copied()),
            algorithms,
            hashed: 0,
            stream,
            streamed: 0,
            pledged: None,
            streamed_wrong: false,
            read_back: Vec::new(),
        };
        Self { worker: Worker::Caller(Box::new(state)), handed: 0, is_streaming }
    }

    /// Starts the thread where it is worth one: a stream's reader may be slow.
    fn start_thread_when_due(&mut self) {
        let is_due = self.is_streaming || self.handed >= WORTH_A_THREAD;
        if !is_due || !matches!(self.worker, Worker::Caller(_)) {
            return;
        }
        if let Worker::Caller(state) = std::mem::replace(&mut self.worker, Worker::Nobody) {
            let (tasks, waiting) = bounded(MOST_WAITING);
            let thread = std::thread::Builder::new().name("hash".into()).spawn(move || state.run(&waiting));
            self.worker = Worker::Thread(tasks, thread.expect("the system can start a thread"));
        }
    }

    /// Hands over a chunk that was just written, if it is the next one; otherwise
    /// it is read back later. Waits until the chunk is taken: nobody is done
    /// before the hash is, and what it does not have to read back it has sooner.
    pub(super) fn offer(&mut self, offset: u64, bytes: &Bytes, permit: &Permit) -> Result<(), StoreError> {
        if offset == self.handed {
            self.send(Task::Chunk(bytes.clone(), Arc::clone(permit)), true)?;
            self.handed += bytes.len() as u64;
        }
        Ok(())
    }

    /// Whether there is more to hand over of a file that is written up to `prefix`.
    pub(super) fn is_behind(&self, prefix: u64) -> bool {
        self.handed < prefix
    }

    /// Hands over what is written up to `prefix`, as much as is taken without
    /// waiting. A stream is waited for, so that its reader slows the network.
    pub(super) fn hand_over(&mut self, prefix: u64) -> Result<(), StoreError> {
        while self.is_behind(prefix) && self.step(prefix, self.is_streaming)? {}
        Ok(())
    }

    /// Hands over one piece, waiting until it is taken.
    pub(super) fn hand_over_a_step(&mut self, prefix: u64) -> Result<(), StoreError> {
        self.step(prefix, true).map(drop)
    }

    /// Bytes from `lost` on are no longer written.
    pub(super) fn restart(&mut self, lost: u64) -> Result<(), StoreError> {
        if self.handed > lost {
            self.send(Task::Restart, true)?;
            self.handed = 0;
        }
        Ok(())
    }

    /// Has the outcome sent, once everything up to `prefix` is taken in.
    pub(super) fn summarise(&mut self, prefix: u64, reply: oneshot::Sender<Summary>) -> Result<(), StoreError> {
        while self.is_behind(prefix) {
            self.hand_over_a_step(prefix)?;
        }
        self.send(Task::Summarise(reply), true).map(drop)
    }

    /// Fails when the thread is gone. What it had not taken by then waits in the
    /// queue, and whoever waits for that, until the queue itself goes.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &self.worker {
            Worker::Thread(_, thread) if thread.is_finished() => Err(StoreError::WriterGone),
            _ => Ok(()),
        }
    }

    /// Ends the work. Gives the error that ended it early, if one did.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let Worker::Thread(tasks, thread) = self.worker else { return Ok(()) };
        drop(tasks);
        thread.join().unwrap_or(Err(StoreError::WriterGone))
    }

    fn step(&mut self, prefix: u64, wait: bool) -> Result<bool, StoreError> {
        let to = prefix.min(self.handed + STEP_BYTES);
        let is_taken = self.send(Task::ReadTo(to), wait)?;
        if is_taken {
            self.handed = to;
        }
        Ok(is_taken)
    }

    /// Gives whether the task was taken; always, when it may wait.
    fn send(&mut self, task: Task, wait: bool) -> Result<bool, StoreError> {
        self.start_thread_when_due();
        let tasks = match &mut self.worker {
            Worker::Caller(state) => return state.perform(task).map(|()| true),
            Worker::Thread(tasks, _) => tasks,
            Worker::Nobody => return Err(StoreError::WriterGone),
        };
        if wait {
            return tasks.send(task).map(|()| true).map_err(|_| StoreError::WriterGone);
        }
        match tasks.try_send(task) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::WriterGone),
        }
    }
}

/// The state that only the worker touches.
struct State {
    part: Arc<Part>,
    hashes: Hashes,
    algorithms: Vec<Algorithm>,
    hashed: u64,
    stream: Option<Box<dyn Write + Send>>,
    streamed: u64,
    /// Of what was streamed and has to be taken in again: length and SHA-256.
    /// Without it all that was streamed is hashed, and nothing else.
    pledged: Option<(u64, Digest)>,
    streamed_wrong: bool,
    read_back: Vec<u8>,
}

impl State {
    fn run(mut self, tasks: &Receiver<Task>) -> Result<(), StoreError> {
        tasks.iter().try_for_each(|task| self.perform(task))
    }

    fn perform(&mut self, task: Task) -> Result<(), StoreError> {
        match task {
            Task::Chunk(bytes, _permit) => self.take_in(&bytes)?,
            Task::ReadTo(end) => self.read_to(end)?,
            Task::Restart => self.restart(),
            // Whoever asked may be gone; nothing is lost then.
            Task::Summarise(reply) => drop(reply.send(self.summary())),
        }
        Ok(())
    }

    /// Hashes, and streams out, the bytes that follow the hashed ones.
    fn take_in(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let known = usize::try_from(self.streamed.saturating_sub(self.hashed)).unwrap_or(usize::MAX);
        let (again, new) = bytes.split_at(known.min(bytes.len()));
        self.hashes.update(again);
        self.hashed += again.len() as u64;
        self.compare_with_streamed();
        self.hashes.update(new);
        if let Some(stream) = self.stream.as_mut().filter(|_| !new.is_empty()) {
            stream.write_all(new).and_then(|()| stream.flush()).map_err(StoreError::stream)?;
            self.streamed += new.len() as u64;
        }
        self.hashed += new.len() as u64;
        Ok(())
    }

    /// A connection that broke has the same bytes come again; what was streamed
    /// of them is wrong only where they are not the same.
    fn compare_with_streamed(&mut self) {
        let hashed = self.hashed;
        let pledged = self.pledged.take_if(|(length, _)| *length == hashed);
        if pledged.is_some_and(|(_, digest)| self.hashes.clone().finish()[0] != digest) {
            self.streamed_wrong = true;
            // Nothing right may follow what is wrong.
            self.stream = None;
        }
    }

    fn read_to(&mut self, end: u64) -> Result<(), StoreError> {
        let mut buffer = std::mem::take(&mut self.read_back);
        buffer.resize(usize::try_from(end - self.hashed).expect("a small step"), 0);
        self.part.read_at(&mut buffer, self.hashed)?;
        self.take_in(&buffer)?;
        self.read_back = buffer;
        Ok(())
    }

    fn restart(&mut self) {
        if self.streamed > 0 && self.pledged.is_none() {
            self.pledged = Some((self.streamed, self.hashes.clone().finish().swap_remove(0)));
        }
        self.hashes = Hashes::new(self.algorithms.iter().copied());
        self.hashed = 0;
    }

    fn summary(&self) -> Summary {
        Summary {
            part: Arc::clone(&self.part),
            bytes: self.hashed,
            digests: self.hashes.clone().finish(),
            streamed_wrong: self.streamed_wrong || self.pledged.is_some(),
        }
    }
}
