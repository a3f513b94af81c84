//! Paths that somebody made up, as deliveries take them.

use super::DeliverError;
use crate::model::excerpt::excerpt;
use crate::plan::names::NameFault;
use crate::plan::paths::{self, PathFault, Strictness};

/// Takes a path that names the same file, below the folder it is meant for, on
/// every system and in every file system.
///
/// # Errors
///
/// When it is absolute, leads up, or has a part that is special anywhere.
pub fn check_path(path: &str) -> Result<(), DeliverError> {
    let Err(fault) = paths::check(path, Strictness::Tree) else { return Ok(()) };
    let why = match fault {
        PathFault::Empty | PathFault::TooLong => "it is empty, or too long",
        PathFault::Drive | PathFault::Colon | PathFault::Backslash | PathFault::Part(NameFault::Character) => {
            "it has a character that some system does not allow"
        }
        PathFault::Absolute | PathFault::EmptyPart => "it is absolute, leads up, or has an empty part",
        PathFault::Part(NameFault::Edge | NameFault::TooLong) => {
            "a part of it is too long, or begins or ends with a blank or a dot"
        }
        PathFault::Part(NameFault::Device) => "a part of it is the name of a device",
        PathFault::Part(NameFault::Staging) => "a part of it is the name of an unfinished download",
        PathFault::OfGit => "a part of it belongs to git itself",
    };
    Err(DeliverError::Path { path: excerpt(path), why: why.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_where_it_is_meant_to_go() {
        for path in [
            "bucket/tool.json",
            "manifests/a/A.B/1.0/A.B.yaml",
            "Formula/tool.rb",
            ".github/x",
            "a b/c.d",
            "a/common.json",
            "bucket/come.json",
        ] {
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
            "com0",
            "a/b.turbo-part",
        ] {
            assert!(check_path(path).is_err(), "{path:?}");
        }
        assert!(check_path(&"x".repeat(600)).is_err());
    }
}
