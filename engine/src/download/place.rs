//! Where the bytes go.

use std::path::{Path, PathBuf};

use http::header::{CONTENT_DISPOSITION, HeaderMap, HeaderValue};
use url::Url;

use super::receipt::Proof;
use super::{Event, Job, Observer, Output};
use crate::model::http::{Validators, disposition_file_name};
use crate::model::{Digest, Origin};
use crate::plan::names;
use crate::store::{Claimant, Download, Record, RunNames, StoreError, Target, longest_name};

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
            Way::Directory(directory) => Some(target_in(directory, naming.name(asked))?),
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

/// The target of this name, shortened to what the file system takes.
fn target_in(directory: &Path, name: String) -> Result<Target, StoreError> {
    Target::new(directory.join(names::fitted(name, longest_name(directory))))
}

/// The part of an earlier run lies under the name that the answer gave then,
/// which its journal tells.
fn expected_in(directory: &Path, url: &Url, names: &RunNames) -> Result<Target, StoreError> {
    let target = target_in(directory, names::from_url(url))?;
    if target.state().exists() {
        return Ok(target);
    }
    names.left(directory, &url_digest(url)).map_or(Ok(target), Target::new)
}

/// What the history keeps of a finished download.
pub(super) fn finished(job: &Job, size: u64, sha256: Digest, by: Proof) -> Download {
    let (proof, origin) = (by.name().to_owned(), Origin::of(&job.url).to_string());
    Download { url_digest: url_digest(&job.url), origin, size, sha256, validators: Validators::default(), proof }
}

/// Completes the record of a file that has its final name now.
pub(super) fn seal(record: Option<Record>) -> Result<(), StoreError> {
    record.map_or(Ok(()), Record::seal)
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

/// The digest by which journals know the server of a URL.
pub(super) fn origin_digest(url: &Url) -> Digest {
    crate::store::sha256(Origin::of(url).to_string().as_bytes())
}
