//! Loads a set of rules: reads, checks, compiles what is new, on all cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::built_in::{self, BUILT_IN};
use super::failure::Failure;
use super::host::Host;
use super::instance::Settings;
use super::rule::{IDLE_INSTANCES, Rule};
use super::settings::flatten;
use super::source::{Rejected, Source};
use super::{BuiltInTest, ComponentError, Fault, FaultKind, RuleOptions, RuleState, RuleSummary};

/// Instances beside the idle ones: questions in flight.
const BUSY_INSTANCES: usize = 64;

/// A set of rules, loaded.
pub(super) struct Set {
    pub(super) host: Host,
    pub(super) rules: Vec<Rule>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A component that does not take part.
pub(super) struct LeftOut {
    source: Arc<Source>,
    pub(super) fault: Fault,
}

impl LeftOut {
    pub(super) fn summary(&self) -> RuleSummary {
        RuleSummary {
            id: self.source.name.clone(),
            version: String::new(),
            summary: String::new(),
            path: self.source.path.clone(),
            sha256: self.source.sha256.clone(),
            bytes: self.source.bytes.len() as u64,
            patterns: Vec::new(),
            state: RuleState::LeftOut(self.fault.clone()),
        }
    }
}

impl Set {
    /// Loads what the options name: the user's rules, then the built-in ones.
    pub(super) fn load(options: &RuleOptions) -> Result<Self, ComponentError> {
        let sources = sources(options)?;
        let told = options.built_in && options.built_in_test == BuiltInTest::Past;
        let instances = sources.len() * IDLE_INSTANCES + BUSY_INSTANCES;
        let mut set = Self {
            host: Host::new(
                &options.limits,
                options.cache_dir.clone(),
                if told { built_in::descriptions() } else { BTreeMap::new() },
                u32::try_from(instances).unwrap_or(u32::MAX),
            ),
            rules: Vec::new(),
            left_out: Vec::new(),
        };
        let settings = options.settings.iter().map(|(rule, table)| (rule.clone(), flatten(table))).collect();
        for (source, loaded) in load_all(&set.host, sources, &settings) {
            set.add(source, loaded)?;
        }
        set.warn_of_unused(&settings);
        Ok(set)
    }

    fn add(&mut self, source: Arc<Source>, loaded: Result<Rule, Rejected>) -> Result<(), ComponentError> {
        let failure = match loaded {
            Ok(rule) => return self.add_rule(rule),
            Err(Rejected::Unusable(error)) if source.path.is_some() => return Err(error),
            Err(Rejected::Unusable(error)) => Failure::new(FaultKind::Load, error.to_string()),
            Err(Rejected::Faulty(failure)) => failure,
        };
        let fault = failure.blame(&source.name);
        tracing::debug!(target: "component", %fault, "left out");
        self.left_out.push(LeftOut { source, fault });
        Ok(())
    }

    /// The user's rules come first, so a built-in one that finds its name
    /// taken has been replaced.
    fn add_rule(&mut self, rule: Rule) -> Result<(), ComponentError> {
        match self.rules.iter().find(|other| other.about.id == rule.about.id) {
            Some(_) if rule.source.path.is_none() => {}
            Some(other) => {
                return Err(ComponentError::Duplicate {
                    rule: rule.about.id.clone(),
                    first: other.source.shown_path(),
                    second: rule.source.shown_path(),
                });
            }
            None => self.rules.push(rule),
        }
        Ok(())
    }

    /// A configuration may hold settings for a rule that is only named now
    /// and then; a misspelt name looks the same.
    fn warn_of_unused(&self, settings: &BTreeMap<String, Settings>) {
        for rule in settings.keys().filter(|id| !self.knows(id)) {
            tracing::warn!(target: "component", rule, "there are settings for a rule that is not loaded");
        }
    }

    fn knows(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.about.id == id)
            || self.left_out.iter().any(|left_out| left_out.source.name == id)
            || BUILT_IN.iter().any(|built_in| built_in.id == id)
    }
}

fn sources(options: &RuleOptions) -> Result<Vec<Arc<Source>>, ComponentError> {
    let mut sources: Vec<Arc<Source>> = Vec::new();
    for path in &options.user {
        let source = Source::read(path, &options.limits)?;
        // The same file named twice is one rule.
        if sources.iter().all(|other| other.sha256 != source.sha256) {
            sources.push(Arc::new(source));
        }
    }
    let built_in = BUILT_IN.iter().filter(|_| options.built_in);
    sources.extend(built_in.map(|built_in| Arc::new(Source::built_in(built_in))));
    Ok(sources)
}

/// Loads every source, several at once, and returns them in order. What is in
/// the vault takes microseconds; what must be compiled keeps a core busy.
fn load_all(
    host: &Host,
    sources: Vec<Arc<Source>>,
    settings: &BTreeMap<String, Settings>,
) -> Vec<(Arc<Source>, Result<Rule, Rejected>)> {
    let results: Vec<OnceLock<Result<Rule, Rejected>>> = sources.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((source, result)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            sources.get(index).zip(results.get(index))
        } {
            let _ = result.set(Rule::load(host, source, settings));
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let unknown = sources.iter().filter(|source| !host.remembers(&source.sha256)).count();
    thread::scope(|scope| {
        for _ in 1..cores.min(unknown) {
            scope.spawn(work);
        }
        work();
    });
    let loaded = results.into_iter().map(|result| result.into_inner().expect("every source was loaded"));
    sources.into_iter().zip(loaded).collect()
}
