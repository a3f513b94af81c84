//! Which package manager a file is for.

use std::collections::BTreeMap;

use super::super::Manager;
use super::{extension_of, text_of};
use crate::model::delivery::OutputFile;

/// The manager whose manifest a file is, by its name and its first lines.
/// A file of other software that only shares the extension is nobody's.
pub fn detect(file: &OutputFile) -> Option<Manager> {
    let extension = extension_of(&file.path);
    if extension == "nuspec" {
        return Some(Manager::Chocolatey);
    }
    let text = text_of(file).ok()?;
    let has_line = |test: &dyn Fn(&str) -> bool| text.lines().any(|line| test(line.trim_start()));
    match extension.as_str() {
        "yaml" | "yml" => {
            let keys = ["PackageIdentifier:", "ManifestType:", "ManifestVersion:"];
            has_line(&|line| keys.iter().any(|key| line.starts_with(key))).then_some(Manager::Winget)
        }
        "json" => {
            let in_bucket = super::folder_of(&file.path).rsplit('/').next() == Some("bucket");
            let says = |key: &str| text.contains(&format!("\"{key}\""));
            let is_app = says("version") && says("homepage") && says("license");
            let has_more = ["architecture", "autoupdate", "checkver", "hash"].into_iter().any(says);
            (in_bucket || is_app && has_more).then_some(Manager::Scoop)
        }
        "rb" => {
            let is_formula = |line: &str| line.starts_with("class ") && line.contains("< Formula");
            has_line(&|line| is_formula(line) || line.starts_with("cask \"") || line.starts_with("cask '"))
                .then_some(Manager::Homebrew)
        }
        _ => None,
    }
}

/// Files by the manager that they are for; all are for one when it is known.
///
/// Chocolatey gets everything, because a package is its nuspec with what lies
/// around it.
pub fn sort(files: Vec<OutputFile>, known: Option<Manager>) -> BTreeMap<Manager, Vec<OutputFile>> {
    let mut sorted: BTreeMap<Manager, Vec<OutputFile>> = BTreeMap::new();
    if let Some(manager) = known {
        let files: Vec<OutputFile> = files.into_iter().filter(|file| is_for(manager, &file.path)).collect();
        if files.iter().any(|file| manager != Manager::Chocolatey || detect(file) == known) {
            sorted.insert(manager, files);
        }
        return sorted;
    }
    let managers: Vec<Option<Manager>> = files.iter().map(detect).collect();
    if managers.contains(&Some(Manager::Chocolatey)) {
        sorted.insert(Manager::Chocolatey, files.clone());
    }
    for (file, manager) in files.into_iter().zip(managers) {
        if let Some(manager) = manager.filter(|manager| *manager != Manager::Chocolatey) {
            sorted.entry(manager).or_default().push(file);
        }
    }
    sorted
}

fn is_for(manager: Manager, path: &str) -> bool {
    match (manager, extension_of(path).as_str()) {
        (Manager::Winget, "yaml" | "yml") | (Manager::Scoop, "json") | (Manager::Homebrew, "rb") => true,
        (manager, _) => manager == Manager::Chocolatey,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_nobodys() {
        let found = |path: &str, text: &str| detect(&OutputFile { path: path.into(), content: text.into() });
        assert_eq!(found("a/b.yaml", "# x\nPackageIdentifier: A.B\n"), Some(Manager::Winget));
        assert_eq!(found("ci.yml", "on: push\n"), None);
        assert_eq!(found("bucket/x.json", "{}"), Some(Manager::Scoop));
        assert_eq!(found("package.json", "{\"version\": \"1\", \"homepage\": \"\", \"license\": \"MIT\"}"), None);
        assert_eq!(found("x.rb", "class X < Formula\n"), Some(Manager::Homebrew));
        assert_eq!(found("x.rb", "class X\n"), None);
        assert_eq!(found("x.nuspec", ""), Some(Manager::Chocolatey));
        assert_eq!(found("README.md", ""), None);
    }
}
