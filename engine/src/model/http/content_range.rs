//! `Content-Range` (RFC 9110 section 14.4).

use std::fmt;
use std::str::FromStr;

use crate::model::ByteRange;
use crate::model::excerpt::excerpt;

/// What a 206 or 416 response says of the bytes it carries.
///
/// A value of this type is consistent: the range holds at least one byte and
/// lies inside the size, where the size is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes 0-99/1234` or `bytes 0-99/*`.
    Part {
        /// The enclosed bytes.
        range: ByteRange,
        /// Length of the whole representation, where the server knows it.
        size: Option<u64>,
    },
    /// `bytes */1234`: the range asked for lies outside.
    Unsatisfied {
        /// Length of the whole representation.
        size: u64,
    },
}

impl ContentRange {
    /// Length of the whole representation, where the server said it.
    pub fn size(self) -> Option<u64> {
        match self {
            Self::Part { size, .. } => size,
            Self::Unsatisfied { size } => Some(size),
        }
    }
}

/// Why a `Content-Range` cannot be acted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentRangeError {
    /// A unit that the engine never asks for.
    #[error("the server counts ranges in `{0}`, not in bytes")]
    Unit(String),
    /// Not of the form that the RFC gives.
    #[error("`{0}` is not a content range; expected `bytes FIRST-LAST/SIZE`")]
    Shape(String),
    /// A number beyond 64 bits.
    #[error("`{0}` is larger than any file")]
    Overflow(String),
    /// The last byte precedes the first.
    #[error("the content range ends at {last}, before its start {first}")]
    Inverted {
        /// First byte position.
        first: u64,
        /// Last byte position.
        last: u64,
    },
    /// The last byte lies outside the representation.
    #[error("the content range ends at {last}, outside its size of {size} bytes")]
    Beyond {
        /// Last byte position.
        last: u64,
        /// Length of the representation.
        size: u64,
    },
}

impl FromStr for ContentRange {
    type Err = ContentRangeError;

    fn from_str(text: &str) -> Result<Self, ContentRangeError> {
        let shape = || ContentRangeError::Shape(excerpt(text));
        let (unit, rest) = text.split_once(' ').ok_or_else(shape)?;
        // Range unit names are case-insensitive (RFC 9110 section 14.1).
        if !unit.eq_ignore_ascii_case("bytes") {
            return Err(ContentRangeError::Unit(excerpt(unit)));
        }
        let (range, size) = rest.split_once('/').ok_or_else(shape)?;
        if range == "*" {
            return Ok(Self::Unsatisfied { size: number(size, text)? });
        }
        let size = if size == "*" { None } else { Some(number(size, text)?) };
        let (first, last) = range.split_once('-').ok_or_else(shape)?;
        part(number(first, text)?, number(last, text)?, size)
    }
}

fn part(first: u64, last: u64, size: Option<u64>) -> Result<ContentRange, ContentRangeError> {
    if last < first {
        return Err(ContentRangeError::Inverted { first, last });
    }
    if let Some(size) = size.filter(|size| last >= *size) {
        return Err(ContentRangeError::Beyond { last, size });
    }
    let end = last.checked_add(1).ok_or_else(|| ContentRangeError::Overflow(last.to_string()))?;
    Ok(ContentRange::Part { range: ByteRange::new(first, end), size })
}

/// `1*DIGIT`, which is narrower than what `u64::from_str` takes: no sign.
fn number(digits: &str, whole: &str) -> Result<u64, ContentRangeError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ContentRangeError::Shape(excerpt(whole)));
    }
    digits.parse().map_err(|_| ContentRangeError::Overflow(excerpt(digits)))
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part { range, size: Some(size) } => write!(f, "bytes {}-{}/{size}", range.start(), range.end() - 1),
            Self::Part { range, size: None } => write!(f, "bytes {}-{}/*", range.start(), range.end() - 1),
            Self::Unsatisfied { size } => write!(f, "bytes */{size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<ContentRange, ContentRangeError> {
        text.parse()
    }

    #[test]
    fn reads_the_three_forms() {
        let range = ByteRange::new(0, 100);
        assert_eq!(read("bytes 0-99/1234"), Ok(ContentRange::Part { range, size: Some(1234) }));
        assert_eq!(read("Bytes 0-99/*"), Ok(ContentRange::Part { range, size: None }));
        assert_eq!(read("bytes */1234"), Ok(ContentRange::Unsatisfied { size: 1234 }));
        assert_eq!(read("bytes 0-0/1").map(ContentRange::size), Ok(Some(1)));
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        assert_eq!(read("bytes 9-8/10"), Err(ContentRangeError::Inverted { first: 9, last: 8 }));
        assert_eq!(read("bytes 0-10/10"), Err(ContentRangeError::Beyond { last: 10, size: 10 }));
        assert_eq!(read("bytes 0-0/0"), Err(ContentRangeError::Beyond { last: 0, size: 0 }));
        assert_eq!(read("items 0-1/2"), Err(ContentRangeError::Unit("items".into())));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let max = u64::MAX;
        assert_eq!(read(&format!("bytes 0-{max}/*")), Err(ContentRangeError::Overflow(max.to_string())));
        assert!(matches!(read("bytes 0-18446744073709551616/*"), Err(ContentRangeError::Overflow(_))));
    }

    #[test]
    fn refuses_what_is_not_the_grammar() {
        let texts = [
            "",
            "bytes",
            "bytes ",
            "bytes 0-99",
            "bytes=0-99/100",
            "bytes -99/100",
            "bytes 0-/100",
            "bytes +0-9/10",
            "bytes 0-9/",
            "bytes */*",
            "bytes 0 - 9/10",
            "bytes  0-9/10",
            "bytes 0-9/10 ",
            "bytes 0-9/10, 0-9/10",
            "bytes 0x0-9/10",
            "bytes 0-9/1０",
        ];
        for text in texts {
            assert!(matches!(read(text), Err(ContentRangeError::Shape(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_consistent_range_survives(start in 0..u64::MAX / 2, len in 1..u64::MAX / 4, rest in proptest::option::of(0..u64::MAX / 4)) {
            let range = ByteRange::new(start, start + len);
            let content = ContentRange::Part { range, size: rest.map(|rest| range.end() + rest) };
            prop_assert_eq!(read(&content.to_string()), Ok(content));
        }

        #[test]
        fn anything_accepted_is_inside_its_size(text in "bytes [0-9*]{1,3}-?[0-9]{0,3}/[0-9*]{1,3}|\\PC{0,40}") {
            if let Ok(ContentRange::Part { range, size }) = read(&text) {
                prop_assert!(!range.is_empty());
                prop_assert!(size.is_none_or(|size| range.end() <= size));
            }
        }
    }
}
