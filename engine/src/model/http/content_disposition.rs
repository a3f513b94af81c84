//! `Content-Disposition` (RFC 6266) with extended values (RFC 8187).

use percent_encoding::percent_decode_str;

use super::params::Params;

/// The file name that a response proposes, exactly as proposed.
///
/// It may name any path or device: only
/// [`plan::names`](crate::plan::names) makes a local name of it. `filename*`
/// counts before `filename` (RFC 6266 section 4.3); of a repeated parameter
/// the first counts.
pub fn disposition_file_name(value: &[u8]) -> Option<String> {
    let text = decode(value);
    // The disposition type, `attachment` or `inline`, says nothing of the name.
    let parameters = text.split_once(';')?.1;
    let mut plain = None;
    let mut extended = None;
    for (name, value) in Params::new(parameters) {
        match name.as_str() {
            "filename" => _ = plain.get_or_insert(value),
            "filename*" if extended.is_none() => extended = extended_value(&value),
            _ => {}
        }
    }
    extended.or(plain).filter(|name| !name.is_empty())
}

/// Servers write UTF-8 here, or the Latin-1 that HTTP once meant.
fn decode(value: &[u8]) -> String {
    str::from_utf8(value).map_or_else(|_| latin1(value), str::to_owned)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// `CHARSET'LANGUAGE'PERCENT-ENCODED` (RFC 8187 section 3.2).
fn extended_value(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes: Vec<u8> = percent_decode_str(encoded).collect();
    if charset.eq_ignore_ascii_case("utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case("iso-8859-1") && encoded.is_ascii() {
        // Raw characters were decoded once already, from whatever they were.
        Some(latin1(&bytes))
    } else {
        None
    }
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
        for broken in ["UTF-8''%ff", "koi8-r''x", "plain", "UTF-8'x"] {
            assert_eq!(read(&format!("a; filename*={broken}; filename=b")).as_deref(), Some("b"), "{broken}");
        }
        assert_eq!(disposition_file_name(b"a; filename*=iso-8859-1''\xff; filename=b").as_deref(), Some("b"));
    }

    #[test]
    fn reads_raw_utf8_and_latin1() {
        assert_eq!(read("attachment; filename=\"é.txt\"").as_deref(), Some("é.txt"));
        assert_eq!(disposition_file_name(b"attachment; filename=\"\xe9.txt\"").as_deref(), Some("é.txt"));
    }

    #[test]
    fn keeps_a_hostile_name_as_it_is() {
        assert_eq!(read("a; filename=../../etc/passwd").as_deref(), Some("../../etc/passwd"));
    }

    #[test]
    fn may_find_none() {
        for value in ["", "attachment", "attachment;", "attachment; filename=\"\"", "filename=x", "a; filename"] {
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
