//! The verbs of `turbo-engine component` about installed components.

use clap::Subcommand;

use super::add::AddArgs;
use super::change::{NameArgs, PinArgs};
use super::list::ListArgs;
use super::oci::{PullArgs, PushArgs};
use super::sign::SignArgs;
use super::sync::SyncArgs;
use super::trust::TrustArgs;
use super::{add, change, list, oci, sign, sync, trust};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::settings::{Flag, Settings};
use crate::model::ExitCode;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RegistryVerb {
    Add(AddArgs),
    /// List the components that take part: those installed and those built in
    List(ListArgs),
    /// Remove an installed component
    Remove(NameArgs),
    /// Let only certain bytes stand under a name
    Pin(PinArgs),
    /// Let other bytes stand under a name again
    Unpin(NameArgs),
    /// Go back to the version before; twice leads back
    Rollback(NameArgs),
    Sync(SyncArgs),
    /// Look after the keys whose signatures count
    Trust(TrustArgs),
    Sign(SignArgs),
    Pull(PullArgs),
    Push(PushArgs),
}

impl RegistryVerb {
    /// The settings that flags change.
    pub(in crate::cli) fn flags(&self) -> Vec<Flag> {
        match self {
            Self::Add(args) => args.flags(),
            Self::List(args) => args.flags(),
            Self::Remove(args) | Self::Unpin(args) | Self::Rollback(args) => args.flags(),
            Self::Pin(args) => args.flags(),
            Self::Sync(args) => args.flags(),
            Self::Trust(_) | Self::Sign(_) => Vec::new(),
            Self::Pull(args) => args.flags(),
            Self::Push(args) => args.flags(),
        }
    }

    /// Runs the verb.
    pub(in crate::cli) fn run(&self, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
        match self {
            Self::Add(args) => add::run(args, settings, output)?,
            Self::List(_) => list::run(settings, output)?,
            Self::Remove(args) => change::remove(args, settings, output)?,
            Self::Pin(args) => change::pin(args, settings, output)?,
            Self::Unpin(args) => change::unpin(args, settings, output)?,
            Self::Rollback(args) => change::rollback(args, settings, output)?,
            Self::Sync(args) => sync::run(args, settings, output)?,
            Self::Trust(args) => trust::run(args, settings, output)?,
            Self::Sign(args) => sign::run(args, output)?,
            Self::Pull(args) => oci::pull(args, settings, output)?,
            Self::Push(args) => oci::push(args, settings, output)?,
        }
        Ok(ExitCode::Done)
    }
}
