//! A guest's words, made safe to show.
//!
//! A component may say anything, terminal escapes and text that runs backwards
//! included; nothing of it may reach a terminal, a log file or a report as is.

/// The text without control and direction characters, cut to a length in
/// bytes. Line breaks become spaces, so that one message stays one line.
pub fn printable(text: &str, max_bytes: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max_bytes));
    for character in text.chars() {
        let character = match character {
            '\n' | '\r' | '\t' => ' ',
            other if other.is_control() || is_directional(other) => continue,
            other => other,
        };
        if shown.len() + character.len_utf8() > max_bytes {
            break;
        }
        shown.push(character);
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Marks that reorder or hide what follows (Unicode Technical Report 36).
fn is_directional(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_do_not_reach_a_terminal() {
        assert_eq!(printable("a\x1b[31mred\x07\u{9b}2J\nnext\u{202e}txt", 100), "a[31mred2J nexttxt");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(printable("ééé", 3), "é");
        assert_eq!(printable("", 3), "");
    }
}
