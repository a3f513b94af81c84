//! What became of a delivery, remembered beside its state: since when it is
//! so, and what somebody was told of it already.
//!
//! The key invariant: what passes by itself, such as a server that does not
//! answer, changes nothing that is remembered. It neither hides a failure nor
//! sets back the clock of a silence.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::alert::Reason;
use super::record_file::{self, Versioned};
use crate::model::delivery::Outcome;
use crate::model::excerpt::excerpt_of;
use crate::model::{ExitCode, Explain, Secret, rfc3339, seconds_of_moment};
use crate::store::StoreError;

/// The version of the format.
const VERSION: u32 = 1;
/// Largest file.
const OUTCOME_BYTES: usize = 64 << 10;
/// Longest text of a generator that is passed on, in characters.
const TEXT_CHARS: usize = 400;
const SECONDS_PER_DAY: u64 = 86_400;

/// What became of a delivery, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "text", rename_all = "kebab-case")]
pub enum Fate {
    /// It has not been delivered, or not to its end.
    Unfinished,
    /// Nobody has decided.
    Pending,
    /// Published.
    Succeeded,
    /// Somebody must act; the text says what.
    NeedsAction(String),
    /// It was refused.
    Failed(String),
    /// It cannot be told for a passing reason.
    Retryable(String),
    /// Nobody can tell, and the text says why.
    Unknown(String),
}

impl Fate {
    /// What a generator says, in words that fit on a line, and without a secret
    /// that the other side may have repeated.
    pub fn told(outcome: &Outcome, secret: Option<&Secret>) -> Self {
        let scrub = |text: &str| secret.map_or_else(|| text.to_owned(), |secret| secret.scrub(text));
        let clean = |text: &str| excerpt_of(&scrub(text.trim()), TEXT_CHARS);
        match outcome {
            Outcome::Pending => Self::Pending,
            Outcome::Succeeded => Self::Succeeded,
            Outcome::NeedsAction(text) => Self::NeedsAction(clean(text)),
            Outcome::Retryable(text) => Self::Retryable(clean(text)),
            Outcome::Failed(text) => Self::Failed(clean(text)),
            Outcome::Other(text) => Self::Unknown(clean(text)),
        }
    }

    /// Its name, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::NeedsAction(_) => "needs action",
            Self::Failed(_) => "failed",
            Self::Retryable(_) => "not known now",
            Self::Unknown(_) => "not known",
        }
    }

    /// What there is to say about it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Unfinished | Self::Pending | Self::Succeeded => None,
            Self::NeedsAction(text) | Self::Retryable(text) | Self::Failed(text) | Self::Unknown(text) => Some(text),
        }
    }

    fn is_passing(&self) -> bool {
        matches!(self, Self::Retryable(_) | Self::Unknown(_))
    }
}

/// What somebody was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Alerted {
    /// Why.
    pub reason: Reason,
    /// In which words.
    pub detail: String,
}

/// What is remembered of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Remembered {
    v: u32,
    /// SHA-256 of what was delivered, as in its state.
    delivery: String,
    /// What the submission is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// What became of it. Never one that passes by itself.
    outcome: Fate,
    /// When this was first seen, as RFC 3339; what is pending is so since it
    /// was delivered.
    since: String,
    /// What was last told of it, and is still so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alerted: Option<Alerted>,
}

/// A delivery as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// SHA-256 of what was delivered.
    pub delivery: &'a str,
    /// What the submission is called.
    pub reference: Option<&'a str>,
    /// What became of it.
    pub fate: &'a Fate,
    /// When it was delivered, as far as that is known.
    pub delivered: Option<&'a str>,
    /// The moment, in seconds since 1970.
    pub now: u64,
}

/// Why an outcome cannot be remembered.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not a file of this engine, or of a later one.
    #[error("the outcome {} cannot be understood: {why}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Explain for OutcomeError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Shape { .. } => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Shape { .. } => Some("move it away: it is written anew, and what it says is told again".into()),
        }
    }
}

impl Versioned for Remembered {
    const VERSION: u32 = VERSION;
    const MOST_BYTES: usize = OUTCOME_BYTES;

    fn version(&self) -> u32 {
        self.v
    }
}

impl Remembered {
    /// The file of a delivery, by its position from 0.
    pub fn path(folder: &Path, position: usize) -> PathBuf {
        folder.join(format!("{}.outcome.json", position + 1))
    }

