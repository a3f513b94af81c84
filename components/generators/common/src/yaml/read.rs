//! Reads the YAML that people and tools write as winget manifests: blocks,
//! quoted and folded texts, short lists in brackets. No anchors, tags or
//! several documents; those are an error, never a guess.

use super::flow::{DEPTH, Flow, FlowError, quoted_text, resolve};
use crate::{Fields, Value};

/// Longest document, its most lines, and its longest text in quotes or brackets.
const BYTES: usize = 512 << 10;
const LINES: usize = 20_000;
const TEXT: usize = 64 << 10;

/// Reads a document. The error says where and why.
pub fn read(text: &str) -> Result<Value, String> {
    if text.len() > BYTES {
        return Err(format!("it is longer than {BYTES} bytes"));
    }
    if text.matches('\n').count() > LINES {
        return Err(format!("it has more than {LINES} lines"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split('\n').map(|line| Line::new(line.strip_suffix('\r').unwrap_or(line))).collect();
    let mut reader = Reader { lines, at: 0 };
    reader.skip_blank();
    if reader.line().is_some_and(|line| line.indent == 0 && line.text == "---") {
        reader.at += 1;
        reader.skip_blank();
    }
    let Some(line) = reader.line() else { return Ok(Value::Null) };
    let value = reader.node(line.indent, 0)?;
    reader.skip_blank();
    if reader.line().is_some() { Err(reader.wrong("is at the wrong indentation")) } else { Ok(value) }
}

#[derive(Clone)]
struct Line {
    indent: usize,
    text: String,
}

impl Line {
    fn new(raw: &str) -> Self {
        let text = raw.trim_start_matches(' ');
        Self { indent: raw.len() - text.len(), text: text.to_owned() }
    }

    fn is_blank(&self) -> bool {
        let text = self.text.trim();
        text.is_empty() || text.starts_with('#')
    }

    fn is_item(&self) -> bool {
        self.text == "-" || self.text.starts_with("- ")
    }
}

struct Reader {
    lines: Vec<Line>,
    at: usize,
}

impl Reader {
    fn line(&self) -> Option<Line> {
        self.lines.get(self.at).cloned()
    }

    fn skip_blank(&mut self) {
        while self.lines.get(self.at).is_some_and(Line::is_blank) {
            self.at += 1;
        }
    }

    fn wrong(&self, reason: &str) -> String {
        format!("line {} {reason}", self.at + 1)
    }

    fn node(&mut self, indent: usize, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err(self.wrong("is nested too deeply"));
        }
        let Some(line) = self.line() else { return Ok(Value::Null) };
        if line.is_item() {
            self.list(indent, depth)
        } else if key_of(&line.text).is_some() {
            self.map(indent, depth)
        } else {
            self.at += 1;
            self.inline(line.text.trim(), indent, depth)
        }
    }

    fn map(&mut self, indent: usize, depth: usize) -> Result<Value, String> {
        let mut fields = Fields::new();
        loop {
            self.skip_blank();
            let Some(line) = self.line() else { break };
            if line.indent < indent || (line.indent == indent && line.is_item()) {
                break;
            }
            let found = if line.indent == indent { key_of(&line.text) } else { None };
            let Some((key, rest)) = found else { return Err(self.wrong("is no `name: value`")) };
            self.at += 1;
            let value = self.after(&rest, indent, depth)?;
            if !fields.push(key, value) {
                return Err(format!("line {} repeats a name", self.at));
            }
        }
        Ok(Value::Map(fields))
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            self.skip_blank();
            let Some(line) = self.line() else { break };
            if line.indent < indent || !line.is_item() {
                break;
            }
            if line.indent > indent {
                return Err(self.wrong("is at the wrong indentation"));
            }
            let rest = line.text.strip_prefix('-').unwrap_or_default();
            let inner = rest.trim_start_matches(' ');
            if key_of(inner).is_some() || inner.starts_with("- ") {
                let inner_indent = indent + 1 + (rest.len() - inner.len());
                self.lines[self.at] = Line { indent: inner_indent, text: inner.to_owned() };
                items.push(self.node(inner_indent, depth + 1)?);
            } else {
                self.at += 1;
                // A list in a list stands deeper than its dash.
                items.push(self.after_dash(inner, indent, depth)?);
            }
        }
        Ok(Value::List(items))
    }

    fn after_dash(&mut self, rest: &str, indent: usize, depth: usize) -> Result<Value, String> {
        if !without_comment(rest).is_empty() {
            return self.inline(rest, indent, depth);
        }
        self.skip_blank();
        match self.line() {
            Some(line) if line.indent > indent => self.node(line.indent, depth + 1),
            _ => Ok(Value::Null),
        }
    }

    /// What follows a name.
    fn after(&mut self, rest: &str, indent: usize, depth: usize) -> Result<Value, String> {
        if !without_comment(rest).is_empty() {
            return self.inline(rest, indent, depth);
        }
        self.skip_blank();
        match self.line() {
            Some(line) if line.indent > indent || (line.indent == indent && line.is_item()) => {
                self.node(line.indent, depth + 1)
            }
            _ => Ok(Value::Null),
        }
    }

    /// A value that begins on the line before.
    fn inline(&mut self, rest: &str, indent: usize, depth: usize) -> Result<Value, String> {
        match rest.as_bytes().first() {
            Some(b'|' | b'>') => self.block(rest, indent),
            Some(b'"' | b'\'') => self.quoted(rest),
            Some(b'[' | b'{') => self.flow(rest, depth),
            Some(b'&' | b'*' | b'!' | b'%' | b'@' | b'`') => {
                Err(format!("line {} has what no manifest needs: {}", self.at, crate::text::line(rest)))
            }
            _ => Ok(self.plain(rest, indent)),
        }
    }

    fn plain(&mut self, rest: &str, indent: usize) -> Value {
        let first = without_comment(rest);
        let is_whole = first.len() < rest.trim_end().len();
        let mut text = first.to_owned();
        let mut breaks = 0;
        let mut ahead = self.at;
        while let Some(line) = self.lines.get(ahead).filter(|_| !is_whole) {
            if line.text.trim().is_empty() {
                breaks += 1;
            } else if line.indent > indent && !line.text.starts_with('#') {
                fold(&mut text, breaks);
                text.push_str(without_comment(&line.text));
                breaks = 0;
                self.at = ahead + 1;
            } else {
                break;
            }
            ahead += 1;
        }
        resolve(&text)
    }

    fn block(&mut self, head: &str, indent: usize) -> Result<Value, String> {
        let head = without_comment(head);
        let (is_folded, marks) = (head.starts_with('>'), &head[1..]);
        let mut given = None;
        for mark in marks.chars() {
            match mark {
                '-' | '+' => {}
                '1'..='9' => given = mark.to_digit(10),
                _ => return Err(format!("line {} begins no block", self.at)),
            }
        }
        let mut lines: Vec<(usize, String)> = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            if !line.text.is_empty() && line.indent <= indent {
                break;
            }
            lines.push((line.indent, line.text.clone()));
            self.at += 1;
        }
        let first = lines.iter().find(|(_, text)| !text.is_empty()).map_or(0, |(indent, _)| *indent);
        let base = given.map_or(first, |step| indent + step as usize);
        let lines: Vec<String> = lines
            .into_iter()
            .map(|(indent, text)| " ".repeat(if text.is_empty() { 0 } else { indent.saturating_sub(base) }) + &text)
            .collect();
        let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        let mut text = if is_folded { folded(&lines[..end]) } else { lines[..end].join("\n") };
        match marks.trim_matches(|mark: char| mark.is_ascii_digit()) {
            "-" => {}
            "+" => text.push_str(&"\n".repeat(lines.len() - end + usize::from(end > 0))),
            _ if end > 0 => text.push('\n'),
            _ => {}
        }
        Ok(Value::Text(text))
    }

    /// A quoted text, which may go on over the next lines.
    fn quoted(&mut self, rest: &str) -> Result<Value, String> {
        let mut text = rest.trim_end().to_owned();
        let mut breaks = 0;
        loop {
            if let Some((value, length)) = quoted_text(&text) {
                let behind = text[length..].trim_start();
                return if behind.is_empty() || behind.starts_with('#') {
                    Ok(Value::Text(value))
                } else {
                    Err(format!("line {} has something behind a quoted text", self.at))
                };
            }
            let Some(line) = self.lines.get(self.at).filter(|_| text.len() < TEXT) else {
                return Err(self.wrong("ends within quotes"));
            };
            self.at += 1;
            let part = line.text.trim();
            if part.is_empty() {
                breaks += 1;
            } else {
                fold(&mut text, breaks);
                text.push_str(part);
                breaks = 0;
            }
        }
    }

    fn flow(&mut self, rest: &str, depth: usize) -> Result<Value, String> {
        let mut text = rest.to_owned();
        loop {
            let mut flow = Flow::new(&text);
            match flow.value(depth) {
                Ok(value) => {
                    let behind = text[flow.end()..].trim_start();
                    return if behind.is_empty() || behind.starts_with('#') {
                        Ok(value)
                    } else {
                        Err(format!("line {} has something behind a list", self.at))
                    };
                }
                Err(FlowError::More) => {
                    let Some(line) = self.lines.get(self.at).filter(|_| text.len() < TEXT) else {
                        return Err(self.wrong("ends within brackets"));
                    };
                    text.push(' ');
                    text.push_str(line.text.trim());
                    self.at += 1;
                }
                Err(FlowError::Wrong) => return Err(format!("line {} has brackets that say nothing", self.at)),
            }
        }
    }
}

