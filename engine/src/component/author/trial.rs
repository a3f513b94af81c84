//! `component test`: every example and case, under the limits of production.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use toml::Table;
use url::Url;

use super::cases::{self, Case, CaseFile};
use super::manifest::ManifestExample;
use super::subject::Subject;
use super::workshop::{Told, Workshop};
use super::{AuthorError, Disagreement, Rebuild, diff, snapshot};
use crate::component::failure::Failure;
use crate::component::scan::survey;
use crate::component::source::shown;
use crate::component::text::printable;
use crate::component::{Limits, World};
use crate::model::PrivateMirrors;

mod ask;

/// Longest line of a reason.
const REASON_BYTES: usize = 1 << 10;

/// What to test, and how.
#[derive(Debug, Clone)]
pub struct Trial {
    /// A component's folder, or its file.
    pub path: PathBuf,
    /// Whether a folder's component is built first.
    pub rebuild: Rebuild,
    /// Folder of the cases; `tests` beside the component when none is named.
    pub cases: Option<PathBuf>,
    /// What to do with an answer that is not the one expected.
    pub expectations: Expectations,
    /// What a component may use.
    pub limits: Limits,
    /// Whether candidates may be in private networks.
    pub private_mirrors: PrivateMirrors,
}

/// What to do with an answer that is not the one expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectations {
    /// The case fails.
    Compare,
    /// The case's file gets the answer.
    Update,
}

/// What came of a component's test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Stable name.
    pub id: String,
    /// Version of the component.
    pub version: String,
    /// What it is for.
    pub kind: World,
    /// SHA-256 of what was tested: of a folder, a build that keeps names.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// How long the compiler took.
    pub compile_ms: f64,
    /// Limits that were raised because `component.toml` asks for it.
    pub grants: BTreeMap<String, String>,
    /// Where `component.toml` and the component differ.
    pub disagreements: Vec<Disagreement>,
    /// Its examples, then the cases in the order of their files.
    pub cases: Vec<CaseReport>,
    /// Whether nothing tests it where it is used: a rule has no examples, or a
    /// generator, whose interface has none, no cases.
    pub untested: bool,
}

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// The file; none for an example of the component's own.
    pub file: Option<PathBuf>,
    /// What the case shows.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it failed, in lines.
    pub reasons: Vec<String>,
    /// Fuel that the call used.
    pub fuel: u64,
    /// Fuel that it might have used.
    pub fuel_limit: u64,
    /// Linear memory at the end, which is the most there was.
    pub memory_bytes: u64,
    /// How long the call took.
    pub milliseconds: f64,
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Otherwise.
    Failed,
    /// Otherwise, and the file says so now.
    Updated,
}

/// What came of asking once.
struct Attempt {
    /// The answer, as a case writes it; none when there was none.
    found: Option<Table>,
    /// Why there was none, and what the engine would not put up with.
    complaints: Vec<String>,
    fuel: u64,
    memory_bytes: u64,
    took: Duration,
}

impl Report {
    /// Cases that failed.
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| case.verdict == Verdict::Failed).count()
            + usize::from(self.contradicts_itself())
    }

    /// Whether `component.toml` and the component differ.
    pub fn contradicts_itself(&self) -> bool {
        !self.disagreements.is_empty()
    }
}

/// Tests a component. A case that fails is no error but part of the report.
pub fn test(trial: &Trial) -> Result<Report, AuthorError> {
    let subject = Subject::open(&trial.path, trial.rebuild)?;
    let world = world_of(&subject, &trial.limits);
    let limits = subject.limits(world, &trial.limits);
    let name = subject.source.name.clone();
    let workshop =
        Workshop::open(&subject.source, world, &limits).map_err(|rejected| AuthorError::rejected(rejected, &name))?;
    let told = workshop.describe(&name).map_err(|failure| AuthorError::rejected(failure.into(), &name))?;
    let tester = Tester { trial, workshop: &workshop, told: &told };
    let mut cases = tester.examples();
    let has_examples = !cases.is_empty();
    let folder = trial.cases.clone().or_else(|| folder_of_cases(&subject, &trial.path));
    for file in folder.map_or(Ok(Vec::new()), |folder| cases::read(&folder, world))? {
        cases.extend(tester.file(&file)?);
    }
    let manifest = subject.manifest.as_ref();
    Ok(Report {
        disagreements: manifest.map(|manifest| manifest.disagreements(&told)).unwrap_or_default(),
        grants: manifest.map(|manifest| manifest.grants.clone()).unwrap_or_default(),
        id: told.id,
        version: told.version,
        kind: world,
        bytes: subject.source.bytes.len() as u64,
        sha256: subject.source.sha256,
        compile_ms: milliseconds(workshop.compiled_in),
        untested: if world == World::MirrorRule { !has_examples } else { cases.is_empty() },
        cases,
    })
}

/// What a component's author says it is, else what it exports. A file that
/// exports neither is held against the world of most components.
pub(super) fn world_of(subject: &Subject, limits: &Limits) -> World {
    let told = subject.manifest.as_ref().map(|manifest| manifest.kind);
    let exported = || World::of(&survey(&subject.source.bytes, limits).found.exports);
    told.or_else(exported).unwrap_or(World::MirrorRule)
}

