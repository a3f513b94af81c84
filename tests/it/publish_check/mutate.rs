//! Every small change to a document that may make it wrong.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A changed document, and what was changed.
pub struct Mutant {
    pub what: String,
    pub value: Value,
}

/// All changes to all parts of a document, in an order that never changes.
pub fn mutants(document: &Value) -> Vec<Mutant> {
    let mut pointers = Vec::new();
    collect(document, String::new(), &mut pointers);
    pointers.iter().flat_map(|pointer| changes(document, pointer)).collect()
}

fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                collect(field, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), pointers);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/{number}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(pointer);
}

fn changes(document: &Value, pointer: &str) -> Vec<Mutant> {
    let value = document.pointer(pointer).expect("a collected pointer");
    let replaced = |what: &str, new: Value| {
        let mut changed = document.clone();
        *changed.pointer_mut(pointer).expect("a collected pointer") = new;
        Mutant { what: format!("{pointer}: {what}"), value: changed }
    };
    let mut found: Vec<Mutant> = replacements(value).into_iter().map(|(what, new)| replaced(what, new)).collect();
    if let Some((parent, key)) = pointer.rsplit_once('/') {
        let mut changed = document.clone();
        match changed.pointer_mut(parent) {
            Some(Value::Object(fields)) => _ = fields.remove(key),
            Some(Value::Array(items)) => _ = items.remove(key.parse().expect("an index")),
            _ => {}
        }
        found.push(Mutant { what: format!("{pointer}: missing"), value: changed });
    }
    found
}

/// Other values in the place of one.
fn replacements(value: &Value) -> Vec<(&'static str, Value)> {
    let mut found = vec![("nothing", Value::Null)];
    match value {
        Value::String(text) => {
            found.extend([
                ("number", json!(42)),
                ("truth", json!(true)),
                ("list", json!([text])),
                ("group", json!({"a": text})),
            ]);
            let long = |count| Value::String("x".repeat(count));
            found.extend([
                ("empty", json!("")),
                ("one letter", json!("x")),
                ("long", long(600)),
                ("very long", long(10_001)),
            ]);
            found.extend([
                ("separators", json!("a b:c/d\\e*")),
                ("control", json!(format!("{text}\u{1}"))),
                ("doubled", json!(format!("{text}{text}"))),
                ("cut", json!(text.chars().skip(1).collect::<String>())),
                ("other case", json!(text.to_uppercase())),
                ("open", json!("(")),
            ]);
        }
        Value::Number(number) => {
            found.extend([
                ("text", json!(number.to_string())),
                ("zero", json!(0)),
                ("part", json!(1.5)),
                ("list", json!([number])),
            ]);
            found.extend([("large", json!(4_294_967_296_u64)), ("small", json!(-2_147_483_649_i64))]);
        }
        Value::Bool(value) => {
            found.extend([("text", json!(value.to_string())), ("number", json!(1)), ("list", json!([value]))]);
        }
        Value::Array(items) => {
            found.extend([
                ("text", json!("x")),
                ("group", json!({"a": "b"})),
                ("empty", json!([])),
                ("number", json!(1)),
            ]);
            let again = items.first().cloned().into_iter().chain(items.iter().cloned()).collect();
            found.push(("repeated", Value::Array(again)));
            found.push(("many", Value::Array((0..1100).map(|number| json!(format!("t{number}"))).collect())));
            found.push(("other items", json!([["a"], 1, null])));
        }
        Value::Object(fields) => {
            found.extend([("text", json!("x")), ("list", json!([1])), ("number", json!(1))]);
            let with = |key: &str| {
                let more = fields.clone().into_iter().chain([(key.to_owned(), json!("x"))]);
                Value::Object(more.collect::<Map<_, _>>())
            };
            found.push(("extra field", with("NoSuchField")));
        }
        Value::Null => found.push(("number", json!(1))),
    }
    found
}

/// Writes a value as YAML, texts in double quotes.
pub fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, field) in fields {
                write!(out, "{indent}{key}:").expect("a string takes all");
                below(field, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                write!(out, "{indent}-").expect("a string takes all");
                below(item, depth, out);
            }
        }
        _ => writeln!(out, "{indent}{value}").expect("a string takes all"),
    }
}

fn below(value: &Value, depth: usize, out: &mut String) {
    let is_block = value.as_object().is_some_and(|fields| !fields.is_empty())
        || value.as_array().is_some_and(|items| !items.is_empty());
    if is_block {
        out.push('\n');
        block(value, depth + 1, out);
    } else {
        writeln!(out, " {value}").expect("a string takes all");
    }
}
