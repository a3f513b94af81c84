//! The doctor's look at mirror rules: do they load, pass their self-tests and
//! answer, and is their compiled code kept?

use std::time::{Duration, Instant};

use url::Url;

use super::{Finding, Verdict};
use crate::cli::engine::asked_rules;
use crate::cli::settings::Settings;
use crate::component::{BuiltInTest, Pattern, RuleCounters, RuleOptions, RuleState, RuleSummary, Rules};
use crate::model::Region;

/// Checks every rule that a download would ask.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let options = match asked_rules(settings) {
        Ok(Some((options, _))) => options,
        Ok(None) => return vec![Finding::ok("rules", format!("switched off ({})", settings.value("rules").origin))],
        Err(error) => return vec![Finding::refused("rules", &error)],
    };
    // Without the folder of compiled code every component is compiled and
    // passes its self-test now, not some time in the past.
    let began = Instant::now();
    let rules = match Rules::open(&RuleOptions { cache_dir: None, built_in_test: BuiltInTest::Now, ..options.clone() })
    {
        Ok(rules) => rules,
        Err(error) => return vec![Finding::fail("rules", &error)],
    };
    let took = began.elapsed();
    let listed = rules.list();
    let what = format!("{} rules, compiled and tested in {}", listed.len(), milliseconds(took));
    let mut findings = vec![Finding::ok("rules", what)];
    findings.extend(listed.iter().map(|rule| one(&rules, rule)));
    findings.extend(unused_settings(settings, &listed));
    findings.extend(kept(&options));
    findings
}

fn one(rules: &Rules, rule: &RuleSummary) -> Finding {
    let check = format!("rule {}", rule.id);
    let from = rule.path.as_ref().map_or_else(|| "built in".into(), |path| path.display().to_string());
    let what = format!("{} ({from})", rule.version);
    if let RuleState::LeftOut(fault) = &rule.state {
        let hint = match rule.path {
            Some(_) => "correct the component, or grant it what it needs in a table [grants.NAME] of the configuration",
            None => "check the table [limits] of the configuration: the built-in rules need about the defaults",
        };
        return Finding { verdict: Verdict::Fail, ..Finding::warn(check, fault.to_string(), hint) };
    }
    let Some(url) = sample(rule) else { return Finding::ok(check, what) };
    let began = Instant::now();
    let answer = rules.ask(&url, Region::WORLD);
    let took = began.elapsed();
    match answer.faults.iter().find(|fault| fault.component == rule.id) {
        Some(fault) => {
            let hint = "a download goes on without it; report this to the rule's author";
            Finding::warn(check, format!("asked for {url}: {fault}"), hint)
        }
        None => Finding::ok(check, format!("{what}, passes its self-test, answers in {} us", took.as_micros())),
    }
}

/// A URL that a rule wants to be asked about.
fn sample(rule: &RuleSummary) -> Option<Url> {
    let first = |list: &[String], any: &str| list.first().map_or(any, String::as_str).to_owned();
    let url = |pattern: &Pattern| {
        let scheme = if pattern.schemes.iter().any(|scheme| scheme == "http") { "http" } else { "https" };
        let (host, path) = (first(&pattern.host_suffixes, "example.com"), first(&pattern.path_prefixes, "/"));
        format!("{scheme}://{host}{path}")
    };
    rule.patterns.first().map_or_else(|| "https://example.com/".into(), url).parse().ok()
}

/// A misspelt identifier would go unnoticed otherwise.
fn unused_settings<'a>(settings: &'a Settings, listed: &'a [RuleSummary]) -> impl Iterator<Item = Finding> + 'a {
    let unused = settings.rules.keys().filter(|id| listed.iter().all(|rule| rule.id != **id));
    unused.map(|id| {
        let what = format!("there are settings for `{id}`, and no such rule");
        Finding::warn("rules", what, format!("name the rule with --rule, or correct [rules.{id}] in the configuration"))
    })
}

/// Whether the second run of a program finds what the first one compiled.
fn kept(options: &RuleOptions) -> Option<Finding> {
    let _first = ask_all(options)?;
    let began = Instant::now();
    let counters = ask_all(options)?;
    let took = milliseconds(began.elapsed());
    Some(if counters.compiled == 0 {
        Finding::ok("compiled code", format!("kept: {} components are ready in {took}", counters.restored))
    } else {
        let what = format!("not kept: {} components are compiled in every run, {took}", counters.compiled);
        let hint = "the folder `aot-v1` in the cache folder must be yours, closed to others, and writable";
        Finding::warn("compiled code", what, hint)
    })
}

fn ask_all(options: &RuleOptions) -> Option<RuleCounters> {
    let rules = Rules::open(options).ok()?;
    for url in rules.list().iter().filter_map(sample) {
        rules.ask(&url, Region::WORLD);
    }
    Some(rules.counters())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
