//! One row of the progress display, as text: pure functions of what is known
//! of a download, the columns there are, and the time.
//!
//! The key invariant: a row takes the columns that it is given or fewer, so
//! that it never wraps.

use std::time::{Duration, Instant};

use super::columns::{columns, flat, shortened};
use crate::cli::units::{show_bytes, show_count, show_rate};
use crate::plan::names;

/// Without a byte for so long a download is stalled.
const STALL: Duration = Duration::from_secs(2);

/// How often a plain line is printed.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Columns of the bar, without its brackets.
const BAR_MOST: usize = 30;
const BAR_LEAST: usize = 10;
/// Columns that the name keeps while anything else can give way.
const NAME_LEAST: usize = 12;
/// The same where there is room for little else.
const NAME_LEAST_ALONE: usize = 8;

/// What is known of one download.
#[derive(Debug, Clone)]
pub(super) struct Row {
    name: String,
    size: Option<u64>,
    bytes: u64,
    rate: f64,
    sources: Option<(usize, usize)>,
    /// What it waits for, before its first answer and between two attempts.
    waits_for: Option<String>,
    /// When the last byte came.
    grown: Instant,
    /// When the last plain line was due.
    printed: Instant,
}

/// A row in its parts, so that each may have its own colour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub name: String,
    pub middle: String,
    pub sources: String,
}

impl Line {
    pub(super) fn text(&self) -> String {
        format!("{}{}{}", self.name, self.middle, self.sources)
    }
}

/// What a row has besides the name and the share.
#[derive(Clone, Copy)]
struct Parts {
    bar: bool,
    bytes: bool,
    pace: Pace,
    sources: bool,
    name_least: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Pace {
    RateAndTime,
    Rate,
    None,
}

/// What gives way, in order, where the columns do not suffice. The bar and the
/// name have been shortened by then.
const PARTS: [Parts; 6] = [
    Parts { bar: true, bytes: true, pace: Pace::RateAndTime, sources: true, name_least: NAME_LEAST },
    Parts { bar: true, bytes: true, pace: Pace::RateAndTime, sources: false, name_least: NAME_LEAST },
    Parts { bar: false, bytes: true, pace: Pace::RateAndTime, sources: false, name_least: NAME_LEAST },
    Parts { bar: false, bytes: false, pace: Pace::RateAndTime, sources: false, name_least: NAME_LEAST_ALONE },
    Parts { bar: false, bytes: false, pace: Pace::Rate, sources: false, name_least: NAME_LEAST_ALONE },
    Parts { bar: false, bytes: false, pace: Pace::None, sources: false, name_least: 0 },
];

impl Row {
    /// A download whose first answer is not here yet.
    pub(super) fn new(url: &str, now: Instant) -> Self {
        let waits_for = Some("connecting".to_owned());
        let name = flat(&names::shown(&name_in_url(url)));
        Self { name, size: None, bytes: 0, rate: 0.0, sources: None, waits_for, grown: now, printed: now }
    }

    /// The first answer is here.
    pub(super) fn start(&mut self, file: Option<&str>, size: Option<u64>, resumed: u64, now: Instant) {
        if let Some(name) = file.and_then(|file| file.rsplit(std::path::is_separator).next()) {
            self.name = flat(&names::shown(name));
        }
        (self.size, self.bytes, self.grown, self.waits_for) = (size, resumed, now, None);
    }

    /// Some bytes came, or none.
    pub(super) fn advance(&mut self, bytes: u64, rate: f64, sources: (usize, usize), now: Instant) {
        if bytes != self.bytes {
            (self.bytes, self.grown, self.waits_for) = (bytes, now, None);
        }
        (self.rate, self.sources) = (rate, Some(sources));
    }

