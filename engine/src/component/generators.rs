//! Manifest generators, as the flow of publishing calls them.
//!
//! The same file limits, grants, pre-scan, sandbox and cache of compiled code
//! as mirror rules have. The key invariant: nothing that one call leaves behind
//! reaches the next one, but where the host looks whether anything does.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::bindings::v0_1::generator::{ManifestGenerator, ManifestGeneratorPre, manifest as wit};
use super::built_in::GENERATORS;
use super::description::check_name;
use super::failure::Failure;
use super::generator::RawGenerated;
use super::hosts::Hosts;
use super::instance::Instance;
use super::sandbox::Sandbox;
use super::settings::flatten;
use super::source::{GivenComponent, Rejected, Source, Standing};
use super::text::printable;
use super::{Admission, ComponentError, FaultKind, Grant, Limits, RefusedComponent, World};
use crate::model::delivery::{Delivery, Outcome, PriorFile};
use crate::model::diagnostic::Diagnostic;
use crate::model::release::{Pairs, Release};

/// Instances at once; a generator is asked a few times a release.
const INSTANCES: usize = 8;
/// Longest summary and name of a package manager that are passed on.
const TEXT_BYTES: usize = 200;

/// What generators may do.
#[derive(Debug, Clone, Default)]
pub struct GeneratorOptions {
    /// Where compiled components are kept; none keeps nothing.
    pub cache_dir: Option<PathBuf>,
    /// What a component may use.
    pub limits: Limits,
    /// What single components are granted beyond that, by SHA-256.
    pub grants: BTreeMap<String, Grant>,
    /// If given, which of the files that the user names may be loaded.
    pub admission: Option<Admission>,
}

/// Where a generator is.
#[derive(Debug, Clone)]
pub enum GeneratorOrigin {
    /// A file that the user named.
    File(PathBuf),
    /// A component that the user installed.
    Installed(GivenComponent),
    /// An installed component that must not be loaded.
    Refused(RefusedComponent),
    /// One inside the engine, by its identifier.
    BuiltIn(String),
}

/// What a generator says of itself, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorSummary {
    /// Stable name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The package manager it writes for.
    pub manager: String,
    /// SHA-256 of the component, in hexadecimal.
    pub sha256: String,
}

/// What a generator made of a release; nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Effects, in the order they should happen.
    pub deliveries: Vec<Delivery>,
    /// Findings that do not stop the release.
    pub diagnostics: Vec<Diagnostic>,
    /// What no other field says.
    pub extra: Pairs,
}

/// What a generator made of a release, or its own refusal of it.
pub type GeneratorAnswer = Result<Generated, Vec<Diagnostic>>;

/// What generators run on. Cheap to clone.
#[derive(Clone)]
pub struct Generators {
    hosts: Arc<Hosts>,
    options: Arc<GeneratorOptions>,
}

/// One generator, compiled.
#[derive(Clone)]
pub struct Generator {
    hosts: Arc<Hosts>,
    source: Arc<Source>,
    entry: ManifestGeneratorPre<Sandbox>,
    about: GeneratorSummary,
}

impl fmt::Debug for Generators {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Generators").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Generator").field(&self.about).finish()
    }
}

/// The identifiers of the generators inside the engine.
pub fn built_in_generators() -> impl Iterator<Item = &'static str> {
    GENERATORS.iter().map(|built_in| built_in.id)
}

impl Generators {
    /// Prepares what generators run on. Nothing is compiled yet.
    pub fn new(options: GeneratorOptions) -> Self {
        let limits = options.limits.of_generator();
        let hosts = Hosts::new(&limits, &options.grants, options.cache_dir.as_ref(), BTreeMap::new(), INSTANCES);
        Self { hosts: Arc::new(hosts), options: Arc::new(options) }
    }

    /// Loads a generator: checks the file, compiles it or takes what was
    /// compiled before, and asks it what it is. Blocks.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no generator, or breaks a limit.
    pub fn load(&self, origin: GeneratorOrigin) -> Result<Generator, ComponentError> {
        let limits = self.options.limits.of_generator();
        let source = match origin {
            GeneratorOrigin::File(path) => {
                let source = Source::read(&path, &limits, &self.options.grants)?;
                if let Some(admission) = &self.options.admission
                    && !admission.sha256.contains(&source.sha256)
                {
                    return Err(ComponentError::NotAdmitted { path, reason: admission.otherwise.clone() });
                }
                source
            }
            GeneratorOrigin::Installed(component) => Source::given(component, Standing::Installed),
            GeneratorOrigin::Refused(RefusedComponent { path, reason, .. }) => {
                return Err(ComponentError::NotAdmitted { path, reason });
            }
            GeneratorOrigin::BuiltIn(id) => match GENERATORS.iter().find(|built_in| built_in.id == id) {
                Some(built_in) => Source::built_in(built_in),
                None => return Err(ComponentError::NoSuchGenerator { id: printable(&id, TEXT_BYTES) }),
            },
        };
        let source = Arc::new(source);
        self.prepare(&source).map_err(|rejected| told(&source, rejected))
    }

