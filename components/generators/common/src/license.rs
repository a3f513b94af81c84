//! SPDX expressions, as far as package managers write them otherwise.

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum License {
    /// One licence, perhaps with an exception.
    One {
        /// Its identifier.
        id: String,
        /// Its exception.
        exception: Option<String>,
    },
    /// The user's choice.
    Any(Vec<License>),
    /// All at once.
    All(Vec<License>),
}

const DEPTH: usize = 16;

/// Reads an expression; none when it is no SPDX expression.
pub fn parse(text: &str) -> Option<License> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, at: 0 };
    let license = parser.any(0)?;
    (parser.at == words.len()).then_some(license)
}

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
}

impl Parser<'_> {
    fn eat(&mut self, word: &str) -> bool {
        let is_next = self.words.get(self.at).is_some_and(|found| found.eq_ignore_ascii_case(word));
        self.at += usize::from(is_next);
        is_next
    }

    fn any(&mut self, depth: usize) -> Option<License> {
        let mut parts = vec![self.all(depth)?];
        while self.eat("OR") {
            parts.push(self.all(depth)?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { License::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Option<License> {
        let mut parts = vec![self.one(depth)?];
        while self.eat("AND") {
            parts.push(self.one(depth)?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { License::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Option<License> {
        if depth > DEPTH {
            return None;
        }
        if self.eat("(") {
            let inner = self.any(depth + 1)?;
            return self.eat(")").then_some(inner);
        }
        let id = self.id()?;
        let exception = if self.eat("WITH") { Some(self.id()?) } else { None };
        Some(License::One { id, exception })
    }

    fn id(&mut self) -> Option<String> {
        let word = self.words.get(self.at)?;
        let is_id = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'+' | b':'));
        let is_operator = ["OR", "AND", "WITH"].iter().any(|operator| word.eq_ignore_ascii_case(operator));
        self.at += 1;
        (is_id && !is_operator).then(|| (*word).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str) -> License {
        License::One { id: id.to_owned(), exception: None }
    }

    #[test]
    fn expressions_are_read() {
        assert_eq!(parse("MIT"), Some(one("MIT")));
        assert_eq!(parse("MIT/Apache-2.0"), Some(License::Any(vec![one("MIT"), one("Apache-2.0")])));
        let nested = License::All(vec![one("A"), License::Any(vec![one("B"), one("C")])]);
        assert_eq!(parse("A AND (B or C)"), Some(nested));
        let with = License::One { id: "GPL-2.0-only".to_owned(), exception: Some("X-exception".to_owned()) };
        assert_eq!(parse("GPL-2.0-only WITH X-exception"), Some(with));
        for bad in ["", "MIT OR", "(MIT", "see the file", "AND", "MIT)"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&"(".repeat(10_000)), None);
    }
}
