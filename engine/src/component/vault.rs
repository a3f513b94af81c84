//! Files that only this engine can have written.
//!
//! Each carries a keyed digest of its name and bytes; the key never leaves
//! the private directory. A file is read once and the very bytes that were
//! checked are handed out, so nobody can exchange them in between.

use std::io;
use std::ops::Deref;
use std::path::Path;

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::private_dir::PrivateDir;

/// Name of the key's file. Without a dot, by which pruning knows it.
const KEY: &str = "key";
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;

/// A file that was authenticated: its tag and what it says.
pub(super) struct Genuine(Vec<u8>);

impl Deref for Genuine {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[TAG_BYTES..]
    }
}

/// Keeps files and vouches for them.
pub(super) struct Vault {
    directory: PrivateDir,
    key: [u8; KEY_BYTES],
}

impl Vault {
    /// Opens the vault in a cache directory, making it and its key if needed.
    pub(super) fn open(cache_dir: &Path) -> io::Result<Self> {
        let directory = PrivateDir::open(&cache_dir.join("aot-v1"))?;
        let key = match directory.read(KEY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut fresh = [0; KEY_BYTES];
                getrandom::fill(&mut fresh)?;
                directory.create(KEY, &fresh)?;
                // Another process may have been first; its key counts.
                directory.read(KEY)?
            }
            other => other?,
        };
        let key = key.try_into().map_err(|_| io::Error::other("the key has the wrong length; remove it"))?;
        Ok(Self { directory, key })
    }

    /// The bytes kept under a name, if they are what was written.
    pub(super) fn read(&self, name: &str) -> Option<Genuine> {
        let bytes = self.directory.read(name).ok()?;
        let genuine = bytes
            .split_at_checked(TAG_BYTES)
            .is_some_and(|(tag, payload)| self.authenticate(name, payload).verify_slice(tag).is_ok());
        if !genuine {
            tracing::warn!(target: "component", name, "a cached component was tampered with or damaged; making it again");
            self.directory.remove(name);
            return None;
        }
        Some(Genuine(bytes))
    }

    /// Keeps bytes under a name. A cache that cannot be written costs time,
    /// not correctness, and is only worth a line in the log.
    pub(super) fn write(&self, name: &str, payload: &[u8]) {
        let tag = self.authenticate(name, payload).finalize().into_bytes();
        if let Err(error) = self.directory.write(name, &[&tag[..], payload].concat()) {
            tracing::debug!(target: "component", name, %error, "cannot write to the component cache");
        }
    }

    /// The name is part of what is authenticated: a genuine file under
    /// another's name is a forgery.
    fn authenticate(&self, name: &str, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(&(name.len() as u64).to_le_bytes());
        mac.update(name.as_bytes());
        mac.update(payload);
        mac
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let scratch = tempfile::tempdir().unwrap();
        let vault = Vault::open(scratch.path()).unwrap();
        let path = scratch.path().join("aot-v1/a.code");
        vault.write("a.code", b"machine code");
        let genuine = fs::read(&path).unwrap();
        for position in 0..genuine.len() {
            for bit in 0..8 {
                let mut forged = genuine.clone();
                forged[position] ^= 1 << bit;
                vault.write("a.code", b"machine code");
                fs::write(&path, &forged).unwrap();
                assert!(vault.read("a.code").is_none(), "bit {bit} of byte {position}");
                assert!(!path.exists());
            }
        }
    }

    #[test]
    fn a_cut_extended_or_renamed_file_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let vault = Vault::open(scratch.path()).unwrap();
        let path = scratch.path().join("aot-v1/a.code");
        vault.write("a.code", b"machine code");
        let genuine = fs::read(&path).unwrap();
        for length in 0..genuine.len() {
            vault.write("a.code", b"machine code");
            fs::write(&path, &genuine[..length]).unwrap();
            assert!(vault.read("a.code").is_none(), "cut to {length}");
        }
        vault.write("a.code", b"machine code");
        fs::write(&path, [&genuine[..], b"!"].concat()).unwrap();
        assert!(vault.read("a.code").is_none());
        vault.write("a.code", b"machine code");
        fs::rename(&path, scratch.path().join("aot-v1/b.code")).unwrap();
        assert!(vault.read("b.code").is_none());
    }

    #[test]
    fn the_key_is_made_once_and_another_key_opens_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        Vault::open(scratch.path()).unwrap().write("a.code", b"x");
        assert_eq!(Vault::open(scratch.path()).unwrap().read("a.code").as_deref(), Some(&b"x"[..]));
        fs::remove_file(scratch.path().join("aot-v1/key")).unwrap();
        assert!(Vault::open(scratch.path()).unwrap().read("a.code").is_none());
    }
}
