//! Who fetches which bytes.
//!
//! A *lane* is one connection working through one range. Lanes split each
//! other's work by the time left, not by bytes: whoever would finish last gives
//! up as much as makes both finish together. The key invariant, which the
//! property tests hold: at any moment the missing bytes are exactly the
//! unassigned ones plus what the lanes still have before them, without overlap.

use std::collections::BTreeMap;
use std::time::Duration;

use super::RangeSet;
pub use super::ramp::Ramp;
use super::ramp::{RampState, View};
use crate::model::ByteRange;

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
    /// A lane is of no use any more.
    Stop {
        /// The lane.
        lane: LaneId,
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

#[derive(Debug, Clone)]
struct Source {
    spec: SourceSpec,
    resting_until: Duration,
    dropped: bool,
    lane_rate: Option<f64>,
    latency_s: Option<f64>,
}

impl Source {
    fn is_ready(&self, now: Duration) -> bool {
        !self.dropped && self.resting_until <= now
    }
}

#[derive(Debug, Clone)]
struct Lane {
    source: SourceId,
    start: u64,
    position: u64,
    end: u64,
    opened: Duration,
    sample: (Duration, u64),
    rate: Option<f64>,
}

impl Lane {
    fn left(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }
}

/// Below this a range is not worth a request of its own.
const SMALLEST_SPLIT: u64 = 64 * 1024;
/// A victim that would keep less than this is replaced outright.
const SMALLEST_KEEP: u64 = 16 * 1024;
/// Shortest time between two samples of a lane's rate.
const SAMPLE: Duration = Duration::from_millis(40);
/// Half of a rate's memory is gone after about this long.
const MEMORY_S: f64 = 0.5;
/// Time to a first byte where none was measured.
const UNKNOWN_LATENCY_S: f64 = 0.05;
/// A lane without a first byte for this long counts as stalled.
const SILENCE_S: f64 = 1.0;
/// A split has to save this much beyond the latency it costs.
const SMALLEST_GAIN_S: f64 = 0.03;

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
        }
    }

    /// Adds a source, ready to be asked.
    pub fn add_source(&mut self, spec: SourceSpec) -> SourceId {
        let resting_until = spec.not_before;
        let ready = Source { spec, resting_until, dropped: false, lane_rate: None, latency_s: None };
        self.sources.push(ready);
        SourceId(self.sources.len() - 1)
    }

    /// Takes over a response that is already streaming `range`. The part of
    /// it that is not missing is not waited for: the lane ends where the first
    /// missing run ends. None when its first byte is not missing.
    pub fn adopt(&mut self, source: SourceId, range: ByteRange, now: Duration) -> Option<(LaneId, ByteRange)> {
        let run = self.todo.iter().find(|run| run.start() <= range.start() && range.start() < run.end())?;
        let range = ByteRange::new(range.start(), range.end().min(run.end()));
        Some((self.open(source, range, now), range))
    }

    /// Tells how far a lane has come.
    pub fn observe(&mut self, id: LaneId, position: u64, now: Duration) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let source = &mut self.sources[lane.source.0];
        let position = position.clamp(lane.position, lane.end);
        if lane.position == lane.start && position > lane.start {
            source.latency_s = Some(now.saturating_sub(lane.opened).as_secs_f64());
            lane.sample = (now, position);
        }
        self.delivered += position - lane.position;
        lane.position = position;
        let elapsed = now.saturating_sub(lane.sample.0);
        if elapsed >= SAMPLE && position > lane.start {
            let latest = to_f64(position - lane.sample.1) / elapsed.as_secs_f64();
            lane.rate = Some(blend(lane.rate, latest, elapsed));
            source.lane_rate = Some(blend(source.lane_rate, latest, elapsed));
            lane.sample = (now, position);
        }
    }

    /// A lane delivered all it was asked for.
    pub fn finish(&mut self, id: LaneId) {
        if let Some(lane) = self.lanes.remove(&id) {
            self.delivered += lane.left();
        }
    }

    /// A lane ended before its range did; what it left is unassigned again.
    pub fn fail(&mut self, id: LaneId, failure: Failure, now: Duration) {
        let Some(lane) = self.lanes.remove(&id) else { return };
        self.todo.insert(ByteRange::new(lane.position, lane.end));
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
        for lane in self.lanes.values() {
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
        !self.is_complete() && self.lanes.is_empty() && self.sources.iter().all(|source| source.dropped)
    }

    /// Bytes nobody has delivered yet.
    pub fn remaining(&self) -> u64 {
        self.todo.len() + self.lanes.values().map(Lane::left).sum::<u64>()
    }

    /// Bytes per second over all lanes.
    pub fn rate(&self) -> f64 {
        // The sum of no floats is -0.0.
        self.lanes.values().filter_map(|lane| lane.rate).fold(0.0, |sum, rate| sum + rate)
    }

    /// Decides what to do now. Call it after every event and at every tick.
    pub fn plan(&mut self, now: Duration) -> Vec<Step> {
        let mut steps = Vec::new();
        let view = View {
            now,
            delivered: self.delivered,
            remaining: self.remaining(),
            lanes: self.lanes.len(),
            ready_sources: self.sources.iter().filter(|source| source.is_ready(now)).count(),
        };
        let allowed = self.ramp.allowed(view).min(self.limits.connections.max(1));
        while self.lanes.len() < allowed {
            let before = steps.len();
            for source in self.askable(now) {
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
    fn askable(&self, now: Duration) -> Vec<SourceId> {
        let mut open: Vec<_> = (0..self.sources.len())
            .map(SourceId)
            .filter(|id| {
                let source = &self.sources[id.0];
                source.is_ready(now) && self.lanes_at(&source.spec.host) < source.spec.max_lanes
            })
            .collect();
        open.sort_by(|a, b| {
            let key = |id: &SourceId| {
                (self.lanes.values().any(|lane| lane.source == *id), self.sources[id.0].spec.role == Role::Mirror)
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
        let range = match self.todo.first() {
            Some(range) => range,
            None => match self.steal(source, now, steps) {
                Some(range) => range,
                None => return false,
            },
        };
        let lane = self.open(source, range, now);
        steps.push(Step::Start { lane, source, range });
        true
    }

    fn open(&mut self, source: SourceId, range: ByteRange, now: Duration) -> LaneId {
        let id = LaneId(self.next_lane);
        self.next_lane += 1;
        self.todo.remove(range);
        let lane = Lane {
            source,
            start: range.start(),
            position: range.start(),
            end: range.end(),
            opened: now,
            sample: (now, range.start()),
            rate: None,
        };
        self.lanes.insert(id, lane);
        id
    }

    fn stop(&mut self, id: LaneId) -> Step {
        if let Some(lane) = self.lanes.remove(&id) {
            self.todo.insert(ByteRange::new(lane.position, lane.end));
        }
        Step::Stop { lane: id }
    }

    /// Takes work from the lane that would finish last, so that it and the new
    /// one finish together.
    fn steal(&mut self, thief: SourceId, now: Duration, steps: &mut Vec<Step>) -> Option<ByteRange> {
        let mean = self.mean_lane_rate();
        let (victim, victim_rate) = self.last_to_finish(mean, now)?;
        let own_rate = self.sources[thief.0].lane_rate.or(mean).unwrap_or(victim_rate).max(1.0);
        let latency = self.sources[thief.0].latency_s.unwrap_or(UNKNOWN_LATENCY_S);
        let lane = &self.lanes[&victim];
        let left = to_f64(lane.left());
        let keep = from_f64((left + latency * own_rate) * victim_rate / (victim_rate + own_rate)).min(lane.left());
        let give = lane.left() - keep;
        let gain_s = to_f64(give) / victim_rate.max(1.0);
        if gain_s < latency + SMALLEST_GAIN_S {
            return None;
        }
        let range = ByteRange::new(lane.position + keep, lane.end);
        let much_sooner = left / victim_rate > 2.0 * (latency + left / own_rate);
        if keep < SMALLEST_KEEP && much_sooner {
            steps.push(self.stop(victim));
            return self.todo.first();
        }
        if give < SMALLEST_SPLIT || keep < SMALLEST_KEEP {
            return None;
        }
        self.lanes.get_mut(&victim)?.end = range.start();
        self.todo.insert(range);
        steps.push(Step::Shrink { lane: victim, end: range.start() });
        Some(range)
    }

    fn mean_lane_rate(&self) -> Option<f64> {
        let rates: Vec<f64> = self.lanes.values().filter_map(|lane| lane.rate).collect();
        (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / to_f64(rates.len() as u64))
    }

    fn last_to_finish(&self, mean: Option<f64>, now: Duration) -> Option<(LaneId, f64)> {
        let rate_of = |lane: &Lane| {
            let source = &self.sources[lane.source.0];
            let patience_s = (4.0 * source.latency_s.unwrap_or(UNKNOWN_LATENCY_S)).max(SILENCE_S);
            let silent = lane.rate.is_none() && now.saturating_sub(lane.opened).as_secs_f64() > patience_s;
            let known = if silent { None } else { lane.rate.or(source.lane_rate).or(mean) };
            known.unwrap_or(1.0).max(1.0)
        };
        let left_s = |lane: &Lane| to_f64(lane.left()) / rate_of(lane);
        let busy = self.lanes.iter().filter(|(_, lane)| lane.left() > 0);
        busy.max_by(|a, b| left_s(a.1).total_cmp(&left_s(b.1))).map(|(id, lane)| (*id, rate_of(lane)))
    }
}

fn blend(old: Option<f64>, latest: f64, elapsed: Duration) -> f64 {
    let weight = 1.0 - (-elapsed.as_secs_f64() / MEMORY_S).exp();
    old.map_or(latest, |old| old + (latest - old) * weight)
}

#[expect(clippy::cast_precision_loss, reason = "an estimate of a rate or a time needs no more than 52 bits")]
fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a non-negative estimate in bytes")]
fn from_f64(bytes: f64) -> u64 {
    bytes.max(0.0) as u64
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
