//! What a component answered, as a table that a case can hold.

use toml::{Table, Value};

use crate::component::bindings::v0_1::generator::manifest::{
    Delivery, Diagnostic, Generated, GitRoute, OutputFile, Severity,
};
use crate::component::bindings::v0_1::rules::RuleError;
use crate::component::host::sha256_hex;
use crate::component::instance::RawReply;

/// A rule's answer.
pub(super) fn of_reply(reply: &RawReply) -> Table {
    let mut table = Table::new();
    let (key, value) = match reply {
        Ok(candidates) => {
            let urls = candidates.iter().map(|candidate| text(&candidate.url));
            ("candidates", Value::Array(urls.collect()))
        }
        Err(RuleError::NotMine) => ("not-mine", Value::Boolean(true)),
        Err(RuleError::Refused(reason)) => ("refused", text(reason)),
        Err(RuleError::Invalid(reason)) => ("invalid", text(reason)),
        Err(RuleError::Other(reason)) => ("other", text(reason)),
    };
    table.insert(key.to_owned(), value);
    table
}

/// The refusal of a rule's settings.
pub(super) fn of_refused_settings(reason: &str) -> Table {
    Table::from_iter([("settings-refused".to_owned(), text(reason))])
}

/// A generator's answer, with the files that it wanted to read.
pub(super) fn of_generated(wants: &[String], generated: &Result<Generated, Vec<Diagnostic>>) -> Table {
    let mut table = Table::new();
    put_list(&mut table, "wants", wants.iter().map(|path| text(path)).collect());
    match generated {
        Ok(generated) => {
            put_list(&mut table, "deliveries", generated.deliveries.iter().map(delivery).collect());
            put_list(&mut table, "diagnostics", diagnostics(&generated.diagnostics));
        }
        Err(refusal) => drop(table.insert("refused".to_owned(), Value::Array(diagnostics(refusal)))),
    }
    table
}

/// Findings, as tables.
pub(super) fn diagnostics(found: &[Diagnostic]) -> Vec<Value> {
    found.iter().map(diagnostic).collect()
}

/// Adds a list, unless there is nothing in it.
pub(super) fn put_list(table: &mut Table, key: &str, values: Vec<Value>) {
    if !values.is_empty() {
        table.insert(key.to_owned(), Value::Array(values));
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn delivery(delivery: &Delivery) -> Value {
    let mut table = Table::new();
    let mut put = |key: &str, value: Value| drop(table.insert(key.to_owned(), value));
    match delivery {
        Delivery::GitChange(change) => {
            put("kind", text("git-change"));
            put("repository", text(&change.repository));
            put("base", text(&change.base));
            if let Some(branch) = &change.branch {
                put("branch", text(branch));
            }
            put("title", text(&change.title));
            put("body", text(&change.body));
            put("route", text(if change.route == GitRoute::Push { "push" } else { "pull-request" }));
            put("files", files(&change.writes));
            put_list(&mut table, "deletes", change.deletes.iter().map(|path| text(path)).collect());
        }
        Delivery::Nupkg(package) => {
            put("kind", text("nupkg"));
            put("endpoint", text(&package.endpoint));
            put("nuspec", text(&package.nuspec));
            put("files", files(&package.files));
        }
        Delivery::Files(written) => {
            put("kind", text("files"));
            put("files", files(written));
        }
        Delivery::Oci(image) => {
            put("kind", text("oci"));
            put("reference", text(&image.reference));
            put("artifact-type", text(&image.artifact_type));
            // The order of layers is part of the artifact.
            let layers = image.layers.iter().map(|layer| Value::Table(layer_table(layer)));
            put("layers", Value::Array(layers.collect()));
        }
    }
    Value::Table(table)
}

fn files(files: &[OutputFile]) -> Value {
    Value::Table(files.iter().map(|file| (file.path.clone(), content(&file.content))).collect())
}

fn layer_table(layer: &OutputFile) -> Table {
    Table::from_iter([("path".to_owned(), text(&layer.path)), ("content".to_owned(), content(&layer.content))])
}

/// Text as it is, anything else by its digest.
fn content(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(words) => text(words),
        Err(_) => text(&format!("{} bytes, sha-256 {}", bytes.len(), sha256_hex(bytes))),
    }
}

fn diagnostic(found: &Diagnostic) -> Value {
    let mut table = Table::new();
    let severity = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    table.insert("severity".to_owned(), text(severity));
    table.insert("code".to_owned(), text(&found.code));
    let optional = [
        ("file", found.file.as_ref()),
        ("pointer", found.pointer.as_ref()),
        ("message", Some(&found.message)),
        ("help-url", found.help_url.as_ref()),
        ("suggestion", found.suggestion.as_ref()),
    ];
    for (key, value) in optional {
        value.map(|value| table.insert(key.to_owned(), text(value)));
    }
    for (key, number) in [("line", found.line), ("column", found.column)] {
        if number > 0 {
            table.insert(key.to_owned(), Value::Integer(number.into()));
        }
    }
    Value::Table(table)
}
