//! Secret keys: opened with their password, and signed with.
//!
//! A key lives in memory only as long as one signature takes. Its file says how
//! much work and memory the password costs; both are bounded here, as a file
//! may say anything.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::public::KeyId;
use super::{KEY_ID_BYTES, PLAIN, PREHASHED, Prehash, SIGNATURE_BYTES, TRUSTED, UNTRUSTED, opening};
use crate::model::Secret;

/// The password is stretched with scrypt.
const SCRYPT: [u8; 2] = *b"Sc";
/// There is no password.
const NO_PASSWORD: [u8; 2] = [0, 0];
/// The checksum is one of `BLAKE2b`.
const BLAKE2B: [u8; 2] = *b"B2";
const SALT_BYTES: usize = 32;
/// Identifier, seed and public key, checksum.
const SEALED_BYTES: usize = KEY_ID_BYTES + 64 + 32;
/// Most memory that a key's file may ask for: what minisign's own keys do.
const MOST_MEMORY_BYTES: u64 = 1 << 30;

/// A secret key, opened.
pub struct SecretKey {
    id: KeyId,
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

/// Why a secret key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// Not the file of a secret key.
    #[error("it is not a secret key of minisign")]
    Shape,
    /// It needs a password, and there is none.
    #[error("the key has a password, and none was given")]
    NoPassword,
    /// Another password, or a damaged key.
    #[error("the password is wrong, or the key is damaged")]
    Password,
    /// The halves do not belong together.
    #[error("the key is damaged")]
    Damaged,
    /// More work than a key of minisign takes.
    #[error("the key asks for more memory than a key of minisign does")]
    Cost,
}

impl SecretKey {
    /// Reads the file that minisign writes, and opens it. Stretching a password
    /// takes a second and up to a gigabyte.
    pub fn open(text: &str, password: Option<&Secret>) -> Result<Self, SecretKeyError> {
        let file = Sealed::read(text).ok_or(SecretKeyError::Shape)?;
        let mut key = file.body;
        if file.kdf == SCRYPT {
            let password = password.ok_or(SecretKeyError::NoPassword)?;
            let stream = stretch(password, &file)?;
            key.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
        }
        let (id, rest) = key.split_first_chunk::<KEY_ID_BYTES>().expect("the array is longer");
        let (pair, checksum) = rest.split_at(64);
        // Minisign gives a key without a password no checksum; there the two
        // halves have to belong together, as they have to below.
        let found = Blake2b::<U32>::new().chain_update(PLAIN).chain_update(id).chain_update(pair).finalize();
        if file.kdf == SCRYPT && found[..] != *checksum {
            return Err(SecretKeyError::Password);
        }
        let (seed, public) = pair.split_at(32);
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| SecretKeyError::Damaged)?;
        Ok(Self { id: KeyId(*id), pair })
    }

    /// The identifier of the key pair.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The public half.
    pub fn public(&self) -> super::PublicKey {
        let key = self.pair.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes");
        super::PublicKey { id: self.id, key }
    }

    /// Signs a file; the text of the signature's file. A comment is one line.
    pub fn sign(&self, file: &[u8], comment: &str) -> String {
        let mut prehash = Prehash::default();
        prehash.update(file);
        self.sign_prehashed(prehash, comment)
    }

    /// Signs a file by its hash.
    pub fn sign_prehashed(&self, file: Prehash, comment: &str) -> String {
        let signature = self.pair.sign(&file.finish());
        let signature = signature.as_ref();
        debug_assert_eq!(signature.len(), SIGNATURE_BYTES);
        let line = comment.replace(['\n', '\r'], " ");
        let of_comment = self.pair.sign(&[signature, line.as_bytes()].concat());
        let first = STANDARD.encode([&PREHASHED[..], &self.id.0, signature].concat());
        let second = STANDARD.encode(of_comment.as_ref());
        format!("{UNTRUSTED}signature from turbo-engine, key {}\n{first}\n{TRUSTED}{line}\n{second}\n", self.id)
    }
}

/// The file of a key as it is written.
struct Sealed {
    kdf: [u8; 2],
    salt: [u8; SALT_BYTES],
    operations: u64,
    memory_bytes: u64,
    body: [u8; SEALED_BYTES],
}

impl Sealed {
    fn read(text: &str) -> Option<Self> {
        let (bytes, _) = opening(text)?;
        let (algorithm, rest) = bytes.split_first_chunk::<2>()?;
        let (kdf, rest) = rest.split_first_chunk::<2>()?;
        let (checksum, rest) = rest.split_first_chunk::<2>()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (operations, rest) = rest.split_first_chunk()?;
        let (memory, sealed) = rest.split_first_chunk()?;
        let is_known = *algorithm == PLAIN && *checksum == BLAKE2B && [SCRYPT, NO_PASSWORD].contains(kdf);
        is_known.then_some(Self {
            kdf: *kdf,
            salt: *salt,
            operations: u64::from_le_bytes(*operations),
            memory_bytes: u64::from_le_bytes(*memory),
            body: sealed.try_into().ok()?,
        })
    }
}

fn stretch(password: &Secret, file: &Sealed) -> Result<[u8; SEALED_BYTES], SecretKeyError> {
    if file.memory_bytes > MOST_MEMORY_BYTES || file.operations > MOST_MEMORY_BYTES {
        return Err(SecretKeyError::Cost);
    }
    let (log_n, parallel) = work(file.operations, file.memory_bytes);
    let params = scrypt::Params::new(log_n, 8, parallel).map_err(|_| SecretKeyError::Cost)?;
    let mut stream = [0; SEALED_BYTES];
    scrypt::scrypt(password.expose().as_bytes(), &file.salt, &params, &mut stream).map_err(|_| SecretKeyError::Cost)?;
    Ok(stream)
}

/// The parameters N (as a power of two) and p of scrypt with r = 8, as
/// libsodium derives them from limits of work and memory.
fn work(operations: u64, memory_bytes: u64) -> (u8, u32) {
    let operations = operations.max(32_768);
    let log2_above = |most: u64| (1..63).find(|log_n| 1u64 << log_n > most / 2).unwrap_or(63);
    if operations < memory_bytes / 32 {
        return (log2_above(operations / 32), 1);
    }
    let log_n = log2_above(memory_bytes / 1024);
    let most_rp = (operations / 4 / (1 << log_n)).min(0x3fff_ffff);
    (log_n, u32::try_from(most_rp / 8).unwrap_or(u32::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_what_minisign_asks_for() {
        // The limits of `minisign -G`: 2^25 operations, 1 GiB.
        assert_eq!(work(33_554_432, 1 << 30), (20, 1));
        // Libsodium's interactive limits.
        assert_eq!(work(524_288, 16 << 20), (14, 1));
    }
}
