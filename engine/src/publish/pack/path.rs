//! Paths inside of a package: relative, ordinary on every system, and distinct
//! on one that does not tell upper case from lower.

use std::collections::HashMap;

use super::PackError;
use crate::model::excerpt::excerpt;
use crate::plan::names;

/// Longest path: what Windows takes for a whole one, less a folder for it.
const MOST_BYTES: usize = 200;

/// What the package itself needs (ECMA-376 part 2, annex C).
const RESERVED: [&str; 3] = ["_rels", "package", "[content_types].xml"];

/// Refuses a path that leads out, that Windows reads otherwise than it is
/// written, or that the package itself needs.
pub(super) fn check(path: &str) -> Result<(), PackError> {
    let refuse = |why| Err(PackError::Path { path: excerpt(path), why });
    if path.is_empty() || path.len() > MOST_BYTES {
        return refuse("it is empty or too long");
    }
    if path.contains('\\') {
        return refuse("folders are separated by `/`");
    }
    if path.starts_with('/') || path.as_bytes().get(1) == Some(&b':') {
        return refuse("it is absolute");
    }
    for segment in path.split('/') {
        if segment.is_empty() || segment == "." || segment == ".." {
            return refuse("it has an empty part, `.` or `..`");
        }
        // A name that a download could have is one on every system.
        let visible = segment.strip_prefix('.').unwrap_or(segment);
        if names::foreign(visible).as_deref() != Some(visible) {
            return refuse("a part of it means something else on some system");
        }
    }
    let first = path.split('/').next().unwrap_or_default().to_lowercase();
    let is_nuspec = !path.contains('/') && has_extension(path, "nuspec");
    if RESERVED.contains(&first.as_str()) || is_nuspec || has_extension(path, "psmdcp") {
        return refuse("the package itself needs that name");
    }
    Ok(())
}

/// Refuses two paths, one of which would be the other on Windows: the same
/// letters, or a file where another needs a folder.
pub(super) fn check_distinct<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> Result<(), PackError> {
    let duplicate = |one: &str, other: &str| PackError::Duplicate { one: excerpt(one), other: excerpt(other) };
    let mut files: HashMap<String, &str> = HashMap::new();
    for path in paths.clone() {
        if let Some(one) = files.insert(path.to_lowercase(), path) {
            return Err(duplicate(one, path));
        }
    }
    for path in paths {
        let lower = path.to_lowercase();
        let mut folders = lower.match_indices('/').map(|(at, _)| &lower[..at]);
        if let Some(file) = folders.find_map(|folder| files.get(folder)) {
            return Err(duplicate(file, path));
        }
    }
    Ok(())
}

/// The extension of a path in lower case; empty where it has none.
pub(super) fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default()
}

fn has_extension(path: &str, wanted: &str) -> bool {
    extension(path) == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_of_the_package() {
        for good in ["tools/a.ps1", "LICENSE", "tools/x64/a b.exe", "tools/ä.txt", "tools/.skip", "lib/a.nuspec"] {
            check(good).expect(good);
        }
        let long = "a/".repeat(120) + "b";
        for bad in [
            "",
            "/a",
            "../a",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "C:/a",
            "c:a",
            "tools/nul",
            "tools/Aux.txt",
            "a/b.",
            "a/b ",
            "a:b",
            "a/com1.exe",
            "a\u{0}b",
            "_rels/x",
            "_RELS/x",
            "package/x",
            "[Content_Types].xml",
            "own.nuspec",
            "a/b.psmdcp",
            "..",
            "a/\u{202e}b",
            &long,
        ] {
            assert!(matches!(check(bad), Err(PackError::Path { .. })), "{bad:?}");
        }
    }

    #[test]
    fn names_differ_by_more_than_their_case() {
        check_distinct(["a/b", "a/c", "b"].into_iter()).expect("three files");
        for pair in [["tools/A.txt", "Tools/a.TXT"], ["a", "A/b"], ["ä", "Ä"], ["a/b/c", "A/B"]] {
            assert!(matches!(check_distinct(pair.into_iter()), Err(PackError::Duplicate { .. })), "{pair:?}");
        }
    }
}