/// `tests` in the component's folder, or beside its file.
pub(super) fn folder_of_cases(subject: &Subject, path: &Path) -> Option<PathBuf> {
    match &subject.folder {
        Some(folder) => Some(folder.join("tests")),
        None => Some(path.parent()?.join("tests")),
    }
}

struct Tester<'a> {
    trial: &'a Trial,
    workshop: &'a Workshop,
    told: &'a Told,
}

impl Tester<'_> {
    /// The component's own examples, as the engine asks them.
    fn examples(&self) -> Vec<CaseReport> {
        let examples = self.told.examples.iter().map(|example| {
            let case = Case { url: Some(example.url.clone()), region: example.region.clone(), ..Case::default() };
            let attempt = self.attempt(&case);
            let mut reasons = attempt.complaints.clone();
            if let Some(found) = &attempt.found {
                reasons.extend(unlike(example, found));
            }
            let verdict = if reasons.is_empty() { Verdict::Passed } else { Verdict::Failed };
            self.report(None, format!("example {}", shown(&example.url)), &attempt, (verdict, reasons))
        });
        examples.collect()
    }

    fn file(&self, file: &CaseFile) -> Result<Vec<CaseReport>, AuthorError> {
        let mut answers = Vec::new();
        let mut reports = Vec::new();
        for case in &file.cases {
            let attempt = self.attempt(case);
            let mut reasons = attempt.complaints.clone();
            let mut verdict = if reasons.is_empty() { Verdict::Passed } else { Verdict::Failed };
            let mut answer = None;
            match (&attempt.found, &case.expect) {
                (None, _) => {}
                (Some(found), Some(expected)) if found == expected => {}
                (Some(found), _) if self.trial.expectations == Expectations::Update => {
                    answer = Some(found.clone());
                    verdict = if verdict == Verdict::Passed { Verdict::Updated } else { verdict };
                }
                (Some(found), expected) => {
                    verdict = Verdict::Failed;
                    reasons.extend(diff::lines(expected.as_ref().unwrap_or(&Table::new()), found));
                }
            }
            answers.push(answer);
            reports.push(self.report(Some(&file.path), case.name.clone(), &attempt, (verdict, reasons)));
        }
        if answers.iter().any(Option::is_some) {
            let wrong = |reason| AuthorError::Cases { path: file.path.clone(), reason };
            let text = snapshot::rewrite(&file.text, &answers).map_err(wrong)?;
            std::fs::write(&file.path, text).map_err(|source| AuthorError::file(&file.path, source))?;
        }
        Ok(reports)
    }

    fn attempt(&self, case: &Case) -> Attempt {
        let mut attempt = ask::attempt(self, case);
        if let Some(most) = case.max_fuel.filter(|most| attempt.fuel > *most) {
            attempt.complaints.push(format!("it used {} fuel, and the case allows {most}", attempt.fuel));
        }
        attempt
    }

    fn report(
        &self,
        file: Option<&Path>,
        name: String,
        attempt: &Attempt,
        (verdict, reasons): (Verdict, Vec<String>),
    ) -> CaseReport {
        CaseReport {
            file: file.map(Path::to_owned),
            name,
            verdict,
            reasons: reasons.iter().map(|reason| printable(reason, REASON_BYTES)).collect(),
            fuel: attempt.fuel,
            fuel_limit: self.workshop.runtime.limits().fuel,
            memory_bytes: attempt.memory_bytes,
            milliseconds: milliseconds(attempt.took),
        }
    }
}

impl Attempt {
    /// Nothing but the reason why there was no call.
    fn unasked(reason: String) -> Self {
        Self { found: None, complaints: vec![reason], fuel: 0, memory_bytes: 0, took: Duration::ZERO }
    }

    /// A call that never came to an answer.
    fn failed(failure: &Failure) -> Self {
        let mut attempt = Self::unasked(format!("{}: {}", failure.kind, failure.message));
        attempt.complaints.extend(failure.frames.iter().map(|frame| format!("  at {frame}")));
        attempt
    }
}

/// How an answer differs from an example's. Without candidates any error does.
fn unlike(example: &ManifestExample, found: &Table) -> Vec<String> {
    let candidates: Vec<toml::Value> = example.candidates.iter().cloned().map(toml::Value::String).collect();
    match found.get("candidates") {
        None if candidates.is_empty() => Vec::new(),
        Some(toml::Value::Array(found)) if *found == candidates => Vec::new(),
        _ => diff::lines(&Table::from_iter([("candidates".to_owned(), toml::Value::Array(candidates))]), found),
    }
}

/// A URL of a case, as the engine would ask it.
fn url_of(case: &Case) -> Result<Url, String> {
    let text = case.url.as_deref().unwrap_or_default();
    let url: Url = text.parse().map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if url.as_str() == text { Ok(url) } else { Err(format!("the engine writes this URL as {url}")) }
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
