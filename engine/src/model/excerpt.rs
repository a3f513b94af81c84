//! Foreign text inside an error message.

use super::visible;

/// Longest excerpt, in characters.
const EXCERPT_CHARS: usize = 80;

/// The start of a text that somebody else wrote, fit for one line of an error
/// message: what controls a terminal, hides or reorders is escaped.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_of(text, EXCERPT_CHARS)
}

/// [`excerpt`] of so many characters.
pub(crate) fn excerpt_of(text: &str, chars: usize) -> String {
    let start: String = text.chars().take(chars).flat_map(char::escape_debug).collect();
    let mut shown = visible(&start).into_owned();
    if text.chars().nth(chars).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_short_and_tame() {
        assert_eq!(excerpt("plain"), "plain");
        assert_eq!(excerpt("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(excerpt("a\u{3164}\u{202e}"), "a\\u{3164}\\u{202e}");
        assert_eq!(excerpt(&"x".repeat(200)), format!("{}...", "x".repeat(80)));
    }
}
