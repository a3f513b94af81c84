//! One state of a set of rules: who is asked, in which order, and what was
//! answered.
//!
//! A generation never changes; another takes its place. A question is answered
//! by one of them from beginning to end, so that no answer is a mixture. What
//! did not change, with its warm instances and its numbers, is shared with the
//! one before.

use std::sync::Arc;

use super::failure::Failure;
use super::host::Host;
use super::hosts::Hosts;
use super::interest::Interest;
use super::memo::Memo;
use super::rule::Rule;
use super::source::{Source, Standing};
use super::{Examples, Fault, FaultKind, RuleState, RuleSummary};

/// One state of a set of rules.
pub(super) struct Generation {
    pub(super) hosts: Hosts,
    /// Every component, also those that are not asked.
    pub(super) entries: Vec<Entry>,
    /// The rules that are asked, in their order.
    pub(super) rules: Vec<Arc<Rule>>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) interest: Interest,
    /// Empty at first: what other rules answered says nothing of these.
    pub(super) memo: Memo,
}

/// A component of a set.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) source: Arc<Source>,
    /// What it was tried on; none if it was not.
    pub(super) host: Option<Arc<Host>>,
    /// The rule; else why it is none.
    pub(super) loaded: Result<Arc<Rule>, Failure>,
}

/// A component that does not take part.
pub(super) struct LeftOut {
    source: Arc<Source>,
    pub(super) fault: Fault,
}

impl Generation {
    /// The generation of these components, given in the order of asking.
    pub(super) fn new(hosts: Hosts, entries: Vec<Entry>) -> Self {
        let (mut rules, mut left_out) = (Vec::<Arc<Rule>>::new(), Vec::new());
        for entry in &entries {
            let failure = match &entry.loaded {
                Err(failure) => failure.clone(),
                Ok(rule) => match rules.iter().find(|other| other.about.id == rule.about.id) {
                    None => {
                        rules.push(Arc::clone(rule));
                        continue;
                    }
                    Some(first) => match name_taken(rule, first) {
                        None => continue,
                        Some(failure) => failure,
                    },
                },
            };
            let fault = failure.blame(&entry.source.name);
            tracing::debug!(target: "component", %fault, "left out");
            left_out.push(LeftOut { source: Arc::clone(&entry.source), fault });
        }
        Self {
            interest: Interest::new(rules.iter().map(|rule| &rule.about.patterns[..])),
            memo: Memo::new(hosts.general().limits().memo_bytes),
            hosts,
            entries,
            rules,
            left_out,
        }
    }

    /// Whether there is a rule of this identifier, or may be.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.about.id == id)
            || self.left_out.iter().any(|left_out| left_out.source.name == id)
    }

    /// Lets go of what only later questions would have needed. Those under way
    /// go on, and the last of them drops what then is left.
    pub(super) fn retire(&self, successor: &Self) {
        let stays = |rule: &Arc<Rule>| successor.all_rules().any(|other| Arc::ptr_eq(other, rule));
        self.all_rules().filter(|rule| !stays(rule)).for_each(|rule| rule.retire());
        self.memo.clear();
    }

    /// Every rule that was loaded, also those that are not asked.
    pub(super) fn all_rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.entries.iter().filter_map(|entry| entry.loaded.as_ref().ok())
    }
}

/// What a rule lacks whose identifier an earlier one has: nothing, if it was
/// simply replaced by who stands before it, or is the same.
pub(super) fn name_taken(rule: &Rule, first: &Rule) -> Option<Failure> {
    let (standing, id) = (rule.source.standing, &rule.about.id);
    let place = match standing {
        Standing::Folder => "another component of the folder",
        _ => "another installed component",
    };
    let is_conflict = standing == first.source.standing && rule.source.sha256 != first.source.sha256;
    is_conflict.then(|| Failure::new(FaultKind::Load, format!("{place} is the rule `{id}` already")))
}

impl Entry {
    /// A component that is a rule.
    pub(super) fn rule(rule: Rule) -> Self {
        let (source, host) = (Arc::clone(&rule.source), Some(Arc::clone(&rule.host)));
        Self { source, host, loaded: Ok(Arc::new(rule)) }
    }

    /// A component that is none.
    pub(super) fn left_out(source: &Source, host: Option<&Arc<Host>>, failure: Failure) -> Self {
        Self { source: Arc::new(source.emptied()), host: host.cloned(), loaded: Err(failure) }
    }

    pub(super) fn standing(&self) -> Standing {
        self.source.standing
    }

    /// Where it stands in the order of asking. What the user named, and the
    /// engine's own, are asked as they were listed; of the others none comes
    /// first for a reason, so that the name decides.
    pub(super) fn slot(&self) -> (Standing, &str) {
        match self.standing() {
            standing @ (Standing::Named | Standing::BuiltIn) => (standing, ""),
            standing @ (Standing::Folder | Standing::Installed) => (standing, &self.source.name),
        }
    }
}

impl LeftOut {
    pub(super) fn summary(&self) -> RuleSummary {
        RuleSummary {
            id: self.source.name.clone(),
            version: String::new(),
            summary: String::new(),
            path: self.source.path.clone(),
            sha256: self.source.sha256.clone(),
            bytes: self.source.file_bytes,
            patterns: Vec::new(),
            examples: Examples::default(),
            state: RuleState::LeftOut(self.fault.clone()),
        }
    }
}
