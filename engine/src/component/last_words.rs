//! The end of what a guest said: the part that tells why it died.

use super::text::printable;

/// How much of a guest's own words is kept.
pub(super) const LAST_WORDS_BYTES: usize = 2 << 10;

/// A text of bounded length that forgets its beginning.
#[derive(Debug, Default)]
pub(super) struct LastWords(String);

impl LastWords {
    /// Adds to the end.
    pub(super) fn remember(&mut self, words: &str) {
        self.0.push_str(words);
        if let Some(surplus) = self.0.len().checked_sub(LAST_WORDS_BYTES) {
            let cut = self.0.ceil_char_boundary(surplus);
            self.0.drain(..cut);
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The words, fit for a terminal.
    pub(super) fn shown(&self) -> String {
        printable(&self.0, LAST_WORDS_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept() {
        let mut words = LastWords::default();
        words.remember(&"é".repeat(LAST_WORDS_BYTES));
        words.remember("the end");
        assert!(words.0.len() <= LAST_WORDS_BYTES);
        assert!(words.shown().ends_with("éthe end"));
    }
}
