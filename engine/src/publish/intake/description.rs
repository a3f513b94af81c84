//! A release out of the texts that describe it, without a disk or a network:
//! the way of [`super::take`] for what others wrote.
//!
//! The key invariant: other files that a text names are not read.

use std::path::Path;

use super::{FILE_NAME, Intake, IntakeError, Planned, ReleaseTable, dist, github, goreleaser, merge, own, project};

/// The texts, by who wrote them.
#[derive(Debug, Clone, Copy)]
pub enum Description<'a> {
    /// `turbo-release.toml`.
    Own(&'a str),
    /// cargo-dist's `dist-manifest.json`.
    Dist(&'a str),
    /// `metadata.json` and `artifacts.json` of GoReleaser.
    Goreleaser(&'a str, &'a str),
    /// GitHub's answers on a repository and on one of its releases.
    Github(&'a str, &'a str),
    /// A project's Cargo.toml, and the configuration of its repository.
    Cargo(&'a str, &'a str),
    /// A project's package.json, likewise.
    Package(&'a str, &'a str),
}

impl Description<'_> {
    /// The release, if this were all that is known of it.
    pub fn intake(&self, folder: &Path, today: &str) -> Result<Intake, IntakeError> {
        let file = folder.join(FILE_NAME);
        let mut document = own::Document::default();
        let (table, planned) = match self {
            Self::Own(text) => {
                document = own::parse(&file, text)?;
                (document.release.clone(), document.artifacts(&file)?)
            }
            Self::Dist(text) => dist::read(&folder.join("dist-manifest.json"), text, None)?,
            Self::Goreleaser(metadata, artifacts) => goreleaser::parse(folder, metadata, artifacts)?,
            Self::Github(repository, release) => {
                github::parse("the release".into(), repository.as_bytes(), release.as_bytes())?
            }
            Self::Cargo(text, config) => {
                let manifest = project::toml_text(&folder.join("Cargo.toml"), text)?;
                (of_project(project::of_manifest(&manifest, Some(&manifest)), config), one_file())
            }
            Self::Package(text, config) => {
                (of_project(project::of_package(&folder.join("package.json"), text)?, config), one_file())
            }
        };
        let table = ReleaseTable { license_file: None, release_notes_file: None, project: None, ..table };
        let artifacts = merge::artifacts(planned, Vec::new(), &table)?;
        let release = merge::release(&table, &artifacts, today, &[FILE_NAME.to_owned()])?;
        let artifacts = merge::published(artifacts, &table, &release)?;
        let sign = document.sign.rooted(folder);
        Ok(Intake { release, artifacts, channels: document.channel, sign, folder: folder.to_owned() })
    }
}

fn of_project(table: ReleaseTable, config: &str) -> ReleaseTable {
    let source = table.source.clone().or_else(|| project::origin(config)).map(|url| project::web_url(&url));
    ReleaseTable { source, ..table }
}

/// A project says nothing of files.
fn one_file() -> Vec<Planned> {
    vec![Planned { file_name: Some("tool.zip".into()), ..Planned::default() }]
}
