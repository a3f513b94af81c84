//! The repository as files: what is committed, minus what tools generate.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no source of ours.
const SKIPPED: [&str; 5] = [".git", "target", "node_modules", "dist", ".idea"];

/// A file of the repository.
pub struct Source {
    /// From the repository's root, with forward slashes.
    pub path: String,
    pub text: String,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the engine lies in the workspace").to_owned()
}

/// Every text file of the repository.
pub fn texts() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    assert!(found.len() > 30, "the repository is not where the test looks for it");
    found
}

/// Every Rust file of the repository.
pub fn rust() -> Vec<Source> {
    let mut files = texts();
    files.retain(|source| Path::new(&source.path).extension().is_some_and(|extension| extension == "rs"));
    files
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("a readable entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().expect("a file type");
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(&entry.path(), found);
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            let path = entry.path().strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}
