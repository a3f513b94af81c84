//! A guest's words, made safe to show.
//!
//! A component may say anything, terminal escapes and text that runs backwards
//! included; nothing of it may reach a terminal, a log file or a report as is.

use crate::model::visible;

/// The text without control characters, and with everything else that hides or
/// reorders what is around it escaped (see [`visible`]), cut to a length in
/// bytes. Line breaks become spaces, so that one message stays one line.
pub fn printable(text: &str, max_bytes: usize) -> String {
    let plain: String = text.chars().take(max_bytes).filter_map(without_controls).collect();
    let shown = visible(&plain);
    let end = if shown.len() > max_bytes { start_of_cut(&shown, max_bytes) } else { shown.len() };
    shown[..end].trim_end().to_owned()
}

fn without_controls(letter: char) -> Option<char> {
    match letter {
        '\n' | '\r' | '\t' => Some(' '),
        other => Some(other).filter(|letter| !letter.is_control()),
    }
}

/// Where to cut, not within an escape.
fn start_of_cut(shown: &str, max_bytes: usize) -> usize {
    /// The longest: `\u{10ffff}`.
    const ESCAPE_BYTES: usize = 10;
    let end = shown.floor_char_boundary(max_bytes);
    let near = shown.floor_char_boundary(end.saturating_sub(ESCAPE_BYTES - 1));
    match shown[near..end].rfind('\\').map(|at| near + at) {
        Some(at) if shown[at..].starts_with("\\u{") && !shown[at..end].contains('}') => at,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_do_not_reach_a_terminal() {
        assert_eq!(printable("a\x1b[31mred\x07\u{9b}2J\nnext\u{202e}txt", 100), "a[31mred2J next\\u{202e}txt");
    }

    #[test]
    fn cuts_between_characters_and_escapes() {
        assert_eq!(printable("ééé", 3), "é");
        assert_eq!(printable("", 3), "");
        for most in 1..9 {
            assert_eq!(printable("a\u{202e}", most), "a");
        }
        assert_eq!(printable("a\u{202e}b", 9), "a\\u{202e}");
    }
}
