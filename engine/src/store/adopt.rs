//! A file that another program began, taken over into a part.
//!
//! It is copied, not moved: whatever becomes of the download, the user's own
//! file is as it was until the finished one takes its name.

use std::io::Read;
use std::path::Path;

use super::own_file::open_followed;
use super::{Keep, Part, Runs, StoreError};

/// Unit in which a file is copied and compared.
const PIECE_BYTES: usize = 256 * 1024;

/// Copies the first `bytes` bytes of `from` into the part at `to`, and gives
/// their runs in a file of `size` bytes. Blocks.
pub fn adopt(from: &Path, bytes: u64, to: &Path, size: u64) -> Result<Runs, StoreError> {
    let mut file = open_followed(from).map_err(StoreError::io("open", from))?.take(bytes);
    let part = Part::open(to, Keep::Nothing)?;
    let (mut runs, mut position, mut buffer) = (Runs::of_size(size), 0, vec![0; PIECE_BYTES]);
    loop {
        let count = file.read(&mut buffer).map_err(StoreError::io("read", from))?;
        if count == 0 {
            return Ok(runs);
        }
        part.write_at(&buffer[..count], position)?;
        runs.append(position, &buffer[..count]);
        position += count as u64;
    }
}

/// Whether a file holds nothing but the beginning of what is in the part. Blocks.
pub fn begins(file: &Path, part: &Part) -> Result<bool, StoreError> {
    let mut theirs = open_followed(file).map_err(StoreError::io("open", file))?;
    let (mut position, mut buffer, mut ours) = (0, vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    loop {
        let count = theirs.read(&mut buffer).map_err(StoreError::io("read", file))?;
        if count == 0 {
            return Ok(true);
        }
        // A part that is shorter cannot be read so far.
        if part.read_at(&mut ours[..count], position).is_err() || ours[..count] != buffer[..count] {
            return Ok(false);
        }
        position += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ByteRange;
    use crate::store::check;

    #[test]
    fn a_copy_has_the_bytes_and_their_checksums() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (file, to) = (folder.path().join("f"), folder.path().join("part"));
        let content: Vec<u8> = (0..3_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        std::fs::write(&file, &content).expect("writable");
        let runs = adopt(&file, 2_500_000, &to, 9_000_000).expect("readable");
        assert_eq!(runs.ranges(), crate::plan::RangeSet::of(ByteRange::new(0, 2_500_000)));
        let part = Part::open(&to, Keep::Everything).expect("there");
        assert!(check(&part, &runs, || false).expect("not stopped").rotted.is_empty());
        assert!(!begins(&file, &part).expect("readable"), "it is longer");
        std::fs::write(&file, &content[..2_000_000]).expect("writable");
        assert!(begins(&file, &part).expect("readable"));
        std::fs::write(&file, b"mine").expect("writable");
        assert!(!begins(&file, &part).expect("readable"));
    }
}
