//! `turbo-engine publish`: from a release to the package managers.

mod release;
mod report;

use clap::Args;

use super::error::CliError;
use super::output::Output;
use super::settings::{Flag, Settings};
use crate::model::ExitCode;
use release::ReleaseArgs;

/// Bring a release to package managers
///
/// The release is read, its artifacts are hashed and looked into, and every
/// public URL is fetched and compared. Then each channel's generator, a
/// sandboxed component, proposes what to deliver; what it proposes is held
/// against the release before anything has an effect. A channel that fails
/// stops no other.
#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    #[command(flatten)]
    release: ReleaseArgs,
}

impl PublishArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.release.flags()
    }
}

/// Runs the verb.
pub(super) fn run(args: &PublishArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    release::run(&args.release, settings, output)
}
