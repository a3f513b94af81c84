//! Instances of one rule that wait for the next question.

use std::array;

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;

use super::instance::Instance;
use super::lanes;
use super::rule::IDLE_INSTANCES;

/// Instances that wait, each in a place of its own: a thread takes the one that
/// it left, whose memory its core still has, before it takes another's.
pub(super) struct Idle([CachePadded<ArrayQueue<Instance>>; IDLE_INSTANCES]);

impl Default for Idle {
    fn default() -> Self {
        Self(array::from_fn(|_| CachePadded::new(ArrayQueue::new(1))))
    }
}

impl Idle {
    /// Takes an instance, if any waits.
    pub(super) fn pop(&self) -> Option<Instance> {
        self.places().find_map(ArrayQueue::pop)
    }

    /// Leaves an instance; one too many is dropped.
    pub(super) fn push(&self, instance: Instance) {
        let _ = self.places().try_fold(instance, |instance, place| place.push(instance).err());
    }

    /// Drops every instance that waits.
    pub(super) fn clear(&self) {
        while self.pop().is_some() {}
    }

    /// Every place, this thread's first.
    fn places(&self) -> impl Iterator<Item = &ArrayQueue<Instance>> {
        let (before, after) = self.0.split_at(lanes::own() % IDLE_INSTANCES);
        after.iter().chain(before).map(|place| &**place)
    }
}
