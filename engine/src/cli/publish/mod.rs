//! `turbo-engine publish`: from a release to the package managers.

mod channels;
mod check;
mod deliver;
mod delivery_file;
mod git_options;
mod loaded;
mod pack;
mod push;
mod release;
mod report;
mod secrets;
mod sign;
mod signer;
mod state_files;
mod status;
mod verify_audit;

use clap::{Args, Subcommand};

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
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct PublishArgs {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    release: ReleaseArgs,
}

/// A single step, for what was not generated here.
#[derive(Debug, Subcommand)]
enum Step {
    Check(check::CheckArgs),
    Pack(pack::PackArgs),
    Sign(sign::SignArgs),
    Push(push::PushArgs),
    Deliver(deliver::DeliverArgs),
    Status(status::StatusArgs),
    VerifyAudit(verify_audit::VerifyAuditArgs),
}

impl PublishArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        match &self.step {
            None => self.release.flags(),
            Some(Step::Push(args)) => args.flags(),
            Some(Step::Deliver(args)) => args.flags(),
            Some(Step::Status(args)) => args.flags(),
            Some(Step::Check(_) | Step::Pack(_) | Step::Sign(_) | Step::VerifyAudit(_)) => Vec::new(),
        }
    }
}

/// Runs the verb.
pub(super) fn run(args: &PublishArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    match &args.step {
        None => return release::run(&args.release, settings, output),
        Some(Step::Check(args)) => return check::run(args, output),
        Some(Step::Status(args)) => return status::run(args, settings, output),
        Some(Step::Pack(args)) => pack::run(args, output)?,
        Some(Step::Sign(args)) => sign::run(args, output)?,
        Some(Step::Push(args)) => push::run(args, settings, output)?,
        Some(Step::Deliver(args)) => deliver::run(args, settings, output)?,
        Some(Step::VerifyAudit(args)) => verify_audit::run(args, output)?,
    }
    Ok(ExitCode::Done)
}
