//! Text of others, as it may be shown.
//!
//! A guest, a server or a file may hold any character: terminal escapes, text
//! that runs backwards, names whose difference nobody sees, marks that pile up
//! over the lines above. What is shown has none of these: each is written as
//! its escape (`\u{202e}`), so that the reader sees that it is there. JSON
//! keeps the text as it is: it is data, and whoever shows it escapes it.
//!
//! What counts as visible: what the standard library prints in `Debug` (no
//! control, format, private-use, surrogate or unassigned character, no line or
//! paragraph separator), without the letters and marks that have no shape of
//! their own. Blanks of any width are visible enough.

use std::borrow::Cow;

/// Most combining marks in a row that stay: Vietnamese, Thai and pointed Arabic
/// need two, one more letter covers another line.
const MOST_MARKS: usize = 2;

/// Characters with no shape of their own that the standard library takes for
/// visible: the default-ignorable letters and marks of Unicode (`DerivedCoreProperties`,
/// `Default_Ignorable_Code_Point`), and the empty Braille pattern.
const SHAPELESS: [(char, char); 9] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// How far a line break is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaks {
    /// It is escaped like any other control character.
    Escaped,
    /// It stays.
    Kept,
}

/// The text on one line: whatever hides, reorders, moves or overprints what is
/// around it is escaped, line breaks included. What was shown once stays as it
/// is when it is shown again.
///
/// ```
/// use turbo_engine::model::visible;
/// assert_eq!(visible("na\u{ef}ve caf\u{e9}"), "naïve café");
/// assert_eq!(visible("\u{202e}exe.txt\n"), r"\u{202e}exe.txt\n");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, Breaks::Escaped)
}

/// [`visible`] of a text of several lines: line feeds and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, Breaks::Kept)
}

/// [`visible`], cut to a length in bytes; what was cut off is marked.
pub fn visible_start(text: &str, max_bytes: usize) -> String {
    let shown = visible(text);
    if shown.len() <= max_bytes {
        return shown.into_owned();
    }
    let end = shown.floor_char_boundary(max_bytes.saturating_sub("...".len()));
    format!("{}...", &shown[..end])
}

/// [`visible`], in quotes: words of others, told from the engine's own. A quote
/// inside is escaped, so that nobody ends the words before their end.
///
/// ```
/// use turbo_engine::model::quoted;
/// assert_eq!(quoted("he said \"no\"\u{200b}"), r#""he said \"no\"\u{200b}""#);
/// ```
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", visible(text).replace('"', "\\\""))
}

fn escaped(text: &str, breaks: Breaks) -> Cow<'_, str> {
    // Nearly every text is plain, and read once.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') || matches!(byte, b'\n' | b'\t') && breaks == Breaks::Kept) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    // A mark at the beginning would combine with whatever stands before it.
    let mut most_marks = 0;
    while let Some(letter) = rest.chars().next() {
        if is_mark(letter) {
            let end = rest.find(|letter| !is_mark(letter)).unwrap_or(rest.len());
            let (marks, after) = rest.split_at(end);
            push_marks(&mut shown, marks, most_marks);
            rest = after;
        } else {
            push(&mut shown, letter, breaks);
            rest = &rest[letter.len_utf8()..];
        }
        most_marks = MOST_MARKS;
    }
    Cow::Owned(shown)
}

/// Marks in a row, escaped all together where there are too many of them.
fn push_marks(shown: &mut String, marks: &str, most: usize) {
    if marks.chars().nth(most).is_some() {
        shown.extend(marks.chars().flat_map(char::escape_unicode));
    } else {
        shown.push_str(marks);
    }
}

fn push(shown: &mut String, letter: char, breaks: Breaks) {
    match letter {
        ' '..='~' => shown.push(letter),
        '\n' | '\t' if breaks == Breaks::Kept => shown.push(letter),
        '\n' | '\r' | '\t' => shown.extend(letter.escape_default()),
        other if is_hidden(other) => shown.extend(other.escape_unicode()),
        other => shown.push(other),
    }
}

/// A mark that is drawn over the letter before it.
fn is_mark(letter: char) -> bool {
    // `Debug` escapes a visible character on its own only if it extends the
    // one before it.
    !letter.is_ascii() && !is_hidden(letter) && letter.escape_debug().len() > 1
}

/// Whether nobody sees that the character is there.
fn is_hidden(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_ascii_control();
    }
    SHAPELESS.iter().any(|&(first, last)| (first..=last).contains(&letter)) || !is_printed(letter)
}

