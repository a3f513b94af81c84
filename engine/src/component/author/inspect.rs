//! `component inspect`: all that can be told of a component, whatever is wrong
//! with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::manifest::ManifestPattern;
use super::subject::Subject;
use super::trial::world_of;
use super::workshop::{Told, Workshop};
use super::{AuthorError, Disagreement, Rebuild};
use crate::component::reach::hosts;
use crate::component::scan::{Figure, Refusal, needed, survey};
use crate::component::source::{Rejected, is_offered, shown};
use crate::component::{Examples, Limits, Pattern, World, asked_about, is_any_host};
use crate::model::Explain;

/// Most names of one kind that are told.
const NAMES: usize = 100;

/// All that can be told of a component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// The file, or the folder it was built from.
    pub path: PathBuf,
    /// The file, where there is one: what was just built is in memory alone.
    pub file: Option<PathBuf>,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// What it is for; none when it exports nothing that tells.
    pub world: Option<World>,
    /// Names of its imports, with their versions.
    pub imports: Vec<String>,
    /// Those of them that no component gets.
    pub refused_imports: Vec<String>,
    /// Names of its exports, with their versions.
    pub exports: Vec<String>,
    /// How near to each limit of a file it comes.
    pub measures: Vec<Measure>,
    /// Stable name; empty when it does not come to say it, like the rest.
    pub id: String,
    /// Version of the component.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The URLs that a rule wants to be asked about; none are all.
    pub patterns: Vec<ManifestPattern>,
    /// Whether a rule is asked about URLs of any host, which needs a grant.
    pub any_host: bool,
    /// The hosts that the candidates of a rule's examples lead to.
    pub example_hosts: Vec<String>,
    /// Examples of its self-test.
    pub examples: usize,
    /// Where `component.toml` and the component differ.
    pub disagreements: Vec<Disagreement>,
    /// What it has to be granted and what its author asks for, beyond the
    /// limits.
    pub grants: BTreeMap<String, String>,
    /// Why it would be refused, each with what to do.
    pub refusals: Vec<Reason>,
}

/// What a file has of something limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// The limit's name, as `component add --grant` takes it.
    pub limit: String,
    /// The most that the file has of it.
    pub found: u64,
    /// The most that it may have.
    pub allowed: u64,
}

/// Why a component would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Inspection {
    /// What a rule learns, one text a set of URLs; nothing where it did not
    /// come to say so.
    pub fn asked_about(&self) -> Vec<String> {
        let is_rule = self.world == Some(World::MirrorRule) && !self.id.is_empty();
        if is_rule { asked_about(&patterns_of(&self.patterns)) } else { Vec::new() }
    }

    /// Where a rule leads.
    pub fn leads_to(&self) -> Option<String> {
        let is_rule = self.world == Some(World::MirrorRule) && !self.id.is_empty();
        is_rule.then(|| Examples { count: self.examples, hosts: self.example_hosts.clone() }.text())
    }

    /// The error of a component that would be refused.
    pub fn refusal(&self) -> Option<AuthorError> {
        let first = self.refusals.first()?;
        let granted =
            || "correct the component, or, if you trust it, grant it what it needs: see `to install`".to_owned();
        let hint = first.hint.clone().or_else(|| (!self.grants.is_empty()).then(granted));
        Some(AuthorError::Refused { path: self.path.clone(), reason: first.reason.clone(), hint })
    }
}

/// Looks into a component. One that would be refused is no error.
pub fn inspect(path: &Path, rebuild: Rebuild, limits: &Limits) -> Result<Inspection, AuthorError> {
    let subject = Subject::open(path, rebuild)?;
    let world = world_of(&subject, limits);
    let grants = needed(&subject.source.bytes, limits).unwrap_or_default().texts();
    let limits = subject.limits(world, limits);
    let seen = survey(&subject.source.bytes, &limits);
    let names = |names: &[String]| names.iter().take(NAMES).map(|name| shown(name)).collect();
    let source = &subject.source;
    let mut inspection = Inspection {
        path: path.to_owned(),
        file: source.path.clone().filter(|file| subject.folder.as_ref() != Some(file)),
        grants,
        bytes: source.bytes.len() as u64,
        sha256: source.sha256.clone(),
        world: World::of(&seen.found.exports),
        imports: names(&seen.found.imports),
        refused_imports: seen.found.imports.iter().filter(|name| !is_offered(name)).map(|name| shown(name)).collect(),
        exports: names(&seen.found.exports),
        measures: seen.figures.iter().map(Measure::of).collect(),
        id: String::new(),
        version: String::new(),
        summary: String::new(),
        patterns: Vec::new(),
        any_host: false,
        example_hosts: Vec::new(),
        examples: 0,
        disagreements: Vec::new(),
        refusals: Vec::new(),
    };
    inspection.refused_imports.truncate(NAMES);
    let is_readable = seen.refusals.iter().all(|refusal| matches!(refusal, Refusal::Limit(..)));
    let refused = seen.refusals.into_iter().map(|refusal| source.reject(refusal, &limits));
    inspection.refusals = refused.map(Reason::of).collect();
    if is_readable && let Err(error) = source.check_world(&seen.found, world) {
        inspection.refusals.push(Reason::of(Rejected::Unusable(error)));
    }
    if inspection.refusals.is_empty() {
        inspection.listen(&subject, world, &limits);
    }
    Ok(inspection)
}

impl Inspection {
    /// Lets the component say what it is and pass its self-test, as loading it
    /// would.
    fn listen(&mut self, subject: &Subject, world: World, limits: &Limits) {
        let opened = Workshop::open(&subject.source, world, limits);
        let told = opened.and_then(|workshop| {
            let told = workshop.describe(&subject.source.name)?;
            let failure = workshop.self_test(&told).err();
            Ok((told, failure))
        });
        let (told, failure) = match told {
            Ok(told) => told,
            Err(rejected) => return self.refusals.push(Reason::of(rejected)),
        };
        let manifest = subject.manifest.as_ref();
        self.disagreements = manifest.map(|manifest| manifest.disagreements(&told)).unwrap_or_default();
        self.refusals.extend(failure.map(|failure| Reason::of(failure.into())));
        let Told { world, id, version, summary, patterns, examples, .. } = told;
        self.id = id;
        self.version = version;
        self.summary = shown(&summary);
        self.any_host = world == World::MirrorRule && is_any_host(&patterns_of(&patterns));
        self.example_hosts = hosts(examples.iter().flat_map(|example| &example.candidates).map(String::as_str));
        self.patterns = patterns.into_iter().map(ManifestPattern::printable).collect();
        self.examples = examples.len();
    }
}

/// Patterns as the engine has them.
fn patterns_of(patterns: &[ManifestPattern]) -> Vec<Pattern> {
    patterns.iter().cloned().map(Pattern::from).collect()
}

impl Reason {
    fn of(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Unusable(error) => Self { reason: error.to_string(), hint: error.hint() },
            Rejected::Faulty(failure) => Self { reason: format!("{}: {}", failure.kind, failure.told()), hint: None },
        }
    }
}

impl Measure {
    fn of(figure: &Figure) -> Self {
        let Figure { limit, found, allowed } = *figure;
        Self { limit: limit.grant().to_owned(), found, allowed }
    }
}
