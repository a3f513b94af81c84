//! What the end of a lane means for its source and for the transfer.
//!
//! The key invariant: what refuses a part costs its connection; the file is
//! given up only where nothing streams any more.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinError;

use super::{Running, Transfer};
use crate::download::lane::{LaneEnd, LaneError, RangeRefusal};
use crate::download::seats::Refusal;
use crate::download::source::Source;
use crate::download::{DownloadError, SourceState, chance, joined, reason};
use crate::net::NetError;
use crate::plan::{Backoff, Failure, LaneId, Role, SourceId};

/// A mirror that fails so often in a row is given up.
const MIRROR_FAILURES: u32 = 3;
/// A mirror that asks to wait longer is of no use.
const MIRROR_WAIT: Duration = Duration::from_mins(1);
/// An origin that ignores a range so often in a row has stopped serving them.
const RANGELESS_ANSWERS: u32 = 2;

impl Transfer<'_> {
    pub(super) fn lane_joined(&mut self, ended: Result<(LaneId, LaneEnd), JoinError>) -> Result<(), DownloadError> {
        let Some((id, end)) = joined(ended) else { return Ok(()) };
        // A lane that was stopped may have ended by itself at the same moment.
        let Some(mut lane) = self.lanes.remove(&id) else { return Ok(()) };
        let position = lane.state.position.load(Ordering::Acquire);
        self.keep_given(&lane);
        self.schedule.observe(id, lane.state.seen(), self.now());
        let source = &mut self.setup.sources[lane.source];
        if position > lane.start {
            lane.seat.served();
            source.failures = 0;
            self.setup.budget.refill();
            if lane.source == 0 {
                self.newer = None;
            }
        }
        match end {
            // It may have come to its end at the moment in which that was moved.
            LaneEnd::Finished if position < lane.state.end.load(Ordering::Acquire) => {
                self.schedule.fail(id, Failure::default(), self.now());
            }
            LaneEnd::Finished => self.schedule.finish(id, self.now()),
            LaneEnd::Failed(LaneError::Store(error)) => return Err(error.into()),
            LaneEnd::Failed(error) if self.is_new_version(lane.source, &error) => return Err(DownloadError::Changing),
            LaneEnd::Failed(error) => {
                let index = lane.source;
                let failure = self.judge(lane, &error, position);
                self.schedule.fail(id, failure, self.now());
                if let Some(refusal) = error.range_refusal() {
                    self.schedule.keep_stream(SourceId(index));
                    if self.needs_one_stream(refusal) {
                        return Err(DownloadError::NoRanges);
                    }
                }
                self.errors.insert(index, error);
            }
        }
        Ok(())
    }

    /// Whether the origin has another file now. Its nodes may give the same file
    /// other entity tags, and a portal may answer in its place: nothing is given
    /// up while one of its streams runs, nor for a single answer.
    fn is_new_version(&mut self, index: usize, error: &LaneError) -> bool {
        if index != 0 {
            return false;
        }
        if self.mirror_began && self.setup.sources[0].given.is_empty() {
            return matches!(error, LaneError::Changed(_) | LaneError::OtherSize { .. });
        }
        let LaneError::Changed(validators) = error else { return false };
        let streams = self.lanes.values().any(|lane| lane.source == 0);
        let again = self.newer.replace(validators.clone()).is_some_and(|newer| newer == *validators);
        again && !streams
    }

    /// Whether nobody is left but an origin that serves its file as a whole, if
    /// at all.
    fn needs_one_stream(&self, refusal: RangeRefusal) -> bool {
        let (origin, mirrors) = self.setup.sources.split_first().expect("the origin is among the sources");
        let is_rangeless = refusal == RangeRefusal::Rangeless && origin.failures >= RANGELESS_ANSWERS;
        self.lanes.is_empty() && (is_rangeless || origin.is_dropped()) && mirrors.iter().all(Source::is_dropped)
    }

    /// Decides what a failure means for its source, and tells the observer.
    fn judge(&mut self, lane: Running, error: &LaneError, position: u64) -> Failure {
        let progressed = position > lane.start;
        let others = self.lanes.values().any(|other| other.source == lane.source);
        let source = &mut self.setup.sources[lane.source];
        let (passing, retry_after) = match error {
            LaneError::Net(error) => (error.is_passing(), error.retry_after()),
            LaneError::Short => (true, None),
            _ => (false, None),
        };
        let refusal = if progressed { None } else { error.refusal() };
        let serves_others = refusal.is_some_and(|refusal| lane.seat.refused(refusal)) || others;
        let rejected = refusal == Some(Refusal::Rejected);
        let rangeless = others
            && match source.role {
                Role::Origin => error.range_refusal().is_some(),
                Role::Mirror => matches!(error, LaneError::NoRanges),
            };
        // A server that takes so many connections, or one that streams, and no
        // more is healthy.
        if rangeless || rejected && serves_others {
            let rest = Backoff::default().pause(1, retry_after, chance());
            if rejected {
                self.setup.engine.seats.rest(&source.host(), rest);
            }
            return Failure { rest, drop_source: false, reduce: rangeless };
        }
        if progressed && passing {
            return Failure::default();
        }
        // Sixteen lanes that one moment broke are one failure.
        let is_counted = source.failed_at.is_some_and(|failed_at| lane.opened <= failed_at);
        if !is_counted {
            source.failures += 1;
            source.failed_at = Some(Instant::now());
            self.setup.budget.spend();
        }
        let max_wait = self.setup.engine.net.options().max_wait;
        let given_up = match source.role {
            Role::Mirror => {
                !passing || source.failures >= MIRROR_FAILURES || retry_after.is_some_and(|asked| asked > MIRROR_WAIT)
            }
            // While another of its lanes lives, so does the origin.
            Role::Origin => {
                let is_bearable = is_counted || self.setup.budget.wait(retry_after, max_wait);
                let is_spent = self.setup.budget.is_spent() || source.failures > self.setup.engine.options.retry;
                !others && (is_spent || !is_bearable)
            }
        };
        let rest = Backoff::up_to(max_wait).pause(source.failures, retry_after, chance());
        if rejected {
            self.setup.engine.seats.rest(&source.host(), rest);
        }
        if given_up && !source.is_dropped() {
            let event = source.become_state(SourceState::Dropped, Some(reason(error)));
            self.setup.observer.event(&event);
        } else if !given_up && !is_counted {
            self.setup.observer.event(&source.retrying(error, rest));
        }
        Failure { rest, drop_source: given_up, reduce: false }
    }

    /// The error to end with when nobody is left: the origin's, if it failed.
    pub(super) fn blame(&mut self) -> DownloadError {
        let index = if self.errors.contains_key(&0) { 0 } else { self.errors.keys().copied().next().unwrap_or(0) };
        let host = self.setup.sources[index].name();
        match self.errors.remove(&index) {
            Some(LaneError::Net(error)) => error.into(),
            Some(error) => NetError::Protocol { host, what: error.to_string() }.into(),
            None => NetError::Protocol { host, what: "no source is left".into() }.into(),
        }
    }
}
