//! Signatures of minisign: who vouches for a file.
//!
//! Ed25519 over the file (`Ed`) or over its BLAKE2b-512 (`ED`), and once more
//! over the signature with its trusted comment. The formats are minisign's own
//! (jedisct1.github.io/minisign), so that its tools read what is written here
//! and the other way round.

mod public;
mod secret;

use std::str::Lines;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use public::{KeyId, MinisignError, PublicKey, Signature, TrustedComment};
pub use secret::{SecretKey, SecretKeyError};

/// Written before the untrusted comment, on the first line of each file.
const UNTRUSTED: &str = "untrusted comment: ";
/// Written before the trusted comment.
const TRUSTED: &str = "trusted comment: ";
/// Signed: the file itself.
const PLAIN: [u8; 2] = *b"Ed";
/// Signed: the file's BLAKE2b-512.
const PREHASHED: [u8; 2] = *b"ED";
/// Length of a key's identifier.
const KEY_ID_BYTES: usize = 8;
/// Length of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// Longest text of a key or a signature.
const TEXT_BYTES: usize = 16 << 10;

/// Reads how each file begins: the untrusted comment, then bytes in base64.
/// Gives those bytes and the lines behind them.
fn opening(text: &str) -> Option<(Vec<u8>, Lines<'_>)> {
    if text.len() > TEXT_BYTES {
        return None;
    }
    let mut lines = text.lines();
    lines.next()?.strip_prefix(UNTRUSTED.trim_end())?;
    let bytes = STANDARD.decode(lines.next()?.trim()).ok()?;
    Some((bytes, lines))
}

/// The BLAKE2b-512 of a file, which is what is signed of it. Large files need
/// not be in memory.
#[derive(Debug, Clone, Default)]
pub struct Prehash(blake2::Blake2b512);

impl Prehash {
    /// Adds the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        use blake2::Digest as _;
        self.0.update(bytes);
    }

    fn finish(self) -> Vec<u8> {
        use blake2::Digest as _;
        self.0.finalize().to_vec()
    }
}

fn prehash(bytes: &[u8]) -> Vec<u8> {
    let mut prehash = Prehash::default();
    prehash.update(bytes);
    prehash.finish()
}

#[cfg(test)]
mod tests;
