//! An answer, read strictly: what it says it is must be what was asked for.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use super::NetError;
use super::client::{Coded, Trust, Wanted};
use super::decode::{Decoder, Step};
use super::limit::RateLimits;
use crate::model::ByteRange;
use crate::model::http::{Coding, Codings, ContentRange, retry_after};

/// Largest file that any system can hold. A server that claims a larger one
/// is not telling a length.
const LARGEST_SIZE: u64 = i64::MAX as u64;
/// The media type of several ranges in one answer.
const MULTIPART: &[u8] = b"multipart/byteranges";
/// Longest wait that is told from "never".
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24 * 3650);

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
    /// The content codings of the body as it came.
    codings: Codings,
    /// Undoes the codings of the transfer, and those of the content where asked.
    decoder: Option<Decoder>,
    /// Whether all of `left` has to come: the client does not see to it.
    must_fill: bool,
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
    /// What becomes of a content coding.
    pub coded: Coded,
}

impl Response {
    pub(super) fn new(
        inner: reqwest::Response,
        wanted: Wanted,
        end: End,
        limits: RateLimits,
    ) -> Result<Self, NetError> {
        let host = end.url.host_str().unwrap_or("").to_owned();
        let read = interpret(inner.status(), inner.headers(), (wanted, end.coded));
        let read = read.map_err(|refusal| match refusal {
            Refusal::Status => NetError::Status {
                host: host.clone(),
                status: inner.status(),
                retry_after: pause_asked(inner.headers()),
            },
            Refusal::Contradiction(what) => NetError::Protocol { host: host.clone(), what },
        })?;
        let Read { body, undone, length } = read;
        let left = match body {
            Body::Part { range, .. } => range.len(),
            _ => length.unwrap_or(u64::MAX),
        };
        let wrong =
            |error: super::decode::DecodeError| NetError::Protocol { host: host.clone(), what: error.to_string() };
        let decoder = if undone.is_identity() { None } else { Some(Decoder::new(&undone).map_err(wrong)?) };
        let codings = content_codings(inner.headers());
        let must_fill = length.is_some();
        Ok(Self { inner, body, left, end, host, limits, held: Bytes::new(), codings, decoder, must_fill })
    }

    /// The content codings that the server applied, undone or not.
    pub fn codings(&self) -> &Codings {
        &self.codings
    }

    /// Whether content codings are undone.
    pub fn is_decoded(&self) -> bool {
        self.end.coded == Coded::Decoded && !self.codings.is_identity()
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
        while self.held.is_empty() {
            if self.left == 0 {
                return Ok(false);
            }
            if !self.pull().await? {
                return if self.must_fill { Err(NetError::Cut { host: self.host.clone() }) } else { Ok(false) };
            }
        }
        Ok(true)
    }

