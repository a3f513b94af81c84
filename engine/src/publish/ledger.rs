//! The two records of a delivery, kept in step: the audit log, which is for
//! people, and the state file, which is for the next run.
//!
//! The key invariant: a line of the log and then the state are on disk before
//! an effect is tried, and again after it. A kill between effect and record
//! leaves "intended", and whoever resumes looks before it leaps.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::audit::{AuditError, AuditLog, Entry, What};
use super::deliver::Submission;
use super::state::{Earlier, EffectState, Progress, Scope, State, StateError};
use crate::model::release::Pairs;
use crate::model::{ExitCode, Explain, rfc3339};

/// Why nothing could be recorded. What was about to be done was not done.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// A dry run came to an effect. This is a bug, and the effect is not
    /// performed.
    #[error("a dry run performs nothing, and was about to: {0}")]
    Rehearsal(String),
}

impl Explain for LedgerError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Audit(error) => error.exit_code(),
            Self::State(error) => error.exit_code(),
            Self::Rehearsal(_) => ExitCode::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Audit(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Rehearsal(_) => None,
        }
    }
}

/// An effect that is about to be tried.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// Its name, unique within the channel.
    pub effect: &'a str,
    /// What it changes, without credentials.
    pub target: &'a str,
    /// Digests of what is sent, as `ALGORITHM:HEX`.
    pub digests: &'a [String],
    /// What it takes to try it again in the same way.
    pub facts: &'a [(&'a str, &'a str)],
}

/// The records of one delivery.
#[derive(Debug)]
pub struct Ledger<'a> {
    /// None in a rehearsal, whose effects all fail for lack of a record.
    audit: Option<&'a AuditLog>,
    path: PathBuf,
    state: State,
}

impl<'a> Ledger<'a> {
    /// Opens the records; nothing is written yet.
    pub fn open(audit: &'a AuditLog, path: PathBuf, scope: Scope, earlier: Earlier) -> Result<Self, StateError> {
        let state = State::open(&path, scope, earlier)?;
        Ok(Self { audit: Some(audit), path, state })
    }

    /// Records that take nothing, for a dry run: no effect gets past them.
    pub fn rehearsal(scope: Scope) -> Self {
        Self { audit: None, path: PathBuf::new(), state: State::new(scope) }
    }

    /// What the delivery came to, when an earlier run brought it to its end.
    pub fn submission(&self) -> Option<&Submission> {
        self.state.submission.as_ref()
    }

    /// An effect that was tried before.
    pub fn effect(&self, name: &str) -> Option<&EffectState> {
        self.state.effect(name)
    }

    /// How far an effect has come.
    pub fn progress(&self, name: &str) -> Option<Progress> {
        self.effect(name).map(|effect| effect.progress)
    }

    /// What is delivered, as SHA-256 in hexadecimal.
    pub fn delivery(&self) -> &str {
        &self.state.scope.delivery
    }

    /// Records what is about to be tried.
    pub fn intend(&mut self, intent: &Intent<'_>) -> Result<(), LedgerError> {
        let entry = Entry { digests: intent.digests, ..Entry::default() };
        self.tell(What::Intent, (intent.effect, intent.target), &entry)?;
        let facts: Pairs = intent.facts.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let known = self.state.effects.iter_mut().find(|known| known.effect == intent.effect);
        let fresh = EffectState {
            effect: intent.effect.into(),
            target: intent.target.into(),
            progress: Progress::Intended,
            reference: None,
            facts,
        };
        match known {
            Some(known) => *known = fresh,
            None => self.state.effects.push(fresh),
        }
        self.save()
    }

    /// Records that the other side has done it.
    pub fn performed(&mut self, effect: &str, reference: &str) -> Result<(), LedgerError> {
        self.settle(effect, (What::Performed, Progress::Performed), reference)
    }

    /// Records that the other side shows it.
    pub fn confirmed(&mut self, effect: &str, reference: &str) -> Result<(), LedgerError> {
        self.settle(effect, (What::Confirmed, Progress::Confirmed), reference)
    }

    /// Records that it was there already.
    pub fn found(&mut self, (effect, target): (&str, &str), reference: &str) -> Result<(), LedgerError> {
        if self.effect(effect).is_none() {
            self.state.effects.push(EffectState {
                effect: effect.into(),
                target: target.into(),
                progress: Progress::Intended,
                reference: None,
                facts: Vec::new(),
            });
        }
        self.settle(effect, (What::Found, Progress::Confirmed), reference)
    }

    /// Records that it failed, and why. It stays intended: an answer that got
    /// lost may have been a good one.
    pub fn failed(&mut self, effect: &str, why: &str) -> Result<(), LedgerError> {
        let target = self.effect(effect).map(|known| known.target.clone()).unwrap_or_default();
        let entry = Entry { detail: Some(why), ..Entry::default() };
        self.tell(What::Failed, (effect, &target), &entry)?;
        self.save()
    }

    /// Records what the delivery came to.
    pub fn conclude(&mut self, submission: &Submission) -> Result<(), LedgerError> {
        self.state.submission = Some(submission.clone());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.state.delivered = Some(rfc3339(now.as_secs()));
        self.save()
    }

    fn settle(&mut self, effect: &str, (what, progress): (What, Progress), reference: &str) -> Result<(), LedgerError> {
        let target = self.effect(effect).map(|known| known.target.clone()).unwrap_or_default();
        let entry = Entry { reference: Some(reference), ..Entry::default() };
        self.tell(what, (effect, &target), &entry)?;
        if let Some(known) = self.state.effects.iter_mut().find(|known| known.effect == effect) {
            known.progress = progress;
            known.reference = Some(reference.to_owned());
        }
        self.save()
    }

    fn tell(&mut self, what: What, (effect, target): (&str, &str), entry: &Entry<'_>) -> Result<(), LedgerError> {
        let Some(audit) = self.audit else { return Err(LedgerError::Rehearsal(format!("{effect} {target}"))) };
        let Scope { release, channel, .. } = &self.state.scope;
        let entry = Entry { release, channel, effect, target, ..entry.clone() };
        self.state.audit = Some(audit.append(what, &entry)?);
        Ok(())
    }

    fn save(&self) -> Result<(), LedgerError> {
        Ok(self.state.write(&self.path)?)
    }
}
