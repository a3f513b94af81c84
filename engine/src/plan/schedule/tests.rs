//! The scheduler against a simulated network: no sockets, no clock.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a simulation in floating point"
)]

mod keep;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::share::LARGEST_RACE;
use super::*;

const TICK: Duration = Duration::from_millis(20);

/// A source that gives each lane `lane_rate` and all lanes together `total_rate` bytes a second.
#[derive(Debug, Clone, Copy)]
struct Link {
    lane_rate: f64,
    total_rate: f64,
    /// Fails every lane after so many bytes.
    breaks_after: Option<u64>,
    /// Sends what each lane may have in a second at its start, and then once a second.
    in_bursts: bool,
    /// Of every so many connections, the first has this rate instead.
    odd: Option<(usize, f64)>,
}

impl Link {
    fn rate(&self, nth: usize, lanes: usize) -> f64 {
        let odd = self.odd.filter(|(every, _)| nth.is_multiple_of(*every));
        odd.map_or(self.lane_rate, |(_, rate)| rate).min(self.total_rate / lanes as f64)
    }
}

/// Room for whatever the schedule itself allows.
struct Boundless;

impl Room for Boundless {
    fn most(&self) -> usize {
        usize::MAX
    }

    fn most_at(&self, _: &str, max_lanes: usize) -> usize {
        max_lanes
    }
}

struct Open {
    source: usize,
    /// Connections to the source that were opened before its own.
    nth: usize,
    /// It got less than it asked for: its connection cannot be used again.
    is_cut: bool,
    age: Duration,
    start: u64,
    position: f64,
    end: u64,
}

struct Outcome {
    seconds: f64,
    received: RangeSet,
    requests: usize,
    wasted: u64,
    /// Lanes that were opened for bytes which another lane had before it.
    races: u64,
    /// Connections to each source.
    opened: Vec<usize>,
    /// Those of them that wait for another request.
    idle: Vec<Vec<usize>>,
    /// Bytes that were still to be hashed when the last one came, by somebody
    /// who hashes `HASH_RATE` bytes a second of what is there from byte 0 on.
    unhashed: u64,
}

const HASH_RATE: f64 = 500.0 * MIB as f64;

/// Downloads `size` bytes from `links`; the first is the origin.
fn simulate(size: u64, links: &[Link], limits: Limits) -> Outcome {
    let mut schedule = Schedule::new(RangeSet::of(ByteRange::new(0, size)), limits);
    for (index, _) in links.iter().enumerate() {
        let role = if index == 0 { Role::Origin } else { Role::Mirror };
        schedule.add_source(SourceSpec { host: format!("h{index}"), role, max_lanes: 16, not_before: Duration::ZERO });
    }
    let mut open: BTreeMap<LaneId, Open> = BTreeMap::new();
    let mut outcome = Outcome {
        seconds: 0.0,
        received: RangeSet::default(),
        requests: 0,
        wasted: 0,
        races: 0,
        opened: vec![0; links.len()],
        idle: vec![Vec::new(); links.len()],
        unhashed: size,
    };
    let mut now = Duration::ZERO;
    while !schedule.is_complete() {
        assert!(now < Duration::from_hours(1), "the simulated download does not end");
        for step in schedule.plan(now, &Boundless) {
            apply(step, &mut open, &mut outcome);
        }
        check_no_overlap(&schedule);
        now += TICK;
        transfer(&mut open, links);
        let frontier = frontier(&open, &outcome);
        outcome.unhashed = size - frontier.min(size - outcome.unhashed + (HASH_RATE * TICK.as_secs_f64()) as u64);
        report(&mut schedule, &mut open, &mut outcome, links, now);
    }
    schedule.plan(now, &Boundless).into_iter().for_each(|step| apply(step, &mut open, &mut outcome));
    outcome.seconds = now.as_secs_f64();
    outcome
}

fn apply(step: Step, open: &mut BTreeMap<LaneId, Open>, outcome: &mut Outcome) {
    match step {
        Step::Start { lane, source, range } => {
            let SourceId(source) = source;
            let nth = outcome.idle[source].pop().unwrap_or_else(|| {
                outcome.opened[source] += 1;
                outcome.opened[source] - 1
            });
            outcome.requests += 1;
            outcome.races +=
                u64::from(open.values().any(|lane| lane.position < lane.end as f64 && lane.end == range.end()));
            open.insert(
                lane,
                Open {
                    source,
                    nth,
                    is_cut: false,
                    age: Duration::ZERO,
                    start: range.start(),
                    position: range.start() as f64,
                    end: range.end(),
                },
            );
        }
        Step::Shrink { lane, end } => {
            let lane = open.get_mut(&lane).expect("an open lane");
            (lane.end, lane.is_cut) = (end, true);
        }
        Step::Grow { lane, end } => open.get_mut(&lane).expect("an open lane").end = end,
        Step::Alone { .. } => {}
        Step::Stop { lane } => {
            // One that lost a race may have ended at the same moment.
            let Some(lane) = open.remove(&lane) else { return };
            receive(outcome, ByteRange::new(lane.start, lane.position as u64));
        }
    }
}

