//! Exchanges components of a set while it is asked.
//!
//! A component that comes anew is scanned, compiled, passes its own test and
//! has instances that wait, all beside the set in use; only then the next
//! generation takes the place of the one before, in one step. Questions under
//! way end as they began. What fails changes nothing and is reported.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::failure::Failure;
use super::generation::{Entry, Generation, name_taken};
use super::hosts::Hosts;
use super::rule::Rule;
use super::rules::Rules;
use super::set::{Readiness, refuse};
use super::source::{Source, Standing};
use super::{Fault, GivenComponent, Grant, RefusedComponent};

/// Where components lie that can be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the folder that the user named.
    Folder,
    /// Among the installed ones.
    Registry,
}

/// What becomes of one component.
#[derive(Debug, Clone)]
pub enum Change {
    /// It is new, or in place of the one of the same name.
    Put(GivenComponent),
    /// It must not be loaded.
    Refuse(RefusedComponent),
    /// The one of this name is gone.
    Remove(String),
}

/// What became of a change that was no idle one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// What happened.
    pub state: SwapState,
    /// What the component is called in its place.
    pub component: String,
    /// Its file.
    pub path: Option<PathBuf>,
    /// The rule's identifier; none where no version ever told it.
    pub rule: Option<String>,
    /// Version of the rule that is asked from now on, if any.
    pub version: Option<String>,
    /// Version of the rule that was asked before, if any.
    pub was: Option<String>,
    /// SHA-256, in hexadecimal, of the component that is asked from now on.
    pub sha256: Option<String>,
    /// Why it was refused.
    pub fault: Option<Fault>,
}

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapState {
    /// None of that name took part before.
    Added,
    /// It took the place of another.
    Replaced,
    /// It is gone.
    Removed,
    /// It does not take part; what was there before does.
    Refused,
}

impl Place {
    fn standing(self) -> Standing {
        match self {
            Self::Folder => Standing::Folder,
            Self::Registry => Standing::Installed,
        }
    }
}

impl Rules {
    /// Changes components while others ask; returns what changed or was to,
    /// without what is as it was. Blocks for as long as compiling takes, and
    /// while another thread changes the set.
    ///
    /// `grants` are all that single components are granted from now on, by
    /// their SHA-256.
    pub fn apply(&self, changes: Vec<(Place, Change)>, grants: &BTreeMap<String, Grant>) -> Vec<Swap> {
        let _turn = self.turn();
        let before = self.generation();
        let mut next = Next {
            hosts: before.hosts.granting(grants),
            entries: before.entries.clone(),
            swaps: Vec::new(),
            is_changed: false,
        };
        let mut sources = Vec::new();
        for (place, change) in changes {
            match change {
                Change::Remove(name) => next.remove(place.standing(), &name),
                Change::Refuse(refused) => next.take(refuse(place.standing(), &refused)),
                Change::Put(component) => sources.push(Arc::new(Source::given(component, place.standing()))),
            }
        }
        sources.retain(|source| !next.holds(source));
        for (source, loaded) in self.circumstances().load(&next.hosts, sources, Readiness::Tested) {
            next.take(match loaded {
                Ok(rule) => Entry::rule(rule),
                Err(rejected) => Entry::left_out(&source, Some(next.hosts.of(&source)), rejected.into_failure()),
            });
        }
        let Next { hosts, entries, swaps, is_changed } = next;
        if is_changed {
            self.install(&before, Generation::new(hosts, entries));
        }
        self.count(&swaps);
        swaps
    }
}

/// The next generation, in the making.
struct Next {
    hosts: Hosts,
    entries: Vec<Entry>,
    swaps: Vec<Swap>,
    /// Whether it differs from the one before.
    is_changed: bool,
}

impl Next {
    /// Whether these very bytes stand there already, under the same limits.
    fn holds(&self, source: &Source) -> bool {
        let Ok(at) = self.find(source.standing, &source.name) else { return false };
        let Entry { source: known, host, .. } = &self.entries[at];
        let is_judged_alike = host.as_ref().is_some_and(|host| host.limits() == self.hosts.of(source).limits());
        known.sha256 == source.sha256 && is_judged_alike
    }

    fn remove(&mut self, standing: Standing, name: &str) {
        if let Ok(at) = self.find(standing, name) {
            let gone = self.entries.remove(at);
            self.is_changed = true;
            self.swaps.push(Swap { sha256: None, version: None, ..swap(SwapState::Removed, &gone, Some(&gone)) });
        }
    }

    /// Puts a component where it belongs. One that does not take part leaves
    /// there what does.
    fn take(&mut self, mut entry: Entry) {
        if let Some(failure) = self.conflict(&entry) {
            entry.loaded = Err(failure);
        }
        let (standing, name) = entry.slot();
        match self.find(standing, name) {
            Err(at) => {
                let state = if entry.loaded.is_ok() { SwapState::Added } else { SwapState::Refused };
                self.swaps.push(swap(state, &entry, None));
                self.entries.insert(at, entry);
                self.is_changed = true;
            }
            Ok(at) => self.exchange(at, entry),
        }
    }

    fn exchange(&mut self, at: usize, entry: Entry) {
        let before = &self.entries[at];
        match (&entry.loaded, &before.loaded) {
            (Err(failure), Err(known)) if failure == known => {}
            (Err(_), Ok(rule)) => {
                let kept = swap(SwapState::Refused, before, Some(before));
                let fault = swap(SwapState::Refused, &entry, None).fault;
                if let Some(fault) = &fault {
                    rule.tally.fault(fault.kind);
                }
                self.swaps.push(Swap { fault, ..kept });
            }
            (loaded, _) => {
                let state = match (loaded, &before.loaded) {
                    (Err(_), _) => SwapState::Refused,
                    (Ok(_), Ok(_)) => SwapState::Replaced,
                    (Ok(_), Err(_)) => SwapState::Added,
                };
                self.swaps.push(swap(state, &entry, Some(before)));
                self.entries[at] = entry;
                self.is_changed = true;
            }
        }
    }

    /// A rule must not take the name of another in the same place: which of
    /// them counts would depend on which came first.
    fn conflict(&self, entry: &Entry) -> Option<Failure> {
        let rule = entry.loaded.as_ref().ok()?;
        let others = self.entries.iter().filter(|other| other.slot() != entry.slot());
        let mut others = others.filter_map(|other| other.loaded.as_ref().ok());
        others.find(|other| other.about.id == rule.about.id).and_then(|other| name_taken(rule, other))
    }

    /// Where a component is, or where it would be.
    fn find(&self, standing: Standing, name: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| entry.slot().cmp(&(standing, name)))
    }
}

/// What is to be told of a component that takes the place of another.
fn swap(state: SwapState, entry: &Entry, before: Option<&Entry>) -> Swap {
    let rule = |entry: &Entry| entry.loaded.as_ref().ok().cloned();
    let (now, was): (Option<Arc<Rule>>, Option<Arc<Rule>>) = (rule(entry), before.and_then(rule));
    let of = |rule: &Arc<Rule>| rule.about.version.clone();
    Swap {
        state,
        component: entry.source.name.clone(),
        path: entry.source.path.clone(),
        rule: now.as_ref().or(was.as_ref()).map(|rule| rule.about.id.clone()),
        version: now.as_ref().map(of),
        was: was.as_ref().map(of),
        sha256: now.map(|rule| rule.source.sha256.clone()),
        fault: entry.loaded.as_ref().err().map(|failure| failure.blame(&entry.source.name)),
    }
}
