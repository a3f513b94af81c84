//! How a manifest learns of the next version.

use std::collections::HashSet;

use super::super::report::Report;
use super::super::tree::Node;
use crate::model::excerpt::excerpt;

/// What Scoop puts in. A name goes on as far as one of these does:
/// `$version_x64` is `$version` and a text.
const VARIABLES: [&str; 21] = [
    "version",
    "dotVersion",
    "underscoreVersion",
    "dashVersion",
    "cleanVersion",
    "majorVersion",
    "minorVersion",
    "patchVersion",
    "buildVersion",
    "preReleaseVersion",
    "matchHead",
    "matchTail",
    "url",
    "baseurl",
    "basename",
    "urlNoExt",
    "basenameNoExt",
    "sha1",
    "sha256",
    "sha512",
    "md5",
];

/// Checks `checkver` and `autoupdate`.
pub(super) fn check(root: &Node, report: &mut Report<'_>) {
    let Some(entry) = root.entry("autoupdate") else { return check_github(root, report) };
    let update = &entry.node;
    if root.get("checkver").is_none() {
        report.warning("checkver", entry, "without `checkver` nothing tells of a new version");
    }
    check_github(root, report);
    let named = named_groups(root);
    check_variables(update, named.as_ref(), report);
    for block in update.get("architecture").map_or(&[][..], Node::entries) {
        check_variables(&block.node, named.as_ref(), report);
        let now = root.get("architecture").is_some_and(|now| now.entry(&block.key).is_some());
        if !now {
            report.warning("autoupdate", block, "the manifest has no such architecture");
        }
    }
    for block in root.get("architecture").map_or(&[][..], Node::entries) {
        let next = update.get("architecture").is_some_and(|next| next.entry(&block.key).is_some());
        if !next && update.get("url").is_none() && block.node.get("url").is_some() {
            report.warning("autoupdate", block, "`autoupdate` leaves this architecture behind");
        }
    }
}

/// `"checkver": "github"` reads the releases of the home page.
fn check_github(root: &Node, report: &mut Report<'_>) {
    let Some(node) = root.get("checkver").filter(|node| node.text() == Some("github")) else { return };
    let homepage = root.text_of("homepage").unwrap_or_default();
    let is_github = homepage.strip_prefix("https://github.com/").is_some_and(|rest| rest.contains('/'));
    if !is_github {
        let message = "this looks at the home page, which is no repository of GitHub";
        report.warning("checkver", node, message).suggest("{\"github\": \"https://github.com/OWNER/NAME\"}");
    }
}

/// The variables that the expressions of `checkver` make, or none where a
/// script may make any.
fn named_groups(root: &Node) -> Option<HashSet<String>> {
    let checkver = root.get("checkver")?;
    if checkver.get("script").is_some() {
        return None;
    }
    let expressions = [Some(checkver), checkver.get("regex"), checkver.get("re")];
    let mut names = HashSet::new();
    for text in expressions.into_iter().flatten().filter_map(Node::text) {
        let groups = text.match_indices("(?<").map(|(at, start)| &text[at + start.len()..]);
        let groups = groups.filter_map(|rest| rest.split_once('>')).map(|(name, _)| name.to_ascii_lowercase());
        names.extend(groups);
    }
    Some(names)
}

fn check_variables(update: &Node, named: Option<&HashSet<String>>, report: &mut Report<'_>) {
    let hashes = update.get("hash").map_or(&[][..], Node::each).iter().filter_map(|hash| hash.get("url"));
    let direct = ["url", "extract_dir"].into_iter().filter_map(|key| update.get(key));
    for node in direct.chain(hashes).flat_map(Node::each) {
        let Some(text) = node.text() else { continue };
        for (at, _) in text.match_indices('$') {
            let name = text[at + 1..].trim_start_matches('{');
            let length = name.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(name.len());
            let name = &name[..length];
            if !name.is_empty() && !is_known(name, named) {
                let message = format!("nothing gives the variable `${}`", excerpt(name));
                report.warning("variable", node, message).suggest("$version, or a group (?<name>...) as $matchName");
            }
        }
    }
}

fn is_known(name: &str, named: Option<&HashSet<String>>) -> bool {
    if VARIABLES.iter().any(|variable| name.starts_with(variable)) {
        return true;
    }
    let Some(group) = name.strip_prefix("match") else { return false };
    let Some(named) = named else { return true };
    let group = group.to_ascii_lowercase();
    group.starts_with(|digit: char| digit.is_ascii_digit()) || named.iter().any(|name| group.starts_with(name))
}
