//! Paths inside of a package: relative, ordinary on every system, and distinct
//! on one that does not tell upper case from lower.

use super::PackError;
use crate::model::excerpt::excerpt;
use crate::plan::paths::{self, PathFault, Strictness};

/// What the package itself needs (ECMA-376 part 2, annex C).
const RESERVED: [&str; 3] = ["_rels", "package", "[content_types].xml"];

/// Refuses a path that leads out, that Windows reads otherwise than it is
/// written, or that the package itself needs.
pub(super) fn check(path: &str) -> Result<(), PackError> {
    let refuse = |why| Err(PackError::Path { path: excerpt(path), why });
    paths::check(path, Strictness::Package).or_else(|fault| {
        refuse(match fault {
            PathFault::Empty | PathFault::TooLong => "it is empty or too long",
            PathFault::Backslash => "folders are separated by `/`",
            PathFault::Absolute | PathFault::Drive => "it is absolute",
            PathFault::EmptyPart => "it has an empty part, `.` or `..`",
            PathFault::Colon | PathFault::OfGit | PathFault::Part(_) => {
                "a part of it means something else on some system"
            }
        })
    })?;
    let first = path.split('/').next().unwrap_or_default().to_lowercase();
    let is_nuspec = !path.contains('/') && has_extension(path, "nuspec");
    if RESERVED.contains(&first.as_str()) || is_nuspec || has_extension(path, "psmdcp") {
        return refuse("the package itself needs that name");
    }
    Ok(())
}

/// Refuses two paths, one of which would be the other on Windows: the same
/// letters, or a file where another needs a folder.
pub(super) fn check_distinct(paths: &[&str]) -> Result<(), PackError> {
    match paths::collisions(paths).first() {
        Some((one, other)) => Err(PackError::Duplicate { one: excerpt(one), other: excerpt(other) }),
        None => Ok(()),
    }
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
        check_distinct(&["a/b", "a/c", "b"]).expect("three files");
        for pair in [["tools/A.txt", "Tools/a.TXT"], ["a", "A/b"], ["ä", "Ä"], ["a/b/c", "A/B"]] {
            assert!(matches!(check_distinct(&pair), Err(PackError::Duplicate { .. })), "{pair:?}");
        }
    }
}
