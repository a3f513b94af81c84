//! Many lanes at once: carries out what the schedule decides.
//!
//! The key invariant: every byte that counts as delivered was handed to the
//! writer, and every byte of a source that proves wrong is fetched again.

mod judging;
mod seating;
mod strangers;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::audit::{Audit, AuditEnd, Finding, Subject};
use super::lane::{Expected, LaneEnd, LaneError, LaneState};
use super::open::Opened;
use super::seats::{Seat, Ticket};
use super::source::Source;
use super::truth::Discovery;
use super::{DownloadError, Engine, Event, Observer, SourceState, joined};
use crate::model::http::Validators;
use crate::model::{ByteRange, DisplayUrl};
use crate::net::{Body, NetError, Trust};
use crate::plan::{LaneId, Limits, RangeSet, RetryBudget, Role, Schedule, SourceId, SourceSpec, Step};
use crate::store::Writer;
use seating::Lane;

/// How often positions are read and the schedule is asked.
const TICK: Duration = Duration::from_millis(25);
/// Mirrors that the user did not name join after this long: a file that is there
/// sooner needs none, and nobody else need know of it.
const GRACE: Duration = Duration::from_millis(150);
/// How often the observer hears of progress.
const REPORT: Duration = Duration::from_millis(100);
/// Bytes of a mirror before it is first compared; then at every eightfold.
const FIRST_AUDIT_BYTES: u64 = 256 * 1024;
const NEXT_AUDIT_FACTOR: u64 = 8;
/// Comparisons that the origin did not answer before they are given up.
const AUDIT_FAILURES: u32 = 3;

struct Running {
    source: usize,
    start: u64,
    /// How far it had come when it was last looked at.
    seen: u64,
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
    pub strangers: Strangers,
}

/// Whether mirrors that the user did not name may deliver.
pub(super) enum Strangers {
    /// A digest vouches for their bytes, or the user takes them unverified.
    Admitted,
    /// Not before this finds a digest.
    Barred(Discovery),
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
    /// How the comparisons with the origin ended; none where there were none.
    pub audit: Option<AuditEnd>,
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
    audit: Option<AuditEnd>,
    errors: HashMap<usize, LaneError>,
    /// Whether a mirror gave the first answer: then the origin's word on what
    /// the file is has yet to come.
    mirror_began: bool,
    /// The strong validators of the last answer of the origin that bore others
    /// than the first.
    newer: Option<Validators>,
    /// How long lanes were open and brought nothing, since the last byte.
    silence: Duration,
    looked: Instant,
    begun: Instant,
    received_at: Option<Instant>,
    reported: Instant,
    remaining: u64,
    /// What strangers wait for; none once it has answered.
    discovery: Option<Discovery>,
}

impl<'a> Transfer<'a> {
    /// Prepares the transfer of what is not resumed.
    pub(super) fn new(mut setup: Setup<'a>) -> Self {
        let discovery = match std::mem::replace(&mut setup.strangers, Strangers::Admitted) {
            Strangers::Barred(discovery) => Some(discovery).filter(|_| setup.sources.iter().any(Source::is_stranger)),
            Strangers::Admitted => None,
        };
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
            if discovery.is_some() && source.is_stranger() {
                schedule.bar(id);
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
            audit: None,
            errors: HashMap::new(),
            mirror_began: false,
            newer: None,
            silence: Duration::ZERO,
            looked: now,
            begun: now,
            received_at: None,
            reported: now,
            discovery,
        }
    }

    /// Takes over the first answer, which streams from `start` to the end.
    pub(super) fn adopt(&mut self, opened: Opened, start: u64) {
        let Opened { source, response, seat, .. } = opened;
        self.mirror_began = source != 0;
        // Some servers give less than all that was asked for.
        let end = if let Body::Part { range, .. } = response.body() { range.end() } else { self.setup.expected.size };
        let whole = ByteRange::new(start, end);
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
        let audit = self.audit_end();
        let Self { setup, sampled_bytes, .. } = self;
        Outcome { sources: setup.sources, budget: setup.budget, sampled_bytes, audit, received_at, result }
    }

