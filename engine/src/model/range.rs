//! Half-open byte ranges.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes `start..end` of a representation, counted from zero.
///
/// Never inverted: `start <= end`. HTTP writes the same range with an
/// inclusive end (RFC 9110 section 14.1.2); [`ByteRange::header`] converts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct ByteRange {
    start: u64,
    end: u64,
}

impl ByteRange {
    /// The bytes from `start` up to, not including, `end`. An inverted pair
    /// gives the empty range at `start`.
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// First byte.
    pub fn start(self) -> u64 {
        self.start
    }

    /// One past the last byte.
    pub fn end(self) -> u64 {
        self.end
    }

    /// Length in bytes.
    pub fn len(self) -> u64 {
        self.end - self.start
    }

    /// Whether the range holds no byte.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether every byte of `other` is in this range.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The value of a `Range` request header for these bytes.
    pub fn header(self) -> String {
        debug_assert!(!self.is_empty(), "an empty range cannot be asked for");
        format!("bytes={}-{}", self.start, self.end - 1)
    }
}

impl From<(u64, u64)> for ByteRange {
    fn from((start, end): (u64, u64)) -> Self {
        Self::new(start, end)
    }
}

impl From<ByteRange> for (u64, u64) {
    fn from(range: ByteRange) -> Self {
        (range.start, range.end)
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_has_an_inclusive_end() {
        assert_eq!(ByteRange::new(0, 1).header(), "bytes=0-0");
        assert_eq!(ByteRange::new(10, 20).header(), "bytes=10-19");
    }

    #[test]
    fn inverted_is_empty() {
        assert!(ByteRange::new(5, 3).is_empty());
    }
}
