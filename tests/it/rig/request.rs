//! A request as the in-process servers read and record it.

use std::io::{self, BufRead, Read as _};
use std::ops::Range;

/// One request that reached a server.
#[derive(Debug, Clone)]
pub struct Request {
    /// How many requests this server had before it, of any connection.
    pub nth: usize,
    pub method: String,
    /// The request target as sent: path and query, or a whole URL to a proxy.
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// The body, where its length is told.
    pub body: Vec<u8>,
    /// Whether the client had shown a certificate.
    pub identified: bool,
}

/// What a `Range` header amounts to for a file of known size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// No range, or one in a unit that servers ignore.
    Whole,
    /// These bytes.
    Part(Range<usize>),
    /// A range with no byte of the file in it.
    Nothing,
}

impl Request {
    /// Reads the next request of a connection; `None` when the peer is gone.
    pub fn read(input: &mut impl BufRead) -> Option<Self> {
        let mut words = line(input).ok()?;
        if words.is_empty() {
            return None;
        }
        let target = words.split_off(words.find(' ')?);
        let path = target.split_ascii_whitespace().next()?.to_owned();
        let mut headers = Vec::new();
        loop {
            let header = line(input).ok()?;
            let Some((name, value)) = header.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut request = Self { nth: 0, method: words, path, headers, body: Vec::new(), identified: false };
        let length = request.header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let read = input.take(length).read_to_end(&mut request.body).ok()?;
        (read as u64 == length).then_some(request)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What is asked of a file of `size` bytes.
    pub fn wanted(&self, size: usize) -> Wanted {
        let range = self.header("Range").and_then(|value| value.strip_prefix("bytes=")?.split_once('-'));
        let Some((first, last)) = range else { return Wanted::Whole };
        let (start, end) = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
            (Some(start), Some(last)) => (start, size.min(last.saturating_add(1))),
            (Some(start), None) => (start, size),
            (None, Some(length)) => (size.saturating_sub(length), size),
            (None, None) => return Wanted::Whole,
        };
        if start < end { Wanted::Part(start..end) } else { Wanted::Nothing }
    }

    /// The part asked for, when a part is.
    pub fn part(&self, size: usize) -> Option<Range<usize>> {
        match self.wanted(size) {
            Wanted::Part(span) => Some(span),
            Wanted::Whole | Wanted::Nothing => None,
        }
    }

    /// First byte asked for; zero when the whole file is.
    pub fn start(&self) -> usize {
        self.part(usize::MAX).map_or(0, |span| span.start)
    }

    /// Whether any header's value contains `text`, in whatever encoding the
    /// test looks for it.
    pub fn mentions(&self, text: &str) -> bool {
        self.path.contains(text) || self.headers.iter().any(|(_, value)| value.contains(text))
    }
}

fn line(input: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    input.read_line(&mut text)?;
    Ok(text.trim_end().to_owned())
}
