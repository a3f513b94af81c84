//! A component on its own: is it one, what does it need, does it pass its test?

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hosts::Hosts;
use super::rule::{IDLE_INSTANCES, Rule};
use super::settings::flatten;
use super::source::{GivenComponent, Interfaces, Rejected, Source, Standing};
use super::{ComponentError, Limits, RuleOptions, RuleState, RuleSummary};

/// Checks a component as it is checked before it takes part: pre-scan,
/// compilation, description and its own examples. What was compiled is kept, so
/// that the first question need not wait.
///
/// Of the options the limits, the grants, the settings and the folder of
/// compiled code count.
pub fn examine(component: GivenComponent, options: &RuleOptions) -> Result<RuleSummary, ComponentError> {
    let source = Arc::new(Source::given(component, Standing::Named));
    let cache_dir = options.cache_dir.as_ref();
    let hosts = Hosts::new(&options.limits, &options.grants, cache_dir, BTreeMap::new(), 2 * IDLE_INSTANCES);
    let settings = options.settings.iter().map(|(rule, table)| (rule.clone(), flatten(table))).collect();
    match Rule::load(hosts.of(&source), &source, &settings) {
        Ok(rule) => Ok(rule.summary(RuleState::Active)),
        Err(Rejected::Unusable(error)) => Err(error),
        Err(Rejected::Faulty(failure)) => Err(ComponentError::Faulty {
            path: source.shown_path(),
            what: failure.kind,
            message: failure.message,
            grant: failure.grant,
        }),
    }
}

/// The interfaces that a component names, read without running it.
pub fn interfaces(component: GivenComponent, limits: &Limits) -> Result<Interfaces, ComponentError> {
    Source::given(component, Standing::Named).interfaces(limits)
}
