//! The rows of all downloads on a terminal: which of them are shown, and how
//! they are drawn over what was drawn before.
//!
//! The key invariant: a row of ours is one row of the terminal, and there are
//! never more of them than the terminal has, so that going up as many rows as
//! were drawn leads to the first of them.

use std::time::{Duration, Instant};

use console::Term;

use super::columns::columns;
use super::row::{Line, Row, show_left};
use crate::cli::units::{show_bytes, show_rate};

/// Shortest time between two drawings that nothing but progress asks for.
const FRAME: Duration = Duration::from_millis(100);

/// A terminal that does not tell its size.
const DEFAULT_SIZE: Size = Size { rows: 24, columns: 80 };

/// The rows and columns of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub rows: usize,
    pub columns: usize,
}

/// The downloads of a command.
#[derive(Debug)]
pub(super) struct Board {
    /// Those under way, in the order in which they began.
    rows: Vec<(usize, Row)>,
    /// Files in all.
    files: usize,
    ended: usize,
    /// Bytes of those that ended.
    ended_bytes: u64,
    next: usize,
}

impl Board {
    pub(super) fn new(files: usize) -> Self {
        Self { rows: Vec::new(), files, ended: 0, ended_bytes: 0, next: 0 }
    }

    /// Adds a download, and gives the number by which it is known.
    pub(super) fn add(&mut self, row: Row) -> usize {
        self.next += 1;
        self.rows.push((self.next, row));
        self.next
    }

    /// The row of a download that is under way.
    pub(super) fn row(&mut self, id: usize) -> Option<&mut Row> {
        self.rows.iter_mut().find(|(known, _)| *known == id).map(|(_, row)| row)
    }

    /// Every row.
    pub(super) fn rows(&mut self) -> impl Iterator<Item = &mut Row> {
        self.rows.iter_mut().map(|(_, row)| row)
    }

    /// Takes a download that has ended off.
    pub(super) fn remove(&mut self, id: usize) {
        if let Some(at) = self.rows.iter().position(|(known, _)| *known == id) {
            let (_, row) = self.rows.remove(at);
            self.ended += 1;
            self.ended_bytes += row.bytes();
        }
    }

    /// What a terminal of this size shows.
    pub(super) fn lines(&self, size: Size, now: Instant) -> Vec<Line> {
        // The last column stays empty: some terminals wrap once it is written.
        let width = size.columns.saturating_sub(1).max(1);
        let room = size.rows.saturating_sub(1).max(1);
        let is_list = self.files > 1;
        let shown = self.rows.len().min(room - usize::from(is_list));
        let mut lines: Vec<Line> = self.rows[..shown].iter().map(|(_, row)| row.line(width, now)).collect();
        if is_list && self.ended < self.files {
            lines.push(Line { middle: self.total(width, shown, now), ..Line::default() });
        }
        lines
    }

    /// The last line of a list: what all files come to, and how many of those
    /// under way have no row. What does not fit is left out, from the end.
    fn total(&self, width: usize, shown: usize, now: Instant) -> String {
        let missing = self.rows.len() - shown;
        let files = format!("{} of {} files", self.ended, self.files);
        let more = (missing > 0).then(|| format!("{missing} more"));
        let bytes = self.ended_bytes + self.rows.iter().map(|(_, row)| row.bytes()).sum::<u64>();
        let rates: Vec<f64> = self.rows.iter().filter_map(|(_, row)| row.rate(now)).collect();
        let rate: f64 = rates.iter().sum();
        let pace = if rate < 1.0 { None } else { Some(show_rate(rate)) };
        let left = self.left_bytes().and_then(|left| show_left(left, rate)).filter(|_| pace.is_some());
        let rest = [Some(show_bytes(bytes)), pace, left.map(|left| format!("eta {left}"))];
        let mut line = [Some(files), more].into_iter().flatten().collect::<Vec<_>>().join(", ");
        for text in rest.into_iter().flatten() {
            if columns(&line) + columns(&text) + ", ".len() <= width {
                line = format!("{line}, {text}");
            }
        }
        super::columns::shortened(&line, width)
    }

    /// Bytes that are missing; none while the length of a file is not known.
    fn left_bytes(&self) -> Option<u64> {
        let all_begun = self.ended + self.rows.len() == self.files;
        let left = self.rows.iter().map(|(_, row)| Some(row.size()?.saturating_sub(row.bytes())));
        if all_begun { left.sum() } else { None }
    }
}

/// A terminal, and what is drawn on it.
pub(super) struct Screen {
    term: Term,
    color: bool,
    /// Columns of each row that is drawn.
    drawn: Vec<usize>,
    drawn_at: Option<Instant>,
}

impl Screen {
    /// Standard error, if it is a terminal.
    pub(super) fn stderr(color: bool) -> Option<Self> {
        let term = Term::buffered_stderr();
        term.is_term().then_some(Self { term, color, drawn: Vec::new(), drawn_at: None })
    }

    fn size(&self) -> Size {
        // One that does not know its size says zero of both.
        let told = self.term.size_checked().filter(|(rows, columns)| *rows > 0 && *columns > 0);
        told.map_or(DEFAULT_SIZE, |(rows, columns)| Size { rows: rows.into(), columns: columns.into() })
    }

