//! Where things are in the cache, and how a file comes into being there.
//!
//! ```text
//! blobs-v1/ab/cdef...        the bytes, by the SHA-256 of them
//! blobs-v1/ab/cdef....json   their stamp; its own date is the last use
//! index-v1/SHA256.json       what a URL answered, by the SHA-256 of the URL
//! locks-v1/SHA256.lock       who fetches a URL at the moment
//! temp-v1/SECONDS-PID-N      files on their way to one of the other folders
//! ```
//!
//! Every file arrives by a rename, complete. A format that old readers would
//! misread gets a new folder; until then they ignore fields they do not know
//! and take an entry that lacks one for a miss.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use url::Url;

use super::CacheError;
use crate::model::{Algorithm, Digest};
use crate::store::own_file::{Readers, check_way, create_new, open_plain};

const BLOBS: &str = "blobs-v1";
const INDEX: &str = "index-v1";
const LOCKS: &str = "locks-v1";
const TEMP: &str = "temp-v1";

/// Tells backup programs to pass the folder by (bford.info/cachedir).
const TAG: (&str, &str) = ("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of turbo-engine.\n");

/// Age at which a file on its way is nobody's any more.
pub(super) const STALE: Duration = Duration::from_hours(24);

/// Numbers the temporary files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The paths of one cache.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes the folders, each for the eyes of its owner only: a blob may come
    /// from a network that others on the machine cannot reach.
    pub(super) fn create(root: &Path) -> Result<Self, CacheError> {
        private_root(root)?;
        for folder in [BLOBS, INDEX, LOCKS, TEMP] {
            private_folder(&root.join(folder))?;
        }
        let layout = Self { root: root.to_owned() };
        let tag = root.join(TAG.0);
        if !tag.exists() {
            layout.write(&tag, TAG.1.as_bytes())?;
        }
        Ok(layout)
    }

    /// Where the bytes of a SHA-256 digest are.
    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.blobs().join(&hex[..2]).join(&hex[2..])
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.root.join(BLOBS)
    }

    pub(super) fn index(&self) -> PathBuf {
        self.root.join(INDEX)
    }

    pub(super) fn locks(&self) -> PathBuf {
        self.root.join(LOCKS)
    }

    pub(super) fn temp(&self) -> PathBuf {
        self.root.join(TEMP)
    }

    pub(super) fn entry(&self, url: &Url) -> PathBuf {
        self.index().join(format!("{}.json", url_key(url)))
    }

    pub(super) fn lock(&self, url: &Url) -> PathBuf {
        self.locks().join(format!("{}.lock", url_key(url)))
    }

    /// A path that no file has yet. It starts with the time, so that what a
    /// killed process left can be told from what a living one writes.
    pub(super) fn temporary(&self) -> PathBuf {
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.temp().join(format!("{seconds}-{}-{number}", std::process::id()))
    }

    /// Writes a small file so that a reader sees all of it or nothing. It is
    /// not synced: what a power failure makes of it is a miss or one hash.
    pub(super) fn write(&self, path: &Path, content: &[u8]) -> Result<(), CacheError> {
        let temporary = self.temporary();
        let written = create_new(&temporary, Readers::Owner).and_then(|mut file| file.write_all(content));
        written.and_then(|()| fs::rename(&temporary, path)).map_err(|source| {
            let _ = fs::remove_file(&temporary);
            CacheError::io("write", path)(source)
        })
    }
}

