//! `turbo-engine publish`: from a release to the package managers.

mod check;

use clap::{Args, Subcommand};

use super::error::CliError;
use super::output::Output;
use crate::model::ExitCode;

/// Bring a release to package managers
#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    #[command(subcommand)]
    verb: PublishVerb,
}

#[derive(Debug, Subcommand)]
enum PublishVerb {
    Check(check::CheckArgs),
}

/// Runs the verb.
pub(super) fn run(args: &PublishArgs, output: &Output) -> Result<ExitCode, CliError> {
    match &args.verb {
        PublishVerb::Check(args) => check::run(args, output),
    }
}
