//! Where a generator may write, and to whom its deliveries may go.
//!
//! Pure checks of what was proposed. The key invariant: what passes names only
//! plain paths below the folders of its package manager, and only destinations
//! that the user configured.

use super::intake::Target;
use super::violation::Violation;
use crate::model::delivery::{Delivery, GitChange, GitRoute};
use crate::plan::paths::{self, PathFault, Strictness};

/// Most deliveries of one generator, and files of all of them.
const MOST_DELIVERIES: usize = 16;
const MOST_FILES: usize = 500;
/// Longest subject and text of a change.
const TITLE_BYTES: usize = 256;
const BODY_BYTES: usize = 64 << 10;
/// Longest text that a violation quotes.
const QUOTED: usize = 120;

/// What a generator is confined to.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// The package manager that it writes for.
    pub manager: String,
    /// Folders that the user allows instead of the manager's own.
    pub prefixes: Vec<String>,
    /// The destinations that the user configured.
    pub target: Target,
}

impl Bounds {
    /// The folders that files of a kind of delivery may be in; none: any.
    fn prefixes(&self, delivery: &Delivery) -> Option<Vec<String>> {
        if !self.prefixes.is_empty() {
            return Some(self.prefixes.clone());
        }
        let own: &[&str] = match (delivery, self.manager.as_str()) {
            (Delivery::GitChange(_), "winget") => &["manifests/", "fonts/"],
            (Delivery::GitChange(_), "scoop") => &["bucket/"],
            (Delivery::GitChange(_), "homebrew") => &["Formula/", "Casks/"],
            (Delivery::GitChange(_), _) => &[],
            (Delivery::Nupkg(_), _) => &["tools/", "legal/", "content/", "lib/", "images/"],
            (Delivery::Files { .. } | Delivery::Oci(_), _) => return None,
        };
        Some(own.iter().map(|prefix| (*prefix).to_owned()).collect())
    }

    /// What is wrong with deliveries.
    pub(super) fn check(&self, deliveries: &[Delivery]) -> Vec<Violation> {
        let files: usize = deliveries.iter().map(|delivery| delivery.files().len() + deletes(delivery).len()).sum();
        if deliveries.len() > MOST_DELIVERIES {
            return vec![Violation::TooMany { what: "deliveries", limit: MOST_DELIVERIES }];
        }
        if files > MOST_FILES {
            return vec![Violation::TooMany { what: "files", limit: MOST_FILES }];
        }
        deliveries.iter().flat_map(|delivery| self.check_one(delivery)).collect()
    }

    fn check_one(&self, delivery: &Delivery) -> Vec<Violation> {
        let mut wrong = self.check_destination(delivery);
        let paths: Vec<&str> =
            delivery.files().iter().map(|file| file.path.as_str()).chain(deletes(delivery)).collect();
        let prefixes = self.prefixes(delivery);
        if prefixes.as_ref().is_some_and(Vec::is_empty) {
            wrong.push(Violation::NoPrefix { manager: quoted(&self.manager) });
        }
        for path in &paths {
            wrong.extend(check_path(path));
            if let Some(prefixes) = prefixes.as_ref().filter(|prefixes| !prefixes.is_empty())
                && !prefixes.iter().any(|prefix| is_below(path, prefix))
            {
                wrong.push(Violation::Outside { path: quoted(path), prefixes: prefixes.clone() });
            }
        }
        let collision = |(first, second)| Violation::Collision { first: quoted(first), second: quoted(second) };
        wrong.extend(paths::collisions(&paths).into_iter().map(collision));
        wrong
    }

    fn check_destination(&self, delivery: &Delivery) -> Vec<Violation> {
        let same = |what, configured: &Option<String>, got: &str| {
            (configured.as_deref() != Some(got)).then(|| Violation::Destination {
                what,
                configured: configured.clone(),
                got: quoted(got),
            })
        };
        match delivery {
            Delivery::GitChange(change) => {
                let mut wrong: Vec<Violation> =
                    same("repository", &self.target.repository, &change.repository).into_iter().collect();
                if self.target.base.is_some() {
                    wrong.extend(same("branch to change", &self.target.base, &change.base));
                }
                wrong.extend(check_change(change));
                wrong
            }
            Delivery::Nupkg(package) => {
                same("endpoint", &self.target.endpoint, &package.endpoint).into_iter().collect()
            }
            Delivery::Oci(artifact) => {
                let (name, tag) = artifact.reference.rsplit_once(':').unwrap_or((&artifact.reference, ""));
                let is_tag = !tag.is_empty() && !tag.contains('/');
                same("registry", &self.target.registry, if is_tag { name } else { &artifact.reference })
                    .into_iter()
                    .collect()
            }
            Delivery::Files { .. } => Vec::new(),
        }
    }
}

