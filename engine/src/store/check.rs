//! Whether what an earlier run left is still there.

use super::Part;
use super::runs::Runs;
use crate::plan::RangeSet;

/// What is left of an earlier run's bytes.
#[derive(Debug)]
pub struct Checked {
    /// Runs that still have their checksum.
    pub runs: Runs,
    /// The bytes of all others: lost or changed, whatever did it.
    pub rotted: RangeSet,
}

/// Reads the runs of an earlier run and keeps those that have not changed.
///
/// Blocks for as long as reading all of them takes, in little memory; none when
/// `stop` said to leave it.
pub fn check(part: &Part, runs: &Runs, stop: impl Fn() -> bool) -> Option<Checked> {
    let mut checked = Checked { runs: runs.cleared(), rotted: RangeSet::default() };
    for run in runs.iter() {
        if stop() {
            return None;
        }
        // A sector that cannot be read is a sector to be written anew.
        let found = part.checksum(run.range).ok();
        let kept = found == Some(run.checksum) && checked.runs.push(run).is_ok();
        if !kept {
            checked.rotted.insert(run.range);
        }
    }
    Some(checked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ByteRange;
    use crate::store::Keep;
    use crate::store::runs::SMALLEST_BLOCK_BYTES as BLOCK;

    /// A part of three blocks and a half, and its runs.
    fn part(folder: &std::path::Path) -> (Part, Runs) {
        let part = Part::open(&folder.join("part"), Keep::Nothing).unwrap();
        let bytes: Vec<u8> = (0..BLOCK * 7 / 2).map(|at| (at ^ (at >> 8) ^ (at >> 16)).to_le_bytes()[0]).collect();
        part.write_at(&bytes, 0).unwrap();
        let mut runs = Runs::of_size(bytes.len() as u64);
        runs.append(0, &bytes);
        (part, runs)
    }

    #[test]
    fn a_flipped_bit_costs_its_block() {
        let folder = tempfile::tempdir().unwrap();
        let (part, runs) = part(folder.path());
        let checked = check(&part, &runs, || false).unwrap();
        assert_eq!((checked.runs, checked.rotted.len()), (runs.clone(), 0));
        let mut byte = [0];
        part.read_at(&mut byte, BLOCK + 7).unwrap();
        part.write_at(&[byte[0] ^ 16], BLOCK + 7).unwrap();
        let checked = check(&part, &runs, || false).unwrap();
        assert_eq!(checked.rotted, RangeSet::of(ByteRange::new(BLOCK, 2 * BLOCK)));
        assert_eq!(checked.runs.ranges(), checked.rotted.complement(BLOCK * 7 / 2));
    }

    #[test]
    fn what_was_cut_off_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (part, runs) = part(folder.path());
        part.set_len(3 * BLOCK + 1).unwrap();
        let checked = check(&part, &runs, || false).unwrap();
        assert_eq!(checked.rotted.len(), BLOCK / 2);
    }

    #[test]
    fn it_can_be_left() {
        let folder = tempfile::tempdir().unwrap();
        let (part, runs) = part(folder.path());
        assert!(check(&part, &runs, || true).is_none());
    }
}
