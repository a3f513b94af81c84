//! What the user gave for one origin, and for no other.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use url::Url;

use crate::model::Origin;
use crate::model::files::CookieFile;

/// Header fields and cookies, credentials among them, for their exact origin.
#[derive(Debug, Clone)]
pub struct Scoped {
    origin: Origin,
    headers: HeaderMap,
    cookies: Option<Arc<CookieFile>>,
}

impl Scoped {
    /// Fields and cookies for the origin of `url`.
    pub fn new(url: &Url, headers: HeaderMap, cookies: Option<Arc<CookieFile>>) -> Self {
        Self { origin: Origin::of(url), headers, cookies }
    }

    /// The header fields, without cookies from the file.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether a URL is of the origin that all this was given for.
    pub(super) fn is_for(&self, url: &Url) -> bool {
        self.origin == Origin::of(url)
    }

    /// The fields of a request: none for another origin, and of the cookies
    /// those alone that are for this very path.
    pub(super) fn fields(&self, url: &Url) -> HeaderMap {
        if !self.is_for(url) {
            return HeaderMap::new();
        }
        let mut fields = self.headers.clone();
        if let Some(own) = self.cookies.as_ref().and_then(|cookies| cookies.field(url, seconds_since_1970())) {
            add_cookies(&mut fields, &own);
        }
        fields
    }
}

/// A request has one `Cookie` field (RFC 6265 section 5.4).
fn add_cookies(fields: &mut HeaderMap, own: &HeaderValue) {
    let given: Vec<&HeaderValue> = fields.get_all(COOKIE).iter().collect();
    let all: Vec<&[u8]> = given.into_iter().chain([own]).map(HeaderValue::as_bytes).collect();
    let mut joined = HeaderValue::from_bytes(&all.join(&b"; "[..])).expect("values joined by a value");
    joined.set_sensitive(true);
    fields.insert(COOKIE, joined);
}

/// A clock that shows less than 1970 makes no cookie expire.
fn seconds_since_1970() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn everything_goes_to_its_origin_alone() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("secret"));
        let cookies = CookieFile::parse(b".example\tTRUE\t/\tFALSE\t0\tn\tv\na.example\tTRUE\t/\tFALSE\t0\tm\tw");
        let scoped = Scoped::new(&url("https://a.example/"), headers, Some(Arc::new(cookies.expect("two cookies"))));
        let sent = scoped.fields(&url("https://a.example/other"));
        assert_eq!((&sent["authorization"], &sent[COOKIE]), (&"secret".parse().unwrap(), &"m=w".parse().unwrap()));
        for other in [
            "http://a.example/",
            "https://a.example:8443/",
            "https://b.a.example/",
            "https://b.example/",
            "https://a.example.evil/",
        ] {
            assert!(scoped.fields(&url(other)).is_empty(), "{other}");
        }
    }

    #[test]
    fn cookies_join_those_given_as_a_field() {
        let mut headers = HeaderMap::new();
        for given in ["a=1", "b=2; c=3"] {
            headers.append(COOKIE, HeaderValue::from_static(given));
        }
        let cookies = CookieFile::parse(b"a.example\tFALSE\t/d\tFALSE\t0\tn\tv").expect("a cookie");
        let scoped = Scoped::new(&url("http://a.example/"), headers, Some(Arc::new(cookies)));
        let sent = |path: &str| scoped.fields(&url(path)).get_all(COOKIE).iter().cloned().collect::<Vec<_>>();
        assert_eq!(sent("http://a.example/d/f"), ["a=1; b=2; c=3; n=v"]);
        assert_eq!(sent("http://a.example/f"), ["a=1", "b=2; c=3"]);
    }
}
