//! `turbo-engine component`: what authors and keepers of components run.

mod add;
mod build;
mod change;
mod list;
mod oci;
mod registry;
mod sign;
mod sync;
mod trust;

use std::io::{self, Write};

use clap::{Args, Subcommand};

use self::build::BuildArgs;
use self::registry::RegistryVerb;
use crate::component::build::BuildError;
use crate::model::{ExitCode, Explain};

/// Build components, and install those of others.
#[derive(Debug, Args)]
pub struct ComponentArgs {
    #[command(subcommand)]
    command: ComponentCommand,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value lives, once")]
enum ComponentCommand {
    Build(BuildArgs),
    #[command(flatten)]
    Registry(RegistryVerb),
}

impl ComponentArgs {
    /// The verb, when it is about installed components.
    pub(super) fn registry(&self) -> Option<&RegistryVerb> {
        match &self.command {
            ComponentCommand::Registry(verb) => Some(verb),
            ComponentCommand::Build(_) => None,
        }
    }
}

/// Runs the verb. Data goes to `out`: one line for each component.
pub fn run(args: &ComponentArgs, json: bool, out: &mut dyn Write) -> Result<(), ComponentError> {
    match &args.command {
        ComponentCommand::Build(args) => build::run(args, json, out),
        ComponentCommand::Registry(_) => unreachable!("such verbs need settings, and run by themselves"),
    }
}

/// Why `component` failed.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// A component was not built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The result could not be printed.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl Explain for ComponentError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Build(error) => error.exit_code(),
            Self::Output(_) => ExitCode::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.hint(),
            Self::Output(_) => None,
        }
    }
}
