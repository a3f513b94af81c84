//! Releases, deliveries and findings between the engine's own types and those
//! of `turbo:engine/manifest@0.1`.
//!
//! Only the shape changes here. What a component gave is unchecked before and
//! after, but for the texts of its findings, which people are shown.

use super::bindings::v0_1::generator::manifest as wit;
use super::text::printable;
use crate::model::delivery::{Delivery, GitChange, GitRoute, Nupkg, OciArtifact, Outcome, OutputFile, PriorFile};
use crate::model::diagnostic::{Diagnostic, Position, Severity};
use crate::model::release::{Artifact, Entry, InstallerFacts, Release, Texts};
use crate::model::{Algorithm, Digest};

/// Longest text of a finding that is passed on.
const MESSAGE_BYTES: usize = 2 << 10;
/// Longest code, path and URL of one.
const NAME_BYTES: usize = 1 << 10;

impl From<&Release> for wit::Release {
    fn from(release: &Release) -> Self {
        Self {
            name: release.name.clone(),
            version: release.version.clone(),
            tag: release.tag.clone(),
            prerelease: release.prerelease,
            date: release.date.clone(),
            publisher: release.publisher.clone(),
            authors: release.authors.clone(),
            links: release.links.clone(),
            license_spdx: release.license_spdx.clone(),
            license_url: release.license_url.clone(),
            license_text: release.license_text.clone(),
            copyright: release.copyright.clone(),
            default_locale: release.default_locale.clone(),
            texts: release.texts.iter().map(wit::Texts::from).collect(),
            dependencies: release.dependencies.clone(),
            artifacts: release.artifacts.iter().map(wit::Artifact::from).collect(),
            extra: release.extra.clone(),
        }
    }
}

impl From<&Texts> for wit::Texts {
    fn from(texts: &Texts) -> Self {
        let Texts { locale, name, summary, description, release_notes, tags } = texts.clone();
        Self { locale, name, summary, description, release_notes, tags }
    }
}

impl From<&Artifact> for wit::Artifact {
    fn from(artifact: &Artifact) -> Self {
        Self {
            id: artifact.id.clone(),
            file_name: artifact.file_name.clone(),
            url: artifact.url.clone(),
            size: artifact.size,
            os: artifact.os.clone(),
            arch: artifact.arch.clone(),
            libc: artifact.libc.clone(),
            format: artifact.format.clone(),
            installer_type: artifact.installer_type.clone(),
            digests: artifact.digests.iter().filter_map(digest).collect(),
            entries: artifact.entries.iter().map(wit::Entry::from).collect(),
            strip_prefix: artifact.strip_prefix.clone(),
            binaries: artifact.binaries.clone(),
            facts: artifact.facts.as_ref().map(wit::InstallerFacts::from),
            extra: artifact.extra.clone(),
        }
    }
}

/// A digest that proves something: nobody should publish a weaker one.
fn digest(digest: &Digest) -> Option<wit::Digest> {
    match digest.algorithm() {
        Algorithm::Sha256 | Algorithm::Sha512 => {
            Some(wit::Digest { algorithm: digest.algorithm().name().to_owned(), value: digest.value().to_vec() })
        }
        Algorithm::Md5 | Algorithm::Sha1 => None,
    }
}

impl From<&Entry> for wit::Entry {
    fn from(entry: &Entry) -> Self {
        let Entry { path, size, executable } = entry.clone();
        Self { path, size, executable }
    }
}

impl From<&InstallerFacts> for wit::InstallerFacts {
    fn from(facts: &InstallerFacts) -> Self {
        let InstallerFacts { product_code, upgrade_code, package_family_name, display_name, extra } = facts.clone();
        Self { product_code, upgrade_code, package_family_name, display_name, extra }
    }
}

impl From<&PriorFile> for wit::PriorFile {
    fn from(file: &PriorFile) -> Self {
        let PriorFile { path, content } = file.clone();
        Self { path, content }
    }
}

impl From<&OutputFile> for wit::OutputFile {
    fn from(file: &OutputFile) -> Self {
        let OutputFile { path, content } = file.clone();
        Self { path, content }
    }
}

impl From<wit::OutputFile> for OutputFile {
    fn from(file: wit::OutputFile) -> Self {
        let wit::OutputFile { path, content } = file;
        Self { path, content }
    }
}

fn given(files: &[OutputFile]) -> Vec<wit::OutputFile> {
    files.iter().map(wit::OutputFile::from).collect()
}

fn taken(files: Vec<wit::OutputFile>) -> Vec<OutputFile> {
    files.into_iter().map(OutputFile::from).collect()
}

impl From<&Delivery> for wit::Delivery {
    fn from(delivery: &Delivery) -> Self {
        match delivery {
            Delivery::GitChange(change) => Self::GitChange(wit::GitChange {
                repository: change.repository.clone(),
                base: change.base.clone(),
                branch: change.branch.clone(),
                title: change.title.clone(),
                body: change.body.clone(),
                writes: given(&change.writes),
                deletes: change.deletes.clone(),
                route: match change.route {
                    GitRoute::PullRequest => wit::GitRoute::PullRequest,
                    GitRoute::Push => wit::GitRoute::Push,
                },
            }),
            Delivery::Nupkg(package) => Self::Nupkg(wit::Nupkg {
                nuspec: package.nuspec.clone(),
                files: given(&package.files),
                endpoint: package.endpoint.clone(),
            }),
            Delivery::Files { files } => Self::Files(given(files)),
            Delivery::Oci(artifact) => Self::Oci(wit::Oci {
                reference: artifact.reference.clone(),
                artifact_type: artifact.artifact_type.clone(),
                layers: given(&artifact.layers),
            }),
        }
    }
}

