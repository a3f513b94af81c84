//! Which package manager a file is for.

use std::collections::BTreeMap;

use super::super::Manager;
use super::{extension_of, folder_of, name_of, text_of};
use crate::model::delivery::OutputFile;

/// The manager whose manifest a file is, by its name and its first lines.
/// A file of other software that only shares the extension is nobody's.
pub fn detect(file: &OutputFile) -> Option<Manager> {
    let extension = extension_of(&file.path);
    if extension == "nuspec" {
        return Some(Manager::Chocolatey);
    }
    let in_folder = |name: &str| folder_of(&file.path).split('/').any(|folder| folder == name);
    match extension.as_str() {
        // What cannot be read is the more a manifest's error where manifests are.
        "json" if name_of(folder_of(&file.path)) == "bucket" => return Some(Manager::Scoop),
        "yaml" | "yml" if in_folder("manifests") => return Some(Manager::Winget),
        _ => {}
    }
    let text = text_of(file).ok()?;
    let has_line = |test: &dyn Fn(&str) -> bool| text.lines().any(|line| test(line.trim_start()));
    match extension.as_str() {
        "yaml" | "yml" => {
            let keys = ["PackageIdentifier:", "ManifestType:", "ManifestVersion:"];
            has_line(&|line| keys.iter().any(|key| line.starts_with(key))).then_some(Manager::Winget)
        }
        "json" => {
            let says = |key: &str| text.contains(&format!("\"{key}\""));
            let is_app = says("version") && says("homepage") && says("license");
            let has_more = ["architecture", "autoupdate", "checkver", "hash"].into_iter().any(says);
            (is_app && has_more).then_some(Manager::Scoop)
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
/// Chocolatey gets everything beside and below a nuspec, because that is what
/// a package is.
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
    let nuspecs = files.iter().zip(&managers).filter(|(_, manager)| **manager == Some(Manager::Chocolatey));
    let homes: Vec<String> = nuspecs.map(|(file, _)| folder_of(&file.path).to_owned()).collect();
    let is_home =
        |path: &str, home: &str| home.is_empty() || path.strip_prefix(home).is_some_and(|rest| rest.starts_with('/'));
    let packed: Vec<OutputFile> =
        files.iter().filter(|file| homes.iter().any(|home| is_home(&file.path, home))).cloned().collect();
    if !packed.is_empty() {
        sorted.insert(Manager::Chocolatey, packed);
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
