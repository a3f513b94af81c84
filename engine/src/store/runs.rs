//! Which bytes are written, and a checksum of every run of them.
//!
//! Pure: reads and writes nothing by itself. The key invariant: a run never
//! crosses a block border, and runs within one block never touch, so that the
//! number of runs is bounded by the blocks and the gaps between them, and what
//! rots costs one block at most.

use std::collections::BTreeMap;

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use crate::model::ByteRange;
use crate::plan::RangeSet;

/// Smallest block. Smaller ones would not make anything cheaper to fetch again.
pub const SMALLEST_BLOCK_BYTES: u64 = 1 << 20;
/// Blocks of a file that was not chosen for its size.
const MOST_BLOCKS: u64 = 2048;

/// Length of the blocks of a file of `size` bytes: a power of two, so large
/// that a complete file has two thousand runs at most.
pub fn block_bytes(size: u64) -> u64 {
    size.div_ceil(MOST_BLOCKS).checked_next_power_of_two().unwrap_or(1 << 63).max(SMALLEST_BLOCK_BYTES)
}

/// Bytes that were written, and their CRC-32 (the one of IEEE 802.3).
///
/// It finds every error of one or two bits in a block of up to 512 MiB, and
/// all but one in four thousand million of any other kind. It says nothing
/// about who made an error on purpose: that is what digests are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u32)", into = "(u64, u64, u32)")]
pub struct Run {
    /// Where they are.
    pub range: ByteRange,
    /// Their checksum.
    pub checksum: u32,
}

impl From<(u64, u64, u32)> for Run {
    fn from((start, end, checksum): (u64, u64, u32)) -> Self {
        Self { range: ByteRange::new(start, end), checksum }
    }
}

impl From<Run> for (u64, u64, u32) {
    fn from(run: Run) -> Self {
        (run.range.start(), run.range.end(), run.checksum)
    }
}

/// The runs of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    block_bytes: u64,
    by_start: BTreeMap<u64, (u64, u32)>,
}

/// Why runs cannot be those of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunsError {
    /// Blocks of another length than any this program makes.
    #[error("blocks of {0} bytes")]
    BlockBytes(u64),
    /// A run that is empty, crosses a border, or does not stand apart behind
    /// the one before.
    #[error("a wrong run {0}")]
    Run(ByteRange),
}

impl Runs {
    /// No byte of a file in blocks of `block_bytes`.
    pub fn new(block_bytes: u64) -> Result<Self, RunsError> {
        if !block_bytes.is_power_of_two() || block_bytes < SMALLEST_BLOCK_BYTES {
            return Err(RunsError::BlockBytes(block_bytes));
        }
        Ok(Self { block_bytes, by_start: BTreeMap::new() })
    }

    /// No byte of a file of `size` bytes.
    pub fn of_size(size: u64) -> Self {
        Self { block_bytes: block_bytes(size), by_start: BTreeMap::new() }
    }

    /// The same blocks without any byte.
    #[must_use]
    pub fn cleared(&self) -> Self {
        Self { block_bytes: self.block_bytes, by_start: BTreeMap::new() }
    }