/// One past the last of the bytes from byte 0 on that have arrived.
fn frontier(open: &BTreeMap<LaneId, Open>, outcome: &Outcome) -> u64 {
    let mut there = outcome.received.clone();
    open.values().for_each(|lane| there.insert(ByteRange::new(lane.start, lane.position as u64)));
    there.prefix()
}

fn receive(outcome: &mut Outcome, range: ByteRange) {
    let before = outcome.received.len();
    outcome.received.insert(range);
    outcome.wasted += range.len() - (outcome.received.len() - before);
}

fn transfer(open: &mut BTreeMap<LaneId, Open>, links: &[Link]) {
    for (index, link) in links.iter().enumerate() {
        let lanes = open.values().filter(|lane| lane.source == index).count().max(1);
        for lane in open.values_mut().filter(|lane| lane.source == index) {
            let is_due = !link.in_bursts || lane.age.as_millis().is_multiple_of(1000);
            lane.age += TICK;
            let seconds = if link.in_bursts { 1.0 } else { TICK.as_secs_f64() };
            if is_due {
                lane.position = (lane.position + link.rate(lane.nth, lanes) * seconds).min(lane.end as f64);
            }
        }
    }
}

fn report(
    schedule: &mut Schedule,
    open: &mut BTreeMap<LaneId, Open>,
    outcome: &mut Outcome,
    links: &[Link],
    now: Duration,
) {
    let ids: Vec<_> = open.keys().copied().collect();
    for id in ids {
        let Some(lane) = open.get(&id) else { continue };
        let position = lane.position as u64;
        schedule.observe(id, Seen { position, held: false }, now);
        let broken = links[lane.source].breaks_after.is_some_and(|bytes| position - lane.start >= bytes);
        if position < lane.end && !broken {
            continue;
        }
        let lane = open.remove(&id).expect("an open lane");
        receive(outcome, ByteRange::new(lane.start, position));
        if position >= lane.end {
            outcome.idle[lane.source].extend((!lane.is_cut).then_some(lane.nth));
            schedule.finish(id, now);
        } else {
            schedule.fail(id, Failure::default(), now);
        }
    }
}

fn check_no_overlap(schedule: &Schedule) {
    let mut seen = schedule.todo.clone();
    let mut total = seen.len();
    for race in schedule.races() {
        let ends: BTreeSet<u64> = schedule.racers(race).map(|(_, lane)| lane.end).collect();
        assert_eq!(ends.len(), 1, "racers want the same bytes: {schedule:?}");
        let widest = schedule.racers(race).max_by_key(|(_, lane)| lane.left()).expect("a race has a lane").1;
        seen.insert(ByteRange::new(widest.position, widest.end));
        total += widest.left();
    }
    assert_eq!(seen.len(), total, "work overlaps: {schedule:?}");
}

fn link(mib_per_lane: f64, mib_in_all: f64) -> Link {
    Link {
        lane_rate: mib_per_lane * MIB as f64,
        total_rate: mib_in_all * MIB as f64,
        breaks_after: None,
        in_bursts: false,
        odd: None,
    }
}

const ADAPTIVE: Limits = Limits { connections: 16, ramp: Ramp::Adaptive };
const SIXTEEN: Limits = Limits { connections: 16, ramp: Ramp::AtOnce };
const MIB: u64 = 1 << 20;

#[test]
fn three_mirrors_finish_together() {
    let outcome = simulate(256 * MIB, &[link(10.0, 10.0), link(20.0, 20.0), link(40.0, 40.0)], ADAPTIVE);
    assert!(outcome.seconds <= 256.0 / 70.0 * 1.05, "{}", outcome.seconds);
    assert_eq!(outcome.wasted, 0);
}

#[test]
fn a_slow_mirror_costs_nothing() {
    let outcome = simulate(256 * MIB, &[link(40.0, 40.0), link(1.0, 1.0)], ADAPTIVE);
    assert!(outcome.seconds <= 256.0 / 41.0 * 1.05, "{}", outcome.seconds);
}