/// The time in the name of a temporary file.
pub(super) fn made_at(temporary: &str) -> Option<SystemTime> {
    let seconds = temporary.split('-').next()?.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn url_key(url: &Url) -> String {
    let digest = Digest::new(Algorithm::Sha256, &Sha256::digest(url.as_str()));
    digest.expect("SHA-256 gives 32 bytes").hex()
}

/// Makes the folder that all others are in, and keeps others out of it. One
/// that the user named and that holds other things as well keeps its mode: what
/// the engine puts there has its own.
pub(in crate::store) fn private_root(root: &Path) -> Result<(), CacheError> {
    check_way(root).map_err(|_| CacheError::NotAFolder(root.to_owned()))?;
    let is_ours = fs::read_dir(root)
        .map_or(true, |mut entries| entries.all(|entry| entry.is_ok_and(|entry| is_own_name(&entry.file_name()))));
    if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(CacheError::io("create the folder", parent))?;
    }
    if is_ours && !fs::symlink_metadata(root).is_ok_and(|metadata| metadata.is_symlink()) {
        private_folder(root)
    } else {
        fs::create_dir_all(root).map_err(CacheError::io("create the folder", root))
    }
}

/// Whether a name is one that the engine gives: the tag, or a versioned folder.
fn is_own_name(name: &OsStr) -> bool {
    let version = name.to_str().and_then(|name| name.rsplit_once("-v"));
    name == TAG.0 || version.is_some_and(|(_, number)| number.parse::<u8>().is_ok())
}

/// Makes a folder of mode 0700, or takes an existing one to that mode with all
/// that is in it, which its owner alone can do. A symbolic link is refused: it
/// would lead the cache to wherever somebody else likes. So is a folder of
/// another user.
pub(in crate::store) fn private_folder(path: &Path) -> Result<(), CacheError> {
    let builder = &mut fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(CacheError::io("create the folder", path)(error));
        }
        _ => {}
    }
    let metadata = fs::symlink_metadata(path).map_err(CacheError::io("look at", path))?;
    if !metadata.is_dir() {
        return Err(CacheError::NotAFolder(path.to_owned()));
    }
    restrict(path, &metadata).map_err(CacheError::io("make private", path))
}

/// What is in it first: a run that ends in between does it again.
#[cfg(unix)]
fn restrict(path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if metadata.uid() != crate::store::own_file::effective_user() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    // The tag, which is among the first files of a cache, tells of all others:
    // earlier versions gave them the user's umask.
    let tag = path.join(TAG.0);
    let is_loose = |metadata: fs::Metadata| metadata.mode() & 0o077 != 0;
    if metadata.mode() & 0o777 == 0o700 && !fs::symlink_metadata(&tag).is_ok_and(is_loose) {
        return Ok(());
    }
    for entry in fs::read_dir(path)?.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path() != tag)) {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() && metadata.uid() == crate::store::own_file::effective_user() {
            restrict(&entry.path(), &metadata)?;
        } else if metadata.is_file() && metadata.mode() & 0o077 != 0 {
            restrict_file(&entry.path(), &metadata)?;
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    match open_plain(&tag) {
        Ok(tag) => tag.set_permissions(fs::Permissions::from_mode(0o600)),
        Err(_) => Ok(()),
    }
}

/// A file that an earlier version shares with the user keeps the mode that the
/// user sees, and leaves the cache.
#[cfg(unix)]
fn restrict_file(path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if metadata.nlink() > 1 {
        return fs::remove_file(path);
    }
    // By the descriptor: the name may be a link by now.
    open_plain(path)?.set_permissions(fs::Permissions::from_mode(0o600))
}

/// Elsewhere a folder in the user's profile is private already.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
fn restrict(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// The content of a small file, or `None` where there is none that could be
/// one of ours: absent, too large, or no regular file.
pub(in crate::store) fn read_small(path: &Path, most_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= most_bytes => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut content = Vec::new();
    // Bounded again, should the file grow in between.
    open_plain(path)?.take(most_bytes + 1).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= most_bytes).then_some(content))
}

/// Removes a file; one that is gone already is as good.
pub(super) fn remove(path: &Path) -> Result<(), CacheError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CacheError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// What is in a folder, by name; nothing where the folder is gone.
pub(super) fn children(folder: &Path) -> Result<Vec<(String, PathBuf)>, CacheError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(CacheError::io("list", folder))?,
    };
    let mut children = Vec::new();
    for entry in entries {
        let entry = entry.map_err(CacheError::io("list", folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            children.push((name, entry.path()));
        }
    }
    Ok(children)
}
