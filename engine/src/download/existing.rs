//! What already has the final name: finished, foreign or outdated.
//!
//! The key invariant: a file counts as already there only for its content. A
//! digest that it was hashed for, or a strong validator under which this engine
//! finished it and that the origin still gives. Everything else is unknown, and
//! unknown is not equal.

use super::left::has_strong_digest;
use super::open::{Opened, Representation};
use super::place::url_digest;
use super::receipt::{Proof, Verified};
use super::remote_time::file_time;
use super::truth::Discovery;
use super::{
    DigestRule, DownloadError, Engine, Event, Job, Observer, PlainPartial, Promised, Receipt, Recheck, blocking,
};
use crate::model::http::Agreement;
use crate::model::{Algorithm, DisplayUrl, Origin};
use crate::plan::Role;
use crate::store::{Finished, IfExists, StoreError, Target, hash_file};

/// What to do about the file that has the final name.
pub(super) enum Existing {
    /// Nothing: it is what was asked for.
    Settled(Box<Receipt>),
    /// Nothing is there that matters: download.
    Fetch,
    /// A finished file of which nothing can say whether it is current: download
    /// next to it, and compare.
    Compare(Box<Finished>),
}

/// Decides by what is on disk alone: a receipt when nothing is to be done.
pub(super) async fn settle_locally(
    (engine, observer): (&Engine, &dyn Observer),
    job: &Job,
    target: &Target,
) -> Result<Option<Receipt>, DownloadError> {
    if !target.exists() {
        return Ok(None);
    }
    let needs_digest = job.digest_rule == DigestRule::Required;
    match (job.if_exists, job.digests.is_empty()) {
        (IfExists::Fail, _) => Err(StoreError::Exists(target.name().to_owned()).into()),
        (IfExists::Skip, true) if !needs_digest => Ok(Some(already_there(job, target, unproven())?)),
        (IfExists::Overwrite, _) | (IfExists::Resume | IfExists::Skip, true) => Ok(None),
        (IfExists::Resume | IfExists::Skip, false) => {
            // A weak digest alone does not satisfy `--require-checksum`.
            if needs_digest && !job.digests.iter().any(|promised| promised.digest.algorithm().is_collision_resistant())
            {
                return Err(DownloadError::NoDigest);
            }
            match hashed(job, target, &job.digests).await? {
                Some(receipt) => {
                    if let Some(finished) = unchanged(engine, target).await? {
                        date(engine, observer, target, finished)?;
                    }
                    Ok(Some(receipt))
                }
                None if continues_partial(job) => Ok(None),
                None => Err(StoreError::Foreign(target.name().to_owned()).into()),
            }
        }
    }
}

/// Whether a file that another program began is to be continued.
fn continues_partial(job: &Job) -> bool {
    job.partial == PlainPartial::Continued && job.if_exists == IfExists::Resume
}

/// What the origin's answer is compared with.
pub(super) struct Answered<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub opened: &'a Opened,
    /// Whether the origin gave that answer.
    pub by: Role,
    /// Digests that the answer states.
    pub stated: &'a [Promised],
    /// Digests that the origin's metadata states.
    pub discovery: &'a Discovery,
}

