//! Opens files so that nothing of somebody else's making is written to or
//! waited for.
//!
//! A folder such as `/tmp` is open to all: whoever can write there can put a
//! link, a pipe or a file of their own where the engine is about to write. The
//! key invariant: a file that is written to was made here, or is a plain file
//! of this user with no other name. That is checked on the opened descriptor,
//! so that nothing can take its place in between, and no open waits.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreError;

/// Attempts at a file that others make and remove at the same time.
const ATTEMPTS: usize = 8;

/// Numbers the temporary files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What stands where a plain file of this user's own belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// A symbolic link, or what Windows has for one.
    SymbolicLink,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// A file that has another name as well.
    HardLink,
    /// A plain file, or a link, of another user.
    OfAnotherUser,
    /// Something else that is no plain file.
    Special,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SymbolicLink => "a symbolic link",
            Self::Directory => "a directory",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::BlockDevice => "a block device",
            Self::CharacterDevice => "a character device",
            Self::HardLink => "a hard link: the file has another name as well",
            Self::OfAnotherUser => "another user's",
            Self::Special => "no plain file",
        })
    }
}

impl Obstacle {
    /// What a file is other than a plain one; none where it is one.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        let kind = metadata.file_type();
        if kind.is_file() {
            None
        } else if kind.is_symlink() {
            Some(Self::SymbolicLink)
        } else if kind.is_dir() {
            Some(Self::Directory)
        } else {
            Some(special(kind))
        }
    }
}

#[cfg(unix)]
fn special(kind: fs::FileType) -> Obstacle {
    use std::os::unix::fs::FileTypeExt as _;
    match () {
        () if kind.is_fifo() => Obstacle::Fifo,
        () if kind.is_socket() => Obstacle::Socket,
        () if kind.is_block_device() => Obstacle::BlockDevice,
        () if kind.is_char_device() => Obstacle::CharacterDevice,
        () => Obstacle::Special,
    }
}

#[cfg(not(unix))]
fn special(_: fs::FileType) -> Obstacle {
    Obstacle::Special
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner alone.
    Owner,
    /// As the user's umask says.
    Umask,
}

/// What an existing file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Opens a file of this user's own to read and write, and makes it where it is
/// missing.
pub(super) fn open_own(path: &Path, readers: Readers) -> Result<File, StoreError> {
    for _ in 0..ATTEMPTS {
        match create_new(path, readers) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map_err(StoreError::io("create", path)),
        }
        if let Some(file) = open_existing(path, Access::Write)? {
            return Ok(file);
        }
    }
    Err(StoreError::Busy(path.to_owned()))
}

