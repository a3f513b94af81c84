//! What a generator proposes and the engine, once it has checked it, performs.
//!
//! The shapes are those of `turbo:engine/manifest`; nothing here is checked yet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Delivery {
    /// A commit.
    GitChange(GitChange),
    /// A package push.
    Nupkg(Nupkg),
    /// Files beside the release.
    Files {
        /// The files.
        files: Vec<OutputFile>,
    },
    /// A registry push.
    Oci(OciArtifact),
}

impl Delivery {
    /// The files that it writes, packs or pushes.
    pub fn files(&self) -> &[OutputFile] {
        match self {
            Self::GitChange(change) => &change.writes,
            Self::Nupkg(package) => &package.files,
            Self::Files { files } => files,
            Self::Oci(artifact) => &artifact.layers,
        }
    }
}

/// One file of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenFile", into = "WrittenFile")]
pub struct OutputFile {
    /// Relative path, separated by `/`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A file as it is written down: text for everybody to read, and anything else
/// as base64 (RFC 4648 section 4).
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenFile {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl From<OutputFile> for WrittenFile {
    fn from(OutputFile { path, content }: OutputFile) -> Self {
        match String::from_utf8(content) {
            Ok(text) => Self { path, text: Some(text), base64: None },
            Err(binary) => Self { path, text: None, base64: Some(STANDARD.encode(binary.as_bytes())) },
        }
    }
}

impl TryFrom<WrittenFile> for OutputFile {
    type Error = &'static str;

    fn try_from(WrittenFile { path, text, base64 }: WrittenFile) -> Result<Self, Self::Error> {
        let content = match (text, base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(coded)) => STANDARD.decode(coded).map_err(|_| "a file is not base64")?,
            _ => return Err("a file has either `text` or `base64`"),
        };
        Ok(Self { path, content })
    }
}

/// A file that a generator asked for, as it stands at the destination now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorFile {
    /// Path in the destination.
    pub path: String,
    /// Its content; none when there is no such file.
    pub content: Option<Vec<u8>>,
}

/// What became of a submission, as a generator reads the destination's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "text", rename_all = "kebab-case")]
pub enum Outcome {
    /// Nobody has decided.
    Pending,
    /// Published.
    Succeeded,
    /// Somebody must act; the text says what.
    NeedsAction(String),
    /// It failed for a passing reason.
    Retryable(String),
    /// It was refused.
    Failed(String),
    /// Anything else.
    Other(String),
}

/// How a change reaches the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitRoute {
    /// A branch on a fork and a pull request.
    PullRequest,
    /// A push to the branch itself.
    Push,
}

/// A change to a git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GitChange {
    /// `OWNER/NAME` or a URL.
    pub repository: String,
    /// Branch to change.
    pub base: String,
    /// Branch to create for a pull request.
    pub branch: Option<String>,
    /// Commit subject and pull request title.
    pub title: String,
    /// Commit body and pull request text.
    pub body: String,
    /// Files to write.
    pub writes: Vec<OutputFile>,
    /// Paths to delete.
    pub deletes: Vec<String>,
    /// Pull request or push.
    pub route: GitRoute,
}

/// A package for a `NuGet` v2 feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Nupkg {
    /// The nuspec's text.
    pub nuspec: String,
    /// Files of the package besides the nuspec.
    pub files: Vec<OutputFile>,
    /// Feed to push to.
    pub endpoint: String,
}

/// An artifact for an OCI registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OciArtifact {
    /// `HOST/NAME:TAG`.
    pub reference: String,
    /// Media type of the artifact.
    pub artifact_type: String,
    /// Layers, in order.
    pub layers: Vec<OutputFile>,
}

#[cfg(test)]
mod tests {
    use super::OutputFile;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        for content in [b"text\r\n".to_vec(), b"\xff\x00".to_vec(), Vec::new()] {
            let file = OutputFile { path: "a/b".into(), content };
            let written = serde_json::to_string(&file).expect("it serialises");
            assert_eq!(serde_json::from_str::<OutputFile>(&written).expect("it is read"), file, "{written}");
        }
        for wrong in [r#"{"path":"a"}"#, r#"{"path":"a","text":"","base64":""}"#, r#"{"path":"a","base64":"*"}"#] {
            assert!(serde_json::from_str::<OutputFile>(wrong).is_err(), "{wrong}");
        }
    }
}
