//! Scalars, quoted texts, and values in brackets on one line.

use crate::{Fields, Value};

/// How deep a document may go.
pub(super) const DEPTH: usize = 24;

/// A bare text as the type that it has in YAML 1.2; dates and fractions stay
/// texts, because that is what manifests mean by them.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let is_number = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { Value::Number(text.to_owned()) } else { Value::text(text) }
        }
    }
}

/// A quoted text at the beginning, and its length; none when it goes on.
pub(super) fn quoted_text(text: &str) -> Option<(String, usize)> {
    let mut letters = text.char_indices();
    let quote = letters.next()?.1;
    let mut value = String::new();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            if quote == '\'' && text[at + 1..].starts_with('\'') {
                letters.next();
                value.push('\'');
                continue;
            }
            return Some((value, at + letter.len_utf8()));
        }
        if letter == '\\' && quote == '"' {
            let (_, escape) = letters.next()?;
            value.push(match escape {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                'a' => '\u{7}',
                'b' => '\u{8}',
                'e' => '\u{1b}',
                'x' => coded(&mut letters, 2)?,
                'u' => coded(&mut letters, 4)?,
                'U' => coded(&mut letters, 8)?,
                other => other,
            });
            continue;
        }
        value.push(letter);
    }
    None
}

fn coded(letters: &mut std::str::CharIndices<'_>, digits: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + letters.next()?.1.to_digit(16)?;
    }
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Why there is no value.
pub(super) enum FlowError {
    /// It goes on in the next line.
    More,
    /// It is none.
    Wrong,
}

/// Values in brackets, on one line.
pub(super) struct Flow<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Flow<'a> {
    /// The text, from its first bracket.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Where the value ends.
    pub(super) fn end(&self) -> usize {
        self.at
    }

    fn peek(&mut self) -> Result<u8, FlowError> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text.as_bytes().get(self.at).copied().ok_or(FlowError::More)
    }

    /// The value.
    pub(super) fn value(&mut self, depth: usize) -> Result<Value, FlowError> {
        if depth > DEPTH {
            return Err(FlowError::Wrong);
        }
        match self.peek()? {
            b'[' => self.items(depth),
            b'{' => self.pairs(depth),
            b'"' | b'\'' => Ok(Value::Text(self.quoted()?)),
            _ => Ok(resolve(&self.bare()?)),
        }
    }

    fn items(&mut self, depth: usize) -> Result<Value, FlowError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            if self.peek()? == b']' {
                self.at += 1;
                return Ok(Value::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.separator(b']')?;
        }
    }

    fn pairs(&mut self, depth: usize) -> Result<Value, FlowError> {
        self.at += 1;
        let mut fields = Fields::new();
        loop {
            let key = match self.peek()? {
                b'}' => {
                    self.at += 1;
                    return Ok(Value::Map(fields));
                }
                b'"' | b'\'' => self.quoted()?,
                _ => self.bare()?,
            };
            if self.peek()? != b':' {
                return Err(FlowError::Wrong);
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            fields.push(key, value);
            self.separator(b'}')?;
        }
    }

    fn separator(&mut self, end: u8) -> Result<(), FlowError> {
        match self.peek()? {
            b',' => self.at += 1,
            found if found == end => {}
            _ => return Err(FlowError::Wrong),
        }
        Ok(())
    }

    fn quoted(&mut self) -> Result<String, FlowError> {
        let (text, length) = quoted_text(&self.text[self.at..]).ok_or(FlowError::More)?;
        self.at += length;
        Ok(text)
    }

    fn bare(&mut self) -> Result<String, FlowError> {
        let rest = &self.text[self.at..];
        let end = rest.find([',', ']', '}', '[', '{', ':']).ok_or(FlowError::More)?;
        // A colon within a word belongs to it: https://a.example
        let end = match &rest.as_bytes()[end..] {
            [b':', next, ..] if *next != b' ' => {
                let more = rest[end..].find([',', ']', '}']).ok_or(FlowError::More)?;
                end + more
            }
            _ => end,
        };
        let text = rest[..end].trim();
        if text.is_empty() {
            return Err(FlowError::Wrong);
        }
        self.at += end;
        Ok(text.to_owned())
    }
}
