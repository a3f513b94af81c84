//! Names to addresses, and which addresses may be connected to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::model::is_public;

/// `--resolve HOST:PORT:ADDRESS[,ADDRESS]`: connect to one of the ADDRESSes for
/// URLs of HOST and PORT, as curl does. An ADDRESS may carry a port of its own
/// where PORT is the scheme's default one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResolveOverride {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) addresses: Vec<SocketAddr>,
}

/// A text that is no `HOST:PORT:ADDRESS[,ADDRESS]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveOverrideError {
    /// Another shape.
    #[error("`{0}` is not HOST:PORT:ADDRESS, for instance example.com:443:192.0.2.7")]
    Shape(String),
    /// An address with a port for a URL that names its port.
    #[error("`{0}`: an address with a port of its own works for ports 80 and 443 only")]
    Port(String),
}

impl FromStr for ResolveOverride {
    type Err = ResolveOverrideError;

    fn from_str(text: &str) -> Result<Self, ResolveOverrideError> {
        let shape = || ResolveOverrideError::Shape(text.chars().take(200).collect());
        let (host, rest) = text.split_once(':').ok_or_else(shape)?;
        let (port, addresses) = rest.split_once(':').ok_or_else(shape)?;
        let port: u16 = port.parse().map_err(|_| shape())?;
        let addresses: Vec<_> = addresses.split(',').map(parse_address).collect::<Option<_>>().ok_or_else(shape)?;
        if host.is_empty() {
            return Err(shape());
        }
        if addresses.iter().any(|address| address.port() != 0) && port != 80 && port != 443 {
            return Err(ResolveOverrideError::Port(text.chars().take(200).collect()));
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, addresses })
    }
}

fn parse_address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let whole = bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    whole.or_else(|| text.parse().ok())
}

impl fmt::Display for ResolveOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.addresses.iter().map(|address| match address.port() {
            0 => address.ip().to_string(),
            _ => address.to_string(),
        });
        write!(f, "{}:{}:{}", self.host, self.port, shown.collect::<Vec<_>>().join(","))
    }
}

impl TryFrom<String> for ResolveOverride {
    type Error = ResolveOverrideError;

    fn try_from(text: String) -> Result<Self, ResolveOverrideError> {
        text.parse()
    }
}

impl From<ResolveOverride> for String {
    fn from(pinned: ResolveOverride) -> Self {
        pinned.to_string()
    }
}

/// Which addresses a client may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    /// Any.
    Anywhere,
    /// Only globally reachable ones. What a URL shows of them before its name is
    /// resolved was checked before ([`crate::model::check_public`]).
    Public,
}

/// Why a name gave no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("the name has no address")]
    Name(#[source] Option<std::io::Error>),
    #[error("{0} is not a public address")]
    Private(IpAddr),
}

/// The system's resolver behind the address policy.
#[derive(Debug)]
pub(super) struct PolicyResolver {
    pub(super) reach: Reach,
    pub(super) pinned: Option<Vec<SocketAddr>>,
}

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, pinned) = (self.reach, self.pinned.clone());
        Box::pin(async move {
            let all: Vec<SocketAddr> = if let Some(addresses) = pinned {
                addresses
            } else {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await;
                found.map_err(|error| ResolveError::Name(Some(error)))?.collect()
            };
            let refused = all.iter().map(SocketAddr::ip).find(|ip| reach == Reach::Public && !is_public(*ip));
            let allowed: Vec<_> = all.into_iter().filter(|a| reach == Reach::Anywhere || is_public(a.ip())).collect();
            match (allowed.is_empty(), refused) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
                (true, Some(ip)) => Err(ResolveError::Private(ip).into()),
                (true, None) => Err(ResolveError::Name(None).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_curl_reads() {
        for text in [
            "a.example:443:192.0.2.7",
            "a.example:443:2001:db8::1",
            "a.example:80:127.0.0.1:8080",
            "a.example:8080:2001:db8::1,192.0.2.7,192.0.2.8",
            "a.example:80:[2001:db8::1]:1,192.0.2.7",
        ] {
            let pinned: ResolveOverride = text.parse().expect("well-formed");
            assert_eq!(pinned.to_string(), text);
        }
        let bracketed: ResolveOverride = "A.example:443:[2001:db8::1]:8443".parse().expect("well-formed");
        assert_eq!((bracketed.host.as_str(), bracketed.addresses[0].port()), ("a.example", 8443));
        for text in [
            "",
            "a.example",
            "a.example:443",
            "a.example:x:127.0.0.1",
            ":1:127.0.0.1",
            "a.example:443:nowhere",
            "a.example:443:127.0.0.1,",
        ] {
            assert!(matches!(text.parse::<ResolveOverride>(), Err(ResolveOverrideError::Shape(_))), "{text}");
        }
        assert!(matches!("a.example:8443:127.0.0.1:1".parse::<ResolveOverride>(), Err(ResolveOverrideError::Port(_))));
    }

    #[tokio::test]
    async fn a_pinned_private_address_is_refused_where_only_public_ones_may_be_reached() {
        let resolver = |reach, addresses: &[&str]| PolicyResolver {
            reach,
            pinned: Some(addresses.iter().map(|address| address.parse().expect("an address")).collect()),
        };
        let name = || "a.example".parse().expect("a name");
        assert!(resolver(Reach::Anywhere, &["10.0.0.1:0"]).resolve(name()).await.is_ok());
        assert!(resolver(Reach::Public, &["10.0.0.1:0"]).resolve(name()).await.is_err());
        let mixed = resolver(Reach::Public, &["10.0.0.1:0", "8.8.8.8:0"]).resolve(name()).await.expect("one is public");
        assert_eq!(mixed.map(|address| address.to_string()).collect::<Vec<_>>(), ["8.8.8.8:0"]);
    }
}
