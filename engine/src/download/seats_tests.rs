//! Seats among jobs that take, wait, are refused and give back.

use futures_util::FutureExt as _;

use super::*;

fn seats(total: usize) -> Seats {
    Seats::new(total, HostLimits::default())
}

fn up_to(most: usize) -> PerHost {
    PerHost { most, memory: Memory::Heeded }
}

/// A seat on which bytes have come.
fn served(seats: &Seats, host: &str) -> Seat {
    let mut seat = seats.try_take(host, up_to(16), None).expect("a free seat");
    seat.served();
    seat
}

#[test]
fn seats_are_limited_in_all_and_for_each_host() {
    let seats = seats(3);
    let first = seats.try_take("a", up_to(2), None).expect("a free seat");
    let _second = seats.try_take("a", up_to(2), None).expect("a free seat");
    assert!(seats.try_take("a", up_to(2), None).is_none());
    let _third = seats.try_take("b", up_to(2), None).expect("a free seat");
    assert!(seats.try_take("c", up_to(2), None).is_none());
    drop(first);
    assert_eq!((seats.free(None), seats.free_at("a", up_to(2), None)), (1, 1));
}

#[tokio::test]
async fn who_waits_for_a_first_seat_comes_before_who_wants_another() {
    let seats = seats(1);
    let held = seats.try_take("a", up_to(6), None).expect("a free seat");
    let mut early = Box::pin(seats.first("b", up_to(6)));
    let mut late = Box::pin(seats.first("a", up_to(6)));
    assert!(early.as_mut().now_or_never().is_none() && late.as_mut().now_or_never().is_none());
    drop(held);
    assert!(seats.try_take("a", up_to(6), None).is_none(), "somebody waits");
    assert!(late.as_mut().now_or_never().is_none(), "somebody came earlier");
    let seat = early.await;
    drop(seat);
    drop(late.await);
    assert!(seats.try_take("a", up_to(6), None).is_some());
}

#[tokio::test]
async fn who_waits_for_a_full_host_holds_up_no_other() {
    let seats = seats(4);
    let held = seats.try_take("full", up_to(1), None).expect("a free seat");
    let mut waiting = Box::pin(seats.first("full", up_to(1)));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(seats.free(None), 3);
    drop(held);
    assert_eq!(seats.free(None), 3, "one of the four is spoken for");
    drop(waiting);
    assert_eq!(seats.free(None), 4, "a place in the queue that was given up still counts");
}

#[tokio::test]
async fn one_seat_serves_any_number_of_jobs() {
    let seats = seats(1);
    let jobs = (0..50).map(|number| {
        let seats = seats.clone();
        async move {
            let seat = seats.first(&format!("h{}", number % 3), up_to(1)).await;
            tokio::task::yield_now().await;
            drop(seat);
        }
    });
    futures_util::future::join_all(jobs).await;
    assert_eq!(seats.free(None), 1);
}

#[test]
fn a_refusal_while_others_live_is_a_limit_for_every_job() {
    let seats = seats(64);
    let _live = [served(&seats, "a"), served(&seats, "a")];
    let third = seats.try_take("a", up_to(16), None).expect("a free seat");
    assert!(third.refused(Refusal::Rejected), "two live");
    assert_eq!(seats.free_at("a", up_to(16), None), 0);
    assert_eq!(seats.learned().of("a", since_1970()), Some(2));
    assert_eq!(seats.free_at("b", up_to(16), None), 16);
}

/// The answer of the second was still under way when the third was refused.
#[test]
fn a_limit_that_was_learned_too_low_is_corrected() {
    let seats = seats(64);
    let _first = served(&seats, "a");
    let mut second = seats.try_take("a", up_to(16), None).expect("a free seat");
    let third = seats.try_take("a", up_to(16), None).expect("a free seat");
    third.refused(Refusal::Rejected);
    assert_eq!(seats.learned().of("a", since_1970()), Some(1));
    second.served();
    assert_eq!(seats.learned().of("a", since_1970()), Some(2));
}

/// A server counts a connection until it notices that its peer is gone.
#[test]
fn a_connection_just_cut_counts_as_served() {
    let seats = seats(64);
    let _live = served(&seats, "a");
    let mut victim = served(&seats, "a");
    victim.cut();
    drop(victim);
    seats.try_take("a", up_to(16), None).expect("a free seat").refused(Refusal::Rejected);
    assert_eq!(seats.learned().of("a", since_1970()), Some(2));
}

/// Its range was given to another before the host refused it.
#[test]
fn a_refused_connection_is_not_one_that_was_cut() {
    let seats = seats(64);
    let _live = served(&seats, "a");
    let mut refused = [(); 3].map(|()| seats.try_take("a", up_to(16), None).expect("a free seat"));
    refused.iter_mut().for_each(Seat::cut);
    refused.into_iter().for_each(|seat| assert!(seat.refused(Refusal::Rejected)));
    assert_eq!(seats.learned().of("a", since_1970()), Some(1));
}

#[test]
fn a_refusal_while_nobody_lives_is_no_limit_but_asks_for_care() {
    let seats = seats(64);
    assert!(!seats.try_take("a", up_to(16), None).expect("a free seat").refused(Refusal::Rejected));
    assert!(seats.learned().is_empty());
    assert_eq!(seats.free_at("a", up_to(16), None), 1);
    let _first = served(&seats, "a");
    assert_eq!(seats.free_at("a", up_to(16), None), 1, "one more than is served");
}

#[test]
fn one_broken_connection_is_an_accident() {
    let seats = seats(64);
    let _live = served(&seats, "a");
    let break_one = || seats.try_take("a", up_to(16), None).expect("a free seat").refused(Refusal::Broken);
    assert!(break_one() && seats.learned().is_empty());
    drop(served(&seats, "a"));
    assert!(break_one() && seats.learned().is_empty(), "the last attempt was served");
    break_one();
    assert_eq!(seats.learned().of("a", since_1970()), Some(1));
}

#[tokio::test]
async fn a_resting_host_is_asked_by_nobody() {
    let seats = seats(64);
    let begun = Instant::now();
    seats.rest("a", Duration::from_millis(30));
    assert_eq!(seats.free_at("a", up_to(16), None), 0);
    assert!(seats.try_take("b", up_to(16), None).is_some());
    let _seat = seats.first("a", up_to(16)).await;
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[test]
fn what_earlier_runs_learned_counts_unless_overruled() {
    let mut earlier = HostLimits::default();
    earlier.learn("a", 2, since_1970());
    let seats = Seats::new(64, earlier);
    assert_eq!(seats.free_at("a", up_to(16), None), 2);
    assert_eq!(seats.free_at("a", up_to(1), None), 1);
    assert_eq!(seats.free_at("a", PerHost { most: 16, memory: Memory::Overruled }, None), 16);
    assert!(seats.learned().is_empty(), "only what is new is written back");
}
