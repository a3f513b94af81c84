//! What servers say in header fields, and what rules say in URLs.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_DISPOSITION, CONTENT_RANGE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use turbo_engine::model::http::{
    Agreement, ContentRange, Links, Validators, disposition_file_name, file_digests, retry_after,
};
use turbo_engine::model::{ByteRange, CandidateUrl, DisplayUrl, is_shareable};
use turbo_engine::net::ProxyUrl;
use turbo_engine::plan::names;
use url::{Host, Url};

/// Reads the data as the header section of an answer.
pub fn headers(data: &[u8]) {
    let headers = section(data);
    for value in headers.get_all(CONTENT_RANGE).iter().filter_map(|value| value.to_str().ok()) {
        content_range(value);
    }
    for value in headers.get_all(RETRY_AFTER).iter().filter_map(|value| value.to_str().ok()) {
        let cap = Duration::from_mins(1);
        assert!(retry_after(value, SystemTime::UNIX_EPOCH, cap).is_none_or(|wait| wait <= cap));
    }
    for value in headers.get_all(CONTENT_DISPOSITION) {
        disposition_field(value.as_bytes());
    }
    validators(&headers);
    links(&headers);
    for status in [StatusCode::OK, StatusCode::PARTIAL_CONTENT] {
        let digests = file_digests(&headers, status);
        let strong = digests.iter().all(|digest| digest.algorithm().is_collision_resistant());
        assert!(strong && digests.len() <= 2, "one digest of each strong algorithm: {digests:?}");
    }
}

/// The lines that are header fields; the others are passed over.
fn section(data: &[u8]) -> HeaderMap {
    let mut headers = Response::new(()).into_parts().0.headers;
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// What is accepted is what the grammar says, and says the same when written again.
fn content_range(text: &str) {
    let read = text.parse::<ContentRange>().ok();
    assert_eq!(read, naive_content_range(text), "{text}");
    if let Some(range) = read {
        assert_eq!(range.to_string().parse(), Ok(range));
    }
}

/// RFC 9110 section 14.4, with numbers that cannot overflow.
fn naive_content_range(text: &str) -> Option<ContentRange> {
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        u64::try_from(digits.parse::<u128>().ok()?).ok().filter(|_| is_number)
    };
    let (unit, rest) = text.split_once(' ')?;
    let (range, size) = rest.split_once('/')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    if range == "*" {
        return Some(ContentRange::Unsatisfied { size: number(size)? });
    }
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let size = if size == "*" { None } else { Some(number(size)?) };
    let is_consistent = first <= last && size.is_none_or(|size| last < size) && last < u64::MAX;
    is_consistent.then(|| ContentRange::Part { range: ByteRange::new(first, last + 1), size })
}

/// Whatever name a server proposes, one harmless component of a path is made of it.
fn disposition_field(value: &[u8]) {
    let Some(proposed) = disposition_file_name(value) else { return };
    assert!(proposed.chars().count() <= value.len(), "a name longer than its field");
    local_name(&names::file_name(Some(&proposed), &base(), &base()));
}

/// Reads the data as a proposed name, as a server writes it and as a URL has it.
pub fn disposition(data: &[u8]) {
    disposition_field(data);
    let text = String::from_utf8_lossy(data);
    local_name(&names::file_name(Some(&text), &base(), &base()));
    for url in [format!("https://origin.example/{text}"), format!("https://origin.example/pub/file?{text}")] {
        let Ok(url) = Url::parse(&url) else { continue };
        // Who asks for `.gitignore` gets it.
        let name = names::from_url(&url);
        local_name(&name.strip_prefix('.').map_or_else(|| name.clone(), |rest| format!("_{rest}")));
        assert_eq!(names::file_name(None, &url, &url), name);
    }
    if let Some(name) = names::foreign(&text) {
        local_name(&name);
        assert_eq!(names::foreign(&name).as_ref(), Some(&name), "what is tame stays as it is");
    }
}

/// A single, visible, ordinary component on every platform, and nothing of the
/// engine's own.
pub(super) fn local_name(name: &str) {
    assert!(!name.is_empty() && name.len() <= 240, "{name:?}");
    assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']), "{name:?}");
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    assert!(!name.contains(forbidden), "{name:?}");
    let (stem, lower) = (name.split('.').next().unwrap_or_default().trim_end(), name.to_ascii_lowercase());
    let devices = ["con", "prn", "aux", "nul", "com1", "lpt9"];
    assert!(!devices.iter().any(|device| stem.eq_ignore_ascii_case(device)), "{name:?}");
    assert!(!lower.ends_with(".turbo-part") && !lower.ends_with(".turbo-state"), "{name:?}");
}

fn validators(headers: &HeaderMap) {
    let read = Validators::of(headers);
    assert_ne!(read.agrees(&read), Agreement::Different, "{read:?}");
    let text = serde_json::to_string(&read).expect("plain data");
    assert_eq!(serde_json::from_str::<Validators>(&text).expect("just written"), read);
    let Some(condition) = read.if_range() else { return };
    assert!(!read.is_empty() && !condition.starts_with("W/"), "only strong validators are a condition");
    HeaderValue::try_from(condition).expect("a condition is a header value");
}

fn links(headers: &HeaderMap) {
    let links = Links::of(headers, &base());
    assert!(links.duplicates.len() <= 64 && links.metalinks.len() <= 64);
    assert!(links.duplicates.is_sorted_by_key(|duplicate| duplicate.priority));
    for url in links.duplicates.iter().map(|duplicate| &duplicate.url).chain(&links.metalinks) {
        assert!(matches!(url.scheme(), "http" | "https") && url.host_str().is_some(), "{url}");
    }
}

/// Reads the data as the address of a proxy. Whatever it is, its login is not
/// shown, and nothing that is shown drives a terminal.
pub fn proxy(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(proxy) = text.parse::<ProxyUrl>() else { return };
    let shown = format!("{proxy}");
    assert_eq!(shown, format!("{proxy:?}"));
    assert!(!shown.contains('@') && !shown.contains(char::is_control), "{shown:?}");
    let again: ProxyUrl = shown.parse().unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert_eq!(again.to_string(), shown);
}

fn base() -> Url {
    "https://origin.example/pub/file.iso".parse().expect("a URL")
}

/// Reads the data as a URL, taken with and without the parser.
pub fn candidate_url(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for text in [text.to_owned(), format!("https://{text}")] {
        let parsed = Url::parse(&text);
        if let Ok(taken) = CandidateUrl::plain(text.clone()) {
            let url = parsed.as_ref().expect("what is taken parses");
            assert_eq!((url.as_str(), url.scheme()), (text.as_str(), "https"));
            assert_eq!(url.host(), Some(Host::Domain(taken.host())));
            assert_eq!((url.username(), url.password(), url.port(), url.fragment()), ("", None, None, None));
        }
        if let Ok(url) = parsed {
            let candidate = CandidateUrl::from(url.clone());
            assert_eq!((candidate.host(), candidate.to_url()), (url.host_str().unwrap_or(""), url.clone()));
            secrets(&url);
        }
    }
}

/// What is shown of a URL does not depend on what is secret in it.
fn secrets(url: &Url) {
    if url.query().is_none() || url.password().is_none() {
        return;
    }
    let mut other = url.clone();
    other.set_query(Some("other=1"));
    other.set_password(Some("other")).expect("it has a password");
    assert_eq!(DisplayUrl(url).to_string(), DisplayUrl(&other).to_string());
    assert!(!is_shareable(url), "a URL with a password is nobody else's business");
}