#[test]
fn sixteen_capped_connections_share_the_file() {
    let outcome = simulate(256 * MIB, &[link(2.0, 1000.0)], SIXTEEN);
    assert!(outcome.seconds <= 8.0 * 1.03, "{}", outcome.seconds);
    let ramped = simulate(256 * MIB, &[link(2.0, 1000.0)], ADAPTIVE);
    assert!(ramped.seconds <= 8.0 * 1.25, "{}", ramped.seconds);
}

/// What is behind the first gap at the end has yet to be hashed, and nobody
/// waits for that in a download of any length.
#[test]
fn little_is_left_to_hash_at_the_end() {
    let mirrors = [link(10.0, 10.0), link(20.0, 20.0), link(40.0, 40.0)];
    for (links, limits) in [(&[link(2.0, 1000.0)][..], SIXTEEN), (&[link(4.0, 1000.0)], ADAPTIVE), (&mirrors, ADAPTIVE)]
    {
        let outcome = simulate(256 * MIB, links, limits);
        assert!(outcome.unhashed <= 16 * MIB, "{} of {links:?}", outcome.unhashed);
    }
}

#[test]
fn a_connection_that_stalls_is_replaced() {
    let stalling = Link { odd: Some((usize::MAX, 0.0)), ..link(20.0, 20.0) };
    for limits in [ADAPTIVE, Limits { connections: 1, ..ADAPTIVE }] {
        let outcome = simulate(64 * MIB, &[stalling], limits);
        assert!(outcome.seconds <= 64.0 / 20.0 + 2.2, "{}", outcome.seconds);
    }
}

#[test]
fn connections_that_crawl_hold_up_nobody() {
    let uneven = Link { odd: Some((4, 0.2 * MIB as f64)), ..link(4.0, 1000.0) };
    let outcome = simulate(256 * MIB, &[uneven], SIXTEEN);
    assert!(outcome.seconds <= 256.0 / 64.0 * 1.15, "{}", outcome.seconds);
}

/// nginx paces an answer by sending what is due and sleeping on it.
#[test]
fn connections_that_send_in_bursts_are_not_given_up() {
    let bursty = Link { in_bursts: true, ..link(2.0, 1000.0) };
    let outcome = simulate(256 * MIB, &[bursty], SIXTEEN);
    assert!(outcome.seconds <= 8.0 * 1.15 && outcome.requests < 200, "{} s, {}", outcome.seconds, outcome.requests);
}

#[test]
fn the_last_bytes_are_raced_for() {
    let crawling = Link { odd: Some((usize::MAX, 0.02 * MIB as f64)), ..link(4.0, 4.0) };
    let outcome = simulate(LARGEST_RACE, &[crawling, link(4.0, 4.0)], SIXTEEN);
    assert!(outcome.seconds <= 1.0, "{}", outcome.seconds);
    assert!(outcome.races > 0 && outcome.wasted <= LARGEST_RACE);
}

#[test]
fn who_keeps_silent_is_asked_ever_more_rarely() {
    let silent = Link { odd: Some((1, 0.0)), ..link(1.0, 1.0) };
    let outcome = simulate(64 * MIB, &[silent, link(1.0, 1.0)], Limits { connections: 2, ..ADAPTIVE });
    assert!(outcome.opened[0] <= 6, "{:?}", outcome.opened);
}

#[test]
fn an_uncapped_link_is_not_split() {
    assert_eq!(simulate(256 * MIB, &[link(800.0, 800.0)], ADAPTIVE).requests, 1);
}

#[test]
fn an_adopted_response_ends_with_the_missing_run() {
    let mut schedule = Schedule::new(RangeSet::from(vec![ByteRange::new(10, 20), ByteRange::new(30, 40)]), SIXTEEN);
    let origin = schedule.add_source(SourceSpec {
        host: "h".into(),
        role: Role::Origin,
        max_lanes: 1,
        not_before: Duration::ZERO,
    });
    assert_eq!(schedule.adopt(origin, ByteRange::new(0, 40), Duration::ZERO, Duration::ZERO), None);
    let (lane, range) =
        schedule.adopt(origin, ByteRange::new(10, 40), Duration::ZERO, Duration::ZERO).expect("byte 10 is missing");
    assert_eq!(range, ByteRange::new(10, 20));
    schedule.finish(lane, Duration::ZERO);
    assert_eq!(schedule.remaining(), 10);
}

/// Room that others leave: so many lanes in all, and at the host `a`.
struct Little(usize, usize);

