//! The thread that puts bytes on disk and hashes them.
//!
//! Chunks come through a queue whose bytes are bounded, so that a slow disk
//! slows the network instead of filling memory. SHA-256 needs the bytes in
//! order: a chunk at the frontier is hashed while it is still in the
//! processor's cache, the others are read back when the frontier reaches them.
//! The key invariant: what the journal calls written was synced before.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, unbounded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Hashes, Journal, Part, StoreError};
use crate::model::{Algorithm, ByteRange, Digest};
use crate::plan::RangeSet;

/// The journal is at most this far behind the data.
const JOURNAL_INTERVAL: Duration = Duration::from_millis(900);
/// How much the hash reads back at a time while new chunks may be waiting.
const READ_BACK_BYTES: u64 = 512 * 1024;
/// Unit of the byte budget.
const PERMIT_BYTES: usize = 1024;

/// What a writer needs.
pub struct WriterOptions {
    /// The file.
    pub part: Part,
    /// Bytes that are on disk from an earlier run.
    pub resumed: RangeSet,
    /// Digests wanted besides SHA-256.
    pub algorithms: Vec<Algorithm>,
    /// Most bytes in the queue.
    pub buffer_bytes: usize,
    /// Where the journal goes; none for a download that cannot be resumed.
    pub journal: Option<(PathBuf, Journal)>,
    /// Also gets every byte, in order, once it is written.
    pub stream: Option<Box<dyn Write + Send>>,
}

/// What a finished writer leaves.
#[derive(Debug)]
pub struct Summary {
    /// The file, complete up to `bytes`.
    pub part: Arc<Part>,
    /// Length of the run that begins at byte 0.
    pub bytes: u64,
    /// Digests of that run, SHA-256 first.
    pub digests: Vec<Digest>,
    /// Whether bytes were streamed out that were taken back later.
    pub streamed_wrong: bool,
}

enum Message {
    Write { offset: u64, bytes: Bytes, _permit: OwnedSemaphorePermit },
    Forget(RangeSet),
    Written(oneshot::Sender<RangeSet>),
    Summarise(oneshot::Sender<Summary>),
}

/// Handle of the writing thread. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Writer {
    queue: Sender<Message>,
    budget: Arc<Semaphore>,
    budget_permits: u32,
    part: Arc<Part>,
    thread: JoinHandle<Result<(), StoreError>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(options: WriterOptions) -> Self {
        let (queue, messages) = unbounded();
        let budget_permits = u32::try_from(options.buffer_bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX >> 4).max(1);
        let part = Arc::new(options.part);
        let disk = Disk {
            part: Arc::clone(&part),
            written: options.resumed,
            hashes: Hashes::new(options.algorithms.iter().copied()),
            algorithms: options.algorithms,
            hashed: 0,
            journal: options.journal,
            journalled: Instant::now(),
            dirty: false,
            stream: options.stream,
            streamed: 0,
            streamed_wrong: false,
            read_back: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || disk.run(&messages))
            .expect("the system can start a thread");
        let budget = Arc::new(Semaphore::new(budget_permits as usize));
        Self { queue, budget, budget_permits, part, thread }
    }

    /// Queues bytes for `offset`, waiting while the queue is full. Cancel safe:
    /// the bytes are queued as a whole or not at all.
    pub async fn write(&self, offset: u64, bytes: Bytes) -> Result<(), StoreError> {
        let permits = u32::try_from(bytes.len().div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).min(self.budget_permits);
        let permit = Arc::clone(&self.budget).acquire_many_owned(permits).await.map_err(|_| StoreError::WriterGone)?;
        self.queue.send(Message::Write { offset, bytes, _permit: permit }).map_err(|_| StoreError::WriterGone)
    }

    /// Takes bytes back: they count as not written, and the digests as not computed.
    pub fn forget(&self, ranges: RangeSet) -> Result<(), StoreError> {
        self.queue.send(Message::Forget(ranges)).map_err(|_| StoreError::WriterGone)
    }

    /// Waits until all queued bytes are written and gives the set of all written ones.
    pub async fn written(&self) -> Result<RangeSet, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Message::Written(reply)).map_err(|_| StoreError::WriterGone)?;
        answer.await.map_err(|_| StoreError::WriterGone)
    }

    /// Waits until all queued bytes are written and the run from byte 0 is hashed.
    pub async fn summary(&self) -> Result<Summary, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Message::Summarise(reply)).map_err(|_| StoreError::WriterGone)?;
        answer.await.map_err(|_| StoreError::WriterGone)
    }

    /// The file, for reading written bytes back.
    pub fn part(&self) -> Arc<Part> {
        Arc::clone(&self.part)
    }

    /// Ends the thread after everything queued; the journal is brought up to
    /// date. Gives the error that ended it early, if one did. Blocks.
    pub fn close(self) -> Result<(), StoreError> {
        drop(self.queue);
        self.thread.join().unwrap_or(Err(StoreError::WriterGone))
    }
}