    /// An attempt failed.
    pub(super) fn retry(&mut self, host: &str) {
        self.waits_for = Some(format!("retrying {}", names::shown(host)));
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Length in bytes, where it is known.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes a second, none while nothing comes.
    pub(super) fn rate(&self, now: Instant) -> Option<f64> {
        (self.state(now) == State::Moving).then_some(self.rate)
    }

    fn state(&self, now: Instant) -> State {
        match () {
            () if self.waits_for.is_some() => State::Waiting,
            () if self.size.is_some_and(|size| self.bytes >= size) => State::Complete,
            () if now.duration_since(self.grown) >= STALL => State::Stalled,
            () => State::Moving,
        }
    }

    /// The row in at most `width` columns.
    pub(super) fn line(&self, width: usize, now: Instant) -> Line {
        let fitting = PARTS.iter().find_map(|parts| self.laid_out(*parts, width, now));
        fitting.unwrap_or_else(|| Line { name: shortened(&self.name, width), ..Line::default() })
    }

    /// The row of these parts, where the columns suffice for them.
    fn laid_out(&self, parts: Parts, width: usize, now: Instant) -> Option<Line> {
        let texts = self.texts(parts, now);
        let middle: String = texts.iter().map(|text| format!(" {text}")).collect();
        let sources = self.sources.filter(|_| parts.sources).map(|(sources, connections)| {
            format!(" {}, {}", show_count(sources, "source"), show_count(connections, "connection"))
        });
        let sources = sources.unwrap_or_default();
        let has_bar = parts.bar && self.share().is_some();
        let bar_least = if has_bar { BAR_LEAST + " []".len() } else { 0 };
        let name = columns(&self.name);
        let name_least = name.min(parts.name_least);
        let fixed = columns(&middle) + columns(&sources);
        let spare = width.checked_sub(fixed + bar_least + name_least)?;
        // The name is shortened only once the bar is.
        let name = name.min(name_least + spare);
        let bar = (BAR_LEAST + spare - (name - name_least)).min(BAR_MOST);
        let bar = self.share().filter(|_| has_bar).map(|share| format!(" [{}]", drawn(share, bar)));
        Some(Line {
            name: shortened(&self.name, name),
            middle: format!("{}{middle}", bar.unwrap_or_default()),
            sources,
        })
    }

    fn texts(&self, parts: Parts, now: Instant) -> Vec<String> {
        let share = self.share().map(|share| format!("{:>3} %", share.floor()));
        let bytes = match self.size {
            _ if !parts.bytes || self.waits_for.is_some() && self.bytes == 0 => None,
            Some(size) => Some(format!("{}/{}", show_bytes(self.bytes), show_bytes(size))),
            None => Some(show_bytes(self.bytes)),
        };
        let pace = match (parts.pace, self.state(now)) {
            (Pace::None, _) | (_, State::Complete) => [None, None],
            (_, State::Waiting) => [self.waits_for.clone(), None],
            (_, State::Stalled) => [Some("stalled".into()), None],
            // The first bytes are no measure yet.
            (_, State::Moving) if self.rate < 1.0 => [None, None],
            (Pace::Rate, State::Moving) => [Some(show_rate(self.rate)), None],
            (Pace::RateAndTime, State::Moving) => {
                [Some(show_rate(self.rate)), self.left().map(|left| format!("eta {left}"))]
            }
        };
        [share, bytes].into_iter().chain(pace).flatten().collect()
    }

    /// Per cent of the file.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    fn share(&self) -> Option<f64> {
        let size = self.size?;
        Some(if size == 0 { 100.0 } else { (self.bytes as f64 / size as f64 * 100.0).min(100.0) })
    }

    /// The time that is left, where it can be told.
    fn left(&self) -> Option<String> {
        show_left(self.size?.saturating_sub(self.bytes), self.rate)
    }

    /// The line that is printed where rows cannot be drawn, when it is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<String> {
        let has_begun = self.sources.is_some();
        let is_due = has_begun && now.duration_since(self.printed) >= PLAIN_INTERVAL;
        is_due.then(|| {
            self.printed = now;
            self.plain(now)
        })
    }

    fn plain(&self, now: Instant) -> String {
        let share = self.share().map(|share| format!("{} %, ", share.floor())).unwrap_or_default();
        let bytes = show_bytes(self.bytes);
        let pace = match self.state(now) {
            State::Moving => format!(" at {}", show_rate(self.rate)),
            State::Waiting => format!(", {}", self.waits_for.clone().unwrap_or_default()),
            State::Stalled => ", stalled".into(),
            State::Complete => String::new(),
        };
        let left = self.left().filter(|_| self.state(now) == State::Moving);
        let left = left.map(|left| format!(", {left} left")).unwrap_or_default();
        let sources = self.sources.map(|(sources, connections)| {
            format!(", {}, {}", show_count(sources, "source"), show_count(connections, "connection"))
        });
        format!("{}: {share}{bytes}{pace}{left}{}", self.name, sources.unwrap_or_default())
    }
}

/// Whether bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Moving,
    Stalled,
    /// All bytes are here, and are being verified.
    Complete,
}

/// Time for so many bytes, none where that is beyond telling. It is never
/// zero: something is left.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for people")]
pub(super) fn show_left(bytes: u64, rate: f64) -> Option<String> {
    const LONGEST_HOURS: f64 = 100.0;
    if bytes == 0 || rate <= 0.0 {
        return None;
    }
    let seconds = (bytes as f64 / rate).ceil().max(1.0);
    if seconds >= LONGEST_HOURS * 3600.0 {
        return None;
    }
    let seconds = seconds as u64;
    Some(match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    })
}

/// A bar of so many columns.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for people")]
fn drawn(per_cent: f64, width: usize) -> String {
    let filled = ((per_cent / 100.0 * width as f64) as usize).min(width);
    let head = if filled < width { ">" } else { "" };
    format!("{:<width$}", format!("{}{head}", "=".repeat(filled)))
}

