//! A directory that only this user can read or write.
//!
//! What is kept here is run as machine code later, so whoever may write here
//! may run code as this user. Nothing is followed through a link, and a
//! directory or file that others may touch is refused rather than repaired:
//! what it holds can no longer be trusted.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Files kept; the oldest go first.
const KEPT_FILES: usize = 256;

/// Longer than it takes to write a file.
const LONGEST_WRITE: Duration = Duration::from_mins(10);

/// Longest file read, larger than the code of the largest component allowed.
const MAX_FILE_BYTES: u64 = 256 << 20;

#[cfg(not(unix))]
pub(super) use other::PrivateDir;
#[cfg(unix)]
pub(super) use unix::PrivateDir;

impl PrivateDir {
    /// Writes a file that appears whole or not at all.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.write_temporary(bytes)?;
        self.rename(&temporary, name).inspect_err(|_| self.remove(&temporary))?;
        self.prune()
    }

    /// Writes a file that appears whole, unless there is one already.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.write_temporary(bytes)?;
        let linked = self.link(&temporary, name);
        self.remove(&temporary);
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn write_temporary(&self, bytes: &[u8]) -> io::Result<String> {
        let name = format!("{:016x}.tmp", getrandom::u64()?);
        self.write_new(&name, bytes).inspect_err(|_| self.remove(&name))?;
        Ok(name)
    }

    /// Removes the oldest files beyond the number kept, and what processes left
    /// that ended while they wrote. The key is the oldest of all and stays.
    fn prune(&self) -> io::Result<()> {
        let mut files = self.list()?;
        let now = SystemTime::now();
        let is_left = |(name, modified): &(String, SystemTime)| {
            name.strip_suffix(".tmp").is_some() && now.duration_since(*modified).is_ok_and(|age| age > LONGEST_WRITE)
        };
        files.iter().filter(|file| is_left(file)).for_each(|(name, _)| self.remove(name));
        files.retain(|file| file.0.contains('.') && !is_left(file));
        let surplus = files.len().saturating_sub(KEPT_FILES);
        if surplus > 0 {
            files.sort_by_key(|(_, modified)| *modified);
            files[..surplus].iter().for_each(|(name, _)| self.remove(name));
        }
        Ok(())
    }
}

