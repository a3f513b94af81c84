//! How texts have to look, each as one predicate.
//!
//! They are written out instead of compiled from patterns: a check of a file
//! takes less than compiling `{1,32}(\.[^...]{1,32}){1,7}` would.

use super::shape::Form;

/// What winget allows in no name: separators of paths and control characters.
fn is_file_letter(letter: char) -> bool {
    !matches!(letter, '\\' | '/' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{1}'..='\u{1f}')
}

pub(super) static PACKAGE_IDENTIFIER: Form = Form {
    name: "a package identifier: two to eight parts of 1 to 32 characters, joined by dots, without spaces",
    holds: |text| {
        let part = |part: &str| {
            let allowed = |letter: char| is_file_letter(letter) && !letter.is_whitespace() && letter != '\u{feff}';
            (1..=32).contains(&part.chars().count()) && part.chars().all(allowed)
        };
        (2..=8).contains(&text.split('.').count()) && text.split('.').all(part)
    },
};

pub(super) static FILE_WORD: Form = Form {
    name: "free of \\ / : * ? \" < > | and control characters, or is empty",
    holds: |text| !text.is_empty() && text.chars().all(is_file_letter),
};

pub(super) static LOCALE: Form = Form {
    name: "a locale such as en-US",
    holds: |text| {
        let mut parts = text.split('-');
        let letters = |part: &str| part.chars().all(|letter| letter.is_ascii_alphabetic());
        let short = |part: &str| (1..=8).contains(&part.len()) && letters(part);
        match parts.next() {
            Some("i" | "I") => parts.next().is_some_and(|part| !part.is_empty() && letters(part)) && parts.all(short),
            Some("x" | "X") => parts.next().is_some_and(short) && parts.all(short),
            Some(first) => (2..=3).contains(&first.len()) && letters(first) && parts.all(short),
            None => false,
        }
    },
};

/// A number up to 65535 without leading zeros.
fn is_version_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 5
        && part.bytes().all(|digit| digit.is_ascii_digit())
        && (part == "0" || !part.starts_with('0'))
        && part.parse::<u16>().is_ok()
}

pub(super) static OS_VERSION: Form = Form {
    name: "a version of Windows such as 10.0.17763.0",
    holds: |text| text.split('.').count() <= 4 && text.split('.').all(is_version_part),
};

pub(super) static MANIFEST_VERSION: Form = Form {
    name: "a manifest version such as 1.12.0",
    holds: |text| text.split('.').count() == 3 && text.split('.').all(is_version_part),
};

pub(super) static WEB_URL: Form = Form {
    name: "a URL that begins with https:// or http://",
    holds: |text| {
        let Some((scheme, rest)) = text.split_once("://") else { return false };
        let breaks = ['\n', '\r', '\u{2028}', '\u{2029}'];
        (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
            && !rest.is_empty()
            && !rest.contains(breaks)
    },
};

pub(super) static SHA256: Form = Form { name: "a SHA-256 of 64 hexadecimal digits", holds: |text| is_hex(text, &[64]) };

fn is_hex(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

pub(super) static PACKAGE_FAMILY_NAME: Form = Form {
    name: "a package family name such as Name_8wekyb3d8bbwe",
    holds: |text| {
        let Some((name, publisher)) = text.split_once('_') else { return false };
        let inner = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'.';
        name.len() >= 2
            && name.as_bytes()[0].is_ascii_alphanumeric()
            && name.bytes().all(inner)
            && publisher.len() == 13
            && publisher.bytes().all(|letter| letter.is_ascii_alphanumeric())
    },
};

pub(super) static MARKET: Form = Form {
    name: "a market of two capitals such as DE",
    holds: |text| text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase()),
};

pub(super) static DATE: Form = Form { name: "a day such as 2026-01-31", holds: is_date };

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |part: &str, length| {
        let fits = part.len() == length && part.bytes().all(|digit| digit.is_ascii_digit());
        if fits { part.parse::<u32>().ok() } else { None }
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

pub(super) static SCOOP_VERSION: Form = Form {
    name: "a version of letters, digits and . - + _",
    holds: |text| {
        let allowed = |letter: u8| letter.is_ascii_alphanumeric() || b".-+_".contains(&letter);
        !text.is_empty() && text.bytes().all(allowed)
    },
};

pub(super) static SCOOP_HASH: Form = Form {
    name: "a hash: 64 hexadecimal digits, or sha512:, sha1: or md5: before the digits",
    holds: |text| match text.split_once(':') {
        None => is_hex(text, &[64]),
        Some((name, hex)) => ["sha1", "sha256", "sha512", "md5"].contains(&name) && is_hex(hex, &[32, 40, 64, 128]),
    },
};

pub(super) static JSON_PATH: Form = Form {
    name: "a JSONPath that begins with $. or $[",
    holds: |text| (text.starts_with("$.") || text.starts_with("$[")) && !text.contains(['\n', '\r']),
};

pub(super) static URI: Form = Form { name: "a URL", holds: is_uri };

/// A URL by RFC 3986, which allows fewer characters than browsers do.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"+-.".contains(&letter));
    let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hierarchy, query) = before.split_once('?').unwrap_or((before, ""));
    let (authority, path) = match hierarchy.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", hierarchy),
    };
    is_scheme
        && is_authority(authority)
        && are_uri_letters(path, "/:@")
        && [query, fragment].iter().all(|part| are_uri_letters(part, "/?:@"))
}

fn is_authority(authority: &str) -> bool {
    let (user, rest) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match rest.rfind(':').filter(|at| !rest[*at..].contains(']')) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => are_uri_letters(host, ""),
    };
    is_host && are_uri_letters(user, ":") && port.bytes().all(|digit| digit.is_ascii_digit())
}

