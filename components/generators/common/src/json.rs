//! JSON, bounded when read, in Scoop's format when written.

use crate::{Fields, Value, text};

/// Longest document, how deep it may go, and how much may be in it: a tree takes
/// far more memory than its text.
const BYTES: usize = 1 << 20;
const DEPTH: usize = 64;
const VALUES: usize = 50_000;
const NAMES: usize = 2_000;

/// Reads a document. The error says where and why.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    if bytes.len() > BYTES {
        return Err(format!("it is longer than {BYTES} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut reader = Reader { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0, values: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at == reader.text.len() { Ok(value) } else { Err(reader.wrong("something behind the end")) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl Reader<'_> {
    fn wrong(&self, reason: &str) -> String {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        format!("line {}: {reason}", before.matches('\n').count() + 1)
    }

    fn blanks(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Result<u8, String> {
        self.blanks();
        self.text.as_bytes().get(self.at).copied().ok_or_else(|| self.wrong("it ends early"))
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        self.values += 1;
        if depth > DEPTH || self.values > VALUES {
            return Err(self.wrong("too much, or nested too deeply"));
        }
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => Ok(Value::Text(self.string()?)),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            b'-' | b'0'..=b'9' => {
                let rest = &self.text[self.at..];
                let end = rest.find(|letter: char| !matches!(letter, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let number = &rest[..end.unwrap_or(rest.len())];
                self.at += number.len();
                Ok(Value::Number(number.to_owned()))
            }
            _ => Err(self.wrong("no value")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, String> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong("no value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut fields = Fields::new();
        for _ in 0..=NAMES {
            match self.peek()? {
                b'}' if fields.is_empty() => return Ok(self.close(fields)),
                b'"' => {}
                _ => return Err(self.wrong("no name")),
            }
            let name = self.string()?;
            if self.peek()? != b':' {
                return Err(self.wrong("no colon"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            fields.push(name, value);
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return Ok(self.close(fields)),
                _ => return Err(self.wrong("no comma")),
            }
        }
        Err(self.wrong("too many names"))
    }

    fn close(&mut self, fields: Fields) -> Value {
        self.at += 1;
        Value::Map(fields)
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            let found = self.peek()?;
            self.at += 1;
            match found {
                b',' => {}
                b']' => return Ok(Value::List(items)),
                _ => return Err(self.wrong("no comma")),
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find(['"', '\\']).ok_or_else(|| self.wrong("a text without end"))?;
            value.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(value);
            }
            let escape = self.text.as_bytes().get(self.at).copied();
            self.at += 1;
            value.push(match escape {
                Some(b'n') => '\n',
                Some(b't') => '\t',
                Some(b'r') => '\r',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
                Some(b'u') => self.coded()?,
                _ => return Err(self.wrong("an unknown escape")),
            });
        }
    }

    fn coded(&mut self) -> Result<char, String> {
        let first = self.hex()?;
        let is_pair = (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u");
        if !is_pair {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at += 2;
        let second = self.hex()?;
        let code = 0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| format!("an escape without four digits near byte {}", self.at))
    }
}

/// A document as Scoop formats it: four spaces, CRLF, a final line end.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    put(value, 0, &mut out);
    out.push_str("\r\n");
    out
}

fn put(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(switch) => out.push_str(if *switch { "true" } else { "false" }),
        Value::Number(number) => out.push_str(number),
        Value::Text(text) => string(text, out),
        Value::List(items) if items.is_empty() => out.push_str("[]"),
        Value::Map(fields) if fields.is_empty() => out.push_str("{}"),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                new_line(at, indent + 1, out);
                put(item, indent + 1, out);
            }
            end_line(indent, out);
            out.push(']');
        }
        Value::Map(fields) => {
            out.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                new_line(at, indent + 1, out);
                string(name, out);
                out.push_str(": ");
                put(value, indent + 1, out);
            }
            end_line(indent, out);
            out.push('}');
        }
    }
}

fn new_line(at: usize, indent: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
    end_line(indent, out);
}

fn end_line(indent: usize, out: &mut String) {
    out.push_str("\r\n");
    out.extend(std::iter::repeat_n("    ", indent));
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter.is_control() => text::push(out, format_args!("\\u{:04x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        let value = read(br#"{ "a": [1, -2.5e3, true, null, "x\u00e9\ud83d\ude00\n\/"], "b": {}, "c": [] }"#).unwrap();
        assert_eq!(value.get("a").unwrap().items()[4], Value::text("xé😀\n/"));
        for bad in ["", "{", "[1,", "{\"a\"}", "\"", "\"\\u12", "nul", "[1]x", "{\"a\":1,}", "\"\\é\""] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read("[".repeat(10_000).as_bytes()).is_err());
        assert!(read(format!("[{}0]", "0,".repeat(60_000)).as_bytes()).is_err());
        let names = (0..3_000).map(|at| format!("\"{at}\":0,")).collect::<Vec<_>>().concat();
        assert!(read(format!("{{{names}\"x\":0}}").as_bytes()).is_err());
    }

    #[test]
    fn writes_as_scoop_does() {
        let value = read(br#"{"version":"1","bin":["a",["b","c"]],"x":{}}"#).unwrap();
        let text = "{\n    \"version\": \"1\",\n    \"bin\": [\n        \"a\",\n        [\n            \"b\",\n            \"c\"\n        ]\n    ],\n    \"x\": {}\n}\n";
        assert_eq!(write(&value), text.replace('\n', "\r\n"));
    }

    proptest! {
        #[test]
        fn texts_survive(text in any::<String>()) {
            let value = Value::List(vec![Value::text(text)]);
            prop_assert_eq!(read(write(&value).as_bytes()), Ok(value));
        }

        #[test]
        fn nothing_makes_the_reader_panic(bytes in any::<Vec<u8>>(), text in "([\\[\\]{}\",:0-9a-u\\\\é]{0,4}){0,20}") {
            let _ = (read(&bytes), read(text.as_bytes()));
        }
    }
}
