//! The calls into a manifest generator.

use std::sync::Arc;

use super::bindings::v0_1::generator::manifest::{
    Delivery, Diagnostic, Generated, GeneratorInfo, Outcome, PriorFile, Release,
};
use super::bindings::v0_1::generator::{ManifestGenerator, ManifestGeneratorPre};
use super::failure::Failure;
use super::instance::{Instance, Settings};
use super::runtime::Runtime;
use super::sandbox::Sandbox;

/// A generator's own words, unchecked.
pub(super) type RawGenerated = Result<Generated, Vec<Diagnostic>>;

impl Instance<ManifestGenerator> {
    /// Makes an instance of a generator.
    pub(super) fn start_generator(
        runtime: &Runtime,
        pre: &ManifestGeneratorPre<Sandbox>,
        name: Arc<str>,
    ) -> Result<Self, Failure> {
        Self::begin(runtime, name, |store| pre.instantiate(store))
    }

    /// Asks what the generator is.
    pub(super) fn describe(&mut self, runtime: &Runtime) -> Result<GeneratorInfo, Failure> {
        self.call(runtime, |generator, store| generator.turbo_engine_manifest().call_describe(store))
    }

    /// Asks which files of the destination it wants to read.
    pub(super) fn wants(
        &mut self,
        runtime: &Runtime,
        release: &Release,
        settings: &Settings,
    ) -> Result<Vec<String>, Failure> {
        self.call(runtime, |generator, store| generator.turbo_engine_manifest().call_wants(store, release, settings))
    }

    /// Asks for the deliveries of a release.
    pub(super) fn generate(
        &mut self,
        runtime: &Runtime,
        release: &Release,
        settings: &Settings,
        prior: &[PriorFile],
    ) -> Result<RawGenerated, Failure> {
        self.call(runtime, |generator, store| {
            generator.turbo_engine_manifest().call_generate(store, release, settings, prior)
        })
    }

    /// Asks what is wrong with a delivery.
    pub(super) fn validate(
        &mut self,
        runtime: &Runtime,
        delivery: &Delivery,
        prior: &[PriorFile],
    ) -> Result<Vec<Diagnostic>, Failure> {
        self.call(runtime, |generator, store| generator.turbo_engine_manifest().call_validate(store, delivery, prior))
    }

    /// Asks which URLs tell what became of a delivery.
    pub(super) fn poll(
        &mut self,
        runtime: &Runtime,
        delivery: &Delivery,
        submission: &str,
    ) -> Result<Vec<String>, Failure> {
        self.call(runtime, |generator, store| generator.turbo_engine_manifest().call_poll(store, delivery, submission))
    }

    /// Asks what the answers of those URLs mean.
    pub(super) fn interpret(
        &mut self,
        runtime: &Runtime,
        delivery: &Delivery,
        answers: &[(u16, Vec<u8>)],
    ) -> Result<Outcome, Failure> {
        self.call(runtime, |generator, store| {
            generator.turbo_engine_manifest().call_interpret(store, delivery, answers)
        })
    }
}
