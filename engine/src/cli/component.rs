//! `turbo-engine component`: what authors and keepers of components run.

mod add;
mod bench;
mod build;
mod change;
mod inspect;
mod list;
mod new;
mod oci;
mod registry;
pub(super) mod sign;
mod sync;
mod test;
mod trust;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::bench::BenchArgs;
use self::build::BuildArgs;
use self::inspect::InspectArgs;
use self::new::NewArgs;
use self::registry::RegistryVerb;
use self::test::TestArgs;
use super::settings::{Flag, Settings};
use crate::component::author::{AuthorError, Rebuild};
use crate::component::build::{BuildError, Messages};
use crate::model::{ExitCode, Explain};

/// Write, build and test components, and install those of others.
#[derive(Debug, Args)]
pub struct ComponentArgs {
    #[command(subcommand)]
    command: ComponentCommand,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value lives, once")]
enum ComponentCommand {
    New(NewArgs),
    Build(BuildArgs),
    Test(TestArgs),
    Bench(BenchArgs),
    Inspect(InspectArgs),
    #[command(flatten)]
    Registry(RegistryVerb),
}

impl ComponentArgs {
    /// The verb, when it is about installed components.
    pub(super) fn registry(&self) -> Option<&RegistryVerb> {
        if let ComponentCommand::Registry(verb) = &self.command { Some(verb) } else { None }
    }

    /// Settings given on the command line.
    pub(super) fn flags(&self) -> Vec<Flag> {
        match &self.command {
            ComponentCommand::New(args) => args.flags(),
            ComponentCommand::Test(args) => args.flags(),
            ComponentCommand::Registry(verb) => verb.flags(),
            _ => Vec::new(),
        }
    }
}

/// Runs the verb. Data goes to `out`.
pub(super) fn run(
    args: &ComponentArgs,
    settings: &Settings,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), ComponentError> {
    match &args.command {
        ComponentCommand::New(args) => new::run(args, settings, json, out),
        ComponentCommand::Build(args) => build::run(args, json, out),
        ComponentCommand::Test(args) => test::run(args, settings, json, out),
        ComponentCommand::Bench(args) => bench::run(args, settings, json, out),
        ComponentCommand::Inspect(args) => inspect::run(args, settings, json, out),
        ComponentCommand::Registry(_) => unreachable!("such verbs run by themselves"),
    }
}

/// A component to work on.
#[derive(Debug, Args)]
struct SubjectArgs {
    /// Folder of a component, which is built first, or a .wasm file
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    path: PathBuf,
    /// Take the component from the folder's dist/ as it is
    #[arg(long)]
    no_build: bool,
}

impl SubjectArgs {
    fn path(&self) -> &Path {
        &self.path
    }

    fn rebuild(&self, how: fn(Messages) -> Rebuild) -> Rebuild {
        if self.no_build { Rebuild::No } else { how(Messages::Keep) }
    }
}

/// Why `component` failed.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// A component was not built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An author's tool did not do what was asked.
    #[error(transparent)]
    Author(#[from] AuthorError),
    /// The result could not be printed.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl Explain for ComponentError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Build(error) => error.exit_code(),
            Self::Author(error) => error.exit_code(),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Done,
            Self::Output(_) => ExitCode::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.hint(),
            Self::Author(error) => error.hint(),
            Self::Output(_) => None,
        }
    }
}
