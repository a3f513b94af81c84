//! A component on its own: is it one, what does it need, does it pass its test?

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hosts::Hosts;
use super::rule::{IDLE_INSTANCES, Rule};
use super::settings::flatten;
use super::source::{GivenComponent, Interfaces, Rejected, Source, Standing};
use super::{
    ComponentError, Examples, GeneratorOptions, GeneratorOrigin, GeneratorSummary, Generators, Limits, Pattern,
    RuleOptions, RuleState, RuleSummary, World, is_any_host,
};

/// A component that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What it is for.
    pub world: World,
    /// Stable name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// What a rule learns and where it leads; none of a generator, which is
    /// asked about releases.
    pub reach: Option<RuleReach>,
}

/// What a rule learns and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReach {
    /// The URLs that it is asked about; none are all.
    pub patterns: Vec<Pattern>,
    /// Its examples, and where they lead.
    pub examples: Examples,
}

impl RuleReach {
    /// Whether it is asked about URLs of any host.
    pub fn is_any_host(&self) -> bool {
        is_any_host(&self.patterns)
    }
}

impl Examined {
    /// Whether it is asked about URLs of any host.
    pub fn is_any_host(&self) -> bool {
        self.reach.as_ref().is_some_and(RuleReach::is_any_host)
    }
}

/// Checks a component as it is checked before it takes part: pre-scan,
/// compilation, description and its own examples. What was compiled is kept, so
/// that the first question need not wait.
///
/// Of the options the limits, the grants, the settings and the folder of
/// compiled code count.
pub fn examine(component: GivenComponent, options: &RuleOptions) -> Result<Examined, ComponentError> {
    if is_generator(&component, options) {
        return examine_generator(component, options);
    }
    let source = Arc::new(Source::given(component, Standing::Named));
    let cache_dir = options.cache_dir.as_ref();
    let hosts = Hosts::new(&options.limits, &options.grants, cache_dir, BTreeMap::new(), 2 * IDLE_INSTANCES);
    let settings = options.settings.iter().map(|(rule, table)| (rule.clone(), flatten(table))).collect();
    match Rule::load(hosts.of(&source), &source, &settings) {
        Ok(rule) => {
            let RuleSummary { id, version, patterns, examples, .. } = rule.summary(RuleState::Active);
            let reach = Some(RuleReach { patterns, examples });
            Ok(Examined { world: World::MirrorRule, id, version, reach })
        }
        Err(Rejected::Unusable(error)) => Err(error),
        Err(Rejected::Faulty(failure)) => Err(ComponentError::Faulty {
            path: source.shown_path(),
            what: failure.kind,
            message: failure.told(),
            grant: failure.grant,
        }),
    }
}

/// Whether a component says that it is a generator. One that cannot be read is
/// refused as a rule would be.
fn is_generator(component: &GivenComponent, options: &RuleOptions) -> bool {
    let limits = &options.limits;
    let source = Source::given(component.clone(), Standing::Named);
    let raised = options.grants.get(&source.sha256).map(|grant| grant.raise(limits));
    let named = source.interfaces(raised.as_ref().unwrap_or(limits));
    named.is_ok_and(|named| World::of(&named.exports) == Some(World::ManifestGenerator))
}

fn examine_generator(component: GivenComponent, options: &RuleOptions) -> Result<Examined, ComponentError> {
    let generators = Generators::new(GeneratorOptions {
        cache_dir: options.cache_dir.clone(),
        limits: options.limits.clone(),
        grants: options.grants.clone(),
        admission: None,
    });
    let generator = generators.load(GeneratorOrigin::Installed(component))?;
    let GeneratorSummary { id, version, .. } = generator.about().clone();
    Ok(Examined { world: World::ManifestGenerator, id, version, reach: None })
}

/// The interfaces that a component names, read without running it.
pub fn interfaces(component: GivenComponent, limits: &Limits) -> Result<Interfaces, ComponentError> {
    Source::given(component, Standing::Named).interfaces(limits)
}
