//! Where the bytes go, and what already stands there.

use std::path::PathBuf;

use url::Url;

use super::open::Representation;
use super::receipt::{Proof, Verified};
use super::{DownloadError, Engine, Event, Job, Observer, Output, Promised, Receipt, blocking};
use crate::model::http::{Agreement, Validators, disposition_file_name};
use crate::model::{Digest, DisplayUrl};
use crate::plan::names;
use crate::store::{Download, Finished, IfExists, StoreError, Target, hash_file, longest_name};

/// Where the bytes go.
#[derive(Debug)]
pub(super) enum Place {
    /// To this file.
    Known(Target),
    /// Into this directory, under a name that the first answer decides.
    Directory(PathBuf),
    /// To standard output.
    Stream,
}

impl Place {
    /// Checks the place before anything is fetched.
    pub(super) fn of(output: &Output, url: &Url) -> Result<Self, StoreError> {
        let place = match output {
            Output::File(path) => Self::Known(Target::new(path.clone())?),
            Output::Directory(directory) => Self::Directory(directory.clone()),
            Output::Stream(_) => Self::Stream,
        };
        if let Some(target) = place.expected(url)? {
            target.check_writable()?;
        }
        Ok(place)
    }

    /// The target as far as it is known before the first answer.
    pub(super) fn expected(&self, url: &Url) -> Result<Option<Target>, StoreError> {
        self.named(None, url)
    }

    /// The target, now that the server may have proposed a name.
    pub(super) fn settled(&self, headers: &http::HeaderMap, url: &Url) -> Result<Option<Target>, StoreError> {
        let proposed = headers.get(http::header::CONTENT_DISPOSITION);
        let proposed = proposed.and_then(|value| disposition_file_name(value.as_bytes()));
        self.named(proposed.as_deref(), url)
    }

    fn named(&self, proposed: Option<&str>, url: &Url) -> Result<Option<Target>, StoreError> {
        match self {
            Self::Known(target) => Ok(Some(target.clone())),
            Self::Directory(directory) => {
                let name = names::fitted(names::file_name(proposed, url), longest_name(directory));
                Target::new(directory.join(name)).map(Some)
            }
            Self::Stream => Ok(None),
        }
    }
}

/// Decides by what is on disk alone: a receipt when nothing is to be done.
pub(super) async fn settle_locally(job: &Job, target: &Target) -> Result<Option<Receipt>, DownloadError> {
    if !target.exists() {
        return Ok(None);
    }
    let name = target.name();
    match (job.if_exists, job.digests.first()) {
        (IfExists::Overwrite, _) | (IfExists::Resume, None) => Ok(None),
        (IfExists::Fail, _) => Err(StoreError::Exists(name.to_owned()).into()),
        (IfExists::Skip, _) => Ok(Some(already_there(job, target, None)?)),
        (IfExists::Resume, Some(promised)) => {
            let algorithms: Vec<_> = job.digests.iter().map(|promised| promised.digest.algorithm()).collect();
            let file = name.to_owned();
            let found = blocking(move || hash_file(&file, algorithms)).await?;
            if !job.digests.iter().all(|promised| found.contains(&promised.digest)) {
                return Err(StoreError::Foreign(name.to_owned()).into());
            }
            Ok(Some(already_there(job, target, Some(promised))?))
        }
    }
}

/// Decides by what the origin says now: a receipt when the finished file is
/// still the origin's.
pub(super) fn settle_with_origin(
    engine: &Engine,
    job: &Job,
    target: &Target,
    representation: &Representation,
) -> Result<Option<Receipt>, DownloadError> {
    if !target.exists() || job.if_exists == IfExists::Overwrite {
        return Ok(None);
    }
    let name = target.name();
    let known = engine.history.unchanged(name).filter(|finished| finished.url_digest == url_digest(&job.url));
    let Some(finished) = known else { return Err(StoreError::Foreign(name.to_owned()).into()) };
    if !is_still(&finished, representation) {
        return Err(StoreError::Outdated(name.to_owned()).into());
    }
    let mut receipt = already_there(job, target, None)?;
    receipt.verified.by = Proof::from_name(&finished.proof);
    receipt.sha256 = Some(finished.sha256.hex());
    Ok(Some(receipt))
}

fn is_still(finished: &Finished, representation: &Representation) -> bool {
    let same_size = representation.size.is_none_or(|size| size == finished.size);
    same_size && finished.validators.agrees(&representation.validators) != Agreement::Different
}

/// What the history keeps of a finished download.
pub(super) fn finished(job: &Job, size: u64, sha256: Digest, by: Proof) -> Download {
    let proof = by.name().to_owned();
    Download { url_digest: url_digest(&job.url), size, sha256, validators: Validators::default(), proof }
}

/// Tells when a finished download is not remembered.
pub(super) fn remembered(observer: &dyn Observer, recorded: Result<(), StoreError>) {
    // The file is complete whether or not it can be remembered.
    if let Err(error) = recorded {
        observer.event(&Event::warning(format!("the download cannot be remembered: {error}")));
    }
}

/// The digest by which journals and history know a URL.
pub(super) fn url_digest(url: &Url) -> Digest {
    crate::store::sha256(url.as_str().as_bytes())
}

fn already_there(job: &Job, target: &Target, proof: Option<&Promised>) -> Result<Receipt, StoreError> {
    target.tidy();
    let name = target.name();
    let size = target.bytes()?;
    let verified = Verified {
        by: proof.map_or(Proof::Unverified, |promised| promised.by),
        digest: proof.map(|promised| promised.digest.to_string()),
        sampled_bytes: 0,
    };
    let url = DisplayUrl(&job.url).to_string();
    let mut receipt = Receipt::untransferred(url, size, None, verified);
    receipt.file = Some(name.to_owned());
    receipt.already_there = true;
    Ok(receipt)
}
