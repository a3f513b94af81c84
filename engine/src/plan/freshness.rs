//! Whether a stored response may still be used (RFC 9111).
//!
//! Judged as a private cache of one user. There is no heuristic freshness: a
//! file without an explicit lifetime is revalidated each time, because one
//! conditional request costs less than an outdated file.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, COOKIE, DATE, ETAG, EXPIRES,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, PRAGMA, PROXY_AUTHORIZATION, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, request};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};
use serde::{Deserialize, Serialize};

use crate::model::http::{Agreement, Validators};

/// The response fields that decide on freshness, and are all that is kept.
const KEPT: [HeaderName; 9] =
    [CACHE_CONTROL, PRAGMA, EXPIRES, DATE, AGE, ETAG, LAST_MODIFIED, VARY, CONTENT_DISPOSITION];

/// The largest number of seconds that a cache needs to tell apart (RFC 9111
/// section 1.2.2); sums of it with any real duration do not overflow.
const MOST_SECONDS: u64 = 1 << 31;

const OPTIONS: CacheOptions = CacheOptions {
    shared: false,
    cache_heuristic: 0.0,
    immutable_min_time_to_live: Duration::from_hours(24),
    ignore_cargo_cult: false,
};

/// What may be done with a stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// Use it without asking.
    Fresh,
    /// Send the request with these fields: a 304 says that the file still holds.
    Revalidate {
        /// `If-None-Match` or `If-Modified-Since`.
        headers: HeaderMap,
    },
    /// It answers another request, or nothing can tell whether it still holds.
    Unusable,
}

/// What must be remembered of a response to judge it later.
///
/// Serialised into the cache's index; a value that was tampered with is
/// `Unusable` at worst.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// Seconds since 1970 at which the response came in.
    received_at: u64,
    /// Response fields, by lower-case name.
    response: BTreeMap<String, String>,
    /// The request fields that `Vary` names.
    request: BTreeMap<String, String>,
}

impl StoredResponse {
    /// Remembers a complete response (a 200, or the 206s that add up to one),
    /// or nothing where it must not be stored or could never be used again.
    ///
    /// A request with credentials stores nothing: `Authorization`, `Cookie`,
    /// or any value marked sensitive.
    pub fn new(request: &HeaderMap, response: &HeaderMap, now: SystemTime) -> Option<Self> {
        if has_credentials(request) || is_coded(response) {
            return None;
        }
        Self::storable(request, all_kept(response), now)
    }

    fn storable(request: &HeaderMap, response: BTreeMap<String, String>, now: SystemTime) -> Option<Self> {
        let varied = varied(&response, request)?;
        let received_at = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let stored = Self { received_at, response, request: varied };
        let policy = stored.policy()?;
        let usable = !stored.validators().is_empty() || !policy.is_stale(now);
        (usable && policy.is_storable()).then_some(stored)
    }