impl From<wit::Delivery> for Delivery {
    fn from(delivery: wit::Delivery) -> Self {
        match delivery {
            wit::Delivery::GitChange(change) => {
                let wit::GitChange { repository, base, branch, title, body, writes, deletes, route } = change;
                let route = match route {
                    wit::GitRoute::PullRequest => GitRoute::PullRequest,
                    wit::GitRoute::Push => GitRoute::Push,
                };
                let writes = taken(writes);
                Self::GitChange(GitChange { repository, base, branch, title, body, writes, deletes, route })
            }
            wit::Delivery::Nupkg(wit::Nupkg { nuspec, files, endpoint }) => {
                Self::Nupkg(Nupkg { nuspec, files: taken(files), endpoint })
            }
            wit::Delivery::Files(files) => Self::Files { files: taken(files) },
            wit::Delivery::Oci(wit::Oci { reference, artifact_type, layers }) => {
                Self::Oci(OciArtifact { reference, artifact_type, layers: taken(layers) })
            }
        }
    }
}

impl From<wit::Diagnostic> for Diagnostic {
    fn from(found: wit::Diagnostic) -> Self {
        let name = |text: String| printable(&text, NAME_BYTES);
        Self {
            severity: match found.severity {
                wit::Severity::Error => Severity::Error,
                wit::Severity::Warning => Severity::Warning,
                wit::Severity::Note => Severity::Note,
            },
            code: name(found.code),
            file: found.file.map(name),
            pointer: found.pointer.map(name),
            position: (found.line > 0).then(|| Position { line: found.line, column: found.column.max(1) }),
            message: printable(&found.message, MESSAGE_BYTES),
            help_url: found.help_url.map(name),
            suggestion: found.suggestion.map(|text| printable(&text, MESSAGE_BYTES)),
        }
    }
}

impl From<wit::Outcome> for Outcome {
    fn from(outcome: wit::Outcome) -> Self {
        let shown = |text: String| printable(&text, MESSAGE_BYTES);
        match outcome {
            wit::Outcome::Pending => Self::Pending,
            wit::Outcome::Succeeded => Self::Succeeded,
            wit::Outcome::NeedsAction(text) => Self::NeedsAction(shown(text)),
            wit::Outcome::Retryable(text) => Self::Retryable(shown(text)),
            wit::Outcome::Failed(text) => Self::Failed(shown(text)),
            wit::Outcome::Other(text) => Self::Other(shown(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> OutputFile {
        OutputFile { path: "a/b".into(), content: vec![0, 255] }
    }

    #[test]
    fn deliveries_come_back_as_they_went() {
        let change = GitChange {
            repository: "o/r".into(),
            base: "main".into(),
            branch: Some("b".into()),
            title: "t".into(),
            body: "u".into(),
            writes: vec![file()],
            deletes: vec!["c".into()],
            route: GitRoute::Push,
        };
        let oci = OciArtifact { reference: "h/n:t".into(), artifact_type: "x/y".into(), layers: vec![file()] };
        let package = Nupkg { nuspec: "<package/>".into(), files: vec![file()], endpoint: "https://e/".into() };
        let pull = GitChange { route: GitRoute::PullRequest, branch: None, ..change.clone() };
        let all = [
            Delivery::GitChange(change),
            Delivery::GitChange(pull),
            Delivery::Nupkg(package),
            Delivery::Files { files: vec![file()] },
            Delivery::Oci(oci),
        ];
        for delivery in all {
            assert_eq!(Delivery::from(wit::Delivery::from(&delivery)), delivery);
        }
    }

    #[test]
    fn only_strong_digests_are_told() {
        let digests: Vec<Digest> =
            [(Algorithm::Sha256, 32), (Algorithm::Sha1, 20), (Algorithm::Sha512, 64), (Algorithm::Md5, 16)]
                .iter()
                .map(|(algorithm, bytes)| Digest::new(*algorithm, &vec![7; *bytes]).unwrap())
                .collect();
        let told = wit::Artifact::from(&Artifact { digests, ..Artifact::default() }).digests;
        let names: Vec<&str> = told.iter().map(|digest| digest.algorithm.as_str()).collect();
        assert_eq!(names, ["sha-256", "sha-512"]);
    }

    #[test]
    fn findings_are_made_safe_to_show() {
        let found = wit::Diagnostic {
            severity: wit::Severity::Note,
            code: "c\x1b[31m".into(),
            file: None,
            pointer: None,
            line: 3,
            column: 0,
            message: "m\n\u{202e}n".into(),
            help_url: None,
            suggestion: None,
        };
        let found = Diagnostic::from(found);
        assert_eq!((found.code.as_str(), found.message.as_str()), ("c[31m", "m \\u{202e}n"));
        assert_eq!(found.position, Some(Position { line: 3, column: 1 }));
    }
}
