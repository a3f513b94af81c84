//! Where to find the proxy.

use std::fmt;
use std::str::FromStr;

/// Schemes of proxies that the client speaks. It would pass over any other in
/// silence and connect directly, which is the last thing a user of a proxy wants.
const SCHEMES: [&str; 5] = ["http", "https", "socks4", "socks5", "socks5h"];

/// The address of a proxy: `http://HOST:PORT`, or `HOST:PORT`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

/// A text that is no address of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// A scheme that the client does not speak.
    #[error("`{0}` is not a proxy's scheme; http, https, socks4, socks5 and socks5h are")]
    Scheme(String),
    /// Something else is wrong with it.
    #[error("the proxy's address is not a URL: {0}")]
    Shape(url::ParseError),
}

impl ProxyUrl {
    /// The address, its login included.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        // The parser of URLs drops some of these; shown, they would drive a terminal.
        let text = text.trim();
        if text.contains(char::is_control) {
            return Err(ProxyUrlError::Shape(url::ParseError::InvalidDomainCharacter));
        }
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = url::Url::parse(&whole).map_err(ProxyUrlError::Shape)?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(ProxyUrlError::Scheme(url.scheme().to_owned()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(ProxyUrlError::Shape(url::ParseError::EmptyHost));
        }
        Ok(Self(whole))
    }
}

/// Without the login.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By the parser: an `@` may stand in the path as well, and what is behind it is no host.
        let url = url::Url::parse(&self.0).expect("it was parsed before");
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where to find the proxy.
#[derive(Debug, Clone, Default)]
pub struct ProxyOptions {
    /// Proxy for `http` URLs.
    pub http: Option<ProxyUrl>,
    /// Proxy for `https` URLs.
    pub https: Option<ProxyUrl>,
    /// Hosts that are reached directly, in the form of `NO_PROXY`.
    pub bypass: Option<String>,
}

impl ProxyOptions {
    /// Whether no host at all is reached by a proxy. The client would take the
    /// asterisk for names alone, and send addresses to the proxy.
    pub(super) fn bypasses_all(&self) -> bool {
        self.bypass.as_deref().is_some_and(|list| list.trim() == "*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_curl_reads_and_shows_no_login() {
        for (text, shown) in [
            ("proxy:3128", "http://proxy:3128"),
            ("http://user:secret@proxy:3128", "http://proxy:3128"),
            ("user:secret@proxy:3128", "http://proxy:3128"),
            ("socks5h://u:p@ss@proxy", "socks5h://proxy"),
            ("http://u:p@proxy:3128/a@b", "http://proxy:3128"),
            (" http://proxy:3128\n", "http://proxy:3128"),
        ] {
            assert_eq!(
                text.parse::<ProxyUrl>().map(|proxy| format!("{proxy} {proxy:?}")),
                Ok(format!("{shown} {shown}"))
            );
        }
    }

    #[test]
    fn refuses_what_would_be_passed_over() {
        assert_eq!("gopher://proxy".parse::<ProxyUrl>(), Err(ProxyUrlError::Scheme("gopher".into())));
        for text in ["http://", "://", "a b", "http://pro\nxy", "http://proxy/\u{1b}[2J"] {
            assert!(text.parse::<ProxyUrl>().is_err(), "{text}");
        }
    }
}
