//! Sources that serve one stream and no more.

use super::*;

fn origin(schedule: &mut Schedule, max_lanes: usize) -> SourceId {
    schedule.add_source(SourceSpec { host: "h".into(), role: Role::Origin, max_lanes, not_before: Duration::ZERO })
}

/// An origin whose first answer streams, and from which others were asked for ranges.
fn streaming(size: u64) -> (Schedule, SourceId, LaneId, Vec<LaneId>) {
    let mut schedule = Schedule::new(RangeSet::of(ByteRange::new(0, size)), SIXTEEN);
    let origin = origin(&mut schedule, 16);
    let (stream, _) =
        schedule.adopt(origin, ByteRange::new(0, size), Duration::ZERO, Duration::ZERO).expect("byte 0 is missing");
    schedule.observe(stream, Seen { position: MIB, held: false }, TICK);
    let steps = schedule.plan(TICK, &Boundless);
    let started = steps.iter().filter_map(|step| match step {
        Step::Start { lane, .. } => Some(*lane),
        _ => None,
    });
    let others: Vec<_> = started.collect();
    assert!(others.len() > 1, "{steps:?}");
    (schedule, origin, stream, others)
}

#[test]
fn a_stream_takes_back_what_its_source_refuses_to_others() {
    let size = 64 * MIB;
    let (mut schedule, origin, stream, others) = streaming(size);
    for lane in &others {
        schedule.fail(*lane, Failure { reduce: true, ..Failure::default() }, TICK);
        schedule.keep_stream(origin);
    }
    let steps = schedule.plan(TICK * 2, &Boundless);
    assert!(steps.contains(&Step::Grow { lane: stream, end: size }), "{steps:?}");
    assert!(!steps.iter().any(|step| matches!(step, Step::Start { .. } | Step::Shrink { .. })), "{steps:?}");
    check_no_overlap(&schedule);
    schedule.observe(stream, Seen { position: size, held: false }, TICK * 3);
    schedule.finish(stream, TICK * 3);
    assert!(schedule.is_complete());
}

/// What another lane has brought lies in its way: it comes twice, and what is
/// missing is counted once.
#[test]
fn a_kept_stream_passes_over_what_others_have() {
    let size = 64 * MIB;
    let (mut schedule, origin, stream, others) = streaming(size);
    let (first, rest) = others.split_first().expect("others");
    schedule.observe(*first, Seen { position: u64::MAX, held: false }, TICK);
    schedule.finish(*first, TICK);
    let missing = schedule.remaining();
    for lane in rest {
        schedule.fail(*lane, Failure { reduce: true, ..Failure::default() }, TICK);
        schedule.keep_stream(origin);
    }
    let steps = schedule.plan(TICK * 2, &Boundless);
    assert!(steps.contains(&Step::Grow { lane: stream, end: size }), "{steps:?}");
    assert_eq!(schedule.remaining(), missing);
    // It breaks: only what is missing is asked for again.
    schedule.fail(stream, Failure::default(), TICK * 3);
    assert_eq!(schedule.remaining(), missing);
    assert_eq!(schedule.todo.len(), missing);
}

#[test]
fn a_host_that_leaves_others_without_an_answer_gets_one_connection() {
    let size = 64 * MIB;
    let (mut schedule, origin, stream, others) = streaming(size);
    let (mut now, mut position, mut steps) = (TICK, MIB, Vec::new());
    while now < Duration::from_secs(3) && !steps.contains(&Step::Alone { source: origin }) {
        now += TICK;
        position = (position + MIB / 64).min(schedule.lanes[&stream].end - 1);
        schedule.observe(stream, Seen { position, held: false }, now);
        steps = schedule.plan(now, &Boundless);
    }
    assert!(steps.contains(&Step::Alone { source: origin }), "{steps:?}");
    assert!(others.iter().all(|lane| steps.contains(&Step::Stop { lane: *lane })), "{steps:?}");
    assert!(steps.contains(&Step::Grow { lane: stream, end: size }) || schedule.lanes[&stream].kept, "{steps:?}");
    for _ in 0..200 {
        now += TICK;
        position = (position + MIB / 64).min(size - 1);
        schedule.observe(stream, Seen { position, held: false }, now);
        let steps = schedule.plan(now, &Boundless);
        assert!(!steps.iter().any(|step| matches!(step, Step::Start { .. })), "{steps:?}");
    }
}

/// Where two have brought bytes, a silent third is an accident.
#[test]
fn a_silence_beside_two_streams_is_no_limit() {
    let (mut schedule, origin, stream, others) = streaming(64 * MIB);
    schedule.observe(others[0], Seen { position: u64::MAX, held: false }, TICK);
    let mut now = TICK;
    schedule.observe(stream, Seen { position: MIB + 1, held: false }, now);
    schedule.plan(now, &Boundless);
    for _ in 0..150 {
        now += TICK;
        let steps = schedule.plan(now, &Boundless);
        assert!(!steps.contains(&Step::Alone { source: origin }), "{steps:?}");
    }
}
