//! Has a generator make its deliveries, and believes nothing of them.
//!
//! Several runs have to agree byte for byte; what they agree on
//! is confined, traced back to the release, and goes only where the user said.

use super::confine::{Bounds, check_wants};
use super::destination::{Destination, DestinationError};
use super::embed;
use super::provenance::Sources;
use super::violation::Violation;
use crate::component::{ComponentError, Generated, Generator, GeneratorAnswer};
use crate::model::delivery::PriorFile;
use crate::model::diagnostic::{Diagnostic, Severity, advice};
use crate::model::release::{Pairs, Release};
use crate::model::{ExitCode, Explain};

/// Most files that a generator may want to read, and bytes of one and of all.
const MOST_WANTS: usize = 64;
const PRIOR_BYTES: usize = 1 << 20;
const ALL_PRIOR_BYTES: usize = 4 << 20;
/// Most findings of one generator.
const MOST_FINDINGS: usize = 1_000;

/// What a generator is asked, and what it is held to.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The release.
    pub release: &'a Release,
    /// The channel's settings.
    pub settings: &'a Pairs,
    /// What it is confined to.
    pub bounds: &'a Bounds,
}

/// Why a generator's channel goes no further. Nothing had an effect.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The component cannot be used, or broke a limit.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component did what it must not.
    #[error("the generator `{generator}` is refused: {}", listed(violations))]
    Violations {
        /// Its name.
        generator: String,
        /// What it did.
        violations: Vec<Violation>,
    },
    /// The component refuses the release.
    #[error("the generator `{generator}` cannot publish this release: {}", messages(findings))]
    Refused {
        /// Its name.
        generator: String,
        /// Why.
        findings: Vec<Diagnostic>,
    },
    /// The destination cannot be read.
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

fn listed(violations: &[Violation]) -> String {
    let first: Vec<String> = violations.iter().take(3).map(ToString::to_string).collect();
    let more = violations.len().saturating_sub(first.len());
    first.join("; ") + &if more > 0 { format!("; and {more} more") } else { String::new() }
}

fn messages(findings: &[Diagnostic]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let first: Vec<String> = errors.take(3).map(|finding| format!("{} ({})", finding.message, finding.code)).collect();
    if first.is_empty() { "it does not say why".into() } else { first.join("; ") }
}

impl Explain for GenerateError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Component(error) => error.exit_code(),
            Self::Violations { .. } => ExitCode::Component,
            Self::Refused { .. } => ExitCode::Failed,
            Self::Destination(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Component(error) => return error.hint(),
            Self::Destination(error) => return error.hint(),
            Self::Violations { violations, .. } => match violations.first() {
                Some(Violation::Destination { .. }) => {
                    "if that is where it should go, configure it in the channel of turbo-release.toml".into()
                }
                Some(Violation::NoPrefix { .. }) => {
                    "name the folders in the channel of turbo-release.toml: prefix = [\"FOLDER/\"]".into()
                }
                Some(Violation::Url { .. }) => {
                    "if the URL is right, the release or the channel's settings should name it".into()
                }
                _ => "this is for the component's author to correct; nothing was published".into(),
            },
            Self::Refused { findings, .. } => {
                advice(findings).unwrap_or_else(|| "correct the release or the channel's settings".into())
            }
        })
    }
}

/// The files of the destination that a generator wants to read. Blocks.
pub fn wanted(generator: &Generator, question: Question<'_>) -> Result<Vec<String>, GenerateError> {
    let wants = generator.wants(question.release, question.settings)?;
    let violations = if wants.len() > MOST_WANTS {
        vec![Violation::TooMany { what: "files to read", limit: MOST_WANTS }]
    } else {
        check_wants(&wants)
    };
    if violations.is_empty() { Ok(wants) } else { Err(refused(generator, violations)) }
}

/// The wanted files as they are at the destination. Blocks.
pub fn prior(wants: &[String], destination: &Destination<'_>) -> Result<Vec<PriorFile>, GenerateError> {
    let mut left = ALL_PRIOR_BYTES;
    let mut files = Vec::with_capacity(wants.len());
    for path in wants {
        let content = destination.read(path, PRIOR_BYTES.min(left))?;
        left -= content.as_ref().map_or(0, Vec::len);
        files.push(PriorFile { path: path.clone(), content });
    }
    Ok(files)
}

/// Has the deliveries made, more than once, and holds them against everything. Blocks.
pub fn generate(
    generator: &Generator,
    question: Question<'_>,
    prior: &[PriorFile],
) -> Result<Generated, GenerateError> {
    let Question { release, settings, bounds } = question;
    let [first, again, fresh] = generator.generate(release, settings, prior)?;
    if let Some(other) = [&again, &fresh].into_iter().find(|other| **other != first) {
        return Err(refused(generator, vec![Violation::Wavers { what: difference(&first, other) }]));
    }
    let mut generated = first.map_err(|findings| refusal(generator, findings))?;
    let mut violations = bounds.check(&generated.deliveries);
    violations.extend(Sources::of(release, settings, prior).check(&generated.deliveries));
    violations.extend(embed::check(&generated, release, bounds));
    if !violations.is_empty() {
        return Err(refused(generator, violations));
    }
    for delivery in &generated.deliveries {
        generated.diagnostics.extend(generator.validate(delivery, prior)?);
    }
    generated.diagnostics.truncate(MOST_FINDINGS);
    if generated.diagnostics.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(refusal(generator, generated.diagnostics));
    }
    Ok(generated)
}

fn refused(generator: &Generator, violations: Vec<Violation>) -> GenerateError {
    GenerateError::Violations { generator: generator.about().id.clone(), violations }
}

fn refusal(generator: &Generator, mut findings: Vec<Diagnostic>) -> GenerateError {
    findings.truncate(MOST_FINDINGS);
    GenerateError::Refused { generator: generator.about().id.clone(), findings }
}

/// Where two answers part.
fn difference(first: &GeneratorAnswer, second: &GeneratorAnswer) -> String {
    let (Ok(first), Ok(second)) = (first, second) else { return "decision".into() };
    let of_files = first.deliveries.iter().zip(&second.deliveries).find_map(|(one, other)| {
        let files = one.files().iter().zip(other.files());
        files
            .filter(|(one, other)| one != other)
            .map(|(one, _)| format!("file {}", super::confine::quoted(&one.path)))
            .next()
    });
    of_files.unwrap_or_else(|| if first.deliveries == second.deliveries { "finding" } else { "delivery" }.into())
}
