//! Structure rules as data, and the one function that holds a tree against
//! them.
//!
//! A package manager's fields stand in tables of [`Field`]; what a table
//! cannot say is a semantic rule of that manager.

use std::collections::HashSet;

use super::report::Report;
use super::tree::{Entry, Node, Value};
use crate::model::excerpt::excerpt;

/// What a value has to be.
pub(super) enum Kind {
    Text(Text),
    Integer(Integer),
    Boolean,
    List(&'static List),
    Map(&'static Shape),
    /// Fields of any name, each of one kind.
    Fields(&'static Kind),
    /// Fields of any name and kind.
    AnyFields,
    /// What it stands for, or nothing.
    Optional(&'static Kind),
    /// One of several kinds, told apart by the value's type.
    Either(&'static [Kind]),
}

/// A text, its length counted in characters.
pub(super) struct Text {
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) form: Option<&'static Form>,
    /// The only texts there are; any when empty.
    pub(super) one_of: &'static [&'static str],
}

impl Text {
    pub(super) const ANY: Self = Self { least: 0, most: usize::MAX, form: None, one_of: &[] };

    /// A text of so many characters.
    pub(super) const fn long(least: usize, most: usize) -> Kind {
        Kind::Text(Self { least, most, ..Self::ANY })
    }

    /// A text that looks like something.
    pub(super) const fn like(form: &'static Form) -> Kind {
        Kind::Text(Self { form: Some(form), ..Self::ANY })
    }

    /// One of a few words.
    pub(super) const fn of(words: &'static [&'static str]) -> Kind {
        Kind::Text(Self { one_of: words, ..Self::ANY })
    }
}

/// How a text has to look.
pub(super) struct Form {
    /// Completes "this is not ...".
    pub(super) name: &'static str,
    pub(super) holds: fn(&str) -> bool,
}

/// A whole number.
pub(super) struct Integer {
    pub(super) least: i64,
    pub(super) most: i64,
    /// Zero is none of them.
    pub(super) not_zero: bool,
}

/// A list.
pub(super) struct List {
    pub(super) items: Kind,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) unique: bool,
}

/// The fields of a map.
pub(super) struct Shape {
    /// Tables, of which other maps may share some.
    pub(super) tables: &'static [&'static [Field]],
    /// How bad a field is that is not among them.
    pub(super) unknown: Unknown,
}

impl Shape {
    fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.tables.iter().copied().flatten()
    }
}

/// What a field is that no table has.
#[derive(Clone, Copy)]
pub(super) enum Unknown {
    Error,
    Warning,
}

/// A field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) kind: Kind,
}

/// A field that may be missing.
pub(super) const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, required: false, kind }
}

/// A field that has to be there.
pub(super) const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, required: true, kind }
}

/// Reports every key that stands twice in its map.
pub(super) fn check_duplicates(root: &Node, report: &mut Report<'_>) {
    for entry in root.duplicates() {
        let message = format!("`{}` stands here a second time", excerpt(&entry.key));
        report.error("duplicate", entry, message).suggest("keep one of the two");
    }
}

/// Holds a value against its kind.
pub(super) fn check(kind: &Kind, node: &Node, report: &mut Report<'_>) {
    match (kind, &node.value) {
        (Kind::Optional(_), Value::Null) | (Kind::Boolean, Value::Bool(_)) | (Kind::AnyFields, Value::Map(_)) => {}
        (Kind::Optional(kind), _) => check(kind, node, report),
        (Kind::Either(kinds), _) => match kinds.iter().find(|kind| takes(kind, node)) {
            Some(kind) => check(kind, node, report),
            None => wrong_type(kind, node, report),
        },
        (Kind::Text(rules), Value::Text(text)) => check_text(rules, text, node, report),
        (Kind::Integer(rules), Value::Number(digits)) => check_integer(rules, digits, node, report),
        (Kind::List(rules), Value::List(items)) => check_list(rules, items, node, report),
        (Kind::Map(shape), Value::Map(entries)) => check_map(shape, entries, node, report),
        (Kind::Fields(kind), Value::Map(entries)) => {
            entries.iter().for_each(|entry| check(kind, &entry.node, report));
        }
        _ => wrong_type(kind, node, report),
    }
}

/// Whether the value's type alone fits.
fn takes(kind: &Kind, node: &Node) -> bool {
    match kind {
        Kind::Optional(kind) => matches!(node.value, Value::Null) || takes(kind, node),
        Kind::Either(kinds) => kinds.iter().any(|kind| takes(kind, node)),
        Kind::Text(_) => matches!(node.value, Value::Text(_)),
        Kind::Integer(_) => matches!(node.value, Value::Number(_)),
        Kind::Boolean => matches!(node.value, Value::Bool(_)),
        Kind::List(_) => matches!(node.value, Value::List(_)),
        Kind::Map(_) | Kind::Fields(_) | Kind::AnyFields => matches!(node.value, Value::Map(_)),
    }
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Text(_) => "text".into(),
        Kind::Integer(_) => "a whole number".into(),
        Kind::Boolean => "true or false".into(),
        Kind::List(_) => "a list".into(),
        Kind::Map(_) | Kind::Fields(_) | Kind::AnyFields => "a group of fields".into(),
        Kind::Optional(kind) => describe(kind),
        Kind::Either(kinds) => kinds.iter().map(describe).collect::<Vec<_>>().join(" or "),
    }
}

