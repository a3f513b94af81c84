//! What the user gave for one origin, and for no other.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use url::Url;

use crate::model::Origin;
use crate::model::files::CookieFile;
use crate::model::http::JarCookie;

/// Longest `Cookie` field, as curl has it: servers refuse longer ones.
const MOST_FIELD_BYTES: usize = 8190;

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
    /// those alone that are for this very path. `newer` are the cookies that the
    /// server has set in this run. They take the place of those of the same name
    /// in the file, which was read before they were set and is not written; a
    /// field given with -H says what it says.
    pub(super) fn fields(&self, url: &Url, newer: &[JarCookie]) -> HeaderMap {
        if !self.is_for(url) {
            return HeaderMap::new();
        }
        let mut fields = self.headers.clone();
        let is_newer = |name: &str| newer.iter().any(|cookie| cookie.name == name);
        let own = |cookies: &Arc<CookieFile>| cookies.field_without(url, seconds_since_1970(), is_newer);
        if let Some(own) = self.cookies.as_ref().and_then(own) {
            add_cookies(&mut fields, &own);
        }
        fields
    }
}

/// Adds the cookies of this run to a request's fields, but for those that the
/// user gives a value of their own, up to the length that servers take.
pub(super) fn add_newer_cookies(fields: &mut HeaderMap, newer: &[JarCookie]) {
    let given: Vec<String> = fields.get_all(COOKIE).iter().flat_map(|value| names(value.as_bytes())).collect();
    let mut length: usize = fields.get_all(COOKIE).iter().map(|value| value.len() + 2).sum();
    for cookie in newer.iter().filter(|cookie| !given.contains(&cookie.name)) {
        let pair = format!("{}={}", cookie.name, cookie.value.expose());
        length += pair.len() + 2;
        if length > MOST_FIELD_BYTES {
            return;
        }
        if let Ok(value) = HeaderValue::try_from(pair) {
            add_cookies(fields, &value);
        }
    }
}

fn names(field: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(field);
    text.split(';').map(|pair| pair.split('=').next().unwrap_or_default().trim().to_owned()).collect()
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
pub(super) fn seconds_since_1970() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::http::Jar;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn everything_goes_to_its_origin_alone() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("secret"));
        let cookies = CookieFile::parse(b".example\tTRUE\t/\tFALSE\t0\tn\tv\na.example\tTRUE\t/\tFALSE\t0\tm\tw");
        let scoped = Scoped::new(&url("https://a.example/"), headers, Some(Arc::new(cookies.expect("two cookies").0)));
        let sent = scoped.fields(&url("https://a.example/other"), &[]);
        assert_eq!((&sent["authorization"], &sent[COOKIE]), (&"secret".parse().unwrap(), &"m=w".parse().unwrap()));
        for other in [
            "http://a.example/",
            "https://a.example:8443/",
            "https://b.a.example/",
            "https://b.example/",
            "https://a.example.evil/",
        ] {
            assert!(scoped.fields(&url(other), &[]).is_empty(), "{other}");
        }
    }

    #[test]
    fn cookies_join_those_given_as_a_field() {
        let mut headers = HeaderMap::new();
        for given in ["a=1", "b=2; c=3"] {
            headers.append(COOKIE, HeaderValue::from_static(given));
        }
        let (cookies, _) = CookieFile::parse(b"a.example\tFALSE\t/d\tFALSE\t0\tn\tv").expect("a cookie");
        let scoped = Scoped::new(&url("http://a.example/"), headers, Some(Arc::new(cookies)));
        let sent = |path: &str| scoped.fields(&url(path), &[]).get_all(COOKIE).iter().cloned().collect::<Vec<_>>();
        assert_eq!(sent("http://a.example/d/f"), ["a=1; b=2; c=3; n=v"]);
        assert_eq!(sent("http://a.example/f"), ["a=1", "b=2; c=3"]);
    }

    #[test]
    fn cookies_of_this_run_join_those_of_the_user() {
        let set = |value: &str| {
            let mut jar = Jar::default();
            jar.learn(&url("http://a.example/"), [value.as_bytes()], 0);
            jar.of(&url("http://a.example/"), 0)
        };
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("mine=1"));
        let (cookies, _) = CookieFile::parse(b"a.example\tFALSE\t/\tFALSE\t0\tsid\told").expect("a cookie");
        let scoped = Scoped::new(&url("http://a.example/"), headers, Some(Arc::new(cookies)));
        let sent = |newer: &[JarCookie]| {
            let mut fields = scoped.fields(&url("http://a.example/"), newer);
            add_newer_cookies(&mut fields, newer);
            assert!(fields.get_all(COOKIE).iter().count() == 1 && fields[COOKIE].is_sensitive());
            String::from_utf8(fields[COOKIE].as_bytes().to_vec()).expect("text")
        };
        assert_eq!(sent(&[]), "mine=1; sid=old");
        assert_eq!(sent(&set("b=2")), "mine=1; sid=old; b=2");
        assert_eq!(sent(&set("sid=new")), "mine=1; sid=new");
        assert_eq!(sent(&set("mine=theirs")), "mine=1; sid=old");
    }
}
