//! What the writing thread does with the bytes it gets.
//!
//! SHA-256 needs the bytes in order: a chunk at the frontier is hashed while it
//! is still in the processor's cache, the others are read back when the
//! frontier reaches them. The key invariant: a byte that is written is never
//! overwritten. Who delivers it again is compared with what is there, and only
//! bytes that were forgotten can come anew.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam::channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::disagreement::{Disagreements, difference};
use super::recorder::{INTERVAL, Recorder};
use super::writer::Message;
use super::{Hashes, Journal, LastJournal, Part, StoreError, Summary};
use crate::model::{Algorithm, ByteRange};
use crate::plan::RangeSet;

/// How much is read back at a time while new chunks may be waiting.
const READ_BACK_BYTES: u64 = 512 * 1024;

/// The state that only the thread touches.
pub(super) struct Disk {
    part: Arc<Part>,
    written: RangeSet,
    disagreements: Arc<Disagreements>,
    hashes: Hashes,
    algorithms: Vec<Algorithm>,
    hashed: u64,
    recorder: Option<Recorder>,
    last_journal: LastJournal,
    stream: Option<Box<dyn Write + Send>>,
    streamed: u64,
    streamed_wrong: bool,
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
            part,
            written,
            disagreements,
            hashes: Hashes::new(algorithms.iter().copied()),
            algorithms,
            hashed: 0,
            last_journal: LastJournal::Written,
            stream,
            streamed: 0,
            streamed_wrong: false,
            read_back: Vec::new(),
        }
    }

    /// Works until nobody can send any more.
    pub(super) fn run(mut self, messages: &Receiver<Message>) -> Result<(), StoreError> {
        let worked = self.work(messages);
        let recorder = self.recorder.take().filter(|_| self.last_journal == LastJournal::Written);
        // After an error as well: a full disk still holds what was written.
        let recorded = recorder.map_or(Ok(()), Recorder::close);
        worked.and(recorded)
    }

    fn work(&mut self, messages: &Receiver<Message>) -> Result<(), StoreError> {
        loop {
            match messages.try_recv() {
                Ok(message) => self.handle(message)?,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) if self.hashed < self.written.prefix() => {
                    self.catch_up(self.hashed + READ_BACK_BYTES)?;
                }
                Err(TryRecvError::Empty) => match messages.recv_timeout(INTERVAL) {
                    Ok(message) => self.handle(message)?,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                },
            }
            self.recorder.as_mut().map_or(Ok(()), Recorder::save_when_due)?;
        }
    }

    fn handle(&mut self, message: Message) -> Result<(), StoreError> {
        match message {
            Message::Write { offset, bytes, _permit } => self.write(offset, &bytes)?,
            Message::Forget(ranges) => self.forget(&ranges)?,
            // Whoever asked may be gone; nothing is lost then.
            Message::Written(reply) => {
                let _ = reply.send(self.written.clone());
            }
            Message::Summarise(reply) => {
                let summary = self.summarise()?;
                let _ = reply.send(summary);
            }
            Message::OmitLastJournal => self.last_journal = LastJournal::Omitted,
        }
        Ok(())
    }

    /// Writes what is missing of a chunk and compares the rest.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let chunk = ByteRange::new(offset, offset + bytes.len() as u64);
        let cut = |range: ByteRange| {
            let within = |position| usize::try_from(position - offset).expect("within a chunk");
            &bytes[within(range.start())..within(range.end())]
        };
        // Empty, without an allocation, for every chunk but one delivered twice.
        let known: Vec<_> = self.written.within(chunk).collect();
        let mut next = offset;
        for held in known {
            self.put(next, cut(ByteRange::new(next, held.start())))?;
            self.compare(held.start(), cut(held))?;
            next = held.end();
        }
        self.put(next, cut(ByteRange::new(next, chunk.end())))
    }

    /// Writes bytes none of which is written.
    fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.part.write_at(bytes, offset)?;
        self.written.insert(ByteRange::new(offset, offset + bytes.len() as u64));
        if let Some(recorder) = &mut self.recorder {
            recorder.append(offset, bytes);
        }
        if offset == self.hashed { self.take_in(bytes) } else { Ok(()) }
    }

    /// Compares bytes with those that were written in their place.
    fn compare(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut buffer = std::mem::take(&mut self.read_back);
        let step = usize::try_from(READ_BACK_BYTES).expect("a small step");
        for (theirs, at) in bytes.chunks(step).zip((offset..).step_by(step)) {
            buffer.resize(theirs.len(), 0);
            self.part.read_at(&mut buffer, at)?;
            if let Some(range) = difference(&buffer, theirs, at) {
                self.disagreements.add(range);
            }
        }
        self.read_back = buffer;
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

    fn summarise(&mut self) -> Result<Summary, StoreError> {
        // Whoever is killed while the rest is hashed must not lose the last bytes.
        self.recorder.as_mut().map_or(Ok(()), Recorder::save_when_dirty)?;
        self.catch_up(self.written.prefix())?;
        Ok(Summary {
            part: Arc::clone(&self.part),
            bytes: self.hashed,
            digests: self.hashes.clone().finish(),
            streamed_wrong: self.streamed_wrong,
        })
    }

    fn forget(&mut self, ranges: &RangeSet) -> Result<(), StoreError> {
        self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.forget(ranges))?;
        self.written.remove_all(ranges);
        let lost = ranges.first().map_or(u64::MAX, ByteRange::start);
        self.streamed_wrong |= self.streamed > lost;
        if self.hashed > lost {
            self.hashes = Hashes::new(self.algorithms.iter().copied());
            self.hashed = 0;
        }
        Ok(())
    }
}
