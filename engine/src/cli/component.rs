//! `turbo-engine component`: what authors and keepers of components run.

mod build;

use std::io::{self, Write};

use clap::{Args, Subcommand};

use self::build::BuildArgs;
use crate::component::build::BuildError;
use crate::model::{ExitCode, Explain};

/// Builds components.
#[derive(Debug, Args)]
pub struct ComponentArgs {
    #[command(subcommand)]
    command: ComponentCommand,
}

#[derive(Debug, Subcommand)]
enum ComponentCommand {
    Build(BuildArgs),
}

/// Runs the verb. Data goes to `out`: one line for each component.
pub fn run(args: &ComponentArgs, json: bool, out: &mut dyn Write) -> Result<(), ComponentError> {
    match &args.command {
        ComponentCommand::Build(args) => build::run(args, json, out),
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
