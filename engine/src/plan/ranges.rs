//! Sets of bytes, kept as sorted disjoint ranges.

use serde::{Deserialize, Serialize};

use crate::model::ByteRange;

/// A set of byte positions. Ranges are sorted, never empty and never touch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<ByteRange>", into = "Vec<ByteRange>")]
pub struct RangeSet(Vec<ByteRange>);

impl RangeSet {
    /// The set of the bytes of one range.
    pub fn of(range: ByteRange) -> Self {
        let mut set = Self::default();
        set.insert(range);
        set
    }

    /// Adds the bytes of `range`.
    pub fn insert(&mut self, range: ByteRange) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|held| held.end() < range.start());
        let last = self.0.partition_point(|held| held.start() <= range.end());
        let merged = self.0[first..last]
            .iter()
            .fold(range, |all, held| ByteRange::new(all.start().min(held.start()), all.end().max(held.end())));
        self.0.splice(first..last, [merged]);
    }

    /// Takes the bytes of `range` away.
    pub fn remove(&mut self, range: ByteRange) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|held| held.end() <= range.start());
        let last = self.0.partition_point(|held| held.start() < range.end());
        if first >= last {
            return;
        }
        let head = ByteRange::new(self.0[first].start(), range.start());
        let tail = ByteRange::new(range.end().max(self.0[last - 1].start()), self.0[last - 1].end());
        let kept = [head, tail].into_iter().filter(|part| !part.is_empty());
        self.0.splice(first..last, kept.collect::<Vec<_>>());
    }

    /// Adds every byte of `other`.
    pub fn insert_all(&mut self, other: &Self) {
        other.iter().for_each(|range| self.insert(range));
    }

    /// Takes every byte of `other` away.
    pub fn remove_all(&mut self, other: &Self) {
        other.iter().for_each(|range| self.remove(range));
    }

    /// The bytes of `0..size` that are not in the set.
    #[must_use]
    pub fn complement(&self, size: u64) -> Self {
        let mut gaps = Self::of(ByteRange::new(0, size));
        gaps.remove_all(self);
        gaps
    }

    /// The ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = ByteRange> + '_ {
        self.0.iter().copied()
    }

    /// The first range.
    pub fn first(&self) -> Option<ByteRange> {
        self.0.first().copied()
    }

    /// Number of bytes.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|range| range.len()).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every byte of `range` is in the set.
    pub fn contains(&self, range: ByteRange) -> bool {
        range.is_empty() || self.0.iter().any(|held| held.contains(range))
    }

    /// The bytes of `range` that are in the set, in order.
    pub fn within(&self, range: ByteRange) -> impl Iterator<Item = ByteRange> + '_ {
        let first = self.0.partition_point(|held| held.end() <= range.start());
        let near = self.0[first..].iter().take_while(move |held| held.start() < range.end());
        near.map(move |held| ByteRange::new(held.start().max(range.start()), held.end().min(range.end())))
    }

    /// From the first byte of the set to its last, with all between.
    pub fn hull(&self) -> ByteRange {
        let end = self.0.last().map_or(0, |range| range.end());
        ByteRange::new(self.0.first().map_or(end, |range| range.start()), end)
    }

    /// One past the last byte of the run that begins at byte 0.
    pub fn prefix(&self) -> u64 {
        self.0.first().filter(|range| range.start() == 0).map_or(0, |range| range.end())
    }

    /// The position of the `nth` byte of the set, counted from 0.
    pub fn nth(&self, nth: u64) -> Option<u64> {
        let mut left = nth;
        for range in self.iter() {
            if left < range.len() {
                return Some(range.start() + left);
            }
            left -= range.len();
        }
        None
    }
}

impl From<Vec<ByteRange>> for RangeSet {
    fn from(ranges: Vec<ByteRange>) -> Self {
        let mut set = Self::default();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}

impl From<RangeSet> for Vec<ByteRange> {
    fn from(set: RangeSet) -> Self {
        set.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn positions(set: &RangeSet) -> BTreeSet<u64> {
        set.iter().flat_map(|range| range.start()..range.end()).collect()
    }

    proptest! {
        #[test]
        fn behaves_as_a_set_of_positions(
            edits in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..60), 0..40),
            cut in (0u64..60, 0u64..60).prop_map(ByteRange::from),
        ) {
            let mut set = RangeSet::default();
            let mut model = BTreeSet::new();
            for (add, start, end) in edits {
                let range = ByteRange::new(start, end);
                for position in range.start()..range.end() {
                    if add { model.insert(position); } else { model.remove(&position); }
                }
                if add { set.insert(range) } else { set.remove(range) }
                prop_assert_eq!(positions(&set), model.clone());
                prop_assert!(set.0.windows(2).all(|pair| pair[0].end() < pair[1].start()));
                prop_assert_eq!(set.len(), model.len() as u64);
                prop_assert_eq!(set.nth(3), model.iter().nth(3).copied());
            }
            let within: BTreeSet<u64> = set.within(cut).flat_map(|range| range.start()..range.end()).collect();
            prop_assert_eq!(within, model.range(cut.start()..cut.end()).copied().collect::<BTreeSet<_>>());
            let hull = set.hull();
            let ends = model.first().zip(model.last()).map(|(first, last)| (*first, last + 1));
            prop_assert_eq!((hull.start(), hull.end()), ends.unwrap_or_default());
            let gaps = positions(&set.complement(60));
            prop_assert!(gaps.is_disjoint(&model));
            prop_assert_eq!(gaps.len() + model.len(), 60);
        }
    }
}
