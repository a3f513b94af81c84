//! Chocolatey: a package is a nuspec, scripts, and sometimes the software.
//!
//! Codes that begin with `CPMR` are those of the community repository's own
//! validator, and so is what they demand; what it only advises has a code of
//! ours and is a note or a warning. Scripts are read as text, not run and not
//! parsed: what a rule cannot decide so, it leaves alone.

mod nuspec;
mod script;
#[cfg(test)]
mod tests;
mod version;

use super::report::{Place, Report};
use super::{extension_of, folder_of, name_of, text_of, xml};
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::Diagnostic;
use crate::model::excerpt::excerpt;

fn help(code: &str) -> String {
    const RULES: &str = "https://docs.chocolatey.org/en-us/community-repository/moderation/package-validator/rules/";
    if code.starts_with("CPMR") {
        format!("{RULES}{}", code.to_ascii_lowercase())
    } else {
        "https://docs.chocolatey.org/en-us/create/create-packages".to_owned()
    }
}

fn report(path: &str) -> Report<'_> {
    Report::new(path, "choco", help)
}

/// Checks every package among the files: each nuspec, with what lies beside
/// and below it.
pub(super) fn check(files: &[OutputFile]) -> Vec<Diagnostic> {
    files
        .iter()
        .filter(|file| extension_of(&file.path) == "nuspec")
        .flat_map(|nuspec| check_package(nuspec, files))
        .collect()
}

fn check_package(nuspec: &OutputFile, files: &[OutputFile]) -> Vec<Diagnostic> {
    let folder = folder_of(&nuspec.path);
    let inside = |file: &&OutputFile| match file.path.strip_prefix(folder) {
        Some(rest) => (folder.is_empty() || rest.starts_with('/')) && file.path != nuspec.path,
        None => false,
    };
    let members: Vec<&OutputFile> = files.iter().filter(inside).collect();
    let mut report = report(&nuspec.path);
    match text_of(nuspec).and_then(|text| Ok((text, xml::read(text.trim_start_matches('\u{feff}'))?))) {
        Ok((text, root)) => nuspec::check(text, &root, &nuspec.path, &mut report),
        Err(unreadable) => {
            report.error("syntax", unreadable.at, unreadable.message);
        }
    }
    check_members(&members, &mut report);
    let mut findings = report.finish();
    for file in members.iter().filter(|file| script::is_script(&file.path)) {
        findings.extend(script::check(file));
    }
    findings
}

/// What runs, or holds what runs.
const BINARIES: [&str; 12] =
    [".exe", ".dll", ".msi", ".msu", ".msp", ".msix", ".appx", ".zip", ".7z", ".rar", ".gz", ".tar"];

/// What a package has for the tools that made it.
const INTERNAL: [&str; 6] = [".nupkg", ".gitignore", ".gitattributes", ".hgignore", ".git", ".svn"];

fn check_members(members: &[&OutputFile], report: &mut Report<'_>) {
    let lower: Vec<String> = members.iter().map(|file| file.path.to_ascii_lowercase()).collect();
    if lower.iter().any(|path| BINARIES.iter().any(|end| path.ends_with(end))) {
        for (code, wanted) in [("CPMR0005", "license"), ("CPMR0006", "verification")] {
            let has = |path: &String| name_of(path).trim_end_matches(".txt") == wanted;
            if !lower.iter().any(has) {
                let name = format!("{}.txt", wanted.to_ascii_uppercase());
                report
                    .error(code, Place::File, format!("a package with programs inside needs {name}"))
                    .suggest(format!("tools/{name}"));
            }
        }
    }
    if let Some(path) = lower.iter().find(|path| INTERNAL.iter().any(|end| name_of(path).ends_with(end))) {
        report.warning("internal-file", Place::File, format!("`{}` does not belong into a package", excerpt(path)));
    }
    let scripts = members.iter().filter(|file| extension_of(&file.path) == "ps1").count();
    if scripts > script::MOST_SCRIPTS {
        let message = format!("{scripts} scripts; more than {} are hard to review", script::MOST_SCRIPTS);
        report.note("scripts", Place::File, message);
    }
}