impl Room for Little {
    fn most(&self) -> usize {
        self.0
    }

    fn most_at(&self, host: &str, max_lanes: usize) -> usize {
        if host == "a" { max_lanes.min(self.1) } else { max_lanes }
    }
}

#[test]
fn lanes_keep_within_the_room() {
    let mut schedule = Schedule::new(RangeSet::of(ByteRange::new(0, 256 * MIB)), SIXTEEN);
    for (host, role) in [("a", Role::Origin), ("b", Role::Mirror)] {
        schedule.add_source(SourceSpec { host: host.into(), role, max_lanes: 6, not_before: Duration::ZERO });
    }
    let first = SourceId(0);
    assert_eq!((schedule.plan(TICK, &Little(0, 6)), schedule.next_source(TICK)), (vec![], Some(first)));
    let started = |steps: &[Step], id| {
        steps.iter().filter(|step| matches!(step, Step::Start { source, .. } if *source == id)).count()
    };
    let steps = schedule.plan(TICK, &Little(5, 2));
    assert_eq!((started(&steps, first), started(&steps, SourceId(1))), (2, 3), "{steps:?}");
    assert_eq!((schedule.plan(TICK, &Little(5, 6)), schedule.next_source(TICK)), (vec![], None));
    assert_eq!(started(&schedule.plan(TICK, &Little(7, 6)), first), 2);
}

#[test]
fn a_quick_download_bothers_no_mirror() {
    let mut schedule = Schedule::new(RangeSet::of(ByteRange::new(0, MIB)), ADAPTIVE);
    let spec = |host: &str, role, not_before| SourceSpec { host: host.into(), role, max_lanes: 6, not_before };
    let origin = schedule.add_source(spec("o", Role::Origin, Duration::ZERO));
    let mirror = schedule.add_source(spec("m", Role::Mirror, Duration::from_millis(150)));
    schedule.adopt(origin, ByteRange::new(0, MIB), Duration::ZERO, Duration::ZERO).expect("missing");
    assert_eq!(schedule.plan(Duration::from_millis(140), &Boundless), []);
    let steps = schedule.plan(Duration::from_millis(150), &Boundless);
    assert!(matches!(steps[..], [Step::Shrink { .. }, Step::Start { source, .. }] if source == mirror), "{steps:?}");
}

#[test]
fn revoked_bytes_are_missing_again() {
    let mut schedule = Schedule::new(RangeSet::of(ByteRange::new(0, 100)), SIXTEEN);
    let origin = schedule.add_source(SourceSpec {
        host: "h".into(),
        role: Role::Origin,
        max_lanes: 1,
        not_before: Duration::ZERO,
    });
    let liar = schedule.add_source(SourceSpec {
        host: "l".into(),
        role: Role::Mirror,
        max_lanes: 1,
        not_before: Duration::ZERO,
    });
    let (lane, _) = schedule.adopt(liar, ByteRange::new(0, 100), Duration::ZERO, Duration::ZERO).expect("missing");
    schedule.observe(lane, Seen { position: 60, held: false }, TICK);
    assert_eq!(schedule.revoke(liar, &RangeSet::of(ByteRange::new(0, 60))), [Step::Stop { lane }]);
    assert_eq!(schedule.remaining(), 100);
    let steps = schedule.plan(TICK * 2, &Boundless);
    assert!(matches!(steps[..], [Step::Start { source, .. }] if source == origin), "{steps:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn every_byte_arrives_exactly_once(
        size in 1u64..40_000_000,
        rates in prop::collection::vec((0.05f64..40.0, 0.05f64..80.0, prop::option::of(200_000u64..5_000_000)), 1..6),
        odd in prop::option::of((1usize..5, 0.0f64..0.5)),
        connections in 1usize..20,
        at_once in any::<bool>(),
    ) {
        let links: Vec<_> = rates.into_iter()
            .enumerate()
            .map(|(nth, (lane, all, breaks_after))| {
                let odd = odd.filter(|_| nth > 0).map(|(every, mib)| (every, mib * MIB as f64));
                Link { breaks_after, odd, ..link(lane, all) }
            })
            .collect();
        let ramp = if at_once { Ramp::AtOnce } else { Ramp::Adaptive };
        let outcome = simulate(size, &links, Limits { connections, ramp });
        prop_assert_eq!(outcome.received, RangeSet::of(ByteRange::new(0, size)));
        prop_assert!(outcome.wasted <= outcome.races * LARGEST_RACE, "{} wasted", outcome.wasted);
    }
}
