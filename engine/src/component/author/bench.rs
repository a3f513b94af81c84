//! `component bench`: what a component costs, and what of that is the guest's.
//!
//! Beside the engine's own call stands the same export called by wasmtime
//! alone: no fuel, no deadline, no limits. What is between the two is the price
//! of the sandbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Store};

use super::cases::{self, Case};
use super::subject::Subject;
use super::trial::{folder_of_cases, milliseconds, world_of};
use super::workshop::{Entry, Told, Workshop};
use super::{AuthorError, Rebuild};
use crate::component::bindings::v0_1::MirrorRule;
use crate::component::bindings::v0_1::generator::ManifestGenerator;
use crate::component::bindings::v0_1::generator::manifest::Release;
use crate::component::bindings::v0_1::rules::MapRequest;
use crate::component::code::{Code, CodeName};
use crate::component::failure::Failure;
use crate::component::instance::{Instance, Question, Settings};
use crate::component::sandbox::Sandbox;
use crate::component::settings::flatten;
use crate::component::source::shown;
use crate::component::vault::Vault;
use crate::component::{Limits, World, wasi};

/// Runs of what is measured once a run, and the time that calls are repeated
/// for. The median is reported.
const RUNS: usize = 5;
const COMPILING: Duration = Duration::from_secs(2);
const BATCHES: usize = 9;
const BATCH: Duration = Duration::from_millis(20);

/// What to measure, and how.
#[derive(Debug, Clone)]
pub struct Bench {
    /// A component's folder, or its file.
    pub path: PathBuf,
    /// Whether a folder's component is built first.
    pub rebuild: Rebuild,
    /// Where compiled components are kept.
    pub cache_dir: PathBuf,
    /// What a component may use.
    pub limits: Limits,
}

/// What a component costs. Times are medians.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchReport {
    /// Stable name.
    pub id: String,
    /// What it is for.
    pub kind: World,
    /// Length of the component.
    pub bytes: u64,
    /// What was asked, in each call.
    pub question: String,
    /// Compilation, as for a stranger's component.
    pub compile_ms: f64,
    /// Reading the compiled code from the cache, checking and loading it; none
    /// where there is no cache.
    pub load_ms: Option<f64>,
    /// A call with a new instance.
    pub fresh_us: f64,
    /// A call to an instance that is there.
    pub warm_us: f64,
    /// The same call by wasmtime alone.
    pub bare_us: f64,
    /// Fuel of a call.
    pub fuel: u64,
    /// Linear memory of an instance.
    pub memory_bytes: u64,
}

/// What is asked in each call.
enum Asked {
    Url { url: String, region: String, settings: Settings },
    Release { release: Box<Release>, settings: Settings },
}

/// Measures a component.
pub fn bench(bench: &Bench) -> Result<BenchReport, AuthorError> {
    let subject = Subject::open(&bench.path, bench.rebuild)?;
    let world = world_of(&subject, &bench.limits);
    let limits = subject.limits(world, &bench.limits);
    let source = &subject.source;
    let open =
        || Workshop::open(source, world, &limits).map_err(|rejected| AuthorError::rejected(rejected, &source.name));
    let fail = |failure: Failure| AuthorError::rejected(failure.into(), &source.name);
    let workshop = open()?;
    let told = workshop.describe(&source.name).map_err(fail)?;
    let (question, asked) = asked(&subject, bench, &told)?;
    let mut compiled = vec![workshop.compiled_in];
    // One run has to do where each takes seconds.
    while compiled.len() < RUNS && compiled.iter().sum::<Duration>() < COMPILING {
        compiled.push(open()?.compiled_in);
    }
    let mut living = Living::start(&workshop, &asked).map_err(fail)?;
    let (fuel, memory_bytes) = living.figures(&workshop);
    let warm = repeated(|| living.ask(&workshop, &asked)).map_err(fail)?;
    let fresh = repeated(|| Living::start(&workshop, &asked).map(drop)).map_err(fail)?;
    let bare = bare(&source.bytes, world, &limits, &asked).map_err(|error| fail(Failure::load(&error)))?;
    Ok(BenchReport {
        id: told.id,
        kind: world,
        bytes: source.bytes.len() as u64,
        question,
        compile_ms: milliseconds(median(compiled)),
        load_ms: load(bench, &workshop, &source.sha256).map(milliseconds),
        fresh_us: microseconds(fresh),
        warm_us: microseconds(warm),
        bare_us: microseconds(bare),
        fuel,
        memory_bytes,
    })
}