fn wrong_type(kind: &Kind, node: &Node, report: &mut Report<'_>) {
    let wanted = describe(kind);
    let shown = match &node.value {
        Value::Number(digits) => Some(excerpt(digits)),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    let quoted = shown.filter(|_| wanted.contains("text"));
    let found = report.error("type", node, format!("this has to be {wanted}, and is {}", node.kind()));
    if let Some(text) = quoted {
        found.suggest(if node.plain { format!("'{text}'") } else { format!("\"{text}\"") });
    }
}

fn check_text(rules: &Text, text: &str, node: &Node, report: &mut Report<'_>) {
    if node.plain && is_old_truth_value(text) {
        let message = format!("a reader of YAML 1.1 takes an unquoted `{text}` for a truth value");
        report.warning("quoting", node, message).suggest(format!("'{text}'"));
    }
    if !rules.one_of.is_empty() && !rules.one_of.contains(&text) {
        let same = rules.one_of.iter().find(|word| word.eq_ignore_ascii_case(text));
        let near = same.or_else(|| rules.one_of.iter().find(|word| is_near(word, text)));
        let message = format!("`{}` is not one of {}", excerpt(text), rules.one_of.join(", "));
        let found = report.error("enum", node, message);
        if let Some(word) = near {
            found.suggest(*word);
        }
        return;
    }
    let length = text.chars().count();
    if length < rules.least || length > rules.most {
        let bound = if length < rules.least {
            format!("at least {} are needed", rules.least)
        } else {
            format!("at most {} are allowed", rules.most)
        };
        report.error("length", node, format!("this has {length} characters; {bound}"));
    }
    if let Some(form) = rules.form.filter(|form| !(form.holds)(text)) {
        report.error("pattern", node, format!("`{}` is not {}", excerpt(text), form.name));
    }
}

/// What YAML 1.1 has as truth values besides `true` and `false`.
fn is_old_truth_value(text: &str) -> bool {
    text.len() <= 3 && ["y", "n", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str())
}

fn check_integer(rules: &Integer, digits: &str, node: &Node, report: &mut Report<'_>) {
    let Ok(number) = digits.parse::<i64>() else {
        report.error("type", node, format!("`{}` is not a whole number", excerpt(digits)));
        return;
    };
    if !(rules.least..=rules.most).contains(&number) || rules.not_zero && number == 0 {
        let but = if rules.not_zero { ", and not 0" } else { "" };
        report.error("range", node, format!("{number} is not within {} to {}{but}", rules.least, rules.most));
    }
}

fn check_list(rules: &List, items: &[Node], node: &Node, report: &mut Report<'_>) {
    if items.len() < rules.least || items.len() > rules.most {
        let message = format!("a list of {}; {} to {} are allowed", items.len(), rules.least, rules.most);
        report.error("items", node, message);
    }
    let mut seen = HashSet::new();
    for item in items {
        if rules.unique && !seen.insert(item.canonical()) {
            report.error("unique", item, "this is in the list already").suggest("remove it");
        }
        check(&rules.items, item, report);
    }
}

fn check_map(shape: &Shape, entries: &[Entry], node: &Node, report: &mut Report<'_>) {
    for field in shape.fields().filter(|field| field.required) {
        if !entries.iter().any(|entry| entry.key == field.name) {
            report.error("required", node, format!("the field `{}` is missing", field.name));
        }
    }
    for entry in entries {
        match shape.fields().find(|field| field.name == entry.key) {
            Some(field) => check(&field.kind, &entry.node, report),
            None => unknown_field(shape, entry, report),
        }
    }
}

fn unknown_field(shape: &Shape, entry: &Entry, report: &mut Report<'_>) {
    let names = || shape.fields().map(|field| field.name);
    let key = excerpt(&entry.key);
    if let Some(name) = names().find(|name| name.eq_ignore_ascii_case(&entry.key)) {
        let message = format!("`{key}` is written `{name}`: case matters");
        report.error("case", entry, message).suggest(name);
        return;
    }
    let message = format!("there is no field `{key}` here");
    let found = match shape.unknown {
        Unknown::Error => report.error("unknown", entry, message),
        Unknown::Warning => report.warning("unknown", entry, message),
    };
    if let Some(name) = names().find(|name| is_near(name, &entry.key)) {
        found.suggest(name);
    }
}

/// Whether two words differ by a letter or two, whatever their case.
fn is_near(one: &str, other: &str) -> bool {
    // In a short word a letter more makes another word: amd64 is not arm64.
    let most_edits = if one.len() < 8 { 1 } else { 2 };
    if other.len() > 64 || one.len().abs_diff(other.len()) > most_edits || one.len() <= 4 {
        return false;
    }
    let (one, other) = (one.to_ascii_lowercase().into_bytes(), other.to_ascii_lowercase().into_bytes());
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, beside) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != beside);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()] <= most_edits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_near() {
        assert!(
            is_near("InstallerUrl", "InstalerURL")
                && is_near("homepage", "hompage")
                && is_near("Publisher", "Pubilsher")
        );
        assert!(
            !is_near("bin", "url")
                && !is_near("homepage", "license")
                && !is_near("arm64", "amd64")
                && !is_near("InstallerUrl", "Installer")
        );
    }
}
