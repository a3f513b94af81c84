//! The end of a download: digests compared, a liar's bytes fetched again, the
//! final name given, the receipt written.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::audit::AuditEnd;
use super::cached::Keepsake;
use super::lane::Expected;
use super::place::{finished, remembered, seal};
use super::receipt::{Proof, Receipt, Verified};
use super::remote_time::file_time;
use super::repair::{Repair, suspects};
use super::source::Source;
use super::{DigestRule, DownloadError, Engine, Event, Job, Observer, Promised, SourceState, blocking};
use crate::model::{Digest, DisplayUrl};
use crate::plan::freshness::StoredResponse;
use crate::plan::{Parts, RangeSet, RetryBudget, Role, Vouching};
use crate::store::cache::Entry;
use crate::store::{Download, Finished, StoreError, Summary, Target, Writer};

/// What a transfer delivered.
pub(super) struct Delivered {
    pub expected: Expected,
    /// What an earlier run left of them.
    pub resumed: RangeSet,
    pub truths: Vec<Promised>,
    pub sampled_bytes: u64,
    pub audit: Option<AuditEnd>,
    /// Whether the bytes came in parts, and why they may have.
    pub parts: Parts,
    /// When the last byte arrived.
    pub received_at: Instant,
    pub budget: RetryBudget,
    /// What lets the cache keep the file.
    pub storable: Option<StoredResponse>,
}

/// What finishing works with.
pub(super) struct Finish<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub cancel: &'a CancellationToken,
    pub job: &'a Job,
    pub target: Option<&'a Target>,
    pub writer: Arc<Writer>,
    /// The file that has the final name and is compared with what arrived.
    pub compared: Option<Box<Finished>>,
}

/// A comparison of digests that did not hold.
struct Contradiction {
    promised: Promised,
    got: Digest,
}

