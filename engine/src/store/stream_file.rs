//! Places that are written to as a stream because nothing may take their
//! place: pipes, character devices and open descriptors.
//!
//! Nothing here waits while it opens: a pipe that nobody reads yet is tried
//! again, so that the process stays able to end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StoreError;
use super::own_file::Obstacle;

/// How often a pipe is tried that nobody reads yet.
const STEP: Duration = Duration::from_millis(20);

/// Where a path that the user named leads, when it is no place for a file.
#[derive(Debug)]
pub enum Outlet {
    /// The descriptor of this number, under one of its names in `/dev` or `/proc`.
    Descriptor(u32),
    /// A pipe or a character device.
    Stream(StreamFile),
}

/// A pipe, device or descriptor to write to.
#[derive(Debug)]
pub struct StreamFile {
    path: PathBuf,
    /// None while nobody reads the pipe.
    file: Option<File>,
    /// How long a reader of the pipe is waited for; none for as long as it takes.
    patience: Option<Duration>,
}

/// An error of a stream, with its place: it is not standard output's.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(super) struct StreamFault {
    pub path: PathBuf,
    source: io::Error,
}

/// Says whether a path that the user named for one file is written to as a
/// stream; none where a file is to stand there.
///
/// # Errors
///
/// When it is a socket or a block device, when another user has put it into a
/// folder that is open to all, or when it cannot be opened.
pub fn outlet(path: &Path) -> Result<Option<Outlet>, StoreError> {
    if let Some(number) = descriptor(path) {
        return Ok(Some(Outlet::Descriptor(number)));
    }
    let refused = |what| Err(StoreError::Obstacle { action: "write to", path: path.to_owned(), what });
    let kind = |metadata: fs::Metadata| Obstacle::of(&metadata);
    let Some(here) = fs::symlink_metadata(path).ok().and_then(kind) else { return Ok(None) };
    let what = match here {
        Obstacle::SymbolicLink => fs::metadata(path).ok().and_then(kind),
        other => Some(other),
    };
    match what {
        // A plain file behind a link: the link is replaced, not what it leads to.
        None | Some(Obstacle::Directory) => Ok(None),
        Some(Obstacle::Fifo | Obstacle::CharacterDevice) if !is_trusted(path) => refused(Obstacle::OfAnotherUser),
        Some(Obstacle::Fifo | Obstacle::CharacterDevice) => StreamFile::device(path).map(Outlet::Stream).map(Some),
        Some(what) => refused(what),
    }
}

/// The number in a name of an open descriptor.
fn descriptor(path: &Path) -> Option<u32> {
    if !cfg!(unix) {
        return None;
    }
    match path.to_str()? {
        "/dev/stdin" => Some(0),
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        other => ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"]
            .into_iter()
            .find_map(|folder| other.strip_prefix(folder))
            .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?
            .parse()
            .ok(),
    }
}

#[cfg(unix)]
fn is_trusted(path: &Path) -> bool {
    // What a link leads to was put there by somebody as well.
    super::own_file::is_trusted(path) && fs::canonicalize(path).is_ok_and(|real| super::own_file::is_trusted(&real))
}

#[cfg(not(unix))]
fn is_trusted(_: &Path) -> bool {
    true
}

impl StreamFile {
    /// An open descriptor by its name. A file behind it is added to, as the
    /// shell that opened it has it.
    pub fn descriptor(number: u32) -> Result<Self, StoreError> {
        let path = PathBuf::from(format!("/dev/fd/{number}"));
        // An append to a pipe or device is an ordinary write.
        let opened = open(&path, true).map_err(StoreError::io("open", &path))?;
        Ok(Self { path, file: opened, patience: None })
    }

    /// The same, but a pipe that nobody reads for so long is an error.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    fn device(path: &Path) -> Result<Self, StoreError> {
        let real = fs::canonicalize(path).map_err(StoreError::io("open", path))?;
        let file = open(&real, false).map_err(StoreError::io("open", path))?;
        let what = file.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| Obstacle::of(&metadata));
        match what {
            None | Some(Some(Obstacle::Fifo | Obstacle::CharacterDevice)) => {
                Ok(Self { path: real, file, patience: None })
            }
            // It was replaced since it was looked at.
            Some(what) => {
                let what = what.unwrap_or(Obstacle::Special);
                Err(StoreError::Obstacle { action: "write to", path: path.to_owned(), what })
            }
        }
    }

    /// The open file; waits until somebody reads the pipe.
    fn opened(&mut self) -> io::Result<&mut File> {
        let begun = Instant::now();
        while self.file.is_none() {
            self.file = open(&self.path, false)?;
            if self.file.is_some() {
                break;
            }
            if self.patience.is_some_and(|patience| begun.elapsed() > patience) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no process reads it"));
            }
            std::thread::sleep(STEP);
        }
        Ok(self.file.as_mut().expect("opened above"))
    }

    fn named<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|source| io::Error::new(source.kind(), StreamFault { path: self.path.clone(), source }))
    }
}

impl Write for StreamFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.opened().and_then(|file| file.write(bytes));
        self.named(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.as_mut().map_or(Ok(()), File::flush);
        self.named(flushed)
    }
}

/// Opens without waiting; none where a pipe has no reader.
#[cfg(unix)]
fn open(path: &Path, is_descriptor: bool) -> io::Result<Option<File>> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if !is_descriptor {
        flags |= OFlags::NOFOLLOW;
    }
    let mut options = OpenOptions::new();
    options.write(true).append(is_descriptor).custom_flags(flags.bits().cast_signed());
    let file = match options.open(path) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) && is_fifo(path) => {
            return Ok(None);
        }
        opened => opened?,
    };
    // From here on a slow reader is waited for.
    let kept = if is_descriptor { OFlags::APPEND } else { OFlags::empty() };
    rustix::fs::fcntl_setfl(&file, kept)?;
    Ok(Some(file))
}

#[cfg(unix)]
fn is_fifo(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| Obstacle::of(&metadata) == Some(Obstacle::Fifo))
}

#[cfg(not(unix))]
fn open(path: &Path, _: bool) -> io::Result<Option<File>> {
    OpenOptions::new().write(true).open(path).map(Some)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_several_names() {
        for (path, number) in [
            ("/dev/stdout", Some(1)),
            ("/dev/stderr", Some(2)),
            ("/dev/fd/17", Some(17)),
            ("/proc/self/fd/3", Some(3)),
            ("/dev/fd/", None),
            ("/dev/fd/x", None),
            ("/dev/fd/3/x", None),
            ("out", None),
        ] {
            assert_eq!(descriptor(Path::new(path)), number, "{path}");
        }
    }

    #[test]
    fn a_file_is_no_outlet() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").expect("writable");
        std::os::unix::fs::symlink(path("file"), path("link")).expect("a link");
        for name in ["file", "link", "nothing", "."] {
            assert!(matches!(outlet(&path(name)), Ok(None)), "{name}");
        }
        assert!(matches!(outlet(Path::new("/dev/stdout")), Ok(Some(Outlet::Descriptor(1)))));
    }
}
