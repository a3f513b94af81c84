//! Scoop: an app is a JSON file in the folder `bucket`.
//!
//! Structure is that of Scoop's own schema (`fields`). What that schema
//! accepts and buckets have is never an error here unless it cannot work.

mod autoupdate;
mod fields;
mod licence;
mod style;
#[cfg(test)]
mod tests;

use super::report::{Place, Report};
use super::shape;
use super::tree::{Node, Value};
use super::{extension_of, json, layout, name_of, text_of};
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::Diagnostic;
use crate::model::excerpt::excerpt;

const ARCHITECTURES: [&str; 3] = ["64bit", "32bit", "arm64"];

fn help(code: &str) -> String {
    match code {
        "scoop-autoupdate" | "scoop-variable" | "scoop-checkver" => {
            "https://github.com/ScoopInstaller/Scoop/wiki/App-Manifest-Autoupdate"
        }
        "scoop-licence" => "https://spdx.org/licenses/",
        _ => "https://github.com/ScoopInstaller/Scoop/wiki/App-Manifests",
    }
    .to_owned()
}

/// Checks every manifest among the files.
pub(super) fn check(files: &[OutputFile]) -> Vec<Diagnostic> {
    files.iter().filter(|file| extension_of(&file.path) == "json").flat_map(check_file).collect()
}

fn check_file(file: &OutputFile) -> Vec<Diagnostic> {
    let mut report = Report::new(&file.path, "scoop", help);
    let read = text_of(file).and_then(|text| Ok((text, json::read(text.trim_start_matches(layout::BYTE_ORDER_MARK))?)));
    match read {
        Err(unreadable) => {
            report.error("syntax", unreadable.at, unreadable.message);
            report.finish()
        }
        Ok((text, root)) => {
            let mut report = Report::new(&file.path, "scoop", help);
            report.about(&root);
            layout::check(text, "Scoop's formatter", &mut report);
            shape::check_duplicates(&root, &mut report);
            shape::check(&fields::MANIFEST, &root, &mut report);
            check_meaning(&root, &mut report);
            check_name(&file.path, &mut report);
            licence::check(&root, &mut report);
            autoupdate::check(&root, &mut report);
            style::check(text, &root, &mut report);
            report.finish()
        }
    }
}

fn check_meaning(root: &Node, report: &mut Report<'_>) {
    let blocks = root.get("architecture").map_or(&[][..], Node::entries);
    let blocks = blocks.iter().filter(|entry| ARCHITECTURES.contains(&entry.key.as_str()));
    if root.entry("url").is_none() && !blocks.clone().any(|entry| entry.node.entry("url").is_some()) {
        report.error("required", root, "the field `url` is missing, here and in every architecture");
    }
    if root.get("description").is_none() {
        report.warning("description", root, "the field `description` is missing");
    }
    for level in blocks.map(|entry| &entry.node).chain([root]) {
        check_downloads(level, root, report);
        check_uninstaller(level, report);
    }
    if let Some(homepage) = root.get("homepage") {
        warn_of_http(homepage, report);
    }
}

/// Each URL has its own hash.
fn check_downloads(level: &Node, root: &Node, report: &mut Report<'_>) {
    let urls = level.get("url").map_or(&[][..], Node::each);
    let hashes = level.get("hash").map_or(&[][..], Node::each);
    urls.iter().for_each(|url| warn_of_http(url, report));
    for hash in hashes {
        if hash.text().is_some_and(|text| text.starts_with("md5:") || text.starts_with("sha1:")) {
            report.warning("weak-hash", hash, "this kind of hash proves nothing any more").suggest("use SHA-256");
        }
    }
    // What changes under its URL every night has no hash.
    let is_nightly = root.text_of("version") == Some("nightly");
    if let Some(entry) = level.entry("url").filter(|_| !urls.is_empty() && hashes.is_empty() && !is_nightly) {
        report.warning("hash", entry, "what is downloaded from here has no hash");
    }
    if let Some(entry) = level.entry("hash").filter(|_| !hashes.is_empty() && hashes.len() != urls.len()) {
        let message = format!("{} URLs, but {} hashes", urls.len(), hashes.len());
        // A hash may stand outside of the architectures that share its download.
        if urls.is_empty() {
            report.warning("hash", entry, message);
        } else {
            report.error("hash", entry, message).suggest("one hash for each URL, in the same order");
        }
    }
}

fn warn_of_http(url: &Node, report: &mut Report<'_>) {
    let Some(text) = url.text() else { return };
    if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://")) {
        report.warning("https", url, "this is not secure").suggest(format!("https://{}", excerpt(&text[7..])));
    }
}

/// The schema wants one of the two and takes no third.
fn check_uninstaller(level: &Node, report: &mut Report<'_>) {
    let Some(node) = level.get("uninstaller") else { return };
    let ways = ["file", "script"].iter().filter(|key| node.entry(key).is_some()).count();
    if ways != 1 && matches!(node.value, Value::Map(_)) {
        report.error("uninstaller", node, "either `file` or `script` has to be there, and not both");
    }
}

fn check_name(path: &str, report: &mut Report<'_>) {
    let name = name_of(path);
    let stem = name.get(..name.len().saturating_sub(5)).unwrap_or_default();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.+".contains(letter);
    if stem.is_empty() || !stem.chars().all(allowed) {
        report.warning("name", Place::File, "the name of an app is of letters, digits and - _ . +");
    } else if stem.chars().any(|letter| letter.is_ascii_uppercase()) {
        report.note("name", Place::File, "names of apps are in lower case").suggest(stem.to_ascii_lowercase());
    }
}
