//! The set of mirror rules: who is asked, in which order, and what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use serde::Serialize;
use url::Url;

use super::bindings::v0_1::rules::RuleError;
use super::generation::{Generation, LeftOut};
use super::instance::Question;
use super::output::{Standard, admit};
use super::rule::{Outcome, Rule};
use super::set::Circumstances;
use super::settings::flatten;
use super::source::Standing;
use super::tally::{Count, RuleCounters, Tallies};
use super::text::printable;
use super::{
    Advice, Answer, Asked, ComponentError, Examples, Fault, FaultKind, Grant, Limits, Pattern, Reply, Shelf, Swap,
    SwapState, is_any_host,
};
use crate::model::{PrivateMirrors, Region, is_shareable};

/// Longest text of a rule that is passed on.
const TEXT_BYTES: usize = 500;

/// Which rules to load, and how.
#[derive(Debug, Clone, Default)]
pub struct RuleOptions {
    /// Where compiled components are kept; none keeps nothing.
    pub cache_dir: Option<PathBuf>,
    /// Whether the rules inside the engine take part.
    pub built_in: bool,
    /// Components that the user named, asked before the built-in ones. One
    /// with the identifier of a built-in rule replaces it.
    pub user: Vec<PathBuf>,
    /// If given, which of those may be loaded.
    pub admission: Option<Admission>,
    /// Components of the folder that the user named, asked after those.
    pub folder: Shelf,
    /// Components that the user installed, asked after those and before the
    /// built-in ones.
    pub installed: Shelf,
    /// How many components may be added later.
    pub spare: usize,
    /// What single components are granted beyond the limits, by the SHA-256 of
    /// the component in hexadecimal.
    pub grants: BTreeMap<String, Grant>,
    /// Settings by rule identifier.
    pub settings: BTreeMap<String, toml::Table>,
    /// What a component may use.
    pub limits: Limits,
    /// Whether candidates may be in private networks.
    pub private_mirrors: PrivateMirrors,
    /// When the rules inside the engine are tested.
    pub built_in_test: BuiltInTest,
}

/// Which components may be loaded though the user named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Their SHA-256 in hexadecimal.
    pub sha256: BTreeSet<String>,
    /// What any other lacks.
    pub otherwise: String,
}

/// When the rules inside the engine pass their self-test. Those of others pass
/// theirs when they are first loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuiltInTest {
    /// When the engine is built; a process need not compile what it does not ask.
    #[default]
    Past,
    /// When the set is opened.
    Now,
}

/// A set of mirror rules. Cheap to clone; calls are synchronous and take
/// about a microsecond, except a rule's first, which may compile.
#[derive(Clone)]
pub struct Rules {
    shared: Arc<Shared>,
}

struct Shared {
    current: ArcSwap<Generation>,
    /// Held by who changes the set.
    turn: Mutex<()>,
    circumstances: Circumstances,
    private_mirrors: PrivateMirrors,
    tally: SetTally,
    nothing: Arc<Answer>,
    reaching: Vec<Reaching>,
}

/// An installed rule that is asked about URLs of any host, though nobody
/// granted it that: it was installed by an earlier version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaching {
    /// Identifier of the rule.
    pub rule: String,
}

impl fmt::Display for Reaching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "component `{0}` is asked about URLs of any host, and was not granted that; add it again with --any-host, \
             or remove it with `turbo-engine component remove`",
            self.rule
        )
    }
}

#[derive(Default)]
struct SetTally {
    questions: Count,
    not_interested: Count,
    withheld: Count,
    memo_hits: Count,
    swaps: Count,
    refused_swaps: Count,
}

/// One rule, as `component list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    /// Stable name.
    pub id: String,
    /// Version of the rule; empty when it never came to say it.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The file; none when the rule is inside the engine.
    pub path: Option<PathBuf>,
    /// SHA-256 of the component, in hexadecimal.
    pub sha256: String,
    /// Length of the component.
    pub bytes: u64,
    /// The URLs it is asked about.
    pub patterns: Vec<Pattern>,
    /// Its examples, and where they lead.
    pub examples: Examples,
    /// Whether it takes part.
    pub state: RuleState,
}

