//! Sets of bytes, and the journal that keeps one.

use turbo_engine::model::ByteRange;
use turbo_engine::plan::RangeSet;
use turbo_engine::store::Journal;

/// Positions that the model counts one by one.
const POSITIONS: usize = 256;

/// Reads the data as edits: a kind, a start and an end each. The first byte
/// says whether the positions lie at the beginning or at the end of 64 bits.
pub fn ranges(data: &[u8]) {
    let Some((place, edits)) = data.split_first() else { return };
    let base = if place % 2 == 0 { 0 } else { u64::MAX - POSITIONS as u64 };
    let mut set = RangeSet::default();
    let mut model = [false; POSITIONS];
    // Enough to reach any state of so few positions.
    for edit in edits.chunks_exact(3).take(512) {
        let (start, end) = (u64::from(edit[1]), u64::from(edit[2]));
        let range = ByteRange::new(base + start, base + end);
        let add = edit[0] % 2 == 0;
        match edit[0] % 4 {
            0 => set.insert(range),
            1 => set.remove(range),
            2 => set.insert_all(&RangeSet::of(range)),
            _ => set.remove_all(&RangeSet::of(range)),
        }
        (start..end).for_each(|position| model[usize::from(u8::try_from(position).expect("a byte"))] = add);
        let held = model[usize::from(edit[1])..usize::from(edit[2]).max(usize::from(edit[1]))].iter().all(|held| *held);
        assert_eq!(set.contains(range), held, "{range}");
    }
    assert_model(&set, &model, base);
}

fn assert_model(set: &RangeSet, model: &[bool], base: u64) {
    assert_set(set);
    let positions: Vec<u64> = (0..).zip(model).filter(|(_, held)| **held).map(|(offset, _)| base + offset).collect();
    assert_eq!(set.iter().flat_map(|range| range.start()..range.end()).collect::<Vec<_>>(), positions);
    assert_eq!((set.len(), set.is_empty()), (positions.len() as u64, positions.is_empty()));
    for nth in 0..=positions.len() {
        assert_eq!(set.nth(nth as u64), positions.get(nth).copied());
    }
    let prefix = model.iter().take_while(|held| **held).count() as u64;
    assert_eq!(set.prefix(), if base == 0 { prefix } else { 0 });
    let size = base + POSITIONS as u64 / 2;
    let mut whole = set.complement(size);
    assert_set(&whole);
    assert!(whole.iter().all(
        |gap| gap.end() <= size && set.iter().all(|range| gap.end() <= range.start() || range.end() <= gap.start())
    ));
    whole.insert_all(set);
    assert!(whole.contains(ByteRange::new(0, size)), "a set and its complement are everything");
}

/// Sorted, never empty, never touching.
fn assert_set(set: &RangeSet) {
    let ranges: Vec<ByteRange> = set.iter().collect();
    assert!(ranges.iter().all(|range| !range.is_empty()), "{ranges:?}");
    assert!(ranges.windows(2).all(|pair| pair[0].end() < pair[1].start()), "{ranges:?}");
}

/// Reads the data as a journal.
pub fn journal(data: &[u8]) {
    let Ok(journal) = Journal::parse(data) else { return };
    let runs: Vec<ByteRange> = journal.runs.iter().map(|run| run.range).collect();
    let block_of = |position: u64| position / journal.runs.block_bytes();
    assert!(runs.iter().all(|run| !run.is_empty() && run.end() <= journal.size), "{journal:?}");
    assert!(runs.iter().all(|run| block_of(run.start()) == block_of(run.end() - 1)), "{journal:?}");
    assert!(runs.is_sorted_by(|before, after| before.end() <= after.start()), "{journal:?}");
    let ranges = journal.runs.ranges();
    assert_set(&ranges);
    assert_eq!(ranges.len(), runs.iter().map(|run| run.len()).sum::<u64>(), "{journal:?}");
    let text = journal.text();
    assert_eq!(Journal::parse(&text).expect("just written"), journal);
    assert!(Journal::parse(&text[..text.len() - 1]).is_err(), "a journal that lacks its end is none");
}
