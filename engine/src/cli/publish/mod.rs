//! `turbo-engine publish`: a release on its way to package managers.

mod deliver;
mod delivery_file;
mod status;
mod verify_audit;

use clap::{Args, Subcommand};

use super::error::CliError;
use super::output::Output;
use super::settings::{Flag, Settings};
use crate::model::ExitCode;

/// Tell package managers of a release
#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    #[command(subcommand)]
    command: PublishCommand,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value lives, once")]
enum PublishCommand {
    Deliver(deliver::DeliverArgs),
    Status(status::StatusArgs),
    VerifyAudit(verify_audit::VerifyAuditArgs),
}

impl PublishArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        match &self.command {
            PublishCommand::Deliver(args) => args.flags(),
            PublishCommand::Status(args) => args.flags(),
            PublishCommand::VerifyAudit(_) => Vec::new(),
        }
    }
}

/// Runs the verb.
pub(super) fn run(args: &PublishArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    match &args.command {
        PublishCommand::Deliver(args) => deliver::run(args, settings, output)?,
        PublishCommand::Status(args) => return status::run(args, settings, output),
        PublishCommand::VerifyAudit(args) => verify_audit::run(args, output)?,
    }
    Ok(ExitCode::Done)
}
