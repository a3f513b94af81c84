//! Digests in header fields: `Repr-Digest` and `Content-Digest` (RFC 9530),
//! and the `Digest` they replace (RFC 3230).

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};

use crate::model::{Algorithm, Digest};

/// The digests of the whole file that a response states, SHA-256 and SHA-512 only.
///
/// `Repr-Digest` and `Digest` speak of the whole file even in a 206;
/// `Content-Digest` speaks of the body at hand and counts in a 200 alone. Where
/// two values of one algorithm contradict each other, neither is returned.
/// Under a content coding all of them speak of coded bytes, and none counts.
pub fn file_digests(headers: &HeaderMap, status: StatusCode) -> Vec<Digest> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Vec::new();
    }
    let mut digests = structured(&field(headers, "repr-digest")).unwrap_or_default();
    digests.extend(legacy(&field(headers, "digest")));
    if status == StatusCode::OK {
        digests.extend(structured(&field(headers, "content-digest")).unwrap_or_default());
    }
    without_contradictions(&digests)
}

/// Several lines of a list are one list (RFC 9110 section 5.3).
fn field(headers: &HeaderMap, name: &str) -> String {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    lines.join(",")
}

fn without_contradictions(digests: &[Digest]) -> Vec<Digest> {
    let unanimous = |algorithm| {
        let mut values = digests.iter().filter(|digest| digest.algorithm() == algorithm);
        let first = values.next()?;
        values.all(|other| other == first).then(|| first.clone())
    };
    [Algorithm::Sha512, Algorithm::Sha256].into_iter().filter_map(unanimous).collect()
}

/// A dictionary of byte sequences (RFC 9651 sections 3.2 and 3.3.5). The
/// section says to ignore the whole field where any part of it is malformed.
fn structured(text: &str) -> Option<Vec<Digest>> {
    let mut digests = Vec::new();
    for member in members(text) {
        let (key, value) = member.split_once('=').unwrap_or((member, ""));
        if !is_key(key) {
            return None;
        }
        let Some(sequence) = value.strip_prefix(':') else { continue };
        let (coded, parameters) = sequence.split_once(':')?;
        if !parameters.is_empty() && !parameters.starts_with(';') {
            return None;
        }
        let bytes = base64(coded)?;
        if let Some(algorithm) = algorithm(key) {
            digests.push(Digest::new(algorithm, &bytes).ok()?);
        }
    }
    Some(digests)
}

/// The members of a dictionary: split at commas outside of quoted strings,
/// the only items that may hold one.
fn members(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c| {
        let after_backslash = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted => escaped = !after_backslash,
            '"' if !after_backslash => quoted = !quoted,
            _ => {}
        }
        c == ',' && !quoted
    })
    .map(str::trim)
    .filter(|member| !member.is_empty())
}

fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte))
}

/// `SHA-256=BASE64,...`, with names in any case (RFC 3230 section 4.1.1, RFC 5843).
fn legacy(text: &str) -> Vec<Digest> {
    let instance = |part: &str| {
        let (name, value) = part.trim().split_once('=')?;
        Digest::new(algorithm(&name.to_ascii_lowercase())?, &base64(value)?).ok()
    };
    text.split(',').filter_map(instance).collect()
}

fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "sha-256" => Some(Algorithm::Sha256),
        "sha-512" => Some(Algorithm::Sha512),
        _ => None,
    }
}

/// Decodes standard Base64 (RFC 4648 section 4). Padding may be missing, as
/// RFC 9651 section 4.2.7 asks of a tolerant reader.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for (place, digit) in group.iter().enumerate() {
            bits |= sextet(*digit)? << (18 - 6 * place);
        }
        // A group of n digits carries n - 1 whole bytes.
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    /// The digest of `{"hello": "world"}` and a newline, from RFC 9530 appendix B.1.
    const HELLO: &str = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=";
    const HELLO_HEX: &str = "44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38";

    fn read(fields: &[(&'static str, String)], status: StatusCode) -> Vec<String> {
        let pair = |(name, value): &(&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        headers.extend(fields.iter().map(pair));
        file_digests(&headers, status).iter().map(Digest::to_string).collect()
    }

    fn hello() -> Vec<String> {
        vec![format!("sha-256:{HELLO_HEX}")]
    }

    #[test]
    fn reads_the_example_of_the_rfc() {
        assert_eq!(read(&[("repr-digest", format!("sha-256=:{HELLO}:"))], StatusCode::PARTIAL_CONTENT), hello());
    }

    #[test]
    fn a_content_digest_of_a_part_is_not_the_files() {
        let fields = [("content-digest", format!("sha-256=:{HELLO}:"))];
        assert_eq!(read(&fields, StatusCode::OK), hello());
        assert!(read(&fields, StatusCode::PARTIAL_CONTENT).is_empty());
    }

    #[test]
    fn passes_over_what_it_does_not_know() {
        let value = format!("unixsum=1, a=\"x, \\\"y\", id-sha-256=:AA==:, sha-256=:{HELLO}:;q=1, md5=:AAAA:, flag");
        assert_eq!(read(&[("repr-digest", value)], StatusCode::OK), hello());
    }

    #[test]
    fn a_malformed_field_is_ignored_whole() {
        for tail in ["sha-512=:AAAA:", "sha-512=:!:", "A=1", "x=:AA==", "x=:AA==:y"] {
            let value = format!("sha-256=:{HELLO}:, {tail}");
            assert!(read(&[("repr-digest", value)], StatusCode::OK).is_empty(), "{tail}");
        }
    }

    #[test]
    fn reads_the_legacy_field() {
        let value = format!("MD5=AAAAAAAAAAAAAAAAAAAAAA==,sha-256={HELLO}, SHA-512=short");
        assert_eq!(read(&[("digest", value)], StatusCode::PARTIAL_CONTENT), hello());
    }

    #[test]
    fn a_contradiction_counts_for_nothing() {
        let other = HELLO.replace('R', "S");
        let fields = [("repr-digest", format!("sha-256=:{HELLO}:")), ("digest", format!("sha-256={other}"))];
        assert!(read(&fields, StatusCode::OK).is_empty());
    }

    #[test]
    fn a_coded_body_has_no_digest_of_the_file() {
        let fields = [("repr-digest", format!("sha-256=:{HELLO}:")), ("content-encoding", "gzip".into())];
        assert!(read(&fields, StatusCode::OK).is_empty());
    }

    #[test]
    fn base64_is_strict_but_for_padding() {
        for (text, bytes) in
            [("", "".as_bytes()), ("Zg==", b"f"), ("Zm8", b"fo"), ("Zm9v", b"foo"), ("Zm9vYg==", b"foob")]
        {
            assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["Z", "Zm9vY", "Zg===", "Z g=", "Zm-_", "=Zg="] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_survived(value in "[a-z0-9=:,;\"\\\\ -]{0,80}|[ -~]{0,80}") {
            let mut headers = HeaderMap::new();
            for name in ["repr-digest", "content-digest", "digest"] {
                headers.insert(name, HeaderValue::from_str(&value).unwrap());
            }
            prop_assert!(file_digests(&headers, StatusCode::OK).len() <= 2);
        }
    }
}
