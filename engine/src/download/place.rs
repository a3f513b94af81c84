//! Where the bytes go, and what already stands there.

use std::path::{Path, PathBuf};

use http::header::{CONTENT_DISPOSITION, HeaderMap, HeaderValue};
use url::Url;

use super::open::Representation;
use super::receipt::{Proof, Verified};
use super::remote_time::file_time;
use super::{DownloadError, Engine, Event, Job, Observer, Output, Promised, Receipt, blocking};
use crate::model::http::{Agreement, Validators, disposition_file_name};
use crate::model::{Digest, DisplayUrl};
use crate::plan::names;
use crate::store::{Claimant, Download, Finished, IfExists, RunNames, StoreError, Target, hash_file};

/// Where the bytes go.
#[derive(Debug)]
pub(super) struct Place {
    way: Way,
    /// The target as far as it is known before the first answer.
    expected: Option<Target>,
    names: RunNames,
    claimant: Claimant,
}

/// How the place is named.
#[derive(Debug)]
enum Way {
    /// This file.
    Known,
    /// In this directory, under a name that the first answer decides.
    Directory(PathBuf),
    /// To standard output.
    Stream,
}

/// What of an answer names the file.
pub(super) struct Naming<'a> {
    /// The fields; none where they are not the origin's.
    pub headers: Option<&'a HeaderMap>,
    /// The URL at the end of all redirects.
    pub answered: &'a Url,
}

impl Naming<'_> {
    fn proposed(&self) -> Option<String> {
        disposition_file_name(self.headers?.get(CONTENT_DISPOSITION)?.as_bytes())
    }

    fn name(&self, asked: &Url) -> String {
        names::file_name(self.proposed().as_deref(), self.answered, asked)
    }

    /// The fields for the cache, which knows files by the URL that was asked
    /// for: a name that a redirect gave is among them as a proposed one.
    pub(super) fn recorded(&self, asked: &Url) -> HeaderMap {
        let mut headers = self.headers.cloned().unwrap_or_default();
        let name = self.name(asked);
        if self.proposed().is_none() && name != names::from_url(asked) {
            let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
            let field = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{encoded}"));
            headers.insert(CONTENT_DISPOSITION, field.expect("percent-encoding is ASCII"));
        }
        headers
    }
}

impl Place {
    /// Checks the place before anything is fetched.
    pub(super) fn of(output: &Output, url: &Url, names: &RunNames) -> Result<Self, StoreError> {
        let (way, expected) = match output {
            Output::File(path) => (Way::Known, Some(Target::new(path.clone())?)),
            Output::Directory(directory) => {
                (Way::Directory(directory.clone()), Some(expected_in(directory, url, names)?))
            }
            Output::Stream(_) => (Way::Stream, None),
        };
        let place = Self { way, expected, names: names.clone(), claimant: names.claimant() };
        if let Some(target) = place.expected() {
            target.check_writable()?;
        }
        Ok(place)
    }

    /// The target as far as it is known before the first answer: under the
    /// name that the URL gives, or the one that an earlier run was given.
    pub(super) fn expected(&self) -> Option<&Target> {
        self.expected.as_ref()
    }

    /// The target, now that the server may have proposed a name. Within a run
    /// no other download gets the same one.
    pub(super) fn settled(&self, naming: &Naming<'_>, asked: &Url) -> Result<Option<Target>, StoreError> {
        let target = match &self.way {
            Way::Known => self.expected.clone(),
            Way::Directory(directory) => Some(Target::new(directory.join(naming.name(asked)))?),
            Way::Stream => None,
        };
        target.iter().try_for_each(|target| self.claim(target))?;
        Ok(target)
    }

    /// Takes a name for this download.
    pub(super) fn claim(&self, target: &Target) -> Result<(), StoreError> {
        self.names.claim(target.name(), self.claimant)
    }
}

/// The part of an earlier run lies under the name that the answer gave then,
/// which its journal tells.
fn expected_in(directory: &Path, url: &Url, names: &RunNames) -> Result<Target, StoreError> {
    let target = Target::new(directory.join(names::from_url(url)))?;
    if target.state().exists() {
        return Ok(target);
    }
    names.left(directory, &url_digest(url)).map_or(Ok(target), Target::new)
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
            if let Some(finished) = known(engine, job, name) {
                date(engine, observer, name, finished)?;
            }
            Ok(Some(already_there(job, target, Some(promised))?))
        }
    }
}

/// Decides by what the origin says now: a receipt when the finished file is
/// still the origin's.
pub(super) fn settle_with_origin(
    (engine, observer): (&Engine, &dyn Observer),
    job: &Job,
    target: &Target,
    representation: &Representation,
) -> Result<Option<Receipt>, DownloadError> {
    if !target.exists() || job.if_exists == IfExists::Overwrite {
        return Ok(None);
    }
    let name = target.name();
    let Some(finished) = known(engine, job, name) else { return Err(StoreError::Foreign(name.to_owned()).into()) };
    if !is_still(&finished, representation) {
        return Err(StoreError::Outdated(name.to_owned()).into());
    }
    let mut receipt = already_there(job, target, None)?;
    receipt.verified.by = Proof::from_name(&finished.proof);
    receipt.sha256 = Some(finished.sha256.hex());
    date(engine, observer, name, finished)?;
    Ok(Some(receipt))
}

/// What is remembered of a finished download of this URL, while the file is as
/// it was.
fn known(engine: &Engine, job: &Job, name: &Path) -> Option<Finished> {
    engine.history.unchanged(name).filter(|finished| finished.url_digest == url_digest(&job.url))
}

fn is_still(finished: &Finished, representation: &Representation) -> bool {
    let same_size = representation.size.is_none_or(|size| size == finished.size);
    same_size && finished.validators.agrees(&representation.validators) != Agreement::Different
}

/// Gives a finished file of an earlier run the origin's time, and has the
/// history remember it so.
fn date(engine: &Engine, observer: &dyn Observer, name: &Path, finished: Finished) -> Result<(), StoreError> {
    let Some(at) = file_time(engine, observer, &finished.validators) else { return Ok(()) };
    if engine.history.redate(name, at, finished)? {
        tracing::info!("{}: given the time of the origin", name.display());
    }
    Ok(())
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