/// The first example with an answer, else the first case.
fn asked(subject: &Subject, bench: &Bench, told: &Told) -> Result<(String, Asked), AuthorError> {
    if let Some(example) = told.examples.iter().find(|example| !example.candidates.is_empty()) {
        let (url, region) = (example.url.clone(), example.region.clone());
        return Ok((shown(&url), Asked::Url { url, region, settings: Settings::new() }));
    }
    let none = || AuthorError::NoQuestion(bench.path.clone());
    let folder = folder_of_cases(subject, &bench.path).ok_or_else(none)?;
    let files = cases::read(&folder, told.world)?;
    let case = files.iter().flat_map(|file| &file.cases).next().ok_or_else(none)?;
    let settings = flatten(&case.settings);
    match (&case.url, &case.release) {
        (Some(url), _) => {
            Ok((case.name.clone(), Asked::Url { url: url.clone(), region: case.region.clone(), settings }))
        }
        (None, Some(_)) => {
            Ok((case.name.clone(), Asked::Release { release: release(case).ok_or_else(none)?, settings }))
        }
        (None, None) => Err(none()),
    }
}

fn release(case: &Case) -> Option<Box<Release>> {
    Some(Box::new(Release::from(&case.release.clone()?.completed())))
}

/// An instance that was asked once.
enum Living {
    Rule(Instance<MirrorRule>),
    Generator(Instance<ManifestGenerator>),
}

impl Living {
    fn start(workshop: &Workshop, asked: &Asked) -> Result<Self, Failure> {
        let (runtime, name) = (&workshop.runtime, Arc::<str>::from("bench"));
        let mut living = match &workshop.entry {
            Entry::Rule(pre) => Self::Rule(Instance::start(runtime, pre, name)?),
            Entry::Generator(pre) => Self::Generator(Instance::start_generator(runtime, pre, name)?),
        };
        if let (Self::Rule(instance), Asked::Url { settings, .. }) = (&mut living, asked)
            && !settings.is_empty()
        {
            // A case may be about settings that the rule refuses; what is
            // measured then is the rule without them.
            let _ = instance.configure(runtime, settings)?;
        }
        living.ask(workshop, asked)?;
        Ok(living)
    }

    fn ask(&mut self, workshop: &Workshop, asked: &Asked) -> Result<(), Failure> {
        let runtime = &workshop.runtime;
        match (self, asked) {
            (Self::Rule(instance), Asked::Url { url, region, .. }) => {
                instance.map(runtime, Question { url, region }).map(drop)
            }
            (Self::Generator(instance), Asked::Release { release, settings }) => {
                instance.generate(runtime, release, settings, &[]).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn figures(&self, workshop: &Workshop) -> (u64, u64) {
        match self {
            Self::Rule(instance) => (instance.fuel_used(&workshop.runtime), instance.memory_bytes()),
            Self::Generator(instance) => (instance.fuel_used(&workshop.runtime), instance.memory_bytes()),
        }
    }
}

/// The same call by wasmtime alone.
fn bare(component: &[u8], world: World, limits: &Limits, asked: &Asked) -> wasmtime::Result<Duration> {
    let mut config = Config::new();
    config.concurrency_support(false);
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::<Sandbox>::new(&engine);
    MirrorRule::add_to_linker::<_, HasSelf<_>>(&mut linker, |sandbox| sandbox)?;
    let linker = wasi::extend(&linker, &component)?.unwrap_or(linker);
    let mut store = Store::new(&engine, Sandbox::new("bench".into(), Arc::new(limits.clone())));
    match (world, asked) {
        (World::MirrorRule, Asked::Url { url, region, settings }) => {
            let rule = MirrorRule::instantiate(&mut store, &component, &linker)?;
            if !settings.is_empty() {
                let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
                let _ = rule.turbo_engine_mirror_rules().call_configure(&mut store, &settings)?;
            }
            let extra = Vec::new();
            let map_url = || {
                let request = MapRequest { url, region, extra: &extra };
                rule.turbo_engine_mirror_rules().call_map_url(&mut store, request).map(drop)
            };
            repeated(map_url)
        }
        (_, Asked::Release { release, settings }) => {
            let generator = ManifestGenerator::instantiate(&mut store, &component, &linker)?;
            let generate =
                || generator.turbo_engine_manifest().call_generate(&mut store, release, settings, &[]).map(drop);
            repeated(generate)
        }
        (World::ManifestGenerator, Asked::Url { .. }) => Ok(Duration::ZERO),
    }
}

/// Code from the cache, as a second run of the program finds it.
fn load(bench: &Bench, workshop: &Workshop, sha256: &str) -> Option<Duration> {
    let engine = workshop.runtime.engine();
    let name = CodeName::new(engine, sha256);
    workshop.code.keep(&Vault::open(&bench.cache_dir).ok()?, &name);
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        let vault = Vault::open(&bench.cache_dir).ok()?;
        Code::restore(&vault, &name)?.load(engine)?;
        times.push(began.elapsed());
    }
    Some(median(times))
}

/// The time of a call: the median over batches that are long enough to time.
fn repeated<E>(mut call: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let began = Instant::now();
    call()?;
    let one = began.elapsed().max(Duration::from_nanos(100));
    let calls = u32::try_from(BATCH.as_nanos() / one.as_nanos()).unwrap_or(u32::MAX).clamp(1, 100_000);
    let mut times = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let began = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        times.push(began.elapsed() / calls);
    }
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
