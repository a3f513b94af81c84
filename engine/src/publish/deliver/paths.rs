//! Paths that a generator made up, held against what any system would do with
//! them.

use super::DeliverError;

/// Longest path, and longest part of one.
const PATH_BYTES: usize = 512;
const PART_BYTES: usize = 200;
/// Names that Windows keeps for itself, whatever follows the first dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Takes a path that names the same file, below the folder it is meant for, on
/// every system and in every file system.
///
/// # Errors
///
/// When it is absolute, leads up, or has a part that is special anywhere.
pub fn check_path(path: &str) -> Result<(), DeliverError> {
    let refuse = |why: &str| Err(DeliverError::Path { path: crate::model::excerpt::excerpt(path), why: why.into() });
    if path.is_empty() || path.len() > PATH_BYTES {
        return refuse("it is empty, or too long");
    }
    if path.chars().any(|letter| letter.is_control() || r#"\:*?"<>|"#.contains(letter)) {
        return refuse("it has a character that some system does not allow");
    }
    for part in path.split('/') {
        let lower = part.to_ascii_lowercase();
        let stem = lower.split('.').next().unwrap_or_default();
        let is_port = |name: &str| stem.strip_prefix(name).is_some_and(|number| number.len() == 1 && number != "0");
        if part.is_empty() || part == "." || part == ".." {
            return refuse("it is absolute, leads up, or has an empty part");
        }
        if part.len() > PART_BYTES || part.ends_with(['.', ' ']) || part.starts_with(' ') {
            return refuse("a part of it is too long, or begins or ends with a blank or a dot");
        }
        if DEVICES.contains(&stem) || is_port("com") || is_port("lpt") {
            return refuse("a part of it is the name of a device");
        }
        if is_git(&lower) {
            return refuse("a part of it belongs to git itself");
        }
    }
    Ok(())
}

/// What git, or a file system that folds names, takes for `.git`; and the files
/// by which a repository changes what git does on other machines.
fn is_git(lower: &str) -> bool {
    let plain: String = lower.chars().filter(|letter| !is_ignorable(*letter)).collect();
    let names = [".git", ".gitmodules", ".gitattributes", ".gitconfig"];
    names.contains(&plain.as_str())
        || plain.starts_with("git~")
        || plain.starts_with(".git ")
        || plain.starts_with(".git:")
}

/// Characters that HFS+ leaves out of a name.
fn is_ignorable(letter: char) -> bool {
    matches!(letter, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_where_it_is_meant_to_go() {
        for path in ["bucket/tool.json", "manifests/a/A.B/1.0/A.B.yaml", "Formula/tool.rb", ".github/x", "a b/c.d"] {
            assert!(check_path(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//x",
            "a/./x",
            "a/",
            "C:/x",
            r"a\x",
            "a\nb",
            "a\0b",
            "NUL",
            "con.txt",
            "a/COM1.json",
            "lpt9",
            "x.",
            "x ",
            ".git/config",
            ".GIT/hooks/x",
            "git~1/x",
            ".g\u{200d}it/config",
            ".gitmodules",
            "a/.gitattributes",
            "a?b",
            "a|b",
        ] {
            assert!(check_path(path).is_err(), "{path:?}");
        }
        assert!(check_path(&"x".repeat(600)).is_err());
        assert!(check_path("a/common.json").is_ok() && check_path("com0").is_ok());
    }
}
