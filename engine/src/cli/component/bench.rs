//! `turbo-engine component bench`.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::{ComponentError, SubjectArgs};
use crate::cli::settings::{Settings, cache_dir};
use crate::cli::units::show_bytes;
use crate::component::author::{Bench, BenchReport, Rebuild, bench};

/// Measure what a component costs, beside wasmtime alone
///
/// Asks the first example, else the first case, over and over. Times are
/// medians; `bare` is the same export called without fuel, deadline and limits.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    subject: SubjectArgs,
}

/// Runs the verb: a line for each figure.
pub(super) fn run(
    args: &BenchArgs,
    settings: &Settings,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), ComponentError> {
    let report = bench(&Bench {
        path: args.subject.path().to_owned(),
        rebuild: args.subject.rebuild(Rebuild::Now),
        cache_dir: cache_dir(settings),
        limits: settings.limits.clone(),
    })?;
    if json {
        let mut event = json!(report);
        event["v"] = 1.into();
        event["event"] = "measured".into();
        return Ok(writeln!(out, "{event}")?);
    }
    Ok(out.write_all(to_text(&report).as_bytes())?)
}

fn to_text(report: &BenchReport) -> String {
    let BenchReport { id, kind, question, compile_ms, fresh_us, warm_us, bare_us, fuel, .. } = report;
    let load = report.load_ms.map_or("no cache".to_owned(), |load| format!("{load:.3} ms"));
    let times = warm_us / bare_us;
    format!(
        "{id}, a {kind}, {}, asked `{question}`\n\
         compile      {compile_ms:.1} ms\n\
         from cache   {load}\n\
         fresh call   {fresh_us:.2} us\n\
         warm call    {warm_us:.2} us\n\
         bare call    {bare_us:.2} us by wasmtime alone; the sandbox makes it {times:.2} times that\n\
         fuel         {fuel} a call\n\
         memory       {}\n",
        show_bytes(report.bytes),
        show_bytes(report.memory_bytes)
    )
}
