//! `turbo-engine completions` and `turbo-engine man`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::error::CliError;
use super::output::Output;
use crate::model::ExitCode;

/// Print the completion script of a shell.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints a completion script.
pub(super) fn run(args: CompletionsArgs, output: &Output) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "turbo-engine", &mut script);
    output.verbatim(&script)?;
    Ok(ExitCode::Done)
}

/// Prints the manual page, each verb's behind the program's own.
pub(super) fn man(output: &Output) -> Result<ExitCode, CliError> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    render(&command, &mut page)?;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        render(verb, &mut page)?;
    }
    output.verbatim(&page)?;
    Ok(ExitCode::Done)
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> Result<(), CliError> {
    clap_mangen::Man::new(command.clone()).render(page).map_err(CliError::Stdout)
}