/// Whether the standard library prints the character behind another.
fn is_printed(letter: char) -> bool {
    let mut buffer = [b'a'; 5];
    let end = 1 + letter.encode_utf8(&mut buffer[1..]).len();
    let text = std::str::from_utf8(&buffer[..end]).expect("an a and a character");
    letter.is_whitespace() && !is_break(letter) || text.escape_debug().nth(1) == Some(letter)
}

/// Whether a blank ends a line or a paragraph.
fn is_break(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_of_people_stay_as_they_are() {
        for text in [
            "plain text, 100 % of it ~",
            "",
            "Größe ﬁve ½ №",
            "e\u{301}tat Vie\u{323}\u{302}t",
            "日本語　ファイル",
            "한국어 한글",
            "русский Ελληνικά עברית العَرَبِيَّة",
            "हिन्दी ภาษาไทย กำลังที่",
            "🙂 👩🏽 €",
            "a\u{a0}b",
            "C:\\Users\\me \"quoted\"",
        ] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn what_hides_or_reorders_is_escaped() {
        for (first, last) in [
            ('\0', '\u{8}'),
            ('\u{b}', '\u{c}'),
            ('\u{e}', '\u{1f}'),
            ('\u{7f}', '\u{9f}'),
            ('\u{ad}', '\u{ad}'),
            ('\u{34f}', '\u{34f}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{115f}', '\u{1160}'),
            ('\u{17b4}', '\u{17b5}'),
            ('\u{180b}', '\u{180f}'),
            ('\u{200b}', '\u{200f}'),
            ('\u{2028}', '\u{202e}'),
            ('\u{2060}', '\u{206f}'),
            ('\u{2800}', '\u{2800}'),
            ('\u{3164}', '\u{3164}'),
            ('\u{e000}', '\u{f8ff}'),
            ('\u{fdd0}', '\u{fdef}'),
            ('\u{fe00}', '\u{fe0f}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{ffa0}', '\u{ffa0}'),
            ('\u{fff0}', '\u{fffb}'),
            ('\u{fffe}', '\u{ffff}'),
            ('\u{1bca0}', '\u{1bca3}'),
            ('\u{1d173}', '\u{1d17a}'),
            ('\u{1fffe}', '\u{1ffff}'),
            ('\u{e0000}', '\u{e007f}'),
            ('\u{e0080}', '\u{e00ff}'),
            ('\u{e0100}', '\u{e01ef}'),
            ('\u{f0000}', '\u{f00ff}'),
            ('\u{10fffe}', '\u{10ffff}'),
        ] {
            for letter in first..=last {
                let escape = format!("a\\u{{{:x}}}b", u32::from(letter));
                assert_eq!(visible(&format!("a{letter}b")), escape);
                assert_eq!(visible_lines(&format!("a{letter}b")), escape);
            }
        }
    }

    #[test]
    fn lines_stay_where_there_may_be_several() {
        assert_eq!(visible("a\r\n\tb"), r"a\r\n\tb");
        assert_eq!(visible_lines("a\n\x1b[2J\tb\r\n"), "a\n\\u{1b}[2J\tb\\r\n");
    }

    #[test]
    fn marks_do_not_pile_up() {
        assert_eq!(visible("a\u{301}\u{302}b"), "a\u{301}\u{302}b");
        assert_eq!(visible("a\u{301}\u{302}\u{303}b"), r"a\u{301}\u{302}\u{303}b");
        assert_eq!(visible("\u{301}b"), r"\u{301}b", "nor over what stands before the text");
        let pile = format!("a{}", "\u{489}\u{20dd}".repeat(50));
        assert!(visible(&pile).is_ascii());
    }

    #[test]
    fn a_start_is_short_and_says_so() {
        assert_eq!(visible_start("short", 5), "short");
        assert_eq!(visible_start("longer", 5), "lo...");
        assert_eq!(visible_start("éé\u{202e}", 6), "é...");
    }

    proptest! {
        #[test]
        fn what_was_shown_stays_as_it_is(text in "\\PC{0,4}[\u{300}-\u{36f}\u{200b}-\u{200f}\\p{M}a\n\x1b]{0,12}.{0,12}") {
            let once = visible(&text).into_owned();
            prop_assert_eq!(visible(&once), once.as_str());
            prop_assert!(!once.chars().any(|letter| letter.is_control() || is_hidden(letter)));
        }

        #[test]
        fn every_character_is_kept_or_escaped(letter in any::<char>()) {
            let text = format!("a{letter}");
            let shown = visible(&text).into_owned();
            prop_assert!(shown == text || shown[1..].starts_with('\\') && shown.is_ascii(), "{}", shown);
        }
    }
}