/// Whether a rule takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "fault", rename_all = "kebab-case")]
pub enum RuleState {
    /// It is asked.
    Active,
    /// It is asked on a fresh instance each time, because it kept state.
    Demoted,
    /// It failed too often and rests.
    Resting,
    /// It was left out.
    LeftOut(Fault),
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generation = self.generation();
        f.debug_list().entries(generation.rules.iter().map(|rule| &rule.about.id)).finish()
    }
}

impl Rules {
    /// Loads a set of rules.
    ///
    /// # Errors
    ///
    /// Only for what the user named and that is no usable component at all; a
    /// component that breaks a limit is left out and shows in [`Self::faults`].
    pub fn open(options: &RuleOptions) -> Result<Self, ComponentError> {
        let settings = options.settings.iter().map(|(rule, table)| (rule.clone(), flatten(table))).collect();
        let circumstances = Circumstances { settings, tallies: Tallies::default() };
        let first = circumstances.open(options)?;
        let shared = Shared {
            reaching: first.reaching(&options.grants),
            current: ArcSwap::from_pointee(first),
            turn: Mutex::default(),
            circumstances,
            private_mirrors: options.private_mirrors,
            tally: SetTally::default(),
            nothing: Arc::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Asks every interested rule where else the bytes of a URL are.
    ///
    /// A URL that may carry a secret is shown to nobody.
    pub fn ask(&self, url: &Url, region: Region) -> Arc<Answer> {
        let shared = &*self.shared;
        shared.tally.questions.add(1);
        // Whatever takes its place meanwhile, it answers to the end.
        let generation = shared.current.load();
        if !generation.interest.is_any(url) {
            shared.tally.not_interested.add(1);
            return Arc::clone(&shared.nothing);
        }
        if let Some(reason) = generation.reason_to_withhold(url) {
            shared.tally.withheld.add(1);
            return Arc::new(Answer { advice: vec![Advice { rule: None, text: reason }], ..Answer::default() });
        }
        if url.fragment().is_none() {
            return shared.ask(&generation, url, region);
        }
        let mut whole = url.clone();
        whole.set_fragment(None);
        shared.ask(&generation, &whole, region)
    }

    /// Every rule, in the order of asking, and then those left out.
    pub fn list(&self) -> Vec<RuleSummary> {
        let generation = self.generation();
        let left_out = generation.left_out.iter().map(LeftOut::summary);
        generation.rules.iter().map(|rule| summary(rule)).chain(left_out).collect()
    }

    /// Why rules are left out of the set.
    pub fn faults(&self) -> Vec<Fault> {
        self.generation().left_out.iter().map(|left_out| left_out.fault.clone()).collect()
    }

    /// The installed rules that reach further than they were granted.
    pub fn reaching(&self) -> &[Reaching] {
        &self.shared.reaching
    }

    /// What the rules did so far.
    pub fn counters(&self) -> RuleCounters {
        let Shared { tally, circumstances, .. } = &*self.shared;
        let generation = self.generation();
        let built = generation.hosts.built();
        RuleCounters {
            questions: tally.questions.get(),
            not_interested: tally.not_interested.get(),
            withheld: tally.withheld.get(),
            memo_hits: tally.memo_hits.get(),
            compiled: built.compiled.get(),
            compile_ms: built.compile_ms.get(),
            restored: built.restored.get(),
            swaps: tally.swaps.get(),
            refused_swaps: tally.refused_swaps.get(),
            rules: circumstances.tallies.snapshot(),
        }
    }

    /// What the set is now.
    pub(super) fn generation(&self) -> Arc<Generation> {
        self.shared.current.load_full()
    }

    /// What components of the set are loaded with.
    pub(super) fn circumstances(&self) -> &Circumstances {
        &self.shared.circumstances
    }

    /// Waits until nobody else changes the set.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data that a panic could leave half changed.
        self.shared.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a generation in the place of the one before.
    pub(super) fn install(&self, before: &Generation, next: Generation) {
        let next = Arc::new(next);
        self.shared.current.store(Arc::clone(&next));
        before.retire(&next);
    }

    /// Counts what became of changes.
    pub(super) fn count(&self, swaps: &[Swap]) {
        for swap in swaps {
            let SetTally { swaps, refused_swaps, .. } = &self.shared.tally;
            let count = if swap.state == SwapState::Refused { refused_swaps } else { swaps };
            count.add(1);
        }
    }
}

impl Generation {
    fn reaching(&self, grants: &BTreeMap<String, Grant>) -> Vec<Reaching> {
        let is_granted = |rule: &Rule| grants.get(&rule.source.sha256).is_some_and(Grant::is_any_host);
        let installed = self.rules.iter().filter(|rule| rule.source.standing == Standing::Installed);
        let reaching = installed.filter(|rule| is_any_host(&rule.about.patterns) && !is_granted(rule));
        reaching.map(|rule| Reaching { rule: rule.about.id.clone() }).collect()
    }

    fn reason_to_withhold(&self, url: &Url) -> Option<String> {
        if !is_shareable(url) {
            return Some("the URL may carry a secret, so no mirror was asked for".into());
        }
        let limit = self.hosts.general().limits().url_bytes as usize;
        (url.as_str().len() > limit)
            .then(|| format!("the URL is longer than {limit} bytes, so no mirror was asked for"))
    }
}

impl Shared {
    fn ask(&self, generation: &Generation, url: &Url, region: Region) -> Arc<Answer> {
        if let Some(answer) = generation.memo.get(url.as_str(), region) {
            self.tally.memo_hits.add(1);
            return answer;
        }
        let mut answer = Answer::default();
        for index in generation.interest.all(url) {
            self.ask_rule(&generation.rules[index], url, region, &mut answer);
        }
        let is_lasting = answer.faults.iter().all(|fault| matches!(fault.kind, FaultKind::Output(_)))
            && answer.asked.iter().all(|asked| asked.reply != Reply::Resting);
        let answer = Arc::new(answer);
        if is_lasting {
            generation.memo.keep(url.as_str(), region, &answer);
        }
        answer
    }

    fn ask_rule(&self, rule: &Rule, url: &Url, region: Region, answer: &mut Answer) {
        let id = &rule.about.id;
        let mut failures = Vec::new();
        let standard = Standard { request: url, limits: rule.host.limits(), private_mirrors: self.private_mirrors };
        let reply = match rule.ask(Question::new(url.as_str(), &region)) {
            Outcome::Said(reply, failure) => {
                failures.extend(failure);
                match reply {
                    Ok(proposed) => {
                        let count = proposed.len();
                        rule.tally.candidates.add(count as u64);
                        failures.extend(admit(standard, rule.name(), proposed, &mut answer.candidates));
                        Reply::Candidates(count)
                    }
                    Err(error) => declined(rule, error),
                }
            }
            Outcome::Failed(failure) => {
                failures.push(failure);
                Reply::Faulted
            }
            Outcome::Resting => Reply::Resting,
        };
        if let Reply::Refused(text) | Reply::Invalid(text) = &reply {
            answer.advice.push(Advice { rule: Some(id.clone()), text: text.clone() });
        }
        for failure in failures {
            rule.tally.fault(failure.kind);
            answer.faults.push(failure.blame(id));
        }
        answer.asked.push(Asked { rule: id.clone(), reply });
    }
}

fn summary(rule: &Rule) -> RuleSummary {
    rule.summary(match rule {
        rule if rule.is_resting() => RuleState::Resting,
        rule if rule.is_demoted() => RuleState::Demoted,
        _ => RuleState::Active,
    })
}

fn declined(rule: &Rule, error: RuleError) -> Reply {
    rule.tally.declined.add(1);
    let shown = |text: String| printable(&text, TEXT_BYTES);
    match error {
        RuleError::NotMine => Reply::NotMine,
        RuleError::Refused(text) => Reply::Refused(shown(text)),
        RuleError::Invalid(text) => Reply::Invalid(shown(text)),
        RuleError::Other(text) => Reply::Other(shown(text)),
    }
}
