//! Keeps the journal of a download, and brings it to disk by a thread of its own.
//!
//! Syncing may take longer than the bytes that follow: the writer goes on
//! meanwhile. The key invariants: the journal on disk vouches only for bytes
//! that were synced before, and it lags by two intervals of writing at most.
//! The second holds however slow the disk is, because handing over a newer
//! journal waits until the older one is on disk, and nothing is written then.
//!
//! A full disk is no reason to stop: the file may have its room already. The
//! journal then lags until there is room, and at the end the last bytes of the
//! data make room for it, so that the download can be continued.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};

use super::{Journal, Part, StoreError};
use crate::model::ByteRange;
use crate::model::http::Validators;
use crate::plan::RangeSet;

/// How much writing there is between two journals. Two of them, and the time
/// that a healthy disk takes to sync, stay below a second.
pub(super) const INTERVAL: Duration = Duration::from_millis(450);

/// Bytes of the data that make room for the journal on a full disk: a journal
/// and the one that takes its place are far smaller. What that leaves too
/// little room for gets the second.
const GIVEN_BACK_BYTES: [u64; 2] = [1 << 20, 8 << 20];

/// What the thread is told.
enum Note {
    /// Sync the data, then write this journal.
    Save(Vec<u8>),
    /// Nothing: who could say it knows that all before is done.
    Wait,
}

/// The journal of one download.
pub(super) struct Recorder {
    journal: Journal,
    part: Arc<Part>,
    path: PathBuf,
    /// Whether anything happened that the thread was not told.
    dirty: bool,
    /// Whether the disk was too full for the last journal.
    unsaved: Arc<AtomicBool>,
    told: Instant,
    /// None before the first journal is due, which many a file never lives to see.
    thread: Option<Thread>,
}

/// Where notes go, and who takes them.
struct Thread {
    notes: Sender<Note>,
    handle: JoinHandle<Result<(), StoreError>>,
}

impl Recorder {
    /// Starts to keep `journal` at `path`.
    pub(super) fn start(part: Arc<Part>, path: PathBuf, journal: Journal) -> Self {
        let unsaved = Arc::default();
        Self { journal, part, path, dirty: false, unsaved, told: Instant::now(), thread: None }
    }

    fn notes(&mut self) -> &Sender<Note> {
        let start = || {
            // Without room: whoever tells something waits until the thread takes it.
            let (notes, told) = bounded(0);
            let (part, path, unsaved) = (Arc::clone(&self.part), self.path.clone(), Arc::clone(&self.unsaved));
            let thread = std::thread::Builder::new().name("journal".into());
            let thread = thread.spawn(move || follow(&part, &path, &told, &unsaved));
            Thread { notes, handle: thread.expect("the system can start a thread") }
        };
        &self.thread.get_or_insert_with(start).notes
    }

    /// Bytes were written, none of which was before.
    pub(super) fn append(&mut self, offset: u64, bytes: &[u8]) {
        self.journal.runs.append(offset, bytes);
        self.dirty = true;
    }

    /// The bytes are of this representation.
    pub(super) fn belongs_to(&mut self, validators: Validators) {
        self.journal.validators = validators;
        self.dirty = true;
    }

    /// Written bytes are no longer vouched for, and the journal on disk says so
    /// when this returns: before anything is written in their place.
    pub(super) fn forget(&mut self, ranges: &RangeSet) -> Result<(), StoreError> {
        for range in ranges.iter() {
            self.journal.runs.forget(range, |rest| self.part.checksum(rest))?;
        }
        self.save()?;
        self.tell(Note::Wait)?;
        if self.unsaved.load(Ordering::Acquire) {
            // No journal is better than one that vouches for what is written over.
            Journal::remove(&self.path);
        }
        Ok(())
    }

    /// Hands a journal over when the last one is old enough.
    pub(super) fn save_when_due(&mut self) -> Result<(), StoreError> {
        if self.told.elapsed() >= INTERVAL { self.save_when_dirty() } else { Ok(()) }
    }

    /// Hands a journal over when there is anything new.
    pub(super) fn save_when_dirty(&mut self) -> Result<(), StoreError> {
        if self.dirty { self.save() } else { Ok(()) }
    }

    /// Hands a journal over as soon as the one before is on disk.
    fn save(&mut self) -> Result<(), StoreError> {
        self.tell(Note::Save(self.journal.text()))?;
        self.dirty = false;
        self.told = Instant::now();
        Ok(())
    }

    /// Brings the journal up to date and waits until it is on disk.
    pub(super) fn close(mut self) -> Result<(), StoreError> {
        let mut closed = self.save_when_dirty().and_then(|()| self.end());
        for bytes in GIVEN_BACK_BYTES {
            let is_full = closed.as_ref().is_err_and(StoreError::is_full);
            if !is_full && !self.unsaved.load(Ordering::Acquire) {
                break;
            }
            self.give_back(bytes)?;
            closed = self.save().and_then(|()| self.end());
        }
        closed
    }

