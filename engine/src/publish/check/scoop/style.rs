//! How Scoop's own formatter would have written it. Nothing here is more than
//! a note.

use super::super::place::Lines;
use super::super::report::Report;
use super::super::tree::{Node, Value};

/// The order of fields that buckets keep.
const ORDER: [&str; 28] = [
    "version",
    "description",
    "homepage",
    "license",
    "notes",
    "depends",
    "suggest",
    "architecture",
    "url",
    "hash",
    "extract_dir",
    "extract_to",
    "pre_install",
    "installer",
    "post_install",
    "env_add_path",
    "env_set",
    "bin",
    "shortcuts",
    "persist",
    "pre_uninstall",
    "uninstaller",
    "post_uninstall",
    "checkver",
    "autoupdate",
    "psmodule",
    "innosetup",
    "cookie",
];

/// Reports the first place of each kind.
pub(super) fn check(text: &str, root: &Node, report: &mut Report<'_>) {
    check_indent(text, report);
    check_order(root, report);
    check_collapsed(root, report);
}

fn check_indent(text: &str, report: &mut Report<'_>) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        if line[..blanks].contains('\t') || !blanks.is_multiple_of(4) {
            report.note("indent", Lines::new(text).position(at), "a level is indented by 4 spaces");
            return;
        }
        at += line.len();
    }
}

fn check_order(root: &Node, report: &mut Report<'_>) {
    let rank = |key: &str| ORDER.iter().position(|known| *known == key);
    let mut last: Option<(usize, &str)> = None;
    for entry in root.entries() {
        let Some(rank) = rank(&entry.key) else { continue };
        if let Some((_, before)) = last.filter(|(highest, _)| *highest > rank) {
            report.note("order", entry, format!("`{}` comes before `{before}` by convention", ORDER[rank]));
            return;
        }
        last = Some((rank, ORDER[rank]));
    }
}

/// A list of one text is written as the text.
fn check_collapsed(root: &Node, report: &mut Report<'_>) {
    for entry in root.entries() {
        let is_single = matches!(entry.node.items(), [Node { value: Value::Text(_), .. }]);
        if is_single && entry.key != "##" {
            report.note("list-of-one", entry, "a list of one is written as the one");
        }
    }
    let blocks = root.get("architecture").map_or(&[][..], Node::entries);
    for block in blocks {
        for entry in block.node.entries() {
            if matches!(entry.node.items(), [Node { value: Value::Text(_), .. }]) {
                report.note("list-of-one", entry, "a list of one is written as the one");
            }
        }
    }
}
