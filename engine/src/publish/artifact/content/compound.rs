//! What a package of Windows Installer claims of its own lengths, held against
//! the file.
//!
//! The crate that reads the tables sets memory aside for whatever length it is
//! told. The key invariant: what passes claims no more than the file has.

use std::io::{self, Read, Seek, SeekFrom};

use cfb::CompoundFile;

use crate::store::ReadSeek;

/// The stream that tells of the package.
const SUMMARY: &str = "\u{5}SummaryInformation";
/// The tables `_StringPool` and `_StringData`, as the format packs their names.
const POOL: &str = "\u{4840}\u{3f3f}\u{4577}\u{446c}\u{3e6a}\u{44b2}\u{482f}";
const DATA: &str = "\u{4840}\u{3f3f}\u{4577}\u{446c}\u{3b6a}\u{45e4}\u{4824}";
/// Longest summary: its properties may share one text, of which each gets a copy.
const SUMMARY_BYTES: u64 = 32 << 10;
/// Longest list of the lengths of texts.
const POOL_BYTES: u64 = 64 << 20;
/// The type of a property that is text, after which its length follows.
const TEXT: u32 = 30;

/// Refuses a file that claims to hold more than it has, and rewinds it.
pub(super) fn check_claims(file: &mut dyn ReadSeek) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let mut compound = CompoundFile::open(&mut *file)?;
    if compound.walk().any(|entry| entry.is_stream() && entry.len() > length) {
        return Err(io::Error::other("one of its streams claims to be longer than the file"));
    }
    let summary = stream(&mut compound, SUMMARY, SUMMARY_BYTES)?;
    let pool = stream(&mut compound, POOL, POOL_BYTES)?;
    let data_bytes = compound.open_stream(DATA)?.len();
    if text_bytes(&pool) > data_bytes || claims_text(&summary) {
        return Err(io::Error::other("one of its texts claims to be longer than all of them"));
    }
    drop(compound);
    file.rewind()
}

fn stream(compound: &mut CompoundFile<impl Read + Seek>, name: &str, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut stream = compound.open_stream(name)?;
    if stream.len() > most_bytes {
        return Err(io::Error::other("its tables are too long"));
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The sum of the lengths in a pool: two bytes each, or four that follow the
/// pair of no length and a count of uses.
fn text_bytes(pool: &[u8]) -> u64 {
    let (mut sum, mut at) = (0, 4);
    while let Some(pair) = long(pool, at) {
        let (length, uses) = (pair & 0xffff, pair >> 16);
        at += 4;
        if length == 0 && uses > 0 {
            sum += u64::from(long(pool, at).unwrap_or_default());
            at += 4;
        }
        sum += u64::from(length);
    }
    sum
}

/// Whether a property of the summary claims a text longer than the summary.
fn claims_text(summary: &[u8]) -> bool {
    let place = |at: usize| long(summary, at).and_then(|place| usize::try_from(place).ok());
    let length_of_text = |section: usize, nth: usize| {
        let at = section.checked_add(place(section + 12 + 8 * nth)?)?;
        if long(summary, at)? == TEXT { place(at + 4) } else { None }
    };
    let Some((section, count)) = place(44).and_then(|section| Some((section, place(section.checked_add(4)?)?))) else {
        return false;
    };
    // Where the list is longer than the file, the rest of it is not there.
    let count = count.min(summary.len() / 8);
    (0..count).filter_map(|nth| length_of_text(section, nth)).any(|length| length > summary.len())
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().expect("four bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_texts_are_added_up() {
        let pool = [&[0_u8; 4][..], &[5, 0, 1, 0], &[0, 0, 1, 0], &[0xff; 4], &[3, 0, 2, 0]].concat();
        assert_eq!(text_bytes(&pool), 8 + u64::from(u32::MAX));
        assert_eq!(text_bytes(&pool[..10]), 5);
        assert_eq!(text_bytes(&[]), 0);
    }

    #[test]
    fn texts_longer_than_the_summary_are_noticed() {
        let mut summary = vec![0; 80];
        summary[44] = 48;
        summary[48 + 4] = 1;
        summary[48 + 12] = 16;
        summary[64] = 30;
        summary[68] = 8;
        assert!(!claims_text(&summary));
        summary[71] = 0x80;
        assert!(claims_text(&summary));
    }
}
