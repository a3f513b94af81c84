//! Loads components: reads, checks, compiles what is new, on all cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::built_in::{self, BUILT_IN};
use super::failure::Failure;
use super::generation::{Entry, Generation};
use super::hosts::Hosts;
use super::instance::Settings;
use super::rule::{IDLE_INSTANCES, Rule};
use super::source::{Rejected, Source, Standing};
use super::tally::Tallies;
use super::{BuiltInTest, ComponentError, FaultKind, RefusedComponent, RuleOptions};

/// Instances beside the idle ones: questions in flight.
const BUSY_INSTANCES: usize = 64;

/// What every component of a set is loaded with.
#[derive(Debug, Default)]
pub(super) struct Circumstances {
    /// Settings by rule identifier.
    pub(super) settings: BTreeMap<String, Settings>,
    /// The numbers of the rules.
    pub(super) tallies: Tallies,
}

/// How far to go with a component that is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Its code is loaded with the first question, and a self-test that it
    /// passed before counts.
    Known,
    /// It passes its self-test now, and instances wait for questions.
    Tested,
}

/// A component that was loaded, or why it does not take part.
pub(super) type Loaded = Result<Rule, Rejected>;

impl Circumstances {
    /// Loads what the options name: the user's rules, then the built-in ones.
    pub(super) fn open(&self, options: &RuleOptions) -> Result<Generation, ComponentError> {
        let sources = sources(options)?;
        let told = options.built_in && options.built_in_test == BuiltInTest::Past;
        let hosts = Hosts::new(
            &options.limits,
            &options.grants,
            options.cache_dir.as_ref(),
            if told { built_in::descriptions() } else { BTreeMap::new() },
            (sources.len() + options.spare) * IDLE_INSTANCES + BUSY_INSTANCES,
        );
        let mut entries: Vec<Entry> = Vec::new();
        for (source, loaded) in self.load(&hosts, sources, Readiness::Known) {
            let entry = match loaded {
                Ok(rule) => Entry::rule(rule),
                Err(Rejected::Unusable(error)) if source.standing == Standing::Named => return Err(error),
                Err(rejected) => Entry::left_out(&source, Some(hosts.of(&source)), rejected.into_failure()),
            };
            if let Some(error) = named_twice(&entries, &entry) {
                return Err(error);
            }
            entries.push(entry);
        }
        for (standing, refused) in refused(options) {
            entries.push(refuse(standing, refused));
        }
        // The order of asking.
        entries.sort_by(|left, right| left.slot().cmp(&right.slot()));
        let generation = Generation::new(hosts, entries);
        self.warn_of_unused(&generation);
        Ok(generation)
    }

    /// Loads every source, several at once, and returns them in order. What is in
    /// the vault takes microseconds; what must be compiled keeps a core busy.
    pub(super) fn load(
        &self,
        hosts: &Hosts,
        sources: Vec<Arc<Source>>,
        readiness: Readiness,
    ) -> Vec<(Arc<Source>, Loaded)> {
        let results: Vec<OnceLock<Loaded>> = sources.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((source, result)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                sources.get(index).zip(results.get(index))
            } {
                let _ = result.set(self.load_one(hosts, source, readiness));
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let unknown = || sources.iter().filter(|source| !hosts.of(source).remembers(&source.sha256)).count();
        let workers = if sources.len() > 1 { cores.min(unknown()) } else { 1 };
        thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(work);
            }
            work();
        });
        let loaded = results.into_iter().map(|result| result.into_inner().expect("every source was loaded"));
        sources.into_iter().zip(loaded).collect()
    }

    fn load_one(&self, hosts: &Hosts, source: &Arc<Source>, readiness: Readiness) -> Loaded {
        let mut rule = Rule::load(hosts.of(source), source, &self.settings)?;
        if readiness == Readiness::Tested {
            rule.make_ready()?;
        }
        rule.count_as(self.tallies.of(&rule.about.id));
        Ok(rule)
    }

    /// A configuration may hold settings for a rule that is only named now
    /// and then; a misspelt name looks the same.
    fn warn_of_unused(&self, generation: &Generation) {
        let is_built_in = |id: &String| BUILT_IN.iter().any(|built_in| built_in.id == id);
        for rule in self.settings.keys().filter(|id| !generation.knows(id) && !is_built_in(id)) {
            tracing::warn!(target: "component", rule, "there are settings for a rule that is not loaded");
        }
    }
}

/// Of two files that the user named as one and the same rule, one is a mistake.
fn named_twice(entries: &[Entry], entry: &Entry) -> Option<ComponentError> {
    let rule = entry.loaded.as_ref().ok().filter(|_| entry.standing() == Standing::Named)?;
    let first = entries.iter().filter_map(|other| other.loaded.as_ref().ok());
    let first = first.into_iter().find(|other| other.about.id == rule.about.id)?;
    Some(ComponentError::Duplicate {
        rule: rule.about.id.clone(),
        first: first.source.shown_path(),
        second: rule.source.shown_path(),
    })
}

/// Keeps account of a component that must not be loaded.
pub(super) fn refuse(standing: Standing, refused: &RefusedComponent) -> Entry {
    let failure = Failure::new(FaultKind::Untrusted, &refused.reason);
    Entry::left_out(&Source::unread(refused, standing), None, failure)
}

fn refused(options: &RuleOptions) -> impl Iterator<Item = (Standing, &RefusedComponent)> {
    let folder = options.folder.refused.iter().map(|refused| (Standing::Folder, refused));
    folder.chain(options.installed.refused.iter().map(|refused| (Standing::Installed, refused)))
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
        // The same bytes named twice are one rule.
        if sources.iter().all(|other| other.sha256 != source.sha256) {
            sources.push(Arc::new(source));
        }
    }
    for (standing, given) in [(Standing::Folder, &options.folder), (Standing::Installed, &options.installed)] {
        sources.extend(given.given.iter().map(|component| Arc::new(Source::given(component.clone(), standing))));
    }
    let built_in = BUILT_IN.iter().filter(|_| options.built_in);
    sources.extend(built_in.map(|built_in| Arc::new(Source::built_in(built_in))));
    Ok(sources)
}
