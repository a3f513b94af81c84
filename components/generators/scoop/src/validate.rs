//! What the generator demands of a manifest, its own or one written by hand.

use generator_common::{Value, json, text};
use turbo_component::manifest::{Delivery, Diagnostic, OutputFile};

/// Checks every manifest of a delivery.
pub fn delivery(delivery: &Delivery) -> Vec<Diagnostic> {
    let files = match delivery {
        Delivery::GitChange(change) => &change.writes,
        Delivery::Files(files) => files,
        _ => return vec![Diagnostic::error("scoop-delivery", "a manifest is a file in a bucket")],
    };
    let mut found = Vec::new();
    if files.is_empty() {
        found.push(Diagnostic::error("scoop-files", "there is no manifest"));
    }
    for file in files {
        manifest(file, &mut found);
    }
    found
}

fn manifest(file: &OutputFile, found: &mut Vec<Diagnostic>) {
    let mut wrong = |code: &str, pointer: &str, message: &str| {
        let told = Diagnostic::error(code, message).in_file(&file.path);
        let pointer = (!pointer.is_empty()).then(|| pointer.to_owned());
        found.push(Diagnostic { pointer, ..told });
    };
    let content = String::from_utf8_lossy(&file.content);
    if content.starts_with('\u{feff}')
        || content.replace("\r\n", "").contains(['\r', '\n'])
        || !content.ends_with("\r\n")
    {
        wrong("scoop-format", "", "a manifest has no byte order mark, and every line ends in CRLF");
    }
    let value = match json::read(&file.content) {
        Ok(value @ Value::Map(_)) => value,
        Ok(_) => return wrong("scoop-json", "", "a manifest is an object"),
        Err(reason) => return wrong("scoop-json", "", &text::line(&reason)),
    };
    for name in ["version", "homepage", "license"] {
        if value.get(name).is_none_or(Value::is_empty) {
            wrong("scoop-required", &format!("/{name}"), &format!("a manifest has a {name}"));
        }
    }
    let arches = value.get("architecture").and_then(Value::as_fields);
    let blocks: Vec<(String, &Value)> = match arches {
        Some(arches) => arches.iter().map(|(arch, block)| (format!("/architecture/{arch}"), block)).collect(),
        None => vec![(String::new(), &value)],
    };
    for (pointer, block) in blocks {
        let urls = block.get("url").map(Value::all_texts).unwrap_or_default();
        let hashes = block.get("hash").map(Value::all_texts).unwrap_or_default();
        if urls.is_empty() || urls.len() != hashes.len() {
            wrong("scoop-url", &format!("{pointer}/url"), "every URL has a hash");
        }
        if urls.iter().any(|url| !url.starts_with("https://") || url.contains('$')) {
            wrong("scoop-url", &format!("{pointer}/url"), "a URL begins with https:// and has no $");
        }
        if !hashes.iter().all(|hash| is_hash(hash)) {
            wrong("scoop-hash", &format!("{pointer}/hash"), "a hash has 64 hexadecimal digits, or names its algorithm");
        }
    }
}

fn is_hash(hash: &str) -> bool {
    let is_hex = |hex: &str, length: usize| hex.len() == length && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    match hash.split_once(':') {
        None => is_hex(hash, 64),
        Some(("md5", hex)) => is_hex(hex, 32),
        Some(("sha1", hex)) => is_hex(hex, 40),
        Some(("sha256", hex)) => is_hex(hex, 64),
        Some(("sha512", hex)) => is_hex(hex, 128),
        Some(_) => false,
    }
}
