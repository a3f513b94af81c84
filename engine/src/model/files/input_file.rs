//! Lists of downloads in the syntax of aria2's `--input-file`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use url::Url;

use crate::model::excerpt::excerpt;
use crate::model::{Digest, DigestError, ExitCode, Explain};

/// Largest list that is read.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Most downloads in one list.
const MOST_ENTRIES: usize = 100_000;

/// The options that an entry may have, as the error about others lists them.
const OPTIONS: &str = "out, dir, checksum, header, user-agent, referer, split, max-connection-per-server, \
    max-download-limit, max-tries, allow-overwrite, continue, remote-time";

/// Options of aria2 that change how a file is fetched, not what is fetched nor
/// where it ends up: they are passed over with a warning. What could send a
/// request elsewhere, or fetch what is not to be fetched, is an error instead.
const WITHOUT_EFFECT: [&str; 29] = [
    "always-resume",
    "async-dns",
    "auto-file-renaming",
    "check-integrity",
    "conditional-get",
    "connect-timeout",
    "content-disposition-default-utf8",
    "enable-http-keep-alive",
    "enable-http-pipelining",
    "enable-mmap",
    "file-allocation",
    "force-save",
    "gid",
    "http-accept-gzip",
    "http-no-cache",
    "lowest-speed-limit",
    "max-file-not-found",
    "max-mmap-limit",
    "max-resume-failure-tries",
    "min-split-size",
    "no-file-allocation-limit",
    "piece-length",
    "realtime-chunk-checksum",
    "remove-control-file",
    "retry-wait",
    "reuse-uri",
    "stream-piece-selector",
    "timeout",
    "uri-selector",
];

/// One download of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputEntry {
    /// The line of its URLs, counted from 1.
    pub line: usize,
    /// Where the file is, the first as the origin; at least one.
    pub urls: Vec<Url>,
    /// What the lines below it say.
    pub options: InputOptions,
}

/// The options of one download. Each overrides that of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputOptions {
    /// The file to write, relative to `dir`.
    pub out: Option<PathBuf>,
    /// The folder to write it in.
    pub dir: Option<PathBuf>,
    /// What the bytes must be.
    pub checksum: Option<Digest>,
    /// Request header fields, their values marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// `User-Agent`.
    pub user_agent: Option<HeaderValue>,
    /// `Referer`.
    pub referer: Option<HeaderValue>,
    /// Most connections for the file.
    pub split: Option<NonZeroU16>,
    /// Most connections to one server.
    pub max_connection_per_server: Option<NonZeroU16>,
    /// Most bytes a second for the file; 0 for no limit.
    pub max_download_limit: Option<u64>,
    /// Attempts; 0 for no limit.
    pub max_tries: Option<u16>,
    /// Whether an existing file is replaced.
    pub allow_overwrite: Option<bool>,
    /// Whether a plain file there is the beginning of this one.
    pub continue_partial: bool,
    /// Whether the file gets the modification time of the origin.
    pub remote_time: Option<bool>,
    /// Lines of options that are aria2's and have no effect here, with their names.
    pub without_effect: Vec<(usize, String)>,
}

