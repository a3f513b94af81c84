//! Comparing what others gave with what the origin gives.
//!
//! A mirror cannot know which of the bytes it has delivered will be asked of
//! the origin: the blocks are drawn after the bytes are on disk.

use std::sync::Arc;

use serde::Serialize;

use super::chance;
use super::seats::{PerHost, Seats};
use crate::model::ByteRange;
use crate::model::http::Validators;
use crate::net::{Body, Net, Wanted};
use crate::plan::{RangeSet, Vouching};
use crate::store::Writer;

use super::lane::Expected;
use super::route::Route;

/// Length of one compared block.
const BLOCK_BYTES: u64 = 16 * 1024;
/// Blocks compared each time.
const BLOCKS: usize = 2;

/// Whose bytes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// A mirror's, by the index of its source.
    Mirror(usize),
    /// Those that an earlier run left on disk.
    Resumed,
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// So many bytes are equal.
    Equal(u64),
    /// A block differs.
    Different,
    /// The origin, or who answers in its place, has another file.
    Changed,
    /// The origin could not be asked.
    Unknown,
}

/// How all comparisons of a download ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditEnd {
    /// Blocks of everybody who gave bytes were compared with the origin's.
    Complete,
    /// The origin did not answer in time: some bytes were compared with nothing.
    Abandoned,
}

/// One comparison.
pub(super) struct Audit {
    pub net: Net,
    pub seats: Seats,
    pub per_host: PerHost,
    pub origin: Route,
    pub expected: Expected,
    pub writer: Arc<Writer>,
    pub given: RangeSet,
}

impl Audit {
    /// Compares blocks drawn from the given bytes.
    pub(super) async fn run(self) -> Finding {
        // The bytes may still be in the writer's queue.
        let Ok(written) = self.writer.written().await else { return Finding::Unknown };
        let _seat = self.seats.first(&self.origin.host(), self.per_host).await;
        let mut compared = 0;
        for block in draw(&self.given) {
            if !written.contains(block) {
                continue;
            }
            match self.compare(block).await {
                Finding::Equal(bytes) => compared += bytes,
                other => return other,
            }
        }
        if compared == 0 { Finding::Unknown } else { Finding::Equal(compared) }
    }

    async fn compare(&self, block: ByteRange) -> Finding {
        let Ok(answer) = self.origin.ask(&self.net, Wanted::Range(block)).await else { return Finding::Unknown };
        let (block, size) = match answer.body() {
            Body::Part { range, size } if range == block => (block, Some(size)),
            // Whoever serves no ranges still shows how the file begins.
            Body::Whole(size) => (self.beginning(), size),
            _ => return Finding::Unknown,
        };
        let validators = Validators::of(answer.headers());
        let is_other = size.is_some_and(|size| size != self.expected.size);
        if is_other || !Vouching::User.admits(&self.expected.validators.get(), &validators) {
            return Finding::Changed;
        }
        let length = usize::try_from(block.len()).expect("a block is small");
        let Ok(theirs) = answer.first(length).await else { return Finding::Unknown };
        let part = self.writer.part();
        let read = tokio::task::spawn_blocking(move || {
            let mut ours = vec![0; length];
            part.read_at(&mut ours, block.start()).map(|()| ours)
        });
        match read.await {
            Ok(Ok(_)) if theirs.len() < length || block.is_empty() => Finding::Unknown,
            Ok(Ok(ours)) if ours == theirs => Finding::Equal(block.len()),
            Ok(Ok(_)) => Finding::Different,
            _ => Finding::Unknown,
        }
    }

    /// The first block, as far as it was given; empty where it was not.
    fn beginning(&self) -> ByteRange {
        let run = self.given.first().filter(|run| run.start() == 0);
        ByteRange::new(0, run.map_or(0, |run| run.end().min(BLOCK_BYTES)))
    }
}

fn draw(given: &RangeSet) -> Vec<ByteRange> {
    let total = given.len();
    let blocks = (0..BLOCKS).filter_map(|_| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "any position will do"
        )]
        let nth = (chance() * total as f64) as u64;
        let at = given.nth(nth.min(total.checked_sub(1)?))?;
        let run = given.iter().find(|run| run.start() <= at && at < run.end())?;
        let start = at.min(run.end().saturating_sub(BLOCK_BYTES).max(run.start()));
        Some(ByteRange::new(start, (start + BLOCK_BYTES).min(run.end())))
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_within_what_was_given() {
        let given = RangeSet::from(vec![ByteRange::new(10, 20), ByteRange::new(1 << 20, 2 << 20)]);
        for block in (0..100).flat_map(|_| draw(&given)) {
            assert!(given.contains(block) && !block.is_empty() && block.len() <= BLOCK_BYTES, "{block}");
        }
        assert!(draw(&RangeSet::default()).is_empty());
    }
}
