//! `cookies.txt`: cookies by host, as Netscape wrote them and curl, aria2 and
//! browsers' exporters still do.
//!
//! No error message repeats anything from the file: a misplaced field may be
//! half of a session.

use std::cmp::Reverse;
use std::net::IpAddr;

use http::HeaderValue;
use url::Url;

use crate::model::{ExitCode, Explain, Secret};

/// Largest file that is read.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Longest name and value together, as browsers have it (RFC 6265 section 6.1).
const MOST_COOKIE_BYTES: usize = 4096;
/// Longest field that is sent, as curl has it: servers refuse longer ones.
const MOST_FIELD_BYTES: usize = 8190;
/// An expiry that does not come.
const NEVER: i64 = i64::MAX;
/// Marks a cookie that scripts of a page may not see, which is all the same to us.
const HTTP_ONLY: &str = "#HttpOnly_";

/// The cookies of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CookieFile(Vec<Cookie>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cookie {
    /// In lower case, without dots around it.
    domain: String,
    reach: Reach,
    path: String,
    secure: bool,
    /// Seconds since 1970; [`NEVER`] for a cookie of a session, which this file resumes.
    expires: i64,
    name: String,
    value: Secret,
}

/// Which hosts a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The host itself.
    Host,
    /// The hosts below it as well.
    Domain,
}

/// Why a file, or a line of it, cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CookieFileError {
    /// Larger than any such file.
    #[error("the cookies file exceeds {MOST_BYTES} bytes")]
    TooLarge,
    /// Not text.
    #[error("line {line} of the cookies file is not UTF-8")]
    NotText {
        /// The line, counted from 1.
        line: usize,
    },
    /// Another number of fields.
    #[error("line {line} of the cookies file has {got} fields separated by tabs, a cookie has 7")]
    Fields {
        /// The line, counted from 1.
        line: usize,
        /// How many there are.
        got: usize,
    },
    /// A field that means nothing.
    #[error("line {line} of the cookies file has a `{field}` that is none")]
    Field {
        /// The line, counted from 1.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// Longer than a cookie may be.
    #[error("line {line} of the cookies file has a cookie of more than {MOST_COOKIE_BYTES} bytes")]
    TooLong {
        /// The line, counted from 1.
        line: usize,
    },
}

impl Explain for CookieFileError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "a line has domain, TRUE or FALSE for hosts below it, path, TRUE or FALSE for https only, expiry, name, value"
                .to_owned(),
        )
    }
}

