//! Texts as manifests want them: clean, and no longer than allowed.

use std::fmt::{self, Write as _};

/// Adds what `format_args!` makes to a text.
///
/// # Panics
///
/// When a value cannot be written; those of this crate and of std can.
pub fn push(out: &mut String, arguments: fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a string takes all");
}

/// A text on one line: runs of blanks become one space.
pub fn line(text: &str) -> String {
    let clean = clean(text);
    let mut line = String::with_capacity(clean.len());
    for word in clean.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// A text of several lines: `\n` ends a line, no line ends in blanks, and at
/// most one blank line stands between two others.
pub fn paragraphs(text: &str) -> String {
    let clean = clean(text);
    let mut text = String::with_capacity(clean.len());
    let mut blank = 0;
    for line in clean.split('\n') {
        let line = line.trim_end();
        if line.is_empty() {
            blank += 1;
            continue;
        }
        if !text.is_empty() {
            text.push_str(if blank > 0 { "\n\n" } else { "\n" });
        }
        // A text does not begin with blanks, wherever its lines do.
        text.push_str(if text.is_empty() { line.trim_start() } else { line });
        blank = 0;
    }
    text
}

/// Line ends as `\n`; without what a terminal, a parser or a reader's eye
/// would take for something else: control characters, byte order marks, and
/// the characters that reorder text on the screen.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut clean = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => clean.push('\n'),
            '\n' | '\t' => clean.push(letter),
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            letter if letter.is_control() => {}
            letter => clean.push(letter),
        }
    }
    clean
}

/// Shortens a text to so many characters, its mark included; none when it is
/// short enough. It is cut between words where one is near, never within what
/// is seen as one character.
pub fn cut(text: &str, most: usize) -> Option<String> {
    if text.len() <= most || text.chars().count() <= most {
        return None;
    }
    let room = most.saturating_sub(1);
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let mut kept = &text[..end];
    let mut next = text[end..].chars().next();
    while let Some(last) = kept.chars().next_back() {
        if !belongs(last, next) && !splits_flag(kept, next) {
            break;
        }
        next = Some(last);
        kept = &kept[..kept.len() - last.len_utf8()];
    }
    let is_word_end = next.is_none_or(char::is_whitespace);
    let word = kept
        .rfind(char::is_whitespace)
        .map_or(0, |blank| blank + kept[blank..].chars().next().map_or(0, char::len_utf8));
    // Half a URL leads elsewhere; half of another long word costs less than
    // all of it does.
    let is_url = kept[word..].contains("://");
    if !is_word_end && word > 0 && (is_url || kept.len() - word <= 40) {
        kept = &kept[..word];
    }
    Some(format!("{}…", kept.trim_end()))
}

/// Whether two characters are seen as one.
fn belongs(last: char, next: Option<char>) -> bool {
    last == '\u{200d}' || next.is_some_and(is_attached)
}

fn is_attached(letter: char) -> bool {
    matches!(letter,
        '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}'
        | '\u{93a}'..='\u{94d}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// A flag is two letters of their own kind.
fn splits_flag(kept: &str, next: Option<char>) -> bool {
    let is_half = |letter: char| matches!(letter, '\u{1f1e6}'..='\u{1f1ff}');
    next.is_some_and(is_half) && kept.chars().rev().take_while(|letter| is_half(*letter)).count() % 2 == 1
}

/// A tag: one line, blanks as hyphens.
pub fn tag(text: &str) -> String {
    line(text).replace(' ', "-").trim_matches(['-', ',']).to_owned()
}

/// A name without the mail address that people put behind it.
pub fn without_address(name: &str) -> String {
    let name = line(name);
    let words: Vec<&str> = name.split(' ').filter(|word| !is_address(word)).collect();
    words.join(" ").trim().trim_end_matches(['<', '(', ',']).trim().to_owned()
}

/// Whether a word is a mail address; `@name` is none.
pub fn is_address(word: &str) -> bool {
    let word = word.trim_matches(['<', '>', '(', ')', ',', ';']);
    word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
}

/// Letters and digits of a name, and what else is allowed, in lower case;
/// anything else becomes one hyphen.
pub fn slug(name: &str, allowed: &[char]) -> String {
    let mut slug = String::new();
    for letter in name.trim().chars() {
        if letter.is_ascii_alphanumeric() || allowed.contains(&letter) {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches(['-', '.']).to_owned()
}

/// The first sentence of a text in Markdown, without its marks.
pub fn first_sentence(text: &str) -> String {
    let text = paragraphs(text);
    let paragraph = text.split("\n\n").find(|part| !part.starts_with(['#', '!', '[', '<', '`', '-', '*']));
    let plain = line(paragraph.unwrap_or_default()).replace(['*', '`'], "");
    match plain.find(". ") {
        Some(end) => plain[..=end].to_owned(),
        None => plain,
    }
}

/// Whether a text is a day, `YYYY-MM-DD`.
pub fn is_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok());
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    if !shape {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_and_paragraphs_are_clean() {
        assert_eq!(line(" a\r\n\tb\u{202e}c\u{7}\u{feff} d "), "a bc d");
        assert_eq!(paragraphs("\r\n\r  one  \r\n\n\n\n  two\u{2028}three\u{0}\n"), "one\n\n  two\nthree");
        assert_eq!(line("שלום عالم 👋🏽"), "שלום عالم 👋🏽");
    }

    #[test]
    fn a_cut_leaves_whole_words_and_characters() {
        assert_eq!(cut("short", 5), None);
        assert_eq!(cut("one two three", 9).unwrap(), "one two…");
        assert_eq!(cut("onetwothree", 5).unwrap(), "onet…");
        assert_eq!(cut("ab👩‍💻c", 5).unwrap(), "ab…", "a character of three parts stays whole");
        assert_eq!(cut("a🇩🇪🇫🇷", 3).unwrap(), "a…");
        assert_eq!(cut("a🇩🇪🇫🇷", 4).unwrap(), "a🇩🇪…");
        assert_eq!(cut("ééé", 3), None);
        let url = format!("see https://tool.example/{}", "x".repeat(60));
        assert_eq!(cut(&url, 70).unwrap(), "see…", "half a URL leads elsewhere");
    }

    #[test]
    fn small_words() {
        assert_eq!(slug("My Tool_2!", &['.', '_']), "my-tool_2");
        assert_eq!(tag(" command line,"), "command-line");
        assert_eq!(without_address("Ann Lee <ann@lee.example>"), "Ann Lee");
        assert_eq!(without_address("@org"), "@org");
        assert_eq!(first_sentence("# Tool\n\n![badge](x)\n\nFinds **files**. Fast."), "Finds files.");
        assert!(is_date("2024-02-29") && !is_date("2023-02-29") && !is_date("2024-1-01") && !is_date("2024-13-01"));
    }

    proptest! {
        #[test]
        fn no_cut_is_longer_than_allowed(text in any::<String>(), most in 2_usize..60) {
            match cut(&text, most) {
                Some(cut) => prop_assert!(cut.chars().count() <= most && cut.ends_with('…')),
                None => prop_assert!(text.chars().count() <= most),
            }
        }

        #[test]
        fn cleaning_is_idempotent(text in any::<String>()) {
            let (one, many) = (line(&text), paragraphs(&text));
            prop_assert_eq!(&line(&one), &one);
            prop_assert_eq!(&paragraphs(&many), &many);
        }
    }
}
