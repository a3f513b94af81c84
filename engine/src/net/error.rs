//! What can go wrong between here and a server, in the user's words.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use tower_service::Service;

use super::proxy::{ProxyUrl, UnreadableProxy};
use super::race::Overtaken;
use super::resolve::ResolveError;
use crate::model::{ExitCode, Explain, NotPublic};

/// Why a proxy gave no tunnel; the client's library exports it by this way alone.
type TunnelError = <Tunnel<HttpConnector> as Service<http::Uri>>::Error;

/// A shorter wait is one of those that everybody takes.
const NOTABLE_WAIT: Duration = Duration::from_secs(5);

/// A request that gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The client could not be set up.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// The system has no certificate authorities that could be used.
    #[error("the system's certificate authorities cannot be used")]
    NoAuthorities(#[source] reqwest::Error),
    /// The variable that would name the proxy cannot be read.
    #[error(transparent)]
    ProxySetting(UnreadableProxy),
    /// The proxy cannot be reached, or does not reach the host.
    #[error("cannot reach {host} through the proxy {proxy}")]
    Proxy {
        /// The host.
        host: String,
        /// The proxy, without its login.
        proxy: String,
        /// The client's answer.
        source: reqwest::Error,
    },
    /// The proxy asks who the user is.
    #[error("the proxy {proxy} asks for a login (407)")]
    ProxyLogin {
        /// The proxy, without its login.
        proxy: String,
    },
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
    #[error("{host} answered {status}{}", asked(*retry_after))]
    Status {
        /// The host.
        host: String,
        /// The status code.
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer ended before all of it was there, in order as far as TCP knows.
    #[error("{host} ended its answer early")]
    Cut {
        /// The host.
        host: String,
    },
    /// The head of the answer is not what RFC 9112 calls one.
    #[error("{host} sent an answer that cannot be read: {fault}")]
    Malformed {
        /// The host.
        host: String,
        /// What is wrong with it.
        fault: Malformed,
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

/// What is wrong with the head of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More than the client keeps.
    #[error("its header is too large (more than 256 fields, or 400 KiB)")]
    TooLarge,
    /// Not `HTTP/1.1 200 OK`.
    #[error("its first line is not a status line of HTTP")]
    StatusLine,
    /// The preface of HTTP/2.
    #[error("it is HTTP/2, which was not agreed on")]
    Http2,
    /// A line that is no header field, in an answer whose end nothing else tells.
    #[error("a header line that is not HTTP, and no length")]
    Unbounded,
    /// Something else, in the words of the parser.
    #[error("{0}")]
    Other(String),
}

impl Malformed {
    fn of(error: &hyper::Error) -> Option<Self> {
        if !error.is_parse() {
            return None;
        }
        Some(if error.is_parse_too_large() {
            Self::TooLarge
        } else if error.is_parse_status() {
            Self::StatusLine
        } else if error.is_parse_version_h2() {
            Self::Http2
        } else {
            // Which of them it is the parser says in words alone.
            Self::Other(error.to_string())
        })
    }
}

fn asked(wait: Option<Duration>) -> String {
    let wait = wait.filter(|wait| !wait.is_zero());
    wait.map(|wait| format!(", and asks to wait {}", shown_wait(wait))).unwrap_or_default()
}

/// A time for people, never shorter than it is.
pub(crate) fn shown_wait(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200..172_800 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
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

    /// Sorts the client's error by its causes' types. `proxy` is the one that
    /// the request went by.
    pub(super) fn sort(host: &str, proxy: Option<&ProxyUrl>, error: reqwest::Error) -> Self {
        let host = host.to_owned();
        // The URL may carry a signature; the host says enough.
        let error = error.without_url();
        if let Some(found) = cause::<ResolveError>(&error) {
            return match found {
                ResolveError::Private(address) => Self::PrivateAddress { host, address: *address },
                ResolveError::Name { name, .. } => match proxy {
                    Some(proxy) if proxy.host_and_port().0.eq_ignore_ascii_case(name) => {
                        Self::Proxy { host, proxy: proxy.to_string(), source: error }
                    }
                    _ => Self::Name { host, source: error },
                },
            };
        }
        if let Some(proxy) = proxy
            && matches!(cause::<TunnelError>(&error), Some(TunnelError::ProxyAuthRequired))
        {
            return Self::ProxyLogin { proxy: proxy.to_string() };
        }
        if cause::<rustls::Error>(&error).is_some() {
            return Self::Tls { host, source: error };
        }
        if let Some(fault) = cause::<hyper::Error>(&error).and_then(Malformed::of) {
            return Self::Malformed { host, fault };
        }
        match proxy {
            _ if error.is_builder() => Self::Setup(error),
            Some(proxy) if error.is_connect() => Self::Proxy { host, proxy: proxy.to_string(), source: error },
            None if error.is_connect() => Self::Connect { host, source: error },
            _ => Self::Broken { host, source: error },
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Name { .. }
            | Self::Proxy { .. }
            | Self::Connect { .. }
            | Self::Stalled { .. }
            | Self::Broken { .. }
            | Self::Cut { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error() || self.is_rejection() || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Setup(_)
            | Self::NoAuthorities(_)
            | Self::ProxySetting(_)
            | Self::ProxyLogin { .. }
            | Self::PrivateAddress { .. }
            | Self::NotPublic { .. }
            | Self::Tls { .. }
            | Self::Malformed { .. }
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

/// Whether a request was given up for another address of its host.
pub(super) fn is_overtaken(error: &reqwest::Error) -> bool {
    cause::<Overtaken>(error).is_some()
}

/// The first cause of type `T`. An I/O error hides the error it was made from
/// in `get_ref`, which `source` skips.
pub(super) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
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
            Self::Setup(_) | Self::NoAuthorities(_) | Self::ProxySetting(_) => ExitCode::Usage,
            Self::Name { .. }
            | Self::Cut { .. }
            | Self::Proxy { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Stalled { .. }
            | Self::Broken { .. } => ExitCode::Network,
            // Trying again later helps with none of these.
            Self::Status { .. }
            | Self::ProxyLogin { .. }
            | Self::Malformed { .. }
            | Self::Protocol { .. }
            | Self::Redirect { .. }
            | Self::PrivateAddress { .. }
            | Self::NotPublic { .. } => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Setup(_) => "check --cacert, --cert, --proxy and --user-agent".into(),
            Self::NoAuthorities(_) => {
                "install the system's certificates (the package is mostly called ca-certificates), \
                 or name a file with --cacert PEM"
                    .into()
            }
            Self::ProxySetting(error) => {
                format!("write {}=http://HOST:PORT, or connect directly with --noproxy '*'", error.variable)
            }
            Self::Proxy { .. } => {
                "check the proxy's address and login (--proxy http://USER:PASS@HOST:PORT, or http_proxy, https_proxy, \
                 all_proxy); --noproxy HOST connects directly"
                    .into()
            }
            Self::ProxyLogin { .. } => {
                "give the proxy's login with --proxy http://USER:PASS@HOST:PORT, or in http_proxy or https_proxy".into()
            }
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
            Self::Broken { .. } | Self::Cut { .. } => "run the same command again to resume".into(),
            Self::Status { retry_after: Some(wait), .. } if *wait >= NOTABLE_WAIT => {
                let seconds = wait.as_secs();
                format!("try again in {}, or have it waited for with --max-wait {seconds}", shown_wait(*wait))
            }
            Self::Status { status, .. } => status_hint(*status).into(),
            Self::Malformed { .. } | Self::Protocol { .. } => "try another mirror, or ask the server's operator".into(),
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
        401 => "give credentials with -H 'Authorization: ...' or --netrc",
        407 => "the server answers as a proxy would: name the proxy with --proxy http://USER:PASS@HOST:PORT",
        403 => "the server refuses you: credentials may be missing (-H, --netrc), or the link has expired",
        404 | 410 => "check the URL for a typing error; the file may have moved",
        429 | 503 => "the server is busy: try later, or with fewer --connections",
        400..=499 => "the server does not accept this request: check the URL",
        500..=599 => "the server has a problem of its own: try later",
        _ => "the server sent no file: check the URL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_shown_as_people_say_it() {
        for (wait, text) in [
            (Duration::from_millis(300), "1 s"),
            (Duration::from_secs(119), "119 s"),
            (Duration::from_mins(2), "2 min"),
            (Duration::from_secs(3601), "61 min"),
            (Duration::from_hours(24), "24 h"),
            (Duration::from_hours(49), "3 days"),
        ] {
            assert_eq!(shown_wait(wait), text);
        }
    }

    #[test]
    fn what_a_server_asks_for_is_said() {
        let refused =
            |retry_after| NetError::Status { host: "a".into(), status: StatusCode::SERVICE_UNAVAILABLE, retry_after };
        let day = refused(Some(Duration::from_hours(24)));
        assert_eq!(day.to_string(), "a answered 503 Service Unavailable, and asks to wait 24 h");
        assert_eq!(day.hint().as_deref(), Some("try again in 24 h, or have it waited for with --max-wait 86400"));
        assert_eq!(refused(Some(Duration::ZERO)).to_string(), "a answered 503 Service Unavailable");
        assert_eq!(refused(None).to_string(), "a answered 503 Service Unavailable");
    }
}