    /// What may be done with the file for another request of the same URL.
    pub fn freshness(&self, request: &HeaderMap, now: SystemTime) -> Freshness {
        let Some((policy, varied)) = self.policy().zip(varied(&self.response, request)) else {
            return Freshness::Unusable;
        };
        let Some(mut asked) = asked(&varied) else { return Freshness::Unusable };
        for name in [CACHE_CONTROL, PRAGMA] {
            asked.headers.extend(kept(request, &name).and_then(|value| value.parse().ok()).map(|value| (name, value)));
        }
        // A response from the future tells only that a clock was wrong.
        if self.received_at().is_none_or(|received_at| received_at > now) {
            asked.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        match policy.before_request(&asked, now) {
            BeforeRequest::Fresh(_) => Freshness::Fresh,
            BeforeRequest::Stale { request, matches: true } => conditional(request.headers),
            BeforeRequest::Stale { .. } => Freshness::Unusable,
        }
    }

    /// The memory after a 304 to a conditional request (RFC 9111 section 4.3.4),
    /// or nothing where the 304 speaks of another representation or forbids
    /// to store it.
    pub fn renewed(&self, not_modified: &HeaderMap, now: SystemTime) -> Option<Self> {
        if self.validators().agrees(&Validators::of(not_modified)) == Agreement::Different {
            return None;
        }
        let mut response = self.response.clone();
        // Every 304 has an age of its own; that of the stored response is over.
        response.remove(AGE.as_str());
        response.extend(all_kept(not_modified));
        Self::storable(&headers(&self.request)?, response, now)
    }

    /// The validators of the response.
    pub fn validators(&self) -> Validators {
        headers(&self.response).map_or_else(Validators::default, |headers| Validators::of(&headers))
    }

    /// The fields that were kept: those of freshness, and the proposed name.
    pub fn headers(&self) -> HeaderMap {
        headers(&self.response).unwrap_or_default()
    }

    /// When the response came in.
    pub fn received_at(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.received_at))
    }

    fn policy(&self) -> Option<CachePolicy> {
        let mut response = Response::new(());
        // Once more, because the index may have been edited since: an age
        // beyond its bound would overflow inside the policy.
        *response.headers_mut() = headers(&all_kept(&headers(&self.response)?))?;
        Some(CachePolicy::new_options(&asked(&self.request)?, &response, self.received_at()?, OPTIONS))
    }
}

fn has_credentials(request: &HeaderMap) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].iter().any(|name| request.contains_key(name))
        || request.values().any(HeaderValue::is_sensitive)
}

/// Whether the body is not the file itself but a coding of it.
fn is_coded(response: &HeaderMap) -> bool {
    response.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn all_kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    KEPT.iter().filter_map(|name| Some((name.as_str().to_owned(), kept(headers, name)?))).collect()
}

/// A field in the form that the policy reads: lists on one line, directives in
/// lower case, ages in bounds. A single value that is repeated says nothing.
fn kept(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    match name {
        _ if lines.is_empty() => None,
        &CACHE_CONTROL | &PRAGMA | &VARY => Some(lines.join(", ").to_ascii_lowercase()),
        _ if lines.len() > 1 => None,
        &AGE => lines[0].trim().parse::<u64>().ok().map(|seconds| seconds.min(MOST_SECONDS).to_string()),
        _ => Some(lines[0].trim().to_owned()),
    }
}

/// The fields of a request that the response depends on; none of it can be
/// told where that is `*`.
fn varied(response: &BTreeMap<String, String>, request: &HeaderMap) -> Option<BTreeMap<String, String>> {
    let names = response.get(VARY.as_str()).map_or("", String::as_str).split(',').map(str::trim);
    let mut varied = BTreeMap::new();
    for name in names.filter(|name| !name.is_empty()) {
        if name == "*" {
            return None;
        }
        let name: HeaderName = name.parse().ok()?;
        let lines: Vec<&str> = request.get_all(&name).iter().map(HeaderValue::to_str).collect::<Result<_, _>>().ok()?;
        if !lines.is_empty() {
            varied.insert(name.as_str().to_owned(), lines.join(", "));
        }
    }
    Some(varied)
}

fn headers(fields: &BTreeMap<String, String>) -> Option<HeaderMap> {
    fields.iter().map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?))).collect()
}

/// A request as the policy compares it. The URL is the key of the index and
/// matches by construction, so that any fixed one will do.
fn asked(fields: &BTreeMap<String, String>) -> Option<request::Parts> {
    let mut request = Request::new(());
    *request.headers_mut() = headers(fields)?;
    Some(request.into_parts().0)
}

