//! One rule: loaded, described, asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam::queue::ArrayQueue;

use super::bindings::v0_1::MirrorRulePre;
use super::breaker::{Breaker, Patience};
use super::description::{Description, check_example};
use super::failure::Failure;
use super::host::Host;
use super::instance::{Instance, Question, RawReply, Settings};
use super::sandbox::Sandbox;
use super::source::{Rejected, Source, Standing};
use super::tally::Tally;
use super::text::printable;
use super::{ComponentError, FaultKind, Limits, RuleState, RuleSummary, World};

/// Instances of one rule that wait for the next question.
pub(super) const IDLE_INSTANCES: usize = 4;

/// Longest reason of a refusal that is passed on.
const REASON_BYTES: usize = 500;

/// One rule. Its code is loaded with the first question.
pub(super) struct Rule {
    pub(super) source: Arc<Source>,
    pub(super) about: Description,
    pub(super) tally: Tally,
    settings: Settings,
    name: Arc<str>,
    prepared: OnceLock<Result<MirrorRulePre<Sandbox>, Failure>>,
    idle: ArrayQueue<Instance>,
    breaker: Breaker,
    is_demoted: AtomicBool,
}

/// What came of asking a rule.
pub(super) enum Outcome {
    /// Its own words, and the fault that came with them, if any.
    Said(RawReply, Option<Failure>),
    /// The call failed.
    Failed(Failure),
    /// It rests.
    Resting,
}

impl Rule {
    /// Loads a component with its settings.
    pub(super) fn load(
        host: &Host,
        source: &Arc<Source>,
        settings: &BTreeMap<String, Settings>,
    ) -> Result<Self, Rejected> {
        // A built-in rule's identifier is known beforehand; a stranger must
        // be asked for it, without settings, first.
        let known = if source.standing == Standing::BuiltIn { settings.get(&source.name) } else { None };
        let rule = Self::new(Arc::clone(source), known.cloned().unwrap_or_default()).study(host)?;
        match settings.get(&rule.about.id) {
            Some(settings) if *settings != rule.settings => Self { settings: settings.clone(), ..rule }.study(host),
            _ => Ok(rule),
        }
    }

    fn new(source: Arc<Source>, settings: Settings) -> Self {
        Self {
            name: source.name.as_str().into(),
            source,
            about: Description::default(),
            tally: Tally::default(),
            settings,
            prepared: OnceLock::new(),
            idle: ArrayQueue::new(IDLE_INSTANCES),
            breaker: Breaker::default(),
            is_demoted: AtomicBool::new(false),
        }
    }

    /// The rule's identifier, or the file's name until it is known.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The rule as lists show it.
    pub(super) fn summary(&self, state: RuleState) -> RuleSummary {
        RuleSummary {
            id: self.about.id.clone(),
            version: self.about.version.clone(),
            summary: self.about.summary.clone(),
            path: self.source.path.clone(),
            sha256: self.source.sha256.clone(),
            bytes: self.source.bytes.len() as u64,
            patterns: self.about.patterns.clone(),
            state,
        }
    }

    /// Finds out what the rule is: from the vault, else by asking it.
    fn study(mut self, host: &Host) -> Result<Self, Rejected> {
        self.about = match host.recall(&self.source.sha256, &self.settings) {
            Some(about) => about,
            None => self.examine(host)?,
        };
        self.name = self.about.id.as_str().into();
        Ok(self)
    }

    /// Checks the file, compiles it and lets it pass its own test.
    fn examine(&self, host: &Host) -> Result<Description, Rejected> {
        self.source.check(host.limits(), World::MirrorRule)?;
        let runtime = host.runtime()?;
        let instance = self.fresh(host).map_err(|failure| self.reject(failure))?;
        let mut instance = instance.map_err(|reason| {
            Rejected::Unusable(ComponentError::Settings {
                rule: self.name.to_string(),
                reason: printable(&reason, REASON_BYTES),
            })
        })?;
        let info = instance.describe(runtime)?;
        let about = Description::check(&info, host.limits())?;
        for example in &info.examples {
            let reply = instance.map(runtime, Question { url: &example.url, region: &example.region })?;
            check_example(example, &reply)?;
        }
        host.remember(&self.source.sha256, &self.settings, &about);
        Ok(about)
    }

    /// What cannot be loaded broke no limit: it is not what the user takes it for.
    fn reject(&self, failure: Failure) -> Rejected {
        match failure.kind {
            FaultKind::Load => Rejected::Unusable(ComponentError::NotComponent {
                path: self.source.shown_path(),
                reason: failure.message,
            }),
            _ => Rejected::Faulty(failure),
        }
    }

