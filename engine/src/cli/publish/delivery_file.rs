//! A delivery as a file: what a generator would have proposed, with the
//! contents in files beside it.

use std::path::Path;

use serde::Deserialize;

use crate::cli::error::CliError;
use crate::model::delivery::{Delivery, GitChange, GitRoute, Nupkg, OciArtifact, OutputFile};
use crate::store::read_bounded;

/// Largest file of a delivery, and of one file that it names.
const DELIVERY_BYTES: usize = 4 << 20;
const CONTENT_BYTES: usize = 64 << 20;

/// A delivery and whose it is.
pub(super) struct Named {
    pub release: String,
    pub date: String,
    pub channel: String,
    pub delivery: Delivery,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DeliveryFile {
    release: ReleaseName,
    channel: String,
    delivery: Kind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ReleaseName {
    name: String,
    version: String,
    date: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
enum Kind {
    GitChange {
        repository: String,
        base: String,
        branch: Option<String>,
        title: String,
        #[serde(default)]
        body: String,
        #[serde(default)]
        writes: Vec<Content>,
        #[serde(default)]
        deletes: Vec<String>,
        route: GitRoute,
    },
    Files {
        files: Vec<Content>,
    },
    Nupkg {
        endpoint: String,
        /// The file with the nuspec.
        nuspec: String,
        #[serde(default)]
        files: Vec<Content>,
    },
    Oci {
        reference: String,
        artifact_type: String,
        layers: Vec<Content>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Where it goes.
    path: String,
    /// Where its bytes are, from the folder of the delivery's file.
    file: String,
}

/// Reads the file and those that it names.
pub(super) fn read(path: &Path) -> Result<Named, CliError> {
    let bytes = read_bounded(path, DELIVERY_BYTES)?;
    let wrong = |error: serde_json::Error| {
        let hint = "the README shows what a delivery looks like, under `publish deliver`";
        CliError::usage(format!("the delivery {} cannot be used: {error}", path.display()), hint)
    };
    let file: DeliveryFile = serde_json::from_slice(&bytes).map_err(wrong)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let contents = |contents: Vec<Content>| {
        let read = contents.into_iter().map(|Content { path, file }| {
            Ok(OutputFile { path, content: read_bounded(&folder.join(file), CONTENT_BYTES)? })
        });
        read.collect::<Result<Vec<_>, CliError>>()
    };
    let delivery = match file.delivery {
        Kind::Nupkg { endpoint, nuspec, files } => {
            let nuspec = String::from_utf8(read_bounded(&folder.join(nuspec), DELIVERY_BYTES)?);
            let nuspec = nuspec.map_err(|_| CliError::usage("the nuspec is not UTF-8", "save it as UTF-8"))?;
            Delivery::Nupkg(Nupkg { nuspec, files: contents(files)?, endpoint })
        }
        Kind::Oci { reference, artifact_type, layers } => {
            Delivery::Oci(OciArtifact { reference, artifact_type, layers: contents(layers)? })
        }
        Kind::Files { files } => Delivery::Files { files: contents(files)? },
        Kind::GitChange { repository, base, branch, title, body, writes, deletes, route } => {
            let writes = contents(writes)?;
            Delivery::GitChange(GitChange { repository, base, branch, title, body, writes, deletes, route })
        }
    };
    let ReleaseName { name, version, date } = file.release;
    Ok(Named { release: format!("{name} {version}"), date, channel: file.channel, delivery })
}
