//! `turbo-engine publish`: what is done with a release.

mod pack;
mod push;
mod sign;

use clap::{Args, Subcommand};

use self::pack::PackArgs;
use self::push::PushArgs;
use self::sign::SignArgs;
use super::error::CliError;
use super::output::Output;
use super::settings::{Flag, Settings};
use crate::model::ExitCode;

/// Pack, sign and push what is released.
#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    #[command(subcommand)]
    command: PublishCommand,
}

#[derive(Debug, Subcommand)]
enum PublishCommand {
    Pack(PackArgs),
    Push(PushArgs),
    Sign(SignArgs),
}

impl PublishArgs {
    /// Settings given on the command line.
    pub(super) fn flags(&self) -> Vec<Flag> {
        match &self.command {
            PublishCommand::Push(args) => args.flags(),
            PublishCommand::Pack(_) | PublishCommand::Sign(_) => Vec::new(),
        }
    }
}

/// Runs the verb.
pub(super) fn run(args: &PublishArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    match &args.command {
        PublishCommand::Pack(args) => pack::run(args, output)?,
        PublishCommand::Push(args) => push::run(args, settings, output)?,
        PublishCommand::Sign(args) => sign::run(args, output)?,
    }
    Ok(ExitCode::Done)
}
