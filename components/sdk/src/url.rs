//! The parts of a URL, borrowed.

/// An absolute `http` or `https` URL as the WHATWG URL standard serialises it,
/// taken apart without copying or decoding.
///
/// ```
/// use turbo_component::Url;
///
/// let url = Url::parse("https://a.example:8443/x/y%20z?q=1").unwrap();
/// assert_eq!((url.scheme, url.host), ("https", "a.example:8443"));
/// assert_eq!((url.path, url.query), ("/x/y%20z", Some("q=1")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host in lower case, with the port where it is not the scheme's own, so
    /// that comparing with a bare host name refuses odd ports.
    pub host: &'a str,
    /// Percent-encoded path; begins with `/`.
    pub path: &'a str,
    /// What follows the question mark.
    pub query: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; `None` for what the engine never asks: another
    /// scheme, credentials, a fragment, or no path.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = match text.strip_prefix("https://") {
            Some(rest) => ("https", rest),
            None => ("http", text.strip_prefix("http://")?),
        };
        let (host, tail) = rest.split_at_checked(rest.find('/')?)?;
        let (path, query) = match tail.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (tail, None),
        };
        let is_odd = |byte| matches!(byte, b'@' | b'?' | b'#');
        let usable = !host.is_empty() && !host.bytes().any(is_odd) && !tail.contains('#');
        usable.then_some(Self { scheme, host, path, query })
    }

    /// Whether the host is `domain` or a subdomain of it.
    ///
    /// ```
    /// use turbo_component::Url;
    ///
    /// let url = Url::parse("https://dl.files.example/a").unwrap();
    /// assert!(url.is_under("files.example"));
    /// assert!(!url.is_under("les.example"));
    /// ```
    pub fn is_under(&self, domain: &str) -> bool {
        match self.host.strip_suffix(domain) {
            Some(front) => front.is_empty() || front.ends_with('.'),
            None => false,
        }
    }

    /// The last segment of the path. `None` for a folder, and for a URL with a
    /// query, which may mean anything.
    ///
    /// ```
    /// use turbo_component::Url;
    ///
    /// let file = |text| Url::parse(text).unwrap().file();
    /// assert_eq!(file("https://a.example/dir/file"), Some("file"));
    /// assert_eq!(file("https://a.example/dir/"), None);
    /// assert_eq!(file("https://a.example/dir/file?raw"), None);
    /// ```
    pub fn file(&self) -> Option<&'a str> {
        let (_, name) = self.path.rsplit_once('/')?;
        (self.query.is_none() && !name.is_empty()).then_some(name)
    }

    /// The first `N` segments of the path and the non-empty rest behind them;
    /// `None` when the path is shorter or one of the segments is empty.
    ///
    /// ```
    /// use turbo_component::Url;
    ///
    /// let url = Url::parse("https://a.example/owner/name/v1/dir/file").unwrap();
    /// assert_eq!(url.split_path(), Some((["owner", "name"], "v1/dir/file")));
    /// assert_eq!(url.split_path::<5>(), None);
    /// ```
    pub fn split_path<const N: usize>(&self) -> Option<([&'a str; N], &'a str)> {
        let mut rest = self.path.strip_prefix('/')?;
        let mut segments = [""; N];
        for segment in &mut segments {
            let (first, after) = rest.split_once('/')?;
            if first.is_empty() {
                return None;
            }
            (*segment, rest) = (first, after);
        }
        (!rest.is_empty()).then_some((segments, rest))
    }
}

/// Whether a git reference is a full commit hash: the only reference that
/// names the same bytes for ever.
pub fn is_commit_hash(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_the_engine_never_asks() {
        for text in [
            "",
            "https://",
            "https:///x",
            "https://host",
            "https://host?x/y",
            "file:///etc/passwd",
            "https://me:pw@host/x",
            "https://host/x#part",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_segment_is_not_a_name() {
        let url = Url::parse("https://host//name/file").unwrap();
        assert_eq!(url.split_path::<1>(), None);
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(text in "https?://[a-z.]{1,9}/[^#]{0,30}") {
            let url = Url::parse(&text).unwrap();
            let mut whole = [url.scheme, "://", url.host, url.path].concat();
            if let Some(query) = url.query {
                whole = [&whole, "?", query].concat();
            }
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            if let Some(url) = Url::parse(&text) {
                let _ = url.split_path::<3>();
            }
        }
    }
}
