//! One rule: loaded, described, asked.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::bindings::v0_1::MirrorRulePre;
use super::breaker::{Breaker, Pass, Patience};
use super::description::{Description, check_example};
use super::failure::Failure;
use super::host::Host;
use super::idle::Idle;
use super::instance::{Instance, Question, RawReply, Settings};
use super::lanes::Lanes;
use super::sandbox::Sandbox;
use super::source::{Rejected, Source, Standing};
use super::tally::Tally;
use super::text::printable;
use super::{ComponentError, FaultKind, Limits, RuleState, RuleSummary, World};
use crate::model::quoted;

/// Instances of one rule that wait for the next question.
pub(super) const IDLE_INSTANCES: usize = 4;

/// Instances that wait before a rule is asked for the first time, in the place
/// of another. More are made as they are needed, for a few microseconds each.
const READY_INSTANCES: usize = 2;

/// Longest reason of a refusal that is passed on.
const REASON_BYTES: usize = 500;

/// One rule. Its code is loaded with the first question.
pub(super) struct Rule {
    pub(super) source: Arc<Source>,
    pub(super) about: Description,
    /// Its numbers, which outlive it: they are the rule's, whatever the version.
    pub(super) tally: Arc<Tally>,
    pub(super) host: Arc<Host>,
    settings: Settings,
    name: Name,
    prepared: OnceLock<Result<MirrorRulePre<Sandbox>, Failure>>,
    idle: Idle,
    breaker: Breaker,
    is_demoted: AtomicBool,
    is_retired: AtomicBool,
    /// Decides which calls are run again. Another in each process.
    seed: u64,
}

/// A rule's name, shared with each candidate of its answers; a lane for each
/// thread, lest they count who shares it in turns.
struct Name(Lanes<Arc<str>>);

