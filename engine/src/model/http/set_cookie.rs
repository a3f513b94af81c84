//! `Set-Cookie` (RFC 6265): cookies of one run, kept in memory for the origin
//! that set them.
//!
//! Stricter than a browser where that costs nothing: scheme, host and port have
//! to be the same, so a `Domain` widens nothing. What is malformed, too long or
//! one too many is passed over, as section 5.2 asks.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::model::{Origin, Secret};

/// Longest name and value together (RFC 6265 section 6.1).
const MOST_COOKIE_BYTES: usize = 4096;
/// Most cookies of one origin, as section 6.1 asks of browsers.
const MOST_COOKIES: usize = 50;
/// Most origins that are remembered.
const MOST_ORIGINS: usize = 64;
/// An expiry that does not come.
const NEVER: i64 = i64::MAX;

/// Cookies by origin.
#[derive(Debug, Default)]
pub struct Jar(BTreeMap<String, Vec<JarCookie>>);

/// One cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JarCookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
    path: String,
    secure: bool,
    /// Seconds since 1970.
    expires: i64,
}

impl Jar {
    /// Takes what an answer of `url` sets. `now` is in seconds since 1970.
    pub fn learn<'a>(&mut self, url: &Url, values: impl IntoIterator<Item = &'a [u8]>, now: i64) {
        let cookies = values.into_iter().filter_map(|value| JarCookie::parse(value, url, now));
        for cookie in cookies.take(MOST_COOKIES) {
            let origin = Origin::of(url).to_string();
            if self.0.len() >= MOST_ORIGINS && !self.0.contains_key(&origin) {
                return;
            }
            let known = self.0.entry(origin).or_default();
            known.retain(|other| (&other.name, &other.path) != (&cookie.name, &cookie.path) && other.expires > now);
            if cookie.expires > now {
                if known.len() >= MOST_COOKIES {
                    known.remove(0);
                }
                known.push(cookie);
            }
        }
    }

    /// The cookies for a request, longer paths first.
    pub fn of(&self, url: &Url, now: i64) -> Vec<JarCookie> {
        let known = self.0.get(&Origin::of(url).to_string()).map(Vec::as_slice).unwrap_or_default();
        let mut own: Vec<JarCookie> = known.iter().filter(|cookie| cookie.is_for(url, now)).cloned().collect();
        own.sort_by_key(|cookie| Reverse(cookie.path.len()));
        own
    }
}

impl JarCookie {
    fn parse(value: &[u8], url: &Url, now: i64) -> Option<Self> {
        let text = str::from_utf8(value).ok()?;
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let is_whole = !name.is_empty() && name.len() + value.len() <= MOST_COOKIE_BYTES;
        if !is_whole || name.chars().chain(value.chars()).any(char::is_control) {
            return None;
        }
        let mut cookie = Self {
            name: name.to_owned(),
            value: Secret::new(value),
            path: default_path(url),
            secure: false,
            expires: NEVER,
        };
        let mut has_age = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => {
                    // It counts for more than Expires (section 5.3).
                    if let Some(age) = age(value) {
                        cookie.expires = now.saturating_add(age);
                        has_age = true;
                    }
                }
                "expires" if !has_age => cookie.expires = date(value).unwrap_or(cookie.expires),
                _ => {}
            }
        }
        // Whoever answers on a plain connection could plant it.
        (!cookie.secure || url.scheme() == "https").then_some(cookie)
    }

    fn is_for(&self, url: &Url, now: i64) -> bool {
        let below = url.path().strip_prefix(self.path.as_str());
        below.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'))
            && (!self.secure || url.scheme() == "https")
            && self.expires > now
    }
}

/// The folder of the path (section 5.1.4).
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

/// Seconds; one that is not positive is over.
fn age(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(if text.starts_with('-') { 0 } else { digits.parse().unwrap_or(NEVER) })
}

/// The dates of HTTP, and those that Netscape wrote with hyphens. What is
/// neither lasts as long as the run.
fn date(text: &str) -> Option<i64> {
    let parsed =
        httpdate::parse_http_date(text).or_else(|_| httpdate::parse_http_date(&text.replace('-', " "))).ok()?;
    let since = parsed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    fn sent(set: &[&str], by: &str, to: &str) -> Vec<String> {
        let mut jar = Jar::default();
        jar.learn(&url(by), set.iter().map(|value| value.as_bytes()), NOW);
        jar.of(&url(to), NOW).iter().map(|cookie| format!("{}={}", cookie.name, cookie.value.expose())).collect()
    }

    #[test]
    fn a_cookie_goes_back_to_its_origin_alone() {
        let set = &["sid=1; Path=/; Domain=.example; HttpOnly"];
        assert_eq!(sent(set, "https://a.example/d/f", "https://a.example/x"), ["sid=1"]);
        for other in ["http://a.example/", "https://a.example:8443/", "https://b.a.example/", "https://b.example/"] {
            assert!(sent(set, "https://a.example/d/f", other).is_empty(), "{other}");
        }
    }

    #[test]
    fn attributes_are_honoured() {
        let to = |set: &str, path: &str| sent(&[set], "http://a/d/f", &format!("http://a{path}")).len();
        for (set, path, count) in [
            ("a=1", "/d/g", 1),
            ("a=1", "/d", 1),
            ("a=1", "/e", 0),
            ("a=1; path=/", "/e", 1),
            ("a=1; path=e", "/d/x", 1),
            ("a=1; Secure", "/d/f", 0),
            ("a=1; Max-Age=0", "/d/f", 0),
            ("a=1; max-age=-5", "/d/f", 0),
            ("a=1; max-age=60; expires=Thu, 01 Jan 1970 00:00:00 GMT", "/d/f", 1),
            ("a=1; max-age=99999999999999999999", "/d/f", 1),
            ("a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "/d/f", 0),
            ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/d/f", 0),
            ("a=1; Expires=some day", "/d/f", 1),
        ] {
            assert_eq!(to(set, path), count, "{set} {path}");
        }
        assert_eq!(sent(&["a=1; Secure"], "https://a/", "https://a/"), ["a=1"]);
        assert_eq!(
            sent(&["a=1", "a=2", "b=; Max-Age=9", "a=3; Path=/d/e"], "http://a/d/f", "http://a/d/e/x"),
            ["a=3", "a=2", "b="]
        );
    }

    #[test]
    fn hostile_cookies_are_passed_over() {
        let long = format!("a={}", "v".repeat(MOST_COOKIE_BYTES));
        for set in ["", "=", "=x", "novalue", "a=\u{1}", "\u{7f}=1", &long] {
            assert!(sent(&[set], "http://a/", "http://a/").is_empty(), "{set:?}");
        }
        let many: Vec<String> = (0..1000).map(|n| format!("n{n}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(sent(&many, "http://a/", "http://a/").len(), MOST_COOKIES);
        let mut jar = Jar::default();
        (0..1000).for_each(|n| jar.learn(&url(&format!("http://h{n}/")), [&b"a=1"[..]], NOW));
        assert_eq!(jar.0.len(), MOST_ORIGINS);
        assert!(!format!("{jar:?}").contains("\"1\""));
    }

    proptest! {
        #[test]
        fn any_value_is_survived(value in "(a=|Path=|/|Max-Age=|Expires=|[;,= \u{7f}é0-9-]){0,20}") {
            for sent in sent(&[&value], "http://a/d/f", "http://a/d/f") {
                prop_assert!(!sent.contains(';') && !sent.contains(char::is_control), "{}", sent);
            }
        }
    }
}
