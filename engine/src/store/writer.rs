//! The way to the thread that puts bytes on disk.
//!
//! Chunks come through a queue whose bytes are bounded, so that a slow disk, or
//! a slow reader of standard output, slows the network instead of filling memory.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use crossbeam::channel::{Sender, unbounded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::disagreement::Disagreements;
use super::disk::Disk;
use super::{Journal, Part, StoreError};
use crate::model::http::Validators;
use crate::model::{Algorithm, Digest};
use crate::plan::RangeSet;

/// Unit of the byte budget.
const PERMIT_BYTES: usize = 1024;
/// What a connection holds besides the queue: the HTTP client reads up to
/// 408 KiB at a time, once more before the first is passed on, and a buffer that
/// was not filled by one read lives as long as the last piece of it.
const READ_AHEAD_PERMITS: u32 = 3 * 408;
/// One part in so many of the budget stays with the queue.
const QUEUE_PART: usize = 6;

/// What a writer needs.
pub struct WriterOptions {
    /// The file.
    pub part: Part,
    /// Digests wanted besides SHA-256.
    pub algorithms: Vec<Algorithm>,
    /// Most bytes in the queue, and read ahead of it.
    pub buffer_bytes: usize,
    /// Where the journal goes, and what an earlier run left; none for a
    /// download that cannot be resumed.
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

/// Whether closing brings the journal up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastJournal {
    /// It does: the download is to be resumed.
    Written,
    /// It does not: the download is done, or must not be resumed.
    Omitted,
}

/// A chunk's place in the queue, for as long as anybody holds its bytes.
pub(super) type Permit = Arc<OwnedSemaphorePermit>;

/// What a connection reads ahead, counted for as long as it reads.
#[derive(Debug)]
pub struct ReadAhead {
    /// Held, and never looked at.
    #[cfg_attr(not(test), expect(dead_code, reason = "held for its drop"))]
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

/// What the thread is asked to do.
pub(super) enum Message {
    /// Put bytes on disk. The permit holds their place in the queue.
    Write { offset: u64, bytes: Bytes, permit: Permit },
    /// Count bytes as not written.
    Forget(RangeSet),
    /// Have the journal say which representation the bytes are of.
    BelongsTo(Validators),
    /// Say which bytes are written.
    Written(oneshot::Sender<RangeSet>),
    /// Hash the run from byte 0.
    Summarise(oneshot::Sender<Summary>),
    /// Write no journal at the end.
    OmitLastJournal,
}

/// Handle of the writing thread. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Writer {
    queue: Sender<Message>,
    budget: Arc<Semaphore>,
    /// Those that no connection takes for what it reads ahead.
    queue_permits: u32,
    /// How many more connections take what they read ahead from the budget.
    readers: Arc<Semaphore>,
    /// Whether the budget is too small for any of them.
    counts_none: bool,
    part: Arc<Part>,
    disagreements: Arc<Disagreements>,
    thread: JoinHandle<Result<(), StoreError>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(options: WriterOptions) -> Self {
        let (queue, messages) = unbounded();
        let budget_permits = u32::try_from(options.buffer_bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX >> 4).max(1);
        let part = Arc::new(options.part);
        let disagreements = Arc::new(Disagreements::default());
        let WriterOptions { algorithms, journal, stream, .. } = options;
        let shared = (Arc::clone(&part), Arc::clone(&disagreements));
        let disk = Disk::new(shared, algorithms, journal, stream);
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || disk.run(&messages))
            .expect("the system can start a thread");
        let budget = Arc::new(Semaphore::new(budget_permits as usize));
        let readers = most_readers(options.buffer_bytes);
        let queue_permits = budget_permits.saturating_sub(readers.saturating_mul(READ_AHEAD_PERMITS)).max(1);
        let counts_none = readers == 0;
        let readers = Arc::new(Semaphore::new(readers as usize));
        Self { queue, budget, queue_permits, readers, counts_none, part, disagreements, thread }
    }

    /// Takes what one connection reads ahead from the queue's bytes, so that
    /// memory is the same for one and for many. Where many have done so already
    /// it waits for one of them: the queue must not starve. A budget too small
    /// for even one counts none. Cancel safe.
    pub async fn read_ahead(&self) -> Result<ReadAhead, StoreError> {
        if self.counts_none {
            return Ok(ReadAhead { permits: None });
        }
        let reader = Arc::clone(&self.readers).acquire_owned().await.map_err(|_| StoreError::WriterGone)?;
        let permits = Arc::clone(&self.budget).acquire_many_owned(READ_AHEAD_PERMITS).await;
        let permits = permits.map_err(|_| StoreError::WriterGone)?;
        Ok(ReadAhead { permits: Some((reader, permits)) })
    }

    /// Queues bytes for `offset`, waiting while the queue is full. Where some
    /// are written already they are compared, see
    /// [`Writer::take_disagreements`]. Cancel safe:
    /// the bytes are queued as a whole or not at all.
    pub async fn write(&self, offset: u64, bytes: Bytes) -> Result<(), StoreError> {
        let permits = u32::try_from(bytes.len().div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).min(self.queue_permits);
        let permit = Arc::clone(&self.budget).acquire_many_owned(permits).await.map_err(|_| StoreError::WriterGone)?;
        self.queue.send(Message::Write { offset, bytes, permit: Arc::new(permit) }).map_err(|_| StoreError::WriterGone)
    }

    /// Takes bytes back: they count as not written, and the digests as not computed.
    pub fn forget(&self, ranges: RangeSet) -> Result<(), StoreError> {
        self.queue.send(Message::Forget(ranges)).map_err(|_| StoreError::WriterGone)
    }

    /// The bytes are of this representation of the origin: the next journal says so.
    pub fn belongs_to(&self, validators: Validators) -> Result<(), StoreError> {
        self.queue.send(Message::BelongsTo(validators)).map_err(|_| StoreError::WriterGone)
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

    /// Gives, once, the bytes that somebody delivered again and not the same.
    /// Those that came first are on disk: what is written is never overwritten.
    /// Counts what was queued before the last answer of the thread.
    pub fn take_disagreements(&self) -> RangeSet {
        self.disagreements.take()
    }

    /// Ends the thread after everything queued. Gives the error that ended it
    /// early, if one did. Blocks.
    pub fn close(self, last: LastJournal) -> Result<(), StoreError> {
        if last == LastJournal::Omitted {
            // Whether the thread still listens shows below.
            let _ = self.queue.send(Message::OmitLastJournal);
        }
        drop(self.queue);
        self.thread.join().unwrap_or(Err(StoreError::WriterGone))
    }
}