/// What is wrong with the paths that a generator wants to read.
pub(super) fn check_wants(wants: &[String]) -> Vec<Violation> {
    wants.iter().filter_map(|path| check_path(path)).collect()
}

fn deletes(delivery: &Delivery) -> impl ExactSizeIterator<Item = &str> {
    let deletes: &[String] = if let Delivery::GitChange(change) = delivery { &change.deletes } else { &[] };
    deletes.iter().map(String::as_str)
}

fn check_change(change: &GitChange) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let mut field = |is_wrong: bool, what, why| {
        if is_wrong {
            wrong.push(Violation::Field { what, why });
        }
    };
    let has_controls = |text: &str| text.contains(|letter: char| letter.is_control());
    field(change.title.trim().is_empty() || has_controls(&change.title), "title", "is empty or has more than one line");
    field(change.title.len() > TITLE_BYTES, "title", "is too long");
    let is_foreign = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t' | '\r');
    field(
        change.body.len() > BODY_BYTES || change.body.contains(is_foreign),
        "text of the change",
        "is too long or has control characters",
    );
    field(!is_branch(&change.base), "branch to change", "is no name of a branch");
    if let Some(branch) = &change.branch {
        field(!is_branch(branch), "branch to create", "is no name of a branch");
        field(*branch == change.base, "branch to create", "is the one to change");
    }
    field(change.route == GitRoute::Push && change.branch.is_some(), "branch to create", "is not for a push");
    wrong
}

/// By the rules of `git check-ref-format`, and a little stricter.
fn is_branch(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && part.strip_suffix(".lock").is_none()
    };
    let is_foreign = |letter: char| letter.is_control() || letter.is_whitespace() || "~^:?*[\\".contains(letter);
    name.len() <= 200
        && !name.contains("..")
        && !name.contains("@{")
        && name != "HEAD"
        && !name.starts_with("refs/")
        && !name.contains(is_foreign)
        && name.split('/').all(is_part)
}

fn check_path(path: &str) -> Option<Violation> {
    let why = match paths::check(path, Strictness::Proposal).err()? {
        PathFault::Empty | PathFault::Absolute | PathFault::Drive | PathFault::Colon | PathFault::Backslash => {
            "is not relative, with / between its parts"
        }
        PathFault::TooLong => "is too long",
        PathFault::EmptyPart => "has an empty part, `.` or `..`",
        PathFault::OfGit => "belongs to git itself",
        PathFault::Part(_) => "cannot stand on every system",
    };
    Some(Violation::Path { path: quoted(path), why })
}

