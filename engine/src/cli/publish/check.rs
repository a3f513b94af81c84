//! `turbo-engine publish check`: lints manifests, whoever wrote them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::output::{Output, json_line};
use crate::cli::units::show_count;
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::{Diagnostic, Position, Severity};
use crate::model::{ExitCode, visible};
use crate::publish::Manager;
use crate::publish::check::{self, MOST_FILE_BYTES, line_of};
use crate::store::{GatherLimits, gather, read_start};

const LIMITS: GatherLimits = GatherLimits { depth: 16, files: 20_000, file_bytes: MOST_FILE_BYTES };

/// Characters of a line that are shown around a finding.
const SHOWN_COLUMNS: usize = 100;

/// Check manifests of winget, Scoop, Chocolatey and Homebrew, whoever wrote them
///
/// A folder is searched for manifests; the files of one winget version, and a
/// nuspec with what lies beside it, are checked together. Nothing is fetched
/// and nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 no errors; 2 nothing to check; 6 verification failed: errors, or what --deny \
                        names;\n7 a path that cannot be read.")]
pub(super) struct CheckArgs {
    /// Files and folders
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Package manager, instead of telling it from the files: winget, scoop, chocolatey or homebrew
    #[arg(long, value_name = "NAME", value_parser = Manager::from_str)]
    manager: Option<Manager>,
    /// Fail when there are findings of this severity, too
    #[arg(long, value_enum, value_name = "SEVERITY")]
    deny: Option<Denied>,
    /// Show notes as well: how the manager's own tools would have written it
    #[arg(long)]
    notes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// It may be published, but somebody should look
    Warnings,
    /// Advice
    Notes,
}

impl CheckArgs {
    /// The least severity that fails.
    fn failing(&self) -> Severity {
        match self.deny {
            None => Severity::Error,
            Some(Denied::Warnings) => Severity::Warning,
            Some(Denied::Notes) => Severity::Note,
        }
    }

    fn shows(&self, severity: Severity) -> bool {
        severity > Severity::Note || self.notes || self.deny == Some(Denied::Notes)
    }
}

/// Runs the verb.
pub(super) fn run(args: &CheckArgs, output: &Output) -> Result<ExitCode, CliError> {
    let files = read(args)?;
    if files.is_empty() {
        let hint = "name a folder of a winget version, a bucket, a .nuspec or a .rb; --manager NAME takes a file as \
                    what it is";
        return Err(CliError::usage("no manifest was found", hint));
    }
    let mut counts = [0; 3];
    let mut failing = 0;
    let mut text = String::new();
    for (manager, files) in &files {
        let by_path: BTreeMap<&str, &[u8]> =
            files.iter().map(|file| (file.path.as_str(), file.content.as_slice())).collect();
        for finding in check::check(*manager, files) {
            counts[finding.severity as usize] += 1;
            failing += usize::from(finding.severity >= args.failing());
            if output.json {
                text += &finding_json(*manager, &finding);
            } else if args.shows(finding.severity) {
                text += &finding_text(&finding, &by_path);
            }
        }
    }
    output.data(&text)?;
    summarise(args, output, &files, counts)?;
    if failing > 0 { Err(CliError::Findings(failing)) } else { Ok(ExitCode::Done) }
}

/// What is to be checked, by manager.
fn read(args: &CheckArgs) -> Result<BTreeMap<Manager, Vec<OutputFile>>, CliError> {
    let mut found: BTreeMap<Manager, Vec<OutputFile>> = BTreeMap::new();
    for path in &args.paths {
        let files = if path.is_dir() { files_below(path, LIMITS)? } else { with_companions(path)? };
        for (manager, mut files) in check::sort(files, args.manager) {
            let known = found.entry(manager).or_default();
            known.append(&mut files);
        }
    }
    // A file that was named twice is checked once.
    for files in found.values_mut() {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files.dedup_by(|one, other| one.path == other.path);
    }
    Ok(found)
}

/// A file, and those that make sense of it only together.
fn with_companions(path: &Path) -> Result<Vec<OutputFile>, CliError> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let folder = path.parent().unwrap_or(Path::new(""));
    let own = slashed(path);
    // Before the folder, so that a path that is not there is told as it was named.
    let content = read_start(path, MOST_FILE_BYTES)?;
    match extension.as_deref() {
        Some("yaml" | "yml") => files_below(folder, GatherLimits { depth: 0, ..LIMITS }),
        Some("nuspec") => {
            let mut files = files_below(folder, LIMITS)?;
            files.retain(|file| file.path == own || !file.path.to_ascii_lowercase().ends_with(".nuspec"));
            Ok(files)
        }
        _ => Ok(vec![OutputFile { path: own, content }]),
    }
}

