//! The comment at the head of a file that tells editors its schema.

use super::super::place::Lines;
use super::super::report::Report;
use super::{Manifest, Role};
use crate::model::diagnostic::Position;
use crate::model::excerpt::excerpt;

const MARK: &str = "yaml-language-server: $schema=";

/// Compares the comment with what the file says of itself.
pub(super) fn check(manifest: &Manifest<'_>, role: Role, report: &mut Report<'_>) {
    let version = excerpt(manifest.says("ManifestVersion").unwrap_or("1.12.0"));
    let wanted = format!("https://aka.ms/winget-manifest.{}.{version}.schema.json", role.name());
    let head: usize = manifest.text.split_inclusive('\n').take_while(|line| is_comment(line)).map(str::len).sum();
    let head = &manifest.text[..head];
    let Some(at) = head.find(MARK).map(|at| at + MARK.len()) else {
        let start = Position { line: 1, column: 1 };
        let message = "no comment at the head of the file names its schema";
        report.warning("header", start, message).suggest(format!("# {MARK}{wanted}"));
        return;
    };
    let found = head[at..].split_whitespace().next().unwrap_or_default();
    if !found.eq_ignore_ascii_case(&wanted) {
        let message = format!("the head names another schema than that of {} {version}", role.name());
        report.error("header", Lines::new(manifest.text).position(at), message).suggest(wanted);
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').starts_with('#')
}
