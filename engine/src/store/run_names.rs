//! The names that the downloads of one run write to, and the unfinished files
//! that earlier runs left in their directories.
//!
//! The key invariant: within a run one name belongs to one download, however
//! its path is spelled, and so do the staging files beside it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Journal, StoreError, remove};
use crate::model::Digest;

/// Suffixes of what stands beside a name until the file is complete.
const STAGING: [&str; 2] = [".turbo-part", ".turbo-state"];

/// Most journals of one directory that are read.
const MOST_JOURNALS: usize = 10_000;

/// Which of several downloads writes to which name.
#[derive(Debug, Default)]
pub struct NameTable {
    /// Paths in one spelling, by the same path in lower case.
    taken: HashMap<String, Vec<(PathBuf, usize)>>,
    /// The one spelling of directories that were looked at.
    directories: HashMap<PathBuf, PathBuf>,
}

impl NameTable {
    /// Gives `name` and its staging files to the download `by`.
    ///
    /// # Errors
    ///
    /// The download that has one of them already.
    pub fn claim(&mut self, name: &Path, by: usize) -> Result<(), usize> {
        let name = self.spelled(name);
        let names = std::iter::once(name.clone()).chain(STAGING.map(|suffix| beside(&name, suffix)));
        let names: Vec<PathBuf> = names.collect();
        if let Some(owner) = names.iter().find_map(|name| self.owner(name)).filter(|owner| *owner != by) {
            return Err(owner);
        }
        for name in names {
            let taken = self.taken.entry(folded(&name)).or_default();
            if !taken.iter().any(|(known, _)| *known == name) {
                taken.push((name, by));
            }
        }
        Ok(())
    }

    fn owner(&self, name: &Path) -> Option<usize> {
        let taken = self.taken.get(&folded(name))?;
        let same = taken.iter().find(|(known, _)| known == name);
        // Asked only where two names differ in nothing else.
        let alike = || taken.first().filter(|_| ignores_case(name));
        same.or_else(alike).map(|(_, owner)| *owner)
    }

    /// The path with its directory as the system knows it: absolute, without
    /// `.` and `..`, and through no symbolic link. The last component stays: a
    /// rename replaces a link of that name.
    fn spelled(&mut self, name: &Path) -> PathBuf {
        let absolute = std::path::absolute(name).unwrap_or_else(|_| name.to_owned());
        let (Some(directory), Some(last)) = (absolute.parent(), absolute.file_name()) else { return absolute };
        if let Some(known) = self.directories.get(directory) {
            return known.join(last);
        }
        let known = resolved(directory);
        self.directories.insert(directory.to_owned(), known.clone());
        known.join(last)
    }
}

/// Resolves what exists of a path, component by component: what is behind a
/// `..` depends on the links before it.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = resolved.pop(),
            Component::CurDir => {}
            other => {
                resolved.push(other);
                resolved = resolved.canonicalize().unwrap_or(resolved);
            }
        }
    }
    resolved
}

fn folded(name: &Path) -> String {
    name.to_string_lossy().to_lowercase()
}

fn beside(name: &Path, suffix: &str) -> PathBuf {
    let mut beside = name.as_os_str().to_owned();
    beside.push(suffix);
    beside.into()
}

/// Whether the file system of a path takes `a` and `A` for one name. It tells
/// by a file that is made for it; where none can be made, nothing is written.
fn ignores_case(path: &Path) -> bool {
    let Some(directory) = path.ancestors().skip(1).find(|ancestor| ancestor.is_dir()) else { return false };
    let probe = format!(".turbo-case-{}", std::process::id());
    let (lower, upper) = (directory.join(&probe), directory.join(probe.to_uppercase()));
    if upper.symlink_metadata().is_ok() || File::create_new(&lower).is_err() {
        return false;
    }
    let found = upper.symlink_metadata().is_ok();
    remove(&lower);
    found
}

/// The names of one run, shared by its downloads. The default shares nothing
/// and grants every claim, for downloads that are on their own.
#[derive(Debug, Clone, Default)]
pub struct RunNames {
    shared: Option<Arc<Mutex<Shared>>>,
}

#[derive(Debug, Default)]
struct Shared {
    table: NameTable,
    claimants: usize,
    left: HashMap<PathBuf, Left>,
}

/// Names of the unfinished downloads of a directory, by the digest of the URL.
type Left = HashMap<String, PathBuf>;

/// One download of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant(usize);

