//! The rules about scripts.
//!
//! A script is looked at line by line. A call that spreads its arguments from a
//! table (`@packageArgs`) is judged by what the script assigns anywhere.

use super::super::place::{Lines, numbered};
use super::super::{extension_of, name_of, text_of};
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::{Diagnostic, Position};
use crate::model::excerpt::excerpt;

/// More of them are hard to review.
pub(super) const MOST_SCRIPTS: usize = 3;
const MOST_LINES: usize = 100;

/// Whether the rules are for a file.
pub(super) fn is_script(path: &str) -> bool {
    matches!(extension_of(path).as_str(), "ps1" | "psm1")
}

/// A line of code without its comment.
struct Line<'a> {
    at: Position,
    code: &'a str,
    /// In lower case, as PowerShell reads it.
    lower: String,
}

/// Checks a script.
pub(super) fn check(file: &OutputFile) -> Vec<Diagnostic> {
    let mut report = super::report(&file.path);
    let text = match text_of(file) {
        Ok(text) => text,
        Err(unreadable) => {
            report.error("syntax", unreadable.at, unreadable.message);
            return report.finish();
        }
    };
    let lines = code_of(text);
    for line in &lines {
        check_line(line, &mut report);
    }
    check_template(text, &mut report);
    check_downloads(&lines, &mut report);
    check_name(&file.path, &mut report);
    if lines.len() > MOST_LINES {
        let message = format!("{} lines of code; more than {MOST_LINES} are hard to review", lines.len());
        report.note("lines", lines[MOST_LINES].at, message);
    }
    report.finish()
}

/// The lines that are code, which block comments and lines of a comment are not.
fn code_of(text: &str) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let mut in_comment = false;
    for (number, line) in numbered(text) {
        let mut code = line;
        if in_comment {
            let Some((_, rest)) = code.split_once("#>") else { continue };
            (code, in_comment) = (rest, false);
        }
        if let Some((before, after)) = code.split_once("<#") {
            in_comment = !after.contains("#>");
            code = before;
        }
        let code = without_comment(code).trim();
        if !code.is_empty() {
            let column = line.chars().take_while(|letter| letter.is_whitespace()).count();
            let at = Position { line: number, column: u32::try_from(column).unwrap_or(u32::MAX - 1) + 1 };
            found.push(Line { at, code, lower: code.to_ascii_lowercase() });
        }
    }
    found
}

/// A line up to a `#` that no quotes surround.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, '#') if before.is_whitespace() || before == ';' => return &line[..at],
            _ => {}
        }
        before = letter;
    }
    line
}

/// What the validator calls private: Chocolatey may rename it.
const PRIVATE: [&str; 7] = [
    "$env:chocolateypackagefolder",
    "$env:chocolateypackagesfolder",
    "$env:chocolateyinstallarguments",
    "$env:chocolateyinstalloverride",
    "$env:chocolateyinstallerarguments",
    "$env:chocolateylastpathupdate",
    "$nugetpath",
];

const VERBS: [&str; 9] = ["install", "uninstall", "upgrade", "list", "search", "source", "feature", "config", "pin"];

fn check_line(line: &Line<'_>, report: &mut super::Report<'_>) {
    let lower = line.lower.as_str();
    if calls_choco(lower) {
        let message = "a script does not call choco: a package that it needs is a dependency in the nuspec";
        report.error("CPMR0010", line.at, message);
    }
    if let Some(name) = PRIVATE.iter().find(|name| lower.contains(**name)) {
        let message = format!("`{name}` is private to Chocolatey and may change");
        report.error("CPMR0072", line.at, message).suggest("$toolsDir, from $MyInvocation.MyCommand.Definition");
    }
    if let Some(url) = url_in(line.code).filter(|url| is_comment_asset(url)) {
        let message = format!("`{}` is attached to a comment; such files are nobody's release", excerpt(url));
        report.error("CPMR0075", line.at, message).suggest("an asset of a release");
    }
    if let Some(kind) = lower.split_once("checksumtype").map(|(_, rest)| rest.replace("64", "")) {
        let word = kind.trim_start_matches(|letter: char| !letter.is_ascii_alphanumeric());
        if word.starts_with("md5") || word.starts_with("sha1") {
            report.warning("weak-checksum", line.at, "this kind of checksum proves nothing any more").suggest("sha256");
        }
    }
    if url_in(lower).is_some_and(|url| url.starts_with("http://")) && assigned(lower, "url").is_some() {
        report.warning("https", line.at, "this download is not secure");
    }
}

fn calls_choco(lower: &str) -> bool {
    let commands = lower.split(['&', ';', '|', '{', '(']).map(str::trim_start);
    commands.into_iter().any(|command| {
        let mut words = command.split_whitespace();
        let first = words.next().unwrap_or_default().trim_matches(['\'', '"']);
        let is_choco = ["choco", "choco.exe", "cinst", "cup", "cuninst", "chocolatey"].contains(&first);
        let is_alias = first.starts_with('c') && first != "choco" && first != "choco.exe" && first != "chocolatey";
        is_choco && (is_alias || words.next().is_some_and(|verb| VERBS.contains(&verb)))
    })
}

