//! Public keys and signatures: read, and held against a file.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};

use super::{KEY_ID_BYTES, PLAIN, PREHASHED, SIGNATURE_BYTES, TEXT_BYTES, TRUSTED, UNTRUSTED, opening, prehash};

/// Length of an Ed25519 public key.
const KEY_BYTES: usize = 32;

/// The identifier of a key pair, as minisign writes it: reversed hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(super) [u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) id: KeyId,
    pub(super) key: [u8; KEY_BYTES],
}

/// A signature, not yet held against anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    algorithm: [u8; 2],
    id: KeyId,
    of_file: [u8; SIGNATURE_BYTES],
    comment: String,
    of_comment: [u8; SIGNATURE_BYTES],
}

/// The comment that the signer vouched for. It may hold any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedComment(pub String);

/// Why a text is no key or signature, or a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MinisignError {
    /// Neither the file of a public key nor the key alone.
    #[error("it is not a public key of minisign")]
    Key,
    /// Not the file of a signature.
    #[error("it is not a signature of minisign")]
    Signature,
    /// Made with another key.
    #[error("the signature was made with the key {made}, not with {wanted}")]
    OtherKey {
        /// The key that made it.
        made: KeyId,
        /// The key it was held against.
        wanted: KeyId,
    },
    /// The file is not the one that was signed, or the signature is forged.
    #[error("the signature is not of this file")]
    Forged,
    /// The trusted comment was changed.
    #[error("the trusted comment of the signature was changed")]
    Comment,
}

impl FromStr for PublicKey {
    type Err = MinisignError;

    /// Reads the file that minisign writes, or its second line alone.
    fn from_str(text: &str) -> Result<Self, MinisignError> {
        if text.len() > TEXT_BYTES {
            return Err(MinisignError::Key);
        }
        let mut lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(UNTRUSTED.trim()));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(MinisignError::Key) };
        let bytes = STANDARD.decode(line).map_err(|_| MinisignError::Key)?;
        let (algorithm, rest) = bytes.split_first_chunk::<2>().ok_or(MinisignError::Key)?;
        let (id, key) = rest.split_first_chunk().ok_or(MinisignError::Key)?;
        let key = key.try_into().map_err(|_| MinisignError::Key)?;
        if *algorithm != PLAIN {
            return Err(MinisignError::Key);
        }
        Ok(Self { id: KeyId(*id), key })
    }
}

impl fmt::Display for PublicKey {
    /// The key as one word, as minisign takes it with `-P`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode([&PLAIN[..], &self.id.0, &self.key].concat()))
    }
}

impl PublicKey {
    /// The identifier of the key pair.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Holds a signature against the file it is said to be of.
    pub fn verify(&self, file: &[u8], signature: &Signature) -> Result<TrustedComment, MinisignError> {
        if signature.id != self.id {
            return Err(MinisignError::OtherKey { made: signature.id, wanted: self.id });
        }
        let key = UnparsedPublicKey::new(&ED25519, &self.key);
        let hashed = if signature.algorithm == PREHASHED { Some(prehash(file)) } else { None };
        let signed = hashed.as_deref().unwrap_or(file);
        key.verify(signed, &signature.of_file).map_err(|_| MinisignError::Forged)?;
        let comment = [&signature.of_file[..], signature.comment.as_bytes()].concat();
        key.verify(&comment, &signature.of_comment).map_err(|_| MinisignError::Comment)?;
        Ok(TrustedComment(signature.comment.clone()))
    }
}

impl FromStr for Signature {
    type Err = MinisignError;

    fn from_str(text: &str) -> Result<Self, MinisignError> {
        Self::read(text).ok_or(MinisignError::Signature)
    }
}

impl Signature {
    /// The key that it says it was made with.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    fn read(text: &str) -> Option<Self> {
        let (bytes, mut lines) = opening(text)?;
        let (algorithm, rest) = bytes.split_first_chunk::<2>()?;
        let (id, signature) = rest.split_first_chunk()?;
        let comment = lines.next()?.strip_prefix(TRUSTED)?.to_owned();
        let of_comment = STANDARD.decode(lines.next()?.trim()).ok()?.try_into().ok()?;
        let is_known = [PLAIN, PREHASHED].contains(algorithm);
        let is_all = lines.all(|line| line.trim().is_empty());
        (is_known && is_all).then_some(Self {
            algorithm: *algorithm,
            id: KeyId(*id),
            of_file: signature.try_into().ok()?,
            comment,
            of_comment,
        })
    }
}