impl RunNames {
    /// The names of a run of several downloads.
    pub fn shared() -> Self {
        Self { shared: Some(Arc::default()) }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Shared>> {
        self.shared.as_ref().map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A further download.
    pub fn claimant(&self) -> Claimant {
        let next = self.lock().map_or(0, |mut shared| {
            shared.claimants += 1;
            shared.claimants
        });
        Claimant(next)
    }

    /// Gives a name to a download, for the whole run.
    pub fn claim(&self, name: &Path, by: Claimant) -> Result<(), StoreError> {
        let claimed = self.lock().map_or(Ok(()), |mut shared| shared.table.claim(name, by.0));
        claimed.map_err(|_| StoreError::Taken(name.to_owned()))
    }

    /// The name under which an earlier run left the download of a URL
    /// unfinished in a directory: it may be one that the server chose.
    pub fn left(&self, directory: &Path, url_digest: &Digest) -> Option<PathBuf> {
        let known = |left: &Left| left.get(&url_digest.hex()).cloned();
        match self.lock() {
            Some(mut shared) => known(shared.left.entry(directory.to_owned()).or_insert_with(|| left_in(directory))),
            None => known(&left_in(directory)),
        }
    }
}

/// The unfinished downloads in a directory; of two with one URL, the one that
/// was written to last. What cannot be read is none.
fn left_in(directory: &Path) -> Left {
    let folder = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let suffix = STAGING[1];
    let states = entries.filter(|entry| entry.file_name().as_encoded_bytes().ends_with(suffix.as_bytes()));
    let mut newest: HashMap<String, (SystemTime, PathBuf)> = HashMap::new();
    for entry in states.take(MOST_JOURNALS) {
        let state = directory.join(entry.file_name());
        let name = state.with_extension("");
        // A link is none of ours, and a journal without its part is worth nothing.
        let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if state.extension() != Some(OsStr::new(&suffix[1..]))
            || !is_file(&state)
            || !is_file(&beside(&name, STAGING[0]))
        {
            continue;
        }
        let Ok(Some(journal)) = Journal::load(&state) else { continue };
        let written = entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let known = newest.entry(journal.url_digest.hex()).or_insert_with(|| (written, name.clone()));
        if known.0 < written {
            *known = (written, name);
        }
    }
    newest.into_iter().map(|(digest, (_, name))| (digest, name)).collect()
}

/// Bytes that an interrupted download of `name` left to go on from.
pub fn kept_bytes(name: &Path) -> Option<u64> {
    let is_there = beside(name, STAGING[0]).symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let journal = if is_there { Journal::load(&beside(name, STAGING[1])).ok()? } else { None };
    Some(journal?.runs.ranges().len()).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::http::Validators;

    fn clash(folder: &Path, left: &str, right: &str) -> bool {
        let mut table = NameTable::default();
        table.claim(&folder.join(left), 1).expect("the first");
        table.claim(&folder.join(right), 2).is_err()
    }

    #[test]
    fn one_name_has_many_spellings() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::create_dir(folder.path().join("x")).expect("a folder");
        for same in ["a", "./a", "x/../a", "x/.././a", "missing/../a", ".//a"] {
            assert!(clash(folder.path(), "a", same), "{same}");
        }
        for staging in ["a.turbo-part", "a.turbo-state"] {
            assert!(clash(folder.path(), "a", staging) && clash(folder.path(), staging, "a"), "{staging}");
        }
        for other in ["b", "x/a", "a.b", "a.turbo-part.b"] {
            assert!(!clash(folder.path(), "a", other), "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_the_last() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::create_dir_all(folder.path().join("deep/real")).expect("folders");
        std::os::unix::fs::symlink("deep/real", folder.path().join("link")).expect("a link");
        std::os::unix::fs::symlink("deep/real/a", folder.path().join("a")).expect("a link");
        assert!(clash(folder.path(), "link/a", "deep/real/a"));
        assert!(clash(folder.path(), "link/../b", "deep/b"), "`..` is the parent of where the link leads");
        assert!(!clash(folder.path(), "a", "deep/real/a"), "a rename replaces the link");
    }

    #[test]
    fn a_name_differs_by_case_where_the_file_system_says_so() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(folder.path().join("probe"), "").expect("writable");
        let blind = folder.path().join("PROBE").exists();
        assert_eq!(clash(folder.path(), "Read.me", "READ.ME"), blind);
    }

    #[test]
    fn a_run_grants_a_name_once_and_a_default_always() {
        let names = RunNames::shared();
        let (first, second) = (names.claimant(), names.claimant());
        let path = Path::new("some/where/f");
        names.claim(path, first).expect("free");
        names.claim(path, first).expect("its own");
        assert!(matches!(names.claim(path, second), Err(StoreError::Taken(_))));
        let single = RunNames::default();
        single.claim(path, single.claimant()).expect("free");
        single.claim(path, single.claimant()).expect("free");
    }

    #[test]
    fn an_unfinished_download_is_found_by_its_url() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let digest: Digest = format!("sha-256:{}", "ab".repeat(32)).parse().expect("a digest");
        let journal = Journal::new(digest.clone(), 9, Validators::default());
        let name = folder.path().join("tool-1.0.zip");
        Journal::save(&journal.text(), &beside(&name, STAGING[1])).expect("writable");
        assert_eq!(RunNames::default().left(folder.path(), &digest), None, "there is no part");
        std::fs::write(beside(&name, STAGING[0]), [0; 9]).expect("writable");
        assert_eq!(RunNames::default().left(folder.path(), &digest), Some(name.clone()));
        assert_eq!(kept_bytes(&name), None, "nothing is in it");
    }
}