/// Opens an existing file of this user's own; none where there is nothing.
pub(super) fn open_existing(path: &Path, access: Access) -> Result<Option<File>, StoreError> {
    // Before it is opened as well: opening a device may already do something.
    match fs::symlink_metadata(path) {
        Ok(metadata) => is_own(path, &metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", path)(error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(access == Access::Write);
    match open_unfollowed(path, &options) {
        Ok(file) => {
            is_own(path, &file.metadata().map_err(StoreError::io("look at", path))?)?;
            Ok(Some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("open", path)(error)),
    }
}

/// Makes a new file; fails where anything is, a link that leads nowhere too.
pub(super) fn create_new(path: &Path, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if readers == Readers::Owner { 0o600 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

/// Makes a file anew: what stands in its place loses that name, whatever it
/// is, and is not touched otherwise.
pub(super) fn create_anew(path: &Path, readers: Readers) -> io::Result<File> {
    for _ in 0..ATTEMPTS {
        match create_new(path, readers) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(path)?,
            made => return made,
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Opens a plain file to read, whoever it belongs to, through no link; an error
/// where it is none.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let file = open_unfollowed(path, OpenOptions::new().read(true))?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
}

/// Opens a plain file to read, whoever it belongs to, by a link as well: what
/// is behind it is read as it is. A pipe or device is not waited for.
pub(super) fn open_followed(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.read(true).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
}

/// Checks that a file may be replaced by another: a device, a pipe and a socket
/// are never. Of a symbolic link the link is replaced, not what it leads to.
pub(super) fn check_replaceable(path: &Path) -> Result<(), StoreError> {
    let found = fs::symlink_metadata(path).ok().and_then(|metadata| Obstacle::of(&metadata));
    let found = match found {
        // A link to a device is somebody's device.
        Some(Obstacle::SymbolicLink) => fs::metadata(path).ok().and_then(|metadata| Obstacle::of(&metadata)),
        found => found,
    };
    match found {
        None => Ok(()),
        Some(what) => Err(StoreError::Obstacle { action: "replace", path: path.to_owned(), what }),
    }
}

/// Checks a plain file: this user's, and under this name alone.
fn is_own(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let refused = |what| Err(StoreError::Obstacle { action: "use", path: path.to_owned(), what });
    if let Some(what) = Obstacle::of(metadata) {
        return refused(what);
    }
    if has_other_names(metadata) {
        return refused(Obstacle::HardLink);
    }
    if !is_mine(path, metadata) {
        return refused(Obstacle::OfAnotherUser);
    }
    Ok(())
}

/// Opens a file itself, never what a link of its name leads to, and without
/// waiting for whoever is at the other end of a pipe.
#[cfg(unix)]
fn open_unfollowed(path: &Path, options: &OpenOptions) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.clone().custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open_unfollowed(path: &Path, options: &OpenOptions) -> io::Result<File> {
    use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
    /// `FILE_FLAG_OPEN_REPARSE_POINT`: the link itself.
    const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    /// `FILE_ATTRIBUTE_REPARSE_POINT`.
    const REPARSE_POINT: u32 = 0x0400;
    let file = options.clone().custom_flags(OPEN_REPARSE_POINT).open(path)?;
    let metadata = file.metadata()?;
    if metadata.file_type().is_symlink() {
        return Err(io::Error::other("it is a link"));
    }
    // Placeholders of cloud drives and deduplicated files are reparse points
    // that lead nowhere else; their bytes come by an ordinary handle.
    if metadata.file_attributes() & REPARSE_POINT == 0 { Ok(file) } else { options.open(path) }
}

#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

/// The standard library does not tell it of Windows.
#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}

/// Whether a file is this user's. Where the file system gives every file to
/// one user (FAT, shares, some containers), that is the one who is given new
/// files.
#[cfg(unix)]
fn is_mine(path: &Path, metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    if metadata.uid() == effective_user() {
        return true;
    }
    let Some(probe) = path.parent().map(probe_in) else { return false };
    let given = create_new(&probe, Readers::Owner).and_then(|file| file.metadata());
    super::remove(&probe);
    given.is_ok_and(|given| given.uid() == metadata.uid())
}

#[cfg(not(unix))]
fn is_mine(_: &Path, _: &Metadata) -> bool {
    true
}

#[cfg(unix)]
pub(super) fn effective_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A short name for a file of this process that vanishes at once.
pub(super) fn probe_in(folder: &Path) -> PathBuf {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(".turbo-probe-{}-{number}", std::process::id()))
}

/// Checks the symbolic links on the way to a folder. The user's own are theirs
/// to follow, and the system's; one that another user has put into a folder
/// where everybody may write is refused, as Linux does with
/// `fs.protected_symlinks`.
#[cfg(unix)]
pub(super) fn check_way(folder: &Path) -> Result<(), StoreError> {
    for step in folder.ancestors().filter(|step| !step.as_os_str().is_empty()) {
        let is_link = fs::symlink_metadata(step).is_ok_and(|metadata| metadata.is_symlink());
        if is_link && !is_trusted(step) {
            let what = Obstacle::OfAnotherUser;
            return Err(StoreError::Obstacle { action: "follow the symbolic link", path: step.to_owned(), what });
        }
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub(super) fn check_way(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Whether a link, pipe or device was put where it is by this user, by the
/// system, or by whoever owns its folder; in a folder where not everybody may
/// write, anything was.
#[cfg(unix)]
pub(super) fn is_trusted(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return true,
    };
    let Ok(folder) = fs::metadata(folder) else { return false };
    let is_open_to_all = folder.mode() & 0o002 != 0;
    !is_open_to_all || [effective_user(), 0, folder.uid()].contains(&metadata.uid())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn fifo(path: &Path) {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
    }

    fn obstacle<T>(result: Result<T, StoreError>) -> Option<Obstacle> {
        match result.err()? {
            StoreError::Obstacle { what, .. } => Some(what),
            _ => None,
        }
    }

    #[test]
    fn only_plain_files_of_ones_own_are_opened() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "mine").expect("writable");
        symlink(path("victim"), path("link")).expect("a link");
        symlink(path("nothing"), path("dangling")).expect("a link");
        fs::hard_link(path("victim"), path("twin")).expect("a link");
        fs::create_dir(path("folder")).expect("writable");
        fifo(&path("fifo"));
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        for (name, what) in [
            ("link", Obstacle::SymbolicLink),
            ("dangling", Obstacle::SymbolicLink),
            ("twin", Obstacle::HardLink),
            ("folder", Obstacle::Directory),
            ("fifo", Obstacle::Fifo),
            ("socket", Obstacle::Socket),
        ] {
            assert_eq!(obstacle(open_own(&path(name), Readers::Umask)), Some(what), "{name}");
            assert_eq!(obstacle(open_existing(&path(name), Access::Read)), Some(what), "{name}");
        }
        assert!(!path("nothing").exists());
        assert!(open_existing(&path("nothing"), Access::Read).expect("nothing is there").is_none());
        assert!(open_own(&path("new"), Readers::Umask).is_ok() && open_own(&path("new"), Readers::Umask).is_ok());
        assert!(open_plain(&path("twin")).is_ok());
        for name in ["link", "fifo", "folder"] {
            assert!(open_plain(&path(name)).is_err(), "{name}");
        }
        for (name, what) in [("fifo", Some(Obstacle::Fifo)), ("socket", Some(Obstacle::Socket)), ("link", None)] {
            assert_eq!(obstacle(check_replaceable(&path(name))), what, "{name}");
        }
        symlink(path("fifo"), path("to-fifo")).expect("a link");
        assert_eq!(obstacle(check_replaceable(&path("to-fifo"))), Some(Obstacle::Fifo));
    }

    #[test]
    fn what_is_made_anew_reaches_no_victim() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "mine").expect("writable");
        symlink(path("victim"), path("link")).expect("a link");
        fs::hard_link(path("victim"), path("twin")).expect("a link");
        fifo(&path("fifo"));
        for name in ["link", "twin", "fifo", "new"] {
            let file = create_anew(&path(name), Readers::Owner).expect("made anew");
            assert_eq!(file.metadata().expect("open").permissions().mode() & 0o777, 0o600, "{name}");
            assert!(fs::symlink_metadata(path(name)).expect("there").is_file(), "{name}");
        }
        assert_eq!(fs::read(path("victim")).expect("there"), b"mine");
    }
}
