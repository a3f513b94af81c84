//! URLs as the engine may show, compare and share them.

use std::fmt;

use url::{Host, Url};

/// Shows a URL without what may be a secret: user, password and the values of
/// the query (signed links carry their signature there).
#[derive(Clone, Copy)]
pub struct DisplayUrl<'a>(pub &'a Url);

impl fmt::Display for DisplayUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        write!(f, "{}://", url.scheme())?;
        if !url.username().is_empty() || url.password().is_some() {
            f.write_str("[redacted]@")?;
        }
        f.write_str(url.host_str().unwrap_or(""))?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())?;
        if url.query().is_some() {
            f.write_str("?[redacted]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DisplayUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Scheme, host and port: the scope of a credential (RFC 6454 section 4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an `http` or `https` URL.
    pub fn of(url: &Url) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().unwrap_or("").trim_end_matches('.').to_owned(),
            port: url.port_or_known_default().unwrap_or(0),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// Names that a query parameter with a secret in it tends to contain.
const SECRET_NAMES: [&str; 11] =
    ["token", "sig", "key", "auth", "secret", "credential", "passw", "session", "policy", "expires", "amz-"];

/// Longest query value that is taken for an ordinary option.
const PLAIN_VALUE_BYTES: usize = 24;

/// Whether a URL may be told to mirrors: no user, no password, and no query
/// parameter that looks like a credential. Long values count as one, because a
/// signature need not be named as such.
pub fn is_shareable(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query_pairs().all(|(name, value)| {
            let name = name.to_ascii_lowercase();
            value.len() <= PLAIN_VALUE_BYTES && !SECRET_NAMES.iter().any(|secret| name.contains(secret))
        })
}

/// Whether a URL leads to this machine by the way it is written, before any
/// name is looked up: `localhost` and what is below it (RFC 6761 section 6.3),
/// or a loopback address. What goes there crosses no network.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn shows_no_secret() {
        let shown = DisplayUrl(&url("https://me:pw@host:8443/a?X-Sig=abc#frag")).to_string();
        assert_eq!(shown, "https://[redacted]@host:8443/a?[redacted]");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(Origin::of(&url("https://a.example/x")), Origin::of(&url("https://a.example:443/y")));
        assert_ne!(Origin::of(&url("https://a.example/x")), Origin::of(&url("http://a.example/x")));
        assert_ne!(Origin::of(&url("https://a.example/x")), Origin::of(&url("https://a.example:444/x")));
    }

    #[test]
    fn a_signed_url_is_not_shared() {
        assert!(is_shareable(&url("https://h/f?download=true")));
        assert!(!is_shareable(&url("https://h/f?X-Amz-Signature=1")));
        assert!(!is_shareable(&url("https://h/f?q=0123456789012345678901234567890")));
        assert!(!is_shareable(&url("https://me@h/f")));
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for here in [
            "http://localhost:5000/x",
            "http://LOCALHOST/",
            "http://a.localhost/",
            "http://127.0.0.1:80/",
            "http://127.1.2.3/",
            "http://2130706433/",
            "http://[::1]/",
        ] {
            assert!(is_this_machine(&url(here)), "{here}");
        }
        for elsewhere in [
            "http://h.example/",
            "http://localhost.example/",
            "http://evillocalhost/",
            "http://127.0.0.1.example/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "http://[::2]/",
            "file:///localhost",
        ] {
            assert!(!is_this_machine(&url(elsewhere)), "{elsewhere}");
        }
    }
}