/// What the last segment of a URL says, decoded.
fn name_in_url(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let segment = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    match percent_encoding::percent_decode_str(segment).decode_utf8() {
        Ok(name) if !name.is_empty() => name.into_owned(),
        _ => segment.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn row(name: &str, now: Instant) -> Row {
        let mut row = Row::new("http://h.example/x", now);
        row.start(Some(name), Some(24 * MIB), 0, now);
        row.advance(12 * MIB, 3.0 * 1_048_576.0, (2, 5), now);
        row
    }

    fn text(row: &Row, width: usize, now: Instant) -> String {
        row.line(width, now).text()
    }

    #[test]
    fn the_bar_gives_way_first_then_the_name_then_the_sources() {
        let now = Instant::now();
        let row = row("debian-12.5.0-amd64-netinst.iso", now);
        let pace = "12.00 MiB/24.00 MiB 3.00 MiB/s eta 4s";
        let (long, short) = ("=".repeat(15) + ">" + &" ".repeat(14), "=".repeat(8) + ">" + &" ".repeat(8));
        for (width, line) in [
            (200, format!("debian-12.5.0-amd64-netinst.iso [{long}]  50 % {pace} 2 sources, 5 connections")),
            (120, format!("debian-12.5.0-amd64-netinst.iso [{short}]  50 % {pace} 2 sources, 5 connections")),
            (100, format!("debian-12.5..t.iso [=====>    ]  50 % {pace} 2 sources, 5 connections")),
            (80, format!("debian-12.5.0-..nst.iso [=====>    ]  50 % {pace}")),
            (60, format!("debian-12....iso  50 % {pace}")),
            (40, "debian-12....iso  50 % 3.00 MiB/s eta 4s".to_owned()),
            (30, "debian-1..iso  50 % 3.00 MiB/s".to_owned()),
            (18, "debian-..iso  50 %".to_owned()),
        ] {
            let got = text(&row, width, now);
            assert!(columns(&got) <= width, "{got}");
            assert_eq!(got, line, "at {width}");
        }
    }

    #[test]
    fn a_stalled_download_has_no_rate_and_no_time() {
        let now = Instant::now();
        let mut row = row("f", now);
        let later = now + STALL;
        assert!(text(&row, 80, later).contains("24.00 MiB stalled"), "{}", text(&row, 80, later));
        assert_eq!(row.plain(later), "f: 50 %, 12.00 MiB, stalled, 2 sources, 5 connections");
        // The rate is remembered, but the bytes do not come.
        row.advance(12 * MIB, 3e6, (1, 1), later);
        assert!(text(&row, 80, later).contains("stalled") && row.rate(later).is_none());
        row.advance(13 * MIB, 3e6, (1, 1), later);
        assert!(text(&row, 80, later).contains("eta 4s"), "{}", text(&row, 80, later));
    }

    #[test]
    fn what_is_left_is_never_nothing() {
        assert_eq!(show_left(1, 1e9).as_deref(), Some("1s"));
        assert_eq!(show_left(90, 1.0).as_deref(), Some("1m30s"));
        assert_eq!(show_left(7260, 1.0).as_deref(), Some("2h01m"));
        assert_eq!((show_left(0, 1.0), show_left(1, 0.0), show_left(u64::MAX, 1.0)), (None, None, None));
    }

    #[test]
    fn it_says_what_it_waits_for() {
        let now = Instant::now();
        let mut row = Row::new("https://h.example/a/%E6%96%87%20a.txt?sig=x", now);
        assert_eq!(text(&row, 80, now), "\u{6587} a.txt connecting");
        row.retry("h.example");
        assert_eq!(text(&row, 80, now), "\u{6587} a.txt retrying h.example");
        row.start(Some("deep/other.txt"), None, 0, now);
        row.advance(MIB, 2048.0, (1, 1), now);
        assert_eq!(text(&row, 80, now), "other.txt 1.00 MiB 2.00 KiB/s 1 source, 1 connection");
        row.start(Some("f"), Some(MIB), 0, now);
        row.advance(MIB, 2048.0, (0, 0), now);
        assert!(text(&row, 60, now).contains("100 %") && !text(&row, 60, now).contains("eta"));
    }

    #[test]
    fn a_name_cannot_disturb_the_terminal() {
        let now = Instant::now();
        let row = Row::new("http://h.example/a%1b%5b2J%0a%e2%80%aegpj.exe", now);
        assert_eq!(text(&row, 80, now), "a\u{fffd}[2J\u{fffd}\u{fffd}gpj.exe connecting");
        assert_eq!(Row::new("http://h.example/", now).name, "h.example");
        assert_eq!(Row::new("http://h.example/%ff", now).name, "%ff");
    }

    proptest! {
        #[test]
        fn no_row_takes_more_columns_than_there_are(
            name in "\\PC{1,60}|[\u{6587}a\u{301}\u{1f600}\u{fe0f}.]{1,60}",
            width in 1usize..220,
            (bytes, size) in (0u64..1 << 40, proptest::option::of(0u64..1 << 40)),
            rate in 0.0f64..1e12,
            age_s in 0u64..4,
            retries in any::<bool>(),
        ) {
            let now = Instant::now();
            let mut row = Row::new("http://h.example/x", now);
            row.start(Some(&name), size, 0, now);
            row.advance(bytes, rate, (3, 16), now);
            if retries {
                row.retry(&name);
            }
            let line = text(&row, width, now + Duration::from_secs(age_s));
            prop_assert!(columns(&line) <= width, "{} columns of {width}: {line}", columns(&line));
            prop_assert!(!line.contains("eta 0s"));
        }
    }
}