/// The first URL of a line.
fn url_in(code: &str) -> Option<&str> {
    let at = ["https://", "http://"].iter().filter_map(|start| code.find(start)).min()?;
    let end = code[at..].find(|letter: char| letter.is_whitespace() || "'\"`);,".contains(letter));
    Some(&code[at..end.map_or(code.len(), |end| at + end)])
}

/// Files that somebody dropped into an issue.
fn is_comment_asset(url: &str) -> bool {
    let Some(path) = url.strip_prefix("https://github.com/") else {
        return url.starts_with("https://user-images.githubusercontent.com/");
    };
    let parts: Vec<&str> = path.split('/').collect();
    path.starts_with("user-attachments/") || matches!(parts[..], [_, _, "files" | "assets", ..])
}

/// Comments of the template begin with two hashes, which is how it says that
/// they go away.
fn check_template(text: &str, report: &mut super::Report<'_>) {
    let marks = [
        "## NOTE: ",
        "## - ",
        "## Main helper functions",
        "## IMPORTANT: Before releasing",
        "# Uncomment matching EXE type",
    ];
    if let Some(at) = marks.iter().filter_map(|mark| text.find(mark)).min() {
        let message = "comments of the template are left";
        report.error("CPMR0022", Lines::new(text).position(at), message).suggest("remove them");
    }
}

/// Functions that fetch what they are given the URL of.
const FETCHERS: [&str; 6] = [
    "install-chocolateypackage",
    "install-chocolateyzippackage",
    "install-chocolateypowershellcommand",
    "install-chocolateyvsixpackage",
    "get-chocolateywebfile",
    "install-chocolateymsupackage",
];

/// Whatever is fetched has a checksum beside it.
fn check_downloads(lines: &[Line<'_>], report: &mut super::Report<'_>) {
    let fetch = lines.iter().find(|line| FETCHERS.iter().any(|name| line.lower.contains(name)));
    let Some(fetch) = fetch else { return };
    let first =
        |names: &[&str]| lines.iter().find(|line| names.iter().any(|name| assigned(&line.lower, name).is_some()));
    for (url, checksum) in [("url", "checksum"), ("url64bit", "checksum64")] {
        let names: &[&str] = if url == "url" { &["url"] } else { &["url64bit", "url64"] };
        let Some(line) = first(names) else { continue };
        let is_local = assigned(&line.lower, names[0]).is_some_and(|value| value.contains("$toolsdir"));
        match first(&[checksum]) {
            None if is_local => {}
            None => {
                let message = format!("`{url}` is downloaded without `{checksum}`");
                report.error("CPMR0073", line.at, message).suggest(format!("{checksum} and {checksum}Type sha256"));
            }
            Some(line) => check_checksum(line, checksum, report),
        }
    }
    let has_url = first(&["url", "url64bit", "url64", "file", "file64"]).is_some();
    if !has_url && !fetch.lower.contains('@') && !fetch.lower.contains("http") {
        report.note("download", fetch.at, "where this download comes from cannot be read here");
    }
}

fn check_checksum(line: &Line<'_>, name: &str, report: &mut super::Report<'_>) {
    let Some(value) = assigned(&line.lower, name) else { return };
    let Some(digits) = value.strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"']).next()) else { return };
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !digits.starts_with('$') && (!is_hex || ![32, 40, 64, 128].contains(&digits.len())) {
        report.error("checksum", line.at, format!("`{}` is no checksum", excerpt(digits)));
    }
}

/// What a line gives a parameter or an entry of a table: `-Url X`, `url = X`.
fn assigned<'a>(lower: &'a str, name: &str) -> Option<&'a str> {
    lower.match_indices(name).find_map(|(at, _)| {
        let before = lower[..at].chars().next_back();
        let rest = &lower[at + name.len()..];
        let is_parameter = before == Some('-') && rest.starts_with([' ', ':']);
        let is_entry = before.is_none_or(|letter| "$;{ \t'\"".contains(letter))
            && rest.trim_start_matches(['\'', '"']).trim_start().starts_with('=');
        let value = rest.trim_start_matches(['\'', '"', ' ', '\t']).trim_start_matches([':', '=']).trim_start();
        let value = if is_parameter { rest.trim_start_matches([' ', ':']) } else { value };
        (is_parameter || is_entry).then_some(value)
    })
}

fn check_name(path: &str, report: &mut super::Report<'_>) {
    const NAMES: [&str; 3] = ["chocolateyinstall.ps1", "chocolateyuninstall.ps1", "chocolateybeforemodify.ps1"];
    let name = name_of(path).to_ascii_lowercase();
    let near = NAMES.iter().find(|known| name != **known && name.replace(['_', '-', ' '], "") == **known);
    let near = near.or_else(|| (name == "install.ps1").then_some(&NAMES[0]));
    if let Some(known) = near {
        let message = format!("Chocolatey does not run `{}`", excerpt(name_of(path)));
        report.warning("script-name", super::Place::File, message).suggest(*known);
    }
}
