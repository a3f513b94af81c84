//! XML as nuspecs and the answers of feeds use it.

/// A text between tags or in an attribute.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            // XML 1.0 has no way to write these at all.
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}

/// The text of the first element with a name, without its prefix. None also
/// for an element that has none, as `<d:X m:null="true" />`.
pub fn element(document: &str, name: &str) -> Option<String> {
    let mut rest = document;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        let end = rest.find('>')?;
        let tag = &rest[..end];
        let full = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        let local = full.rsplit(':').next().unwrap_or_default();
        rest = &rest[end + 1..];
        if local == name && !tag.starts_with('/') {
            if tag.ends_with('/') {
                return None;
            }
            let text = &rest[..rest.find('<')?];
            return Some(unescaped(text.trim()));
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#xD;", ""), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (code, letter)| text.replace(code, letter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let entry = "<m:properties><d:Id>a &amp; b</d:Id><d:Status m:null=\"true\" /><Other>x</Other></m:properties>";
        assert_eq!(element(entry, "Id").as_deref(), Some("a & b"));
        assert_eq!(element(entry, "Status"), None);
        assert_eq!(element(entry, "Other").as_deref(), Some("x"));
        assert_eq!(element(entry, "Nothing"), None);
    }

    proptest! {
        #[test]
        fn texts_survive(text in "[ -~é😀]{1,40}") {
            let document = format!("<a><b>{}</b></a>", escaped(&text));
            prop_assert_eq!(element(&document, "b").unwrap_or_default(), text.trim());
        }

        #[test]
        fn nothing_makes_the_reader_panic(text in any::<String>(), xml in "[<>/a:= \"&;]{0,40}") {
            let _ = (element(&text, "a"), element(&xml, "a"));
        }
    }
}
