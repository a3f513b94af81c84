//! An answer, read strictly: what it says it is must be what was asked for.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use url::Url;

use super::NetError;
use super::client::{Trust, Wanted};
use super::limit::RateLimits;
use crate::model::ByteRange;
use crate::model::http::{ContentRange, retry_after};

/// Largest file that any system can hold. A server that claims a larger one
/// is not telling a length.
const LARGEST_SIZE: u64 = i64::MAX as u64;
/// The media type of several ranges in one answer.
const MULTIPART: &[u8] = b"multipart/byteranges";
/// Longest wait that a server may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// What an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The whole representation, of this length where the server said it.
    Whole(Option<u64>),
    /// Some bytes of a representation.
    Part {
        /// Which.
        range: ByteRange,
        /// Length of the representation.
        size: u64,
    },
    /// Nothing has changed (304).
    NotModified,
    /// The range begins at or after the end of a representation of this length (416).
    BeyondEnd(Option<u64>),
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Response {
    inner: reqwest::Response,
    body: Body,
    /// Bytes that the answer may still bring: those of its range.
    left: u64,
    end: End,
    host: String,
    limits: RateLimits,
    /// Arrived, and not yet handed on.
    held: Bytes,
}

/// Where a request ended.
#[derive(Debug)]
pub(super) struct End {
    /// The URL that answered.
    pub url: Url,
    /// Who named it.
    pub trust: Trust,
    /// Longest wait for the next bytes.
    pub stall_timeout: Duration,
    /// How long it took from the request to here.
    pub waited: Duration,
}

impl Response {
    pub(super) fn new(
        inner: reqwest::Response,
        wanted: Wanted,
        end: End,
        limits: RateLimits,
    ) -> Result<Self, NetError> {
        let host = end.url.host_str().unwrap_or("").to_owned();
        let body = interpret(inner.status(), inner.headers(), wanted).map_err(|refusal| match refusal {
            Refusal::Status => NetError::Status {
                host: host.clone(),
                status: inner.status(),
                retry_after: pause_asked(inner.headers()),
            },
            Refusal::Contradiction(what) => NetError::Protocol { host: host.clone(), what },
        })?;
        let left = match body {
            Body::Part { range, .. } => range.len(),
            _ => u64::MAX,
        };
        Ok(Self { inner, body, left, end, host, limits, held: Bytes::new() })
    }

    /// What it carries.
    pub fn body(&self) -> Body {
        self.body
    }

    /// The URL that answered, after all redirects.
    pub fn url(&self) -> &Url {
        &self.end.url
    }

    /// Who named the URL that answered.
    pub fn trust(&self) -> Trust {
        self.end.trust
    }

    /// How long it took from the request to here, redirects and a new
    /// connection included.
    pub fn waited(&self) -> Duration {
        self.end.waited
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Waits until bytes have arrived, whether or not the rate limit allows
    /// them yet; false at the end, which is that of the range at the latest:
    /// what a server sends behind it belongs nowhere. Fails when nothing arrives for the stall
    /// timeout. Cancel safe.
    pub async fn arrived(&mut self) -> Result<bool, NetError> {
        let stall_timeout = self.end.stall_timeout;
        while self.held.is_empty() {
            if self.left == 0 {
                return Ok(false);
            }
            match tokio::time::timeout(stall_timeout, self.inner.chunk()).await {
                Ok(Ok(Some(chunk))) => self.hold(chunk),
                Ok(Ok(None)) => return Ok(false),
                Ok(Err(error)) => return Err(NetError::sort(&self.host, error)),
                Err(_) => return Err(NetError::Stalled { host: self.host.clone(), after: stall_timeout }),
            }
        }
        Ok(true)
    }

    fn hold(&mut self, mut chunk: Bytes) {
        chunk.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= chunk.len() as u64;
        self.held = chunk;
    }

    /// The next bytes, or none at the end, once the rate limit allows them.
    /// Fails as [`Self::arrived`] does. Cancel safe: a cancelled call loses no
    /// bytes.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NetError> {
        if !self.arrived().await? {
            return Ok(None);
        }
        let piece = self.limits.take(self.held.len()).await;
        Ok(Some(self.held.split_to(piece)))
    }

    /// The first `length` bytes of the body, or all of it where it has fewer.
    pub async fn first(mut self, length: usize) -> Result<Vec<u8>, NetError> {
        let mut first = Vec::with_capacity(length);
        while first.len() < length {
            let Some(chunk) = self.chunk().await? else { break };
            first.extend_from_slice(&chunk[..chunk.len().min(length - first.len())]);
        }
        Ok(first)
    }

    /// The whole body, when it is no longer than `limit` bytes.
    pub async fn collect(mut self, limit: usize) -> Result<Vec<u8>, NetError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > limit {
                let what = format!("more than the {limit} bytes expected");
                return Err(NetError::Protocol { host: self.host, what });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Status,
    Contradiction(String),
}

fn contradiction<T>(what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Contradiction(what.into()))
}

fn interpret(status: StatusCode, headers: &HeaderMap, wanted: Wanted) -> Result<Body, Refusal> {
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
        StatusCode::NOT_MODIFIED => return Ok(Body::NotModified),
        StatusCode::RANGE_NOT_SATISFIABLE if wanted != Wanted::Everything => {
            let range = content_range(headers).ok();
            return Ok(Body::BeyondEnd(range.and_then(ContentRange::size)));
        }
        _ => return Err(Refusal::Status),
    }
    check_framing(headers)?;
    let encoded =
        headers.get_all(CONTENT_ENCODING).iter().find(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if let Some(coding) = encoded {
        return contradiction(format!("the content coding {coding:?}, though only identity was accepted"));
    }
    if status == StatusCode::OK {
        return Ok(Body::Whole(content_length(headers)?));
    }
    partial(headers, wanted)
}