/// The state that only the thread touches.
struct Disk {
    part: Arc<Part>,
    written: RangeSet,
    hashes: Hashes,
    algorithms: Vec<Algorithm>,
    hashed: u64,
    journal: Option<(PathBuf, Journal)>,
    journalled: Instant,
    dirty: bool,
    stream: Option<Box<dyn Write + Send>>,
    streamed: u64,
    streamed_wrong: bool,
    read_back: Vec<u8>,
}

impl Disk {
    fn run(mut self, messages: &Receiver<Message>) -> Result<(), StoreError> {
        loop {
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if self.hashed < self.written.prefix() => {
                    self.catch_up(self.hashed + READ_BACK_BYTES)?;
                    continue;
                }
                Err(TryRecvError::Empty) => match messages.recv_timeout(JOURNAL_INTERVAL) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout) => {
                        self.journal_when_due()?;
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                },
            };
            self.handle(message)?;
            self.journal_when_due()?;
        }
        if self.dirty { self.save_journal() } else { Ok(()) }
    }

    fn handle(&mut self, message: Message) -> Result<(), StoreError> {
        match message {
            Message::Write { offset, bytes, _permit } => self.write(offset, &bytes),
            Message::Forget(ranges) => {
                self.forget(&ranges);
                Ok(())
            }
            // Whoever asked may be gone; nothing is lost then.
            Message::Written(reply) => {
                let _ = reply.send(self.written.clone());
                Ok(())
            }
            Message::Summarise(reply) => {
                self.catch_up(self.written.prefix())?;
                let _ = reply.send(Summary {
                    part: Arc::clone(&self.part),
                    bytes: self.hashed,
                    digests: self.hashes.clone().finish(),
                    streamed_wrong: self.streamed_wrong,
                });
                Ok(())
            }
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.part.write_at(bytes, offset)?;
        let end = offset + bytes.len() as u64;
        self.written.insert(ByteRange::new(offset, end));
        self.dirty = true;
        if offset <= self.hashed && self.hashed < end {
            let known = usize::try_from(self.hashed - offset).expect("within a chunk");
            self.take_in(&bytes[known..])?;
        }
        Ok(())
    }

    /// Hashes, and streams out, the bytes that follow the hashed ones.
    fn take_in(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hashes.update(bytes);
        let end = self.hashed + bytes.len() as u64;
        if let Some(stream) = self.stream.as_mut().filter(|_| end > self.streamed) {
            let known = usize::try_from(self.streamed.saturating_sub(self.hashed)).expect("within a chunk");
            stream.write_all(&bytes[known..]).and_then(|()| stream.flush()).map_err(StoreError::stream)?;
            self.streamed = end;
        }
        self.hashed = end;
        Ok(())
    }

    fn catch_up(&mut self, to: u64) -> Result<(), StoreError> {
        let to = to.min(self.written.prefix());
        let mut buffer = std::mem::take(&mut self.read_back);
        while self.hashed < to {
            let step = (to - self.hashed).min(READ_BACK_BYTES);
            buffer.resize(usize::try_from(step).expect("a small step"), 0);
            self.part.read_at(&mut buffer, self.hashed)?;
            self.take_in(&buffer)?;
        }
        self.read_back = buffer;
        Ok(())
    }

    fn forget(&mut self, ranges: &RangeSet) {
        self.written.remove_all(ranges);
        self.dirty = true;
        let lost = ranges.first().map_or(u64::MAX, ByteRange::start);
        self.streamed_wrong |= self.streamed > lost;
        if self.hashed > lost {
            self.hashes = Hashes::new(self.algorithms.iter().copied());
            self.hashed = 0;
        }
    }

    fn journal_when_due(&mut self) -> Result<(), StoreError> {
        if self.dirty && self.journal.is_some() && self.journalled.elapsed() >= JOURNAL_INTERVAL {
            self.save_journal()?;
        }
        Ok(())
    }

    fn save_journal(&mut self) -> Result<(), StoreError> {
        let Some((path, journal)) = &mut self.journal else { return Ok(()) };
        self.part.sync()?;
        journal.written.clone_from(&self.written);
        journal.save(path)?;
        self.journalled = Instant::now();
        self.dirty = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Keep, hash_file};

    fn options(part: Part) -> WriterOptions {
        WriterOptions {
            part,
            resumed: RangeSet::default(),
            algorithms: vec![Algorithm::Md5],
            buffer_bytes: 1 << 20,
            journal: None,
            stream: None,
        }
    }

    fn content() -> Vec<u8> {
        (0..3_000_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    #[tokio::test]
    async fn hashes_what_arrives_in_any_order() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("part");
        let writer = Writer::start(options(Part::open(&path, Keep::Nothing).expect("writable")));
        let content = content();
        let chunks: Vec<_> = content.chunks(70_001).enumerate().collect();
        for (index, chunk) in chunks.iter().rev().chain(chunks.iter().take(3)) {
            writer.write(*index as u64 * 70_001, Bytes::copy_from_slice(chunk)).await.expect("a healthy disk");
        }
        let summary = writer.summary().await.expect("a healthy disk");
        assert_eq!(summary.bytes, content.len() as u64);
        assert_eq!(summary.digests, hash_file(&path, [Algorithm::Md5]).expect("readable"));
        writer.close().expect("a healthy disk");
    }

    #[tokio::test]
    async fn forgotten_bytes_are_hashed_anew() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("part");
        let writer = Writer::start(options(Part::open(&path, Keep::Nothing).expect("writable")));
        writer.write(0, Bytes::from_static(b"good evil good")).await.expect("a healthy disk");
        assert_eq!(writer.summary().await.expect("healthy").bytes, 14);
        writer.forget(RangeSet::of(ByteRange::new(5, 9))).expect("running");
        assert_eq!(writer.summary().await.expect("healthy").bytes, 5);
        writer.write(5, Bytes::from_static(b"nice")).await.expect("a healthy disk");
        let summary = writer.summary().await.expect("healthy");
        assert_eq!((summary.bytes, summary.digests), (14, hash_file(&path, [Algorithm::Md5]).expect("readable")));
        assert_eq!(std::fs::read(&path).expect("readable"), b"good nice good");
    }

    #[tokio::test]
    async fn closing_leaves_a_journal_of_all_that_was_written() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (part, state) = (folder.path().join("part"), folder.path().join("state"));
        let digest = format!("sha-256:{}", "00".repeat(32)).parse().expect("a digest");
        let journal = Journal::new(digest, 100, crate::model::http::Validators::default());
        let options = WriterOptions {
            journal: Some((state.clone(), journal)),
            ..options(Part::open(&part, Keep::Nothing).expect("writable"))
        };
        let writer = Writer::start(options);
        writer.write(40, Bytes::from_static(b"0123456789")).await.expect("a healthy disk");
        writer.close().expect("a healthy disk");
        let journal = Journal::load(&state).expect("readable").expect("written");
        assert_eq!(journal.written, RangeSet::of(ByteRange::new(40, 50)));
    }
}
