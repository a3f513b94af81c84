//! The URL of a candidate, as a text that needs no parsing again.
//!
//! Parsing costs most of the time that checking a rule's answer takes, and
//! nearly every answer is already written the way the parser would write it.
//! [`CandidateUrl::plain`] recognises those by one look at the bytes; whatever
//! it does not recognise goes through the parser.

use std::fmt;

use url::{Position, Url};

const HTTPS: &str = "https://";

/// A URL in the serialisation of the WHATWG URL standard: parsing its text
/// succeeds and gives that text again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CandidateUrl {
    /// Where the host lies in the text. First, because it tells most URLs
    /// apart before their texts are compared.
    host: (usize, usize),
    text: Box<str>,
}

impl CandidateUrl {
    /// Takes an `https` URL whose text the parser would leave as it is:
    /// a host name in lower case, no credentials, port or fragment, no dot
    /// segments, nothing to encode.
    ///
    /// # Errors
    ///
    /// Gives back any other text. It may be a URL all the same: parse it.
    ///
    /// ```
    /// use turbo_engine::model::CandidateUrl;
    /// let plain = CandidateUrl::plain("https://m.example/f?x=1".into()).unwrap();
    /// assert_eq!(plain.host(), "m.example");
    /// assert!(CandidateUrl::plain("https://m.example/a/../f".into()).is_err());
    /// ```
    pub fn plain(text: String) -> Result<Self, String> {
        match plain_host(&text) {
            Some(host) => Ok(Self { host, text: text.into() }),
            None => Err(text),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host; an IPv6 address in brackets. Empty where the URL has none.
    pub fn host(&self) -> &str {
        &self.text[self.host.0..self.host.1]
    }

    /// The URL in its parts.
    pub fn to_url(&self) -> Url {
        Url::parse(&self.text).expect("the text of a URL parses")
    }
}

impl From<Url> for CandidateUrl {
    fn from(url: Url) -> Self {
        let host = (url[..Position::BeforeHost].len(), url[..Position::AfterHost].len());
        Self { host, text: String::from(url).into() }
    }
}

impl From<CandidateUrl> for String {
    fn from(url: CandidateUrl) -> Self {
        url.text.into()
    }
}

impl fmt::Display for CandidateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where the host of a plain URL lies; none when the URL is not plain.
fn plain_host(text: &str) -> Option<(usize, usize)> {
    let rest = text.strip_prefix(HTTPS)?.as_bytes();
    let (host, tail) = rest.split_at(plain_host_bytes(rest)?);
    is_plain_tail(tail).then_some((HTTPS.len(), HTTPS.len() + host.len()))
}

/// How long the host is, if it is a name that the parser neither maps nor
/// refuses. A last label that begins with a digit may make it an IPv4 address,
/// `xn--` has to be decoded, as has any other name with two hyphens in a row
/// for all this knows; empty labels are left to the parser too.
fn plain_host_bytes(rest: &[u8]) -> Option<usize> {
    let mut before = b'.';
    let mut label_begins_with = b'.';
    for (at, &byte) in rest.iter().enumerate() {
        match byte {
            b'/' => return label_begins_with.is_ascii_lowercase().then_some(at).filter(|_| before != b'.'),
            b'-' if before == b'-' => return None,
            b'a'..=b'z' | b'0'..=b'9' | b'-' if before == b'.' => label_begins_with = byte,
            b'a'..=b'z' | b'0'..=b'9' | b'-' => {}
            b'.' if before != b'.' => {}
            _ => return None,
        }
        before = byte;
    }
    None
}

/// Whether the parser leaves path and query alone. A dot segment begins with
/// `.` or `%2e`, so no segment may begin with `.` or `%`; anything else that is
/// allowed stays as it is on either side of the `?`. Without an early exit the
/// loop becomes a handful of vector instructions. The first byte is the slash.
fn is_plain_tail(tail: &[u8]) -> bool {
    tail.iter().zip(&tail[1..]).fold(0, |found, (&before, &byte)| {
        found | u8::from(!is_plain_byte(byte)) | u8::from(matches!((before, byte), (b'/', b'.' | b'%')))
    }) == 0
}

/// Most of what RFC 3986 allows in a path segment, and `%`, `/`, `?`. The
/// apostrophe is encoded in a query; `!` and `$` are rare and would cost a
/// comparison each.
fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b'%' | b'&' | b'('..=b';' | b'=' | b'?'..=b'Z' | b'_' | b'a'..=b'z' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Host;

    use super::*;

    fn is_taken(text: &str) -> bool {
        CandidateUrl::plain(text.to_owned()).is_ok()
    }

    #[test]
    fn takes_what_mirrors_are_made_of() {
        for text in [
            "https://gh-proxy.com/https://github.com/o/r/releases/download/v1.2/a_b-c.tar.gz",
            "https://m.example/",
            "https://1.m.example/a//b?c=d/e&f=%20?g@h:i",
            "https://intranet/f",
            "https://m.example/~a/b&()*+,;=%zz",
        ] {
            assert!(is_taken(text), "{text}");
            assert_eq!(Url::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn leaves_the_rest_to_the_parser() {
        for text in [
            "",
            "https://",
            "https:///f",
            "https://m.example",
            "https://m.example?x",
            "http://m.example/f",
            "HTTPS://m.example/f",
            "https://M.example/f",
            "https://m.example./f",
            "https://.m.example/f",
            "https://m..example/f",
            "https://m.example:8443/f",
            "https://me@m.example/f",
            "https://xn--mnchen-3ya.example/f",
            "https://a.xn--p1ai/f",
            "https://münchen.example/f",
            "https://%6d.example/f",
            "https://1.2.3.4/f",
            "https://2130706433/f",
            "https://m.0x7f/f",
            "https://[::1]/f",
            "https://m.example\\f/",
            "https://m.example/f#part",
            "https://m.example/./f",
            "https://m.example/a/..",
            "https://m.example/%2e%2E/f",
            "https://m.example/.%2e/f",
            "https://m.example/a\\b",
            "https://m.example/a b",
            "https://m.example/a\tb",
            "https://m.example/é",
            "https://m.example/?it's",
            "https://m.example/a\"<>`{|}^[]",
            " https://m.example/f",
        ] {
            assert!(!is_taken(text), "{text}");
        }
    }

    #[test]
    fn knows_its_host() {
        for (text, host) in [
            ("https://m.example/f:1@x", "m.example"),
            ("https://m.example:8443/f", "m.example"),
            ("https://me:pw@m.example:8443/f", "m.example"),
            ("https://[2606:4700::1111]/f", "[2606:4700::1111]"),
            ("https://[2606:4700::1111]:8443?f", "[2606:4700::1111]"),
            ("data:text/plain,x", ""),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((CandidateUrl::from(url.clone()).host(), url.host_str().unwrap_or("")), (host, host), "{text}");
            assert_eq!(CandidateUrl::from(url.clone()).to_url(), url);
        }
    }

    /// What is taken without parsing is what parsing gives: a public or private
    /// name, without port, credentials and fragment.
    fn agrees_with_the_parser(text: &str) -> Result<(), TestCaseError> {
        let Ok(taken) = CandidateUrl::plain(text.to_owned()) else { return Ok(()) };
        let url = Url::parse(text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(url.as_str(), text);
        prop_assert_eq!(url.scheme(), "https");
        prop_assert_eq!(url.host(), Some(Host::Domain(taken.host())));
        prop_assert_eq!((url.username(), url.password(), url.port(), url.fragment()), ("", None, None, None));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn every_text_that_is_taken_parses_to_itself(host in "[ -~]{0,12}", tail in "[ -~]{0,24}") {
            agrees_with_the_parser(&format!("https://{host}/{tail}"))?;
        }

        #[test]
        fn odd_hosts_and_segments_agree(
            host in "(a|z|1|0x|7|\\.|-|--|xn--|xn|b|localhost|@|:|%2e|é|A|_){0,6}",
            tail in "(/|\\.|%2e|%2E|%|\\?|#|a|'|:|@|\\\\|//|é|\u{7f}| |\t){0,9}",
        ) {
            agrees_with_the_parser(&format!("https://{host}/{tail}"))?;
            agrees_with_the_parser(&format!("https://{host}{tail}"))?;
        }

        #[test]
        fn any_text_agrees(text in any::<String>()) {
            agrees_with_the_parser(&text)?;
            agrees_with_the_parser(&format!("https://{text}"))?;
        }

        #[test]
        fn every_byte_is_judged_as_the_parser_does(byte in 0_u8..128, at in 0_usize..40) {
            let mut tail = "a".repeat(40);
            tail.replace_range(at..=at, &char::from(byte).to_string());
            agrees_with_the_parser(&format!("https://m.example/{tail}"))?;
            agrees_with_the_parser(&format!("https://m.example/?{tail}"))?;
            agrees_with_the_parser(&format!("https://{tail}/"))?;
        }
    }
}
