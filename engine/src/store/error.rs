//! What can go wrong with local files, in the user's words.

use std::io;
use std::path::{Path, PathBuf};

use super::own_file::Obstacle;
use super::stream_file::StreamFault;
use crate::model::{ExitCode, Explain};

/// A failed operation on a local file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An operation that the system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file under the final name that this engine did not finish.
    #[error("{} exists and is not a finished download of this URL", .0.display())]
    Foreign(PathBuf),
    /// A file under the final name that the user wants continued, and nothing
    /// says what it is a part of.
    #[error("{} cannot be continued: neither a checksum nor a strong validator says what it is a part of", .0.display())]
    Unproven(PathBuf),
    /// A file under the final name that does not begin as the one it should be a part of.
    #[error("{} is not a part of this file: its bytes differ", .0.display())]
    NoPart(PathBuf),
    /// A file under the final name, and the user asked to fail then.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// A finished download, of a file that has changed at the origin since.
    #[error("{} is an earlier version: the file has changed at the origin", .0.display())]
    Outdated(PathBuf),
    /// A file that is larger than any of its kind.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        limit: usize,
    },
    /// A folder with more files than anybody should look at.
    #[error("{} has more than {limit} files", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// Most files that are read.
        limit: usize,
    },
    /// What a folder holds besides plain files and folders.
    #[error("{} {why}", path.display())]
    Unfit {
        /// The path.
        path: PathBuf,
        /// What it is, as a clause.
        why: &'static str,
    },
    /// Something that the engine neither writes to nor replaces.
    #[error("refusing to {action} {}: it is {what}", path.display())]
    Obstacle {
        /// What was about to happen, as a verb.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// What is there.
        what: Obstacle,
    },
    /// A file of known size on a disk that is too small for it.
    #[error("not enough disk space for {}: {needed_bytes} bytes are needed, {free_bytes} are free", path.display())]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// What is missing of it.
        needed_bytes: u64,
        /// What the disk still has for this user.
        free_bytes: u64,
    },
    /// A directory under the final name.
    #[error("{} is a directory", .0.display())]
    IsDirectory(PathBuf),
    /// A name that another download of the same run has.
    #[error("another download of this run writes to {}", .0.display())]
    Taken(PathBuf),
    /// Another process downloads to the same path.
    #[error("another process is downloading to {}", .0.display())]
    Busy(PathBuf),
    /// Another process holds a file that one process may have at a time.
    #[error("another process is using {}", .0.display())]
    InUse(PathBuf),
    /// Standard output was closed by its reader: a way to stop, not a failure.
    #[error("standard output was closed")]
    OutputClosed,
    /// Standard output took no more bytes.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The thread that writes ended early.
    #[error("the writer stopped before all bytes were on disk")]
    WriterGone,
}

impl StoreError {
    /// Wraps an error of the system with what was tried and where.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Sorts an error of standard output.
    pub fn stream(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        match source.get_ref().and_then(|fault| fault.downcast_ref::<StreamFault>()) {
            Some(fault) => Self::Io { action: "write to", path: fault.path.clone(), source },
            None => Self::Output(source),
        }
    }

    /// Whether there is no room left.
    pub(super) fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }
}

impl Explain for StoreError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::Done,
            Self::Io { .. }
            | Self::Output(_)
            | Self::Foreign(_)
            | Self::Unproven(_)
            | Self::NoPart(_)
            | Self::Outdated(_)
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Exists(_)
            | Self::Unfit { .. }
            | Self::Obstacle { .. }
            | Self::NoRoom { .. }
            | Self::IsDirectory(_)
            | Self::Taken(_)
            | Self::Busy(_)
            | Self::InUse(_) => ExitCode::Local,
            Self::WriterGone => ExitCode::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::FileTooLarge => {
                    "the file exceeds what the file system or `ulimit -f` allows: raise the limit, or choose another \
                     disk with -d DIR"
                        .into()
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space and run the same command again: it resumes".into()
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a directory that you may write to with -d DIR or -o PATH".into()
                }
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "check how the path is written".into(),
                io::ErrorKind::AlreadyExists => {
                    "a file stands where a directory is needed: choose another place with -o or -d".into()
                }
                io::ErrorKind::InvalidFilename => "choose another, shorter name with -o".into(),
                _ => "check the path, the disk and the permissions".into(),
            },
            Self::NoRoom { .. } => {
                "free some space and run the same command again, or choose another disk with -d DIR".into()
            }
            Self::Obstacle { what: Obstacle::BlockDevice, .. } => {
                "to write to a block device, stream with -o - to a program that does".into()
            }
            Self::Obstacle { .. } => {
                "remove it if it does not belong there, or choose another place with -o PATH or -d DIR".into()
            }
            Self::Foreign(_) => "choose another name with -o, --if-exists overwrite to replace it, or --if-exists resume with --checksum to \
                 continue it"
                .into(),
            Self::Unproven(_) => {
                "give the digest of the whole file with --checksum, or replace the part with --if-exists overwrite".into()
            }
            Self::NoPart(_) => {
                "all of the new file has been fetched: run again with --if-exists overwrite to use it".into()
            }
            Self::Outdated(_) => {
                "fetch the new version with --if-exists overwrite, or under another name with -o".into()
            }
            Self::TooLarge { .. } => "check that it is the right file".into(),
            Self::TooMany { .. } => "name a folder further down".into(),
            Self::Unfit { .. } => "only plain files and folders are read: replace it by one, or move it away".into(),
            Self::Exists(_) => "choose another name with -o, or --if-exists resume, skip or overwrite".into(),
            Self::IsDirectory(_) => "name a file with -o, or give the directory with -d".into(),
            Self::Taken(_) => "give each file a name of its own: out=NAME in a list, or -o NAME for one file".into(),
            Self::Busy(_) => "wait for it to end, or choose another name with -o".into(),
            Self::InUse(_) => "wait for it to end, or name another file".into(),
            Self::OutputClosed | Self::Output(_) | Self::WriterGone => return None,
        })
    }
}
