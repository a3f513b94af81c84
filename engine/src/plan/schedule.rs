//! Who fetches which bytes.
//!
//! A *lane* is one connection working through one range. Lanes split each
//! other's work, and the last bytes of a slow lane are raced for by others. The
//! key invariant, which the property tests hold: at any moment the missing
//! bytes are exactly the unassigned ones plus what the lanes still have before
//! them, without overlap but between the lanes of one race.

mod keep;
mod lane;
mod piece;
mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::RangeSet;
pub use super::ramp::Ramp;
use super::ramp::{RampState, View};
use crate::model::ByteRange;
pub use lane::Seen;
use lane::{Lane, Source};
use share::Taken;

/// Names a source of one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub usize);

/// Names a lane of one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub u64);

/// What the user allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// How they grow.
    pub ramp: Ramp,
}

/// Whether a source is the truth or a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What the user asked for.
    Origin,
    /// A place that claims to have the same bytes.
    Mirror,
}

/// A source as the schedule needs to know it.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// Host and port: connections are limited for each.
    pub host: String,
    /// Origin or mirror.
    pub role: Role,
    /// Most connections to that host.
    pub max_lanes: usize,
    /// Not asked earlier than this.
    pub not_before: Duration,
}

/// How many lanes a schedule may hold now, its own ones among them. Others
/// take and give back connections meanwhile, so this is asked at each plan.
pub trait Room {
    /// Lanes in all.
    fn most(&self) -> usize;
    /// Lanes to one host, of those that the source's own limit allows.
    fn most_at(&self, host: &str, max_lanes: usize) -> usize;
}

/// What the caller has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Open a lane.
    Start {
        /// The new lane.
        lane: LaneId,
        /// Where it asks.
        source: SourceId,
        /// What it asks for.
        range: ByteRange,
    },
    /// A lane ends earlier than it was told.
    Shrink {
        /// The lane.
        lane: LaneId,
        /// One past its last byte.
        end: u64,
    },
    /// A lane ends later than it was told: its answer goes on so far.
    Grow {
        /// The lane.
        lane: LaneId,
        /// One past its last byte.
        end: u64,
    },
    /// A lane is of no use any more.
    Stop {
        /// The lane.
        lane: LaneId,
    },
    /// A host serves one connection and leaves others without an answer.
    Alone {
        /// A source at that host.
        source: SourceId,
    },
}

/// How a lane failed, as the caller judged it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failure {
    /// How long to leave the source alone.
    pub rest: Duration,
    /// Never ask the source again.
    pub drop_source: bool,
    /// The host refused one connection more: hold fewer.
    pub reduce: bool,
}

/// The state of one download's distribution of work.
#[derive(Debug, Clone)]
pub struct Schedule {
    todo: RangeSet,
    sources: Vec<Source>,
    lanes: BTreeMap<LaneId, Lane>,
    ramp: RampState,
    limits: Limits,
    next_lane: u64,
    delivered: u64,
    /// Lanes that the last plan wanted to have.
    wanted_lanes: usize,
    /// Steps that an event made due before the next plan.
    due: Vec<Step>,
    has_raced: bool,
}

impl Schedule {
    /// A schedule for the bytes of `missing`.
    pub fn new(missing: RangeSet, limits: Limits) -> Self {
        Self {
            todo: missing,
            sources: Vec::new(),
            lanes: BTreeMap::new(),
            ramp: RampState::new(limits.ramp, limits.connections.max(1)),
            limits,
            next_lane: 0,
            delivered: 0,
            wanted_lanes: 1,
            due: Vec::new(),
            has_raced: false,
        }
    }

    /// Adds a source, ready to be asked.
    pub fn add_source(&mut self, spec: SourceSpec) -> SourceId {
        self.sources.push(Source::new(spec));
        SourceId(self.sources.len() - 1)
    }

    /// Keeps a source from being asked until it is admitted.
    pub fn bar(&mut self, source: SourceId) {
        self.sources[source.0].barred = true;
    }

    /// Lets a source that was kept out be asked.
    pub fn admit(&mut self, source: SourceId) {
        self.sources[source.0].barred = false;
    }