/// Why a list cannot be followed. URLs and header values are not repeated:
/// they may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputFileError {
    /// Larger than the engine reads.
    #[error("the input file exceeds {MOST_BYTES} bytes or {MOST_ENTRIES} downloads")]
    TooLarge,
    /// Not text.
    #[error("the input file is not UTF-8")]
    NotText,
    /// A text that is no URL.
    #[error("line {line} of the input file has a URL that cannot be read")]
    Url {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: url::ParseError,
    },
    /// Two URLs, or a URL and an option, with a blank between them: it would
    /// count as part of the first.
    #[error("line {line} of the input file has a blank before {what}")]
    Blank {
        /// The line, counted from 1.
        line: usize,
        /// What follows the blank.
        what: &'static str,
    },
    /// A URL that is not fetched over HTTP.
    #[error("line {line} of the input file has a URL of scheme `{scheme}`; only http and https are fetched")]
    Scheme {
        /// The line, counted from 1.
        line: usize,
        /// The scheme.
        scheme: String,
    },
    /// An indented line before any URL.
    #[error("line {line} of the input file is an option before any URL; begin the line of a URL without blanks")]
    NoUrl {
        /// The line, counted from 1.
        line: usize,
    },
    /// An option without a value.
    #[error("line {line} of the input file is indented but not of the form `NAME=VALUE`")]
    Shape {
        /// The line, counted from 1.
        line: usize,
    },
    /// An option that the engine does not have.
    #[error("line {line} of the input file has the unknown option `{name}`; known are {OPTIONS}")]
    Unknown {
        /// The line, counted from 1.
        line: usize,
        /// The option.
        name: String,
    },
    /// A checksum that is no digest.
    #[error("line {line} of the input file has a checksum that cannot be read")]
    Checksum {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
    /// A value that is neither of the two.
    #[error("line {line} of the input file: `{name}` takes true or false")]
    Switch {
        /// The line, counted from 1.
        line: usize,
        /// The option.
        name: &'static str,
    },
    /// A rate that is none.
    #[error("line {line} of the input file: `max-download-limit` takes bytes a second, for instance 500K")]
    Rate {
        /// The line, counted from 1.
        line: usize,
    },
    /// A number of connections that is none.
    #[error("line {line} of the input file: `{name}` takes a number up to 65535")]
    Count {
        /// The line, counted from 1.
        line: usize,
        /// The option.
        name: &'static str,
    },
    /// A value that no header field can carry.
    #[error("line {line} of the input file: `{name}` has a value that is not fit for a header field")]
    Header {
        /// The line, counted from 1.
        line: usize,
        /// The option.
        name: &'static str,
    },
}

impl Explain for InputFileError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Blank { what: ANOTHER_URL, .. } => Some(
                "separate the URLs of one file by tabs, put those of different files on lines of their own, \
                 and write a blank within a URL as %20"
                    .to_owned(),
            ),
            Self::Blank { .. } => {
                Some("write each option on a line of its own below the URL, indented by a blank".to_owned())
            }
            Self::Header { name: "header", .. } => Some("write the option as `header=NAME: VALUE`".to_owned()),
            _ => None,
        }
    }
}

/// Reads a list: on each line the URLs of one file, separated by tabs; on
/// indented lines below it the options of that file; comments behind `#`.
///
/// Of a repeated option the last counts, but `header` adds up.
pub fn parse_input_file(bytes: &[u8]) -> Result<Vec<InputEntry>, InputFileError> {
    if bytes.len() > MOST_BYTES {
        return Err(InputFileError::TooLarge);
    }
    let text = str::from_utf8(bytes).map_err(|_| InputFileError::NotText)?;
    let mut entries: Vec<InputEntry> = Vec::new();
    for (text, line) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
        let content = text.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if text.starts_with([' ', '\t']) {
            let entry = entries.last_mut().ok_or(InputFileError::NoUrl { line })?;
            let (name, value) = content.split_once('=').ok_or(InputFileError::Shape { line })?;
            entry.options.set(name.trim_end(), value.trim_start(), line)?;
        } else if entries.len() == MOST_ENTRIES {
            return Err(InputFileError::TooLarge);
        } else {
            entries.push(InputEntry { line, urls: urls(content, line)?, options: InputOptions::default() });
        }
    }
    Ok(entries)
}

/// What [`InputFileError::Blank`] says of a second URL.
const ANOTHER_URL: &str = "another URL";

/// What follows a blank inside the text of a URL and cannot be meant as part
/// of it; other blanks are taken as %20.
fn after_blank(text: &str) -> Option<&'static str> {
    text.split_whitespace().skip(1).find_map(|word| {
        let is_option = || {
            let name = word.split_once('=').map_or("", |(name, _)| name);
            !name.is_empty() && (OPTIONS.split(", ").any(|known| known == name) || WITHOUT_EFFECT.contains(&name))
        };
        match word.split_once("://") {
            Some((scheme, _)) if scheme.chars().all(|letter| letter.is_ascii_alphanumeric()) => Some(ANOTHER_URL),
            _ => is_option().then_some("an option"),
        }
    })
}

fn urls(content: &str, line: usize) -> Result<Vec<Url>, InputFileError> {
    let texts = content.split('\t').map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| url(text, line)).collect()
}

