//! The `; name=value` lists that `Link` and `Content-Disposition` share.

/// The parameters at the start of a text, up to `end` outside of quotes.
///
/// Lenient where the meaning is plain: blanks around `=`, a value with blanks
/// in it but no quotes, a quote that is never closed.
pub(super) struct Params<'a> {
    rest: &'a str,
    end: Option<char>,
}

impl<'a> Params<'a> {
    /// The parameters of the whole text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, end: None }
    }

    /// The parameters up to the first `end`.
    pub(super) fn until(text: &'a str, end: char) -> Self {
        Self { rest: text, end: Some(end) }
    }

    /// What the iterator has not read yet; once it is done, the text from `end` on.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Takes characters up to the end of the list or the first that `stops`.
    fn take(&mut self, stops: impl Fn(char) -> bool) -> &'a str {
        let end = self.end;
        let at = self.rest.find(|c| Some(c) == end || stops(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(at);
        self.rest = rest;
        taken.trim()
    }

    fn value(&mut self) -> String {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = unquote(quoted);
                self.rest = rest;
                self.take(|c| c == ';');
                value
            }
            None => self.take(|c| c == ';').to_owned(),
        }
    }
}

impl Iterator for Params<'_> {
    /// The name in lower case, and the value without its quotes.
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start_matches([' ', '\t', ';']);
        if self.rest.is_empty() || self.rest.chars().next() == self.end {
            return None;
        }
        let name = self.take(|c| matches!(c, '=' | ';')).to_ascii_lowercase();
        let value = match self.rest.strip_prefix('=') {
            Some(rest) => {
                self.rest = rest;
                self.value()
            }
            None => String::new(),
        };
        Some((name, value))
    }
}

/// The content of a quoted string whose opening quote is gone, and what
/// follows its closing one (RFC 9110 section 5.6.4).
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            plain => value.push(plain),
        }
    }
    (value, chars.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        Params::new(text).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn reads_tokens_and_quoted_strings() {
        assert_eq!(read("; A=b ;c = \"d;\\\"e\" x; f"), [pair("a", "b"), pair("c", "d;\"e"), pair("f", "")]);
        assert_eq!(read("a=b c; d=\"open"), [pair("a", "b c"), pair("d", "open")]);
        assert_eq!(read(" ;; "), []);
    }

    #[test]
    fn stops_at_the_end_outside_of_quotes() {
        let mut params = Params::until("; a=\"1,2\"; b=3, <next>", ',');
        assert_eq!(params.by_ref().collect::<Vec<_>>(), [pair("a", "1,2"), pair("b", "3")]);
        assert_eq!(params.rest(), ", <next>");
    }

    proptest! {
        #[test]
        fn always_ends(text in "[a;=,\"\\\\ é]{0,60}") {
            let mut params = Params::until(&text, ',');
            prop_assert!(params.by_ref().count() <= text.len());
            prop_assert!(params.rest().is_empty() || params.rest().starts_with(','));
        }
    }
}
