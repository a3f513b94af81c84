//! The set of mirror rules: who is asked, in which order, and what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use url::Url;

use super::bindings::v0_1::rules::RuleError;
use super::host::BuildTally;
use super::hosts::Hosts;
use super::instance::Question;
use super::interest::Interest;
use super::memo::Memo;
use super::output::{Standard, admit};
use super::rule::{Outcome, Rule};
use super::set::{LeftOut, Set};
use super::tally::{Count, RuleCounters};
use super::text::printable;
use super::{Advice, Answer, Asked, ComponentError, Fault, FaultKind, GivenComponent, Grant, Limits, Pattern, Reply};
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
    /// Components that the user installed, asked after those and before the
    /// built-in ones.
    pub installed: Vec<GivenComponent>,
    /// Installed components that must not be loaded.
    pub refused: Vec<RefusedComponent>,
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

/// An installed component that must not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedComponent {
    /// Under which name it is installed.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
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
    hosts: Hosts,
    rules: Vec<Rule>,
    left_out: Vec<LeftOut>,
    interest: Interest,
    memo: Memo,
    private_mirrors: PrivateMirrors,
    tally: SetTally,
    nothing: Arc<Answer>,
}

#[derive(Default)]
struct SetTally {
    questions: Count,
    not_interested: Count,
    withheld: Count,
    memo_hits: Count,
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
        let ids = self.shared.rules.iter().map(|rule| &rule.about.id);
        f.debug_list().entries(ids).finish()
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
        let Set { hosts, rules, left_out } = Set::load(options)?;
        let shared = Shared {
            interest: Interest::new(rules.iter().map(|rule| &rule.about.patterns[..])),
            memo: Memo::new(hosts.general().limits().memo_bytes),
            hosts,
            rules,
            left_out,
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
        if !shared.interest.is_any(url) {
            shared.tally.not_interested.add(1);
            return Arc::clone(&shared.nothing);
        }
        if let Some(reason) = shared.reason_to_withhold(url) {
            shared.tally.withheld.add(1);
            return Arc::new(Answer { advice: vec![Advice { rule: None, text: reason }], ..Answer::default() });
        }
        if url.fragment().is_none() {
            return shared.ask(url, region);
        }
        let mut whole = url.clone();
        whole.set_fragment(None);
        shared.ask(&whole, region)
    }

    /// Every rule, in the order of asking, and then those left out.
    pub fn list(&self) -> Vec<RuleSummary> {
        let left_out = self.shared.left_out.iter().map(LeftOut::summary);
        self.shared.rules.iter().map(|rule| self.shared.summary(rule)).chain(left_out).collect()
    }

    /// Why rules were left out when the set was loaded.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.shared.left_out.iter().map(|left_out| &left_out.fault)
    }

    /// What the rules did so far.
    pub fn counters(&self) -> RuleCounters {
        let Shared { tally, hosts, rules, .. } = &*self.shared;
        let built = |count: fn(&BuildTally) -> &Count| hosts.all().map(|host| count(&host.built).get()).sum();
        RuleCounters {
            questions: tally.questions.get(),
            not_interested: tally.not_interested.get(),
            withheld: tally.withheld.get(),
            memo_hits: tally.memo_hits.get(),
            compiled: built(|tally| &tally.compiled),
            compile_ms: built(|tally| &tally.compile_ms),
            restored: built(|tally| &tally.restored),
            rules: rules.iter().map(|rule| (rule.about.id.clone(), rule.tally.snapshot())).collect(),
        }
    }
}

impl Shared {
    fn reason_to_withhold(&self, url: &Url) -> Option<String> {
        if !is_shareable(url) {
            return Some("the URL may carry a secret, so no mirror was asked for".into());
        }
        let limit = self.hosts.general().limits().url_bytes as usize;
        (url.as_str().len() > limit)
            .then(|| format!("the URL is longer than {limit} bytes, so no mirror was asked for"))
    }

    fn ask(&self, url: &Url, region: Region) -> Arc<Answer> {
        if let Some(answer) = self.memo.get(url.as_str(), region) {
            self.tally.memo_hits.add(1);
            return answer;
        }
        let mut answer = Answer::default();
        for index in self.interest.all(url) {
            self.ask_rule(&self.rules[index], url, region, &mut answer);
        }
        let is_lasting = answer.faults.iter().all(|fault| matches!(fault.kind, FaultKind::Output(_)))
            && answer.asked.iter().all(|asked| asked.reply != Reply::Resting);
        let answer = Arc::new(answer);
        if is_lasting {
            self.memo.keep(url.as_str(), region, &answer);
        }
        answer
    }

    fn ask_rule(&self, rule: &Rule, url: &Url, region: Region, answer: &mut Answer) {
        let id = &rule.about.id;
        let mut failures = Vec::new();
        let host = self.hosts.of(&rule.source);
        let standard = Standard { request: url, limits: host.limits(), private_mirrors: self.private_mirrors };
        let reply = match rule.ask(host, Question::new(url.as_str(), &region)) {
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

    fn summary(&self, rule: &Rule) -> RuleSummary {
        let state = match rule {
            rule if rule.is_resting(self.hosts.of(&rule.source).limits()) => RuleState::Resting,
            rule if rule.is_demoted() => RuleState::Demoted,
            _ => RuleState::Active,
        };
        rule.summary(state)
    }
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