fn url(text: &str, line: usize) -> Result<Url, InputFileError> {
    if let Some(what) = after_blank(text) {
        return Err(InputFileError::Blank { line, what });
    }
    let url = Url::parse(text).map_err(|source| InputFileError::Url { line, source })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(InputFileError::Scheme { line, scheme: excerpt(scheme) }),
    }
}

impl InputOptions {
    fn set(&mut self, name: &str, value: &str, line: usize) -> Result<(), InputFileError> {
        match name {
            "out" => self.out = Some(value.into()),
            "dir" => self.dir = Some(value.into()),
            "checksum" => {
                self.checksum = Some(value.parse().map_err(|source| InputFileError::Checksum { line, source })?);
            }
            "header" => self.headers.push(header(value).ok_or(InputFileError::Header { line, name: "header" })?),
            "user-agent" => self.user_agent = Some(field_value(value, line, "user-agent")?),
            "referer" => self.referer = Some(field_value(value, line, "referer")?),
            "split" => self.split = Some(count(value, line, "split")?),
            "max-connection-per-server" => {
                self.max_connection_per_server = Some(count(value, line, "max-connection-per-server")?);
            }
            "max-download-limit" => self.max_download_limit = Some(rate(value).ok_or(InputFileError::Rate { line })?),
            "max-tries" => {
                self.max_tries = Some(value.parse().map_err(|_| InputFileError::Count { line, name: "max-tries" })?);
            }
            "allow-overwrite" => self.allow_overwrite = Some(switch(value, line, "allow-overwrite")?),
            "continue" => {
                self.continue_partial = switch(value, line, "continue")?;
                if !self.continue_partial {
                    self.without_effect.push((line, "continue=false".into()));
                }
            }
            "remote-time" => self.remote_time = Some(switch(value, line, "remote-time")?),
            name if WITHOUT_EFFECT.contains(&name) => self.without_effect.push((line, name.to_owned())),
            _ => return Err(InputFileError::Unknown { line, name: excerpt(name) }),
        }
        Ok(())
    }
}

