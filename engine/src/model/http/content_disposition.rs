//! `Content-Disposition` (RFC 6266) with extended values (RFC 8187), and with
//! what servers write in their place: bytes of other character sets,
//! percent-encoding in plain values, and the encoded words of mail (RFC 2047).
//!
//! Where the specifications say nothing, names are read as browsers read them.

use percent_encoding::percent_decode_str;

use super::encoded_word::decode_words;
use super::params::Params;

/// The file name that a response proposes, exactly as proposed.
///
/// It may name any path or device: only
/// [`plan::names`](crate::plan::names) makes a local name of it. `filename*`
/// counts before `filename` (RFC 6266 section 4.3); of a repeated parameter
/// the first that is not empty counts.
pub fn disposition_file_name(value: &[u8]) -> Option<String> {
    let text = decode(value);
    let mut plain = None;
    let mut extended = None;
    for (name, value) in Params::new(parameters(&text)) {
        match name.as_str() {
            "filename" if plain.is_none() => plain = plain_value(value),
            "filename*" if extended.is_none() => extended = extended_value(&value),
            _ => {}
        }
    }
    extended.or(plain)
}

/// What follows the disposition type, `attachment` or `inline`, which says
/// nothing of the name. Some servers leave it out.
fn parameters(text: &str) -> &str {
    let (first, rest) = text.split_once(';').unwrap_or((text, ""));
    if first.contains('=') { text } else { rest }
}

/// Servers write UTF-8 here, or the Latin-1 that HTTP once meant.
fn decode(value: &[u8]) -> String {
    str::from_utf8(value).map_or_else(|_| latin1(value), str::to_owned)
}

/// Latin-1 as the web has it: with the printable characters of Windows-1252
/// in place of control characters.
fn latin1(bytes: &[u8]) -> String {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

/// A plain value. Of ASCII alone it may be encoded: percent-encoded, or as in
/// mail. RFC 6266 knows neither, but servers write both, and browsers read
/// them. What cannot be decoded stays as it is.
fn plain_value(text: String) -> Option<String> {
    let text = if text.is_ascii() { decode_words(&text).unwrap_or_else(|| percent_decoded(text)) } else { text };
    Some(text).filter(|name| !name.is_empty())
}

fn percent_decoded(text: String) -> String {
    percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned).unwrap_or(text)
}

/// `CHARSET'LANGUAGE'PERCENT-ENCODED` (RFC 8187 section 3.2).
fn extended_value(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes: Vec<u8> = percent_decode_str(encoded).collect();
    // Raw characters were decoded once already, from whatever they were.
    let readable = encoded.is_ascii() || charset.eq_ignore_ascii_case("utf-8");
    let name = decode_as(charset, &bytes).filter(|_| readable);
    name.filter(|name| !name.is_empty())
}

/// Text in a character set by its name; none where the set is not known or the
/// bytes are not of it.
pub(super) fn decode_as(charset: &str, bytes: &[u8]) -> Option<String> {
    let encoding = encoding_rs::Encoding::for_label(charset.trim().as_bytes())?;
    Some(encoding.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Option<String> {
        disposition_file_name(value.as_bytes())
    }

    #[test]
    fn reads_plain_names() {
        assert_eq!(read("attachment; filename=example.html").as_deref(), Some("example.html"));
        assert_eq!(read("INLINE; FILENAME= \"an example.html\"").as_deref(), Some("an example.html"));
        assert_eq!(read("attachment; filename=an example.html; x=y").as_deref(), Some("an example.html"));
        assert_eq!(read("attachment; filename=\"a \\\"b\\\".txt\"").as_deref(), Some("a \"b\".txt"));
    }

    #[test]
    fn the_extended_name_counts_first() {
        let value = "attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates";
        assert_eq!(read(value).as_deref(), Some("€ rates"));
        assert_eq!(read("a; filename*=iso-8859-1'en'%A3%20rates").as_deref(), Some("£ rates"));
    }

    #[test]
    fn a_broken_extended_name_falls_back() {
        for broken in ["UTF-8''%ff", "unknown-8''x", "plain", "UTF-8'x", "UTF-8''"] {
            assert_eq!(read(&format!("a; filename*={broken}; filename=b")).as_deref(), Some("b"), "{broken}");
        }
        assert_eq!(disposition_file_name(b"a; filename*=iso-8859-1''\xff; filename=b").as_deref(), Some("b"));
    }

    #[test]
    fn reads_raw_utf8_and_latin1() {
        assert_eq!(read("attachment; filename=\"é.txt\"").as_deref(), Some("é.txt"));
        assert_eq!(disposition_file_name(b"attachment; filename=\"\xe9.txt\"").as_deref(), Some("é.txt"));
    }

    /// The samples are those that other servers' users reported; each result is
    /// what Chromium shows.
    #[test]
    fn reads_what_servers_write_in_its_place() {
        for (value, name) in [
            ("attachment; filename=\"%E6%96%87.txt\"", "\u{6587}.txt"),
            ("attachment; filename=%E6%96%87%20a.txt", "\u{6587} a.txt"),
            ("attachment; filename=\"100%.txt\"", "100%.txt"),
            ("attachment; filename=\"%ff.txt\"", "%ff.txt"),
            ("attachment; filename=\"=?UTF-8?B?5paHLnR4dA==?=\"", "\u{6587}.txt"),
            ("attachment; filename==?utf-8?q?na=C3=AFve_1.txt?=", "na\u{ef}ve 1.txt"),
            ("attachment; filename=\"\"; filename=b.txt", "b.txt"),
            ("attachment; filename=first.txt; filename=second.txt", "first.txt"),
            ("attachment; filename=\"a;b.txt\"", "a;b.txt"),
            ("attachment; filename=\"open.txt", "open.txt"),
            ("attachment; filename=\"f\\oo.txt\"", "foo.txt"),
            ("attachment;filename*=\"UTF-8''%e6%96%87.txt\"", "\u{6587}.txt"),
            ("a; filename*=gbk''%CE%C4.txt; filename=b", "\u{6587}.txt"),
            ("a; filename*=ISO-8859-1''%80.txt", "\u{20ac}.txt"),
            // Without a disposition type.
            ("filename=x.txt", "x.txt"),
            ("filename=\"x y.txt\"; size=3", "x y.txt"),
        ] {
            assert_eq!(read(value).as_deref(), Some(name), "{value}");
        }
    }

    #[test]
    fn keeps_a_hostile_name_as_it_is() {
        assert_eq!(read("a; filename=../../etc/passwd").as_deref(), Some("../../etc/passwd"));
    }

    #[test]
    fn may_find_none() {
        for value in
            ["", "attachment", "attachment;", "attachment; filename=\"\"", "attachment filename", "a; filename"]
        {
            assert_eq!(read(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = disposition_file_name(&[b"a; filename*=", value.as_slice()].concat());
            prop_assert!(disposition_file_name(&value).is_none_or(|name| name.chars().count() <= value.len()));
        }
    }
}