    /// Takes over a response that is already streaming `range`, and for which
    /// the source let wait for `waited`. The part of it that is not missing is
    /// not waited for: the lane ends where the first missing run ends. None
    /// when its first byte is not missing.
    pub fn adopt(
        &mut self,
        source: SourceId,
        range: ByteRange,
        waited: Duration,
        now: Duration,
    ) -> Option<(LaneId, ByteRange)> {
        let run = self.todo.iter().find(|run| run.start() <= range.start() && range.start() < run.end())?;
        let reach = range.end();
        let range = ByteRange::new(range.start(), reach.min(run.end()));
        let id = self.open(source, Taken { range, race: None }, now);
        let lane = self.lanes.get_mut(&id)?;
        (lane.latency_s, lane.reach, lane.streams) = (Some(waited.as_secs_f64()), reach, true);
        Some((id, range))
    }

    /// Tells how far a lane has come.
    pub fn observe(&mut self, id: LaneId, seen: Seen, now: Duration) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        self.delivered += lane.observe(seen, &mut self.sources[lane.source.0], now);
    }

    /// A lane delivered all it was asked for. Those that raced with it are
    /// stopped by the next plan.
    pub fn finish(&mut self, id: LaneId, now: Duration) {
        let Some(lane) = self.lanes.remove(&id) else { return };
        lane.conclude(&mut self.sources[lane.source.0], now);
        self.delivered += lane.left();
        let beaten: Vec<LaneId> = self.racers(lane.race).map(|(id, _)| id).collect();
        for id in beaten {
            self.lanes.remove(&id);
            self.due.push(Step::Stop { lane: id });
        }
    }

    /// A lane ended before its range did; what it left is unassigned again.
    pub fn fail(&mut self, id: LaneId, failure: Failure, now: Duration) {
        let Some(lane) = self.leave(id) else { return };
        let alive = self.lanes.values().filter(|other| other.source == lane.source).count();
        let source = &mut self.sources[lane.source.0];
        source.dropped |= failure.drop_source;
        source.resting_until = source.resting_until.max(now + failure.rest);
        if failure.reduce {
            source.spec.max_lanes = alive.max(1);
        }
    }

    /// A source proved wrong: it is never asked again, its lanes stop, and the
    /// bytes it gave are missing again.
    pub fn revoke(&mut self, source: SourceId, given: &RangeSet) -> Vec<Step> {
        self.sources[source.0].dropped = true;
        let stopped: Vec<_> = self.lanes.iter().filter(|(_, lane)| lane.source == source).map(|(id, _)| *id).collect();
        let steps = stopped.into_iter().map(|id| self.stop(id)).collect();
        self.requeue(given);
        steps
    }

    /// Bytes that were delivered are missing again.
    pub fn requeue(&mut self, bytes: &RangeSet) {
        self.delivered = self.delivered.saturating_sub(bytes.len());
        let mut fresh = bytes.clone();
        for lane in self.lanes.values_mut() {
            lane.over.remove_all(bytes);
            fresh.remove(ByteRange::new(lane.position, lane.end));
        }
        self.todo.insert_all(&fresh);
    }

    /// Whether every byte has been delivered.
    pub fn is_complete(&self) -> bool {
        self.todo.is_empty() && self.lanes.is_empty()
    }

    /// Whether bytes are missing and nobody is left to ask.
    pub fn is_stuck(&self) -> bool {
        !self.is_complete()
            && self.lanes.is_empty()
            && self.sources.iter().all(|source| source.dropped || source.barred)
    }

    /// Bytes nobody has delivered yet.
    pub fn remaining(&self) -> u64 {
        let left = |race| self.racers(race).map(|(_, lane)| lane.left()).min().unwrap_or(0);
        self.todo.len() + self.races().into_iter().map(left).sum::<u64>()
    }

    /// Whether any bytes were asked for twice.
    pub fn has_raced(&self) -> bool {
        self.has_raced
    }

    /// Bytes per second over all lanes.
    pub fn rate(&self) -> f64 {
        // The sum of no floats is -0.0.
        self.lanes.values().filter_map(|lane| lane.rate).fold(0.0, |sum, rate| sum + rate)
    }

    /// The source that would get the first lane, while no lane is open.
    pub fn next_source(&self, now: Duration) -> Option<SourceId> {
        let waits = self.lanes.is_empty() && !self.todo.is_empty();
        self.sources.iter().position(|source| waits && source.is_ready(now)).map(SourceId)
    }

    /// Decides what to do now, within `room`. Call it after every event and at
    /// every tick.
    pub fn plan(&mut self, now: Duration, room: &dyn Room) -> Vec<Step> {
        let mut steps = std::mem::take(&mut self.due);
        self.give_up_laggards(now, &mut steps);
        self.grow_kept(&mut steps);
        let view = View {
            now,
            delivered: self.delivered,
            remaining: self.remaining(),
            lanes: self.lanes.values().filter(|lane| lane.has_begun()).count(),
            held: self.lanes.values().filter(|lane| lane.held).count(),
            ready_sources: self.sources.iter().filter(|source| source.is_ready(now)).count(),
            latency_s: self.sources.first().map_or(0.0, Source::latency_s),
        };
        let allowed = self.ramp.allowed(view).min(self.limits.connections.max(1));
        self.wanted_lanes = allowed;
        self.cut_to_pieces(now, &mut steps);
        while self.lanes.len() < allowed && self.lanes.len() < room.most() {
            let before = steps.len();
            for source in self.askable(now, room) {
                if self.assign(source, now, &mut steps) {
                    break;
                }
            }
            if steps.len() == before {
                break;
            }
        }
        steps
    }

    /// The sources that may take one lane more, best first: the idle ones,
    /// then by the rate one of their lanes has shown.
    fn askable(&self, now: Duration, room: &dyn Room) -> Vec<SourceId> {
        let mut open: Vec<_> = (0..self.sources.len())
            .map(SourceId)
            .filter(|id| {
                let Source { spec, .. } = &self.sources[id.0];
                let has_room = || self.lanes_at(&spec.host) < room.most_at(&spec.host, spec.max_lanes);
                self.sources[id.0].is_ready(now) && has_room()
            })
            .collect();
        open.sort_by(|a, b| {
            let key = |id: &SourceId| {
                let source = &self.sources[id.0];
                let is_busy = self.lanes.values().any(|lane| lane.source == *id);
                ((source.stalls > 0, is_busy), source.spec.role == Role::Mirror)
            };
            let rate = |id: &SourceId| self.sources[id.0].lane_rate.unwrap_or(f64::MAX);
            key(a).0.cmp(&key(b).0).then(rate(b).total_cmp(&rate(a))).then(key(a).1.cmp(&key(b).1))
        });
        open
    }

    fn lanes_at(&self, host: &str) -> usize {
        self.lanes.values().filter(|lane| self.sources[lane.source.0].spec.host == host).count()
    }

    /// Gives `source` a lane: unassigned bytes first, else a part of another lane's.
    fn assign(&mut self, source: SourceId, now: Duration, steps: &mut Vec<Step>) -> bool {
        let unassigned = self.take_piece(source, now);
        let Some(taken) = unassigned.or_else(|| self.take_share(source, now, steps)) else { return false };
        let lane = self.open(source, taken, now);
        steps.push(Step::Start { lane, source, range: taken.range });
        true
    }

    fn open(&mut self, source: SourceId, Taken { range, race }: Taken, now: Duration) -> LaneId {
        let id = LaneId(self.next_lane);
        self.next_lane += 1;
        self.has_raced |= race.is_some();
        self.todo.remove(range);
        self.lanes.insert(id, Lane::new(source, race.unwrap_or(id), range, now));
        id
    }

    fn stop(&mut self, id: LaneId) -> Step {
        self.leave(id);
        Step::Stop { lane: id }
    }

    /// Takes a lane out. What it leaves is unassigned again, unless another
    /// lane races for it.
    fn leave(&mut self, id: LaneId) -> Option<Lane> {
        let lane = self.lanes.remove(&id)?;
        if self.racers(lane.race).next().is_none() {
            let mut rest = RangeSet::of(ByteRange::new(lane.position, lane.end));
            rest.remove_all(&lane.over);
            self.todo.insert_all(&rest);
        }
        Some(lane)
    }

    /// Every race, those with one lane among them.
    fn races(&self) -> BTreeSet<LaneId> {
        self.lanes.values().map(|lane| lane.race).collect()
    }

    fn racers(&self, race: LaneId) -> impl Iterator<Item = (LaneId, &Lane)> {
        self.lanes.iter().filter(move |(_, lane)| lane.race == race).map(|(id, lane)| (*id, lane))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a non-negative estimate in bytes")]
fn from_f64(bytes: f64) -> u64 {
    bytes.max(0.0) as u64
}

#[expect(clippy::cast_precision_loss, reason = "an estimate of a rate or a time needs no more than 52 bits")]
fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests;
