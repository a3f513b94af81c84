//! Where the user is, as far as mirrors care.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 3166-1 alpha-2 code in lower case, or the whole world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(Option<[u8; 2]>);

impl Region {
    /// No particular place.
    pub const WORLD: Self = Self(None);

    /// The code, empty for the whole world.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Some(code) => std::str::from_utf8(code).expect("two ASCII letters"),
            None => "",
        }
    }
}

/// A text that is neither a country code nor empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a region; write a two-letter country code such as `de`, `world` or `auto`")]
pub struct RegionError(String);

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        match text.as_bytes() {
            [] => Ok(Self::WORLD),
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Ok(Self(Some([a.to_ascii_lowercase(), b.to_ascii_lowercase()])))
            }
            _ if text.eq_ignore_ascii_case("world") => Ok(Self::WORLD),
            _ => Err(RegionError(text.chars().take(16).collect())),
        }
    }
}

impl TryFrom<String> for Region {
    type Error = RegionError;

    fn try_from(text: String) -> Result<Self, RegionError> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.as_str().to_owned()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { self.as_str() } else { "world" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_codes_and_the_world() {
        assert_eq!("CN".parse::<Region>().map(|region| region.to_string()), Ok("cn".into()));
        assert_eq!("".parse(), Ok(Region::WORLD));
        assert_eq!("world".parse(), Ok(Region::WORLD));
        assert!("china".parse::<Region>().is_err());
        assert!("c\n".parse::<Region>().is_err());
    }
}