/// Unreserved letters, sub-delimiters, percent-encoded bytes, and `more`.
fn are_uri_letters(text: &str, more: &str) -> bool {
    let mut letters = text.bytes();
    while let Some(letter) = letters.next() {
        let hex = |digit: Option<u8>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
        let allowed = if letter == b'%' {
            hex(letters.next()) && hex(letters.next())
        } else {
            letter.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&letter) || more.as_bytes().contains(&letter)
        };
        if !allowed {
            return false;
        }
    }
    true
}

pub(super) static DOWNLOAD_URL: Form =
    Form { name: "a URL without $", holds: |text| !text.contains('$') && is_uri(text) };

pub(super) static HASH_URL: Form = Form {
    name: "a URL, or one with $url or $baseurl",
    holds: |text| is_uri(text) || text.contains("$url") || text.contains("$baseurl"),
};

pub(super) static REGEX: Form = Form { name: "a regular expression whose brackets pair", holds: is_regex };

/// Whether the brackets of a regular expression pair and nothing is repeated
/// that is not there. The dialect is .NET's, which no crate compiles; what is
/// wrong in any dialect is found.
fn is_regex(text: &str) -> bool {
    let mut groups = 0_usize;
    let mut repeatable = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let was_repeatable = std::mem::replace(&mut repeatable, true);
        match letter {
            '\\' if letters.next().is_none() => return false,
            '[' if !skip_class(&mut letters) => return false,
            '(' => {
                groups += 1;
                repeatable = false;
                // The question mark of `(?:`, `(?<name>` and `(?i)` repeats nothing.
                letters.next_if_eq(&'?');
            }
            ')' => match groups.checked_sub(1) {
                Some(left) => groups = left,
                None => return false,
            },
            '*' | '+' | '?' if !was_repeatable => return false,
            '|' => repeatable = false,
            _ => {}
        }
    }
    groups == 0
}

/// Passes over the rest of a character class; false where it does not end.
fn skip_class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    letters.next_if_eq(&'^');
    // A bracket that comes first is a letter of the class.
    letters.next_if_eq(&']');
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => _ = letters.next(),
            ']' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_form(form: &Form, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((form.holds)(text), "`{text}` is {}", form.name);
        }
        for text in bad {
            assert!(!(form.holds)(text), "`{text}` is not {}", form.name);
        }
    }

    #[test]
    fn winget() {
        let (long, fits) = ("a".repeat(33), format!("{}.b", "a".repeat(32)));
        let many = ["a"; 9].join(".");
        assert_form(
            &PACKAGE_IDENTIFIER,
            &["A.B", "A.B.C.D.E.F.G.H", "Some.7-Zip_x", &fits],
            &["", "A", "A.", ".A", "A..B", "A.B C", "A.B/C", "A.B\u{7}", &many, &format!("A.{long}")],
        );
        assert_form(&FILE_WORD, &["1.0", "v1 beta", "1.0+b"], &["", "1/2", "a:b", "a\tb"]);
        assert_form(
            &LOCALE,
            &["en", "en-US", "zh-Hans-CN", "i-klingon", "x-abc"],
            &["", "e", "en_US", "en-", "english", "x-abcdefghi", "i", "en-123456789", "12"],
        );
        assert_form(&OS_VERSION, &["10", "10.0.17763.0", "0.65535"], &["", "10.", "65536", "01", "1.2.3.4.5", "v1"]);
        assert_form(&MANIFEST_VERSION, &["1.12.0"], &["1.12", "1.12.0.0", "1.12.x"]);
        assert_form(
            &WEB_URL,
            &["https://a", "HTTP://x y"],
            &["ftp://a", "https://", "https:/a", "https://a\nb", "//a"],
        );
        assert_form(
            &PACKAGE_FAMILY_NAME,
            &["Ab.c-d_8wekyb3d8bbwe"],
            &["A_8wekyb3d8bbwe", "Ab_short", "-b_8wekyb3d8bbwe"],
        );
        assert_form(&DATE, &["2024-02-29", "2026-12-31"], &["2023-02-29", "2026-13-01", "2026-1-1", "2026-00-10", "x"]);
    }

    #[test]
    fn scoop() {
        let digits = |count| "a".repeat(count);
        assert_form(
            &SCOOP_HASH,
            &[&digits(64), &format!("md5:{}", digits(32)), &format!("sha512:{}", digits(128))],
            &[&digits(63), &format!("sha384:{}", digits(96)), "md5:", "", &"g".repeat(64)],
        );
        assert_form(
            &URI,
            &["https://a.b/c?d=e&f#/g.7z", "http://u:p@h:80/%20", "mailto:a@b", "http://[::1]/"],
            &[
                "",
                "a",
                "/a/b",
                "https://a/b c",
                "https://a/%2",
                "https://a/\u{e9}",
                "https://a/{b}",
                "1a://b",
                "http://h:x/",
                "http://[::g]/",
            ],
        );
        assert_form(
            &REGEX,
            &["v([\\d.]+)", "(?<a>[^]x]*)?", "a|b*", "\\(", "[(]", "(?i)a+?", "x{2,3}", "a??"],
            &["(", ")", "[a", "a\\", "*a", "(|*)", "(a))"],
        );
        assert_form(&JSON_PATH, &["$.a", "$[0]"], &["a", "$", "$a", ""]);
        assert_form(&SCOOP_VERSION, &["1.2.3-b+c_d"], &["", "1 2", "1/2", "\u{e9}"]);
        assert_form(&DOWNLOAD_URL, &["https://a/b"], &["https://a/$version"]);
        assert_form(&HASH_URL, &["$url.sha256", "$baseurl/SUMS", "https://a"], &["sums", "$version"]);
    }
}
