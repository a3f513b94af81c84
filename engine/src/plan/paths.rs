//! Relative paths that somebody else made up, held against what any system
//! would do with them.
//!
//! The one invariant: a path that passes names the same file, below the folder
//! it is meant for, on every system and in every file system. What is refused
//! beyond that depends on where the file is to stand.

use std::collections::HashMap;

use super::names::{self, NameFault};

/// Where a file is to stand, from what refuses least to what refuses most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// In a package, which git never reads.
    Package,
    /// In a working tree: no file by which a repository changes what git does
    /// on other machines.
    Tree,
    /// In a repository, as a generator proposes it: nothing either by which the
    /// repository decides what its server does.
    Proposal,
}

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// There is nothing of it.
    Empty,
    /// It has too many bytes, or too many folders.
    TooLong,
    /// It begins with a slash.
    Absolute,
    /// It begins as the drives of Windows are written.
    Drive,
    /// It has a colon, behind which NTFS writes a stream.
    Colon,
    /// It has the other slash.
    Backslash,
    /// A part of it is empty, `.` or `..`.
    EmptyPart,
    /// A part of it belongs to git, or decides what git does.
    OfGit,
    /// A part of it is no name on some system.
    Part(NameFault),
}

struct Limits {
    path_bytes: usize,
    parts: usize,
    part_bytes: usize,
}

impl Strictness {
    fn limits(self) -> Limits {
        match self {
            // What Windows takes for a whole path, less a folder for it.
            Self::Package => Limits { path_bytes: 200, parts: usize::MAX, part_bytes: usize::MAX },
            Self::Tree => Limits { path_bytes: 512, parts: usize::MAX, part_bytes: 200 },
            Self::Proposal => Limits { path_bytes: 512, parts: 32, part_bytes: usize::MAX },
        }
    }
}

/// Takes a path that names the same file everywhere.
///
/// # Errors
///
/// When it is not relative, leads up, or has a part that is special anywhere.
pub fn check(path: &str, strictness: Strictness) -> Result<(), PathFault> {
    let limits = strictness.limits();
    if path.is_empty() {
        return Err(PathFault::Empty);
    }
    if path.len() > limits.path_bytes || path.split('/').count() > limits.parts {
        return Err(PathFault::TooLong);
    }
    if path.contains('\\') {
        return Err(PathFault::Backslash);
    }
    if path.starts_with('/') {
        return Err(PathFault::Absolute);
    }
    if path.as_bytes().get(1) == Some(&b':') {
        return Err(PathFault::Drive);
    }
    if path.contains(':') {
        return Err(PathFault::Colon);
    }
    path.split('/').try_for_each(|part| check_part(part, strictness))
}

fn check_part(part: &str, strictness: Strictness) -> Result<(), PathFault> {
    if matches!(part, "" | "." | "..") {
        return Err(PathFault::EmptyPart);
    }
    if is_of_git(part, strictness) {
        return Err(PathFault::OfGit);
    }
    if part.len() > strictness.limits().part_bytes {
        return Err(PathFault::Part(NameFault::TooLong));
    }
    if strictness != Strictness::Package {
        return names::check(part).map_err(PathFault::Part);
    }
    // A file in a package hides by one dot, and has an ordinary name behind it.
    let visible = part.strip_prefix('.').unwrap_or(part);
    if visible.starts_with('.') {
        return Err(PathFault::Part(NameFault::Edge));
    }
    names::check(visible).map_err(PathFault::Part)
}

/// Whether git, or a file system that folds names, takes a part for git's own.
/// Windows knows `.git` by a short name as well.
fn is_of_git(part: &str, strictness: Strictness) -> bool {
    let plain: String = part.chars().filter(|letter| !is_ignorable(*letter)).collect();
    let plain = plain.to_ascii_lowercase();
    let is_short = plain.starts_with("git~");
    match strictness {
        Strictness::Package => false,
        Strictness::Tree => {
            let names = [".git", ".gitmodules", ".gitattributes", ".gitconfig"];
            is_short || plain.starts_with(".git ") || names.contains(&plain.as_str())
        }
        // `.github` and its kin decide what the repository does.
        Strictness::Proposal => is_short || plain.starts_with(".git"),
    }
}

