//! What can go wrong between here and a server, in the user's words.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;

use super::resolve::ResolveError;
use crate::model::{ExitCode, Explain, NotPublic};

/// A request that gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The client could not be set up.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// The name does not resolve.
    #[error("cannot resolve {host}")]
    Name {
        /// The host.
        host: String,
        /// The resolver's answer.
        source: reqwest::Error,
    },
    /// The address policy forbids the connection.
    #[error("{host} is not at a public address ({address})")]
    PrivateAddress {
        /// The host.
        host: String,
        /// Its address.
        address: IpAddr,
    },
    /// The policy for URLs of others forbids the name or the port.
    #[error("{host} is not at a public address or port: {why}")]
    NotPublic {
        /// The host.
        host: String,
        /// What is not public about it.
        why: NotPublic,
    },
    /// No connection.
    #[error("cannot connect to {host}")]
    Connect {
        /// The host.
        host: String,
        /// The system's answer.
        source: reqwest::Error,
    },
    /// The connection is not secure.
    #[error("the TLS connection to {host} failed")]
    Tls {
        /// The host.
        host: String,
        /// The TLS library's answer.
        source: reqwest::Error,
    },
    /// Nothing arrived for too long.
    #[error("{host} sent nothing for {} s", after.as_secs_f64())]
    Stalled {
        /// The host.
        host: String,
        /// How long.
        after: Duration,
    },
    /// The connection broke.
    #[error("the connection to {host} broke")]
    Broken {
        /// The host.
        host: String,
        /// What the client saw.
        source: reqwest::Error,
    },
    /// The server refused.
    #[error("{host} answered {status}")]
    Status {
        /// The host.
        host: String,
        /// The status code.
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer contradicts the request or itself.
    #[error("{host} sent an answer that cannot be trusted: {what}")]
    Protocol {
        /// The host.
        host: String,
        /// The contradiction.
        what: String,
    },
    /// A redirect that must not be followed.
    #[error("{host} redirects {what}")]
    Redirect {
        /// The host.
        host: String,
        /// Where to.
        what: String,
    },
}

impl NetError {
    /// A URL of others that leads to no public place, before its name is resolved.
    pub(super) fn not_public(host: &str, why: NotPublic) -> Self {
        let host = host.to_owned();
        match why {
            NotPublic::Address(address) => Self::PrivateAddress { host, address },
            NotPublic::Name(_) | NotPublic::Port(_) | NotPublic::NoHost => Self::NotPublic { host, why },
        }
    }

    /// Sorts the client's error by its causes' types.
    pub(super) fn sort(host: &str, error: reqwest::Error) -> Self {
        let host = host.to_owned();
        // The URL may carry a signature; the host says enough.
        let error = error.without_url();
        if let Some(found) = cause::<ResolveError>(&error) {
            return match found {
                ResolveError::Private(address) => Self::PrivateAddress { host, address: *address },
                ResolveError::Name(_) => Self::Name { host, source: error },
            };
        }
        if cause::<rustls::Error>(&error).is_some() {
            Self::Tls { host, source: error }
        } else if cause::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
            Self::Protocol { host, what: "it is not HTTP, or its header is too large".into() }
        } else if error.is_builder() {
            Self::Setup(error)
        } else if error.is_connect() {
            Self::Connect { host, source: error }
        } else {
            Self::Broken { host, source: error }
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Name { .. } | Self::Connect { .. } | Self::Stalled { .. } | Self::Broken { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error() || self.is_rejection() || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Setup(_)
            | Self::PrivateAddress { .. }
            | Self::NotPublic { .. }
            | Self::Tls { .. }
            | Self::Protocol { .. }
            | Self::Redirect { .. } => false,
        }
    }

    /// Whether the server asked for fewer requests.
    pub fn is_rejection(&self) -> bool {
        matches!(self, Self::Status { status, .. }
            if *status == StatusCode::TOO_MANY_REQUESTS || *status == StatusCode::SERVICE_UNAVAILABLE)
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The server's status code, where it refused with one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// The first cause of type `T`. An I/O error hides the error it was made from
/// in `get_ref`, which `source` skips.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| cause::<T>(inner)) {
            return Some(found);
        }
        next = current.source();
    }
    None
}

impl Explain for NetError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Setup(_) => ExitCode::Usage,
            Self::Name { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Stalled { .. }
            | Self::Broken { .. } => ExitCode::Network,
            // Trying again later helps with none of these.
            Self::Status { .. }
            | Self::Protocol { .. }
            | Self::Redirect { .. }
            | Self::PrivateAddress { .. }
            | Self::NotPublic { .. } => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Setup(_) => "check --cacert, --cert, --proxy and --user-agent".into(),
            Self::Name { .. } => "check the host name, and that this machine can resolve names".into(),
            Self::PrivateAddress { .. } | Self::NotPublic { .. } => {
                "allow it with --allow-private-mirrors if that host is yours".into()
            }
            Self::Connect { .. } => {
                "check the address, the firewall and the proxy; add --mirror URL if you know another place".into()
            }
            Self::Tls { source, .. } => tls_hint(source).into(),
            Self::Stalled { .. } => {
                "run the same command again to resume; raise --stall-timeout for a slow server".into()
            }
            Self::Broken { .. } => "run the same command again to resume".into(),
            Self::Status { status, .. } => status_hint(*status).into(),
            Self::Protocol { .. } => "try another mirror, or ask the server's operator".into(),
            Self::Redirect { .. } => "ask for the final URL itself if you trust it".into(),
        })
    }
}

/// An alert is the server's judgement of us, anything else is ours of it.
fn tls_hint(error: &reqwest::Error) -> &'static str {
    use rustls::AlertDescription as Alert;
    match cause::<rustls::Error>(error) {
        Some(rustls::Error::AlertReceived(Alert::CertificateRequired)) => {
            "the server asks who you are: give a client certificate with --cert PEM and --key PEM"
        }
        Some(rustls::Error::AlertReceived(_)) => {
            "the server ended the connection: it may want another client certificate (--cert, --key)"
        }
        _ => "give the server's own authority with --cacert PEM if you trust it",
    }
}

fn status_hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 407 => "give credentials with -H 'Authorization: ...' or --netrc",
        403 => "the server refuses you: credentials may be missing (-H, --netrc), or the link has expired",
        404 | 410 => "check the URL for a typing error; the file may have moved",
        429 | 503 => "the server is busy: try later, or with fewer --connections",
        400..=499 => "the server does not accept this request: check the URL",
        500..=599 => "the server has a problem of its own: try later",
        _ => "the server sent no file: check the URL",
    }
}
