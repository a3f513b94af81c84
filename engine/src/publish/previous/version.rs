//! The order of versions as winget's client has it (`Versions.cpp`, since 1.9).
//!
//! A version is split at its dots. Of each part the digits that it begins with
//! are a number, and the rest is text. Numbers decide first; of two equal ones,
//! the part without text is the greater, so that a release comes after its
//! pre-releases; then texts decide, letter by letter, whatever their case.
//! Missing parts are zeros: `1.0` is `1`. What stands before the first digit
//! does not count, unless a dot comes earlier: `v1.0` is `1.0`.
//! Unlike semantic versions, `1.0-rc.2` has a part more than `1.0-rc`, and
//! `1.0-beta10` is below `1.0-beta2`.

use std::cmp::{Ordering, Reverse};

/// A version, to be compared.
#[derive(Debug, Clone)]
pub struct Version {
    parts: Vec<Part>,
    has_number: bool,
}

/// Number, whether text follows (the other way round: none is greater), text.
type Part = (u64, Reverse<bool>, String);

const NOTHING: Part = (0, Reverse(false), String::new());

impl Version {
    /// Reads a version; every text is one.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let digit = text.find(|letter: char| letter.is_ascii_digit());
        let dot = text.find('.').unwrap_or(text.len());
        let from = digit.filter(|digit| *digit < dot);
        let mut parts: Vec<Part> = text[from.unwrap_or(0)..].split('.').map(part).collect();
        while parts.last() == Some(&NOTHING) {
            parts.pop();
        }
        Self { parts, has_number: from.is_some() }
    }

    /// Whether a number stands before the first dot, as in all usual versions.
    pub fn has_number(&self) -> bool {
        self.has_number
    }
}

fn part(text: &str) -> Part {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    // A number that is too large is text as a whole.
    let number: Option<u64> = if digits == 0 { Some(0) } else { text[..digits].parse().ok() };
    let rest = number.map_or(text, |_| &text[digits..]);
    (number.unwrap_or(0), Reverse(!rest.is_empty()), rest.to_lowercase())
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.parts.len().max(other.parts.len());
        let padded = |version: &'_ Self, index: usize| version.parts.get(index).cloned().unwrap_or(NOTHING);
        let orders = (0..length).map(|index| padded(self, index).cmp(&padded(other, index)));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(one: &str, other: &str) -> Ordering {
        Version::parse(one).cmp(&Version::parse(other))
    }

    #[test]
    fn versions_are_ordered_as_by_winget() {
        let rising = [
            "0.9",
            "1.0-alpha",
            "1.0-alpha.2",
            "1.0-Beta",
            "1.0-beta10",
            "1.0-beta2",
            "1.0",
            "1.0.1",
            "1.2",
            "1.10",
            "2024Mar15",
            "2024",
            "18446744073709551615",
        ];
        for (position, one) in rising.iter().enumerate() {
            for (place, other) in rising.iter().enumerate() {
                assert_eq!(order(one, other), position.cmp(&place), "{one} and {other}");
            }
        }
        for (one, other) in [("1", "1.0.0"), ("v1.2", "1.2"), ("version 12", "12"), ("1.0-RC", "1.0-rc"), (" 1 ", "1")]
        {
            assert_eq!(order(one, other), Ordering::Equal, "{one} and {other}");
        }
        assert_eq!(order("18446744073709551616", "1"), Ordering::Less, "too large a number is a text");
        assert!(!Version::parse("Beta").has_number() && Version::parse("v1").has_number());
    }

    proptest! {
        #[test]
        fn the_order_is_total(texts in proptest::collection::vec("[0-2a-bA-B.-]{0,6}", 3)) {
            let [a, b, c] = [0, 1, 2].map(|index| Version::parse(&texts[index]));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&a), Ordering::Equal);
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
            if a == b {
                prop_assert_eq!(a.cmp(&c), b.cmp(&c));
            }
        }
    }
}