impl Answered<'_> {
    /// Decides by what the origin says now.
    pub(super) async fn settle(&self, job: &Job, target: &Target) -> Result<Existing, DownloadError> {
        if !target.exists() || job.if_exists == IfExists::Overwrite {
            return Ok(Existing::Fetch);
        }
        let name = target.name();
        let finished = self.finished(job, target).await?;
        // It was hashed before the origin was asked, and is not what was promised.
        if finished.is_some() && !job.digests.is_empty() {
            return Err(StoreError::Foreign(name.to_owned()).into());
        }
        if let Some(receipt) = self.by_digest(job, target, finished.is_some()).await? {
            return Ok(Existing::Settled(Box::new(receipt)));
        }
        let Some(finished) = finished else {
            continues_plainly(job, target, &self.opened.representation)?;
            return Ok(Existing::Fetch);
        };
        match self.agreement(&finished) {
            Agreement::Different => Err(StoreError::Outdated(name.to_owned()).into()),
            Agreement::Same => {
                let receipt = remembered(job, target, &finished)?;
                date(self.engine, self.observer, target, finished)?;
                Ok(Existing::Settled(Box::new(receipt)))
            }
            Agreement::Unknown if self.engine.options.recheck == Recheck::Keep => {
                self.observer.event(&Event::warning(
                    "the origin cannot say whether the file is current; it is kept (recheck = keep)",
                ));
                Ok(Existing::Settled(Box::new(already_there(job, target, unproven())?)))
            }
            Agreement::Unknown => {
                self.observer.event(&Event::warning(
                    "the origin cannot say whether the finished file is current; downloading it again to compare",
                ));
                Ok(Existing::Compare(Box::new(finished)))
            }
        }
    }

    /// The record of the file, where this engine finished it from the same
    /// place and its content is still the same.
    async fn finished(&self, job: &Job, target: &Target) -> Result<Option<Finished>, DownloadError> {
        let known = unchanged(self.engine, target).await?;
        let (url, origin) = (url_digest(&job.url), Origin::of(&job.url).to_string());
        // A signed link is renewed with another query: its origin's validators go on to count.
        Ok(known.filter(|known| {
            known.url_digest == url
                || known.origin.as_ref() == Some(&origin) && self.agreement(known) == Agreement::Same
        }))
    }

    /// Whether the origin still has the content that was finished.
    fn agreement(&self, finished: &Finished) -> Agreement {
        let representation = &self.opened.representation;
        if representation.size.is_some_and(|size| size != finished.size) {
            return Agreement::Different;
        }
        match self.by {
            Role::Origin => finished.validators.agrees(&representation.validators),
            Role::Mirror => Agreement::Unknown,
        }
    }

    /// Hashes the file where a digest is known, or needed.
    async fn by_digest(&self, job: &Job, target: &Target, is_own: bool) -> Result<Option<Receipt>, DownloadError> {
        let mut known = self.stated.to_vec();
        if job.digest_rule == DigestRule::Required {
            known.extend(self.discovery.found().await);
        }
        let strong = |promised: &&Promised| promised.digest.algorithm().is_collision_resistant();
        let Some(promised) = known.iter().filter(strong).min_by_key(|promised| promised.by) else {
            return if job.digest_rule == DigestRule::Required { Err(DownloadError::NoDigest) } else { Ok(None) };
        };
        let name = target.name().to_owned();
        match hashed(job, target, std::slice::from_ref(promised)).await? {
            Some(receipt) => Ok(Some(receipt)),
            None if is_own => Err(StoreError::Outdated(name).into()),
            None if continues_partial(job) => Ok(None),
            None => Err(StoreError::Foreign(name).into()),
        }
    }
}

/// Whether a plain file may be the beginning of what the origin has.
fn continues_plainly(job: &Job, target: &Target, representation: &Representation) -> Result<(), DownloadError> {
    let name = target.name();
    let is_shorter = target.bytes()? < representation.size.unwrap_or(0);
    if !continues_partial(job) || !is_shorter || !name.symlink_metadata().is_ok_and(|data| data.is_file()) {
        return Err(StoreError::Foreign(name.to_owned()).into());
    }
    if !has_strong_digest(job) && !representation.validators.is_strong() {
        return Err(StoreError::Unproven(name.to_owned()).into());
    }
    Ok(())
}

/// The record of a file that is as it was finished.
async fn unchanged(engine: &Engine, target: &Target) -> Result<Option<Finished>, DownloadError> {
    let (history, name) = (engine.history.clone(), target.name().to_owned());
    Ok(blocking(move || history.unchanged(&name)).await?)
}

/// Gives a finished file of an earlier run the origin's time, and has the
/// history remember it so.
fn date(engine: &Engine, observer: &dyn Observer, target: &Target, finished: Finished) -> Result<(), StoreError> {
    let Some(at) = file_time(engine, observer, &finished.validators) else { return Ok(()) };
    if engine.history.redate(target.name(), at, finished)? {
        tracing::info!("{}: given the time of the origin", target.name().display());
    }
    Ok(())
}

/// The receipt of a file that has every one of these digests.
async fn hashed(job: &Job, target: &Target, wanted: &[Promised]) -> Result<Option<Receipt>, DownloadError> {
    let algorithms: Vec<_> = wanted.iter().map(|promised| promised.digest.algorithm()).collect();
    let file = target.name().to_owned();
    let found = blocking(move || hash_file(&file, algorithms)).await?;
    let held = wanted.iter().all(|promised| found.contains(&promised.digest));
    let Some(first) = wanted.first().filter(|_| held) else { return Ok(None) };
    let verified = Verified { by: first.by, digest: Some(first.digest.to_string()), ..unproven() };
    let mut receipt = already_there(job, target, verified)?;
    receipt.sha256 = found.iter().find(|digest| digest.algorithm() == Algorithm::Sha256).map(crate::model::Digest::hex);
    Ok(Some(receipt))
}

/// The receipt of a file that is as this engine finished it.
pub(super) fn remembered(job: &Job, target: &Target, finished: &Finished) -> Result<Receipt, StoreError> {
    let mut receipt = already_there(job, target, Verified { by: Proof::from_name(&finished.proof), ..unproven() })?;
    receipt.sha256 = Some(finished.sha256.hex());
    Ok(receipt)
}

fn unproven() -> Verified {
    Verified { by: Proof::Unverified, digest: None, sampled_bytes: 0 }
}

fn already_there(job: &Job, target: &Target, verified: Verified) -> Result<Receipt, StoreError> {
    target.tidy();
    let url = DisplayUrl(&job.url).to_string();
    let mut receipt = Receipt::untransferred(url, target.bytes()?, None, verified);
    receipt.file = Some(target.name().to_owned());
    receipt.already_there = true;
    Ok(receipt)
}
