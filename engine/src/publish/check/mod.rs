//! Holds manifests against the rules of their package manager.
//!
//! Structure rules stand in tables, semantic rules are small functions; both
//! report where, why and what instead. Nothing here reads a file or knows a
//! release: the same checks serve what a generator proposes and what somebody
//! else has written. All input is hostile: size, depth and the number of
//! findings are bounded, and no reader here recurses without a limit.

mod chocolatey;
mod detect;
mod form;
mod homebrew;
mod json;
mod layout;
mod place;
mod report;
mod scoop;
mod shape;
#[cfg(test)]
mod testing;
mod tree;
mod winget;
mod xml;
mod yaml;

use super::Manager;
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::{Diagnostic, Position, Severity};

pub use detect::{detect, sort};
pub use place::line_of;

/// Most bytes of one manifest or script.
pub const MOST_FILE_BYTES: usize = 1 << 20;

/// Checks the files of one or more packages and gives what is wrong with
/// them, by file and place.
///
/// For Chocolatey the files are the nuspec and those of the package; for
/// winget all files of a version. Files that a manager has no rules for are
/// left alone.
pub fn check(manager: Manager, files: &[OutputFile]) -> Vec<Diagnostic> {
    let mut findings = match manager {
        Manager::Winget => winget::check(files),
        Manager::Scoop => scoop::check(files),
        Manager::Chocolatey => chocolatey::check(files),
        Manager::Homebrew => homebrew::check(files),
    };
    findings.sort_by(|one, other| one.file.cmp(&other.file));
    findings
}

/// The worst of some findings.
pub fn worst(findings: &[Diagnostic]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}

/// Why a file has no tree.
#[derive(Debug)]
struct Unreadable {
    at: Position,
    message: String,
}

impl Unreadable {
    fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    fn too_large(at: Position) -> Self {
        Self::new(at, "this is nested deeper, or has more values, than any manifest")
    }
}

/// A file as text, or why it is none.
fn text_of(file: &OutputFile) -> Result<&str, Unreadable> {
    let start = Position { line: 1, column: 1 };
    if file.content.len() > MOST_FILE_BYTES {
        let message = format!("the file has {} bytes; no manifest has more than {MOST_FILE_BYTES}", file.content.len());
        return Err(Unreadable::new(start, message));
    }
    str::from_utf8(&file.content).map_err(|error| {
        let valid = str::from_utf8(&file.content[..error.valid_up_to()]).unwrap_or_default();
        Unreadable::new(place::Lines::new(valid).position(valid.len()), "the file is not UTF-8 from here on")
    })
}

/// The last segment of a path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What follows the last dot of a path's name, in lower case.
fn extension_of(path: &str) -> String {
    name_of(path).rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// The folder of a path, without a slash at its end.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
