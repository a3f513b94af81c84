//! One flight a URL, across processes.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::CacheError;
use super::blob::inode;
use super::layout::{Layout, STALE, children};
use crate::store::StoreError;
use crate::store::own_file::{Readers, open_own, open_plain};

/// First and longest pause between two attempts. A waiter that woke at the very
/// end of a long download would gain nothing by a finer step.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));

/// Digits of a process number.
const MOST_DIGITS: u64 = 10;

/// How long to wait for a lock.
#[derive(Clone, Copy)]
pub struct LockWait<'a> {
    /// At most so long.
    pub at_most: Duration,
    /// And no longer than until this says so. It is asked every 200 ms or more
    /// often.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// The right to fetch a URL, until dropped or until the process ends.
#[must_use = "the lock ends with this value"]
#[derive(Debug)]
pub struct UrlLock {
    _file: File,
}

/// Locks a file; `None` where the wait ended first.
pub(in crate::store) fn lock(path: &Path, wait: LockWait<'_>) -> Result<Option<UrlLock>, CacheError> {
    let deadline = Instant::now() + wait.at_most;
    let mut pause = PAUSE.0;
    loop {
        if let Some(file) = try_lock(path).map_err(CacheError::io("lock", path))? {
            write_holder(&file);
            return Ok(Some(UrlLock { _file: file }));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || (wait.cancelled)() {
            return Ok(None);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Says who holds the lock, for whoever waits: no more than a courtesy.
fn write_holder(mut file: &File) {
    let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
}

/// The process that holds a lock, where it has said so. (Windows lets nobody
/// read a file that another process has locked.)
pub(super) fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    // What was put in its place is not waited for.
    open_plain(path).ok()?.take(MOST_DIGITS).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_own(path, Readers::Owner).map_err(|error| match error {
        StoreError::Io { source, .. } => source,
        // It says what is there.
        other => io::Error::other(other),
    })?;
    match file.try_lock() {
        Ok(()) => Ok(is_at(&file, path)?.then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a path still leads to the file that was locked: clean-up may have
/// removed it in between, and the next process would lock another one.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(inode(&metadata) == inode(&file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Layout {
    /// Removes lock files that nobody has touched for a day and nobody holds.
    /// Only where an inode tells a file from its successor under the same name.
    pub(super) fn drop_old_locks(&self) -> Result<(), CacheError> {
        let children = if cfg!(unix) { children(&self.locks())? } else { Vec::new() };
        for (_, path) in children {
            let modified = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
            let old = modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > STALE));
            if old && let Ok(Some(_held)) = try_lock(&path) {
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }
}
