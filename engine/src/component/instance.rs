//! One living instance of a component, and the calls into a rule.

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

/// A living instance, of a rule unless said otherwise. After a failed call it
/// must not be used again.
pub(super) struct Instance<B = MirrorRule> {
    store: Store<Sandbox>,
    exports: B,
    calls: u32,
}

impl Instance {
    /// Makes an instance of a rule.
    pub(super) fn start(runtime: &Runtime, pre: &MirrorRulePre<Sandbox>, name: Arc<str>) -> Result<Self, Failure> {
        Self::begin(runtime, name, |store| pre.instantiate(store))
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
}

impl<B> Instance<B> {
    /// Makes an instance; its start functions run under the limits of a call.
    pub(super) fn begin(
        runtime: &Runtime,
        name: Arc<str>,
        instantiate: impl FnOnce(&mut Store<Sandbox>) -> wasmtime::Result<B>,
    ) -> Result<Self, Failure> {
        let mut store = runtime.store(name);
        runtime.arm(&mut store);
        let running = runtime.ticker().running();
        let exports = instantiate(&mut store);
        drop(running);
        match exports {
            Ok(exports) => Ok(Self { store, exports, calls: 0 }),
            Err(error) => Err(Failure::of_start(&error, store.data(), runtime.limits())),
        }
    }

    /// How often the instance was called.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Fuel that the last call used.
    pub(super) fn fuel_used(&self, runtime: &Runtime) -> u64 {
        runtime.limits().fuel.saturating_sub(self.store.get_fuel().expect("the engine counts fuel"))
    }

    /// Linear memory that the instance holds. It never gives any back.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.store.data().memory_bytes()
    }

    /// Calls an export with the allowance of one call.
    pub(super) fn call<R>(
        &mut self,
        runtime: &Runtime,
        call: impl FnOnce(&B, &mut Store<Sandbox>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        self.calls += 1;
        runtime.arm(&mut self.store);
        let running = runtime.ticker().running();
        let result = call(&self.exports, &mut self.store);
        drop(running);
        result.map_err(|error| Failure::of_call(&error, self.store.data(), runtime.limits()))
    }
}