impl Name {
    fn new(name: &str) -> Self {
        Self(Lanes::of(|| name.into()))
    }
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
        host: &Arc<Host>,
        source: &Arc<Source>,
        settings: &BTreeMap<String, Settings>,
    ) -> Result<Self, Rejected> {
        // A built-in rule's identifier is known beforehand; a stranger must
        // be asked for it, without settings, first.
        let known = if source.standing == Standing::BuiltIn { settings.get(&source.name) } else { None };
        let rule = Self::new(Arc::clone(host), Arc::clone(source), known.cloned().unwrap_or_default()).study()?;
        match settings.get(&rule.about.id) {
            Some(settings) if *settings != rule.settings => {
                let id = rule.about.id.clone();
                Self { settings: settings.clone(), ..rule }.study()?.known_as(&id)
            }
            _ => Ok(rule),
        }
    }

    fn new(host: Arc<Host>, source: Arc<Source>, settings: Settings) -> Self {
        Self {
            name: Name::new(&source.name),
            source,
            about: Description::default(),
            tally: Arc::default(),
            host,
            settings,
            prepared: OnceLock::new(),
            idle: Idle::default(),
            breaker: Breaker::default(),
            is_demoted: AtomicBool::new(false),
            is_retired: AtomicBool::new(false),
            seed: RandomState::new().hash_one(0),
        }
    }

    /// The rule's identifier, or the file's name until it is known.
    pub(super) fn name(&self) -> &Arc<str> {
        self.name.0.own()
    }

    /// The rule as lists show it.
    pub(super) fn summary(&self, state: RuleState) -> RuleSummary {
        RuleSummary {
            id: self.about.id.clone(),
            version: self.about.version.clone(),
            summary: self.about.summary.clone(),
            path: self.source.path.clone(),
            sha256: self.source.sha256.clone(),
            bytes: self.source.file_bytes,
            patterns: self.about.patterns.clone(),
            examples: self.about.examples.clone(),
            state,
        }
    }

    /// Finds out what the rule is: from the vault, else by asking it.
    fn study(mut self) -> Result<Self, Rejected> {
        self.about = match self.host.recall(&self.source.sha256, &self.settings) {
            Some(about) => about,
            None => self.examine()?,
        };
        self.name = Name::new(&self.about.id);
        Ok(self)
    }

    /// Settings are given by name: a rule that has another once it got them
    /// would serve under a name that nobody gave settings to.
    fn known_as(self, id: &str) -> Result<Self, Rejected> {
        if self.about.id == id {
            return Ok(self);
        }
        let message = format!("it is `{id}`, and with its settings it is `{}`", self.about.id);
        Err(Failure::new(FaultKind::Description, message).into())
    }

    /// Checks the file, compiles it and lets it pass its own test.
    fn examine(&self) -> Result<Description, Rejected> {
        self.source.check(self.host.limits(), World::MirrorRule)?;
        let about = self.test()?;
        self.host.remember(&self.source.sha256, &self.settings, &about);
        Ok(about)
    }

    /// Asks the rule what it is, and lets it pass its own test.
    fn test(&self) -> Result<Description, Rejected> {
        let (runtime, limits) = (self.host.runtime()?, self.host.limits());
        let instance = self.fresh().map_err(|failure| self.reject(failure))?;
        let mut instance = instance.map_err(|reason| {
            Rejected::Unusable(ComponentError::Settings {
                rule: self.name().to_string(),
                reason: printable(&reason, REASON_BYTES),
            })
        })?;
        let info = instance.describe(runtime)?;
        let about = Description::check(&info, limits)?;
        for example in &info.examples {
            let reply = instance.map(runtime, Question { url: &example.url, region: &example.region })?;
            check_example(example, &reply)?;
        }
        Ok(about)
    }

    /// Lets the rule pass its own test now, whatever is remembered of an
    /// earlier one, and has instances wait for the first questions.
    pub(super) fn make_ready(&self) -> Result<(), Rejected> {
        if self.test()? != self.about {
            return Err(Failure::new(FaultKind::State, "describes itself otherwise than before").into());
        }
        for _ in 0..READY_INSTANCES {
            // A pool that is full of calls under way is no reason to refuse it.
            let Ok(Ok(instance)) = self.fresh() else { break };
            self.put_back(instance);
        }
        Ok(())
    }

    /// Goes on with the numbers that rules of this identifier had before.
    pub(super) fn count_as(&mut self, tally: Arc<Tally>) {
        tally.instances.add(self.tally.instances.get());
        self.tally = tally;
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

    fn prepared(&self) -> Result<&MirrorRulePre<Sandbox>, Failure> {
        self.prepared
            .get_or_init(|| self.host.prepare(&self.source.bytes, &self.source.sha256, self.source.effort()))
            .as_ref()
            .map_err(Failure::clone)
    }

    /// Makes an instance; the inner error is the rule's refusal of its settings.
    fn fresh(&self) -> Result<Result<Instance, String>, Failure> {
        let runtime = self.host.runtime()?;
        let mut instance = Instance::start(runtime, self.prepared()?, Arc::clone(self.name()))?;
        self.tally.instances.add(1);
        if self.settings.is_empty() {
            return Ok(Ok(instance));
        }
        Ok(instance.configure(runtime, &self.settings)?.map(|()| instance))
    }

    /// Asks the rule.
    pub(super) fn ask(&self, question: Question<'_>) -> Outcome {
        let Some(pass) = self.breaker.admits() else {
            self.tally.resting.add(1);
            return Outcome::Resting;
        };
        match self.reply(question) {
            Ok((reply, fault)) => {
                self.breaker.succeeded(pass);
                Outcome::Said(reply, fault)
            }
            Err(failure) => {
                self.note(pass, failure.kind);
                Outcome::Failed(failure)
            }
        }
    }

    fn note(&self, pass: Pass, kind: FaultKind) {
        if kind == FaultKind::Busy {
            // Too many callers at once are not the rule's fault.
            self.breaker.undecided(pass);
        } else {
            self.breaker.failed(pass, patience(self.host.limits()));
        }
    }

    fn reply(&self, question: Question<'_>) -> Result<(RawReply, Option<Failure>), Failure> {
        let call = self.tally.calls.next();
        let warm = if self.is_demoted() { None } else { self.idle.pop() };
        let Some(mut instance) = warm else {
            return Ok((self.reply_fresh(question)?, None));
        };
        let runtime = self.host.runtime()?;
        let Ok(reply) = instance.map(runtime, question) else {
            // What was left from earlier calls may be to blame (a leak, say);
            // a fresh instance gets the chance to show that it is.
            return Ok((self.reply_fresh(question)?, None));
        };
        self.tally.fuel.add(instance.fuel_used(runtime));
        if self.is_sample(call, self.host.limits().audit_every.max(1).into(), instance.calls()) {
            let audited = self.audit(question, &reply);
            if let Some((fresh, failure)) = audited {
                return Ok((fresh, Some(failure)));
            }
        }
        self.put_back(instance);
        Ok((reply, None))
    }

    /// Whether a call is run again. The first answers of a warm instance tell
    /// most, until enough instances gave them; later a draw decides which call
    /// it is, so that no rule can count on being alone.
    fn is_sample(&self, call: u64, every: u64, calls_of_instance: u32) -> bool {
        let is_early = call < every && calls_of_instance == 2;
        is_early || draw(call ^ self.seed).is_multiple_of(every)
    }

    fn reply_fresh(&self, question: Question<'_>) -> Result<RawReply, Failure> {
        let runtime = self.host.runtime()?;
        // The settings were accepted when the rule was loaded.
        let refused =
            |reason: String| Failure::new(FaultKind::State, format!("refuses its settings now: {}", quoted(&reason)));
        let mut instance = self.fresh()?.map_err(refused)?;
        let reply = instance.map(runtime, question)?;
        self.tally.fuel.add(instance.fuel_used(runtime));
        self.put_back(instance);
        Ok(reply)
    }

    /// Asks a fresh instance the same. Should it answer otherwise, its answer
    /// counts, and the rule serves from fresh instances only from now on.
    fn audit(&self, question: Question<'_>, reply: &RawReply) -> Option<(RawReply, Failure)> {
        self.tally.audits.add(1);
        let runtime = self.host.runtime().ok()?;
        let fresh = self.fresh().ok()?.ok()?.map(runtime, question).ok()?;
        if fresh == *reply {
            return None;
        }
        self.is_demoted.store(true, Ordering::Relaxed);
        self.idle.clear();
        let message = "an instance that served before answers otherwise; each question gets a fresh one from now on";
        Some((fresh, Failure::new(FaultKind::State, message)))
    }

    /// Keeps an instance for the next question, unless it served long enough.
    fn put_back(&self, instance: Instance) {
        let is_wanted = !self.is_demoted() && !self.is_retired.load(Ordering::Relaxed);
        if is_wanted && instance.calls() < self.host.limits().calls_per_instance {
            self.idle.push(instance);
        }
    }

    /// Whether every question gets a fresh instance, because an audit failed.
    pub(super) fn is_demoted(&self) -> bool {
        self.is_demoted.load(Ordering::Relaxed)
    }

    /// Whether the rule rests after too many failures.
    pub(super) fn is_resting(&self) -> bool {
        self.breaker.is_resting()
    }

    /// Lets go of the instances that wait for questions: another took the
    /// rule's place, and those under way are the last. Without this, a question
    /// that takes long would keep all of them from the pool.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
        self.idle.clear();
    }
}

/// Spreads numbers that follow one another evenly (Fibonacci hashing).
fn draw(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

fn patience(limits: &Limits) -> Patience {
    Patience {
        failures: limits.faults_before_rest,
        rest: Duration::from_millis(limits.rest_ms),
        longest_rest: Duration::from_millis(limits.longest_rest_ms),
    }
}
