//! Where to find the proxy.

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// Schemes of proxies that the client speaks. It would pass over any other in
/// silence and connect directly, which is the last thing a user of a proxy wants.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
/// How desktops write a SOCKS proxy into `all_proxy`, by which they mean
/// version 5. (curl takes it for version 4, and fails at most of them.)
const DESKTOP_SOCKS: &str = "socks";
/// Port of a SOCKS proxy that names none (RFC 1928).
const SOCKS_PORT: u16 = 1080;

/// The address of a proxy: `http://HOST:PORT`, or `HOST:PORT`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

/// A text that is no address of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// A scheme that the client does not speak.
    #[error("`{0}` is not a proxy's scheme; http, https, socks4, socks4a, socks5 and socks5h are")]
    Scheme(String),
    /// Something else is wrong with it.
    #[error("the proxy's address is not a URL: {0}")]
    Shape(url::ParseError),
    /// A variable of bytes that are no text.
    #[error("the proxy's address is not UTF-8")]
    NotText,
}

impl ProxyUrl {
    /// The address, its login included.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Its host and port.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        let url = Url::parse(&self.0).expect("checked when it was read");
        let host = url.host_str().unwrap_or_default().to_owned();
        (host, url.port_or_known_default().unwrap_or(SOCKS_PORT))
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
        let whole = match text.split_once("://") {
            None => format!("http://{text}"),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(DESKTOP_SOCKS) => format!("socks5://{rest}"),
            // The client knows schemes in lower case alone.
            Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        };
        let url = Url::parse(&whole).map_err(ProxyUrlError::Shape)?;
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
        let url = Url::parse(&self.0).expect("it was parsed before");
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What names a proxy.
#[derive(Debug, Clone)]
pub enum ProxySetting {
    /// An address.
    Readable(ProxyUrl),
    /// Something that is none. It matters only where it would be used.
    Unreadable(UnreadableProxy),
}

/// A variable that names no proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy that {variable} names cannot be used")]
pub struct UnreadableProxy {
    /// The variable.
    pub variable: String,
    /// What is wrong with it.
    pub source: ProxyUrlError,
}

impl ProxySetting {
    /// Reads what a variable says.
    pub fn of_variable(variable: &str, value: &OsStr) -> Self {
        let read = value.to_str().ok_or(ProxyUrlError::NotText).and_then(str::parse);
        match read {
            Ok(proxy) => Self::Readable(proxy),
            Err(source) => Self::Unreadable(UnreadableProxy { variable: variable.to_owned(), source }),
        }
    }
}

/// Where to find the proxy.
#[derive(Debug, Clone, Default)]
pub struct ProxyOptions {
    /// Proxy for `http` URLs.
    pub http: Option<ProxySetting>,
    /// Proxy for `https` URLs.
    pub https: Option<ProxySetting>,
    /// Hosts that are reached directly, in the form of `NO_PROXY`.
    pub bypass: Option<String>,
}

impl ProxyOptions {
    /// Whether no host at all is reached by a proxy. The client would take the
    /// asterisk for names alone, and send addresses to the proxy.
    pub(super) fn bypasses_all(&self) -> bool {
        self.bypass.as_deref().is_some_and(|list| list.trim() == "*")
    }

    /// The proxy that a URL is reached by; none when it is reached directly.
    /// An error where the variable that would decide cannot be read.
    pub fn of_url(&self, url: &Url) -> Result<Option<&ProxyUrl>, UnreadableProxy> {
        let setting = if url.scheme() == "https" { &self.https } else { &self.http };
        match setting {
            None => Ok(None),
            Some(_) if self.bypasses(url) => Ok(None),
            Some(ProxySetting::Readable(proxy)) => Ok(Some(proxy)),
            Some(ProxySetting::Unreadable(error)) => Err(error.clone()),
        }
    }

    /// Whether a URL is reached directly, as the client itself will decide it.
    fn bypasses(&self, url: &Url) -> bool {
        let Some(list) = self.bypass.as_deref() else { return false };
        let Ok(uri) = url.as_str().parse() else { return false };
        self.bypasses_all() || Matcher::builder().all("http://proxy.invalid").no(list).build().intercept(&uri).is_none()
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
            ("socks://127.0.0.1:1080/", "socks5://127.0.0.1:1080"),
            ("SOCKS5h://Proxy", "socks5h://Proxy"),
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

    fn variable(value: &str) -> ProxySetting {
        ProxySetting::of_variable("all_proxy", OsStr::new(value))
    }

    /// A variable that cannot be read is in nobody's way who does not need it.
    #[test]
    fn what_is_unreadable_is_an_error_where_it_is_used() {
        let options = ProxyOptions {
            http: Some(variable("http://good:1")),
            https: Some(variable("gopher://bad")),
            bypass: Some("direct.example, 127.0.0.0/8".into()),
        };
        let of = |url: &str| options.of_url(&url.parse().expect("a URL")).map(|proxy| proxy.map(ToString::to_string));
        assert_eq!(of("http://a.example/"), Ok(Some("http://good:1".into())));
        for direct in
            ["https://direct.example/", "https://b.direct.example:8443/x", "https://127.0.0.9/", "http://127.1/"]
        {
            assert_eq!(of(direct), Ok(None), "{direct}");
        }
        let error = of("https://a.example/").expect_err("it would be used");
        assert_eq!((error.variable.as_str(), error.source), ("all_proxy", ProxyUrlError::Scheme("gopher".into())));
        let all = ProxyOptions { bypass: Some(" * ".into()), ..options.clone() };
        assert_eq!(all.of_url(&"https://a.example/".parse().expect("a URL")), Ok(None));
    }

    #[test]
    fn a_proxy_has_a_host_and_a_port() {
        for (text, host, port) in
            [("proxy", "proxy", 80), ("https://p:1", "p", 1), ("socks://s", "s", 1080), ("https://p", "p", 443)]
        {
            assert_eq!(
                text.parse::<ProxyUrl>().map(|proxy| proxy.host_and_port()),
                Ok((host.to_owned(), port)),
                "{text}"
            );
        }
    }
}
