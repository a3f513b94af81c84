//! Mirrors that the user did not name join a transfer, or stay out of it.

use super::super::strangers::NO_DIGEST;
use super::super::truth::{Discovery, vouches};
use super::super::{Promised, SourceState};
use super::Transfer;
use crate::plan::SourceId;

impl Transfer<'_> {
    /// Admits the strangers, or says why they stay out.
    pub(super) fn decide_on_strangers(&mut self, found: &[Promised]) {
        self.discovery = None;
        let strangers = self.setup.sources.iter_mut().enumerate().filter(|(_, source)| source.is_stranger());
        for (index, source) in strangers {
            if vouches(found) {
                self.schedule.admit(SourceId(index));
            } else if !source.is_dropped() {
                let event = source.become_state(SourceState::Unused, Some(NO_DIGEST.into()));
                self.setup.observer.event(&event);
            }
        }
    }
}

/// The digests that a discovery finds.
pub(super) async fn found(discovery: Option<&Discovery>) -> Vec<Promised> {
    match discovery {
        Some(discovery) => discovery.found().await,
        None => Vec::new(),
    }
}
