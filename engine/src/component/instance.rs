//! One living instance of a rule, and the calls into it.

use std::sync::Arc;

use wasmtime::Store;

use super::bindings::v0_1::rules::{Candidate, MapRequest, RuleError, RuleInfo};
use super::bindings::v0_1::{MirrorRule, MirrorRulePre};
use super::failure::Failure;
use super::runtime::Runtime;
use super::sandbox::Sandbox;
use crate::model::Region;

/// Settings of a rule, flattened.
pub(super) type Settings = Vec<(String, String)>;

/// A rule's own words, unchecked.
pub(super) type RawReply = Result<Vec<Candidate>, RuleError>;

/// One question to one rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// The URL, without credentials and fragment.
    pub(super) url: &'a str,
    /// Where the user is.
    pub(super) region: &'a str,
}

impl<'a> Question<'a> {
    pub(super) fn new(url: &'a str, region: &'a Region) -> Self {
        Self { url, region: region.as_str() }
    }
}

/// A living instance. After a failed call it must not be used again.
pub(super) struct Instance {
    store: Store<Sandbox>,
    rule: MirrorRule,
    calls: u32,
}

impl Instance {
    /// Makes an instance; its start functions run under the limits of a call.
    pub(super) fn start(runtime: &Runtime, pre: &MirrorRulePre<Sandbox>, name: Arc<str>) -> Result<Self, Failure> {
        let mut store = runtime.store(name);
        runtime.arm(&mut store);
        let running = runtime.ticker().running();
        let rule = pre.instantiate(&mut store);
        drop(running);
        match rule {
            Ok(rule) => Ok(Self { store, rule, calls: 0 }),
            Err(error) => Err(Failure::of_start(&error, store.data(), runtime.limits())),
        }
    }

    /// Gives the instance its settings; the inner error is the rule's refusal.
    pub(super) fn configure(&mut self, runtime: &Runtime, settings: &Settings) -> Result<Result<(), String>, Failure> {
        let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
        self.call(runtime, |rule, store| rule.turbo_engine_mirror_rules().call_configure(store, &settings))
    }

    /// Asks what the rule is.
    pub(super) fn describe(&mut self, runtime: &Runtime) -> Result<RuleInfo, Failure> {
        self.call(runtime, |rule, store| rule.turbo_engine_mirror_rules().call_describe(store))
    }

    /// Asks where else the bytes of a URL are.
    pub(super) fn map(&mut self, runtime: &Runtime, question: Question<'_>) -> Result<RawReply, Failure> {
        let request = MapRequest { url: question.url, region: question.region, extra: &Vec::new() };
        self.call(runtime, |rule, store| rule.turbo_engine_mirror_rules().call_map_url(store, request))
    }

    /// How often the instance was called.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Fuel that the last call used.
    pub(super) fn fuel_used(&self, runtime: &Runtime) -> u64 {
        runtime.limits().fuel.saturating_sub(self.store.get_fuel().expect("the engine counts fuel"))
    }

    fn call<R>(
        &mut self,
        runtime: &Runtime,
        call: impl FnOnce(&MirrorRule, &mut Store<Sandbox>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        self.calls += 1;
        runtime.arm(&mut self.store);
        let running = runtime.ticker().running();
        let result = call(&self.rule, &mut self.store);
        drop(running);
        result.map_err(|error| Failure::of_call(&error, self.store.data(), runtime.limits()))
    }
}