fn create_parents(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};

    /// See the module. Every name is looked up in the directory that was
    /// opened, not under a path that someone may have replaced since.
    pub(in super::super) struct PrivateDir(OwnedFd);

    impl PrivateDir {
        /// Opens the directory, making it and its parents where missing.
        pub(in super::super) fn open(path: &Path) -> io::Result<Self> {
            super::create_parents(path)?;
            match rustix::fs::mkdirat(CWD, path, Mode::RWXU) {
                Err(error) if error != rustix::io::Errno::EXIST => return Err(error.into()),
                _ => {}
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?);
            ours_alone(&directory)?;
            Ok(Self(directory.into()))
        }

        /// Reads a file of this directory.
        pub(in super::super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
            // A pipe in its place must not be waited for.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
            ours_alone(&file)?;
            if !file.metadata()?.is_file() {
                return Err(io::Error::other("it is no plain file"));
            }
            let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0).min(1 << 20));
            file.take(super::MAX_FILE_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        }

        /// Removes a file; one that cannot be removed is refused when read.
        pub(in super::super) fn remove(&self, name: &str) {
            let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
        }

        pub(super) fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?);
            file.write_all(bytes)
        }

        pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
        }

        pub(super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
            Ok(rustix::fs::linkat(&self.0, from, &self.0, to, AtFlags::empty())?)
        }

        /// Names and times of modification.
        pub(super) fn list(&self) -> io::Result<Vec<(String, SystemTime)>> {
            let mut files = Vec::new();
            for entry in Dir::read_from(&self.0)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                let status = rustix::fs::statat(&self.0, name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
                if let Some(status) = status.ok().filter(|_| name != "." && name != "..") {
                    let modified = Duration::from_secs(u64::try_from(status.st_mtime).unwrap_or(0));
                    files.push((name, SystemTime::UNIX_EPOCH + modified));
                }
            }
            Ok(files)
        }
    }

    fn ours_alone(file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other("it belongs to another user"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(io::Error::other("others may read or write it; remove it"));
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod other {
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Read, Write};
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    /// See the module. The user's own profile folder keeps others out here.
    pub(in super::super) struct PrivateDir(PathBuf);

    impl PrivateDir {
        /// Opens the directory, making it and its parents where missing.
        pub(in super::super) fn open(path: &Path) -> io::Result<Self> {
            super::create_parents(path)?;
            match fs::create_dir(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            if !fs::symlink_metadata(path)?.is_dir() {
                return Err(io::Error::other("it is not a directory"));
            }
            Ok(Self(path.to_owned()))
        }

        /// Reads a file of this directory.
        pub(in super::super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
            let path = self.0.join(name);
            if !fs::symlink_metadata(&path)?.is_file() {
                return Err(io::Error::other("it is not a file"));
            }
            let mut bytes = Vec::new();
            File::open(path)?.take(super::MAX_FILE_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        }

        /// Removes a file; one that cannot be removed is refused when read.
        pub(in super::super) fn remove(&self, name: &str) {
            let _ = fs::remove_file(self.0.join(name));
        }

        pub(super) fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
            OpenOptions::new().write(true).create_new(true).open(self.0.join(name))?.write_all(bytes)
        }

        pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            fs::rename(self.0.join(from), self.0.join(to))
        }

        pub(super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
            fs::hard_link(self.0.join(from), self.0.join(to))
        }

        /// Names and times of modification.
        pub(super) fn list(&self) -> io::Result<Vec<(String, SystemTime)>> {
            fs::read_dir(&self.0)?
                .map(|entry| {
                    let entry = entry?;
                    Ok((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.modified()?))
                })
                .collect()
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_private_and_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("deep/cache");
        let directory = PrivateDir::open(&path).unwrap();
        directory.write("a.x", b"one").unwrap();
        directory.write("a.x", b"two").unwrap();
        assert_eq!(directory.read("a.x").unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(path.join("a.x")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn the_first_to_create_wins() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = PrivateDir::open(&scratch.path().join("cache")).unwrap();
        directory.create("key", b"first").unwrap();
        directory.create("key", b"second").unwrap();
        assert_eq!(directory.read("key").unwrap(), b"first");
    }

    #[test]
    fn links_and_open_modes_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("cache");
        let directory = PrivateDir::open(&path).unwrap();
        fs::write(scratch.path().join("elsewhere"), b"x").unwrap();
        symlink(scratch.path().join("elsewhere"), path.join("a.x")).unwrap();
        assert!(directory.read("a.x").is_err());
        directory.write("b.x", b"x").unwrap();
        fs::set_permissions(path.join("b.x"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(directory.read("b.x").is_err());
        symlink(&path, scratch.path().join("link")).unwrap();
        assert!(PrivateDir::open(&scratch.path().join("link")).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(PrivateDir::open(&path).is_err());
    }

    #[test]
    fn what_an_interrupted_write_left_is_swept() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("cache");
        let directory = PrivateDir::open(&path).unwrap();
        for (name, age) in [("old.tmp", 2 * LONGEST_WRITE), ("new.tmp", Duration::ZERO)] {
            directory.write_new(name, b"half").unwrap();
            let file = fs::File::options().write(true).open(path.join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        directory.write("a.x", b"x").unwrap();
        assert!(!path.join("old.tmp").exists() && path.join("new.tmp").exists());
    }

    #[test]
    fn the_oldest_files_go_and_the_key_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("cache");
        let directory = PrivateDir::open(&path).unwrap();
        directory.create("key", b"k").unwrap();
        for number in 0..KEPT_FILES + 3 {
            directory.write(&format!("{number}.x"), b"x").unwrap();
        }
        assert_eq!(fs::read_dir(&path).unwrap().count(), KEPT_FILES + 1);
        assert!(directory.read("key").is_ok());
    }
}
