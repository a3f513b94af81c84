//! Looks for secrets in all that a run left: its streams and the files below
//! its home, among them what its children were given.
//!
//! A finding ends the test and tells where it is; the secret is not repeated.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::secrets;

/// How much of a file is looked at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Files in which a test gives a secret, and nothing else writes.
const SOURCES: [(&str, &str); 8] = [
    (".netrc", "logins of the user"),
    ("_netrc", "logins of the user"),
    ("work/cookies.txt", "cookies of the user"),
    ("work/token", "opened as a descriptor"),
    ("work/key", "opened as a descriptor"),
    ("work/password", "opened as a descriptor"),
    ("work/author.key", "a key of minisign"),
    ("work/stranger.key", "a key of minisign"),
];

/// Other files that may hold a secret, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    ("work/broken.toml", "a configuration of the user"),
    (".docker/config.json", "logins of the user, where they are not broken"),
    ("work/broken", "cookies in a file that is none"),
    ("work/delivery.json", "what a test proposes; a login in its repository is refused"),
    ("work/turbo-release.toml", "what a test releases; a login in it is refused"),
    ("work/piped", "what a signing tool was told through its pipe"),
    ("work/granted", "the environment of a stage that a user granted a key to"),
    ("work/upload", "the environment of the stage that logs in"),
];

/// The scan of one home.
pub struct Watch {
    home: PathBuf,
    /// What was looked at and found clean, as it was then.
    clean: Mutex<HashMap<PathBuf, (u64, SystemTime)>>,
    has_found: AtomicBool,
}

impl Watch {
    pub fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), clean: Mutex::default(), has_found: AtomicBool::new(false) }
    }

    /// Asserts that the files that tests give secrets in hold such as are known.
    #[track_caller]
    pub fn check_sources(&self) {
        for (name, _) in SOURCES {
            let Ok(text) = fs::read_to_string(self.home.join(name)) else { continue };
            let is_none = text == "no key" || text.is_empty();
            assert!(is_none || secrets::is_known(&text), "what is in {name} is made without `secret!`");
        }
    }

    /// Looks through bytes that came from the run.
    #[track_caller]
    pub fn check(&self, what: &str, bytes: &[u8]) {
        if let Some(found) = secrets::find(bytes) {
            self.report(&format!("{what} of the run: {found}"));
        }
    }

    /// Looks through every file below the home.
    #[track_caller]
    pub fn check_files(&self) {
        let mut folders = vec![self.home.clone()];
        while let Some(folder) = folders.pop() {
            // Others may be at work here: what is gone is not looked at.
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_dir() => folders.push(path),
                    Ok(metadata) if metadata.is_file() => self.check_file(path, &metadata),
                    _ => {}
                }
            }
        }
    }

    /// The same, unless this watch has reported something already.
    pub fn check_at_the_end(&self) {
        if !std::thread::panicking() && !self.has_found.load(Ordering::SeqCst) {
            self.check_files();
        }
    }

    #[track_caller]
    fn check_file(&self, path: PathBuf, metadata: &Metadata) {
        let name = path.strip_prefix(&self.home).expect("a file below the home").to_string_lossy().replace('\\', "/");
        if SOURCES.iter().chain(&EXCEPTIONS).any(|(given, _)| *given == name) {
            return;
        }
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let stamp = (metadata.len(), modified);
        let known = self.clean.lock().unwrap_or_else(PoisonError::into_inner).get(&path).copied();
        if known == Some(stamp) {
            return;
        }
        if let Some(found) = found_in(&path) {
            self.report(&format!("the file {name}: {found}"));
        }
        self.clean.lock().unwrap_or_else(PoisonError::into_inner).insert(path, stamp);
    }

    #[track_caller]
    pub fn report(&self, place: &str) -> ! {
        self.has_found.store(true, Ordering::SeqCst);
        panic!("a secret leaked into {place}");
    }
}

/// A secret in a file of any size.
fn found_in(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let (mut window, mut passed) = (Vec::with_capacity(CHUNK_BYTES), 0);
    loop {
        let read = file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut window).ok()?;
        if let Some(found) = secrets::find(&window) {
            return Some(format!("{found} of the part from byte {passed}"));
        }
        if read < CHUNK_BYTES {
            return None;
        }
        // A secret may lie across the border.
        let done = window.len() - window.len().min(*secrets::LONGEST);
        passed += done;
        window.drain(..done);
    }
}