    fn prepared(&self, host: &Host) -> Result<&MirrorRulePre<Sandbox>, Failure> {
        self.prepared
            .get_or_init(|| host.prepare(&self.source.bytes, &self.source.sha256, self.source.effort()))
            .as_ref()
            .map_err(Failure::clone)
    }

    /// Makes an instance; the inner error is the rule's refusal of its settings.
    fn fresh(&self, host: &Host) -> Result<Result<Instance, String>, Failure> {
        let runtime = host.runtime()?;
        let mut instance = Instance::start(runtime, self.prepared(host)?, Arc::clone(&self.name))?;
        self.tally.instances.add(1);
        if self.settings.is_empty() {
            return Ok(Ok(instance));
        }
        Ok(instance.configure(runtime, &self.settings)?.map(|()| instance))
    }

    /// Asks the rule.
    pub(super) fn ask(&self, host: &Host, question: Question<'_>) -> Outcome {
        if !self.breaker.admits(patience(host.limits())) {
            self.tally.resting.add(1);
            return Outcome::Resting;
        }
        match self.reply(host, question) {
            Ok((reply, fault)) => {
                self.breaker.succeeded();
                Outcome::Said(reply, fault)
            }
            // Too many callers at once are not the rule's fault.
            Err(failure) if failure.kind == FaultKind::Busy => Outcome::Failed(failure),
            Err(failure) => {
                self.breaker.failed();
                Outcome::Failed(failure)
            }
        }
    }

    fn reply(&self, host: &Host, question: Question<'_>) -> Result<(RawReply, Option<Failure>), Failure> {
        let call = self.tally.calls.next();
        let warm = if self.is_demoted() { None } else { self.idle.pop() };
        let Some(mut instance) = warm else {
            return Ok((self.reply_fresh(host, question)?, None));
        };
        let runtime = host.runtime()?;
        let Ok(reply) = instance.map(runtime, question) else {
            // What was left from earlier calls may be to blame (a leak, say);
            // a fresh instance gets the chance to show that it is.
            return Ok((self.reply_fresh(host, question)?, None));
        };
        self.tally.fuel.add(instance.fuel_used(runtime));
        if call.is_multiple_of(u64::from(host.limits().audit_every.max(1))) || instance.calls() == 2 {
            let audited = self.audit(host, question, &reply);
            if let Some((fresh, failure)) = audited {
                return Ok((fresh, Some(failure)));
            }
        }
        self.put_back(host, instance);
        Ok((reply, None))
    }

    fn reply_fresh(&self, host: &Host, question: Question<'_>) -> Result<RawReply, Failure> {
        let runtime = host.runtime()?;
        // The settings were accepted when the rule was loaded.
        let refused = |reason: String| Failure::new(FaultKind::State, format!("refuses its settings now: {reason}"));
        let mut instance = self.fresh(host)?.map_err(refused)?;
        let reply = instance.map(runtime, question)?;
        self.tally.fuel.add(instance.fuel_used(runtime));
        self.put_back(host, instance);
        Ok(reply)
    }

    /// Asks a fresh instance the same. Should it answer otherwise, its answer
    /// counts, and the rule serves from fresh instances only from now on.
    fn audit(&self, host: &Host, question: Question<'_>, reply: &RawReply) -> Option<(RawReply, Failure)> {
        self.tally.audits.add(1);
        let runtime = host.runtime().ok()?;
        let fresh = self.fresh(host).ok()?.ok()?.map(runtime, question).ok()?;
        if fresh == *reply {
            return None;
        }
        self.is_demoted.store(true, Ordering::Relaxed);
        while self.idle.pop().is_some() {}
        let message = "an instance that served before answers otherwise; each question gets a fresh one from now on";
        Some((fresh, Failure::new(FaultKind::State, message)))
    }

    /// Keeps an instance for the next question, unless it served long enough.
    fn put_back(&self, host: &Host, instance: Instance) {
        if !self.is_demoted() && instance.calls() < host.limits().calls_per_instance {
            // A full queue drops the instance, which is what is wanted.
            let _ = self.idle.push(instance);
        }
    }

    /// Whether every question gets a fresh instance, because an audit failed.
    pub(super) fn is_demoted(&self) -> bool {
        self.is_demoted.load(Ordering::Relaxed)
    }

    /// Whether the rule rests after too many failures.
    pub(super) fn is_resting(&self, limits: &Limits) -> bool {
        self.breaker.is_tripped(patience(limits))
    }
}

fn patience(limits: &Limits) -> Patience {
    Patience { failures: limits.faults_before_rest, rest: Duration::from_millis(limits.rest_ms) }
}
