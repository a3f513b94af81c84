//! How long does a user wait, beside curl, aria2 and axel doing the same?
//!
//! Whole processes, on loopback, with files in memory. They run in turn,
//! A B C A B C, so that a busy moment hits all alike; a figure is the median of
//! its runs; what a run leaves is compared with what was served by SHA-256.
//!
//! ```console
//! $ cargo bench --bench download                              # every scenario
//! $ cargo bench --bench download -- relay small --runs 3      # two of them
//! ```
//!
//! It needs nginx, and names the peers that are not installed.

mod contestant;
mod measure;
mod relay;
mod report;
mod scenario;
mod stage;

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Parser;

use measure::run;
use report::{Outcome, Row};
use scenario::{Name, Scenario};
use stage::Stage;

/// How long does a user wait, beside curl, aria2 and axel doing the same?
#[derive(Debug, Parser)]
struct Args {
    /// Scenarios to run; all of them where none is named
    #[arg(value_enum)]
    scenarios: Vec<Name>,
    /// Runs of each contestant
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Also write every figure as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let names = if args.scenarios.is_empty() { Name::ALL.to_vec() } else { args.scenarios };
    let mut outcomes = Vec::new();
    for name in names {
        let stage = Stage::new();
        let outcome = play(&name.prepare(&stage), &stage, args.runs);
        writeln!(io::stdout(), "{outcome}")?;
        outcomes.push(outcome);
    }
    match args.json {
        Some(path) => std::fs::write(path, report::json(&outcomes)),
        None => Ok(()),
    }
}

/// Lets every contestant run once, then every one again.
fn play(scenario: &Scenario, stage: &Stage, runs: u32) -> Outcome {
    let mut rows: Vec<Row> = scenario.contestants.iter().map(Row::new).collect();
    for _ in 0..runs {
        for (contestant, row) in scenario.contestants.iter().zip(&mut rows) {
            if row.failure.is_none() {
                row.add(run(contestant, stage));
            }
        }
    }
    let figures = (scenario.verdict)(&rows);
    Outcome { name: scenario.name, title: scenario.title.clone(), rows, figures }
}