/// Name and rest of a line `name: rest`.
fn key_of(text: &str) -> Option<(String, String)> {
    if text.starts_with(['"', '\'']) {
        let (key, length) = quoted_text(text)?;
        let rest = text[length..].trim_start().strip_prefix(':')?;
        return (rest.is_empty() || rest.starts_with(' ')).then(|| (key, rest.trim_start().to_owned()));
    }
    if text.starts_with(['[', '{', '#', '|', '>', '&', '*', '!', '%', '@', '`', '?']) {
        return None;
    }
    let colon = text
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| matches!(text.as_bytes().get(at + 1), None | Some(b' ')))?;
    let key = text[..colon].trim_end();
    (!key.is_empty() && !key.contains(" #")).then(|| (key.to_owned(), text[colon + 1..].trim_start().to_owned()))
}

fn without_comment(text: &str) -> &str {
    if text.starts_with('#') {
        return "";
    }
    text.split(" #").next().unwrap_or_default().trim_end()
}

/// One line end is a blank; more are line ends.
fn fold(text: &mut String, breaks: usize) {
    if breaks == 0 {
        text.push(' ');
    }
    text.push_str(&"\n".repeat(breaks));
}

fn folded(lines: &[String]) -> String {
    let mut text = String::new();
    let mut breaks = 0;
    let mut was_deeper = true;
    for line in lines {
        if line.is_empty() {
            breaks += 1;
            continue;
        }
        let is_deeper = line.starts_with([' ', '\t']);
        if text.is_empty() {
            text.push_str(&"\n".repeat(breaks));
        } else if is_deeper || was_deeper {
            text.push_str(&"\n".repeat(breaks + 1));
        } else {
            fold(&mut text, breaks);
        }
        text.push_str(line);
        (breaks, was_deeper) = (0, is_deeper);
    }
    text
}
