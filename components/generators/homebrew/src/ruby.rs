//! Ruby as formulae and casks use it.

/// A text in double quotes that Ruby takes as it is.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            // The beginning of code within a text.
            '#' if matches!(letters.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// A list of texts.
pub fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// Lines with their indentation.
#[derive(Debug, Default)]
pub struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    /// A line; an empty one stands before the next, once.
    pub fn put(&mut self, line: &str) {
        if !line.is_empty() {
            self.text.extend(std::iter::repeat_n("  ", self.depth));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    /// A blank line, unless a block has just begun.
    pub fn gap(&mut self) {
        let last = self.text.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
        let begins = last.ends_with(" do") || last.trim_start().starts_with("class ") || last.is_empty();
        if !begins && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A block: what `inner` puts stands between the line and `end`.
    pub fn block(&mut self, line: &str, inner: impl FnOnce(&mut Self)) {
        self.put(line);
        self.depth += 1;
        inner(self);
        self.depth -= 1;
        self.put("end");
    }

    /// Lines as they are.
    pub fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The whole.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_code() {
        assert_eq!(quoted("a \"b\" \\ #{system 'x'} #$x #@y # z"), r#""a \"b\" \\ \#{system 'x'} \#$x \#@y # z""#);
        assert_eq!(quoted("a\nb\u{7}"), "\"a\\nb\"");
    }
}
