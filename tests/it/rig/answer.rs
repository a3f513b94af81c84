//! What the in-process origin says: honest answers, and lies on request.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::data::{Bytes, MIB};
use super::request::{Request, Wanted};

/// How an answer ends once its bytes are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The connection stays open for the next request.
    KeepAlive,
    /// An orderly close, as of a server that crashed behind its kernel.
    Close,
    /// The same below TLS, without TLS's own farewell.
    Sever,
    /// A TCP reset.
    Reset,
    /// Silence, until the client gives up.
    Stall,
    /// The body again and again, until the client gives up.
    Endless,
}

/// How status line and fields are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// As HTTP asks.
    Written,
    /// One byte a second.
    Trickled,
    /// Not at all: the body is all there is.
    Absent,
}

/// How the length of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`, which need not be the truth.
    Length(usize),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// Neither: the body ends with the connection.
    UntilClose,
}

/// One scripted answer: made honest, then bent by the methods below.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: Head,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The part of `body` that is sent.
    pub span: Range<usize>,
    pub framing: Framing,
    pub ending: Ending,
    /// How long the server thinks before it says anything.
    pub delay: Duration,
    /// Bytes a second; `None` sends as fast as the socket takes it.
    pub pace: Option<u32>,
    /// Dropped once the answer is out, or the peer gone.
    pub held: Option<Arc<dyn Any + Send + Sync>>,
}

impl Answer {
    /// A status with a short text, as error pages are.
    pub fn status(status: u16) -> Self {
        Self::whole(status, format!("status {status}\n").into_bytes().into())
    }

    pub fn whole(status: u16, body: Bytes) -> Self {
        let span = 0..body.len();
        Self::part(status, body, span)
    }

    pub fn text(body: impl Into<String>) -> Self {
        Self::whole(200, body.into().into_bytes().into())
    }

    pub fn redirect(location: impl Into<String>) -> Self {
        Self::status(302).header("Location", location)
    }

    /// Accepts the request and never says a word.
    pub fn silence() -> Self {
        Self::verbatim([]).ending(Ending::Stall)
    }

    /// Sends these bytes, whatever they are, and closes the connection.
    pub fn verbatim(bytes: impl Into<Vec<u8>>) -> Self {
        Self::whole(200, bytes.into().into()).headless()
    }

    fn part(status: u16, body: Bytes, span: Range<usize>) -> Self {
        let framing = Framing::Length(span.len());
        let (head, ending, pace, held) = (Head::Written, Ending::KeepAlive, None, None);
        Self { status, head, headers: Vec::new(), body, span, framing, ending, delay: Duration::ZERO, pace, held }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a header without taking back one of the same name.
    pub fn also(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds `count` headers of about 100 bytes each.
    pub fn padded(mut self, count: usize) -> Self {
        self.headers.extend((0..count).map(|index| (format!("X-Padding-{index}"), "p".repeat(80))));
        self
    }

    /// Sends only the first `bytes` of the body, then ends as `ending` says.
    pub fn cut(mut self, bytes: usize, ending: Ending) -> Self {
        self.span.end = self.span.end.min(self.span.start + bytes);
        self.ending = ending;
        self
    }

    /// Ends as `ending` says once the body is out.
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Sends the body alone, as HTTP/0.9 did, and closes the connection.
    pub fn headless(mut self) -> Self {
        self.head = Head::Absent;
        self.framing = Framing::UntilClose;
        self.ending = Ending::Close;
        self
    }

    /// Says of a part that the whole has another size.
    pub fn resized(mut self, size: &str) -> Self {
        for (_, value) in self.headers.iter_mut().filter(|(name, _)| name == "Content-Range") {
            let (range, _) = value.split_once('/').expect("a range and a size");
            *value = format!("{range}/{size}");
        }
        self
    }

    /// Sends status line and headers one byte a second, as a slow loris does.
    pub fn trickled(mut self) -> Self {
        self.head = Head::Trickled;
        self
    }

    /// Declares another length than the body has.
    pub fn declare(mut self, length: usize) -> Self {
        self.framing = Framing::Length(length);
        self
    }

    /// Sends the body chunked, without a length.
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Sends the body without any length; closing the connection ends it.
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::UntilClose;
        self.ending = Ending::Close;
        self
    }

    /// Sends the body again and again.
    pub fn endless(self) -> Self {
        self.chunked().ending(Ending::Endless)
    }

    /// Answers only after `delay`.
    pub fn late(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Holds a value until the answer is out.
    pub fn holding(mut self, value: impl Any + Send + Sync) -> Self {
        self.held = Some(Arc::new(value));
        self
    }

    /// Sends at most `bytes_per_second`.
    pub fn paced(mut self, bytes_per_second: u32) -> Self {
        self.pace = Some(bytes_per_second);
        self
    }
}

/// A file with its validators, served as RFC 9110 asks.
#[derive(Debug, Clone)]
pub struct File {
    pub bytes: Bytes,
    pub etag: Option<String>,
    /// Whether `Range` is honoured.
    pub ranges: bool,
}

impl File {
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, etag: None, ranges: true }
    }

    /// Gives the file an entity tag; `tag` is written with its quotes.
    pub fn etag(mut self, tag: &str) -> Self {
        self.etag = Some(tag.to_owned());
        self
    }

    /// Makes the server ignore `Range`, as many small servers do.
    pub fn without_ranges(mut self) -> Self {
        self.ranges = false;
        self
    }

    /// The honest answer to `request`.
    pub fn answer(&self, request: &Request) -> Answer {
        if self.etag.is_some() && request.header("If-None-Match") == self.etag.as_deref() {
            return Answer::whole(304, Vec::new().into()).header("ETag", self.etag.clone().unwrap_or_default());
        }
        let wanted = if self.honours_range(request) { request.wanted(self.bytes.len()) } else { Wanted::Whole };
        let answer = match wanted {
            Wanted::Whole => Answer::whole(200, self.bytes.clone()),
            Wanted::Nothing => Answer::status(416).header("Content-Range", format!("bytes */{}", self.bytes.len())),
            Wanted::Part(span) => self.partial(span),
        };
        let answer = if self.ranges { answer.header("Accept-Ranges", "bytes") } else { answer };
        match &self.etag {
            Some(tag) => answer.header("ETag", tag),
            None => answer,
        }
    }

    /// The honest answer when the path ends with `suffix`, 404 otherwise.
    pub fn at(&self, request: &Request, suffix: &str) -> Answer {
        if request.path.ends_with(suffix) { self.answer(request) } else { Answer::status(404) }
    }

    /// A 206 for `span`, whether or not it was asked for.
    pub fn partial(&self, span: Range<usize>) -> Answer {
        let range = format!("bytes {}-{}/{}", span.start, span.end - 1, self.bytes.len());
        Answer::part(206, self.bytes.clone(), span).header("Content-Range", range)
    }

    /// `Range` counts unless `If-Range` names another representation (RFC 9110 section 13.1.5).
    fn honours_range(&self, request: &Request) -> bool {
        self.ranges && request.header("If-Range").is_none_or(|validator| Some(validator) == self.etag.as_deref())
    }
}

/// A file of `megabytes`, distinct for every `seed`, with a strong entity tag.
pub fn file(megabytes: usize, seed: u64) -> File {
    File::new(super::data::bytes(megabytes * MIB, seed)).etag(&format!("\"v{seed}\""))
}
