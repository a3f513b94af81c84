//! Foreign text inside an error message.

/// Longest excerpt, in characters.
const EXCERPT_CHARS: usize = 80;

/// The start of a text that somebody else wrote, fit for one line of an error
/// message: control characters are escaped, so that it cannot drive a terminal.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_of(text, EXCERPT_CHARS)
}

/// [`excerpt`] of so many characters.
pub(crate) fn excerpt_of(text: &str, chars: usize) -> String {
    let mut shown: String = text.chars().take(chars).flat_map(char::escape_debug).collect();
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
        assert_eq!(excerpt(&"x".repeat(200)), format!("{}...", "x".repeat(80)));
    }
}