    /// Length of a block in bytes.
    pub fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    /// The runs in order.
    pub fn iter(&self) -> impl Iterator<Item = Run> + '_ {
        self.by_start
            .iter()
            .map(|(start, (end, checksum))| Run { range: ByteRange::new(*start, *end), checksum: *checksum })
    }

    /// The bytes of all runs.
    pub fn ranges(&self) -> RangeSet {
        let mut ranges = RangeSet::default();
        self.iter().for_each(|run| ranges.insert(run.range));
        ranges
    }

    /// One past the last byte of the last run.
    pub fn end(&self) -> u64 {
        self.by_start.last_key_value().map_or(0, |(_, (end, _))| *end)
    }

    /// Adds a run behind all others, as another [`Runs`] gave it.
    pub fn push(&mut self, run: Run) -> Result<(), RunsError> {
        let Run { range, checksum } = run;
        let end = self.end();
        let apart = range.start() > end || (range.start() == end && self.is_border(end));
        let within = !range.is_empty() && range.start() / self.block_bytes == (range.end() - 1) / self.block_bytes;
        if !apart || !within {
            return Err(RunsError::Run(range));
        }
        self.by_start.insert(range.start(), (range.end(), checksum));
        Ok(())
    }

    /// Adds bytes that are written from `offset` on, none of which was before.
    ///
    /// A run that ends where they begin is continued, and only where they close
    /// a gap are two checksums combined; nothing is ever read back for it.
    pub fn append(&mut self, offset: u64, bytes: &[u8]) {
        let (mut start, mut left) = (offset, bytes);
        while !left.is_empty() {
            let room = self.block_bytes - start % self.block_bytes;
            let (piece, rest) = left.split_at(usize::try_from(room).unwrap_or(usize::MAX).min(left.len()));
            self.append_in_block(start, piece);
            start += piece.len() as u64;
            left = rest;
        }
    }

    fn append_in_block(&mut self, start: u64, bytes: &[u8]) {
        let end = start + bytes.len() as u64;
        let continued = self.before(start).filter(|(_, held)| *held == start && !self.is_border(start));
        let first = continued.map_or(start, |(first, _)| first);
        let mut hasher =
            Hasher::new_with_initial_len(self.by_start.get(&first).map_or(0, |held| held.1), start - first);
        hasher.update(bytes);
        let mut last = end;
        if !self.is_border(end)
            && let Some((next_end, checksum)) = self.by_start.remove(&end)
        {
            hasher.combine(&Hasher::new_with_initial_len(checksum, next_end - end));
            last = next_end;
        }
        self.by_start.insert(first, (last, hasher.finalize()));
    }

    /// Takes the bytes of `range` away. Of a run that is cut the rest gets the
    /// checksum that `checksum` gives for it, which has to read it.
    pub fn forget<E>(
        &mut self,
        range: ByteRange,
        mut checksum: impl FnMut(ByteRange) -> Result<u32, E>,
    ) -> Result<(), E> {
        if range.is_empty() {
            return Ok(());
        }
        let mut touched: Vec<_> =
            self.by_start.range(range.start()..range.end()).map(|(at, run)| (*at, run.0)).collect();
        touched.extend(self.before(range.start()).filter(|(_, end)| *end > range.start()));
        for (start, end) in touched {
            self.by_start.remove(&start);
            let rest = [ByteRange::new(start, range.start()), ByteRange::new(range.end().max(start), end)];
            for rest in rest.into_iter().filter(|rest| !rest.is_empty()) {
                self.by_start.insert(rest.start(), (rest.end(), checksum(rest)?));
            }
        }
        Ok(())
    }

    /// The last run that begins before `position`.
    fn before(&self, position: u64) -> Option<(u64, u64)> {
        self.by_start.range(..position).next_back().map(|(start, (end, _))| (*start, *end))
    }

    fn is_border(&self, position: u64) -> bool {
        position.is_multiple_of(self.block_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crc32fast::hash as checksum;
    use proptest::prelude::*;

    use super::*;

    const BLOCK: u64 = 16;
    const SIZE: usize = 100;

    /// What is on disk, by position; none where nothing was written.
    type Model = Vec<Option<u8>>;

    #[derive(Debug, Clone)]
    enum Edit {
        Write(usize, Vec<u8>),
        Forget(usize, usize),
    }

    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let write = (0..SIZE, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(at, bytes)| Edit::Write(at, bytes));
        let forget = (0..SIZE, 0usize..40).prop_map(|(at, length)| Edit::Forget(at, length));
        prop::collection::vec(prop_oneof![3 => write, 1 => forget], 0..40)
    }

    fn small() -> Runs {
        Runs { block_bytes: BLOCK, by_start: BTreeMap::new() }
    }

    fn bytes_of(model: &Model, range: ByteRange) -> Vec<u8> {
        (range.start()..range.end()).map(|at| model[usize::try_from(at).unwrap()].expect("written")).collect()
    }

    fn apply(runs: &mut Runs, model: &mut Model, edit: Edit) {
        match edit {
            Edit::Write(at, bytes) => {
                // A byte at a time where some are there already: appended are only new ones.
                for (at, byte) in (at..SIZE).zip(bytes) {
                    if model[at].replace(byte).is_none() {
                        runs.append(at as u64, &[byte]);
                    } else {
                        let range = ByteRange::new(at as u64, at as u64 + 1);
                        runs.forget(range, |rest| Ok::<_, Infallible>(checksum(&bytes_of(model, rest)))).unwrap();
                        runs.append(at as u64, &[byte]);
                    }
                }
            }
            Edit::Forget(at, length) => {
                let range = ByteRange::new(at as u64, (at + length).min(SIZE) as u64);
                runs.forget(range, |rest| Ok::<_, Infallible>(checksum(&bytes_of(model, rest)))).unwrap();
                model[at..(at + length).min(SIZE)].fill(None);
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_model_of_single_bytes(edits in edits()) {
            let (mut runs, mut model) = (small(), vec![None; SIZE]);
            for edit in edits {
                apply(&mut runs, &mut model, edit);
                let written: RangeSet = (0..SIZE as u64)
                    .filter(|at| model[usize::try_from(*at).unwrap()].is_some())
                    .map(|at| ByteRange::new(at, at + 1))
                    .collect::<Vec<_>>()
                    .into();
                prop_assert_eq!(runs.ranges(), written);
                for run in runs.iter() {
                    prop_assert_eq!(run.checksum, checksum(&bytes_of(&model, run.range)), "{}", run.range);
                }
                // `push` refuses whatever breaks the invariant.
                let mut copy = small();
                runs.iter().for_each(|run| copy.push(run).unwrap());
                prop_assert_eq!(&copy, &runs);
            }
        }

        #[test]
        fn the_order_of_pieces_does_not_matter(order in Just((0..20usize).collect::<Vec<_>>()).prop_shuffle()) {
            let bytes: Vec<u8> = (0..100u8).collect();
            let mut runs = small();
            for piece in order {
                runs.append(piece as u64 * 5, &bytes[piece * 5..piece * 5 + 5]);
            }
            let blocks: Vec<_> = bytes.chunks(16).map(checksum).collect();
            prop_assert_eq!(runs.iter().map(|run| run.checksum).collect::<Vec<_>>(), blocks);
        }
    }

    #[test]
    fn blocks_grow_with_the_file() {
        for (size, expected) in [(0, 1 << 20), (2 << 30, 1 << 20), ((2 << 30) + 1, 2 << 20), (8 << 30, 4 << 20)] {
            assert_eq!(block_bytes(size), expected, "{size}");
            assert_eq!(Runs::new(block_bytes(size)), Ok(Runs::of_size(size)));
        }
        assert!(Runs::new(block_bytes(u64::MAX)).is_ok());
        for wrong in [0, 1 << 19, (1 << 20) + 1, u64::MAX] {
            assert_eq!(Runs::new(wrong), Err(RunsError::BlockBytes(wrong)));
        }
    }

    #[test]
    fn a_run_must_stand_apart_within_one_block() {
        let pushed = |ranges: &[(u64, u64)]| {
            let mut runs = small();
            ranges.iter().try_for_each(|range| runs.push(Run { range: (*range).into(), checksum: 0 }))
        };
        assert_eq!(pushed(&[(0, 16), (16, 20), (21, 22)]), Ok(()));
        for wrong in [[(0, 8), (8, 9)], [(0, 8), (7, 9)], [(0, 1), (15, 17)], [(0, 1), (5, 5)], [(4, 5), (2, 3)]] {
            assert!(matches!(pushed(&wrong), Err(RunsError::Run(_))), "{wrong:?}");
        }
    }
}