/// How many connections may take what they read ahead from the budget.
fn most_readers(buffer_bytes: usize) -> u32 {
    let one = READ_AHEAD_PERMITS as usize * PERMIT_BYTES;
    let readers = buffer_bytes.saturating_sub((buffer_bytes / QUEUE_PART).max(one)) / one;
    u32::try_from(readers).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;
    use crate::model::ByteRange;
    use crate::store::{Keep, hash_file};

    fn options(part: Part) -> WriterOptions {
        WriterOptions { part, algorithms: vec![Algorithm::Md5], buffer_bytes: 1 << 20, journal: None, stream: None }
    }

    /// The options of a download of 100 bytes with a journal, and where that is.
    fn resumable(folder: &std::path::Path) -> (WriterOptions, PathBuf) {
        let digest = format!("sha-256:{}", "00".repeat(32)).parse().expect("a digest");
        let journal = Journal::new(digest, 100, Validators::default());
        let (part, state) = (Part::open(&folder.join("part"), Keep::Nothing).expect("writable"), folder.join("state"));
        (WriterOptions { journal: Some((state.clone(), journal)), ..options(part) }, state)
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
        writer.close(LastJournal::Written).expect("a healthy disk");
    }

    /// However many connections there are, the queue keeps room for a chunk.
    #[tokio::test]
    async fn connections_take_from_the_queue_and_leave_it_enough() {
        for buffer_bytes in [1, 1 << 20, 2 << 20, 3 << 20, 24 << 20] {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let part = Part::open(&folder.path().join("part"), Keep::Nothing).expect("writable");
            let writer = Writer::start(WriterOptions { buffer_bytes, ..options(part) });
            let mut counted = Vec::new();
            while counted.len() < 64
                && let Some(reader) = writer.read_ahead().now_or_never()
            {
                counted.push(reader.expect("running"));
            }
            let taken = counted.iter().filter(|reader| reader.permits.is_some()).count();
            assert!(taken * 1224 * 1024 <= buffer_bytes * 5 / 6, "{taken} of {buffer_bytes}");
            assert_eq!(taken > 0, buffer_bytes >= 3 << 20, "{buffer_bytes}");
            writer.write(0, Bytes::from(vec![0; 1 << 20])).await.expect("a healthy disk");
            assert_eq!(writer.summary().await.expect("healthy").bytes, 1 << 20);
            // Whoever stops reading makes room for another.
            counted.pop();
            assert!(writer.read_ahead().now_or_never().is_some(), "{buffer_bytes}");
        }
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
        let (options, state) = resumable(folder.path());
        let writer = Writer::start(options);
        writer.write(40, Bytes::from_static(b"0123456789")).await.expect("a healthy disk");
        writer.close(LastJournal::Written).expect("a healthy disk");
        let journal = Journal::load(&state).expect("readable").expect("written");
        assert_eq!(journal.runs.ranges(), RangeSet::of(ByteRange::new(40, 50)));
    }

    #[tokio::test]
    async fn a_download_that_is_done_needs_no_journal() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (options, state) = resumable(folder.path());
        let writer = Writer::start(options);
        writer.write(40, Bytes::from_static(b"0123456789")).await.expect("a healthy disk");
        writer.close(LastJournal::Omitted).expect("a healthy disk");
        assert!(!state.exists());
    }

    /// The first delivery stands, whoever comes later and says whatever.
    #[tokio::test]
    async fn what_is_written_is_compared_and_never_overwritten() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (options, state) = resumable(folder.path());
        let writer = Writer::start(options);
        for (offset, bytes) in [(10, b"world"), (0, b"hello"), (20, b"again")] {
            writer.write(offset, Bytes::from_static(bytes)).await.expect("a healthy disk");
        }
        // The same again, with the gaps filled; then other bytes over all of it.
        writer.write(0, Bytes::from_static(b"hello, my world, or again")).await.expect("a healthy disk");
        writer.written().await.expect("a healthy disk");
        assert_eq!(writer.take_disagreements(), RangeSet::default());
        writer.write(3, Bytes::from_static(b"lo, MY world, or agaiN?")).await.expect("a healthy disk");
        let summary = writer.summary().await.expect("a healthy disk");
        assert_eq!(writer.take_disagreements(), RangeSet::of(ByteRange::new(7, 25)));
        assert_eq!(writer.take_disagreements(), RangeSet::default());
        writer.close(LastJournal::Written).expect("a healthy disk");
        let path = folder.path().join("part");
        let on_disk = std::fs::read(&path).expect("readable");
        assert_eq!(String::from_utf8_lossy(&on_disk), "hello, my world, or again?");
        assert_eq!(summary.digests, hash_file(&path, [Algorithm::Md5]).expect("readable"));
        let journal = Journal::load(&state).expect("readable").expect("written");
        assert_eq!(journal.runs.iter().map(|run| run.checksum).collect::<Vec<_>>(), [crc32fast::hash(&on_disk)]);
    }

    /// A reader that takes its time, and is gone in the end.
    struct Doomed(std::sync::mpsc::Receiver<()>);

    impl Write for Doomed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Whoever waits for the outcome when the stream fails is told so.
    #[tokio::test]
    async fn a_stream_that_fails_under_the_last_question_answers_it() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let part = Part::open(&folder.path().join("part"), Keep::Nothing).expect("writable");
        let (doom, doomed) = std::sync::mpsc::channel();
        let writer = Writer::start(WriterOptions { stream: Some(Box::new(Doomed(doomed))), ..options(part) });
        writer.write(0, Bytes::from_static(b"hello")).await.expect("a healthy disk");
        let fail = async {
            // Answered behind the other question, which by then waits for the stream.
            writer.written().await.expect("a healthy disk");
            drop(doom);
        };
        let (summary, ()) =
            tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(writer.summary(), fail) })
                .await
                .expect("an answer");
        assert!(matches!(summary, Err(StoreError::WriterGone)), "{summary:?}");
        let cause = writer.close(LastJournal::Written).expect_err("the stream's error");
        assert!(matches!(cause, StoreError::Output(_)), "{cause:?}");
    }
}