    /// Reads the file; none where there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, OutcomeError> {
        record_file::read(path, |path, why| OutcomeError::Shape { path, why })
    }

    /// Replaces the file, and returns once it is on disk.
    pub fn write(&self, path: &Path) -> Result<(), OutcomeError> {
        Ok(record_file::write(path, self)?)
    }

    /// Whether it is about this very submission.
    pub fn is_of(&self, delivery: &str, reference: Option<&str>) -> bool {
        self.delivery == delivery && self.reference.as_deref() == reference
    }

    /// What became of it.
    pub fn outcome(&self) -> &Fate {
        &self.outcome
    }

    /// Since when, as RFC 3339.
    pub fn since(&self) -> &str {
        &self.since
    }

    /// What is to be remembered from now on.
    pub fn next(before: Option<&Self>, seen: Sighting<'_>) -> Self {
        let before = before.filter(|before| before.is_of(seen.delivery, seen.reference));
        let outcome = match before {
            _ if !seen.fate.is_passing() => seen.fate.clone(),
            Some(before) => before.outcome.clone(),
            None => Fate::Pending,
        };
        let stays = before.filter(|before| before.outcome == outcome);
        let begun = seen.delivered.filter(|_| before.is_none() && outcome == Fate::Pending);
        let begun = begun.filter(|moment| seconds_of_moment(moment).is_some_and(|moment| moment <= seen.now));
        let since = stays.map(|before| before.since.clone()).or_else(|| begun.map(str::to_owned));
        Self {
            v: VERSION,
            delivery: seen.delivery.to_owned(),
            reference: seen.reference.map(str::to_owned),
            outcome,
            since: since.unwrap_or_else(|| rfc3339(seen.now)),
            alerted: before.and_then(|before| before.alerted.clone()),
        }
    }

    /// What somebody should look at, if anything: bad news, or none for so many
    /// days.
    pub fn concern(&self, silence_days: u64, now: u64) -> Option<Alerted> {
        let of = |reason, detail: &str| Some(Alerted { reason, detail: detail.to_owned() });
        match &self.outcome {
            Fate::Failed(text) => of(Reason::Failed, text),
            Fate::NeedsAction(text) => of(Reason::NeedsAction, text),
            Fate::Unfinished => of(Reason::Unfinished, "it has not been delivered to its end"),
            Fate::Pending => {
                let quiet = now.saturating_sub(seconds_of_moment(&self.since).unwrap_or(now));
                let is_silent = quiet / SECONDS_PER_DAY >= silence_days;
                let days = if silence_days == 1 { "a day".to_owned() } else { format!("{silence_days} days") };
                let silent = || of(Reason::Silent, &format!("nothing has changed for {days} or longer"));
                is_silent.then(silent).flatten()
            }
            Fate::Succeeded | Fate::Retryable(_) | Fate::Unknown(_) => None,
        }
    }

    /// Whether somebody has been told already.
    pub fn is_told(&self, concern: &Alerted) -> bool {
        self.alerted.as_ref() == Some(concern)
    }

    /// Remembers what somebody was told; nothing, once there is no concern any
    /// more, so that its return is news.
    pub fn set_told(&mut self, concern: Option<Alerted>) {
        self.alerted = concern;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = SECONDS_PER_DAY;
    const NOW: u64 = 20_000 * DAY;

    fn seen(fate: &Fate, now: u64) -> Sighting<'_> {
        Sighting { delivery: "ab", reference: Some("r"), fate, delivered: Some("2024-09-01T00:00:00Z"), now }
    }

    #[test]
    fn a_silence_counts_from_the_delivery_and_from_every_change() {
        let first = Remembered::next(None, seen(&Fate::Pending, NOW));
        assert_eq!(first.since(), "2024-09-01T00:00:00Z");
        assert_eq!(first.concern(7, NOW).expect("long silent").reason, Reason::Silent);
        let asked = Fate::NeedsAction("sign".into());
        let second = Remembered::next(Some(&first), seen(&asked, NOW));
        assert_eq!((second.since(), second.concern(7, NOW)), (&*rfc3339(NOW), Some(told(&asked))));
        let third = Remembered::next(Some(&second), seen(&Fate::Pending, NOW + DAY));
        assert_eq!((third.since(), third.concern(7, NOW + 7 * DAY)), (&*rfc3339(NOW + DAY), None));
        assert!(third.concern(7, NOW + 8 * DAY).is_some());
        // Another submission has a clock of its own.
        let other = Sighting { reference: Some("other"), delivered: None, ..seen(&Fate::Pending, NOW) };
        assert_eq!(Remembered::next(Some(&third), other).since(), rfc3339(NOW));
    }

    fn told(fate: &Fate) -> Alerted {
        Alerted { reason: Reason::NeedsAction, detail: fate.text().expect("a text").into() }
    }

    #[test]
    fn what_passes_changes_nothing() {
        let failed = Remembered::next(None, seen(&Fate::Failed("closed".into()), NOW));
        for passing in [Fate::Retryable("502".into()), Fate::Unknown("no token".into())] {
            let next = Remembered::next(Some(&failed), seen(&passing, NOW + DAY));
            assert_eq!(next, failed);
            let first = Remembered::next(None, seen(&passing, NOW));
            assert_eq!((first.outcome(), first.since()), (&Fate::Pending, "2024-09-01T00:00:00Z"));
        }
    }

    #[test]
    fn a_moment_to_come_is_not_believed() {
        let pending = Sighting { delivered: Some("2100-01-01T00:00:00Z"), ..seen(&Fate::Pending, NOW) };
        assert_eq!(Remembered::next(None, pending).since(), rfc3339(NOW));
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = Remembered::path(folder.path(), 0);
        assert_eq!(Remembered::read(&path).expect("none"), None);
        let mut remembered = Remembered::next(None, seen(&Fate::NeedsAction("x".into()), NOW));
        remembered.set_told(remembered.concern(7, NOW));
        remembered.write(&path).expect("writable");
        assert_eq!(Remembered::read(&path).expect("readable"), Some(remembered));
        std::fs::write(&path, "{}").expect("writable");
        assert!(matches!(Remembered::read(&path), Err(OutcomeError::Shape { .. })));
    }
}
