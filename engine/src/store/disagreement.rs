//! Bytes that were delivered twice, and not the same both times.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::model::ByteRange;
use crate::plan::RangeSet;

/// Most ranges that are told apart. Beyond, what lies between them counts as
/// disputed as well: memory stays bounded, and doubt errs on the safe side.
const MOST_RANGES: usize = 1024;

/// What the writer found and its owner has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Disagreements {
    /// Whether there is any: the lock is touched only then.
    any: AtomicBool,
    ranges: Mutex<RangeSet>,
}

impl Disagreements {
    /// Adds disputed bytes.
    pub(super) fn add(&self, range: ByteRange) {
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        ranges.insert(range);
        if ranges.iter().count() > MOST_RANGES {
            let hull = ranges.hull();
            ranges.insert(hull);
        }
        self.any.store(true, Ordering::Release);
    }

    /// Gives what was found since the last time.
    pub(super) fn take(&self) -> RangeSet {
        if !self.any.swap(false, Ordering::Acquire) {
            return RangeSet::default();
        }
        std::mem::take(&mut self.ranges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The bytes from the first to the last one that differ, of two that are equally long.
pub(super) fn difference(ours: &[u8], theirs: &[u8], offset: u64) -> Option<ByteRange> {
    if ours == theirs {
        return None;
    }
    let mut differ = ours.iter().zip(theirs).map(|(our, their)| our != their);
    let first = differ.clone().position(|differs| differs)? as u64;
    let last = differ.rposition(|differs| differs)? as u64;
    Some(ByteRange::new(offset + first, offset + last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_cut_to_the_bytes_that_differ() {
        assert_eq!(difference(b"same", b"same", 7), None);
        assert_eq!(difference(b"abcdef", b"aXcdYf", 10), Some(ByteRange::new(11, 15)));
    }

    #[test]
    fn many_differences_become_one() {
        let found = Disagreements::default();
        assert!(found.take().is_empty());
        let most = MOST_RANGES as u64;
        (0..most).for_each(|at| found.add(ByteRange::new(at * 10, at * 10 + 1)));
        assert_eq!(found.take().len(), most);
        (0..=most).for_each(|at| found.add(ByteRange::new(at * 10, at * 10 + 1)));
        assert_eq!(found.take(), RangeSet::of(ByteRange::new(0, most * 10 + 1)));
        assert!(found.take().is_empty());
    }
}
