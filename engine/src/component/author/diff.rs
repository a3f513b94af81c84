//! Two tables, as the lines in which they differ.

use similar::{ChangeTag, TextDiff};
use toml::Table;

use crate::component::text::printable;

/// Most lines of a difference, and the longest of them.
const LINES: usize = 80;
const LINE_BYTES: usize = 400;

/// The lines of both, those of one side alone marked `-` (expected) or `+`
/// (found).
pub(super) fn lines(expected: &Table, found: &Table) -> Vec<String> {
    let [expected, found] = [expected, found].map(|table| toml::to_string_pretty(table).expect("tables are TOML"));
    let difference = TextDiff::from_lines(&expected, &found);
    let shown = difference.iter_all_changes().map(|change| {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        printable(&format!("{sign} {}", change.value()), LINE_BYTES)
    });
    let mut shown: Vec<String> = shown.collect();
    if shown.len() > LINES {
        let more = shown.len() - LINES;
        shown.truncate(LINES);
        shown.push(format!("  and {more} lines more"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn both_sides_are_marked_and_escapes_disarmed() {
        let expected = toml::toml! { candidates = ["https://a.example/f", "https://b.example/f"] };
        let found = toml::toml! { candidates = ["https://a.example/f", "https://\u{202e}c.example/f"] };
        assert_eq!(
            lines(&expected, &found),
            [
                "  candidates = [",
                "      \"https://a.example/f\",",
                "-     \"https://b.example/f\",",
                "+     \"https://\\u{202e}c.example/f\",",
                "  ]"
            ]
        );
    }
}
