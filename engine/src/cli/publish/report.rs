//! What became of a release, as the user sees it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::model::ExitCode;
use crate::model::delivery::{Delivery, OutputFile};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::release::Release;
use crate::publish::PublishError;
use crate::publish::effect::described;
use crate::publish::run::Proposal;
use crate::store::write_below;

/// Tells what happens, and remembers what failed.
pub(super) struct Report<'a> {
    output: &'a Output,
    dry_run: bool,
    out: Option<PathBuf>,
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
    pub(super) fn new(output: &'a Output, dry_run: bool, out: Option<PathBuf>) -> Self {
        Self { output, dry_run, out, done: 0, failed: Vec::new() }
    }

    /// Tells what is released.
    pub(super) fn release(&self, release: &Release) -> Result<(), CliError> {
        if self.output.json {
            return self.output.json(&json!({"v": 1, "event": "release", "release": release}));
        }
        let (name, version, count) = (&release.name, &release.version, release.artifacts.len());
        self.output.note(&format!("{name} {version}: {count} artifact{}", if count == 1 { "" } else { "s" }));
        Ok(())
    }

    /// Tells what a channel would deliver, or why it does not.
    pub(super) fn channel(&mut self, name: &str, proposed: Result<Proposal, PublishError>) -> Result<(), CliError> {
        let proposal = match proposed {
            Ok(proposal) => proposal,
            Err(error) => {
                self.failed.push(error.into());
                return Ok(());
            }
        };
        self.done += 1;
        for finding in &proposal.diagnostics {
            let text = format!("{name}: {}", told(finding));
            if finding.severity == Severity::Note { self.output.note(&text) } else { self.output.warning(&text) }
        }
        let written = self.write(name, &proposal)?;
        if self.output.json {
            return self.output.json(&json!({
                "v": 1, "event": "proposed", "channel": name, "generator": proposal.generator,
                "deliveries": proposal.deliveries.iter().map(delivery).collect::<Vec<_>>(),
                "diagnostics": proposal.diagnostics, "written": written,
            }));
        }
        let generator = &proposal.generator;
        self.output.data(&format!("channel {name}, by {} {}\n", generator.id, generator.version))?;
        if self.dry_run {
            for delivery in &proposal.deliveries {
                self.output.data(&described(delivery, &proposal.prior))?;
            }
        }
        written.iter().try_for_each(|path| self.output.data(&format!("  {}\n", path.display())))
    }

    fn write(&self, name: &str, proposal: &Proposal) -> Result<Vec<PathBuf>, CliError> {
        let Some(out) = &self.out else { return Ok(Vec::new()) };
        let mut written = Vec::new();
        for (delivery, nth) in proposal.deliveries.iter().zip(1..) {
            let folder = out.join(name);
            let folder = if proposal.deliveries.len() > 1 { folder.join(nth.to_string()) } else { folder };
            if let Delivery::Nupkg(package) = delivery {
                written.push(write_below(&folder, Path::new("package.nuspec"), package.nuspec.as_bytes())?);
            }
            for OutputFile { path, content } in delivery.files() {
                written.push(write_below(&folder, Path::new(path), content)?);
            }
        }
        Ok(written)
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
        let line = format!("{all} channels: {} proposed, {} failed", self.done, self.failed.len());
        let event = json!({"v": 1, "event": "summary", "proposed": self.done, "failed": self.failed.len()});
        self.output.summary(&line, &event)?;
        let code = match &self.failed[..] {
            [] => ExitCode::Done,
            [first, ..] if self.failed.len() == all => first.exit_code(),
            _ => ExitCode::Partial,
        };
        Ok(Concluded { code, error: None })
    }
}

fn told(finding: &Diagnostic) -> String {
    let place = finding.file.as_ref().map(|file| match finding.position {
        Some(at) => format!("{file}:{}:{}: ", at.line, at.column),
        None => format!("{file}: "),
    });
    format!("{}{} ({})", place.unwrap_or_default(), finding.message, finding.code)
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
