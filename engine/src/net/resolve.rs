//! Names to addresses, and which addresses may be connected to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::race::{AddressBook, tell_addresses};
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
        // As a URL has it: punycode, lower case. A dot at the end means the same host.
        let host = url::Host::parse(host.trim_end_matches('.')).map_err(|_| shape())?.to_string();
        if addresses.iter().any(|address| address.port() != 0) && port != 80 && port != 443 {
            return Err(ResolveOverrideError::Port(text.chars().take(200).collect()));
        }
        Ok(Self { host, port, addresses })
    }
}

impl ResolveOverride {
    /// Whether it is for this host, however the name is written.
    pub(super) fn is_of(&self, host: &str) -> bool {
        is_same_name(&self.host, host)
    }
}

fn is_same_name(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
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
    Name {
        /// The name that was looked up: a proxy's where that is asked.
        name: String,
        source: Option<std::io::Error>,
    },
    #[error("{0} is not a public address")]
    Private(IpAddr),
}

/// Where a proxy is, as the resolver is asked for it.
#[derive(Debug, Clone)]
pub(super) struct ProxyHost {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether the address policy leaves it alone: the user named it. It must
    /// not where a URL has the same host.
    pub(super) exempt: bool,
}

/// The system's resolver behind the address policy.
#[derive(Debug)]
pub(super) struct PolicyResolver {
    pub(super) reach: Reach,
    pub(super) pinned: Option<ResolveOverride>,
    /// Port of the URLs.
    pub(super) port: u16,
    pub(super) proxy: Option<ProxyHost>,
    pub(super) book: AddressBook,
}

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let proxy = self.proxy.as_ref().filter(|proxy| is_same_name(&proxy.host, &name));
        let reach = if proxy.is_some_and(|proxy| proxy.exempt) { Reach::Anywhere } else { self.reach };
        let port = proxy.map_or(self.port, |proxy| proxy.port);
        let pinned = self.pinned.as_ref().filter(|pinned| pinned.is_of(&name)).map(|pinned| pinned.addresses.clone());
        // What a proxy connects to must not be connected to past it.
        let may_race = proxy.is_some() || self.proxy.is_none();
        let book = self.book.clone();
        Box::pin(async move {
            let all: Vec<SocketAddr> = if let Some(addresses) = pinned {
                addresses
            } else {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await;
                let unknown = |error| ResolveError::Name { name: name.clone(), source: Some(error) };
                found.map_err(unknown)?.collect()
            };
            let refused = all.iter().map(SocketAddr::ip).find(|ip| reach == Reach::Public && !is_public(*ip));
            let allowed = all.into_iter().filter(|a| reach == Reach::Anywhere || is_public(a.ip()));
            let allowed = allowed.map(|mut address| {
                if address.port() == 0 {
                    address.set_port(port);
                }
                address
            });
            let allowed = book.order(allowed.collect());
            match (allowed.is_empty(), refused) {
                (false, _) => {
                    if may_race {
                        tell_addresses(&allowed);
                    }
                    Ok(Box::new(allowed.into_iter()) as Addrs)
                }
                (true, Some(ip)) => Err(ResolveError::Private(ip).into()),
                (true, None) => Err(ResolveError::Name { name, source: None }.into()),
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

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        for (text, host) in [
            ("B\u{fc}cher.example:80:127.0.0.1", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example.:80:127.0.0.1", "xn--bcher-kva.example."),
            ("a.example.:80:127.0.0.1", "A.example"),
            ("127.0.0.9:80:127.0.0.1", "127.0.0.9"),
        ] {
            let pinned: ResolveOverride = text.parse().expect("well-formed");
            assert!(pinned.is_of(host) && !pinned.is_of("b.example"), "{pinned}");
            assert_eq!(pinned.to_string().parse(), Ok(pinned));
        }
        for text in [".:80:127.0.0.1", "a b:80:127.0.0.1"] {
            assert!(matches!(text.parse::<ResolveOverride>(), Err(ResolveOverrideError::Shape(_))), "{text}");
        }
    }

    fn resolver(reach: Reach, pinned: &str, proxy: Option<ProxyHost>) -> PolicyResolver {
        let pinned = Some(pinned.parse().expect("well-formed"));
        PolicyResolver { reach, pinned, port: 443, proxy, book: AddressBook::default() }
    }

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    #[tokio::test]
    async fn a_pinned_private_address_is_refused_where_only_public_ones_may_be_reached() {
        let private = |reach| resolver(reach, "a.example:443:10.0.0.1", None);
        assert!(private(Reach::Anywhere).resolve(name("a.example")).await.is_ok());
        assert!(private(Reach::Public).resolve(name("a.example")).await.is_err());
        let mixed = resolver(Reach::Public, "a.example:443:10.0.0.1,8.8.8.8", None);
        let mixed = mixed.resolve(name("a.example")).await.expect("one is public");
        assert_eq!(mixed.map(|address| address.to_string()).collect::<Vec<_>>(), ["8.8.8.8:443"]);
    }

    /// The user named the proxy, so it may be anywhere; what a URL is pinned to
    /// is not where its proxy is.
    #[tokio::test]
    async fn a_proxy_is_found_by_its_own_name() {
        for (exempt, allowed) in [(true, true), (false, false)] {
            let proxy = ProxyHost { host: "localhost".into(), port: 3128, exempt };
            let resolver = resolver(Reach::Public, "a.example:443:8.8.8.8", Some(proxy));
            let found = resolver.resolve(name("localhost")).await;
            assert_eq!(found.is_ok(), allowed);
            assert!(found.into_iter().flatten().all(|address| address.port() == 3128 && address.ip().is_loopback()));
        }
    }
}