impl CookieFile {
    /// Reads the file: a cookie a line, its seven fields separated by tabs;
    /// blank lines and lines that begin with `#` say nothing, save for the
    /// prefix `#HttpOnly_`. A missing last field is an empty value. A line that
    /// cannot be read is left out, as curl and wget do, and given as an error
    /// beside the cookies.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Vec<CookieFileError>), CookieFileError> {
        if bytes.len() > MOST_BYTES {
            return Err(CookieFileError::TooLarge);
        }
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let (mut cookies, mut skipped) = (Vec::new(), Vec::new());
        for (bytes, line) in bytes.split(|byte| *byte == b'\n').zip(1..) {
            let text = str::from_utf8(bytes).map_err(|_| CookieFileError::NotText { line });
            let read = text.map(|text| content(text.strip_suffix('\r').unwrap_or(text)));
            match read.and_then(|text| text.map(|text| Cookie::parse(text, line)).transpose()) {
                Ok(cookie) => cookies.extend(cookie),
                Err(error) => skipped.push(error),
            }
        }
        Ok((Self(cookies), skipped))
    }

    /// The cookies that some path of a URL's host may be sent; none where there is none.
    pub fn of_host(&self, url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        let own: Vec<Cookie> = self.0.iter().filter(|cookie| cookie.matches_host(host)).cloned().collect();
        (!own.is_empty()).then_some(Self(own))
    }

    /// The value of `Cookie` for a request (RFC 6265 section 5.4): what matches
    /// the host, the path and the scheme and has not expired, longer paths
    /// first. None where nothing matches. What would make the field too long
    /// is left out.
    ///
    /// `now` is in seconds since 1970.
    pub fn field(&self, url: &Url, now: i64) -> Option<HeaderValue> {
        self.field_without(url, now, |_| false)
    }

    /// The same, without the cookies of certain names.
    pub fn field_without(&self, url: &Url, now: i64, is_left_out: impl Fn(&str) -> bool) -> Option<HeaderValue> {
        let is_sent = |cookie: &&Cookie| cookie.is_for(url, now) && !is_left_out(&cookie.name);
        let mut matching: Vec<&Cookie> = self.0.iter().filter(is_sent).collect();
        matching.sort_by_key(|cookie| Reverse(cookie.path.len()));
        let mut field = String::new();
        for cookie in matching {
            let separator = if field.is_empty() { "" } else { "; " };
            let pair = format!("{separator}{}={}", cookie.name, cookie.value.expose());
            if field.len() + pair.len() <= MOST_FIELD_BYTES {
                field.push_str(&pair);
            }
        }
        let mut value = HeaderValue::try_from(field).ok().filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The part of a line that is a cookie.
fn content(line: &str) -> Option<&str> {
    let cookie = line.strip_prefix(HTTP_ONLY).unwrap_or(line);
    (!cookie.trim().is_empty() && !cookie.starts_with('#')).then_some(cookie)
}

impl Cookie {
    fn parse(text: &str, line: usize) -> Result<Self, CookieFileError> {
        let fields: Vec<&str> = text.split('\t').collect();
        let (fields, value) = match fields[..] {
            [domain, below, path, secure, expires, name] => ([domain, below, path, secure, expires, name], ""),
            [domain, below, path, secure, expires, name, value] => {
                ([domain, below, path, secure, expires, name], value)
            }
            _ => return Err(CookieFileError::Fields { line, got: fields.len() }),
        };
        let [domain, below, path, secure, expires, name] = fields;
        let wrong = |field| CookieFileError::Field { line, field };
        let domain = domain.trim_matches('.').to_ascii_lowercase();
        let below = flag(below).ok_or_else(|| wrong("flag for hosts below"))?;
        if !is_host(&domain) {
            return Err(wrong("domain"));
        }
        if name.len() + value.len() > MOST_COOKIE_BYTES {
            return Err(CookieFileError::TooLong { line });
        }
        if name.is_empty() || !name.chars().all(is_plain) || name.contains('=') {
            return Err(wrong("name"));
        }
        if !value.chars().all(is_plain) {
            return Err(wrong("value"));
        }
        // A name without a dot is nobody's domain: `com` would be everybody's.
        let reach = if below && domain.contains('.') && !is_address(&domain) { Reach::Domain } else { Reach::Host };
        Ok(Self {
            domain,
            reach,
            path: if path.starts_with('/') { path.to_owned() } else { "/".to_owned() },
            secure: flag(secure).ok_or_else(|| wrong("flag for https"))?,
            expires: expiry(expires).ok_or_else(|| wrong("expiry"))?,
            name: name.to_owned(),
            value: Secret::new(value),
        })
    }

    fn is_for(&self, url: &Url, now: i64) -> bool {
        url.host_str().is_some_and(|host| self.matches_host(host))
            && self.matches_path(url.path())
            && (!self.secure || url.scheme() == "https")
            && self.expires > now
    }

    /// RFC 6265 section 5.1.3.
    fn matches_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').trim_matches(['[', ']']).to_ascii_lowercase();
        let domain = self.domain.trim_matches(['[', ']']);
        host == domain
            || self.reach == Reach::Domain
                && !is_address(&host)
                && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    }

    /// RFC 6265 section 5.1.4.
    fn matches_path(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'))
    }
}

fn is_host(text: &str) -> bool {
    let is_name = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "/:@".contains(c));
    is_name || is_address(text)
}

fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// What may stand in a `Cookie` field without ending it or its pair. Blanks,
/// quotes and letters beyond ASCII are no syntax of RFC 6265, but are sent by
/// everybody.
fn is_plain(letter: char) -> bool {
    !letter.is_control() && letter != ';'
}

fn flag(text: &str) -> Option<bool> {
    [("TRUE", true), ("FALSE", false)].into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, set)| set)
}

