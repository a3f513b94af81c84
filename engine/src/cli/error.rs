//! Errors of the command line itself, and every other as the user sees it.

use std::error::Error;
use std::path::PathBuf;

use crate::component::ComponentError;
use crate::download::DownloadError;
use crate::model::files::{CookieFileError, InputFileError, MetalinkError, NetrcError};
use crate::model::{ExitCode, Explain};
use crate::net::NetError;
use crate::publish::PublishError;
use crate::publish::alert::AlertError;
use crate::publish::audit::AuditError;
use crate::publish::credentials::CredentialError;
use crate::publish::deliver::DeliverError;
use crate::publish::deliver::nuget::NugetError;
use crate::publish::order::OrderError;
use crate::publish::pack::PackError;
use crate::publish::sign::SignError;
use crate::publish::state::StateError;
use crate::publish::status::StatusError;
use crate::registry::RegistryError;
use crate::store::StoreError;
use crate::store::cache::CacheError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// A value that means nothing.
    #[error("{what}")]
    Usage { what: String, hint: String },
    /// A setting with a value that means nothing.
    #[error("the setting `{key}` from {origin}: {why}")]
    Setting { key: String, origin: String, why: String },
    /// A configuration file that cannot be used.
    #[error("the configuration file {} cannot be used", path.display())]
    Config { path: PathBuf, source: Box<dyn Error + Send + Sync> },
    #[error("downloading {url} failed")]
    Download { url: String, source: DownloadError },
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// `cache verify` found damage.
    #[error("{0} of the cached files had rotted and are gone")]
    Rotten(usize),
    /// `publish check` found what must not be published.
    #[error("{0} of the findings must not be published")]
    Findings(usize),
    #[error(transparent)]
    Component(#[from] ComponentError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("{channel} was not delivered to")]
    Deliver { channel: String, source: Box<DeliverError> },
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error(transparent)]
    Alert(#[from] AlertError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    ComponentVerb(#[from] super::component::ComponentError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Nuget(#[from] NugetError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("the input file {} cannot be used", path.display())]
    Input { path: PathBuf, source: InputFileError },
    #[error("the Metalink {} cannot be used", path.display())]
    Metalink { path: PathBuf, source: MetalinkError },
    #[error("the netrc file {} cannot be used", path.display())]
    Netrc { path: PathBuf, source: NetrcError },
    #[error("the cookies file {} cannot be used", path.display())]
    Cookies { path: PathBuf, source: CookieFileError },
    /// The asynchronous runtime did not start.
    #[error("the runtime cannot start")]
    Runtime(#[source] std::io::Error),
    /// Standard output failed.
    #[error("cannot write to standard output")]
    Stdout(#[source] std::io::Error),
}

impl CliError {
    pub(super) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), hint: hint.into() }
    }

    /// The error of a module of the engine, which speaks for itself; none for
    /// the command line's own.
    fn explained(&self) -> Option<&dyn Explain> {
        Some(match self {
            Self::Download { source, .. } => source,
            Self::Net(error) => error,
            Self::Store(error) => error,
            Self::Cache(error) => error,
            Self::Component(error) => error,
            Self::Registry(error) => error,
            Self::Publish(error) => error,
            Self::ComponentVerb(error) => error,
            Self::Pack(error) => error,
            Self::Nuget(error) => error,
            Self::Sign(error) => error,
            Self::Deliver { source, .. } => source.as_ref(),
            Self::Credential(error) => error,
            Self::Audit(error) => error,
            Self::State(error) => error,
            Self::Order(error) => error,
            Self::Status(error) => error,
            Self::Alert(error) => error,
            Self::Usage { .. }
            | Self::Setting { .. }
            | Self::Config { .. }
            | Self::Rotten(_)
            | Self::Findings(_)
            | Self::Input { .. }
            | Self::Metalink { .. }
            | Self::Netrc { .. }
            | Self::Cookies { .. }
            | Self::Runtime(_)
            | Self::Stdout(_) => return None,
        })
    }

    /// The channel that it is about.
    pub(super) fn channel(&self) -> Option<&str> {
        match self {
            Self::Publish(PublishError::Channel { name, .. }) | Self::Deliver { channel: name, .. } => Some(name),
            _ => None,
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        if let Some(error) = self.explained() {
            return error.exit_code();
        }
        match self {
            Self::Usage { .. }
            | Self::Setting { .. }
            | Self::Config { .. }
            | Self::Input { .. }
            | Self::Metalink { .. }
            | Self::Netrc { .. }
            | Self::Cookies { .. } => ExitCode::Usage,
            Self::Stdout(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::Done,
            Self::Stdout(_) => ExitCode::Local,
            Self::Rotten(_) | Self::Findings(_) => ExitCode::Verification,
            // The runtime alone is left: modules of the engine were asked above.
            _ => ExitCode::Failed,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        if let Some(error) = self.explained() {
            return error.hint();
        }
        Some(match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Setting { .. } => {
                "`turbo-engine config show` lists every setting and where its value comes from".into()
            }
            Self::Config { .. } => "correct the file, or name another with --config FILE".into(),
            Self::Input { .. } => {
                "one download a line, its URLs separated by tabs; options on indented lines below".into()
            }
            Self::Metalink { .. } => "only Metalink 4 (RFC 5854) is understood".into(),
            Self::Netrc { .. } => "correct the file, or run without --netrc".into(),
            Self::Cookies { source, .. } => return source.hint(),
            Self::Rotten(_) => {
                "nothing is lost, they are fetched again when asked for; check the disk they were on".into()
            }
            Self::Findings(_) => "correct them and check again; each names its place and where to read more".into(),
            _ => return None,
        })
    }
}
