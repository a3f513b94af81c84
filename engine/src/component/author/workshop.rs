//! A component, compiled and ready to be called under given limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use wasmtime::component::Component;

use super::manifest::{ManifestExample, ManifestPattern};
use crate::component::bindings::v0_1::MirrorRulePre;
use crate::component::bindings::v0_1::generator::ManifestGeneratorPre;
use crate::component::bindings::v0_1::generator::manifest::GeneratorInfo;
use crate::component::bindings::v0_1::rules::{Example, RuleInfo};
use crate::component::code::Code;
use crate::component::description::{Description, check_example, check_name};
use crate::component::failure::Failure;
use crate::component::instance::{Instance, Question};
use crate::component::runtime::{Effort, Runtime};
use crate::component::sandbox::Sandbox;
use crate::component::scan::scan;
use crate::component::source::{Rejected, Source};
use crate::component::{FaultKind, Limits, World};

/// Instances at once: the one that is asked, and one to compare with.
const INSTANCES: u32 = 4;

/// A component, compiled.
pub(super) struct Workshop {
    pub(super) runtime: Runtime,
    pub(super) entry: Entry,
    pub(super) code: Code,
    /// How long the compiler took.
    pub(super) compiled_in: Duration,
}

/// The way into a component.
pub(super) enum Entry {
    Rule(MirrorRulePre<Sandbox>),
    Generator(ManifestGeneratorPre<Sandbox>),
}

/// What a component says of itself, checked, of whichever world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    pub(super) world: World,
    pub(super) id: String,
    pub(super) version: String,
    pub(super) summary: String,
    pub(super) manager: String,
    pub(super) patterns: Vec<ManifestPattern>,
    pub(super) examples: Vec<ManifestExample>,
}

impl Workshop {
    /// Checks and compiles a component, as the engine does with a stranger's.
    pub(super) fn open(source: &Source, world: World, limits: &Limits) -> Result<Self, Rejected> {
        let scan = scan(&source.bytes, limits).map_err(|refusal| source.reject(refusal, limits))?;
        source.check_world(&scan, world).map_err(Rejected::Unusable)?;
        let load = |error: wasmtime::Error| Rejected::Faulty(Failure::load(&error));
        let runtime = Runtime::new(&Arc::new(limits.clone()), INSTANCES).map_err(load)?;
        let compiler = runtime.compiler(Effort::SinglePass).map_err(load)?;
        let began = Instant::now();
        let code = Code::compile(compiler, &source.bytes).map_err(load)?;
        let compiled_in = began.elapsed();
        let unloadable = || Failure::new(FaultKind::Load, "the compiled code does not load");
        let component = code.load(runtime.engine()).ok_or_else(unloadable)?;
        let entry = Entry::of(&runtime, &component, world).map_err(load)?;
        Ok(Self { runtime, entry, code, compiled_in })
    }

    /// Asks the component what it is, and checks the answer.
    pub(super) fn describe(&self, name: &str) -> Result<Told, Failure> {
        let name = name.into();
        match &self.entry {
            Entry::Rule(pre) => {
                let info = Instance::start(&self.runtime, pre, name)?.describe(&self.runtime)?;
                Description::check(&info, self.runtime.limits())?;
                Ok(Told::of_rule(info))
            }
            Entry::Generator(pre) => {
                let info = Instance::start_generator(&self.runtime, pre, name)?.describe(&self.runtime)?;
                check_name(&info.id, &info.version)?;
                Ok(Told::of_generator(info))
            }
        }
    }
}

impl Workshop {
    /// Asks a rule its own examples, as loading it would.
    pub(super) fn self_test(&self, told: &Told) -> Result<(), Failure> {
        let Entry::Rule(pre) = &self.entry else { return Ok(()) };
        let mut instance = Instance::start(&self.runtime, pre, told.id.as_str().into())?;
        for ManifestExample { url, region, candidates } in &told.examples {
            let reply = instance.map(&self.runtime, Question { url, region })?;
            let example = Example { url: url.clone(), region: region.clone(), candidates: candidates.clone() };
            check_example(&example, &reply)?;
        }
        Ok(())
    }
}

impl Entry {
    pub(super) fn of(runtime: &Runtime, component: &Component, world: World) -> wasmtime::Result<Self> {
        let linked = runtime.link(component)?;
        Ok(match world {
            World::MirrorRule => Self::Rule(MirrorRulePre::new(linked)?),
            World::ManifestGenerator => Self::Generator(ManifestGeneratorPre::new(linked)?),
        })
    }
}

impl Told {
    /// Nothing but the world.
    pub(super) fn new(world: World) -> Self {
        Self {
            world,
            id: String::new(),
            version: String::new(),
            summary: String::new(),
            manager: String::new(),
            patterns: Vec::new(),
            examples: Vec::new(),
        }
    }

    fn of_rule(info: RuleInfo) -> Self {
        let patterns = info.patterns.into_iter().map(|pattern| ManifestPattern {
            schemes: pattern.schemes,
            host_suffixes: pattern.host_suffixes,
            path_prefixes: pattern.path_prefixes,
        });
        let examples = info.examples.into_iter().map(|example| ManifestExample {
            url: example.url,
            region: example.region,
            candidates: example.candidates,
        });
        Self {
            id: info.id,
            version: info.version,
            summary: info.summary,
            patterns: patterns.collect(),
            examples: examples.collect(),
            ..Self::new(World::MirrorRule)
        }
    }

    fn of_generator(info: GeneratorInfo) -> Self {
        Self {
            id: info.id,
            version: info.version,
            summary: info.summary,
            manager: info.manager,
            ..Self::new(World::ManifestGenerator)
        }
    }
}
