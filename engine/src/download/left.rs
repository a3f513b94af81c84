//! What an earlier run left of a file, and whether an answer goes on with it.
//!
//! The key invariant: a part is given up only for what is known to be the file.
//! Whatever else a server says, a login page among it, leaves the part as it is.

use std::path::PathBuf;

use http::header::CONTENT_TYPE;

use super::attempt::Attempt;
use super::open::Opened;
use super::place::{origin_digest, url_digest};
use super::source::Source;
use super::{DownloadError, Event, Job, PlainPartial, blocking};
use crate::model::http::{Validators, file_digests};
use crate::model::{ByteRange, Digest};
use crate::plan::{Answered, Begun, KnownDigest, Resumption, Role};
use crate::store::{IfExists, Journal, StoreError, Target, Writer, adopt, begins};

/// Longest media type that a message shows.
const MEDIA_TYPE_BYTES: usize = 60;

/// Which URL began a partial file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BegunBy {
    /// The one that is asked for now.
    ThisUrl,
    /// Another one of its server: a signed link that was renewed, for instance.
    ThisOrigin,
    /// One of another server, whose validators mean nothing here.
    Another,
}

/// A part with its journal.
pub(super) struct Left {
    pub journal: Journal,
    pub begun_by: BegunBy,
    pub part: PathBuf,
    /// The file of another program that it would be copied from, and its length.
    pub plain: Option<(PathBuf, u64)>,
}

impl Left {
    /// The condition under which the rest is asked for: a validator means
    /// something to the server that gave it alone.
    pub(super) fn if_range(&self) -> Option<String> {
        (self.begun_by != BegunBy::Another).then(|| self.journal.validators.if_range()).flatten()
    }

    /// The first byte that it lacks.
    pub(super) fn start(&self) -> u64 {
        self.plain.as_ref().map_or_else(|| first_missing(&self.journal), |(_, bytes)| *bytes)
    }

    /// The journal of what is there, for this answer. Copies the file of another
    /// program into the part.
    pub(super) async fn taken_over(self, opened: &Opened) -> Result<Journal, DownloadError> {
        let Some((plain, bytes)) = self.plain else { return Ok(self.journal) };
        let size = opened.representation.size.unwrap_or(bytes);
        let part = self.part;
        let runs = blocking(move || adopt(&plain, bytes, &part, size)).await?;
        let validators = opened.representation.validators.clone();
        Ok(Journal { size, validators, runs, ..self.journal })
    }

    /// What becomes of it after this answer.
    pub(super) fn resumption(&self, opened: &Opened, sources: &[Source], job: &Job) -> Resumption {
        let none = Validators::default();
        let answer = &opened.representation;
        if let Some((_, bytes)) = &self.plain {
            let goes_on = answer.part_from == Some(*bytes) && answer.size.is_some_and(|size| size > *bytes);
            return if goes_on { Resumption::Continue } else { Resumption::Restart };
        }
        // Across hosts validators mean nothing.
        let is_comparable = sources[opened.source].role == Role::Origin && self.begun_by != BegunBy::Another;
        let (began, validators) =
            if is_comparable { (&self.journal.validators, &answer.validators) } else { (&none, &none) };
        let begun = Begun { validators: began, size: self.journal.size, start: self.start() };
        let answered = Answered { validators, size: answer.size, part_from: answer.part_from };
        let digest = if has_strong_digest(job) { KnownDigest::Some } else { KnownDigest::None };
        match Resumption::of(&begun, &answered, digest) {
            // Another URL of another server is as likely another file.
            Resumption::Keep if self.begun_by == BegunBy::Another => Resumption::Restart,
            decided => decided,
        }
    }

    /// The warning where it is given up.
    pub(super) fn why_restarted(&self) -> String {
        let what = match self.begun_by {
            _ if self.plain.is_some() => "the server does not serve the rest of the file that is there",
            BegunBy::ThisUrl => "the file has changed, or cannot be proven unchanged, since the earlier run",
            BegunBy::ThisOrigin | BegunBy::Another => {
                "the earlier run began with another URL, whose file is not proven to be this one"
            }
        };
        format!("{what}; starting from the beginning")
    }

    /// The error for an answer that is not known to be the file.
    pub(super) fn not_the_file(&self, opened: &Opened) -> DownloadError {
        let headers = opened.response.headers();
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.map(|text| text.chars().take(MEDIA_TYPE_BYTES).collect::<String>());
        let of_type = media_type.map(|text| format!(" of {}", text.escape_default())).unwrap_or_default();
        let size = match opened.representation.size {
            Some(0) => "an empty answer".to_owned(),
            Some(size) => format!("{size} bytes{of_type}"),
            None => format!("an answer{of_type} without a length"),
        };
        let lacks = if opened.representation.own.is_strong() { "" } else { " and no strong validator" };
        DownloadError::NotTheFile {
            host: opened.response.url().host_str().unwrap_or("").to_owned(),
            what: format!("{} ({size}{lacks})", opened.response.status()),
            part: self.part.clone(),
        }
    }
}

