//! How a text file is laid out: line ends, marks and blanks.

use super::place::{Lines, numbered};
use super::report::Report;
use crate::model::diagnostic::Position;

/// The mark that some editors put before a text.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reports line ends, trailing blanks and a missing end of the last line.
pub(super) fn check(text: &str, manager: &str, report: &mut Report<'_>) {
    if text.starts_with(BYTE_ORDER_MARK) {
        report
            .warning("byte-order-mark", Position { line: 1, column: 1 }, "the file begins with a byte order mark")
            .suggest("save it as UTF-8 without one");
    }
    let lines = Lines::new(text);
    let windows = text.matches("\r\n").count();
    let all = text.matches('\n').count();
    if let Some(at) = text.find('\n').filter(|_| windows == 0) {
        let message = format!("lines end in LF; {manager} writes CRLF");
        report.note("line-ends", lines.position(at), message);
    } else if windows < all {
        report.warning("line-ends", Position { line: 1, column: 1 }, "some lines end in CRLF, others in LF");
    }
    if !text.is_empty() && !text.ends_with('\n') {
        report.note("final-newline", lines.position(text.len()), "the last line does not end");
    }
    let blank = numbered(text).find(|(_, line)| line.ends_with([' ', '\t']));
    if let Some((line, content)) = blank {
        let column = content.trim_end_matches([' ', '\t']).chars().count();
        let at = Position { line, column: u32::try_from(column).unwrap_or(u32::MAX - 1) + 1 };
        report.note("trailing-blanks", at, "the line ends in blanks");
    }
}