fn is_below(path: &str, prefix: &str) -> bool {
    let folder = prefix.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A generator's text, fit to be shown.
pub(super) fn quoted(text: &str) -> String {
    crate::component::printable(text, QUOTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::{Nupkg, OciArtifact, OutputFile};

    fn file(path: &str) -> OutputFile {
        OutputFile { path: path.into(), content: Vec::new() }
    }

    fn change(paths: &[&str]) -> GitChange {
        GitChange {
            repository: "o/bucket".into(),
            base: "main".into(),
            branch: None,
            title: "tool: Update to version 1".into(),
            body: String::new(),
            writes: paths.iter().map(|path| file(path)).collect(),
            deletes: Vec::new(),
            route: GitRoute::Push,
        }
    }

    fn bounds(manager: &str) -> Bounds {
        let target = Target {
            repository: Some("o/bucket".into()),
            endpoint: Some("https://feed.example/".into()),
            registry: Some("r.example/tool".into()),
            ..Target::default()
        };
        Bounds { manager: manager.into(), prefixes: Vec::new(), target }
    }

    fn codes(bounds: &Bounds, delivery: Delivery) -> Vec<&'static str> {
        bounds.check(&[delivery]).iter().map(Violation::code).collect()
    }

    #[test]
    fn files_stay_in_their_managers_folders() {
        let scoop = bounds("scoop");
        assert!(codes(&scoop, Delivery::GitChange(change(&["bucket/tool.json"]))).is_empty());
        assert_eq!(codes(&scoop, Delivery::GitChange(change(&["README.md"]))), ["outside-prefix"]);
        assert_eq!(codes(&scoop, Delivery::GitChange(change(&["bucketful/t.json"]))), ["outside-prefix"]);
        assert_eq!(codes(&bounds("other"), Delivery::GitChange(change(&["a/b"]))), ["no-prefix"]);
        let own = Bounds { prefixes: vec!["a".into()], ..bounds("other") };
        assert!(codes(&own, Delivery::GitChange(change(&["a/b"]))).is_empty());
        let deleting = GitChange { deletes: vec!["README.md".into()], ..change(&[]) };
        assert_eq!(codes(&scoop, Delivery::GitChange(deleting)), ["outside-prefix"]);
    }

    #[test]
    fn paths_are_plain() {
        for path in [
            "bucket/../x",
            "/etc/passwd",
            "bucket//x",
            "bucket/./x",
            "C:/x",
            "bucket\\x",
            "bucket/nul.json",
            "bucket/x. ",
            "bucket/.github/workflows/x.yml",
            "bucket/.git/config",
            "bucket/a\u{7}",
            "",
        ] {
            assert!(codes(&bounds("scoop"), Delivery::GitChange(change(&[path]))).contains(&"path"), "{path:?}");
        }
    }

    #[test]
    fn paths_are_different_everywhere() {
        let twice = |paths: &[&str]| codes(&bounds("scoop"), Delivery::GitChange(change(paths)));
        assert_eq!(twice(&["bucket/a.json", "bucket/A.json"]), ["path-collision"]);
        assert_eq!(twice(&["bucket/a", "bucket/A/b"]), ["path-collision"]);
        assert!(twice(&["bucket/a", "bucket/ab"]).is_empty());
    }

    #[test]
    fn deliveries_go_where_the_user_said() {
        let elsewhere = GitChange { repository: "evil/bucket".into(), ..change(&["bucket/t.json"]) };
        assert_eq!(codes(&bounds("scoop"), Delivery::GitChange(elsewhere)), ["foreign-destination"]);
        let package = |endpoint: &str| Nupkg { nuspec: String::new(), files: Vec::new(), endpoint: endpoint.into() };
        assert!(codes(&bounds("chocolatey"), Delivery::Nupkg(package("https://feed.example/"))).is_empty());
        assert_eq!(codes(&bounds("c"), Delivery::Nupkg(package("https://evil.example/"))), ["foreign-destination"]);
        assert_eq!(codes(&Bounds::default(), Delivery::Nupkg(package("https://f.example/"))), ["foreign-destination"]);
        let oci = |reference: &str| {
            Delivery::Oci(OciArtifact { reference: reference.into(), artifact_type: String::new(), layers: Vec::new() })
        };
        assert!(codes(&bounds("o"), oci("r.example/tool:1")).is_empty());
        assert_eq!(codes(&bounds("o"), oci("r.example/other:1")), ["foreign-destination"]);
    }

    #[test]
    fn changes_have_names_that_git_takes() {
        for base in ["-f", "a..b", "HEAD", "refs/heads/x", "a b", "x.lock", ""] {
            assert!(
                codes(&bounds("scoop"), Delivery::GitChange(GitChange { base: base.into(), ..change(&[]) }))
                    .contains(&"field"),
                "{base}"
            );
        }
        for title in ["", "two\nlines"] {
            assert_eq!(
                codes(&bounds("scoop"), Delivery::GitChange(GitChange { title: title.into(), ..change(&[]) })),
                ["field"]
            );
        }
    }

    #[test]
    fn numbers_are_bounded() {
        let many: Vec<String> = (0..501).map(|nth| format!("bucket/{nth}")).collect();
        let paths: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(codes(&bounds("scoop"), Delivery::GitChange(change(&paths))), ["too-many"]);
    }
}
