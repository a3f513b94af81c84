//! The end of the log, kept beside it: without it nobody could tell a log
//! whose last lines were cut off from a shorter one.

use hmac::digest::KeyInit as _;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::model::Secret;

/// The last line that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its number.
    pub sequence: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// The head as its file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadFile {
    v: u32,
    sequence: u64,
    sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hmac_sha256: Option<String>,
}

/// A head file that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not what this engine writes.
    #[error("it is not a head as this engine writes it")]
    Shape,
    /// A key was given, and the head has no code.
    #[error("it carries no authentication code, though a key was given")]
    Unkeyed,
    /// Another key, or other content.
    #[error("its authentication code is wrong: it was changed, or made with another key")]
    Code,
}

impl Head {
    /// The text of the head's file, authenticated when there is a key.
    pub(super) fn text(&self, key: Option<&Secret>) -> String {
        let hmac_sha256 = key.map(|key| hex(&code(self, key).finalize().into_bytes()));
        let file = HeadFile { v: 1, sequence: self.sequence, sha256: self.sha256.clone(), hmac_sha256 };
        serde_json::to_string(&file).expect("texts and numbers serialise") + "\n"
    }

    /// Reads the head's file. Only the text that would be written is taken, so
    /// that no byte of it can differ unnoticed.
    pub(super) fn parse(bytes: &[u8], key: Option<&Secret>) -> Result<Self, HeadError> {
        let file: HeadFile = serde_json::from_slice(bytes).map_err(|_| HeadError::Shape)?;
        let head = Self { sequence: file.sequence, sha256: file.sha256.clone() };
        let canonical = serde_json::to_string(&file).expect("texts and numbers serialise") + "\n";
        if file.v != 1 || canonical.as_bytes() != bytes {
            return Err(HeadError::Shape);
        }
        let Some(key) = key else { return Ok(head) };
        let claimed = file.hmac_sha256.as_deref().map(unhex).ok_or(HeadError::Unkeyed)?;
        // Digits in capitals are the same number and not the same text.
        let is_written = |claimed: &Vec<u8>| file.hmac_sha256.as_deref() == Some(&hex(claimed));
        let is_ours = claimed.filter(is_written).is_some_and(|claimed| code(&head, key).verify_slice(&claimed).is_ok());
        if is_ours { Ok(head) } else { Err(HeadError::Code) }
    }
}

fn code(head: &Head, key: &Secret) -> Hmac<Sha256> {
    let mut code = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes a key of any length");
    code.update(format!("turbo-engine audit head v1\n{}\n{}\n", head.sequence, head.sha256).as_bytes());
    code
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_of_a_keyed_head_is_noticed() {
        let key = Secret::new("a key");
        let head = Head { sequence: 12, sha256: "ab".repeat(32) };
        let text = head.text(Some(&key)).into_bytes();
        assert_eq!(Head::parse(&text, Some(&key)), Ok(head.clone()));
        assert_eq!(Head::parse(&text, Some(&Secret::new("another"))), Err(HeadError::Code));
        assert_eq!(Head::parse(head.text(None).as_bytes(), Some(&key)), Err(HeadError::Unkeyed));
        for at in 0..text.len() {
            for flip in [1, 32, 128] {
                let mut changed = text.clone();
                changed[at] ^= flip;
                assert!(Head::parse(&changed, Some(&key)).is_err(), "byte {at} ^ {flip}");
            }
        }
    }
}
