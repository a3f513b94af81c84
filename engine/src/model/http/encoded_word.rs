//! The encoded words of mail (RFC 2047), which some servers put into
//! `Content-Disposition`.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;

use super::content_disposition::decode_as;

/// With or without padding: it is the length that says where the bytes end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text of encoded words, those between blanks put together; none where
/// there is no such word or one cannot be decoded.
///
/// Blanks between two encoded words are part of neither (RFC 2047 section
/// 6.2). Mailers cut long names between bytes, not characters, so the bytes of
/// neighbours in one character set are put together before they are decoded.
pub(super) fn decode_words(text: &str) -> Option<String> {
    if !text.contains("=?") {
        return None;
    }
    let mut decoded = String::new();
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, word) = rest.split_at(at);
        let (charset, bytes, after) = read_word(word)?;
        let continues = pending.as_ref().is_some_and(|(known, _)| known.eq_ignore_ascii_case(&charset));
        match &mut pending {
            Some((_, joined)) if continues && before.trim().is_empty() => joined.extend(bytes),
            _ => {
                let follows_word = pending.is_some();
                flush(&mut pending, &mut decoded)?;
                if !(follows_word && before.trim().is_empty()) {
                    decoded.push_str(before);
                }
                pending = Some((charset, bytes));
            }
        }
        rest = after;
    }
    flush(&mut pending, &mut decoded)?;
    decoded.push_str(rest);
    Some(decoded)
}

fn flush(pending: &mut Option<(String, Vec<u8>)>, decoded: &mut String) -> Option<()> {
    if let Some((charset, bytes)) = pending.take() {
        decoded.push_str(&decode_as(&charset, &bytes)?);
    }
    Some(())
}

/// Reads `=?CHARSET?B|Q?TEXT?=` at the start of a text: the character set, the
/// bytes, and what follows.
fn read_word(text: &str) -> Option<(String, Vec<u8>, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    // A `?` cannot be in the text of either encoding.
    let (encoded, rest) = rest.split_once('?')?;
    let after = rest.strip_prefix('=')?;
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(encoded).ok()?,
        "Q" | "q" => from_q(encoded),
        _ => return None,
    };
    // RFC 2231 section 5 lets a language follow the character set.
    let charset = charset.split('*').next().unwrap_or_default();
    Some((charset.to_owned(), bytes, after))
}

/// `=XX` is percent-encoding with another mark, and `_` a blank.
fn from_q(encoded: &str) -> Vec<u8> {
    let marked = encoded.replace('%', "%25").replace('=', "%").replace('_', " ");
    percent_decode(marked.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_both_encodings() {
        for (text, decoded) in [
            ("=?UTF-8?B?5paHLnR4dA==?=", "\u{6587}.txt"),
            ("=?UTF-8?B?5paHLnR4dA?=", "\u{6587}.txt"),
            ("=?utf-8?Q?a_b=20c=3D.txt?=", "a b c=.txt"),
            ("=?ISO-8859-1?Q?=E9t=E9.txt?=", "\u{e9}t\u{e9}.txt"),
            ("=?gb2312?B?zsQ=?=.txt", "\u{6587}.txt"),
            ("=?utf-8*en?q?x?=", "x"),
            ("=?utf-8?q?100%25?=", "100%25"),
            // One character over two words, which the blank does not part.
            ("=?UTF-8?Q?=E6=96?= =?UTF-8?Q?=87.txt?=", "\u{6587}.txt"),
            ("=?UTF-8?Q?a?= =?ISO-8859-1?Q?=E9?=", "a\u{e9}"),
            ("re =?UTF-8?Q?a?= b", "re a b"),
        ] {
            assert_eq!(decode_words(text).as_deref(), Some(decoded), "{text}");
        }
    }

    #[test]
    fn leaves_what_is_none() {
        for text in
            ["", "plain", "=?", "=?utf-8?x?a?=", "=?utf-8?B?!!?=", "=?none?Q?a?=", "=?utf-8?Q?=ff?=", "=?utf-8?Q?a"]
        {
            assert_eq!(decode_words(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(=\\?|\\?=|\\?|utf-8|B|Q|=C3| |a|_){0,20}") {
            let _ = decode_words(&text);
        }
    }
}
