//! What one lane takes from another: a part of its work, all of it, or the
//! same last bytes in a race.
//!
//! Work is shared by the time left, not by bytes: whoever would finish last
//! gives up as much as makes both finish together.

use std::time::Duration;

use super::{Lane, LaneId, Schedule, Source, SourceId, Step, from_f64, to_f64};
use crate::model::ByteRange;

/// Below this a range is not worth a request of its own.
const SMALLEST_SPLIT: u64 = 64 * 1024;
/// A lane that would keep less than this gives up everything.
const SMALLEST_KEEP: u64 = 16 * 1024;
/// A split has to save this much beyond the latency it costs.
const SMALLEST_GAIN_S: f64 = 0.03;
/// Most bytes that are fetched twice so that the last ones do not crawl.
pub(super) const LARGEST_RACE: u64 = 256 * 1024;
/// Most lanes that race for the same bytes.
const MOST_RACERS: usize = 3;
/// Lanes of a source that tell what is usual there.
const FEWEST_LIKE: usize = 4;

/// Work for a new lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub range: ByteRange,
    /// The race that it joins.
    pub race: Option<LaneId>,
}

/// The work that would be finished last.
struct Victim {
    /// The lane of its race that would be there first.
    lane: LaneId,
    race: LaneId,
    racers: usize,
    rate: f64,
    left_s: f64,
}

impl Schedule {
    /// Takes work from the lane that would finish last.
    pub(super) fn take_share(&mut self, thief: SourceId, now: Duration, steps: &mut Vec<Step>) -> Option<Taken> {
        let mean = self.mean_lane_rate();
        let victim = self.last_to_finish(mean, now)?;
        let thief = &self.sources[thief.0];
        let own_rate = thief.lane_rate.or(mean).unwrap_or(victim.rate).max(1.0);
        let latency_s = thief.latency_s();
        let lane = &self.lanes[&victim.lane];
        let left = to_f64(lane.left());
        let keep = from_f64((left + latency_s * own_rate) * victim.rate / (victim.rate + own_rate)).min(lane.left());
        let give = lane.left() - keep;
        if to_f64(give) / victim.rate < latency_s + SMALLEST_GAIN_S {
            return None;
        }
        let much_sooner = victim.left_s > 2.0 * (latency_s + left / own_rate);
        let whole = ByteRange::new(lane.position, lane.end);
        if victim.racers > 1 || (keep < SMALLEST_KEEP && lane.left() <= LARGEST_RACE) {
            return much_sooner.then_some(Taken { range: whole, race: Some(victim.race) });
        }
        if keep < SMALLEST_KEEP && much_sooner {
            steps.push(self.stop(victim.lane));
            return self.todo.first().map(|range| Taken { range, race: None });
        }
        if give < SMALLEST_SPLIT || keep < SMALLEST_KEEP {
            return None;
        }
        Some(Taken { range: self.split(victim.lane, keep, steps), race: None })
    }

    /// Ends a lane after `keep` bytes more and gives what it had beyond them.
    pub(super) fn split(&mut self, id: LaneId, keep: u64, steps: &mut Vec<Step>) -> ByteRange {
        let lane = self.lanes.get_mut(&id).expect("the victim is among the lanes");
        let range = ByteRange::new(lane.position + keep, lane.end);
        lane.end = range.start();
        self.todo.insert(range);
        steps.push(Step::Shrink { lane: id, end: range.start() });
        range
    }

    /// Gives up lanes that have kept silent for too long, and those that crawl
    /// beside their like; others take over.
    pub(super) fn give_up_laggards(&mut self, now: Duration, steps: &mut Vec<Step>) {
        for index in 0..self.sources.len() {
            let source = SourceId(index);
            self.note_together(source);
            let stalled = self.laggards(source, |lane, source| lane.is_stalled(source, now));
            self.sources[index].stalls += i32::from(!stalled.is_empty());
            if !self.leave_alone(source, &stalled, now, steps) {
                steps.extend(stalled.into_iter().map(|id| self.stop(id)));
            }
            let Some(usual) = self.median_rate(source, now) else { continue };
            let crawling = self.laggards(source, |lane, _| lane.is_crawling(usual, now));
            for id in &crawling {
                self.lanes[id].remember_life(&mut self.sources[index], now);
            }
            steps.extend(crawling.into_iter().map(|id| self.stop(id)));
        }
    }

    pub(super) fn laggards(&self, source: SourceId, is_one: impl Fn(&Lane, &Source) -> bool) -> Vec<LaneId> {
        let own = self.lanes.iter().filter(|(_, lane)| lane.source == source);
        own.filter(|(_, lane)| is_one(lane, &self.sources[source.0])).map(|(id, _)| *id).collect()
    }

    /// The rate in the middle of those that lanes of the source have or had,
    /// where there are enough of them.
    pub(super) fn median_rate(&self, source: SourceId, now: Duration) -> Option<f64> {
        let own = self.lanes.values().filter(|lane| lane.source == source);
        let mut rates: Vec<f64> = own.filter_map(|lane| lane.lasting_rate(now)).collect();
        rates.extend(&self.sources[source.0].lives);
        rates.sort_by(f64::total_cmp);
        (rates.len() >= FEWEST_LIKE).then(|| rates[rates.len() / 2])
    }

    fn mean_lane_rate(&self) -> Option<f64> {
        let rates: Vec<f64> = self.lanes.values().filter_map(|lane| lane.rate).collect();
        (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / to_f64(rates.len() as u64))
    }

    fn last_to_finish(&self, mean: Option<f64>, now: Duration) -> Option<Victim> {
        let quickest = |race: LaneId| {
            let racers = self.racers(race).filter(|(_, lane)| lane.left() > 0 && lane.over.is_empty());
            let timed = racers.map(|(id, lane)| {
                let rate = lane.expected_rate(&self.sources[lane.source.0], mean, now);
                (id, rate, to_f64(lane.left()) / rate)
            });
            let (lane, rate, left_s) = timed.min_by(|a, b| a.2.total_cmp(&b.2))?;
            Some(Victim { lane, race, racers: self.racers(race).count(), rate, left_s })
        };
        let victims = self.races().into_iter().filter_map(quickest).filter(|victim| victim.racers < MOST_RACERS);
        victims.max_by(|a, b| a.left_s.total_cmp(&b.left_s))
    }
}
