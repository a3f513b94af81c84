//! Many lanes at once: carries out what the schedule decides.
//!
//! The key invariant: every byte that counts as delivered was handed to the
//! writer, and every byte of a source that proves wrong is fetched again.

mod seating;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::audit::{Audit, Finding, Subject};
use super::lane::{Expected, LaneEnd, LaneError, LaneState};
use super::open::Opened;
use super::seats::{Refusal, Seat, Ticket};
use super::source::Source;
use super::{DownloadError, Engine, Event, Observer, SourceState, chance, joined, reason};
use crate::model::{ByteRange, DisplayUrl};
use crate::net::{NetError, Trust};
use crate::plan::{
    Backoff, Failure, LaneId, Limits, RangeSet, RetryBudget, Role, Schedule, SourceId, SourceSpec, Step,
};
use crate::store::Writer;
use seating::Lane;

/// How often positions are read and the schedule is asked.
const TICK: Duration = Duration::from_millis(25);
/// Mirrors that the user did not name join after this long: a file that is there
/// sooner needs none, and nobody else need know of it.
const GRACE: Duration = Duration::from_millis(150);
/// How often the observer hears of progress.
const REPORT: Duration = Duration::from_millis(100);
/// A mirror that fails so often in a row is given up.
const MIRROR_FAILURES: u32 = 3;
/// A mirror that asks to wait longer is of no use.
const MIRROR_WAIT: Duration = Duration::from_mins(1);
/// An origin that ignores a range so often in a row has stopped serving them.
const RANGELESS_ANSWERS: u32 = 2;
/// Bytes of a mirror before it is first compared; then at every eightfold.
const FIRST_AUDIT_BYTES: u64 = 256 * 1024;
const NEXT_AUDIT_FACTOR: u64 = 8;
/// Comparisons that the origin did not answer before they are given up.
const AUDIT_FAILURES: u32 = 3;

struct Running {
    source: usize,
    start: u64,
    opened: Instant,
    state: Arc<LaneState>,
    seat: Seat,
    abort: AbortHandle,
}

/// What an audit's subject has to show.
#[derive(Debug, Default)]
struct AuditState {
    running: bool,
    failures: u32,
    audited_at: u64,
}

/// What a transfer needs to begin.
pub(super) struct Setup<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub sources: Vec<Source>,
    pub writer: Arc<Writer>,
    pub expected: Expected,
    /// Bytes that are on disk already.
    pub have: RangeSet,
    /// Those of them that an earlier run left: compared like a mirror's.
    pub resumed: RangeSet,
    pub budget: RetryBudget,
    pub purpose: Purpose,
}

/// What the bytes are fetched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be written.
    Fetch,
    /// To be compared with what is written: the caller takes the differences.
    Compare,
}

/// What a transfer leaves.
pub(super) struct Outcome {
    pub sources: Vec<Source>,
    pub budget: RetryBudget,
    /// Bytes of others that were compared with the origin's.
    pub sampled_bytes: u64,
    /// When the last byte arrived.
    pub received_at: Instant,
    pub result: Result<(), DownloadError>,
}

/// A transfer under way.
pub(super) struct Transfer<'a> {
    setup: Setup<'a>,
    schedule: Schedule,
    lanes: HashMap<LaneId, Running>,
    /// The place in the queue for a seat, while there is no lane.
    ticket: Option<Ticket>,
    tasks: JoinSet<(LaneId, LaneEnd)>,
    audits: JoinSet<(Subject, u64, Finding)>,
    audited: HashMap<Subject, AuditState>,
    sampled_bytes: u64,
    errors: HashMap<usize, LaneError>,
    begun: Instant,
    received_at: Option<Instant>,
    reported: Instant,
    remaining: u64,
}

