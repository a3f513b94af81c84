//! What the schedule knows of a source and of a lane: positions, rates, and
//! how long each has kept silent.

use std::collections::VecDeque;
use std::time::Duration;

use super::{LaneId, RangeSet, SourceId, SourceSpec, to_f64};
use crate::model::ByteRange;

/// Shortest time between two samples of a lane's rate.
const SAMPLE: Duration = Duration::from_millis(40);
/// Half of a rate's memory is gone after about this long.
const MEMORY_S: f64 = 0.5;
/// Time to a first byte where none was measured.
const UNKNOWN_LATENCY_S: f64 = 0.05;
/// A lane without a first byte for this long is taken to be slow.
const SILENCE_S: f64 = 1.0;
/// A lane without a byte for this long is given up, at first.
const STALL_S: f64 = 2.0;
/// A lane that brings less than this share of what is usual at its source crawls.
const CRAWL_SHARE: f64 = 0.25;
/// How long a lane may take to show its rate, and how long it must have to go.
const CRAWL_S: f64 = 1.0;
/// How many lanes that are gone still tell what is usual.
const MOST_LIVES: usize = 16;
/// How much a lane must have brought to tell, if it lived for a moment only.
const TELLING_BYTES: u64 = 256 * 1024;
/// Most doublings of that patience.
const MOST_DOUBLINGS: i32 = 8;

/// What the caller sees of a lane.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Next byte to come.
    pub position: u64,
    /// It has bytes that the disk or the rate limit does not take yet: its
    /// silence is ours.
    pub held: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Source {
    pub spec: SourceSpec,
    pub resting_until: Duration,
    pub dropped: bool,
    /// It may not be asked yet.
    pub barred: bool,
    /// Bytes per second of one of its lanes while it delivers.
    pub lane_rate: Option<f64>,
    pub latency_s: Option<f64>,
    /// Lanes given up for their silence since it last brought bytes.
    pub stalls: i32,
    /// Bytes per second that its last lanes had over their lives.
    pub lives: VecDeque<f64>,
    /// Most of its lanes that have brought bytes at the same time.
    pub together: usize,
}

impl Source {
    pub fn new(spec: SourceSpec) -> Self {
        let resting_until = spec.not_before;
        Self {
            spec,
            resting_until,
            dropped: false,
            barred: false,
            lane_rate: None,
            latency_s: None,
            stalls: 0,
            lives: VecDeque::new(),
            together: 0,
        }
    }

    pub fn is_ready(&self, now: Duration) -> bool {
        !self.dropped && !self.barred && self.resting_until <= now
    }

    /// Seconds from a request to its first byte.
    pub fn latency_s(&self) -> f64 {
        self.latency_s.unwrap_or(UNKNOWN_LATENCY_S)
    }

    /// How long one of its lanes may keep silent. It doubles with every lane
    /// given up: a source that is slow to answer is not asked without end.
    fn patience_s(&self) -> f64 {
        (4.0 * self.latency_s()).max(STALL_S) * 2f64.powi(self.stalls.min(MOST_DOUBLINGS))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub source: SourceId,
    /// Lanes of the same race fetch the same last bytes; the first one wins.
    pub race: LaneId,
    pub position: u64,
    pub end: u64,
    /// Seconds to its first byte, once it came.
    pub latency_s: Option<f64>,
    /// It waits for us rather than for its source.
    pub held: bool,
    /// One past the last byte that its answer can bring.
    pub reach: u64,
    /// It is the first response, which is asked for all there is.
    pub streams: bool,
    /// It is not ended early: its source serves no other range.
    pub kept: bool,
    /// Bytes before its end that others have brought or will bring.
    pub over: RangeSet,
    start: u64,
    opened: Duration,
    heard: Duration,
    sample: (Duration, u64),
    pub rate: Option<f64>,
}

impl Lane {
    pub fn new(source: SourceId, race: LaneId, range: ByteRange, now: Duration) -> Self {
        Self {
            source,
            race,
            position: range.start(),
            end: range.end(),
            latency_s: None,
            held: false,
            reach: range.end(),
            streams: false,
            kept: false,
            over: RangeSet::default(),
            start: range.start(),
            opened: now,
            heard: now,
            sample: (now, range.start()),
            rate: None,
        }
    }

