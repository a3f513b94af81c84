//! Checks of single rules: a package that is right, and one change to it.

use std::collections::BTreeSet;

use super::super::Manager;
use super::check;
use crate::model::delivery::OutputFile;
use crate::model::diagnostic::{Diagnostic, Severity};

/// Files by path and text.
pub(super) fn files(texts: &[(&str, &str)]) -> Vec<OutputFile> {
    let file = |(path, text): &(&str, &str)| OutputFile { path: (*path).to_owned(), content: text.as_bytes().to_vec() };
    texts.iter().map(file).collect()
}

/// Nothing but notes is said of them.
#[track_caller]
pub(super) fn assert_clean(manager: Manager, texts: &[(&str, &str)]) {
    let found: Vec<Diagnostic> = check(manager, &files(texts));
    let bad: Vec<_> = found.iter().filter(|finding| finding.severity > Severity::Note).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// A change to a file: what is replaced, by what, and the code that it brings.
pub(super) struct Case {
    pub(super) file: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) code: &'static str,
}

pub(super) const fn case(file: &'static str, from: &'static str, to: &'static str, code: &'static str) -> Case {
    Case { file, from, to, code }
}

/// Every change brings its code, which was not there before, at a place
/// inside of the file.
#[track_caller]
pub(super) fn assert_cases(manager: Manager, texts: &[(&str, &str)], cases: &[Case]) {
    let codes = |findings: &[Diagnostic]| -> BTreeSet<String> {
        findings.iter().map(|finding| format!("{}[{}]", finding.severity, finding.code)).collect()
    };
    let before = codes(&check(manager, &files(texts)));
    for Case { file, from, to, code } in cases {
        let mut changed = files(texts);
        let target = changed.iter_mut().find(|other| other.path.ends_with(file)).expect("a file of the set");
        let text = String::from_utf8(target.content.clone()).expect("a text");
        assert!(text.contains(from), "`{from}` is not in {file}");
        target.content = text.replacen(from, to, 1).into_bytes();
        let found = check(manager, &changed);
        let new: Vec<String> = codes(&found).difference(&before).cloned().collect();
        assert!(new.iter().any(|new| new == code), "{from:?} -> {to:?}: no {code}, but {new:?}");
        for finding in &found {
            let content = changed.iter().find(|other| Some(&other.path) == finding.file.as_ref());
            let content = content.map(|file| String::from_utf8_lossy(&file.content)).expect("the file of a finding");
            if let Some(at) = finding.position {
                let line = super::line_of(&content, at.line).expect("a line of the file");
                assert!(at.column as usize <= line.chars().count() + 1, "{finding:?} in `{line}`");
            }
            assert!(!finding.message.is_empty() && finding.help_url.is_some(), "{finding:?}");
        }
    }
}
