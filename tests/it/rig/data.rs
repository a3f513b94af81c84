//! File contents that look random and are the same for the same seed.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// Bytes of a served file, shared by all the threads that serve it.
pub type Bytes = Arc<[u8]>;

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;
/// For [`super::Answer::paced`].
pub const MIB_PER_SECOND: u32 = 1024 * 1024;

/// `len` bytes that no compressor, hole or repetition can stand in for.
///
/// The generator is `SplitMix64`: every block of a file differs from every other
/// block and from the same block under another seed, so that a byte from the
/// wrong offset or the wrong file always changes the digest.
pub fn bytes(len: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0xA076_1D64_78BD_642F);
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        out.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    out.truncate(len);
    out.into()
}

/// The SHA-256 of `content` in lower-case hexadecimal.
pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