    /// Draws the board, unless it was drawn a moment ago.
    pub(super) fn refresh(&mut self, board: &Board) {
        if self.drawn_at.is_none_or(|at| at.elapsed() >= FRAME) {
            self.draw(board);
        }
    }

    /// Draws the board.
    pub(super) fn draw(&mut self, board: &Board) {
        let size = self.size();
        let now = Instant::now();
        self.erase(size);
        let lines = board.lines(size, now);
        let text = lines.iter().map(|line| self.colored(line)).collect::<Vec<_>>().join("\n");
        self.drawn = lines.iter().map(|line| columns(&line.text())).collect();
        self.drawn_at = Some(now);
        // Nobody can be told that standard error is closed.
        let _ = self.term.write_str(&text).and_then(|()| self.term.flush());
    }

    /// Takes away what is drawn, so that lines can be printed.
    pub(super) fn clear(&mut self) {
        self.erase(self.size());
        let _ = self.term.flush();
    }

    fn erase(&mut self, size: Size) {
        if self.drawn.is_empty() {
            return;
        }
        let up = rows_up(&std::mem::take(&mut self.drawn), size);
        // In this order: what is erased reaches from the cursor to the end.
        let _ = self
            .term
            .write_str("\r")
            .and_then(|()| if up > 0 { self.term.move_cursor_up(up) } else { Ok(()) })
            .and_then(|()| self.term.clear_to_end_of_screen());
    }

    fn colored(&self, line: &Line) -> String {
        let Line { name, middle, sources } = line;
        if self.color && !name.is_empty() {
            format!("\x1b[1m{name}\x1b[0m{middle}\x1b[2m{sources}\x1b[0m")
        } else {
            line.text()
        }
    }
}

/// How many rows lie above the one with the cursor, on a terminal that may
/// have become narrower since: it has wrapped what no longer fits.
fn rows_up(drawn: &[usize], size: Size) -> usize {
    let rows: usize = drawn.iter().map(|taken| taken.div_ceil(size.columns).max(1)).sum();
    rows.saturating_sub(1).min(size.rows.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(files: usize, under_way: usize, now: Instant) -> Board {
        let mut board = Board::new(files);
        for nth in 0..under_way {
            let mut row = Row::new("http://h.example/x", now);
            row.start(Some(&format!("file-{nth}.bin")), Some(2048), 0, now);
            row.advance(1024, 512.0, (1, 1), now);
            board.add(row);
        }
        board
    }

    fn texts(board: &Board, rows: usize, columns: usize, now: Instant) -> Vec<String> {
        board.lines(Size { rows, columns }, now).iter().map(Line::text).collect()
    }

    #[test]
    fn one_file_has_one_row_and_no_total() {
        let now = Instant::now();
        assert_eq!(texts(&board(1, 1, now), 24, 80, now).len(), 1);
    }

    #[test]
    fn a_list_has_a_total_and_says_what_is_missing() {
        let now = Instant::now();
        let mut board = board(10, 8, now);
        let lines = texts(&board, 24, 80, now);
        assert_eq!(lines.len(), 9);
        assert_eq!(lines[8], "0 of 10 files, 8.00 KiB, 4.00 KiB/s");
        let lines = texts(&board, 6, 80, now);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[4], "0 of 10 files, 4 more, 8.00 KiB, 4.00 KiB/s");
        assert_eq!(texts(&board, 6, 30, now)[4], "0 of 10 files, 4 more");
        // One row is for the total, whatever the terminal.
        assert_eq!(texts(&board, 1, 30, now), ["0 of 10 files, 8 more"]);
        for id in 1..=3 {
            board.remove(id);
        }
        assert_eq!(texts(&board, 24, 80, now)[5], "3 of 10 files, 8.00 KiB, 2.50 KiB/s");
        let later = now + Duration::from_secs(5);
        assert_eq!(texts(&board, 24, 80, later)[5], "3 of 10 files, 8.00 KiB", "nothing moves");
    }

    #[test]
    fn the_time_of_a_list_is_told_once_all_have_begun() {
        let now = Instant::now();
        let board = board(2, 2, now);
        assert_eq!(texts(&board, 24, 80, now)[2], "0 of 2 files, 2.00 KiB, 1.00 KiB/s, eta 2s");
    }

    #[test]
    fn every_terminal_has_room_for_what_is_drawn() {
        let now = Instant::now();
        for files in [1, 2, 9] {
            let board = board(files, files, now);
            for (rows, width) in (1..12).flat_map(|rows| [1, 2, 20, 30, 79, 200].map(|width| (rows, width))) {
                let lines = texts(&board, rows, width, now);
                assert!(lines.len() <= rows, "{rows} rows: {lines:?}");
                assert!(lines.iter().all(|line| columns(line) <= width), "{width} columns: {lines:?}");
            }
        }
    }

    #[test]
    fn a_terminal_made_narrower_has_wrapped_the_rows() {
        let size = |columns| Size { rows: 24, columns };
        assert_eq!(rows_up(&[79, 40, 0], size(80)), 2);
        assert_eq!(rows_up(&[79, 40, 0], size(40)), 3);
        assert_eq!(rows_up(&[79], size(30)), 2);
        assert_eq!(rows_up(&[79; 20], size(30)), 23, "what has left the screen cannot be reached");
        assert_eq!(rows_up(&[], size(30)), 0);
    }
}
