//! The chain of lines, read and judged; nothing here touches a file.
//!
//! Each line names its own number and the SHA-256 of the line before, so that
//! a line which was changed, cut, moved or put in is found. What follows the
//! last line is known from the head alone.

use std::ops::Range;

use super::head::Head;
use super::record::{NO_LINE, Record, What};
use crate::store::sha256;

/// What is wrong with a log, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// A log whose lines belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// The last line.
    pub last: Option<Head>,
    /// The digests of all lines, in order.
    pub digests: Vec<String>,
    /// Lines in the file, those that a crash tore among them.
    pub lines: usize,
    /// Bytes behind the last line that are none: what a crash leaves.
    pub torn: Option<Range<usize>>,
    /// Whether the last line lacks its end, and nothing else.
    pub unterminated: bool,
}

struct Line<'a> {
    number: usize,
    start: usize,
    bytes: &'a [u8],
    record: Option<Record>,
    is_ended: bool,
}

/// Reads a whole log. A part of a line is no fault at the end, where a crash
/// leaves one, and before a line that owns up to it. The head tells which of
/// the last two lines was changed.
pub fn read(log: &[u8], head: Option<&Head>) -> Result<Chain, Fault> {
    let lines = lines(log);
    let mut chain = Chain { lines: lines.len(), ..Chain::default() };
    let mut torn: Option<(usize, usize)> = None;
    for (index, line) in lines.iter().enumerate() {
        let fault = |what: &str| Fault { line: line.number, what: what.into() };
        let Some(record) = &line.record else {
            torn.get_or_insert((line.start, line.number));
            continue;
        };
        let admitted = record.recovery.as_ref().and_then(|recovery| recovery.torn_sha256.as_deref());
        match (torn.take(), admitted) {
            (None, None) => {}
            (Some((start, _)), Some(digest)) if sha256(&log[start..line.start]).hex() == digest => {}
            (Some((_, number)), _) => return Err(Fault { line: number, what: "it is not a record".into() }),
            (None, Some(_)) => return Err(fault("the torn line before it is gone")),
        }
        let unconfirmed = record.recovery.as_ref().and_then(|recovery| recovery.unconfirmed);
        if record.recovery.is_some() != (record.what == What::Recovered)
            || unconfirmed.is_some_and(|number| number + 1 != record.sequence)
        {
            return Err(fault("it claims to continue what it does not"));
        }
        let next = lines.get(index + 1).map(|next| next.record.as_ref().map(|next| next.previous.as_str()));
        check_place(&chain, line, record, next.unwrap_or(head.map(|head| head.sha256.as_str())))?;
        chain.digests.push(sha256(line.bytes).hex());
        chain.last = chain.digests.last().map(|digest| Head { sequence: record.sequence, sha256: digest.clone() });
        chain.unterminated = !line.is_ended;
    }
    chain.torn = torn.map(|(start, _)| start..log.len());
    Ok(chain)
}

/// `vouched` is the digest that whatever comes after has for this line.
fn check_place(chain: &Chain, line: &Line<'_>, record: &Record, vouched: Option<&str>) -> Result<(), Fault> {
    let expected = chain.last.as_ref().map_or(1, |last| last.sequence + 1);
    if record.sequence != expected {
        let what = format!("it has the number {}, and {expected} belongs here", record.sequence);
        return Err(Fault { line: line.number, what });
    }
    let before = chain.last.as_ref().map_or(NO_LINE, |last| &last.sha256);
    if record.previous == before {
        return Ok(());
    }
    // Either this line or the one before was changed. When what comes after
    // still vouches for this one, it was the one before.
    let is_vouched = vouched == Some(&sha256(line.bytes).hex());
    let number = if is_vouched && line.number > 1 { line.number - 1 } else { line.number };
    Err(Fault { line: number, what: "it was changed, or the line before it is another".into() })
}

fn lines(log: &[u8]) -> Vec<Line<'_>> {
    let mut start = 0;
    let pieces = log.split_inclusive(|byte| *byte == b'\n').zip(1..);
    let lines = pieces.map(|(piece, number)| {
        let (bytes, is_ended) = piece.strip_suffix(b"\n").map_or((piece, false), |bytes| (bytes, true));
        let line = Line { number, start, bytes, record: Record::parse(bytes), is_ended };
        start += piece.len();
        line
    });
    lines.collect()
}

impl Chain {
    /// Holds the chain against the end that was kept beside it, and gives the
    /// number of a line that came after, which a crash leaves.
    pub fn against(&self, head: &Head) -> Result<Option<u64>, Fault> {
        let lines = self.digests.len() as u64;
        let fault = |line: u64, what: String| Fault { line: usize::try_from(line).unwrap_or(usize::MAX), what };
        if lines < head.sequence {
            let gone = head.sequence - lines;
            return Err(fault(lines + 1, format!("{gone} lines are cut off: the head knows {}", head.sequence)));
        }
        let digest = head.sequence.checked_sub(1).and_then(|index| self.digests.get(usize::try_from(index).ok()?));
        if digest != Some(&head.sha256) {
            return Err(fault(head.sequence, "it is not the line that the head knows".into()));
        }
        match lines - head.sequence {
            0 => Ok(None),
            1 => Ok(Some(lines)),
            _ => Err(fault(head.sequence + 1, "the head does not know this line and those after it".into())),
        }
    }
}
