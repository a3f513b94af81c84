//! `turbo-engine component test`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{ComponentError, SubjectArgs};
use crate::cli::settings::{Flag, Settings};
use crate::cli::units::{show_bytes, show_count};
use crate::component::World;
use crate::component::author::{AuthorError, CaseReport, Expectations, Rebuild, Report, Trial, Verdict, test};
use crate::model::PrivateMirrors;

/// Ask a component its examples and cases, under the engine's limits
///
/// The examples are those of its self-test, the cases those in tests/*.toml. A
/// folder is built first, with the names of functions kept for backtraces.
/// Exits 1 when a case fails, or a rule has no examples.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Folder of the cases [default: tests, beside the component]
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Write the answers into the cases, instead of failing them
    #[arg(long)]
    update: bool,
    /// Let candidates be in private networks
    #[arg(long)]
    allow_private_mirrors: bool,
}

impl TestArgs {
    pub(super) fn flags(&self) -> Vec<Flag> {
        let key = "allow-private-mirrors";
        self.allow_private_mirrors.then(|| Flag { key, value: "true".into(), name: key }).into_iter().collect()
    }
}

/// Runs the verb: a line for each case, then one for all.
pub(super) fn run(args: &TestArgs, settings: &Settings, json: bool, out: &mut dyn Write) -> Result<(), ComponentError> {
    let report = test(&Trial {
        path: args.subject.path().to_owned(),
        rebuild: args.subject.rebuild(Rebuild::WithNames),
        cases: args.cases.clone(),
        expectations: if args.update { Expectations::Update } else { Expectations::Compare },
        limits: settings.limits.clone(),
        private_mirrors: if settings.switch("allow-private-mirrors") {
            PrivateMirrors::Allow
        } else {
            PrivateMirrors::Refuse
        },
    })?;
    out.write_all(if json { to_json(&report) } else { to_text(&report) }.as_bytes())?;
    match report.failed() {
        0 if report.untested => {
            let what = if report.kind == World::MirrorRule { "examples" } else { "cases" };
            Err(AuthorError::Untested { id: report.id, what }.into())
        }
        0 => Ok(()),
        failed => Err(AuthorError::Failed { failed, cases: report.cases.len() }.into()),
    }
}

fn to_text(report: &Report) -> String {
    let Report { id, version, kind, bytes, compile_ms, .. } = report;
    let mut text = format!("{id} {version}, a {kind}, {}, compiled in {compile_ms:.0} ms\n", show_bytes(*bytes));
    if !report.grants.is_empty() {
        let asked: Vec<String> = report.grants.iter().map(|(limit, asked)| format!("{limit}={asked}")).collect();
        writeln!(text, "asks for {}, which whoever runs it has to grant", asked.join(" ")).expect("a string takes all");
    }
    for difference in &report.disagreements {
        let (field, manifest, component) = (&difference.field, &difference.manifest, &difference.component);
        writeln!(text, "FAIL  component.toml says `{field}` is {manifest}, the component says {component}")
            .expect("a string takes all");
    }
    report.cases.iter().for_each(|case| text += &case_text(case));
    let of = |verdict| report.cases.iter().filter(|case| case.verdict == verdict).count();
    let updated = match of(Verdict::Updated) {
        0 => String::new(),
        count => format!(", {count} updated"),
    };
    let (cases, passed, failed) = (show_count(report.cases.len(), "case"), of(Verdict::Passed), report.failed());
    writeln!(text, "{cases}: {passed} passed, {failed} failed{updated}").expect("a string takes all");
    text
}

fn case_text(case: &CaseReport) -> String {
    let verdict = match case.verdict {
        Verdict::Passed => "ok   ",
        Verdict::Failed => "FAIL ",
        Verdict::Updated => "new  ",
    };
    let file = case.file.as_ref().map(|file| format!("{}: ", file.display())).unwrap_or_default();
    let mut text = format!(
        "{verdict} {file}{}\n      fuel {} of {}, memory {}, {:.3} ms\n",
        case.name,
        case.fuel,
        case.fuel_limit,
        show_bytes(case.memory_bytes),
        case.milliseconds
    );
    for reason in &case.reasons {
        writeln!(text, "      {reason}").expect("a string takes all");
    }
    text
}

fn to_json(report: &Report) -> String {
    let mut text = String::new();
    for case in &report.cases {
        let event = json!({
            "v": 1,
            "event": "case",
            "file": case.file,
            "name": case.name,
            "verdict": case.verdict,
            "reasons": case.reasons,
            "fuel": case.fuel,
            "fuel_limit": case.fuel_limit,
            "memory_bytes": case.memory_bytes,
            "milliseconds": case.milliseconds,
        });
        writeln!(text, "{event}").expect("a string takes all");
    }
    let event = json!({
        "v": 1,
        "event": "tested",
        "id": report.id,
        "version": report.version,
        "kind": report.kind,
        "sha256": report.sha256,
        "bytes": report.bytes,
        "compile_ms": report.compile_ms,
        "grants": report.grants,
        "disagreements": report.disagreements,
        "cases": report.cases.len(),
        "failed": report.failed(),
        "untested": report.untested,
    });
    writeln!(text, "{event}").expect("a string takes all");
    text
}
