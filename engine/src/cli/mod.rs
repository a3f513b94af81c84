//! The command line: parses, prints, reads the environment, decides the exit.
//!
//! Alone among the modules it prints and reads the environment. Data goes to
//! standard output, everything else to standard error; a closed standard
//! output is a way to stop, not a failure.

mod batch;
mod cache;
mod completions;
mod component;
mod config;
mod doctor;
mod download;
mod engine;
mod error;
mod hosts;
mod jobs;
mod output;
mod progress;
mod publish;
mod registry;
mod resolve;
mod secrets;
mod settings;
mod signals;
mod stats;
mod units;

use std::ffi::OsString;
use std::process::ExitCode as ProcessExit;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::ExitCode;
use error::CliError;
use output::Output;
use settings::Settings;

/// Downloads over many connections and mirrors at once, and states what was proven of the bytes.
#[derive(Debug, Parser)]
#[command(
    name = "turbo-engine",
    version,
    propagate_version = true,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 some jobs failed, 4 network, 5 refused by the server,\n6 verification failed, 7 local file or disk, 8 component, 9 interrupted (resumable), 70 a bug."
)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    verb: Verb,
}

/// Options that every verb takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
struct GlobalArgs {
    /// Print one JSON object or event a line to standard output
    #[arg(long, global = true)]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    color: Option<ColorChoice>,
    /// How to show progress
    #[arg(long, global = true, value_enum, value_name = "HOW")]
    progress: Option<ProgressChoice>,
    /// Configuration file instead of the user's
    #[arg(long, global = true, value_name = "FILE", env = "TURBO_ENGINE_CONFIG")]
    config: Option<std::path::PathBuf>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProgressChoice {
    /// A bar on a terminal, plain lines elsewhere
    Auto,
    /// A bar
    Bar,
    /// A line now and then
    Plain,
    /// Events as JSON lines on standard error
    Json,
    /// Nothing
    None,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value lives, once")]
enum Verb {
    /// Download files
    Download(download::DownloadArgs),
    /// Show where else a URL's bytes are, by which rule, and in which order they are asked
    Resolve(resolve::ResolveArgs),
    /// Write, build and test components, and install those of others
    Component(component::ComponentArgs),
    /// Bring a release to package managers
    Publish(publish::PublishArgs),
    /// Keep the house of the cache
    Cache(cache::CacheArgs),
    /// Show what all downloads so far came to
    Stats(stats::StatsArgs),
    /// Check what downloads depend on, without using the network
    Doctor(doctor::DoctorArgs),
    /// Show the configuration
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Print the completion script of a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Runs the command line and gives the process's exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ProcessExit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return exit_of_clap(&error),
    };
    let output = Output::new(&cli.global);
    output.start_log();
    let code = match run(cli, &output) {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    };
    ProcessExit::from(code as u8)
}

fn run(cli: Cli, output: &Output) -> Result<ExitCode, CliError> {
    let load = |flags: &[settings::Flag]| Settings::load(cli.global.config.as_deref(), flags);
    match cli.verb {
        Verb::Download(args) => {
            let settings = load(&args.flags())?;
            download::run(&args, &settings, output)
        }
        Verb::Resolve(args) => {
            let settings = load(&args.flags())?;
            resolve::run(&args, &settings, output)
        }
        Verb::Component(args) => {
            let settings = load(&args.flags())?;
            if let Some(verb) = args.registry() {
                return verb.run(&settings, output);
            }
            let stdout = std::io::stdout().lock();
            if output.json {
                component::run(&args, &settings, output.json, &mut { stdout })?;
            } else {
                component::run(&args, &settings, output.json, &mut output::Shown(stdout))?;
            }
            Ok(ExitCode::Done)
        }
        Verb::Publish(args) => publish::run(&args, &load(&args.flags())?, output),
        Verb::Cache(args) => cache::run(&args, &load(&args.flags())?, output),
        Verb::Stats(args) => stats::run(&args, &load(&args.flags())?, output),
        Verb::Doctor(args) => {
            let loaded = load(&args.flags());
            doctor::run(&args, cli.global.config.as_deref(), loaded, output)
        }
        Verb::Config(config::ConfigVerb::Show) => config::show(&load(&[])?, output),
        Verb::Completions(args) => completions::run(args, output),
        Verb::Man => completions::man(output),
    }
}

/// `--help` and `--version` end with 0, a wrong command line with 2.
fn exit_of_clap(error: &clap::Error) -> ProcessExit {
    // A closed output has nobody left to tell.
    let _ = error.print();
    let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
    ProcessExit::from(code as u8)
}