    fn prepare(&self, source: &Arc<Source>) -> Result<Generator, Rejected> {
        let host = self.hosts.of(source);
        source.check(host.limits(), World::ManifestGenerator)?;
        let linked = host.load(&source.bytes, &source.sha256, source.effort())?;
        let entry = ManifestGeneratorPre::new(linked).map_err(|error| Failure::load(&error))?;
        let runtime = host.runtime()?;
        let mut instance = Instance::start_generator(runtime, &entry, source.name.as_str().into())?;
        let info = instance.describe(runtime)?;
        check_name(&info.id, &info.version)?;
        let about = GeneratorSummary {
            summary: printable(&info.summary, TEXT_BYTES),
            manager: printable(&info.manager, TEXT_BYTES),
            id: info.id,
            version: info.version,
            sha256: source.sha256.clone(),
        };
        Ok(Generator { hosts: Arc::clone(&self.hosts), source: Arc::clone(source), entry, about })
    }
}

impl Generator {
    /// What the generator says of itself.
    pub fn about(&self) -> &GeneratorSummary {
        &self.about
    }

    /// Names the files of the destination that it wants to read. Blocks.
    ///
    /// # Errors
    ///
    /// When the call traps or breaks a limit; so do all calls below.
    pub fn wants(&self, release: &Release, settings: &Pairs) -> Result<Vec<String>, ComponentError> {
        let release = wit::Release::from(release);
        self.call(|instance, runtime| instance.wants(runtime, &release, settings))
    }

    /// Makes the deliveries of one release, several times: on a fresh instance,
    /// on the same one again, which a generator with a memory would notice, and
    /// on another fresh one. Blocks.
    pub fn generate(
        &self,
        release: &Release,
        settings: &Pairs,
        prior: &[PriorFile],
    ) -> Result<[GeneratorAnswer; 3], ComponentError> {
        let release = wit::Release::from(release);
        let prior: Vec<wit::PriorFile> = prior.iter().map(wit::PriorFile::from).collect();
        let (first, again) = self.call(|instance, runtime| {
            let first = instance.generate(runtime, &release, settings, &prior)?;
            Ok((first, instance.generate(runtime, &release, settings, &prior)?))
        })?;
        let fresh = self.call(|instance, runtime| instance.generate(runtime, &release, settings, &prior))?;
        Ok([first, again, fresh].map(answered))
    }

    /// What the generator itself finds wrong with a delivery. Blocks.
    pub fn validate(&self, delivery: &Delivery, prior: &[PriorFile]) -> Result<Vec<Diagnostic>, ComponentError> {
        let delivery = wit::Delivery::from(delivery);
        let prior: Vec<wit::PriorFile> = prior.iter().map(wit::PriorFile::from).collect();
        self.call(|instance, runtime| instance.validate(runtime, &delivery, &prior)).map(findings)
    }

    /// Names the URLs that tell what became of a delivery. Blocks.
    pub fn poll(&self, delivery: &Delivery, submission: &str) -> Result<Vec<String>, ComponentError> {
        let delivery = wit::Delivery::from(delivery);
        self.call(|instance, runtime| instance.poll(runtime, &delivery, submission))
    }

    /// Reads the answers of those URLs: HTTP status and body, in order. Blocks.
    pub fn interpret(&self, delivery: &Delivery, answers: &[(u16, Vec<u8>)]) -> Result<Outcome, ComponentError> {
        let delivery = wit::Delivery::from(delivery);
        self.call(|instance, runtime| instance.interpret(runtime, &delivery, answers)).map(Outcome::from)
    }

    /// One call on an instance of its own.
    fn call<T>(
        &self,
        call: impl FnOnce(&mut Instance<ManifestGenerator>, &super::runtime::Runtime) -> Result<T, Failure>,
    ) -> Result<T, ComponentError> {
        let answer = self.hosts.of(&self.source).runtime().and_then(|runtime| {
            let mut instance = Instance::start_generator(runtime, &self.entry, self.about.id.as_str().into())?;
            call(&mut instance, runtime)
        });
        answer.map_err(|failure| told(&self.source, failure.into()))
    }
}

/// Settings of a generator, as it is given them: the path of names and
/// positions to every scalar of a table, joined by dots, and its text.
pub fn generator_settings(table: &Table) -> Pairs {
    flatten(table)
}

fn answered(answer: RawGenerated) -> GeneratorAnswer {
    match answer {
        Ok(generated) => Ok(Generated {
            deliveries: generated.deliveries.into_iter().map(Delivery::from).collect(),
            diagnostics: findings(generated.diagnostics),
            extra: generated.extra,
        }),
        Err(refusal) => Err(findings(refusal)),
    }
}

fn findings(found: Vec<wit::Diagnostic>) -> Vec<Diagnostic> {
    found.into_iter().map(Diagnostic::from).collect()
}

/// Why a generator cannot be used, to the user who named it.
fn told(source: &Source, rejected: Rejected) -> ComponentError {
    let path = source.shown_path();
    match rejected {
        Rejected::Unusable(error) => error,
        Rejected::Faulty(Failure { kind: FaultKind::Load, message, .. }) => {
            ComponentError::NotComponent { path, reason: message }
        }
        Rejected::Faulty(failure) => {
            ComponentError::Faulty { path, what: failure.kind, message: failure.told(), grant: failure.grant }
        }
    }
}
