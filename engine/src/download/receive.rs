//! All bytes of a file, as one stream or in parts, and the origin's own digests
//! meanwhile.

use std::sync::Arc;
use std::time::Instant;

use super::attempt::{Attempt, Begun};
use super::cached::storable;
use super::finish::Delivered;
use super::lane::Expected;
use super::left::stated_digests;
use super::open::Opened;
use super::single::Single;
use super::source::Source;
use super::transfer::{Outcome, Purpose, Setup, Strangers, Transfer};
use super::truth::promised;
use super::{DigestRule, DownloadError, Job, Promised, Proof};
use crate::net::Scoped;
use crate::plan::freshness::StoredResponse;
use crate::plan::{Parts, RangeSet, RetryBudget, Role, Vouching};
use crate::store::Writer;

/// A file that comes as one stream, and what is known of it by its first answer.
struct OneStream {
    opened: Opened,
    budget: RetryBudget,
    writer: Arc<Writer>,
    truths: Vec<Promised>,
    storable: Option<StoredResponse>,
}

impl Attempt<'_> {
    /// Receives all bytes, and the origin's own digests meanwhile.
    pub(super) async fn receive(
        &self,
        job: &Job,
        sources: &mut Vec<Source>,
        begun: Begun,
    ) -> Result<Delivered, DownloadError> {
        let Begun { opened, resumed, budget, writer } = begun;
        let from_origin = sources[opened.source].role == Role::Origin;
        let is_plain = opened.response.codings().is_identity();
        let is_public = from_origin && is_plain && !self.engine.introduces_user(job);
        let scoped = sources[0].scoped.as_ref().map(Scoped::headers);
        let storable =
            scoped.filter(|_| is_public).and_then(|sent| storable(sent, &opened.naming(&job.url).recorded(&job.url)));
        let stated = stated_digests(&opened);
        let mut truths = if from_origin { promised(stated, Proof::ReprDigest) } else { Vec::new() };
        let (engine, observer) = (self.engine, self.observer);
        let validators = opened.representation.validators.clone();
        let sized = opened.representation.part_from.zip(opened.representation.size);
        let Some((start, size)) = sized else {
            let stream = OneStream { opened, budget, writer, truths, storable };
            return self.receive_one_stream(job, sources, stream).await;
        };
        let by = if let Parts::Allowed(by) = self.parts { by } else { Vouching::Validator };
        let expected = Expected { size, validators: validators.into(), by };
        let setup = Setup {
            engine,
            observer,
            sources: std::mem::take(sources),
            writer,
            expected: expected.clone(),
            have: resumed.clone(),
            resumed: resumed.clone(),
            budget,
            purpose: Purpose::Fetch,
            strangers: if self.bars_strangers(job, &truths) {
                Strangers::Barred(self.discovery.clone())
            } else {
                Strangers::Admitted
            },
        };
        let (outcome, found) = self.transfer(job, setup, opened, start).await;
        truths.extend(found);
        let Outcome { sources: used, budget, sampled_bytes, audit, received_at, result } = outcome;
        *sources = used;
        result.inspect_err(|error| {
            // Whoever answered first with another file than the origin's must
            // not lead the next attempt astray.
            if matches!(error, DownloadError::Changing) {
                for mirror in sources.iter_mut().filter(|source| source.role == Role::Mirror) {
                    let _ =
                        mirror.become_state(super::SourceState::Refused, Some("it disagrees with the origin".into()));
                }
            }
        })?;
        let parts = self.parts;
        Ok(Delivered { expected, resumed, truths, sampled_bytes, audit, parts, received_at, budget, storable })
    }

    /// Receives a file that comes as one stream.
    async fn receive_one_stream(
        &self,
        job: &Job,
        sources: &mut [Source],
        stream: OneStream,
    ) -> Result<Delivered, DownloadError> {
        let OneStream { opened, mut budget, writer, mut truths, storable } = stream;
        let validators = opened.representation.validators.clone();
        let from_origin = sources[opened.source].role == Role::Origin;
        let single = Single {
            engine: self.engine,
            observer: self.observer,
            writer,
            size: opened.representation.size,
            promised: job.size,
            validators: validators.clone(),
            is_decoded: opened.response.is_decoded(),
        };
        let source = &mut sources[opened.source];
        let _ = source.become_state(super::SourceState::Active, None);
        let size = single.run(source, opened, &mut budget, self.cancel).await;
        let size = size.map_err(|error| if from_origin { self.elsewhere(error, job, sources) } else { error })?;
        let received_at = Instant::now();
        if job.digest_rule == DigestRule::Required {
            truths.extend(self.discovery.found().await);
        }
        let expected = Expected { size, validators: validators.into(), by: Vouching::Validator };
        Ok(Delivered {
            expected,
            resumed: RangeSet::default(),
            truths,
            sampled_bytes: 0,
            audit: None,
            parts: Parts::Single,
            received_at,
            budget,
            storable,
        })
    }

    async fn transfer(&self, job: &Job, setup: Setup<'_>, opened: Opened, start: u64) -> (Outcome, Vec<Promised>) {
        let needs_truth = setup.sources.len() > 1 || job.digest_rule == DigestRule::Required;
        let mut transfer = Transfer::new(setup);
        transfer.adopt(opened, start);
        let running = transfer.run(self.cancel);
        tokio::pin!(running);
        let outcome = tokio::select! {
            outcome = &mut running => outcome,
            _ = self.discovery.found(), if needs_truth => running.await,
        };
        // Without a mirror's byte nothing needs to be proven.
        let mirrored = outcome.sources.iter().skip(1).any(|source| !source.given.is_empty());
        let wanted = outcome.result.is_ok() && (mirrored || job.digest_rule == DigestRule::Required);
        let found = if wanted && job.digests.is_empty() { self.discovery.found().await } else { Vec::new() };
        (outcome, found)
    }
}
