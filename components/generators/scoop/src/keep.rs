//! The manifest that stands in the bucket, and what of it stays.

use generator_common::choose::{self, backslashed};
use generator_common::{Fields, Findings, Value, json, text};
use turbo_component::manifest::Artifact;

/// What the release decides, present or not.
const DECIDED: [&str; 9] =
    ["version", "architecture", "url", "hash", "extract_dir", "innosetup", "bin", "checkver", "autoupdate"];

/// Reads the manifest. One that cannot be read is an error: what people wrote
/// in it would be lost without a word.
pub fn read(path: &str, content: &[u8], findings: &mut Findings) -> Option<Fields> {
    let reason = match json::read(content) {
        Ok(Value::Map(fields)) => return Some(fields),
        Ok(_) => "it holds no manifest".to_owned(),
        Err(reason) => text::line(&reason),
    };
    findings.error("scoop-previous-unreadable", &format!("{path}: {reason}"), "correct or delete the file");
    None
}

/// Adds the fields that the release says nothing about.
pub fn rest(old: &Fields, fields: &mut Fields) {
    for (name, value) in old.iter().filter(|(name, _)| !DECIDED.contains(name)) {
        fields.put_missing(name, value.clone());
    }
}

/// The same for one processor.
pub fn rest_of_arch(old: &Fields, arch: &str, own: &mut Fields) {
    let block = old.get("architecture").and_then(|all| all.get(arch)).and_then(Value::as_fields);
    for (name, value) in block.into_iter().flat_map(Fields::iter).filter(|(name, _)| !DECIDED.contains(name)) {
        own.put_missing(name, value.clone());
    }
}

/// A field of one processor, or of all.
pub fn of_arch<'a>(old: &'a Fields, arch: &str, name: &str) -> Option<&'a Value> {
    let block = old.get("architecture").and_then(|all| all.get(arch));
    block.and_then(|block| block.get(name)).or_else(|| old.get(name))
}

/// The programs of the bucket's manifest that are still there, with the names
/// and arguments that people gave them, and those that are new.
pub fn merge_bin(kept: &Value, programs: &[String], artifact: &Artifact, findings: &mut Findings) -> Value {
    let rows: Vec<&Value> = match kept {
        Value::List(rows) => rows.iter().collect(),
        single => vec![single],
    };
    let file = |row: &Value| row.all_texts().first().map(|path| backslashed(path)).unwrap_or_default();
    let is_listed = |path: &str| {
        artifact.entries.iter().any(|entry| {
            let entry = backslashed(&entry.path);
            entry.eq_ignore_ascii_case(path)
                || entry.to_ascii_lowercase().ends_with(&format!("\\{}", path.to_ascii_lowercase()))
        })
    };
    let is_program = |path: &str| programs.iter().any(|program| program.eq_ignore_ascii_case(path));
    // Without a listing nobody can say that a file is gone.
    let is_unknown = artifact.entries.is_empty() && choose::kind(artifact) != "portable";
    let (mut stay, mut gone) = (Vec::new(), Vec::new());
    for row in rows {
        let path = file(row);
        if is_unknown || is_program(&path) || is_listed(&path) {
            stay.push(row.clone());
        } else {
            gone.push(path);
        }
    }
    if !gone.is_empty() {
        let message = format!("{} has no more {}: left out of `bin`", artifact.file_name, gone.join(", "));
        findings.warn("scoop-bin-gone", &message, "");
    }
    let mut rows: Vec<Value> = stay;
    for program in programs {
        if !rows.iter().any(|row| file(row).eq_ignore_ascii_case(program)) {
            rows.push(Value::text(program));
        }
    }
    if rows.len() == 1 && rows[0].as_text().is_some() { rows.remove(0) } else { Value::List(rows) }
}