/// Characters that HFS+ leaves out of a name.
fn is_ignorable(letter: char) -> bool {
    matches!(letter, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Paths of which one would be the other where upper case is not told from
/// lower, or a file where the other needs a folder: the earlier one first.
pub fn collisions<'a>(paths: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut found = Vec::new();
    for path in paths {
        found.extend(seen.insert(path.to_lowercase(), path).map(|first| (first, *path)));
    }
    for path in paths {
        let lower = path.to_lowercase();
        let mut folders = lower.match_indices('/').map(|(at, _)| &lower[..at]);
        let file = folders.find_map(|folder| seen.get(folder));
        found.extend(file.map(|file| (*file, *path)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Strictness; 3] = [Strictness::Package, Strictness::Tree, Strictness::Proposal];

    #[test]
    fn an_ordinary_path_stands_everywhere() {
        for path in [
            "LICENSE",
            "bucket/tool.json",
            "manifests/a/A.B/1.0/A.B.yaml",
            "Formula/tool.rb",
            "tools/x64/a b.exe",
            "tools/ä.txt",
            "tools/.skip",
            "lib/a.nuspec",
            "a/common.json",
        ] {
            ALL.iter().for_each(|strictness| assert_eq!(check(path, *strictness), Ok(()), "{path} {strictness:?}"));
        }
    }

    #[test]
    fn a_path_that_means_something_else_stands_nowhere() {
        use PathFault::{Absolute, Backslash, Colon, Drive, Empty, EmptyPart, Part};
        let (character, edge) = (Part(NameFault::Character), Part(NameFault::Edge));
        let device = Part(NameFault::Device);
        for (path, fault) in [
            ("", Empty),
            ("/etc/passwd", Absolute),
            ("..", EmptyPart),
            ("../x", EmptyPart),
            ("bucket/../x", EmptyPart),
            ("a//x", EmptyPart),
            ("./a", EmptyPart),
            ("a/./x", EmptyPart),
            ("a/", EmptyPart),
            ("C:/x", Drive),
            ("c:a", Drive),
            ("bucket/a:b", Colon),
            (r"a\x", Backslash),
            (r"C:\x", Backslash),
            ("a\nb", character),
            ("a\0b", character),
            ("bucket/a\u{7}", character),
            ("a/\u{202e}b", character),
            ("a?b", character),
            ("a|b", character),
            ("x.", edge),
            ("x ", edge),
            ("a/ b", edge),
            ("bucket/x. ", edge),
            ("NUL", device),
            ("con.txt", device),
            ("con .txt", device),
            ("bucket/nul.json", device),
            ("tools/Aux.txt", device),
            ("a/COM1.json", device),
            ("lpt9", device),
            ("a/b.turbo-state", Part(NameFault::Staging)),
        ] {
            ALL.iter().for_each(|strict| assert_eq!(check(path, *strict), Err(fault), "{path:?} {strict:?}"));
        }
    }

    #[test]
    fn what_git_heeds_is_refused_by_where_it_stands() {
        let refused = |path| ALL.map(|strictness| check(path, strictness) == Err(PathFault::OfGit));
        for path in [".git/config", "bucket/.GIT/hooks/x", "git~1/x", ".git x", ".gitmodules", "a/.gitattributes"] {
            assert_eq!(refused(path), [false, true, true], "{path}");
        }
        for path in ["bucket/.github/workflows/x.yml", ".gitignore", ".git-x"] {
            assert_eq!(refused(path), [false, false, true], "{path}");
        }
        assert_eq!(refused(".g\u{200d}it/config"), [false, true, true]);
        assert_eq!(refused("agit/x"), [false; 3]);
    }

    #[test]
    fn a_file_in_a_package_hides_by_one_dot_alone() {
        let passes = |path| ALL.map(|strictness| check(path, strictness).is_ok());
        assert_eq!(passes("a/.b"), [true; 3]);
        assert_eq!(passes("a/..b"), [false, true, true]);
        assert_eq!(passes("a/.nul"), [false, true, true]);
    }

    #[test]
    fn paths_have_an_end() {
        let passes = |path: &str| ALL.map(|strictness| check(path, strictness).is_ok());
        let folders = |number: usize| "a/".repeat(number) + "b";
        assert_eq!(passes(&folders(31)), [true; 3]);
        assert_eq!(passes(&folders(32)), [true, true, false]);
        assert_eq!(passes(&folders(100)), [false, true, false]);
        assert_eq!(passes(&folders(256)), [false; 3]);
        assert_eq!(passes(&"x".repeat(200)), [true; 3]);
        assert_eq!(passes(&"x".repeat(201)), [false, false, true]);
        assert_eq!(passes(&"x".repeat(240)), [false; 3]);
    }

    #[test]
    fn paths_are_different_everywhere() {
        assert_eq!(collisions(&["a/b", "a/c", "b", "ab"]), []);
        for [one, other] in [["tools/A.txt", "Tools/a.TXT"], ["a", "A/b"], ["ä", "Ä"], ["a/b/c", "A/B"]] {
            assert_eq!(collisions(&[one, other]).len(), 1, "{one} {other}");
        }
        assert_eq!(collisions(&["a/b/c", "A/B"]), [("A/B", "a/b/c")]);
    }
}