impl<'a> Transfer<'a> {
    /// Prepares the transfer of what is not resumed.
    pub(super) fn new(setup: Setup<'a>) -> Self {
        let options = &setup.engine.options;
        let missing = setup.have.complement(setup.expected.size);
        let limits = Limits { connections: options.connections, ramp: options.ramp };
        let mut schedule = Schedule::new(missing, limits);
        for source in &setup.sources {
            let max_lanes = options.per_host(source.role).most;
            let not_before = if source.trust == Trust::Named { GRACE } else { Duration::ZERO };
            let id = schedule.add_source(SourceSpec { host: source.host(), role: source.role, max_lanes, not_before });
            if source.is_dropped() {
                schedule.revoke(id, &RangeSet::default());
            }
        }
        let now = Instant::now();
        Self {
            remaining: schedule.remaining(),
            setup,
            schedule,
            lanes: HashMap::new(),
            ticket: None,
            tasks: JoinSet::new(),
            audits: JoinSet::new(),
            audited: HashMap::new(),
            sampled_bytes: 0,
            errors: HashMap::new(),
            begun: now,
            received_at: None,
            reported: now,
        }
    }

    /// Takes over the first answer, which streams from `start` to the end.
    pub(super) fn adopt(&mut self, opened: Opened, start: u64) {
        let Opened { source, response, seat, .. } = opened;
        let whole = ByteRange::new(start, self.setup.expected.size);
        if let Some((id, range)) = self.schedule.adopt(SourceId(source), whole, response.waited(), self.now()) {
            self.start(Lane { id, source, range, seat }, Some(response));
        }
    }

    /// Runs until every byte is there, nobody is left to ask, or `cancel`.
    pub(super) async fn run(mut self, cancel: &CancellationToken) -> Outcome {
        let result = self.drive(cancel).await;
        self.tasks.shutdown().await;
        self.audits.shutdown().await;
        self.collect_given();
        let received_at = self.received_at.unwrap_or_else(Instant::now);
        let Self { setup, sampled_bytes, .. } = self;
        Outcome { sources: setup.sources, budget: setup.budget, sampled_bytes, received_at, result }
    }

