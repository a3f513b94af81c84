//! Manifests. Whatever a file says, each finding is inside of it, and the
//! same every time.

use turbo_engine::model::delivery::OutputFile;
use turbo_engine::model::diagnostic::Severity;
use turbo_engine::publish::Manager;
use turbo_engine::publish::check::{check, detect, line_of};

/// Reads the data as a manifest of the manager that its first byte chooses.
pub fn manifests(data: &[u8]) {
    let Some((choice, content)) = data.split_first() else { return };
    let kinds = [
        (Manager::Winget, "manifests/a/A/B/1/A.B.installer.yaml"),
        (Manager::Scoop, "bucket/a.json"),
        (Manager::Chocolatey, "a.nuspec"),
        (Manager::Chocolatey, "tools/chocolateyinstall.ps1"),
        (Manager::Homebrew, "a.rb"),
    ];
    let (manager, path) = kinds[usize::from(*choice) % kinds.len()];
    let mut files = vec![OutputFile { path: path.to_owned(), content: content.to_vec() }];
    // A script is looked at as a part of its package.
    if path.starts_with("tools/") {
        files.push(OutputFile { path: "a.nuspec".to_owned(), content: Vec::new() });
    }
    let found = check(manager, &files);
    assert_eq!(found, check(manager, &files));
    assert!(found.len() <= 1000, "{} findings", found.len());
    detect(&files[0]);
    for finding in &found {
        let file = files.iter().find(|file| Some(&file.path) == finding.file.as_ref()).expect("a file that was given");
        assert!(!finding.message.is_empty() && finding.help_url.is_some() && !finding.code.is_empty());
        assert!(finding.message.len() < 4096, "{finding:?}");
        let (Some(at), Ok(text)) = (finding.position, str::from_utf8(&file.content)) else { continue };
        let line = line_of(text, at.line).unwrap_or_else(|| panic!("no line for {finding:?} in {text:?}"));
        assert!((1..=line.chars().count() + 1).contains(&(at.column as usize)), "{finding:?} in {line:?}");
    }
    // What cannot be read is never right.
    if str::from_utf8(content).is_err() {
        assert!(found.iter().any(|finding| finding.severity == Severity::Error));
    }
}
