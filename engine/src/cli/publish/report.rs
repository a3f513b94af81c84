//! What became of a release, as the user sees it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::channels::Done;
use super::deliver::tell;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::download::reason;
use crate::model::delivery::{Delivery, OutputFile};
use crate::model::diagnostic::Severity;
use crate::model::release::Release;
use crate::model::{ExitCode, rfc3339};
use crate::publish::alert::{Alert, Reason};
use crate::publish::pack::{PackedNupkg, nuspec_name};
use crate::publish::ready::Ready;
use crate::publish::run::Proposal;
use crate::store::write_below;

/// Tells what happens, and remembers what failed.
pub(super) struct Report<'a> {
    output: &'a Output,
    /// What is done to channels, in one word.
    word: &'static str,
    out: Option<PathBuf>,
    release: Option<String>,
    done: usize,
    failed: Vec<CliError>,
}

/// How it all ended.
pub(super) struct Concluded {
    pub(super) code: ExitCode,
    /// The error of the only channel, which nobody has told yet.
    pub(super) error: Option<CliError>,
}

impl<'a> Report<'a> {
    pub(super) fn new(output: &'a Output, word: &'static str, out: Option<PathBuf>) -> Self {
        Self { output, word, out, release: None, done: 0, failed: Vec::new() }
    }

    /// Tells what is released.
    pub(super) fn release(&mut self, release: &Release) -> Result<(), CliError> {
        self.release = Some(format!("{} {}", release.name, release.version));
        if self.output.json {
            return self.output.json(&json!({"v": 1, "event": "release", "release": release}));
        }
        let (name, version, count) = (&release.name, &release.version, release.artifacts.len());
        self.output.note(&format!("{name} {version}: {count} artifact{}", if count == 1 { "" } else { "s" }));
        Ok(())
    }

    /// Tells what became of a channel, and remembers why one failed.
    pub(super) fn channel(&mut self, name: &str, done: Result<Done, CliError>) -> Result<(), CliError> {
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                self.failed.push(error);
                return Ok(());
            }
        };
        self.done += 1;
        match done {
            Done::Shown { ready, effects } => self.shown(name, &ready, effects.as_deref()),
            Done::Delivered { findings, submissions } => {
                if let Some(ready) = findings {
                    self.findings(name, &ready.proposal);
                }
                let release = self.release.as_deref().unwrap_or_default();
                submissions.iter().try_for_each(|submission| tell((release, name), submission, self.output))
            }
        }
    }

    fn findings(&self, name: &str, proposal: &Proposal) {
        for finding in &proposal.diagnostics {
            let text = format!("{name}: {}", finding.line());
            if finding.severity == Severity::Note { self.output.note(&text) } else { self.output.warning(&text) }
        }
    }

    /// Tells what a channel would deliver.
    fn shown(&self, name: &str, ready: &Ready, effects: Option<&str>) -> Result<(), CliError> {
        let proposal = &ready.proposal;
        self.findings(name, proposal);
        let written = self.write(name, ready)?;
        if self.output.json {
            return self.output.json(&json!({
                "v": 1, "event": "proposed", "channel": name, "generator": proposal.generator,
                "deliveries": proposal.deliveries.iter().map(delivery).collect::<Vec<_>>(),
                "diagnostics": proposal.diagnostics, "effects": effects, "written": written,
            }));
        }
        let generator = &proposal.generator;
        self.output.data(&format!("channel {name}, by {} {}\n", generator.id, generator.version))?;
        self.output.data(effects.unwrap_or_default())?;
        written.iter().try_for_each(|path| self.output.data(&format!("  {}\n", path.display())))
    }

    fn write(&self, name: &str, ready: &Ready) -> Result<Vec<PathBuf>, CliError> {
        let Some(out) = &self.out else { return Ok(Vec::new()) };
        let deliveries = &ready.proposal.deliveries;
        let mut written = Vec::new();
        for ((delivery, package), nth) in deliveries.iter().zip(&ready.packages).zip(1..) {
            let folder = out.join(name);
            let folder = if deliveries.len() > 1 { folder.join(nth.to_string()) } else { folder };
            if let Delivery::Nupkg(package) = delivery {
                written.push(write_below(&folder, Path::new(&nuspec_name(package)), package.nuspec.as_bytes())?);
            }
            for OutputFile { path, content } in delivery.files() {
                written.push(write_below(&folder, Path::new(path), content)?);
            }
            if let Some(PackedNupkg { file_name, bytes }) = package {
                written.push(write_below(&folder, Path::new(file_name), bytes)?);
            }
        }
        Ok(written)
    }

    /// What failed, for whoever looks after the release.
    pub(super) fn alerts(&self, now: u64) -> Vec<Alert> {
        let alert = |error: &CliError| Alert {
            release: self.release.clone().unwrap_or_default(),
            channel: error.channel().unwrap_or_default().to_owned(),
            reason: Reason::Failed,
            detail: reason(error),
            reference: None,
            since: rfc3339(now),
        };
        self.failed.iter().map(alert).collect()
    }

    /// Tells what failed, and how it all ended: as the only channel did, or 3
    /// when some of several failed.
    pub(super) fn conclude(mut self) -> Result<Concluded, CliError> {
        let all = self.done + self.failed.len();
        if all == 1 {
            return Ok(Concluded { code: ExitCode::Done, error: self.failed.pop() });
        }
        for error in &self.failed {
            self.output.error(error);
        }
        let line = format!("{all} channels: {} {}, {} failed", self.done, self.word, self.failed.len());
        let event = json!({"v": 1, "event": "summary", self.word: self.done, "failed": self.failed.len()});
        self.output.summary(&line, &event)?;
        let code = match &self.failed[..] {
            [] => ExitCode::Done,
            [first, ..] if self.failed.len() == all => first.exit_code(),
            _ => ExitCode::Partial,
        };
        Ok(Concluded { code, error: None })
    }
}

/// A delivery with its files as text, which is what they are.
fn delivery(delivery: &Delivery) -> Value {
    let files = |files: &[OutputFile]| -> Vec<Value> {
        let text = |file: &OutputFile| String::from_utf8_lossy(&file.content).into_owned();
        files.iter().map(|file| json!({"path": file.path, "content": text(file)})).collect()
    };
    match delivery {
        Delivery::GitChange(change) => json!({
            "kind": "git-change", "repository": change.repository, "base": change.base, "branch": change.branch,
            "title": change.title, "body": change.body, "route": change.route, "files": files(&change.writes),
            "deletes": change.deletes,
        }),
        Delivery::Nupkg(package) => json!({
            "kind": "nupkg", "endpoint": package.endpoint, "nuspec": package.nuspec, "files": files(&package.files),
        }),
        Delivery::Files { files: written } => json!({"kind": "files", "files": files(written)}),
        Delivery::Oci(artifact) => json!({
            "kind": "oci", "reference": artifact.reference, "artifact-type": artifact.artifact_type,
            "files": files(&artifact.layers),
        }),
    }
}