impl Attempt<'_> {
    /// What an earlier run left, where it may be of use.
    pub(super) fn journal(&self, job: &Job) -> Option<Left> {
        let target = self.place.expected()?;
        let warn = |message: String| {
            self.observer.event(&Event::warning(format!("{message}; starting from the beginning")));
            None
        };
        let journal = match target.journal() {
            Ok(Some(journal)) => journal,
            Ok(None) => return self.plain(job, target),
            Err(error) => return warn(error.to_string()),
        };
        let begun_by = match (journal.url_digest == url_digest(&job.url), journal.origin_digest.as_ref()) {
            (true, _) => BegunBy::ThisUrl,
            (false, Some(origin)) if *origin == origin_digest(&job.url) => BegunBy::ThisOrigin,
            (false, _) => BegunBy::Another,
        };
        let refuted = journal.refuted.as_ref();
        if refuted.is_some_and(|refuted| job.digests.iter().any(|promised| promised.digest == *refuted)) {
            return warn("all bytes of the earlier run were there, and did not have this checksum".into());
        }
        let left = Left { journal, begun_by, part: target.part(), plain: None };
        if begun_by == BegunBy::Another && !has_strong_digest(job) {
            let part = left.part.display();
            return warn(format!("{part} was begun from a URL of another server, and no checksum is known"));
        }
        Some(left)
    }

    /// A file that another program began, where a digest will tell whether it is
    /// part of this one.
    fn plain(&self, job: &Job, target: &Target) -> Option<Left> {
        let is_wanted = job.partial == PlainPartial::Continued && job.if_exists == IfExists::Resume;
        if !is_wanted || !target.name().symlink_metadata().is_ok_and(|data| data.is_file() && data.len() > 0) {
            return None;
        }
        if let Some(control) = target.control_file() {
            let message =
                format!("{} says that the file may have holes: all of it is fetched again", control.display());
            self.observer.event(&Event::warning(message));
            return None;
        }
        let bytes = target.bytes().ok()?;
        if !has_strong_digest(job) {
            let name = target.name().display();
            let message = format!("no checksum of {name} is known: all of it is fetched again, and compared");
            self.observer.event(&Event::warning(message));
            return None;
        }
        let journal = Journal::new(url_digest(&job.url), 0, Validators::default());
        let plain = Some((target.name().to_owned(), bytes));
        Some(Left { journal, begun_by: BegunBy::ThisUrl, part: target.part(), plain })
    }

    /// Without a digest, a file of another program is replaced only where all
    /// its bytes are those of the new one: then nothing is lost.
    pub(super) async fn compare_plain(
        &self,
        job: &Job,
        target: Option<&Target>,
        writer: &Writer,
    ) -> Result<(), DownloadError> {
        let is_plain = job.partial == PlainPartial::Continued && job.if_exists == IfExists::Resume;
        let Some(target) = target.filter(|target| is_plain && !has_strong_digest(job) && target.exists()) else {
            return Ok(());
        };
        writer.written().await?;
        let (name, part) = (target.name().to_owned(), writer.part());
        let is_part = blocking(move || begins(&name, &part)).await?;
        if is_part { Ok(()) } else { Err(StoreError::NoPart(target.name().to_owned()).into()) }
    }
}

/// Keeps what an earlier run left until a digest has shown that the new version
/// is the right one.
pub(super) fn set_aside(target: &Target) {
    if target.journal().is_ok_and(|journal| journal.is_some_and(|journal| journal.refuted.is_none())) {
        target.set_aside();
    }
}

/// Notes in the journal that its bytes do not have a digest, so that the next
/// run for it begins again, and one for another digest does not.
pub(super) fn refute(target: &Target, digest: Digest) {
    let Ok(Some(mut journal)) = target.journal() else { return };
    journal.refuted = Some(digest);
    // A journal without the note costs one more comparison.
    let _ = Journal::save(&journal.text(), &target.state());
}

/// The first byte that an earlier run lacks.
fn first_missing(journal: &Journal) -> u64 {
    let missing = journal.runs.ranges().complement(journal.size).first();
    // A complete part that was never renamed: any answer tells whether it is current.
    missing.map_or(journal.size.saturating_sub(1), ByteRange::start)
}

/// Whether the user gave a digest that only these bytes have.
pub(super) fn has_strong_digest(job: &Job) -> bool {
    job.digests.iter().any(|promised| is_strong(&promised.digest))
}

pub(super) fn is_strong(digest: &Digest) -> bool {
    digest.algorithm().is_collision_resistant()
}

/// The digests of the whole file that an answer states.
pub(super) fn stated_digests(opened: &Opened) -> Vec<Digest> {
    // They are of the coded body.
    if opened.response.is_decoded() {
        return Vec::new();
    }
    file_digests(opened.response.headers(), opened.response.status())
}