    async fn drive(&mut self, cancel: &CancellationToken) -> Result<(), DownloadError> {
        loop {
            self.observe();
            self.check_silence()?;
            self.settle_disputes()?;
            self.start_audits();
            self.queue_while_idle();
            for step in self.plan() {
                self.apply(step);
            }
            let complete = self.schedule.is_complete();
            self.received_at = complete.then(|| self.received_at.unwrap_or_else(Instant::now));
            self.limit_audits();
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
            // While a digest may still be found, there are mirrors left to ask.
            if self.schedule.is_stuck() && self.audits.is_empty() && self.discovery.is_none() {
                return Err(self.blame());
            }
            let discovery = self.discovery.clone();
            tokio::select! {
                Some(ended) = self.tasks.join_next() => self.lane_joined(ended)?,
                Some(ended) = self.audits.join_next() => self.audit_joined(ended)?,
                found = strangers::found(discovery.as_ref()), if discovery.is_some() => self.decide_on_strangers(&found),
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
        let mut moved = false;
        for (id, lane) in &mut self.lanes {
            let seen = lane.state.seen();
            self.schedule.observe(*id, seen, now);
            // What waits for the disk or the rate limit has come.
            moved |= seen.held || std::mem::replace(&mut lane.seen, seen.position) < seen.position;
            if seen.position > lane.start {
                lane.seat.served();
            }
        }
        let elapsed = std::mem::replace(&mut self.looked, Instant::now()).elapsed();
        match (moved, self.lanes.is_empty()) {
            (true, _) => self.silence = Duration::ZERO,
            // Nobody was asked: a pause, or a wait for a seat.
            (false, true) => {}
            (false, false) => self.silence += elapsed,
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

    /// Ends what nobody answers: connections that keep silent are replaced long
    /// before they fail, and so never use up the budget of failures.
    fn check_silence(&self) -> Result<(), DownloadError> {
        let Engine { net, options, .. } = self.setup.engine;
        let limit = net.options().stall_timeout.saturating_mul(options.retry.saturating_add(1));
        if self.silence < limit {
            return Ok(());
        }
        Err(NetError::Stalled { host: self.setup.sources[0].name(), after: limit }.into())
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
            Step::Grow { lane, end } => {
                if let Some(running) = self.lanes.get(&lane) {
                    running.state.end.store(end, Ordering::Release);
                }
            }
            Step::Alone { source } => {
                let source = &self.setup.sources[source.0];
                self.setup.engine.seats.serves_one(&source.host());
                let message = format!("{} serves one connection at a time", source.name());
                self.setup.observer.event(&Event::warning(message));
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

    /// How the comparisons ended, where anything was to be compared.
    fn audit_end(&self) -> Option<AuditEnd> {
        let subjects = self.subjects().into_iter().filter(|(_, given)| !given.is_empty());
        let ends: Vec<_> = subjects
            .map(|(subject, given)| self.audited.get(&subject).is_some_and(|state| state.audited_at >= given.len()))
            .collect();
        let is_complete = self.audit.is_none() && ends.iter().all(|is_audited| *is_audited);
        (!ends.is_empty()).then_some(if is_complete { AuditEnd::Complete } else { AuditEnd::Abandoned })
    }

    /// Gives up comparing once that has taken as long as one silence may: every
    /// byte is there, and the origin does not answer.
    fn limit_audits(&mut self) {
        let Some(received_at) = self.received_at.filter(|_| !self.audits.is_empty()) else { return };
        if received_at.elapsed() >= self.setup.engine.net.options().stall_timeout {
            self.audits.abort_all();
            self.audit = Some(AuditEnd::Abandoned);
        }
    }

    fn start_audits(&mut self) {
        if self.setup.sources[0].is_dropped() || self.audit == Some(AuditEnd::Abandoned) {
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
            // The origin's word counts before any other's. Once it streams, one
            // answer that disagrees is that of a portal or of another node.
            Finding::Changed if self.mirror_began && self.setup.sources[0].given.is_empty() => {
                return Err(DownloadError::Changing);
            }
            Finding::Unknown | Finding::Changed => state.failures += 1,
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
