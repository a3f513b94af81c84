//! A part made ready: what an earlier run left is checked, the rest gets its room.
//!
//! The key invariant: only bytes that are on disk, and are still what was
//! written, count as resumed.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::DownloadError;
use crate::plan::RangeSet;
use crate::store::{Checked, Keep, Part, Preallocate, Runs, StoreError, Target, check};

/// What a part is made ready for.
pub(super) struct Stage {
    /// Where it is; none where nothing can be kept.
    pub path: Option<PathBuf>,
    /// Where the file goes; none for standard output.
    pub target: Option<Target>,
    /// What an earlier run left.
    pub left: Option<Runs>,
    /// Length of the file, where it is known.
    pub size: Option<u64>,
    /// Whether its room is taken now.
    pub preallocate: Preallocate,
    /// Ends the checking early.
    pub cancel: CancellationToken,
}

/// A part that can be written to.
pub(super) struct Staged {
    /// The part, locked.
    pub part: Part,
    /// What of the earlier run it still holds.
    pub runs: Option<Runs>,
    /// What it has lost.
    pub rotted: RangeSet,
}

impl Staged {
    /// The bytes that need not be fetched.
    pub(super) fn resumed(&self) -> RangeSet {
        self.runs.as_ref().map_or_else(RangeSet::default, Runs::ranges)
    }
}

impl Stage {
    /// Makes the part ready. Blocks while an earlier run's bytes are read.
    pub(super) fn prepare(self) -> Result<Staged, DownloadError> {
        let part = match &self.path {
            Some(path) => Part::open(path, Keep::Everything)?,
            None => Part::unstaged(),
        };
        // A server may have chosen the name after all was checked.
        self.target.as_ref().map_or(Ok(()), Target::check_journal)?;
        let checked = self.left.as_ref().map(|left| {
            let stop = || self.cancel.is_cancelled();
            check(&part, left, stop).ok_or(DownloadError::Interrupted)
        });
        let (runs, rotted) = match checked.transpose()? {
            Some(Checked { runs, rotted }) => (Some(runs).filter(|runs| runs.end() > 0), rotted),
            None => (None, RangeSet::default()),
        };
        if let Some(target) = self.target.as_ref().filter(|_| runs.is_none()) {
            // In this order: an old journal must never vouch for a new part.
            target.discard_journal();
            part.set_len(0)?;
        }
        match self.take_room(&part) {
            Ok(()) => Ok(Staged { part, runs, rotted }),
            Err(error) => {
                if runs.is_none() {
                    part.discard();
                }
                Err(error.into())
            }
        }
    }

    fn take_room(&self, part: &Part) -> Result<(), StoreError> {
        let Some(size) = self.size else { return Ok(()) };
        part.check_room(size)?;
        part.set_len(size)?;
        match self.preallocate {
            Preallocate::None => Ok(()),
            Preallocate::Full => part.reserve(size),
        }
    }
}