impl Finish<'_> {
    /// Verifies and commits.
    pub(super) async fn run(&self, delivered: Delivered, sources: &mut Vec<Source>) -> Result<Receipt, DownloadError> {
        let mut summary = self.writer.summary().await?;
        let mut compared = self.compare(&summary, &delivered).await?;
        let mut received_at = delivered.received_at;
        let mut suspects = if compared.is_err() { suspects(sources, &delivered.resumed) } else { Vec::new() };
        while compared.is_err()
            && let Some(suspect) = suspects.pop()
        {
            if self.repair(&delivered).mend(&suspect, sources).await? {
                received_at = Instant::now();
                summary = self.writer.summary().await?;
                compared = self.compare(&summary, &delivered).await?;
            }
        }
        let proven = compared.map_err(|wrong| DownloadError::Mismatch {
            by: wrong.promised.by.name(),
            expected: wrong.promised.digest,
            got: wrong.got,
        })?;
        if summary.streamed_wrong {
            return Err(DownloadError::Streamed);
        }
        if summary.bytes != delivered.expected.size {
            return Err(DownloadError::Size { expected: delivered.expected.size, got: summary.bytes });
        }
        let verified = self.verdict(proven, &delivered, sources)?;
        let hash_tail = received_at.elapsed();
        let already_there = self.is_already_there(&summary)?;
        self.commit(&summary, &delivered, verified.by).await?;
        let sha256 = Some(summary.digests[0].hex());
        let mut receipt =
            Receipt::untransferred(DisplayUrl(&self.job.url).to_string(), summary.bytes, sha256, verified);
        receipt.already_there = already_there;
        receipt.file = self.target.map(|target| target.name().to_owned());
        receipt.audit = delivered.audit;
        receipt.sources = sources.iter().map(Source::receipt).collect();
        receipt.hash_tail_seconds = Some(hash_tail.as_secs_f64());
        receipt.resumed_bytes = delivered.resumed.len();
        receipt.retries = delivered.budget.total();
        Ok(receipt)
    }

    /// Compares every digest that the user gave, else the strongest one that
    /// the origin gave. Gives the one that held, none where there is none.
    async fn compare(
        &self,
        summary: &Summary,
        delivered: &Delivered,
    ) -> Result<Result<Option<Promised>, Contradiction>, DownloadError> {
        let mut wanted: Vec<&Promised> = self.job.digests.iter().collect();
        if wanted.is_empty() {
            let strength =
                |promised: &&Promised| (promised.by, promised.digest.algorithm() != crate::model::Algorithm::Sha256);
            wanted.extend(delivered.truths.iter().min_by_key(strength));
        }
        let mut held = None;
        for promised in wanted {
            let algorithm = promised.digest.algorithm();
            let known = summary.digests.iter().find(|digest| digest.algorithm() == algorithm).cloned();
            let got = if let Some(digest) = known {
                digest
            } else {
                let (part, bytes) = (Arc::clone(&summary.part), summary.bytes);
                blocking(move || part.hash(bytes, [algorithm])).await?.pop().expect("the digest asked for")
            };
            if got != promised.digest {
                return Ok(Err(Contradiction { promised: promised.clone(), got }));
            }
            held.get_or_insert_with(|| promised.clone());
        }
        Ok(Ok(held))
    }

    fn repair<'a>(&'a self, delivered: &'a Delivered) -> Repair<'a> {
        Repair {
            engine: self.engine,
            observer: self.observer,
            cancel: self.cancel,
            writer: &self.writer,
            expected: &delivered.expected,
        }
    }

    fn verdict(
        &self,
        proven: Option<Promised>,
        delivered: &Delivered,
        sources: &[Source],
    ) -> Result<Verified, DownloadError> {
        let strong = |promised: &Promised| promised.digest.algorithm().is_collision_resistant();
        if self.job.digest_rule == DigestRule::Required && !proven.as_ref().is_some_and(strong) {
            return Err(DownloadError::NoDigest);
        }
        let honest = |source: &&Source| source.role == Role::Mirror && source.state != SourceState::Refused;
        let mirrored = sources.iter().filter(honest).any(|source| !source.given.is_empty());
        let by = match &proven {
            Some(promised) => promised.by,
            None if mirrored || !delivered.resumed.is_empty() => Proof::Unverified,
            None if delivered.parts == Parts::Allowed(Vouching::User) => Proof::Unverified,
            None => Proof::Origin,
        };
        let digest = proven.map(|promised| promised.digest.to_string());
        Ok(Verified { by, digest, sampled_bytes: delivered.sampled_bytes })
    }

    /// Whether the file that has the final name is what arrived. It is the
    /// user's: one with other content is not replaced without their word.
    fn is_already_there(&self, summary: &Summary) -> Result<bool, DownloadError> {
        match &self.compared {
            Some(finished) if summary.digests.contains(&finished.sha256) => Ok(true),
            Some(_) => {
                let name = self.target.map_or(std::path::Path::new(""), Target::name);
                Err(StoreError::Outdated(name.to_owned()).into())
            }
            None => Ok(false),
        }
    }

    /// Gives the file its final name, unless one with that content has it, and
    /// the cache its copy.
    async fn commit(&self, summary: &Summary, delivered: &Delivered, by: Proof) -> Result<(), DownloadError> {
        let sha256 = summary.digests[0].clone();
        let keepsake = self.keepsake(summary, delivered, by);
        let download = Download {
            validators: delivered.expected.validators.get(),
            ..finished(self.job, summary.bytes, sha256, by)
        };
        let (part, name) = (Arc::clone(&summary.part), self.target.map(|target| target.name().to_owned()));
        let (history, stays) = (self.engine.history.clone(), self.compared.is_some());
        let at = name.as_ref().and_then(|_| file_time(self.engine, self.observer, &download.validators));
        let committed = blocking(move || {
            // Before the final name: afterwards somebody could be editing the file.
            part.release();
            // Before cache and history look at it: both know a file by its time.
            at.map_or(Ok(()), |at| part.set_modified(at))?;
            let kept = keepsake.map_or(Ok(()), Keepsake::keep);
            let Some(name) = name else { return Ok::<_, StoreError>((kept, Ok(()))) };
            if stays {
                crate::store::remove(part.path());
                return Ok((kept, history.record(&name, &name, download).and_then(seal)));
            }
            part.sync()?;
            // Before the final name as well: whoever is killed in between must
            // not find a file of their own that the engine calls foreign.
            let recorded = history.record(&name, part.path(), download);
            part.commit(&name)?;
            Ok((kept, recorded.and_then(seal)))
        });
        let (kept, recorded) = committed.await?;
        if let Err(error) = kept {
            self.observer.event(&Event::warning(format!("the cache cannot keep the file: {error}")));
        }
        remembered(self.observer, recorded);
        Ok(())
    }

    fn keepsake(&self, summary: &Summary, delivered: &Delivered, by: Proof) -> Option<Keepsake> {
        let (cache, response) = self.engine.cache.clone().zip(delivered.storable.clone())?;
        let entry = Entry {
            url: self.job.url.clone(),
            digest: summary.digests[0].clone(),
            size: summary.bytes,
            proof: by.name().to_owned(),
            response,
        };
        // Bytes that nobody vouched for must not spread to other downloads.
        (by != Proof::Unverified && summary.part.is_staged()).then(|| Keepsake {
            cache,
            file: summary.part.path().to_owned(),
            entry,
        })
    }
}
