//! Why a release could not be read.

use std::path::{Path, PathBuf};

use crate::model::{ExitCode, Explain};
use crate::net::NetError;
use crate::store::StoreError;

/// Why a release could not be read. Nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A file that is not what its name promises.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Which key, and what is wrong with it.
        what: String,
    },
    /// A field without which nobody can publish.
    #[error("the release has no {key}: neither {} nor the project says it", from.join(" nor "))]
    Missing {
        /// The field.
        key: &'static str,
        /// What was read.
        from: Vec<String>,
    },
    /// A field that no package manager would take.
    #[error("the release's {key} `{value}` {why}")]
    Field {
        /// The field.
        key: String,
        /// What it says.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Neither a file nor a pattern nor a tag.
    #[error("`{0}` is no release: there is no such file, and no repository on GitHub is known for a tag")]
    Unknown(String),
    /// A pattern that no file matches.
    #[error("no file matches `{0}`")]
    NoMatch(String),
    /// A pattern that cannot be understood.
    #[error("`{pattern}` is no pattern of file names: {why}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A release without files.
    #[error("the release has no artifact")]
    NoArtifact,
    /// More files than any release has.
    #[error("the release has {0} artifacts; at most {most} are taken", most = super::MOST_ARTIFACTS)]
    TooMany(usize),
    /// An artifact that nobody can download.
    #[error("the artifact {file} has no URL")]
    NoUrl {
        /// Its name.
        file: String,
    },
    /// Two artifacts under one name or identifier.
    #[error("two artifacts are called `{0}`")]
    Twice(String),
    /// GitHub does not know it.
    #[error("GitHub does not know {what}")]
    NotOnGithub {
        /// What was asked for.
        what: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// GitHub refuses.
    #[error("GitHub refuses {what} with status {status}")]
    GithubRefuses {
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
    },
    /// GitHub's answer cannot be used.
    #[error("{what} {why}")]
    Github {
        /// What was asked for.
        what: String,
        /// What is wrong.
        why: String,
    },
}

impl IntakeError {
    pub(super) fn format(path: &Path, what: &str) -> Self {
        Self::Format { path: path.to_owned(), what: what.to_owned() }
    }
}

impl Explain for IntakeError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Net(error) => error.exit_code(),
            Self::NotOnGithub { .. } | Self::GithubRefuses { .. } => ExitCode::Refused,
            Self::Github { .. } => ExitCode::Failed,
            _ => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::Net(error) => return error.hint(),
            Self::Format { .. } => "correct the file; README.md describes what is read of it".into(),
            Self::Missing { key, .. } => format!("write `{key} = \"...\"` under [release] in turbo-release.toml"),
            Self::Field { .. } => "correct it where it is written, or overrule it under [release] in turbo-release.toml".into(),
            Self::Unknown(_) => {
                "name turbo-release.toml, dist-manifest.json, a GoReleaser dist folder, a pattern such as 'dist/*.zip', \
                 or OWNER/REPO@TAG"
                    .into()
            }
            Self::NoMatch(_) | Self::NoArtifact => "build the artifacts first, or correct the pattern".into(),
            Self::Pattern { .. } => "write for instance 'dist/*.zip'".into(),
            Self::TooMany(_) => "choose some of them with `include` and `exclude` under [release]".into(),
            Self::NoUrl { .. } => {
                "give it a `url`, or all of them a `download-url` such as \
                 \"https://downloads.example/{tag}/{file}\" under [release]"
                    .into()
            }
            Self::Twice(_) => "give each artifact an `id` and a file name of its own".into(),
            Self::NotOnGithub { has_token: true, .. } => {
                "check owner, name and tag; a private repository needs a GITHUB_TOKEN that may read it".into()
            }
            Self::NotOnGithub { has_token: false, .. } => {
                "check owner, name and tag; a private repository needs GITHUB_TOKEN".into()
            }
            Self::GithubRefuses { status: 401, .. } => "GITHUB_TOKEN is wrong or has expired".into(),
            Self::GithubRefuses { .. } => {
                "the limit of requests may be used up: wait, or set GITHUB_TOKEN to a token that may read it".into()
            }
            Self::Github { .. } => "look at the release on GitHub".into(),
        })
    }
}
