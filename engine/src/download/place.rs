//! Where the bytes go.

use std::path::PathBuf;

use url::Url;

use super::receipt::Proof;
use super::{Event, Job, Observer, Output};
use crate::model::http::{Validators, disposition_file_name};
use crate::model::{Digest, Origin};
use crate::plan::names;
use crate::store::{Download, Record, StoreError, Target};

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
            Self::Directory(directory) => Target::new(directory.join(names::file_name(proposed, url))).map(Some),
            Self::Stream => Ok(None),
        }
    }
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
