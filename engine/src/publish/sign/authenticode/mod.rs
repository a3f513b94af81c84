//! Authenticode read and verified: the signature inside of a program or script.
//!
//! Verified is that the signature is of these bytes, made with the key of the
//! certificate inside it, and that a timestamp is of this signature. Whom the
//! certificate belongs to, and whether Windows trusts its authority, is for
//! Windows to say. Everything here is read from files that may be anybody's:
//! no length is believed, and nothing is called by a name it gives itself.

mod pe;
mod script;
mod signed_data;

use std::fmt;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use self::signed_data::SignedData;

/// What carries a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A program, library or driver for Windows.
    Pe,
    /// A script of PowerShell.
    Script,
}

/// Digest algorithms that Windows still accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A signature that is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Common name of the certificate, which anybody may have chosen.
    pub signer: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub certificate: String,
    /// How the file was hashed.
    pub algorithm: Hash,
    /// The digest that was signed.
    pub digest: Vec<u8>,
    /// When it was made, as the server of timestamps says: `YYYYMMDDhhmmssZ`.
    pub timestamp: Option<String>,
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticodeError {
    /// A file that is none of a kind that is signed.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    /// No signature.
    #[error("there is no signature in it")]
    Unsigned,
    /// A signature that cannot be read.
    #[error("the signature cannot be read: {0}")]
    Unreadable(&'static str),
    /// An algorithm that is not accepted.
    #[error("the signature uses an algorithm that is not accepted")]
    Algorithm,
    /// The file was changed since.
    #[error("the file is not the one that was signed")]
    Changed,
    /// The signature was not made by the key of its certificate.
    #[error("the signature is forged")]
    Forged,
    /// The timestamp is not of this signature, or forged.
    #[error("the timestamp is not of this signature")]
    Timestamp,
    /// A timestamp was asked for, and there is none.
    #[error("there is no timestamp in it")]
    NoTimestamp,
    /// The signature is sound, and of another file than the one to be signed.
    #[error("another file was signed than the one given")]
    OtherFile,
}

impl Kind {
    /// What a file is, by its name and how it begins.
    pub fn of(name: &str, bytes: &[u8]) -> Option<Self> {
        let lower = name.to_lowercase();
        if [".ps1", ".psm1", ".psd1"].iter().any(|extension| lower.ends_with(extension)) {
            return Some(Self::Script);
        }
        pe::Pe::read(bytes).is_ok().then_some(Self::Pe)
    }
}

impl Hash {
    fn digest(self, pieces: &[&[u8]]) -> Vec<u8> {
        fn over<D: sha2::Digest>(pieces: &[&[u8]]) -> Vec<u8> {
            pieces.iter().fold(D::new(), D::chain_update).finalize().to_vec()
        }
        match self {
            Self::Sha256 => over::<Sha256>(pieces),
            Self::Sha384 => over::<Sha384>(pieces),
            Self::Sha512 => over::<Sha512>(pieces),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        })
    }
}

/// Verifies the signature of a file.
pub fn verify(kind: Kind, bytes: &[u8]) -> Result<Verified, AuthenticodeError> {
    let signature = match kind {
        Kind::Pe => pe::Pe::read(bytes)?.signature()?.to_vec(),
        Kind::Script => script::Script::read(bytes)?.signature()?,
    };
    let signed = SignedData::read(&signature)?;
    let (algorithm, digest) = signed.indirect_digest()?;
    if content_digest(kind, bytes, algorithm)? != digest {
        return Err(AuthenticodeError::Changed);
    }
    let signer = signed.verify()?;
    let timestamp = signed.timestamp()?;
    Ok(Verified {
        signer: signer.name,
        certificate: Sha256::digest(signer.certificate).iter().map(|byte| format!("{byte:02x}")).collect(),
        algorithm,
        digest: digest.to_vec(),
        timestamp,
    })
}

/// The digest of what a signature is about: all but the signature itself.
pub(super) fn content_digest(kind: Kind, bytes: &[u8], hash: Hash) -> Result<Vec<u8>, AuthenticodeError> {
    match kind {
        Kind::Pe => Ok(hash.digest(&pe::Pe::read(bytes)?.content())),
        Kind::Script => Ok(hash.digest(&[&script::Script::read(bytes)?.content()])),
    }
}

#[cfg(test)]
mod tests;
