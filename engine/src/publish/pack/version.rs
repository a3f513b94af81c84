//! Versions of packages, and the one form in which feeds take them.

use std::fmt;
use std::str::FromStr;

use super::PackError;
use crate::model::excerpt::excerpt;

/// Longest version that a gallery takes.
const MOST_BYTES: usize = 64;

/// A version in its normalised form: three parts or four, the fourth not 0, no
/// leading zeros, no build metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageVersion {
    parts: Vec<u32>,
    label: Option<String>,
}

impl FromStr for PackageVersion {
    type Err = PackError;

    /// Reads any form; [`PackageVersion::normalised`] refuses all but one.
    fn from_str(text: &str) -> Result<Self, PackError> {
        Self::read(text).ok_or_else(|| PackError::Version(excerpt(text)))
    }
}

impl PackageVersion {
    /// Reads a version that is written as feeds want it.
    pub fn normalised(text: &str) -> Result<Self, PackError> {
        let version: Self = text.parse()?;
        let normalised = version.to_string();
        if normalised != text {
            return Err(PackError::NotNormalised { found: excerpt(text), normalised });
        }
        Ok(version)
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let text = text.split_once('+').map_or(text, |(before, _metadata)| before);
        let (numbers, label) = match text.split_once('-') {
            Some((numbers, label)) => (numbers, Some(label)),
            None => (text, None),
        };
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let numbers: Option<Vec<u32>> =
            numbers.split('.').map(|part| is_number(part).then(|| part.parse().ok())?).collect();
        let mut parts = numbers.filter(|parts| (1..=4).contains(&parts.len()))?;
        parts.resize(parts.len().max(3), 0);
        if parts.get(3) == Some(&0) {
            parts.pop();
        }
        let is_label = |label: &str| {
            label
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        };
        if label.is_some_and(|label| !is_label(label)) {
            return None;
        }
        Some(Self { parts, label: label.map(str::to_owned) })
    }
}

impl fmt::Display for PackageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.parts.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))?;
        self.label.as_ref().map_or(Ok(()), |label| write!(f, "-{label}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_of_each_version_is_taken() {
        for (found, normalised) in [
            ("1", "1.0.0"),
            ("1.2", "1.2.0"),
            ("1.02.3", "1.2.3"),
            ("1.2.3.0", "1.2.3"),
            ("1.2.3+build", "1.2.3"),
            ("01.2.3-beta", "1.2.3-beta"),
        ] {
            let error = PackageVersion::normalised(found).expect_err(found);
            assert_eq!(error, PackError::NotNormalised { found: found.into(), normalised: normalised.into() });
        }
        for version in ["1.2.3", "1.2.3.20260102", "0.0.0", "1.2.3-beta.1", "1.2.3-rc-2"] {
            assert_eq!(PackageVersion::normalised(version).expect(version).to_string(), version);
        }
        for none in ["", "1.", "v1.2.3", "1.2.3.4.5", "1.2.x", "1.2.3-", "1.2.3-a..b", "1.2.3-ä", "4294967296.0.0"] {
            assert!(matches!(PackageVersion::normalised(none), Err(PackError::Version(_))), "{none}");
        }
    }
}
