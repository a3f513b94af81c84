//! What the rules did so far, in numbers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::FaultKind;
use super::lanes::{self, Lanes};

/// Rules whose numbers are kept, also of those that are gone.
const MOST_RULES: usize = 1024;

/// What a set of rules did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RuleCounters {
    /// URLs the set was asked about.
    pub questions: u64,
    /// Of those, URLs that no rule wanted.
    pub not_interested: u64,
    /// URLs kept from the rules because they may carry a secret.
    pub withheld: u64,
    /// Questions answered from memory.
    pub memo_hits: u64,
    /// Components compiled.
    pub compiled: u64,
    /// Time spent compiling.
    pub compile_ms: u64,
    /// Components whose machine code came from the cache.
    pub restored: u64,
    /// Changes to the set since it was opened.
    pub swaps: u64,
    /// Components that were to be added or exchanged, and were refused.
    pub refused_swaps: u64,
    /// By rule identifier.
    pub rules: BTreeMap<String, RuleCounts>,
}

/// What one rule did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RuleCounts {
    /// Calls, audits not counted.
    pub calls: u64,
    /// Instances made.
    pub instances: u64,
    /// Candidates proposed.
    pub candidates: u64,
    /// Answers that were no list of candidates.
    pub declined: u64,
    /// Calls not made because the rule rests.
    pub resting: u64,
    /// Calls run again on a fresh instance and compared.
    pub audits: u64,
    /// Fuel used; 1,000,000 are about 0.9 ms.
    pub fuel: u64,
    /// Faults, by name of their kind.
    pub faults: BTreeMap<&'static str, u64>,
}

/// A number that any thread may raise.
#[derive(Debug, Default)]
pub(super) struct Count(Lanes<AtomicU64>);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.own().fetch_add(more, Ordering::Relaxed);
    }

    /// Raises the number by one and returns a number that no other call gets:
    /// with one thread alone, multiples of the number of lanes.
    pub(super) fn next(&self) -> u64 {
        self.0.own().fetch_add(1, Ordering::Relaxed) * lanes::COUNT + lanes::own() as u64
    }

    pub(super) fn get(&self) -> u64 {
        self.0.all().map(|lane| lane.load(Ordering::Relaxed)).sum()
    }
}

/// The running numbers of every rule that there was, by identifier: a rule that
/// is exchanged goes on with the numbers that it had.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<BTreeMap<String, Arc<Tally>>>);

impl Tallies {
    /// The numbers of a rule. One rule too many has numbers that nobody sees.
    pub(super) fn of(&self, id: &str) -> Arc<Tally> {
        let mut tallies = self.0.lock().expect("nothing panics under this lock");
        match tallies.get(id) {
            Some(tally) => Arc::clone(tally),
            None if tallies.len() >= MOST_RULES => Arc::default(),
            None => Arc::clone(tallies.entry(id.to_owned()).or_default()),
        }
    }

    pub(super) fn snapshot(&self) -> BTreeMap<String, RuleCounts> {
        let tallies = self.0.lock().expect("nothing panics under this lock");
        tallies.iter().map(|(id, tally)| (id.clone(), tally.snapshot())).collect()
    }
}

/// The running numbers of one rule.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: Count,
    pub(super) instances: Count,
    pub(super) candidates: Count,
    pub(super) declined: Count,
    pub(super) resting: Count,
    pub(super) audits: Count,
    pub(super) fuel: Count,
    faults: Mutex<BTreeMap<&'static str, u64>>,
}

impl Tally {
    /// Counts a fault. Faults are rare, so a lock will do.
    pub(super) fn fault(&self, kind: FaultKind) {
        let mut faults = self.faults.lock().expect("nothing panics under this lock");
        *faults.entry(kind.name()).or_default() += 1;
    }

    pub(super) fn snapshot(&self) -> RuleCounts {
        RuleCounts {
            calls: self.calls.get(),
            instances: self.instances.get(),
            candidates: self.candidates.get(),
            declined: self.declined.get(),
            resting: self.resting.get(),
            audits: self.audits.get(),
            fuel: self.fuel.get(),
            faults: self.faults.lock().expect("nothing panics under this lock").clone(),
        }
    }
}
