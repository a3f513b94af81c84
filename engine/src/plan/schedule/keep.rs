//! Sources that serve one stream and no more.
//!
//! A portal answers every range but the first with a page, a host with one
//! connection leaves the next one without an answer. What such a source already
//! streams is worth more than anything else it could be asked for: that stream
//! is not ended early, and takes back what was given away of it.

use std::time::Duration;

use super::{LaneId, RangeSet, Schedule, SourceId, Step};
use crate::model::ByteRange;

/// How long a host may take to notice that connections were closed.
const NOTICE: Duration = Duration::from_millis(300);

impl Schedule {
    /// The source refuses ranges: of its lanes the one whose answer reaches
    /// furthest is kept to its end, and takes on, with the next plan, what
    /// nobody else has.
    pub fn keep_stream(&mut self, source: SourceId) {
        let own = self.lanes.iter().filter(|(_, lane)| lane.source == source && self.racers(lane.race).count() == 1);
        let furthest = own.max_by_key(|(_, lane)| lane.reach).map(|(id, _)| *id);
        if let Some(lane) = furthest.and_then(|id| self.lanes.get_mut(&id)) {
            lane.kept = true;
        }
    }

    /// Has kept streams take on the unassigned bytes before them. What others
    /// have in between is passed over: it comes twice, and is compared.
    pub(super) fn grow_kept(&mut self, steps: &mut Vec<Step>) {
        if self.todo.is_empty() {
            return;
        }
        for (id, lane) in self.lanes.iter_mut().filter(|(_, lane)| lane.kept) {
            let ahead = ByteRange::new(lane.position, lane.reach.max(lane.position));
            let wanted = RangeSet::from(self.todo.within(ahead).collect::<Vec<_>>());
            if wanted.is_empty() {
                continue;
            }
            let end = wanted.hull().end().max(lane.end);
            let mut between = RangeSet::of(ByteRange::new(lane.end, end));
            between.remove_all(&wanted);
            lane.over.insert_all(&between);
            lane.over.remove_all(&wanted);
            self.todo.remove_all(&wanted);
            if end > lane.end {
                lane.end = end;
                steps.push(Step::Grow { lane: *id, end });
            }
        }
    }

    /// Takes in how many lanes of a source bring bytes at the same time.
    pub(super) fn note_together(&mut self, source: SourceId) {
        let begun = self.lanes.values().filter(|lane| lane.source == source && lane.has_begun()).count();
        let source = &mut self.sources[source.0];
        source.together = source.together.max(begun);
    }

    /// Reduces a source to one lane when others were left without an answer and
    /// no two of its lanes have ever brought bytes at the same time. Says whether
    /// it did; then all lanes without a byte are stopped, `stalled` among them.
    pub(super) fn leave_alone(
        &mut self,
        source: SourceId,
        stalled: &[LaneId],
        now: Duration,
        steps: &mut Vec<Step>,
    ) -> bool {
        let mute = self.laggards(source, |lane, _| !lane.has_begun());
        let is_mute = !stalled.is_empty() && stalled.iter().all(|id| mute.contains(id));
        let lanes = self.lanes.values().filter(|lane| lane.source == source).count();
        let known = &self.sources[source.0];
        if !is_mute || lanes < 2 || known.together > 1 || known.spec.max_lanes < 2 {
            return false;
        }
        steps.extend(mute.into_iter().map(|id| self.stop(id)));
        let known = &mut self.sources[source.0];
        known.spec.max_lanes = 1;
        known.resting_until = known.resting_until.max(now + NOTICE);
        self.keep_stream(source);
        steps.push(Step::Alone { source });
        true
    }
}