/// Zero, and nothing at all, stand for the end of a session.
fn expiry(text: &str) -> Option<i64> {
    match text.trim() {
        "" | "0" => Some(NEVER),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn sent(file: &str, url: &str) -> Option<String> {
        let (cookies, _) = CookieFile::parse(file.as_bytes()).unwrap();
        let field = cookies.field(&url.parse().unwrap(), NOW)?;
        assert!(field.is_sensitive());
        Some(String::from_utf8(field.as_bytes().to_vec()).unwrap())
    }

    fn error(file: &str) -> CookieFileError {
        let (cookies, mut skipped) = CookieFile::parse(file.as_bytes()).unwrap();
        assert_eq!((cookies, skipped.len()), (CookieFile::default(), 1), "{file:?}");
        skipped.remove(0)
    }

    #[test]
    fn reads_what_exporters_write() {
        let file = "# Netscape HTTP Cookie File\r\n\r\n#HttpOnly_.a.example\tTRUE\t/\tFALSE\t0\tsid\tx y=\"1\"\r\n\
                    a.example\tFALSE\t/\tfalse\t\tempty\t\na.example\tFALSE\t/\tFALSE\t0\tbare\n";
        assert_eq!(sent(file, "http://a.example/f").unwrap(), "sid=x y=\"1\"; empty=; bare=");
        assert_eq!(sent("\u{feff}# none\n", "http://a.example/"), None);
    }

    #[test]
    fn a_host_is_itself_and_a_domain_what_is_below() {
        let host = "A.example\tFALSE\t/\tFALSE\t0\tn\tv";
        let domain = ".a.example\tTRUE\t/\tFALSE\t0\tn\tv";
        for (file, url, wanted) in [
            (host, "http://a.example/", true),
            (host, "http://A.EXAMPLE.:8080/", true),
            (host, "http://b.a.example/", false),
            (domain, "http://a.example/", true),
            (domain, "https://c.b.a.example/", true),
            (domain, "http://evila.example/", false),
            (domain, "http://a.example.evil/", false),
            (domain, "http://example/", false),
        ] {
            assert_eq!(sent(file, url).is_some(), wanted, "{file:?} {url}");
        }
    }

    /// Nobody's domain is a whole top level, nor the end of an address.
    #[test]
    fn a_flag_does_not_widen_what_has_nothing_below() {
        for (domain, below) in
            [("com", "http://a.com/"), ("localhost", "http://a.localhost/"), ("0.0.1", "http://127.0.0.1/")]
        {
            let file = format!("{domain}\tTRUE\t/\tFALSE\t0\tn\tv");
            assert_eq!(sent(&file, below), None, "{domain}");
        }
        assert!(sent("127.0.0.1\tTRUE\t/\tFALSE\t0\tn\tv", "http://127.0.0.1:80/").is_some());
        for address in ["::1", "[::1]"] {
            assert!(sent(&format!("{address}\tFALSE\t/\tFALSE\t0\tn\tv"), "http://[::1]:8080/").is_some());
        }
    }

    #[test]
    fn paths_match_whole_segments_and_longer_ones_come_first() {
        let file = "a.example\tFALSE\t/\tFALSE\t0\troot\t1\na.example\tFALSE\t/d\tFALSE\t0\tfolder\t2\n\
                    a.example\tFALSE\t/d/\tFALSE\t0\tslash\t3\na.example\tFALSE\t\tFALSE\t0\tnone\t4\n";
        assert_eq!(sent(file, "http://a.example/d/f").unwrap(), "slash=3; folder=2; root=1; none=4");
        assert_eq!(sent(file, "http://a.example/d").unwrap(), "folder=2; root=1; none=4");
        assert_eq!(sent(file, "http://a.example/dx").unwrap(), "root=1; none=4");
    }

    #[test]
    fn secure_and_expiry_are_kept() {
        let secure = "a.example\tFALSE\t/\tTRUE\t0\tn\tv";
        assert!(sent(secure, "https://a.example/").is_some());
        assert_eq!(sent(secure, "http://a.example/"), None);
        for (expires, wanted) in [(NOW + 1, true), (NOW, false), (1, false), (-1, false), (0, true)] {
            let file = format!("a.example\tFALSE\t/\tFALSE\t{expires}\tn\tv");
            assert_eq!(sent(&file, "http://a.example/").is_some(), wanted, "{expires}");
        }
    }

    #[test]
    fn a_field_never_grows_too_long() {
        let value = "v".repeat(4000);
        let lines: String = (0..5).map(|n| format!("a.example\tFALSE\t/\tFALSE\t0\tn{n}\t{value}\n")).collect();
        let short = "a.example\tFALSE\t/\tFALSE\t0\tshort\t1\n";
        let field = sent(&(lines + short), "http://a.example/").unwrap();
        assert!(field.len() <= MOST_FIELD_BYTES && field.ends_with("; short=1"), "{} bytes", field.len());
    }

    #[test]
    fn says_which_line_it_cannot_follow() {
        assert_eq!(error("# x\n\na.example TRUE / FALSE 0 n v"), CookieFileError::Fields { line: 3, got: 1 });
        assert_eq!(error("a\tFALSE\t/\tFALSE\t0\tn\tv\tmore"), CookieFileError::Fields { line: 1, got: 8 });
        for (text, field) in [
            ("\tFALSE\t/\tFALSE\t0\tn\tv", "domain"),
            ("http://a/\tFALSE\t/\tFALSE\t0\tn\tv", "domain"),
            ("a\tYES\t/\tFALSE\t0\tn\tv", "flag for hosts below"),
            ("a\tFALSE\t/\t\t0\tn\tv", "flag for https"),
            ("a\tFALSE\t/\tFALSE\tsoon\tn\tv", "expiry"),
            ("a\tFALSE\t/\tFALSE\t0\t\tv", "name"),
            ("a\tFALSE\t/\tFALSE\t0\tn\tv; admin=1", "value"),
            ("a\tFALSE\t/\tFALSE\t0\tn\tv\u{1}", "value"),
        ] {
            assert_eq!(error(text), CookieFileError::Field { line: 1, field }, "{text:?}");
        }
        let long = format!("a\tFALSE\t/\tFALSE\t0\tn\t{}", "v".repeat(MOST_COOKIE_BYTES));
        assert_eq!(error(&long), CookieFileError::TooLong { line: 1 });
        assert_eq!(CookieFile::parse(&vec![b'#'; MOST_BYTES + 1]), Err(CookieFileError::TooLarge));
    }

    #[test]
    fn a_line_that_cannot_be_read_costs_no_other() {
        let file =
            b"a.example\tFALSE\t/\tFALSE\t0\tn\tv\nno cookie\r\n\xff\tx\na.example\tFALSE\t/\tFALSE\t0\tm\tw\r\n";
        let (cookies, skipped) = CookieFile::parse(file).unwrap();
        assert_eq!(cookies.field(&"http://a.example/".parse().unwrap(), NOW).unwrap(), "n=v; m=w");
        assert_eq!(skipped, [CookieFileError::Fields { line: 2, got: 1 }, CookieFileError::NotText { line: 3 }]);
    }

    #[test]
    fn shows_no_value() {
        let (cookies, _) = CookieFile::parse(b"a.example\tFALSE\t/\tFALSE\t0\tn\thunter2").unwrap();
        assert!(!format!("{cookies:?}").contains("hunter2"));
        let error = error("a.example\tFALSE\t/\tFALSE\thunter2\tn\tv");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_sends_a_whole_field(text in "((#HttpOnly_|a\\.b|TRUE|FALSE|/|0|[\t\n =;#é\"x])){0,40}") {
            if let Ok((cookies, _)) = CookieFile::parse(text.as_bytes())
                && let Some(field) = cookies.field(&"https://a.b/x".parse().unwrap(), NOW)
            {
                let field = String::from_utf8(field.as_bytes().to_vec()).unwrap();
                prop_assert!(field.split("; ").all(|pair| pair.contains('=')), "{}", field);
            }
        }

        #[test]
        fn only_the_host_itself_gets_a_host_cookie(host in "[a-c]{1,2}(\\.[a-c]{1,2}){0,2}", asked in "[a-c]{1,2}(\\.[a-c]{1,2}){0,2}") {
            let file = format!("{host}\tFALSE\t/\tFALSE\t0\tn\tv");
            prop_assert_eq!(sent(&file, &format!("http://{asked}/")).is_some(), host == asked);
        }
    }
}