/// The client ends a chunked body by its last chunk, whatever length is
/// declared beside it, and undoes no other coding (RFC 9112 section 6.3).
fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(_), _) if headers.contains_key(CONTENT_LENGTH) => contradiction("a length, and chunks that need none"),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => contradiction("a transfer coding that was not accepted"),
    }
}

fn partial(headers: &HeaderMap, wanted: Wanted) -> Result<Body, Refusal> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().get(..MULTIPART.len()));
    let multipart = media_type.is_some_and(|start| start.eq_ignore_ascii_case(MULTIPART));
    if multipart {
        return contradiction("several ranges, though one was asked for");
    }
    let Ok(ContentRange::Part { range, size: Some(size) }) = content_range(headers) else {
        return contradiction("206 without a Content-Range that names range and size");
    };
    let fits = match wanted {
        Wanted::Everything => return contradiction("206, though no range was asked for"),
        Wanted::From(start) => range.start() == start,
        Wanted::Range(asked) => range.start() == asked.start() && range.end() <= asked.end(),
    };
    if !fits {
        return contradiction(format!("the bytes {range}, which were not asked for"));
    }
    if size > LARGEST_SIZE {
        return contradiction(format!("a size of {size} bytes"));
    }
    match content_length(headers)? {
        Some(length) if length != range.len() => contradiction(format!("{length} bytes for the range {range}")),
        _ => Ok(Body::Part { range, size }),
    }
}

fn content_range(headers: &HeaderMap) -> Result<ContentRange, Refusal> {
    let mut values = headers.get_all(CONTENT_RANGE).iter();
    match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
        (Some(value), None) => value.parse().or_else(|_| contradiction("a malformed Content-Range")),
        _ => contradiction("no single Content-Range"),
    }
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    match headers.get(CONTENT_LENGTH) {
        None => Ok(None),
        Some(value) => match value.to_str().ok().and_then(|text| text.parse().ok()) {
            Some(length) if length <= LARGEST_SIZE => Ok(Some(length)),
            _ => contradiction("a Content-Length that is none"),
        },
    }
}

fn pause_asked(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, SystemTime::now(), LONGEST_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, fields: &[(&'static str, &str)], wanted: Wanted) -> Result<Body, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().expect("a header value"));
        }
        interpret(StatusCode::from_u16(status).expect("a status"), &headers, wanted)
    }

    const FIRST: Wanted = Wanted::Range(ByteRange::new(0, 10));

    #[test]
    fn takes_what_was_asked_for() {
        let part = Body::Part { range: ByteRange::new(0, 10), size: 99 };
        assert_eq!(read(206, &[("content-range", "bytes 0-9/99"), ("content-length", "10")], FIRST), Ok(part));
        let shorter = Body::Part { range: ByteRange::new(0, 5), size: 99 };
        assert_eq!(read(206, &[("content-range", "bytes 0-4/99")], FIRST), Ok(shorter));
        assert_eq!(read(200, &[("content-length", "99")], FIRST), Ok(Body::Whole(Some(99))));
        assert_eq!(read(200, &[("transfer-encoding", "Chunked")], FIRST), Ok(Body::Whole(None)));
        assert_eq!(read(416, &[("content-range", "bytes */5")], FIRST), Ok(Body::BeyondEnd(Some(5))));
        assert_eq!(read(304, &[], FIRST), Ok(Body::NotModified));
    }

    #[test]
    fn refuses_what_contradicts() {
        type Case<'a> = (u16, &'a [(&'static str, &'a str)], Wanted);
        let cases: [Case<'_>; 15] = [
            (206, &[("content-range", "bytes 1-9/99")], FIRST),
            (206, &[("content-range", "bytes 0-10/99")], FIRST),
            (206, &[("content-range", "bytes 0-9/*")], FIRST),
            (206, &[("content-range", "bytes 0-9/99"), ("content-range", "bytes 0-9/98")], FIRST),
            (206, &[("content-range", "bytes 0-9/99"), ("content-length", "11")], FIRST),
            (206, &[("content-range", "bytes 0-9/99"), ("content-type", "multipart/byteranges; boundary=x")], FIRST),
            (206, &[], FIRST),
            (206, &[("content-range", "bytes 0-98/99")], Wanted::Everything),
            (206, &[("content-range", "bytes 0-9/99"), ("content-type", "Multipart/ByteRanges")], FIRST),
            (206, &[("content-range", "bytes 0-9/9223372036854775808")], FIRST),
            (200, &[("content-length", "9223372036854775808")], FIRST),
            (200, &[("content-encoding", "gzip")], FIRST),
            (200, &[("transfer-encoding", "chunked"), ("content-length", "99")], FIRST),
            (200, &[("transfer-encoding", "gzip, chunked")], FIRST),
            (200, &[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")], FIRST),
        ];
        for (status, fields, wanted) in cases {
            assert!(matches!(read(status, fields, wanted), Err(Refusal::Contradiction(_))), "{fields:?}");
        }
        assert_eq!(read(404, &[], FIRST), Err(Refusal::Status));
        assert_eq!(read(416, &[], Wanted::Everything), Err(Refusal::Status));
        assert_eq!(read(204, &[], FIRST), Err(Refusal::Status));
    }
}
