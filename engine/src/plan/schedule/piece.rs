//! How much of the unassigned bytes a lane gets at a time.
//!
//! Lanes that share a file work through it side by side, in pieces of about two
//! seconds and in order. What is verified or streamed has to wait for the first
//! missing byte, and so never waits for long; if each lane had its share of the
//! whole file, nearly all of it would remain to be hashed at the end. Towards
//! the end the pieces become smaller, so that all lanes end together.

use std::time::Duration;

use super::{Lane, Schedule, SourceId, Step, Taken, from_f64, to_f64};
use crate::model::ByteRange;

/// Longest time that a piece should take.
const PIECE_S: f64 = 2.0;
/// The part of the time left that it should take, before that.
const SHARE_OF_REST: f64 = 0.125;
/// But not less than so many waits for a first byte: while a lane waits it
/// brings nothing.
const LATENCIES: f64 = 30.0;
/// And never more than this part of the time left, so that who is late can be
/// helped, unless that is less than so many waits.
const LARGEST_SHARE_OF_REST: f64 = 0.5;
const SHORT_LATENCIES: f64 = 10.0;
/// Fewest bytes of a piece.
const SMALLEST: u64 = 256 * 1024;
/// Most bytes of a piece for a source whose rate is not known, and for one that
/// is far: what keeps an idle connection is a round trip there.
const LARGEST_UNKNOWN: u64 = 4 << 20;
const LARGEST_UNKNOWN_FAR: u64 = 16 << 20;
/// Time to a first byte from which on a source is far.
const FAR_S: f64 = 0.1;
/// Where less than this part of a piece would remain, the piece takes it too.
const CRUMB: f64 = 0.5;

/// Seconds of work that a first response keeps until another range is served.
const UNPROVEN_S: f64 = 1.0;

/// What the size of a piece depends on, the same for all lanes of one moment.
struct Pace {
    /// Bytes that nobody has delivered yet.
    left: u64,
    /// What one lane of each source gives a second, where it is known.
    rates: Vec<Option<f64>>,
}

impl Schedule {
    /// Takes the next unassigned bytes for a lane of `source`.
    pub(super) fn take_piece(&mut self, source: SourceId, now: Duration) -> Option<Taken> {
        let run = self.todo.first()?;
        let piece = self.piece_bytes(source, None, &self.pace(now));
        let takes_all = to_f64(run.len()) <= to_f64(piece) * (1.0 + CRUMB);
        let end = if takes_all { run.end() } else { run.start() + piece };
        Some(Taken { range: ByteRange::new(run.start(), end), race: None })
    }

    /// Ends lanes that have far more than a piece before them after one piece:
    /// the first response, which is asked for the whole file, and those that
    /// turned out slower than what their piece was made for.
    pub(super) fn cut_to_pieces(&mut self, now: Duration, steps: &mut Vec<Step>) {
        if self.wanted_lanes == 1 {
            return;
        }
        let pace = self.pace(now);
        let others = self.lanes.iter().filter(|(_, lane)| !lane.kept);
        let alone = others.filter(|(id, lane)| self.racers(lane.race).all(|(racer, _)| racer == **id));
        let long = alone.filter_map(|(id, lane)| {
            let piece = self.piece_bytes(lane.source, lane.lasting_rate(now), &pace).max(self.unproven_bytes(lane));
            (lane.left() > piece.saturating_mul(2)).then_some((*id, piece))
        });
        for (id, piece) in long.collect::<Vec<_>>() {
            self.split(id, piece, steps);
        }
    }

    /// What a first response keeps at least while no other range has been seen
    /// served: where none is, it is all there is to have.
    fn unproven_bytes(&self, lane: &Lane) -> u64 {
        if !lane.streams || self.sources[lane.source.0].together > 1 {
            return 0;
        }
        let pace = from_f64(lane.rate.unwrap_or(0.0) * UNPROVEN_S);
        pace.max(LARGEST_UNKNOWN).min(lane.left() / 2)
    }

    /// How many of the bytes that are left the next lane of a source should
    /// take, or one that has shown `own_rate`.
    fn piece_bytes(&self, source: SourceId, own_rate: Option<f64>, pace: &Pace) -> u64 {
        let lanes = self.wanted_lanes as u64;
        if lanes == 1 {
            return pace.left;
        }
        let latency_s = self.sources[source.0].latency_s();
        let Some(rate) = [own_rate, pace.rates[source.0]].into_iter().flatten().reduce(f64::min) else {
            let (waves, most) = if latency_s < FAR_S { (2, LARGEST_UNKNOWN) } else { (1, LARGEST_UNKNOWN_FAR) };
            return (pace.left / (waves * lanes)).clamp(SMALLEST, most);
        };
        let others = self.lanes.values().map(|lane| pace.rates[lane.source.0].unwrap_or(rate));
        let open = self.lanes.len().max(1) as u64;
        let total = others.sum::<f64>().max(rate) * (to_f64(lanes) / to_f64(open)).max(1.0);
        let left_s = to_f64(pace.left) / total;
        let largest_share = if left_s < SHORT_LATENCIES * latency_s { 1.0 } else { LARGEST_SHARE_OF_REST };
        let seconds = (left_s * SHARE_OF_REST).min(PIECE_S).max(LATENCIES * latency_s).min(left_s * largest_share);
        from_f64(rate * seconds).max(SMALLEST)
    }

    fn pace(&self, now: Duration) -> Pace {
        let rates = (0..self.sources.len()).map(|index| self.steady_rate(SourceId(index), now)).collect();
        Pace { left: self.remaining(), rates }
    }

    /// Bytes per second of one lane of a source. What a server that sends in
    /// bursts gives at such a moment is not what it gives.
    fn steady_rate(&self, source: SourceId, now: Duration) -> Option<f64> {
        let latest = self.sources[source.0].lane_rate?;
        Some(self.median_rate(source, now).map_or(latest, |usual| usual.min(latest)).max(1.0))
    }
}
