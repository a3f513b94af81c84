//! Lines and columns of a text.
//!
//! A line ends at `\n`, `\r\n` or a lone `\r`, as YAML has it; columns count
//! characters.

use std::cell::Cell;

use crate::model::diagnostic::Position;

/// Where the lines of a text begin.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// The last answer: a line of megabytes is not counted anew for each of
    /// its values, which come in order.
    last: Cell<Last>,
}

/// A byte, and the characters of its line before it.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    byte: usize,
    columns: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let ends = |at: &usize| bytes[*at] == b'\n' || bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        let starts = (0..bytes.len()).filter(ends).map(|at| at + 1);
        Self { text, starts: std::iter::once(0).chain(starts).collect(), last: Cell::default() }
    }

    /// The place of a byte.
    pub(super) fn position(&self, byte: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= byte) - 1;
        let start = self.starts[line];
        let byte = byte.min(self.text.len());
        let last = self.last.get();
        let known = if (start..=byte).contains(&last.byte) { last } else { Last { byte: start, columns: 0 } };
        let between = self.text.get(known.byte..byte).unwrap_or_default();
        let columns = known.columns + between.chars().count();
        self.last.set(Last { byte, columns });
        Position { line: number(line), column: number(columns) }
    }

    /// A place, or the end of the text where that is before it.
    pub(super) fn clamped(&self, at: Position) -> Position {
        if self.line(at.line).is_some() { at } else { self.position(self.text.len()) }
    }

    /// A place, or the end of its line or of the text where that is before it.
    /// Counts the line: for a few places only.
    pub(super) fn inside(&self, at: Position) -> Position {
        let at = self.clamped(at);
        let most = self.line(at.line).map_or(0, |line| line.chars().count());
        Position { column: at.column.min(number(most)), ..at }
    }

    /// A line without its end, by its number from 1.
    pub(super) fn line(&self, number: u32) -> Option<&'a str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        Some(self.text[start..end].trim_end_matches(['\r', '\n']))
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - 1) + 1
}

/// The lines of a text without their ends, the first being number 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let lines = Lines::new(text);
    (1..).map_while(move |number| Some((number, lines.line(number)?)))
}

/// A line of a text without its end, by its number from 1.
pub fn line_of(text: &str, number: u32) -> Option<&str> {
    Lines::new(text).line(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_in_characters() {
        let lines = Lines::new("ab\r\n\u{e9}c\rd\n");
        let at = |byte| (lines.position(byte).line, lines.position(byte).column);
        assert_eq!([at(0), at(4), at(6), at(8)], [(1, 1), (2, 1), (2, 2), (3, 1)]);
        assert_eq!([at(6), at(4), at(7)], [(2, 2), (2, 1), (2, 3)]);
        assert_eq!((lines.line(2), lines.line(4), lines.line(5)), (Some("\u{e9}c"), Some(""), None));
    }
}
