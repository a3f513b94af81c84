//! Why nothing of a release was published.

use super::artifact::ArtifactError;
use super::gate::GateError;
use super::intake::IntakeError;
use super::run::ChannelError;
use crate::model::{ExitCode, Explain};

/// Why nothing of a release, or nothing to one channel, was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The release cannot be read.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// An artifact cannot be published.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The public gets something else, or nothing.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A channel goes no further.
    #[error("the channel `{name}` failed")]
    Channel {
        /// Its name.
        name: String,
        /// Why.
        source: Box<ChannelError>,
    },
}

impl PublishError {
    fn explained(&self) -> &dyn Explain {
        match self {
            Self::Intake(error) => error,
            Self::Artifact(error) => error,
            Self::Gate(error) => error,
            Self::Channel { source, .. } => source.as_ref(),
        }
    }
}

impl Explain for PublishError {
    fn exit_code(&self) -> ExitCode {
        self.explained().exit_code()
    }

    fn hint(&self) -> Option<String> {
        self.explained().hint()
    }
}
