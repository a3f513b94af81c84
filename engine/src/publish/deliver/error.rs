//! Why a delivery did not arrive, in the user's words.

use std::time::Duration;

use super::nuget::NugetError;
use crate::model::{ExitCode, Explain};
use crate::net::{NetError, OciError};
use crate::publish::audit::AuditError;
use crate::publish::ledger::LedgerError;
use crate::publish::state::StateError;
use crate::store::StoreError;

/// Why a delivery did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// Nothing could be recorded, so nothing was done.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A feed did not take a package.
    #[error(transparent)]
    Nuget(#[from] NugetError),
    /// A registry did not take an artifact.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// The user ended it.
    #[error("interrupted")]
    Interrupted,
    /// Something is missing that the delivery needs.
    #[error("{0}")]
    Unready(&'static str, &'static str),
    /// A path that leads elsewhere, or that some system cannot have.
    #[error("the path `{path}` is refused: {why}")]
    Path {
        /// The path.
        path: String,
        /// Why.
        why: String,
    },
    /// A name that is no repository.
    #[error("`{text}` is not a repository to deliver to: {why}")]
    Repository {
        /// The name.
        text: String,
        /// Why.
        why: &'static str,
    },
    /// The other side does not know the user.
    #[error("{server} does not accept the credential (401)")]
    Unauthorized {
        /// The other side.
        server: String,
    },
    /// The other side knows the user, who may not do this.
    #[error("{server} does not allow it: {what} ({status}){}", said(message))]
    Forbidden {
        /// The other side.
        server: String,
        /// What was tried.
        what: String,
        /// The status code.
        status: u16,
        /// What the other side says.
        message: String,
        /// The permissions that would do, as the other side names them.
        needs: Option<String>,
    },
    /// Nothing there, or nothing that the user may see.
    #[error("{server} has no {what}, or does not show it to this credential")]
    NotFound {
        /// The other side.
        server: String,
        /// What was asked for.
        what: String,
    },
    /// More than is taken.
    #[error("{what} of {server} has more than {limit} bytes")]
    TooLarge {
        /// The other side.
        server: String,
        /// What was asked for.
        what: String,
        /// Most bytes.
        limit: usize,
    },
    /// Too many requests.
    #[error("{server} asks to wait for {} s before the next request", wait.as_secs())]
    RateLimited {
        /// The other side.
        server: String,
        /// How long.
        wait: Duration,
    },
    /// The other side understood, and refuses.
    #[error("{server} refuses: {what}{}", said(message))]
    Rejected {
        /// The other side.
        server: String,
        /// What was tried.
        what: String,
        /// What the other side says.
        message: String,
    },
    /// An answer that the protocol does not allow.
    #[error("{server} sent an answer that cannot be trusted: {what}")]
    Protocol {
        /// The other side.
        server: String,
        /// The contradiction.
        what: String,
    },
    /// Others were faster, again and again.
    #[error("others changed {target} faster, {attempts} times in a row")]
    Race {
        /// What was to be changed.
        target: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Something else stands where this is to go.
    #[error("{what} is something else than what is delivered")]
    Occupied {
        /// What stands there.
        what: String,
    },
    /// The program git is not there.
    #[error("git cannot be run")]
    NoGit(#[source] std::io::Error),
    /// The program git did not do what it was asked.
    #[error("git could not {step}{}", said(message))]
    Git {
        /// What was asked, as a verb.
        step: &'static str,
        /// What it says.
        message: String,
    },
    /// The program git was silent for too long.
    #[error("git did not {step} within {} s", after.as_secs())]
    GitStalled {
        /// What was asked, as a verb.
        step: &'static str,
        /// How long.
        after: Duration,
    },
    /// Without a credential nothing can be sent there.
    #[error("{server} takes nothing without a credential")]
    NoCredential {
        /// The other side.
        server: String,
    },
    /// A credential would be sent in the clear.
    #[error("a credential is not sent to {server}: the connection is not encrypted")]
    InTheClear {
        /// The other side.
        server: String,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl From<AuditError> for DeliverError {
    fn from(error: AuditError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<StateError> for DeliverError {
    fn from(error: StateError) -> Self {
        Self::Ledger(error.into())
    }
}

impl DeliverError {
    /// Whether another attempt may succeed.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Net(error) if error.is_passing())
    }
}

impl Explain for DeliverError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Ledger(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::Net(error) => error.exit_code(),
            Self::Nuget(error) => error.exit_code(),
            Self::Oci(error) => error.exit_code(),
            Self::Interrupted => ExitCode::Interrupted,
            Self::Path { .. } => ExitCode::Component,
            Self::Unready(..)
            | Self::Repository { .. }
            | Self::NoGit(_)
            | Self::NoCredential { .. }
            | Self::InTheClear { .. } => ExitCode::Usage,
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::RateLimited { .. }
            | Self::Rejected { .. }
            | Self::Protocol { .. }
            | Self::Occupied { .. } => ExitCode::Refused,
            Self::GitStalled { .. } => ExitCode::Network,
            Self::Race { .. } | Self::Git { .. } => ExitCode::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Ledger(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Net(error) => return net_hint(error),
            Self::Nuget(error) => return error.hint(),
            Self::Oci(OciError::Denied { .. }) => {
                "name where the token is as `credential` of the channel, and its `user`".into()
            }
            Self::Oci(error) => return error.hint(),
            Self::Interrupted => "go on with the same command and --resume".into(),
            Self::Unready(_, hint) => (*hint).into(),
            Self::Path { .. } => "a path is relative, its parts separated by `/`, without links on the way".into(),
            Self::Repository { .. } => "write OWNER/NAME, https://HOST/PATH, ssh://HOST/PATH or USER@HOST:PATH".into(),
            Self::Unauthorized { .. } => "the token may be wrong, expired or revoked: make a new one, and check that \
                 --credential names the right place"
                .into(),
            Self::Forbidden { needs: Some(needs), .. } => format!(
                "the token lacks a permission; any of these would do: {needs}. A fine-grained token also has to be \
                 made for this repository"
            ),
            Self::Forbidden { .. } => {
                "the token lacks the permission to write there, or was not made for this repository".into()
            }
            Self::NotFound { .. } => {
                "check how it is written; a private repository is hidden from a token without access to it".into()
            }
            Self::TooLarge { .. } => "check that it is the right file".into(),
            Self::RateLimited { .. } => "wait so long, then run the same command again with --resume".into(),
            Self::Rejected { .. } => {
                "the branch may be protected, or the content against its rules: deliver by a pull request, or change \
                 the rules"
                    .into()
            }
            Self::Protocol { .. } => "check that the address is the right one, or ask its operator".into(),
            Self::Race { .. } => "run the same command again with --resume".into(),
            Self::Occupied { .. } => "look at it; remove it or choose another name, then run with --resume".into(),
            Self::NoGit(_) => "install git, or name it in PATH".into(),
            Self::Git { .. } => "run the same command again with --resume; -v shows what git says".into(),
            Self::GitStalled { .. } => "check the connection; raise --stall-timeout for a slow server".into(),
            Self::NoCredential { .. } => {
                "name where the token is, env:NAME, fd:N or keyring:SERVICE/ACCOUNT: with --credential, or as \
                 `credential` of the channel in turbo-release.toml"
                    .into()
            }
            Self::InTheClear { .. } => "use https".into(),
        })
    }
}

/// The flags of downloads mean nothing here.
fn net_hint(error: &NetError) -> Option<String> {
    Some(match error {
        NetError::Stalled { .. } | NetError::Broken { .. } => {
            "run the same command again with --resume: what is done already is not done again".into()
        }
        NetError::Connect { .. } => "check the address, the firewall and the proxy".into(),
        NetError::Protocol { .. } | NetError::Redirect { .. } => {
            "check that the address is the right one, or ask its operator".into()
        }
        _ => return error.hint(),
    })
}