    /// Cuts bytes off the end of the data, half of it at most.
    fn give_back(&mut self, bytes: u64) -> Result<(), StoreError> {
        let ranges = self.journal.runs.ranges();
        let mut left = bytes.min(ranges.len() / 2);
        let mut cut = self.journal.runs.end();
        for range in ranges.iter().collect::<Vec<_>>().into_iter().rev() {
            cut = range.start().max(range.end().saturating_sub(left));
            left -= (range.end() - cut).min(left);
            if left == 0 {
                break;
            }
        }
        let lost = ByteRange::new(cut, self.journal.runs.end());
        self.journal.runs.forget(lost, |rest| self.part.checksum(rest))?;
        self.part.set_len(cut)
    }

    fn tell(&mut self, note: Note) -> Result<(), StoreError> {
        if self.notes().send(note).is_ok() {
            return Ok(());
        }
        // It ended early: why is what it returned.
        self.end().and(Err(StoreError::WriterGone))
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let Some(Thread { notes, handle }) = self.thread.take() else { return Ok(()) };
        drop(notes);
        handle.join().unwrap_or(Err(StoreError::WriterGone))
    }
}

impl Drop for Recorder {
    /// Nothing is written any more once the recorder is gone.
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn follow(part: &Part, path: &std::path::Path, notes: &Receiver<Note>, unsaved: &AtomicBool) -> Result<(), StoreError> {
    for note in notes {
        if let Note::Save(text) = note {
            part.sync()?;
            let saved = Journal::save(&text, path);
            let is_full = saved.as_ref().is_err_and(StoreError::is_full);
            unsaved.store(is_full, Ordering::Release);
            if !is_full {
                saved?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ByteRange, Digest};
    use crate::store::Keep;

    fn recorder(folder: &std::path::Path, state: &std::path::Path) -> Recorder {
        let part = Part::open(&folder.join("part"), Keep::Nothing).unwrap();
        part.write_at(b"0123456789", 40).unwrap();
        let digest: Digest = format!("sha-256:{}", "00".repeat(32)).parse().unwrap();
        Recorder::start(Arc::new(part), state.to_owned(), Journal::new(digest, 100, Validators::default()))
    }

    fn on_disk(state: &std::path::Path) -> RangeSet {
        Journal::load(state).unwrap().expect("a journal").runs.ranges()
    }

    #[test]
    fn what_is_forgotten_is_off_the_disk_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut recorder = recorder(folder.path(), &state);
        recorder.append(40, b"0123456789");
        recorder.forget(&RangeSet::of(ByteRange::new(43, 45))).unwrap();
        assert_eq!(on_disk(&state), vec![ByteRange::new(40, 43), ByteRange::new(45, 50)].into());
        recorder.append(43, b"34");
        recorder.close().unwrap();
        let journal = Journal::load(&state).unwrap().expect("a journal");
        let sums: Vec<_> = journal.runs.iter().map(|run| run.checksum).collect();
        assert_eq!(sums, [crc32fast::hash(b"0123456789")]);
    }

    #[test]
    fn the_end_of_the_data_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut recorder = recorder(folder.path(), &state);
        for (offset, bytes) in [(0, &b"abcdef"[..]), (40, b"0123456789")] {
            recorder.part.write_at(bytes, offset).unwrap();
            recorder.append(offset, bytes);
        }
        recorder.give_back(3).unwrap();
        assert_eq!(recorder.journal.runs.ranges(), vec![ByteRange::new(0, 6), ByteRange::new(40, 47)].into());
        recorder.give_back(1 << 20).unwrap();
        assert_eq!(recorder.journal.runs.ranges(), vec![ByteRange::new(0, 6), ByteRange::new(40, 41)].into());
        assert_eq!(folder.path().join("part").metadata().unwrap().len(), 41);
        recorder.close().unwrap();
        let journal = Journal::load(&state).unwrap().expect("a journal");
        let sums: Vec<_> = journal.runs.iter().map(|run| run.checksum).collect();
        assert_eq!(sums, [crc32fast::hash(b"abcdef"), crc32fast::hash(b"0")]);
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = recorder(folder.path(), &folder.path().join("absent/state"));
        recorder.append(40, b"0123456789");
        recorder.save().expect("the thread took it");
        assert!(matches!(recorder.forget(&RangeSet::default()), Err(StoreError::Io { action: "write", .. })));
    }

    #[test]
    fn nothing_is_saved_before_it_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut recorder = recorder(folder.path(), &state);
        recorder.append(40, b"0123456789");
        recorder.save_when_due().unwrap();
        assert!(!state.exists());
        recorder.told = Instant::now().checked_sub(INTERVAL).expect("the clock is past its first second");
        recorder.save_when_due().unwrap();
        recorder.tell(Note::Wait).unwrap();
        assert_eq!(on_disk(&state).len(), 10);
    }
}