    async fn drive(&mut self, cancel: &CancellationToken) -> Result<(), DownloadError> {
        loop {
            self.observe();
            self.settle_disputes()?;
            self.start_audits();
            self.queue_while_idle();
            for step in self.plan() {
                self.apply(step);
            }
            let complete = self.schedule.is_complete();
            self.received_at = complete.then(|| self.received_at.unwrap_or_else(Instant::now));
            if complete && self.audits.is_empty() {
                if self.schedule.has_raced() {
                    // The last bytes of a race may still be on their way to the disk.
                    self.setup.writer.written().await?;
                    self.settle_disputes()?;
                }
                if self.schedule.is_complete() {
                    return Ok(());
                }
            }
            if self.schedule.is_stuck() && self.audits.is_empty() {
                return Err(self.blame());
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next() => self.lane_joined(ended)?,
                Some(ended) = self.audits.join_next() => self.audit_joined(ended)?,
                () = tokio::time::sleep(TICK) => {}
                () = cancel.cancelled() => return Err(DownloadError::Interrupted),
            }
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn observe(&mut self) {
        let now = self.now();
        for (id, lane) in &mut self.lanes {
            let seen = lane.state.seen();
            self.schedule.observe(*id, seen, now);
            if seen.position > lane.start {
                lane.seat.served();
            }
        }
        let remaining = self.schedule.remaining();
        if remaining < self.remaining {
            self.setup.budget.refill();
        }
        self.remaining = remaining;
        if self.reported.elapsed() >= REPORT {
            self.reported = Instant::now();
            self.report();
        }
    }

    fn report(&self) {
        let mut active: Vec<_> = self.lanes.values().map(|lane| lane.source).collect();
        let connections = active.len();
        active.sort_unstable();
        active.dedup();
        let size = self.setup.expected.size;
        self.setup.observer.event(&Event::Progress {
            bytes: size - self.schedule.remaining().min(size),
            size: Some(size),
            rate: self.schedule.rate(),
            connections,
            sources: active.len(),
        });
    }

    fn apply(&mut self, step: Step) {
        tracing::debug!(at_ms = self.now().as_millis(), ?step, "step");
        match step {
            Step::Start { lane, source, range } => self.seat(lane, source.0, range),
            Step::Shrink { lane, end } => {
                if let Some(running) = self.lanes.get_mut(&lane) {
                    running.state.end.store(end, Ordering::Release);
                    running.seat.cut();
                }
            }
            Step::Stop { lane } => {
                if let Some(mut running) = self.lanes.remove(&lane) {
                    running.abort.abort();
                    running.seat.cut();
                    self.keep_given(&running);
                }
            }
        }
    }

    fn keep_given(&mut self, lane: &Running) {
        let end = lane.state.position.load(Ordering::Acquire);
        self.setup.sources[lane.source].given.insert(ByteRange::new(lane.start, end));
    }

    fn collect_given(&mut self) {
        let lanes: Vec<_> = self.lanes.drain().map(|(_, lane)| lane).collect();
        lanes.iter().for_each(|lane| self.keep_given(lane));
    }

    fn lane_joined(&mut self, ended: Result<(LaneId, LaneEnd), JoinError>) -> Result<(), DownloadError> {
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
        }
        match end {
            LaneEnd::Finished => self.schedule.finish(id, self.now()),
            LaneEnd::Failed(LaneError::Store(error)) => return Err(error.into()),
            LaneEnd::Failed(LaneError::Changed) => return Err(DownloadError::Changing),
            LaneEnd::Failed(error) => {
                let index = lane.source;
                let failure = self.judge(lane, &error, position);
                self.schedule.fail(id, failure, self.now());
                if matches!(error, LaneError::NoRanges) && self.needs_one_stream() {
                    return Err(DownloadError::NoRanges);
                }
                self.errors.insert(index, error);
            }
        }
        Ok(())
    }

    /// Whether nobody is left but an origin that serves ranges no more.
    fn needs_one_stream(&self) -> bool {
        let (origin, mirrors) = self.setup.sources.split_first().expect("the origin is among the sources");
        let is_rangeless = origin.failures >= RANGELESS_ANSWERS || origin.is_dropped();
        self.lanes.is_empty() && is_rangeless && mirrors.iter().all(Source::is_dropped)
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
        let rangeless = matches!(error, LaneError::NoRanges) && others;
        // A server that takes so many connections, or one that streams, and no
        // more is healthy.
        if rangeless || rejected && serves_others {
            // Capped, however long it asks to wait: those that it serves may end.
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
    fn blame(&mut self) -> DownloadError {
        let index = if self.errors.contains_key(&0) { 0 } else { self.errors.keys().copied().next().unwrap_or(0) };
        let host = self.setup.sources[index].name();
        match self.errors.remove(&index) {
            Some(LaneError::Net(error)) => error.into(),
            Some(error) => NetError::Protocol { host, what: error.to_string() }.into(),
            None => NetError::Protocol { host, what: "no source is left".into() }.into(),
        }
    }

    /// What has to be compared with the origin, with the bytes at stake.
    fn subjects(&self) -> Vec<(Subject, RangeSet)> {
        let mut subjects = vec![(Subject::Resumed, self.setup.resumed.clone())];
        for (index, source) in self.setup.sources.iter().enumerate() {
            if source.role == Role::Mirror && source.state != SourceState::Refused {
                let mut given = source.given.clone();
                for lane in self.lanes.values().filter(|lane| lane.source == index) {
                    given.insert(ByteRange::new(lane.start, lane.state.position.load(Ordering::Acquire)));
                }
                subjects.push((Subject::Mirror(index), given));
            }
        }
        subjects
    }

    fn start_audits(&mut self) {
        if self.setup.sources[0].is_dropped() {
            return;
        }
        let complete = self.schedule.is_complete();
        for (subject, given) in self.subjects() {
            let state = self.audited.entry(subject).or_default();
            let due = match state.audited_at {
                _ if complete => state.audited_at < given.len(),
                0 => given.len() >= FIRST_AUDIT_BYTES,
                before => given.len() >= before.saturating_mul(NEXT_AUDIT_FACTOR),
            };
            if state.running || !due || state.failures >= AUDIT_FAILURES {
                continue;
            }
            state.running = true;
            let origin = &self.setup.sources[0];
            let bytes = given.len();
            let audit = Audit {
                net: self.setup.engine.net.clone(),
                seats: self.setup.engine.seats.clone(),
                per_host: self.setup.engine.options.per_host(origin.role),
                origin: origin.route(),
                expected: self.setup.expected.clone(),
                writer: Arc::clone(&self.setup.writer),
                given,
            };
            self.audits.spawn(async move { (subject, bytes, audit.run().await) });
        }
    }

    fn audit_joined(&mut self, ended: Result<(Subject, u64, Finding), JoinError>) -> Result<(), DownloadError> {
        let Some((subject, bytes, finding)) = joined(ended) else { return Ok(()) };
        let state = self.audited.entry(subject).or_default();
        state.running = false;
        match finding {
            Finding::Equal(compared) => {
                state.audited_at = bytes;
                self.sampled_bytes += compared;
            }
            Finding::Unknown => state.failures += 1,
            Finding::Changed => return Err(DownloadError::Changing),
            Finding::Different => self.refuse(subject)?,
        }
        Ok(())
    }

    /// Judges bytes that two sources gave differently. Nobody knows here whose
    /// came first, so the origin remains and every mirror among them goes.
    fn settle_disputes(&mut self) -> Result<(), DownloadError> {
        if self.setup.purpose == Purpose::Compare {
            return Ok(());
        }
        let disputed = self.setup.writer.take_disagreements();
        // Without the origin only a digest can tell.
        if disputed.is_empty() || self.setup.sources[0].is_dropped() {
            return Ok(());
        }
        let gave = |given: &RangeSet| disputed.iter().any(|range| given.within(range).next().is_some());
        let mut suspects = self.subjects();
        suspects.retain(|(subject, given)| matches!(subject, Subject::Mirror(_)) && gave(given));
        if suspects.is_empty() {
            return Err(DownloadError::Changing);
        }
        suspects.into_iter().try_for_each(|(subject, _)| self.refuse(subject))
    }

    /// Takes back everything that a subject gave.
    fn refuse(&mut self, subject: Subject) -> Result<(), DownloadError> {
        // A lane that raced with the subject's must not be thought behind bytes
        // that it has delivered and that are forgotten below.
        self.observe();
        let wrong = match subject {
            Subject::Resumed => {
                self.setup.observer.event(&Event::warning(
                    "what an earlier run left differs from the origin's bytes and is fetched again",
                ));
                let wrong = std::mem::take(&mut self.setup.resumed);
                self.schedule.requeue(&wrong);
                wrong
            }
            Subject::Mirror(index) => {
                let lanes: Vec<_> =
                    self.lanes.iter().filter(|(_, lane)| lane.source == index).map(|(id, _)| *id).collect();
                lanes.into_iter().for_each(|lane| self.apply(Step::Stop { lane }));
                let source = &mut self.setup.sources[index];
                let message =
                    format!("{} has other bytes than the origin; its bytes are fetched again", DisplayUrl(&source.url));
                let event =
                    source.become_state(SourceState::Refused, Some("its bytes differ from the origin's".into()));
                self.setup.observer.event(&event);
                self.setup.observer.event(&Event::warning(message));
                let wrong = std::mem::take(&mut source.given);
                self.schedule.revoke(SourceId(index), &wrong);
                wrong
            }
        };
        Ok(self.setup.writer.forget(wrong)?)
    }
}
