//! Why a feed did not take a package, in the user's words.

use url::Url;

use crate::model::{ExitCode, Explain, Origin};
use crate::net::NetError;
use crate::publish::pack::PackError;

/// Why a package was not pushed.
#[derive(Debug, thiserror::Error)]
pub enum NugetError {
    /// A file that is no package.
    #[error(transparent)]
    Package(#[from] PackError),
    /// The network failed, and the package did not arrive.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An address that a key must not go to.
    #[error("`{source_url}` is not a feed to push to: {why}")]
    Source {
        /// The address.
        source_url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A key would be sent in the clear.
    #[error("a key is not sent to {feed}: the connection is not encrypted")]
    InTheClear {
        /// The feed.
        feed: String,
    },
    /// A key that is none.
    #[error("the key is empty, or has characters that no key has")]
    Key,
    /// The feed is elsewhere, and the key was not given for there.
    #[error("{from} redirects to {to}, which the key was not given for")]
    Elsewhere {
        /// The feed that was named.
        from: String,
        /// Where it leads.
        to: String,
    },
    /// An answer that the protocol does not allow.
    #[error("{feed} sent an answer that cannot be trusted: {what}")]
    Protocol {
        /// The feed.
        feed: String,
        /// The contradiction.
        what: &'static str,
    },
    /// The feed does not accept the key, or not for this package.
    #[error("{feed} does not let this key push {version} ({status}){}", said(message))]
    Denied {
        /// The feed.
        feed: String,
        /// Identifier and version.
        version: String,
        /// The status code.
        status: u16,
        /// What the feed says.
        message: String,
    },
    /// The version is there.
    #[error("{feed} has {version} already, {bytes} ({status}){}", said(message))]
    Conflict {
        /// The feed.
        feed: String,
        /// Identifier and version.
        version: String,
        /// The status code.
        status: u16,
        /// What is known of the bytes that are there.
        bytes: &'static str,
        /// What the feed says.
        message: String,
    },
    /// The feed does not like the package.
    #[error("{feed} does not accept {version} ({status}){}", said(message))]
    Invalid {
        /// The feed.
        feed: String,
        /// Identifier and version.
        version: String,
        /// The status code.
        status: u16,
        /// What the feed says.
        message: String,
    },
    /// Too large for the feed.
    #[error("{bytes} bytes are too many for {feed} (413){}", said(message))]
    TooLarge {
        /// The feed.
        feed: String,
        /// Length of the package.
        bytes: usize,
        /// What the feed says.
        message: String,
    },
    /// Nothing takes packages there.
    #[error("{feed} takes no packages at this address ({status})")]
    NoFeed {
        /// The feed.
        feed: String,
        /// The status code.
        status: u16,
    },
    /// Any other answer.
    #[error("{feed} answered {status}{}", said(message))]
    Status {
        /// The feed.
        feed: String,
        /// The status code.
        status: u16,
        /// What the feed says.
        message: String,
    },
    /// No answer came, and the version is there now.
    #[error("whether {version} arrived at {feed} is not clear: {what}, and the version is there now")]
    Unclear {
        /// The feed.
        feed: String,
        /// Identifier and version.
        version: String,
        /// What went wrong.
        what: String,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl NugetError {
    pub(super) fn protocol(feed: &Url, what: &'static str) -> Self {
        Self::Protocol { feed: Origin::of(feed).to_string(), what }
    }
}

impl Explain for NugetError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Package(error) => error.exit_code(),
            Self::Net(error) => error.exit_code(),
            Self::Source { .. } | Self::InTheClear { .. } | Self::Key => ExitCode::Usage,
            Self::Unclear { .. } => ExitCode::Network,
            Self::Elsewhere { .. }
            | Self::Protocol { .. }
            | Self::Denied { .. }
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::TooLarge { .. }
            | Self::NoFeed { .. }
            | Self::Status { .. } => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Package(error) => return error.hint(),
            Self::Net(NetError::Stalled { .. } | NetError::Broken { .. }) => {
                "run the same command again: a feed never takes a version twice".into()
            }
            Self::Net(NetError::Connect { .. }) => "check the address, the firewall and the proxy".into(),
            Self::Net(error) => return error.hint(),
            Self::Source { .. } => "name the feed as https://HOST, or by the address of its push service".into(),
            Self::InTheClear { .. } => "use https".into(),
            Self::Key => "copy it once more from the feed's account page".into(),
            Self::Elsewhere { .. } => "name that address with --source if you trust it with the key".into(),
            Self::Protocol { .. } => "check that the address is that of a feed, or ask its operator".into(),
            Self::Denied { .. } => "the key may be wrong or expired, its account may not own the package, or an earlier \
                 version is in moderation and none is approved yet"
                .into(),
            Self::Conflict { bytes: "with other bytes", .. } => {
                "a version is never replaced once it is approved: raise the version; for a fix of the package alone, add \
                 a fourth part such as the day, 1.2.3.20260131"
                    .into()
            }
            Self::Conflict { .. } => "if it is an earlier push of yours, nothing is left to do; else raise the version, \
                 for a fix of the package alone by a fourth part such as the day, 1.2.3.20260131"
                .into(),
            Self::Invalid { .. } => "the feed's own checks failed, or the key is not of its form: `turbo-engine publish \
                 check` finds most of what galleries refuse"
                .into(),
            Self::TooLarge { .. } => "leave binaries out and let the install script download them".into(),
            Self::NoFeed { .. } => "name the feed as a bare https://HOST, or by the address of its push service".into(),
            Self::Status { status: 429 | 503, .. } => "the feed is busy: try again later".into(),
            Self::Status { status: 500..=599, .. } => {
                "the feed has a problem of its own, with the key or the package perhaps: try again later".into()
            }
            Self::Status { .. } => "check the address, or ask the feed's operator".into(),
            Self::Unclear { .. } => "look at the version there; if it is this one, nothing is left to do".into(),
        })
    }
}