    /// Comes nearer to the next bytes; false at the end of the body.
    async fn pull(&mut self) -> Result<bool, NetError> {
        if let Some(decoder) = &mut self.decoder {
            match decoder.step() {
                Ok(Step::Bytes(bytes)) => {
                    self.hold(bytes);
                    return Ok(true);
                }
                Ok(Step::End) => return Ok(false),
                Ok(Step::Cut) => return Err(NetError::Cut { host: self.host.clone() }),
                Ok(Step::Hungry) => {}
                Err(error) => return Err(NetError::Protocol { host: self.host.clone(), what: error.to_string() }),
            }
        }
        let chunk = self.next_chunk().await?;
        match (&mut self.decoder, chunk) {
            (None, None) => return Ok(false),
            (None, Some(chunk)) => self.hold(chunk),
            (Some(decoder), Some(chunk)) => decoder.feed(chunk),
            (Some(decoder), None) => decoder.end(),
        }
        Ok(true)
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, NetError> {
        let stall_timeout = self.end.stall_timeout;
        match tokio::time::timeout(stall_timeout, self.inner.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| NetError::sort(&self.host, None, error)),
            Err(_) => Err(NetError::Stalled { host: self.host.clone(), after: stall_timeout }),
        }
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

/// An answer as it is to be read.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    body: Body,
    /// Codings to be undone.
    undone: Codings,
    /// A length that the client does not keep to.
    length: Option<u64>,
}

impl Read {
    fn plain(body: Body) -> Self {
        Self { body, undone: Codings::default(), length: None }
    }
}

fn interpret(status: StatusCode, headers: &HeaderMap, (wanted, coded): (Wanted, Coded)) -> Result<Read, Refusal> {
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
        StatusCode::NOT_MODIFIED => return Ok(Read::plain(Body::NotModified)),
        StatusCode::RANGE_NOT_SATISFIABLE if wanted != Wanted::Everything => {
            let range = content_range(headers).ok();
            return Ok(Read::plain(Body::BeyondEnd(range.and_then(ContentRange::size))));
        }
        _ => return Err(Refusal::Status),
    }
    let transfer = transfer_codings(headers)?;
    let content = content_codings(headers);
    let length = if transfer == Transfer::Plain { content_length(headers)? } else { None };
    let undone = match (&transfer, coded) {
        (Transfer::Coded(codings), Coded::Decoded) => content.and_then(codings),
        (Transfer::Coded(codings), Coded::Kept) => codings.clone(),
        (_, Coded::Decoded) => content.clone(),
        (_, Coded::Kept) => Codings::default(),
    };
    let body = match status {
        StatusCode::OK if undone.is_identity() => Body::Whole(length),
        // The length is that of the coded body.
        StatusCode::OK => Body::Whole(None),
        _ => partial(headers, wanted)?,
    };
    let unkept = length.filter(|_| undone.is_identity() && headers.contains_key(TRANSFER_ENCODING));
    Ok(Read { body, undone, length: unkept })
}

/// What `Content-Encoding` says.
pub(super) fn content_codings(headers: &HeaderMap) -> Codings {
    Codings::of(headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes))
}

/// How the body is wrapped on its way.
#[derive(Debug, PartialEq, Eq)]
enum Transfer {
    /// Not at all; `identity` was a name for that once.
    Plain,
    /// In chunks, which the client takes away.
    Chunked,
    /// In codings as well, which it does not.
    Coded(Codings),
}

/// Reads `Transfer-Encoding` (RFC 9112 section 6). The client takes away the
/// chunks where `chunked` comes last, and reads to the end of the connection
/// otherwise. curl and aria2 pass over a length beside it, wget goes by it:
/// where two readers differ an answer is two answers, and so it is refused.
fn transfer_codings(headers: &HeaderMap) -> Result<Transfer, Refusal> {
    let fields: Vec<String> = headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase())
        .collect();
    if fields.iter().all(|field| matches!(field.as_str(), "" | "identity")) {
        return Ok(Transfer::Plain);
    }
    if headers.contains_key(CONTENT_LENGTH) {
        return contradiction("both a Content-Length and a Transfer-Encoding");
    }
    if fields.iter().all(|field| field == "chunked") {
        return Ok(Transfer::Chunked);
    }
    let named: Vec<&str> = fields.iter().flat_map(|field| field.split(',').map(str::trim)).collect();
    let applied = named.strip_suffix(&["chunked"]).unwrap_or(&named);
    let codings = Codings::of(applied.iter().map(|name| name.as_bytes()));
    let is_known = codings.as_slice().iter().all(|coding| !matches!(coding, Coding::Other(_)));
    if !is_known || codings.as_slice().len() != applied.len() {
        return contradiction(format!("the transfer coding `{codings}`, which was not accepted"));
    }
    Ok(Transfer::Coded(codings))
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