fn conditional(request: HeaderMap) -> Freshness {
    let condition = |(name, _): &(Option<HeaderName>, HeaderValue)| {
        name.as_ref().is_some_and(|name| [IF_NONE_MATCH, IF_MODIFIED_SINCE].contains(name))
    };
    let headers: HeaderMap =
        request.into_iter().filter(condition).filter_map(|(name, value)| Some((name?, value))).collect();
    if headers.is_empty() { Freshness::Unusable } else { Freshness::Revalidate { headers } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DATE_TEXT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn at(seconds: u64) -> SystemTime {
        httpdate::parse_http_date(DATE_TEXT).unwrap() + Duration::from_secs(seconds)
    }

    fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn store(response: &[(&'static str, &str)]) -> Option<StoredResponse> {
        StoredResponse::new(&HeaderMap::new(), &map(response), at(0))
    }

    fn judge(stored: &StoredResponse, seconds: u64) -> Freshness {
        stored.freshness(&HeaderMap::new(), at(seconds))
    }

    fn revalidate(fields: &[(&'static str, &str)]) -> Freshness {
        Freshness::Revalidate { headers: map(fields) }
    }

    #[test]
    fn a_lifetime_is_followed() {
        let stored = store(&[("cache-control", "public, Max-Age=60"), ("etag", "\"a\"")]).unwrap();
        assert_eq!(judge(&stored, 59), Freshness::Fresh);
        assert_eq!(judge(&stored, 60), revalidate(&[("if-none-match", "\"a\"")]));
        let aged = store(&[("cache-control", "max-age=60"), ("age", "50"), ("etag", "\"a\"")]).unwrap();
        assert_eq!(judge(&aged, 9), Freshness::Fresh);
        assert_eq!(judge(&aged, 10), revalidate(&[("if-none-match", "\"a\"")]));
        let expires = store(&[("date", DATE_TEXT), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")]).unwrap();
        assert_eq!((judge(&expires, 59), judge(&expires, 60)), (Freshness::Fresh, Freshness::Unusable));
    }

    #[test]
    fn no_lifetime_is_guessed() {
        let stored = store(&[("last-modified", "Sun, 06 Nov 1988 08:49:37 GMT"), ("date", DATE_TEXT)]).unwrap();
        let condition = [("if-modified-since", "Sun, 06 Nov 1988 08:49:37 GMT")];
        assert_eq!(judge(&stored, 0), revalidate(&condition));
    }

    #[test]
    fn what_must_not_or_need_not_be_stored_is_not() {
        assert_eq!(store(&[("etag", "\"a\""), ("cache-control", "No-Store")]), None);
        assert_eq!(store(&[("etag", "\"a\""), ("vary", "accept, *")]), None);
        assert_eq!(store(&[("etag", "\"a\""), ("content-encoding", "gzip")]), None);
        assert_eq!(store(&[]), None, "nothing could ever tell that it still holds");
        assert!(store(&[("etag", "\"a\""), ("cache-control", "private"), ("content-encoding", "identity")]).is_some());
    }

    #[test]
    fn credentials_store_nothing() {
        let response = map(&[("etag", "\"a\"")]);
        for name in ["authorization", "cookie"] {
            assert_eq!(StoredResponse::new(&map(&[(name, "x")]), &response, at(0)), None);
        }
        let mut request = map(&[("x-token", "x")]);
        request.values_mut().for_each(|value| value.set_sensitive(true));
        assert_eq!(StoredResponse::new(&request, &response, at(0)), None);
    }

    #[test]
    fn another_variant_is_not_used() {
        let response = map(&[("etag", "\"a\""), ("cache-control", "max-age=60"), ("vary", "Accept-Language, X-B")]);
        let stored = StoredResponse::new(&map(&[("accept-language", "de")]), &response, at(0)).unwrap();
        assert_eq!(
            stored.freshness(&map(&[("accept-language", "de"), ("range", "bytes=0-1")]), at(1)),
            Freshness::Fresh
        );
        assert_eq!(stored.freshness(&map(&[("accept-language", "en")]), at(1)), Freshness::Unusable);
        assert_eq!(stored.freshness(&map(&[("accept-language", "de"), ("x-b", "1")]), at(1)), Freshness::Unusable);
    }

    #[test]
    fn the_user_may_ask_for_a_check() {
        let stored = store(&[("cache-control", "max-age=60"), ("etag", "W/\"a\"")]).unwrap();
        let judged = stored.freshness(&map(&[("cache-control", "no-cache")]), at(1));
        assert_eq!(judged, revalidate(&[("if-none-match", "W/\"a\"")]));
    }

    #[test]
    fn a_wrong_clock_makes_nothing_fresh() {
        let stored = StoredResponse::new(
            &HeaderMap::new(),
            &map(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]),
            at(1000),
        );
        assert_eq!(judge(&stored.unwrap(), 0), revalidate(&[("if-none-match", "\"a\"")]));
    }

    #[test]
    fn a_304_renews() {
        let stored = store(&[("cache-control", "max-age=60"), ("etag", "\"a\""), ("age", "59")]).unwrap();
        let renewed = stored.renewed(&map(&[("etag", "\"a\""), ("cache-control", "max-age=10")]), at(100)).unwrap();
        assert_eq!(judge(&renewed, 109), Freshness::Fresh);
        assert_eq!(judge(&renewed, 110), revalidate(&[("if-none-match", "\"a\"")]));
        assert_eq!(stored.renewed(&map(&[("etag", "\"b\"")]), at(100)), None);
        assert_eq!(stored.renewed(&map(&[("cache-control", "no-store")]), at(100)), None);
    }

    #[test]
    fn survives_the_index() {
        let stored = store(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]).unwrap();
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(
            json,
            r#"{"received_at":784111777,"response":{"cache-control":"max-age=60","etag":"\"a\""},"request":{}}"#
        );
        assert_eq!(serde_json::from_str::<StoredResponse>(&json).unwrap(), stored);
    }

    #[test]
    fn a_tampered_memory_is_not_fresh() {
        let json = r#"{"received_at":RECEIVED,"response":{"NAME":"VALUE","etag":"\"a\""},"request":{}}"#;
        for (received, name, value) in
            [("18446744073709551615", "age", "1"), ("1", "a b", "1"), ("1", "vary", "a b"), ("1", "age", "\\n")]
        {
            let json = json.replace("RECEIVED", received).replace("NAME", name).replace("VALUE", value);
            let stored: StoredResponse = serde_json::from_str(&json).unwrap();
            assert_eq!(judge(&stored, 0), Freshness::Unusable, "{json}");
        }
    }

    #[test]
    fn a_tampered_age_does_not_overflow() {
        let age = u64::MAX.to_string();
        let response = [("age", age.as_str()), ("cache-control", "max-age=60"), ("etag", "\"a\"")];
        let tampered = StoredResponse {
            received_at: 1,
            response: response.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            request: BTreeMap::new(),
        };
        assert_eq!(judge(&tampered, 0), revalidate(&[("if-none-match", "\"a\"")]));
    }

    proptest! {
        #[test]
        fn any_fields_are_survived(
            values in proptest::collection::vec("[ -~]{0,24}|[0-9]{0,22}|max-age=[0-9]{0,22}|[A-Z][a-z]{2}, [0-9]{2} Nov [0-9]{4} 08:49:37 GMT", KEPT.len()),
            received_at in any::<u64>(),
            seconds in 0..4_000_000_000u64,
        ) {
            let response: HeaderMap = KEPT.iter().cloned().zip(values.iter().map(|value| value.parse().unwrap())).collect();
            if let Some(stored) = StoredResponse::new(&HeaderMap::new(), &response, at(0)) {
                let _ = judge(&stored, seconds);
                let _ = stored.renewed(&response, at(seconds));
            }
            let fields = KEPT.iter().map(|name| name.as_str().to_owned()).zip(values);
            let tampered = StoredResponse { received_at, response: fields.collect(), request: BTreeMap::new() };
            let _ = judge(&tampered, seconds);
        }
    }
}
