//! What the writing thread does with the bytes it gets.
//!
//! The key invariant: a byte that is written is never overwritten. Who delivers
//! it again is compared with what is there, and only bytes that were forgotten
//! can come anew.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use crossbeam::channel::{Receiver, RecvTimeoutError, TryRecvError};
use tokio::sync::oneshot;

use super::disagreement::{Disagreements, difference};
use super::follower::Follower;
use super::recorder::{INTERVAL, Recorder};
use super::writer::{Message, Permit};
use super::{Journal, LastJournal, Part, StoreError, Summary};
use crate::model::{Algorithm, ByteRange};
use crate::plan::RangeSet;

/// How much is read back at a time for a comparison.
const READ_BACK_BYTES: usize = 512 * 1024;

/// The state that only the thread touches.
pub(super) struct Disk {
    part: Arc<Part>,
    written: RangeSet,
    disagreements: Arc<Disagreements>,
    follower: Follower,
    recorder: Option<Recorder>,
    last_journal: LastJournal,
    read_back: Vec<u8>,
}

impl Disk {
    /// Where bytes go and disputes are told; the other arguments are as in
    /// [`WriterOptions`](super::WriterOptions).
    pub(super) fn new(
        (part, disagreements): (Arc<Part>, Arc<Disagreements>),
        algorithms: Vec<Algorithm>,
        journal: Option<(PathBuf, Journal)>,
        stream: Option<Box<dyn Write + Send>>,
    ) -> Self {
        let written = journal.as_ref().map_or_else(RangeSet::default, |(_, journal)| journal.runs.ranges());
        Self {
            recorder: journal.map(|(path, journal)| Recorder::start(Arc::clone(&part), path, journal)),
            follower: Follower::start(Arc::clone(&part), algorithms, stream),
            part,
            written,
            disagreements,
            last_journal: LastJournal::Written,
            read_back: Vec::new(),
        }
    }

    /// Works until nobody can send any more.
    pub(super) fn run(mut self, messages: &Receiver<Message>) -> Result<(), StoreError> {
        let worked = self.work(messages);
        let recorder = self.recorder.take().filter(|_| self.last_journal == LastJournal::Written);
        // After an error as well: a full disk still holds what was written.
        let recorded = recorder.map_or(Ok(()), Recorder::close);
        let followed = self.follower.close();
        match (worked, followed) {
            // The other thread's own error explains best why it is gone.
            (Ok(()) | Err(StoreError::WriterGone), Err(cause)) => Err(cause),
            (worked, _) => worked.and(recorded),
        }
    }

    fn work(&mut self, messages: &Receiver<Message>) -> Result<(), StoreError> {
        loop {
            match messages.try_recv() {
                Ok(message) => self.handle(message)?,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) if self.follower.is_behind(self.written.prefix()) => {
                    self.follower.hand_over_a_step(self.written.prefix())?;
                }
                Err(TryRecvError::Empty) => match messages.recv_timeout(INTERVAL) {
                    Ok(message) => self.handle(message)?,
                    Err(RecvTimeoutError::Timeout) => self.follower.check()?,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                },
            }
            self.follower.hand_over(self.written.prefix())?;
            self.recorder.as_mut().map_or(Ok(()), Recorder::save_when_due)?;
        }
    }

    fn handle(&mut self, message: Message) -> Result<(), StoreError> {
        match message {
            Message::Write { offset, bytes, permit } => self.write(offset, &bytes, &permit)?,
            Message::Forget(ranges) => self.forget(&ranges)?,
            Message::BelongsTo(validators) => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.belongs_to(validators);
                }
            }
            // Whoever asked may be gone; nothing is lost then.
            Message::Written(reply) => {
                let _ = reply.send(self.written.clone());
            }
            Message::Summarise(reply) => self.summarise(reply)?,
            Message::OmitLastJournal => self.last_journal = LastJournal::Omitted,
        }
        Ok(())
    }

    /// Writes what is missing of a chunk and compares the rest.
    fn write(&mut self, offset: u64, bytes: &Bytes, permit: &Permit) -> Result<(), StoreError> {
        let chunk = ByteRange::new(offset, offset + bytes.len() as u64);
        let cut = |range: ByteRange| {
            let within = |position| usize::try_from(position - offset).expect("within a chunk");
            bytes.slice(within(range.start())..within(range.end()))
        };
        // Empty, without an allocation, for every chunk but one delivered twice.
        let known: Vec<_> = self.written.within(chunk).collect();
        let mut next = offset;
        for held in known {
            self.put(next, &cut(ByteRange::new(next, held.start())), permit)?;
            self.compare(held.start(), &cut(held))?;
            next = held.end();
        }
        self.put(next, &cut(ByteRange::new(next, chunk.end())), permit)
    }

    /// Writes bytes none of which is written.
    fn put(&mut self, offset: u64, bytes: &Bytes, permit: &Permit) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.part.write_at(bytes, offset)?;
        self.written.insert(ByteRange::new(offset, offset + bytes.len() as u64));
        if let Some(recorder) = &mut self.recorder {
            recorder.append(offset, bytes);
        }
        self.follower.offer(offset, bytes, permit)
    }

    /// Compares bytes with those that were written in their place.
    fn compare(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut buffer = std::mem::take(&mut self.read_back);
        for (theirs, at) in bytes.chunks(READ_BACK_BYTES).zip((offset..).step_by(READ_BACK_BYTES)) {
            buffer.resize(theirs.len(), 0);
            self.part.read_at(&mut buffer, at)?;
            if let Some(range) = difference(&buffer, theirs, at) {
                self.disagreements.add(range);
            }
        }
        self.read_back = buffer;
        Ok(())
    }

    fn summarise(&mut self, reply: oneshot::Sender<Summary>) -> Result<(), StoreError> {
        // Whoever is killed while the rest is hashed must not lose the last bytes.
        // Where no rest is left, a small file is spared four waits for the disk.
        if self.follower.is_behind(self.written.prefix()) {
            self.recorder.as_mut().map_or(Ok(()), Recorder::save_when_dirty)?;
        }
        self.follower.summarise(self.written.prefix(), reply)
    }

    fn forget(&mut self, ranges: &RangeSet) -> Result<(), StoreError> {
        self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.forget(ranges))?;
        self.written.remove_all(ranges);
        self.follower.restart(ranges.first().map_or(u64::MAX, ByteRange::start))
    }
}
