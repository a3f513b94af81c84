//! Loads a set of rules: reads, checks, compiles what is new, on all cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::built_in::{self, BUILT_IN};
use super::failure::Failure;
use super::hosts::Hosts;
use super::instance::Settings;
use super::rule::{IDLE_INSTANCES, Rule};
use super::settings::flatten;
use super::source::{GivenComponent, Rejected, Source, Standing};
use super::{BuiltInTest, ComponentError, Fault, FaultKind, RefusedComponent, RuleOptions, RuleState, RuleSummary};

/// Instances beside the idle ones: questions in flight.
const BUSY_INSTANCES: usize = 64;

/// A set of rules, loaded.
pub(super) struct Set {
    pub(super) hosts: Hosts,
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
            hosts: Hosts::new(
                &options.limits,
                &options.grants,
                options.cache_dir.as_ref(),
                if told { built_in::descriptions() } else { BTreeMap::new() },
                instances,
            ),
            rules: Vec::new(),
            left_out: Vec::new(),
        };
        let settings = options.settings.iter().map(|(rule, table)| (rule.clone(), flatten(table))).collect();
        for (source, loaded) in load_all(&set.hosts, sources, &settings) {
            set.add(source, loaded)?;
        }
        for refused in &options.refused {
            set.refuse(refused);
        }
        set.warn_of_unused(&settings);
        Ok(set)
    }

    fn add(&mut self, source: Arc<Source>, loaded: Result<Rule, Rejected>) -> Result<(), ComponentError> {
        let failure = match loaded {
            Ok(rule) => match self.add_rule(rule)? {
                Some(failure) => failure,
                None => return Ok(()),
            },
            Err(Rejected::Unusable(error)) if source.standing == Standing::Named => return Err(error),
            Err(Rejected::Unusable(error)) => Failure::new(FaultKind::Load, error.to_string()),
            Err(Rejected::Faulty(failure)) => failure,
        };
        let fault = failure.blame(&source.name);
        tracing::debug!(target: "component", %fault, "left out");
        self.left_out.push(LeftOut { source, fault });
        Ok(())
    }

    /// Named rules come first, then the installed ones: one that finds its
    /// name taken by a rule of another standing has been replaced.
    fn add_rule(&mut self, rule: Rule) -> Result<Option<Failure>, ComponentError> {
        let id = &rule.about.id;
        match self.rules.iter().find(|other| other.about.id == *id) {
            None => self.rules.push(rule),
            Some(other) if other.source.standing != rule.source.standing => {}
            Some(_) if rule.source.standing == Standing::Installed => {
                let message = format!("another installed component is the rule `{id}` already");
                return Ok(Some(Failure::new(FaultKind::Load, message)));
            }
            Some(other) => {
                return Err(ComponentError::Duplicate {
                    rule: id.clone(),
                    first: other.source.shown_path(),
                    second: rule.source.shown_path(),
                });
            }
        }
        Ok(None)
    }

    /// Keeps account of an installed component that must not be loaded.
    fn refuse(&mut self, refused: &RefusedComponent) {
        let RefusedComponent { name, path, reason } = refused;
        let component = GivenComponent { name: name.clone(), path: path.clone(), bytes: Vec::new() };
        let fault = Failure::new(FaultKind::Untrusted, reason).blame(name);
        tracing::debug!(target: "component", %fault, "left out");
        self.left_out.push(LeftOut { source: Arc::new(Source::given(component, Standing::Installed)), fault });
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
        let source = Source::read(path, &options.limits, &options.grants)?;
        if let Some(admission) = &options.admission
            && !admission.sha256.contains(&source.sha256)
        {
            return Err(ComponentError::NotAdmitted { path: path.clone(), reason: admission.otherwise.clone() });
        }
        add_once(&mut sources, source);
    }
    for component in &options.installed {
        add_once(&mut sources, Source::given(component.clone(), Standing::Installed));
    }
    let built_in = BUILT_IN.iter().filter(|_| options.built_in);
    sources.extend(built_in.map(|built_in| Arc::new(Source::built_in(built_in))));
    Ok(sources)
}

/// The same bytes named twice are one rule.
fn add_once(sources: &mut Vec<Arc<Source>>, source: Source) {
    if sources.iter().all(|other| other.sha256 != source.sha256) {
        sources.push(Arc::new(source));
    }
}

/// Loads every source, several at once, and returns them in order. What is in
/// the vault takes microseconds; what must be compiled keeps a core busy.
fn load_all(
    hosts: &Hosts,
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
            let _ = result.set(Rule::load(hosts.of(source), source, settings));
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let unknown = sources.iter().filter(|source| !hosts.of(source).remembers(&source.sha256)).count();
    thread::scope(|scope| {
        for _ in 1..cores.min(unknown) {
            scope.spawn(work);
        }
        work();
    });
    let loaded = results.into_iter().map(|result| result.into_inner().expect("every source was loaded"));
    sources.into_iter().zip(loaded).collect()
}