/// The length, which proxies that join fields may have repeated (RFC 9110
/// section 8.6). Two that differ are two answers.
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in String::from_utf8_lossy(value.as_bytes()).split(',') {
            let text = text.trim();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            match text.parse() {
                Ok(stated) if digits && stated <= LARGEST_SIZE && length.is_none_or(|known| known == stated) => {
                    length = Some(stated);
                }
                Ok(_) if digits && length.is_some() => return contradiction("several lengths that differ"),
                _ => return contradiction("a Content-Length that is none"),
            }
        }
    }
    Ok(length)
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
        let read = interpret(StatusCode::from_u16(status).expect("a status"), &headers, (wanted, Coded::Kept));
        read.map(|read| read.body)
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
        for repeated in
            [&[("content-length", "99, 99")] as &[_], &[("content-length", "99"), ("content-length", "099")]]
        {
            assert_eq!(read(200, repeated, FIRST), Ok(Body::Whole(Some(99))), "{repeated:?}");
        }
        let plain = [("transfer-encoding", "identity"), ("content-length", "99")];
        assert_eq!(read(200, &plain, FIRST), Ok(Body::Whole(Some(99))));
        let twice = [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert_eq!(read(200, &twice, FIRST), Ok(Body::Whole(None)));
        let coded = [("content-encoding", "gzip"), ("content-length", "99")];
        assert_eq!(read(200, &coded, FIRST), Ok(Body::Whole(Some(99))));
    }

    #[test]
    fn codings_are_undone_where_they_are_of_the_transfer_or_asked_to_be() {
        let read = |fields: &[(&'static str, &str)], coded| {
            let mut headers = HeaderMap::new();
            fields.iter().for_each(|(name, value)| {
                headers.append(*name, value.parse().expect("a header value"));
            });
            let read = interpret(StatusCode::OK, &headers, (FIRST, coded)).expect("taken");
            (read.body, read.undone.to_string(), read.length)
        };
        let content = [("content-encoding", "gzip"), ("content-length", "9")];
        assert_eq!(read(&content, Coded::Kept), (Body::Whole(Some(9)), String::new(), None));
        assert_eq!(read(&content, Coded::Decoded), (Body::Whole(None), "gzip".into(), None));
        for transfer in ["gzip, chunked", "GZIP", "x-gzip,chunked"] {
            assert_eq!(read(&[("transfer-encoding", transfer)], Coded::Kept), (Body::Whole(None), "gzip".into(), None));
        }
        let both = [("transfer-encoding", "gzip, chunked"), ("content-encoding", "br")];
        assert_eq!(read(&both, Coded::Decoded).1, "br, gzip");
        let identity = [("transfer-encoding", "identity"), ("content-length", "9")];
        assert_eq!(read(&identity, Coded::Kept), (Body::Whole(Some(9)), String::new(), Some(9)));
    }

    #[test]
    fn refuses_what_contradicts() {
        type Case<'a> = (u16, &'a [(&'static str, &'a str)], Wanted);
        let cases: [Case<'_>; 20] = [
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
            (200, &[("transfer-encoding", "chunked"), ("content-length", "99")], FIRST),
            (200, &[("transfer-encoding", "gzip"), ("content-length", "99")], FIRST),
            (200, &[("transfer-encoding", "chunked, chunked")], FIRST),
            (200, &[("transfer-encoding", "chunked"), ("transfer-encoding", "identity")], FIRST),
            (200, &[("transfer-encoding", "chunked, gzip")], FIRST),
            (200, &[("transfer-encoding", "foo, chunked")], FIRST),
            (200, &[("content-length", "99, 98")], FIRST),
            (200, &[("content-length", "99"), ("content-length", "98")], FIRST),
            (200, &[("content-length", "+99")], FIRST),
        ];
        for (status, fields, wanted) in cases {
            assert!(matches!(read(status, fields, wanted), Err(Refusal::Contradiction(_))), "{fields:?}");
        }
        assert_eq!(read(404, &[], FIRST), Err(Refusal::Status));
        assert_eq!(read(416, &[], Wanted::Everything), Err(Refusal::Status));
        assert_eq!(read(204, &[], FIRST), Err(Refusal::Status));
    }
}