    /// Bytes it still has before it.
    pub fn left(&self) -> u64 {
        let ahead = self.end.saturating_sub(self.position);
        if self.over.is_empty() {
            return ahead;
        }
        let passed = self.over.within(ByteRange::new(self.position, self.end.max(self.position)));
        ahead - passed.map(ByteRange::len).sum::<u64>()
    }

    /// Whether it has brought a byte.
    pub fn has_begun(&self) -> bool {
        self.position > self.start
    }

    /// Takes in how far it has come; gives the bytes that are new.
    pub fn observe(&mut self, seen: Seen, source: &mut Source, now: Duration) -> u64 {
        let position = seen.position.clamp(self.position, self.end);
        let new_bytes = position - self.position;
        if new_bytes > 0 || seen.held {
            self.heard = now;
            source.stalls = 0;
        }
        if self.position == self.start && new_bytes > 0 {
            let waited_s = self.latency_s.unwrap_or_else(|| now.saturating_sub(self.opened).as_secs_f64());
            (self.latency_s, source.latency_s) = (Some(waited_s), Some(waited_s));
            self.sample = (now, position);
        }
        self.position = position;
        self.held = seen.held;
        let elapsed = now.saturating_sub(self.sample.0);
        if elapsed >= SAMPLE && position > self.start {
            let latest = to_f64(position - self.sample.1) / elapsed.as_secs_f64();
            self.rate = Some(blend(self.rate, latest, elapsed));
            // A lane that stalls says nothing about what another would bring.
            if position > self.sample.1 {
                source.lane_rate = Some(blend(source.lane_rate, latest, elapsed));
            }
            self.sample = (now, position);
        }
        new_bytes
    }

    /// Takes in that it has delivered everything. One that was too quick for a
    /// sample tells its source's rate now, on the safe side.
    pub fn conclude(&self, source: &mut Source, now: Duration) {
        let seconds = now.saturating_sub(self.opened).as_secs_f64();
        if source.lane_rate.is_none() && seconds > 0.0 {
            source.lane_rate = Some(to_f64(self.end - self.start) / seconds);
        }
        self.remember_life(source, now);
    }

    /// Has its source remember what rate it had, if it brought enough to tell.
    pub fn remember_life(&self, source: &mut Source, now: Duration) {
        let bytes = self.position - self.start;
        let seconds = now.saturating_sub(self.opened).as_secs_f64();
        if seconds > CRAWL_S || bytes >= TELLING_BYTES && seconds > 0.0 {
            source.lives.truncate(MOST_LIVES - 1);
            source.lives.push_front(to_f64(bytes) / seconds);
        }
    }

    /// Whether it has kept silent for so long that it is to be given up.
    pub fn is_stalled(&self, source: &Source, now: Duration) -> bool {
        self.left() > 0 && now.saturating_sub(self.heard).as_secs_f64() > source.patience_s()
    }

    /// Bytes per second over its whole life, once that is long enough to tell:
    /// servers that pace an answer send it in bursts.
    pub fn lasting_rate(&self, now: Duration) -> Option<f64> {
        let age_s = now.saturating_sub(self.opened).as_secs_f64();
        (age_s > CRAWL_S).then(|| to_f64(self.position - self.start) / age_s)
    }

    /// Whether a new connection would do much better: it brings little of what
    /// is usual at its source, and has long to go.
    pub fn is_crawling(&self, usual: f64, now: Duration) -> bool {
        let crawls = |rate: f64| rate < usual * CRAWL_SHARE && to_f64(self.left()) > rate * CRAWL_S;
        self.lasting_rate(now).is_some_and(crawls)
    }

    /// The rate to expect of it. A lane that should have begun and has not is
    /// taken to crawl.
    pub fn expected_rate(&self, source: &Source, mean: Option<f64>, now: Duration) -> f64 {
        let patience_s = (4.0 * source.latency_s()).max(SILENCE_S);
        let silent = self.rate.is_none() && now.saturating_sub(self.opened).as_secs_f64() > patience_s;
        let known = if silent { None } else { self.rate.or(source.lane_rate).or(mean) };
        known.unwrap_or(1.0).max(1.0)
    }
}

fn blend(old: Option<f64>, latest: f64, elapsed: Duration) -> f64 {
    let weight = 1.0 - (-elapsed.as_secs_f64() / MEMORY_S).exp();
    old.map_or(latest, |old| old + (latest - old) * weight)
}