fn files_below(folder: &Path, limits: GatherLimits) -> Result<Vec<OutputFile>, CliError> {
    let files = gather(folder, has_rules, limits)?;
    Ok(files.into_iter().map(|file| OutputFile { path: slashed(&file.path), content: file.content }).collect())
}

/// Whether the content of a file matters.
fn has_rules(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    matches!(extension.as_deref(), Some("yaml" | "yml" | "json" | "nuspec" | "rb" | "ps1" | "psm1"))
}

/// A path as deliveries have it.
fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}

fn finding_json(manager: Manager, finding: &Diagnostic) -> String {
    json_line(&json!({
        "v": 1, "event": "finding", "manager": manager.name(), "severity": finding.severity, "code": finding.code,
        "file": finding.file, "pointer": finding.pointer, "line": finding.position.map(|at| at.line),
        "column": finding.position.map(|at| at.column), "message": finding.message, "help_url": finding.help_url,
        "suggestion": finding.suggestion,
    }))
}

/// A finding as compilers print them.
fn finding_text(finding: &Diagnostic, files: &BTreeMap<&str, &[u8]>) -> String {
    let file = finding.file.as_deref().unwrap_or_default();
    let place = finding.position.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
    let (severity, code) = (finding.severity, &finding.code);
    let mut text = format!("{}{place}: {severity}[{code}]: {}\n", tame(file), tame(&finding.message));
    let mut margin = 1;
    if let Some(at) = finding.position {
        let content = files.get(file).copied().unwrap_or_default();
        if let Some(line) = str::from_utf8(content).ok().and_then(|content| line_of(content, at.line)) {
            margin = at.line.to_string().len();
            text += &excerpt_text(line, at, margin);
        }
    }
    for (what, value) in [("write", &finding.suggestion), ("help", &finding.help_url)] {
        if let Some(value) = value {
            // A string takes any write.
            let _ = writeln!(text, " {:margin$} = {what}: {}", "", tame(value));
        }
    }
    text
}

/// A line with a caret below its column, cut to what is around that.
fn excerpt_text(line: &str, at: Position, margin: usize) -> String {
    let column = at.column.saturating_sub(1) as usize;
    let first = if column > SHOWN_COLUMNS * 3 / 4 { column - SHOWN_COLUMNS / 2 } else { 0 };
    let shown: String = line.chars().skip(first).take(SHOWN_COLUMNS).collect();
    // An escape is wider than what it stands in for.
    let before = tame(&shown.chars().take(column - first).collect::<String>()).chars().count();
    let (line, empty) = (at.line, "");
    format!(" {line} | {}\n {empty:margin$} | {empty:before$}^\n", tame(shown.trim_end()))
}

/// Foreign text, of which nothing may drive a terminal or show another line
/// than there is.
fn tame(text: &str) -> String {
    visible(&text.replace('\t', " ")).into_owned()
}

fn summarise(
    args: &CheckArgs,
    output: &Output,
    files: &BTreeMap<Manager, Vec<OutputFile>>,
    counts: [usize; 3],
) -> Result<(), CliError> {
    let [notes, warnings, errors] = counts;
    let number = files.values().map(Vec::len).sum();
    if output.json {
        return output.json(&json!({
            "v": 1, "event": "checked", "files": number, "errors": errors, "warnings": warnings, "notes": notes,
        }));
    }
    let managers: Vec<&str> = files.keys().map(|manager| manager.name()).collect();
    let [errors, warnings, shown] =
        [(errors, "error"), (warnings, "warning"), (notes, "note")].map(|(count, what)| show_count(count, what));
    let more = if notes > 0 && !args.shows(Severity::Note) { " (--notes shows them)" } else { "" };
    output.note(&format!(
        "{} of {}: {errors}, {warnings}, {shown}{more}",
        show_count(number, "file"),
        managers.join(", ")
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_what_is_around_its_column() {
        let at = |column| Position { line: 7, column };
        assert_eq!(excerpt_text("a\tb\u{1b}", at(3), 1), " 7 | a b\\u{1b}\n   |   ^\n");
        let long = format!("{}x{}", "a".repeat(500), "b".repeat(500));
        let text = excerpt_text(&long, at(501), 1);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find('x'), lines[1].find('^'));
        assert!(lines[0].len() < 120);
    }
}
