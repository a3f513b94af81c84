//! Reads JSON into a [`Node`] tree.

use jsonc_parser::ast::Value as Ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::Unreadable;
use super::place::Lines;
use super::tree::{Entry, MOST_DEPTH, MOST_NODES, Node, Value};
use crate::model::excerpt::excerpt;

/// JSON as RFC 8259 has it, and nothing that only some readers take.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Node, Unreadable> {
    let lines = Lines::new(text);
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT)
        .map_err(|error| Unreadable::new(lines.position(error.range().start), excerpt(&error.kind().to_string())))?;
    let Some(ast) = parsed.value else { return Err(Unreadable::new(lines.position(0), "the file is empty")) };
    // A second opinion on what is JSON: numbers and escapes above all.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
        let before = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        Unreadable::new(lines.position(before + error.column().saturating_sub(1)), excerpt(&error.to_string()))
    })?;
    Converter { lines, nodes: 0 }.node(&ast, 0)
}

struct Converter<'a> {
    lines: Lines<'a>,
    nodes: usize,
}

impl Converter<'_> {
    fn node(&mut self, ast: &Ast<'_>, depth: usize) -> Result<Node, Unreadable> {
        let at = self.lines.position(ast.range().start);
        self.nodes += 1;
        if depth > MOST_DEPTH || self.nodes > MOST_NODES {
            return Err(Unreadable::too_large(at));
        }
        let value = match ast {
            Ast::NullKeyword(_) => Value::Null,
            Ast::BooleanLit(literal) => Value::Bool(literal.value),
            Ast::NumberLit(literal) => Value::Number(literal.value.to_owned()),
            Ast::StringLit(literal) => Value::Text(literal.value.to_string()),
            Ast::Array(array) => {
                Value::List(array.elements.iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Ast::Object(object) => {
                let mut entries = Vec::with_capacity(object.properties.len());
                for property in &object.properties {
                    let key_at = self.lines.position(property.name.range().start);
                    let key = property.name.as_str().to_owned();
                    entries.push(Entry { key, key_at, node: self.node(&property.value, depth + 1)? });
                }
                Value::Map(entries)
            }
        };
        Ok(Node { value, at, plain: false })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Target;
    use super::*;

    #[test]
    fn keeps_places_and_duplicates() {
        let node = read("{\n  \"a\": [1, \"\u{e9}\", {\"b/c\": null}],\n  \"a\": true\n}\n").unwrap();
        let again: Vec<_> = node.duplicates().iter().map(|entry| (entry.key_at.line, entry.key_at.column)).collect();
        assert_eq!(again, [(3, 3)]);
        let key = node.get("a").unwrap().items()[2].entries()[0].key_at;
        assert_eq!((key.line, key.column), (2, 18));
        assert_eq!(node.pointer_to(Target::Key(key)).as_deref(), Some("/a/2/b~1c"));
    }

    #[test]
    fn takes_json_and_nothing_else() {
        for text in ["{'a': 1}", "{\"a\": 1,}", "{a: 1}", "[01]", "[1 2]", "// c\n1", "[0x1]", "", "{} {}", "[\"\\x\"]"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&format!("{}{}", "[".repeat(40), "]".repeat(40))).is_err());
        assert!(read(&format!("[{}1]", "1,".repeat(MOST_NODES))).is_err());
    }
}
