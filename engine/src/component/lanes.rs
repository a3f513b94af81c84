//! What every call writes to, once for each of a few lanes.
//!
//! A number that two threads raise in turns travels between their cores each
//! time, which costs either of them more than the sandbox does. So each thread
//! has a lane, and writes there; who wants the whole looks at all lanes.

use std::array;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::utils::CachePadded;

/// Lanes. More threads than these share some.
const LANES: usize = 8;

/// One value for each lane, on cache lines of its own.
#[derive(Debug)]
pub(super) struct Lanes<T>([CachePadded<T>; LANES]);

impl<T: Default> Default for Lanes<T> {
    fn default() -> Self {
        Self::of(T::default)
    }
}

impl<T> Lanes<T> {
    /// One value for each lane.
    pub(super) fn of(mut make: impl FnMut() -> T) -> Self {
        Self(array::from_fn(|_| CachePadded::new(make())))
    }

    /// The value of this thread's lane.
    pub(super) fn own(&self) -> &T {
        &self.0[own()]
    }

    /// The value of every lane.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|value| &**value)
    }
}

/// The number of this thread's lane, which it keeps for life.
pub(super) fn own() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LANE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % LANES;
    }
    LANE.with(|lane| *lane)
}

/// How many lanes there are, as a number that numbers are told apart by.
pub(super) const COUNT: u64 = LANES as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_a_lane_and_sees_all() {
        let lanes = Lanes::<AtomicUsize>::default();
        std::thread::scope(|scope| {
            for _ in 0..3 * LANES {
                scope.spawn(|| {
                    let lane = own();
                    for _ in 0..100 {
                        lanes.own().fetch_add(1, Ordering::Relaxed);
                    }
                    assert_eq!(own(), lane);
                });
            }
        });
        assert_eq!(lanes.all().map(|lane| lane.load(Ordering::Relaxed)).sum::<usize>(), 300 * LANES);
        assert!(lanes.all().filter(|lane| lane.load(Ordering::Relaxed) > 0).count() > 1);
    }
}
