//! Digests as users, headers and checksum files write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A digest algorithm that the engine can compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// MD5. Detects accidents, never an attacker.
    Md5,
    /// SHA-1. Detects accidents, never an attacker.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// Name in the IANA hash function textual names registry, as aria2 and
    /// Metalink write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    /// Length of a digest in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Whether finding two inputs of one digest is out of reach.
    pub fn is_collision_resistant(self) -> bool {
        matches!(self, Self::Sha256 | Self::Sha512)
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text.to_ascii_lowercase().as_str() {
            "md5" | "md-5" => Ok(Self::Md5),
            "sha1" | "sha-1" => Ok(Self::Sha1),
            "sha256" | "sha-256" => Ok(Self::Sha256),
            "sha512" | "sha-512" => Ok(Self::Sha512),
            _ => Err(DigestError::Algorithm(text.chars().take(32).collect())),
        }
    }
}

/// A digest: an algorithm and the raw value of its length.
///
/// Written and parsed as `sha-256:HEX`; `sha256:HEX` and `sha-256=HEX` parse too.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    algorithm: Algorithm,
    value: Box<[u8]>,
}

impl Digest {
    /// A digest from its raw value, whose length must be the algorithm's.
    pub fn new(algorithm: Algorithm, value: &[u8]) -> Result<Self, DigestError> {
        if value.len() != algorithm.bytes() {
            return Err(DigestError::Length {
                algorithm: algorithm.name(),
                want: algorithm.bytes() * 2,
                got: value.len() * 2,
            });
        }
        Ok(Self { algorithm, value: value.into() })
    }

    /// A digest from the hexadecimal text of its value, in either case.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Result<Self, DigestError> {
        let digits = hex.as_bytes();
        if digits.len() != algorithm.bytes() * 2 {
            return Err(DigestError::Length {
                algorithm: algorithm.name(),
                want: algorithm.bytes() * 2,
                got: digits.len(),
            });
        }
        let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let value: Option<Vec<u8>> =
            digits.chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect();
        Self::new(algorithm, &value.ok_or(DigestError::NotHex)?)
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The value in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        self.value.iter().fold(String::with_capacity(self.value.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// No colon or equals sign between algorithm and value.
    #[error("`{0}` is not a digest; write ALGORITHM:HEX, for instance sha-256:9f86d0...")]
    Shape(String),
    /// An algorithm the engine does not compute.
    #[error("unknown digest algorithm `{0}`; known are sha-256, sha-512, sha-1 and md5")]
    Algorithm(String),
    /// The value has another length than the algorithm's.
    #[error("a {algorithm} digest has {want} hexadecimal digits, not {got}")]
    Length {
        /// Name of the algorithm.
        algorithm: &'static str,
        /// Hexadecimal digits wanted.
        want: usize,
        /// Hexadecimal digits found.
        got: usize,
    },
    /// The value holds something else than hexadecimal digits.
    #[error("the digest is not hexadecimal")]
    NotHex,
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) =
            text.split_once([':', '=']).ok_or_else(|| DigestError::Shape(text.chars().take(80).collect()))?;
        Self::from_hex(algorithm.trim().parse()?, hex.trim())
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn reads_what_users_write() {
        for text in
            [format!("sha-256:{EMPTY}"), format!("sha256={}", EMPTY.to_uppercase()), format!("SHA-256: {EMPTY}")]
        {
            let digest: Digest = text.parse().expect("well-formed");
            assert_eq!(digest.to_string(), format!("sha-256:{EMPTY}"));
        }
    }

    #[test]
    fn refuses_what_is_not_a_digest() {
        assert_eq!(EMPTY.parse::<Digest>(), Err(DigestError::Shape(EMPTY.into())));
        assert!(matches!("crc32:00".parse::<Digest>(), Err(DigestError::Algorithm(_))));
        assert!(matches!("sha-256:00".parse::<Digest>(), Err(DigestError::Length { want: 64, got: 2, .. })));
        assert_eq!(format!("md5:{}", "é".repeat(16)).parse::<Digest>(), Err(DigestError::NotHex));
    }
}
