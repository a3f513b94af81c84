//! The search for who gave wrong bytes, once the digest of the whole file is wrong.
//!
//! The bytes of one suspect after the other are fetched again, from the origin,
//! and compared with those on disk. Where they differ the suspect is named, and
//! those bytes, and no others, are replaced.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::audit::Subject;
use super::lane::Expected;
use super::source::Source;
use super::transfer::{Purpose, Setup, Strangers, Transfer};
use super::{DownloadError, Engine, Event, Observer, SourceState};
use crate::model::{ByteRange, DisplayUrl};
use crate::plan::{RangeSet, RetryBudget, Role};
use crate::store::Writer;

/// What the search works with.
pub(super) struct Repair<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub cancel: &'a CancellationToken,
    pub writer: &'a Arc<Writer>,
    pub expected: &'a Expected,
}

/// Somebody other than the origin in this run, and the bytes that are theirs.
pub(super) struct Suspect {
    subject: Subject,
    bytes: RangeSet,
}

/// Everybody whose bytes may be wrong, the one with the fewest bytes last.
/// Nobody where the origin cannot be asked.
pub(super) fn suspects(sources: &[Source], resumed: &RangeSet) -> Vec<Suspect> {
    if sources[0].is_dropped() {
        return Vec::new();
    }
    let mirrors = sources.iter().enumerate().filter(|(_, source)| source.role == Role::Mirror);
    let mirrors = mirrors.map(|(index, source)| (Subject::Mirror(index), source.given.clone()));
    let all = mirrors.chain([(Subject::Resumed, resumed.clone())]);
    let mut suspects: Vec<Suspect> = all.map(|(subject, bytes)| Suspect { subject, bytes }).collect();
    suspects.retain(|suspect| !suspect.bytes.is_empty());
    suspects.sort_by_key(|suspect| std::cmp::Reverse(suspect.bytes.len()));
    suspects
}

impl Repair<'_> {
    /// Compares the suspect's bytes with the origin's and replaces the wrong
    /// ones. Gives whether there were any.
    pub(super) async fn mend(&self, suspect: &Suspect, sources: &mut Vec<Source>) -> Result<bool, DownloadError> {
        let message = format!(
            "the digest is wrong: comparing {} bytes of {} with the origin",
            suspect.bytes.len(),
            suspect.name(sources)
        );
        self.observer.event(&Event::warning(message));
        // What was found before is settled.
        self.writer.take_disagreements();
        self.fetch(&suspect.bytes, Purpose::Compare, sources).await?;
        self.writer.written().await?;
        let wrong = self.writer.take_disagreements();
        if wrong.is_empty() {
            return Ok(false);
        }
        let message = format!("{} gave wrong bytes; {} are fetched again", suspect.name(sources), wrong.len());
        self.observer.event(&Event::warning(message));
        if let Subject::Mirror(index) = suspect.subject {
            let event =
                sources[index].become_state(SourceState::Refused, Some("its bytes differ from the origin's".into()));
            self.observer.event(&event);
        }
        self.writer.forget(wrong.clone())?;
        self.fetch(&wrong, Purpose::Fetch, sources).await?;
        Ok(true)
    }

    /// Fetches `bytes` from the origin alone.
    async fn fetch(&self, bytes: &RangeSet, purpose: Purpose, sources: &mut Vec<Source>) -> Result<(), DownloadError> {
        let mut have = RangeSet::of(ByteRange::new(0, self.expected.size));
        have.remove_all(bytes);
        let mut others: Vec<Source> = sources.drain(1..).collect();
        let setup = Setup {
            engine: self.engine,
            observer: self.observer,
            sources: std::mem::take(sources),
            writer: Arc::clone(self.writer),
            expected: self.expected.clone(),
            have,
            resumed: RangeSet::default(),
            budget: RetryBudget::new(self.engine.options.retry),
            purpose,
            strangers: Strangers::Admitted,
        };
        let outcome = Transfer::new(setup).run(self.cancel).await;
        *sources = outcome.sources;
        sources.append(&mut others);
        outcome.result
    }
}

impl Suspect {
    fn name(&self, sources: &[Source]) -> String {
        match self.subject {
            Subject::Mirror(index) => DisplayUrl(&sources[index].url).to_string(),
            Subject::Resumed => "the earlier run".into(),
        }
    }
}