fn header(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

fn field_value(text: &str, line: usize, name: &'static str) -> Result<HeaderValue, InputFileError> {
    HeaderValue::from_str(text).map_err(|_| InputFileError::Header { line, name })
}

fn count(text: &str, line: usize, name: &'static str) -> Result<NonZeroU16, InputFileError> {
    text.parse().map_err(|_| InputFileError::Count { line, name })
}

fn switch(text: &str, line: usize, name: &'static str) -> Result<bool, InputFileError> {
    text.parse().map_err(|_| InputFileError::Switch { line, name })
}

/// Bytes, or with K or M the powers of 1024 of them.
fn rate(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 1 << 10),
        b'M' | b'm' => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<InputEntry>, InputFileError> {
        parse_input_file(text.as_bytes())
    }

    #[test]
    fn reads_urls_and_their_options() {
        let list = concat!(
            "# nightly\r\n",
            "https://a.example/x.iso\thttps://b.example/x.iso\r\n",
            "  out=y.iso\r\n",
            "\tdir = /data/in box\r\n",
            "  # not yet: split=4\n",
            "  checksum=sha-1=da39a3ee5e6b4b0d3255bfef95601890afd80709\n",
            "  header=X-A: 1\n",
            "  header=X-A: b=2\n",
            "  user-agent=probe/1\n  referer=https://c.example/\n  split=3\n  split=4\n  max-connection-per-server=2\n",
            "\n",
            "http://c.example/z\n",
        );
        let entries = read(list).unwrap();
        assert_eq!(entries.iter().map(|entry| (entry.line, entry.urls.len())).collect::<Vec<_>>(), [(2, 2), (15, 1)]);
        let options = &entries[0].options;
        assert_eq!(
            (options.out.as_deref(), options.dir.as_deref()),
            (Some("y.iso".as_ref()), Some("/data/in box".as_ref()))
        );
        assert_eq!(options.checksum.as_ref().unwrap().algorithm().name(), "sha-1");
        assert_eq!(options.headers.iter().map(|(_, value)| value.to_str().unwrap()).collect::<Vec<_>>(), ["1", "b=2"]);
        assert_eq!((options.split, options.max_connection_per_server), (NonZeroU16::new(4), NonZeroU16::new(2)));
        assert_eq!(options.referer.as_ref().unwrap(), "https://c.example/");
        assert_eq!(entries[1].options, InputOptions::default());
    }

    #[test]
    fn names_what_has_no_effect() {
        let entries =
            read("https://a.example/\n gid=1\n continue=true\n continue=false\n max-download-limit=2K\n").unwrap();
        let options = &entries[0].options;
        assert_eq!(options.without_effect, [(2, "gid".to_owned()), (4, "continue=false".to_owned())]);
        assert_eq!(options.max_download_limit, Some(2048));
    }

    #[test]
    fn a_blank_separates_nothing() {
        let blank = |what| Err(InputFileError::Blank { line: 2, what });
        for between in [" ", "  ", "\u{a0}"] {
            let line = format!("\nhttps://a.example/x{between}https://b.example/y");
            assert_eq!(read(&line), blank("another URL"), "{line}");
        }
        assert_eq!(read("\nhttps://a.example/x http:// tail\thttps://b.example/y"), blank("another URL"));
        assert_eq!(read("\nhttps://a.example/x out=y"), blank("an option"));
        assert_eq!(read("\nhttps://a.example/x gid=1"), blank("an option"));
        assert!(blank("another URL").unwrap_err().hint().unwrap().contains("tabs"));
        // As a browser's address bar takes it.
        let entries = read("https://a.example/my file a=b.txt\thttps://b.example/?u=http://c.example/").unwrap();
        assert_eq!(entries[0].urls[0].as_str(), "https://a.example/my%20file%20a=b.txt");
        assert_eq!(entries[0].urls.len(), 2);
    }

    #[test]
    fn shows_no_header_value() {
        let entries = read("https://a.example/\n header=Authorization: Bearer hunter2").unwrap();
        assert!(!format!("{entries:?}").contains("hunter2"));
    }

    #[test]
    fn says_which_line_it_cannot_follow() {
        let below = |option: &str| read(&format!("https://a.example/\n\n {option}")).unwrap_err();
        assert_eq!(below("max-tries=many"), InputFileError::Count { line: 3, name: "max-tries" });
        assert_eq!(below("allow-overwrite=1"), InputFileError::Switch { line: 3, name: "allow-overwrite" });
        assert_eq!(below("max-download-limit=fast"), InputFileError::Rate { line: 3 });
        // A request that goes another way than asked for is worse than none.
        assert_eq!(below("all-proxy=http://p/"), InputFileError::Unknown { line: 3, name: "all-proxy".into() });
        assert_eq!(below("pause=true"), InputFileError::Unknown { line: 3, name: "pause".into() });
        assert_eq!(below("remote-time=1"), InputFileError::Switch { line: 3, name: "remote-time" });
        assert_eq!(below("split"), InputFileError::Shape { line: 3 });
        assert_eq!(below("split=0"), InputFileError::Count { line: 3, name: "split" });
        assert_eq!(below("header=a b: c"), InputFileError::Header { line: 3, name: "header" });
        assert_eq!(below("user-agent=a\u{1}b"), InputFileError::Header { line: 3, name: "user-agent" });
        assert!(matches!(
            below("checksum=crc32=0"),
            InputFileError::Checksum { line: 3, source: DigestError::Algorithm(_) }
        ));
        assert_eq!(read("\n out=x"), Err(InputFileError::NoUrl { line: 2 }));
        assert_eq!(read("magnet:?xt=x"), Err(InputFileError::Scheme { line: 1, scheme: "magnet".into() }));
        assert!(matches!(read("https://a.example/\tx.iso"), Err(InputFileError::Url { line: 1, .. })));
        assert_eq!(parse_input_file(b"\xff"), Err(InputFileError::NotText));
        assert_eq!(read("").unwrap(), []);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(https://a/|\n|\t| |out=|split=|header=|checksum=|sha-256|:|=|[0-9]|é|#){0,20}") {
            for entry in read(&text).unwrap_or_default() {
                prop_assert!(!entry.urls.is_empty());
            }
        }
    }
}
