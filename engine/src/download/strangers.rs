//! Mirrors that the user did not name: what rules, `Link` fields and Metalinks
//! propose.
//!
//! The key invariant: not a byte of theirs is asked for before a digest vouches
//! for it, or the user has said that it may come unverified.

use super::attempt::Attempt;
use super::open::Vouched;
use super::source::Source;
use super::truth::vouches;
use super::{DownloadError, Event, Job, Promised, Unverified};
use crate::net::Trust;

/// Why a mirror was not asked.
pub(super) const NO_DIGEST: &str = "no digest of the file is known";

impl Attempt<'_> {
    /// Whether strangers must wait for a digest. The origin's answer may have
    /// stated some.
    pub(super) fn bars_strangers(&self, job: &Job, stated: &[Promised]) -> bool {
        job.digests.is_empty() && !vouches(stated) && !self.accepts_unverified()
    }

    fn accepts_unverified(&self) -> bool {
        self.engine.options.unverified == Unverified::Accepted
    }

    /// How far mirrors may be believed in the origin's place.
    pub(super) fn vouched(&self, job: &Job) -> Vouched {
        let typed = job.mirrors.iter().any(|(_, trust)| *trust == Trust::Typed);
        match (job.digests.is_empty(), typed || self.accepts_unverified()) {
            (false, _) => Vouched::Bytes,
            (true, true) => Vouched::Places,
            (true, false) => Vouched::Nothing,
        }
    }

    /// A stream cannot go on at another source, but another one can begin there.
    pub(super) fn elsewhere(&self, error: DownloadError, job: &Job, sources: &[Source]) -> DownloadError {
        let barred = self.bars_strangers(job, &[]);
        let can_begin = |mirror: &Source| !(mirror.is_dropped() || barred && mirror.is_stranger());
        match error {
            DownloadError::Net(net) if net.is_passing() && sources.iter().skip(1).any(can_begin) => {
                DownloadError::NoRanges
            }
            error => error,
        }
    }

    /// Decides what follows when the origin could not deliver and strangers were
    /// not asked: another attempt when a digest is found that vouches for them,
    /// else an error that names the choice.
    pub(super) async fn after_failure(
        &self,
        error: DownloadError,
        job: &mut Job,
        sources: &[Source],
        restarts_left: usize,
    ) -> Result<(), DownloadError> {
        let is_final = |status: http::StatusCode| matches!(status.as_u16(), 404 | 410);
        let can_help = matches!(&error, DownloadError::Net(net) if !net.status().is_some_and(is_final));
        let were_asked = |source: &Source| source.is_stranger() && source.has_been_asked();
        let has_strangers = sources.iter().any(Source::is_stranger) && !sources.iter().any(were_asked);
        if !can_help || !has_strangers || !self.bars_strangers(job, &[]) {
            return Err(error);
        }
        let found = tokio::select! {
            found = self.discovery.found() => found,
            () = self.cancel.cancelled() => return Err(DownloadError::Interrupted),
        };
        if !vouches(&found) {
            return Err(DownloadError::Unvouched(Box::new(error)));
        }
        if restarts_left == 0 {
            return Err(error);
        }
        self.observer.event(&Event::warning(format!(
            "the origin cannot deliver the file ({}); continuing with mirrors, under the digest that it published",
            super::reason(&error)
        )));
        job.digests.extend(found.into_iter().filter(|promised| vouches(std::slice::from_ref(promised))));
        Ok(())
    }
}
