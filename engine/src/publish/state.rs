//! How far one release has come on one channel: a small file, replaced as a
//! whole after every step.
//!
//! The key invariant: an effect stands here, as intended, before it is tried.
//! Whoever finds it so after a crash asks the other side before trying again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::audit::Head;
use super::deliver::Submission;
use super::record_file::{self, Versioned};
use crate::model::delivery::Delivery;
use crate::model::release::Pairs;
use crate::model::{ExitCode, Explain};
use crate::store::{StoreError, sha256};

/// The version of the format.
const VERSION: u32 = 1;
/// Largest state file.
const STATE_BYTES: usize = 4 << 20;

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not a state file of this engine, or of a later one.
    #[error("the state file {} cannot be understood: {why}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is about something else.
    #[error("the state file {} is about {found}, and this is {wanted}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What it is about.
        found: String,
        /// What is delivered.
        wanted: String,
    },
    /// An earlier run got somewhere, and nobody said to go on.
    #[error("an earlier run has left the state file {}", .0.display())]
    Unfinished(PathBuf),
}

impl Explain for StateError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Shape { .. } | Self::Other { .. } | Self::Unfinished(_) => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::Shape { .. } => "name another one with --state FILE; what was done is in the audit log".into(),
            Self::Other { .. } => "name another one with --state FILE: one file a release and channel".into(),
            Self::Unfinished(_) => "go on where it ended with --resume: what is done already is not done again".into(),
        })
    }
}

/// What a state is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scope {
    /// The release, as `NAME VERSION`.
    pub release: String,
    /// The channel.
    pub channel: String,
    /// SHA-256 of what is delivered, in hexadecimal.
    pub delivery: String,
}

impl Scope {
    /// What a delivery of a release (`NAME VERSION`) to a channel is known by.
    pub fn of(release: &str, channel: &str, delivery: &Delivery) -> Self {
        let canonical = serde_json::to_vec(delivery).expect("texts and bytes serialise");
        Self { release: release.into(), channel: channel.into(), delivery: sha256(&canonical).hex() }
    }
}

/// How far an effect has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It was about to be tried; whether it was done, only the other side knows.
    Intended,
    /// The other side has said that it is done.
    Performed,
    /// The other side was asked again and shows it.
    Confirmed,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EffectState {
    /// Its name, unique within the channel.
    pub effect: String,
    /// What it changes.
    pub target: String,
    /// How far it has come.
    pub progress: Progress,
    /// What the other side calls the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What it takes to try it again in the same way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Pairs,
}

impl EffectState {
    /// A fact by its name.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct State {
    v: u32,
    /// What it is about.
    #[serde(rename = "scope")]
    pub scope: Scope,
    /// The effects, in the order in which they were first tried.
    pub effects: Vec<EffectState>,
    /// What the delivery came to, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<Submission>,
    /// When it was over, as RFC 3339; earlier versions did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<String>,
    /// The last line of the audit log that was written for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Head>,
}

/// What to do with what an earlier run has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It is not expected.
    Refuse,
    /// Go on with it.
    Resume,
}

impl Versioned for State {
    const VERSION: u32 = VERSION;
    const MOST_BYTES: usize = STATE_BYTES;

    fn version(&self) -> u32 {
        self.v
    }
}

impl State {
    /// The state of a delivery that has not begun.
    pub fn new(scope: Scope) -> Self {
        Self { v: VERSION, scope, effects: Vec::new(), submission: None, delivered: None, audit: None }
    }

    /// Reads a state file. None where there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, StateError> {
        record_file::read(path, |path, why| StateError::Shape { path, why })
    }

    /// The state of this delivery: the one that an earlier run left, or a new
    /// one. An earlier one that is over is always taken up, as nothing more
    /// comes of it.
    pub fn open(path: &Path, scope: Scope, earlier: Earlier) -> Result<Self, StateError> {
        let Some(found) = Self::read(path)? else { return Ok(Self::new(scope)) };
        if found.scope != scope {
            let name = |scope: &Scope| {
                format!("{} on {} ({})", scope.release, scope.channel, scope.delivery.get(..12).unwrap_or_default())
            };
            let (found, wanted) = (name(&found.scope), name(&scope));
            return Err(StateError::Other { path: path.to_owned(), found, wanted });
        }
        if earlier == Earlier::Refuse && found.submission.is_none() {
            return Err(StateError::Unfinished(path.to_owned()));
        }
        Ok(found)
    }

    /// Replaces the file, and returns once it is on disk.
    pub fn write(&self, path: &Path) -> Result<(), StateError> {
        Ok(record_file::write(path, self)?)
    }

    /// An effect by its name.
    pub fn effect(&self, name: &str) -> Option<&EffectState> {
        self.effects.iter().find(|effect| effect.effect == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(delivery: &str) -> Scope {
        Scope { release: "tool 1.0".into(), channel: "scoop".into(), delivery: delivery.into() }
    }

    #[test]
    fn a_state_is_taken_up_by_its_own_delivery_alone() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("state.json");
        let state = State::open(&path, scope("ab"), Earlier::Refuse).expect("none there");
        state.write(&path).expect("writable");
        assert_eq!(State::open(&path, scope("ab"), Earlier::Resume).expect("its own"), state);
        let refused = State::open(&path, scope("ab"), Earlier::Refuse);
        assert!(matches!(refused, Err(StateError::Unfinished(_))), "{refused:?}");
        let refused = State::open(&path, scope("cd"), Earlier::Resume);
        assert!(matches!(refused, Err(StateError::Other { .. })), "{refused:?}");
        for text in
            ["", "{}", "[]", &String::from_utf8(std::fs::read(&path).unwrap()).unwrap().replace("\"v\": 1", "\"v\": 2")]
        {
            std::fs::write(&path, text).expect("writable");
            let refused = State::open(&path, scope("ab"), Earlier::Resume);
            assert!(matches!(refused, Err(StateError::Shape { .. })), "{text}: {refused:?}");
        }
    }
}
