//! Reads one YAML document into a [`Node`] tree.
//!
//! The subset is what manifests are made of: anchors, aliases and tags are
//! refused, because a reader of another kind may see other values there, and
//! because aliases multiply what a file says.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::Unreadable;
use super::place::Lines;
use super::tree::{Entry, MOST_DEPTH, MOST_NODES, Node, Value};
use crate::model::diagnostic::Position;
use crate::model::excerpt::excerpt;

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Node, Unreadable> {
    let mut builder = Builder { lines: Lines::new(text), stack: Vec::new(), root: None, nodes: 0, documents: 0 };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                // For an error it may count bytes as columns.
                let at = builder.lines.inside(builder.position(*error.marker()));
                return Err(Unreadable::new(at, excerpt(error.info())));
            }
        }
    }
    builder.root.ok_or_else(|| Unreadable::new(Position { line: 1, column: 1 }, "the file is empty"))
}

/// A list or a map that is not complete.
struct Open {
    at: Position,
    filling: Filling,
}

enum Filling {
    List(Vec<Node>),
    /// The key whose value comes next.
    Map(Vec<Entry>, Option<(String, Position)>),
}

struct Builder<'a> {
    lines: Lines<'a>,
    stack: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Unreadable> {
        let at = self.position(span.start);
        self.nodes += 1;
        if self.stack.len() > MOST_DEPTH || self.nodes > MOST_NODES {
            return Err(Unreadable::too_large(at));
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Unreadable::new(at, "the file holds more than one document"));
                }
            }
            Event::Alias(_) => return Err(unusual(at)),
            Event::Scalar(text, style, anchor, tag) => {
                refuse(anchor != 0 || tag.is_some(), at)?;
                return self.scalar(&text, style, at);
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(anchor != 0 || tag.is_some(), at)?;
                self.stack.push(Open { at, filling: Filling::List(Vec::new()) });
            }
            Event::MappingStart(anchor, tag) => {
                refuse(anchor != 0 || tag.is_some(), at)?;
                self.stack.push(Open { at, filling: Filling::Map(Vec::new(), None) });
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// A place of the parser's. It may count one line more than there are.
    fn position(&self, marker: Marker) -> Position {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let at = Position { line: number(marker.line()).max(1), column: number(marker.col()).saturating_add(1) };
        self.lines.clamped(at)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Position) -> Result<(), Unreadable> {
        if let Some(Open { filling: Filling::Map(_, key @ None), .. }) = self.stack.last_mut() {
            *key = Some((text.to_owned(), at));
            return Ok(());
        }
        let plain = style == ScalarStyle::Plain;
        let value = if plain { resolved(text) } else { Value::Text(text.to_owned()) };
        self.put(Node { value, at, plain })
    }

    fn close(&mut self) -> Result<(), Unreadable> {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let value = match open.filling {
            Filling::List(items) => Value::List(items),
            Filling::Map(entries, _) => Value::Map(entries),
        };
        self.put(Node { value, at: open.at, plain: false })
    }

    /// Gives a complete value to what it belongs to.
    fn put(&mut self, node: Node) -> Result<(), Unreadable> {
        match self.stack.last_mut().map(|open| &mut open.filling) {
            None => self.root = Some(node),
            Some(Filling::List(items)) => items.push(node),
            Some(Filling::Map(entries, key)) => {
                let Some((key, key_at)) = key.take() else {
                    return Err(Unreadable::new(node.at, "a key has to be text"));
                };
                entries.push(Entry { key, key_at, node });
            }
        }
        Ok(())
    }
}

fn refuse(is_unusual: bool, at: Position) -> Result<(), Unreadable> {
    if is_unusual { Err(unusual(at)) } else { Ok(()) }
}

fn unusual(at: Position) -> Unreadable {
    Unreadable::new(at, "anchors, aliases and tags are not for manifests: write the value itself")
}

/// The value of an unquoted scalar by YAML 1.2's core schema.
fn resolved(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str, radix| !text.is_empty() && text.chars().all(|digit| digit.is_digit(radix));
    if let Some(rest) = text.strip_prefix("0x") {
        return digits(rest, 16);
    }
    if let Some(rest) = text.strip_prefix("0o") {
        return digits(rest, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_mantissa =
        (digits(whole, 10) || whole.is_empty() && !part.is_empty()) && (part.is_empty() || digits(part, 10));
    is_mantissa && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent), 10))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Target;
    use super::*;

    #[test]
    fn keeps_places_and_duplicates() {
        let node = read("# comment\r\nA: 1.10\r\nList:\r\n- B: 'x'\r\n  C: [true, ~]\r\nA: y\r\n").unwrap();
        assert!(matches!(&node.get("A").unwrap().value, Value::Number(number) if number == "1.10"));
        let at = node.get("List").unwrap().items()[0].get("B").unwrap().at;
        assert_eq!((at.line, at.column), (4, 6));
        assert_eq!(node.pointer_to(Target::Value(at)).as_deref(), Some("/List/0/B"));
        let again: Vec<_> = node.duplicates().iter().map(|entry| (entry.key_at.line, entry.key_at.column)).collect();
        assert_eq!(again, [(6, 1)]);
    }

    #[test]
    fn unquoted_words_have_the_types_of_yaml_1_2() {
        for number in ["1", "-1", "1.10", "1.", ".5", "1e3", "+1.5E-3", "0x1f", "0o17", ".inf", "-.INF", ".nan"] {
            assert!(is_number(number), "{number}");
        }
        for text in ["1.2.3", ".", "e3", "1e", "0x", "0xg", "1_000", "-", "2024-01-01", "12:30", "v1", "-.nan"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn an_error_is_inside_of_the_text() {
        let text = "y: >-\n  c\rz: {a: [1, ~, y";
        let at = read(text).unwrap_err().at;
        assert!(Lines::new(text).line(at.line).is_some(), "{at:?}");
    }

    #[test]
    fn an_error_is_inside_of_its_line() {
        let text = "%\u{1}0 amyl-l~l\"(\u{e9}syl-ll\u{e9}syl-ll\"(\u{e9}Autoconf-esagBBBBm\0i";
        let at = read(text).unwrap_err().at;
        assert!(at.line == 1 && at.column as usize <= text.chars().count() + 1, "{at:?}");
    }

    #[test]
    fn what_the_parser_sees_behind_the_end_is_at_the_end() {
        let text = "a: 1\r\nx: |\n  b\n  c\n? ";
        let node = read(text).unwrap();
        let at = node.entries().last().unwrap().key_at;
        assert_eq!((at.line, at.column), (5, 3));
    }

    #[test]
    fn refuses_what_is_dangerous_or_ambiguous() {
        let deep = format!("a: {}{}", "[".repeat(60), "]".repeat(60));
        let many = format!("a: [{}1]", "1,".repeat(MOST_NODES));
        for text in
            ["a: &x 1\nb: *x", "a: !!str 1", "a: 1\n---\nb: 2", "", "? [a]\n: b", "a: [", "a: \"\\q\"", &deep, &many]
        {
            assert!(read(text).is_err(), "{}", &text[..text.len().min(40)]);
        }
    }
}
