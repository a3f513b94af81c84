//! Texts by the columns that they take on a terminal.

use unicode_width::UnicodeWidthChar as _;

/// Stands for what was left out of a text. ASCII: the one-character ellipsis
/// takes two columns on some terminals.
const GAP: &str = "..";

/// Most marks without a column of their own that are shown on one letter.
const MOST_MARKS: usize = 4;

/// Columns that a text takes at most.
///
/// Letter by letter: whether a terminal joins a sequence of emoji into one is
/// not known, and a row that is too short does less harm than one that wraps.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(letter_columns).sum()
}

fn letter_columns(letter: char) -> usize {
    // The selector of the emoji form makes some letters wider by one.
    if letter == '\u{fe0f}' { 1 } else { letter.width().unwrap_or(0) }
}

/// The text without the marks that would pile up on one letter.
pub(super) fn flat(text: &str) -> String {
    let mut marks = 0;
    let kept = text.chars().filter(|letter| {
        marks = if letter_columns(*letter) == 0 { marks + 1 } else { 0 };
        marks <= MOST_MARKS
    });
    kept.collect()
}

/// A text in at most `most` columns, shortened in the middle: the start tells
/// what a file is, and the end of which kind.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    if most <= GAP.len() + 1 {
        return start(text, most).to_owned();
    }
    let tail = end(text, (most - GAP.len()) / 3);
    let head = start(text, most - GAP.len() - columns(tail));
    format!("{head}{GAP}{tail}")
}

/// The longest start of a text within `most` columns.
fn start(text: &str, most: usize) -> &str {
    let mut taken = 0;
    let cut = text.char_indices().find(|(_, letter)| {
        taken += letter_columns(*letter);
        taken > most
    });
    cut.map_or(text, |(at, _)| &text[..at])
}

/// The longest end of a text within `most` columns that begins with a letter.
fn end(text: &str, most: usize) -> &str {
    let mut taken = 0;
    let mut from = text.len();
    for (at, letter) in text.char_indices().rev() {
        taken += letter_columns(letter);
        if taken > most {
            break;
        }
        if letter_columns(letter) > 0 {
            from = at;
        }
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wide_letters_take_two_columns() {
        for (text, taken) in [("abc", 3), ("\u{6587}\u{5b57}", 4), ("e\u{301}", 1), ("\u{1f600}", 2), ("\u{fffd}", 1)] {
            assert_eq!(columns(text), taken, "{text}");
        }
    }

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(shortened("debian-12.5.0-amd64-netinst.iso", 20), "debian-12.5...st.iso");
        assert_eq!(
            shortened("\u{6587}\u{5b57}\u{6587}\u{5b57}\u{6587}\u{5b57}.txt", 11),
            "\u{6587}\u{5b57}\u{6587}..txt"
        );
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("longer", 2), "lo");
    }

    #[test]
    fn marks_do_not_pile_up() {
        assert_eq!(flat(&format!("a{}b", "\u{301}".repeat(50))), format!("a{}b", "\u{301}".repeat(4)));
    }

    proptest! {
        #[test]
        fn no_text_takes_more_than_it_may(text in "\\PC{0,40}|[\u{6587}a\u{301}\u{1f600}\u{fe0f}\u{200d}.]{0,40}", most in 0usize..50) {
            let short = shortened(&text, most);
            prop_assert!(columns(&short) <= most);
            prop_assert!(columns(&text) > most || short == text);
        }
    }
}
