//! Digests of what is on disk.

use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::StoreError;
use super::own_file::open_followed;
use crate::model::{Algorithm, Digest};

/// SHA-256 and, where somebody promised another, that one too, in one pass.
#[derive(Debug, Clone, Default)]
pub struct Hashes {
    sha256: Sha256,
    sha512: Option<Sha512>,
    sha1: Option<Sha1>,
    md5: Option<Md5>,
}

impl Hashes {
    /// Always computes SHA-256, and each of `others` besides.
    pub fn new(others: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut hashes = Self::default();
        for algorithm in others {
            match algorithm {
                Algorithm::Sha256 => {}
                Algorithm::Sha512 => hashes.sha512 = Some(Sha512::default()),
                Algorithm::Sha1 => hashes.sha1 = Some(Sha1::default()),
                Algorithm::Md5 => hashes.md5 = Some(Md5::default()),
            }
        }
        hashes
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(hash) = &mut self.sha512 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.sha1 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.md5 {
            hash.update(bytes);
        }
    }

    /// The digests, SHA-256 first.
    pub fn finish(self) -> Vec<Digest> {
        let digest =
            |algorithm, value: &[u8]| Digest::new(algorithm, value).expect("a hash has its algorithm's length");
        let mut digests = vec![digest(Algorithm::Sha256, &self.sha256.finalize())];
        digests.extend(self.sha512.map(|hash| digest(Algorithm::Sha512, &hash.finalize())));
        digests.extend(self.sha1.map(|hash| digest(Algorithm::Sha1, &hash.finalize())));
        digests.extend(self.md5.map(|hash| digest(Algorithm::Md5, &hash.finalize())));
        digests
    }
}

/// SHA-256 of a text.
pub fn sha256(text: &[u8]) -> Digest {
    Digest::new(Algorithm::Sha256, &Sha256::digest(text)).expect("a SHA-256 has 32 bytes")
}

/// Reads a whole file piece by piece. Blocks.
pub fn read_pieces(path: &Path, mut take: impl FnMut(&[u8])) -> Result<(), StoreError> {
    let mut file = open_followed(path).map_err(StoreError::io("open", path))?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(StoreError::io("read", path))? {
            0 => return Ok(()),
            count => take(&buffer[..count]),
        }
    }
}

/// Reads a whole file and gives its digests, SHA-256 first. Blocks.
pub fn hash_file(path: &Path, others: impl IntoIterator<Item = Algorithm>) -> Result<Vec<Digest>, StoreError> {
    let mut hashes = Hashes::new(others);
    read_pieces(path, |piece| hashes.update(piece))?;
    Ok(hashes.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_every_digest_asked_for() {
        let mut hashes = Hashes::new([Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256]);
        hashes.update(b"ab");
        hashes.update(b"c");
        let shown: Vec<_> = hashes.finish().iter().map(ToString::to_string).collect();
        assert_eq!(shown[0], "sha-256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(shown[1], "sha-1:a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(shown[2], "md5:900150983cd24fb0d6963f7d28e17f72");
    }
}
