//! A document as a tree that remembers where each of its parts stands,
//! whatever syntax it was written in.
//!
//! Keys keep their order and their repetitions: a reader that drops either
//! could not tell its author about them.

use std::collections::HashSet;

use crate::model::diagnostic::Position;

/// Deepest nesting that is read. A manifest has seven levels.
pub(super) const MOST_DEPTH: usize = 32;

/// Most values and keys of one document.
pub(super) const MOST_NODES: usize = 100_000;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Position,
    /// Written without quotes, in a syntax where that leaves its type to rules.
    pub(super) plain: bool,
}

/// What a document can say.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Position,
    pub(super) node: Node,
}

impl Node {
    /// What the value is, in plain words.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a group of fields",
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    pub(super) fn items(&self) -> &[Node] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The items of a list, or the value itself where one stands for a list of one.
    pub(super) fn each(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { std::slice::from_ref(self) }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a field that says something.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node).filter(|node| !matches!(node.value, Value::Null))
    }

    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// A text that is equal for equal values, whatever the order of keys.
    pub(super) fn canonical(&self) -> String {
        let mut text = String::new();
        self.write_canonical(&mut text);
        text
    }

    fn write_canonical(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push('~'),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(digits) => out.push_str(digits),
            Value::Text(text) => {
                out.push('"');
                out.extend(text.escape_debug());
                out.push('"');
            }
            Value::List(items) => {
                out.push('[');
                for item in items {
                    item.write_canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Value::Map(entries) => {
                let mut sorted: Vec<&Entry> = entries.iter().collect();
                sorted.sort_by(|one, other| one.key.cmp(&other.key));
                out.push('{');
                for entry in sorted {
                    out.extend(entry.key.escape_debug());
                    out.push(':');
                    entry.node.write_canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }

    /// Every key that stands a second time in its map.
    pub(super) fn duplicates(&self) -> Vec<&Entry> {
        let mut found = Vec::new();
        self.collect_duplicates(&mut found);
        found
    }

    fn collect_duplicates<'a>(&'a self, found: &mut Vec<&'a Entry>) {
        let mut seen = HashSet::new();
        for entry in self.entries() {
            if !seen.insert(entry.key.as_str()) {
                found.push(entry);
            }
            entry.node.collect_duplicates(found);
        }
        for item in self.items() {
            item.collect_duplicates(found);
        }
    }

    /// The pointer (RFC 6901) to what stands at a place.
    pub(super) fn pointer_to(&self, target: Target) -> Option<String> {
        let mut steps = self.search(target)?;
        steps.reverse();
        Some(steps.iter().map(|step| format!("/{}", escaped(step))).collect())
    }

    /// The steps to what stands at a place, the last first.
    fn search(&self, target: Target) -> Option<Vec<String>> {
        if target == Target::Value(self.at) {
            return Some(Vec::new());
        }
        for entry in self.entries() {
            let below = if target == Target::Key(entry.key_at) { Some(Vec::new()) } else { entry.node.search(target) };
            if let Some(mut steps) = below {
                steps.push(entry.key.clone());
                return Some(steps);
            }
        }
        for (number, item) in self.items().iter().enumerate() {
            if let Some(mut steps) = item.search(target) {
                steps.push(number.to_string());
                return Some(steps);
            }
        }
        None
    }
}

/// A part of a document, by its place. In YAML a map begins where its first
/// key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Value(Position),
    Key(Position),
}

fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}
