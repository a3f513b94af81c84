//! Names of artifacts in OCI registries, as the distribution specification
//! (1.1) forms them.

use std::fmt;
use std::str::FromStr;

use super::excerpt::excerpt;
use super::{Algorithm, Digest};

/// What such a name begins with.
const SCHEME: &str = "oci://";
/// Longest name.
const NAME_BYTES: usize = 255;
/// Longest tag.
const TAG_BYTES: usize = 128;

/// An artifact: `oci://HOST[:PORT]/NAME[:TAG][@sha256:HEX]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciName {
    /// Host and perhaps port of the registry.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The tag; `latest` unless tag or digest is given.
    pub tag: Option<String>,
    /// SHA-256 of the manifest.
    pub digest: Option<Digest>,
}

/// Why a text names no artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no artifact, {what}; write oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:HEX")]
pub struct OciNameError {
    text: String,
    what: &'static str,
}

impl OciName {
    /// Whether a text is meant as such a name.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The tag or digest under which the manifest is asked for. A digest says
    /// more than a tag.
    pub fn reference(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("sha256:{}", digest.hex()),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".into(),
        }
    }

    /// Last part of the repository's name.
    pub fn short(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix(SCHEME).ok_or("it does not begin with oci://")?;
        let (registry, rest) = rest.split_once('/').ok_or("a repository is missing")?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if !is_registry(registry) {
            return Err("the registry is no host");
        }
        if repository.len() > NAME_BYTES || !repository.split('/').all(is_component) {
            return Err("the repository's name is not of the form [a-z0-9._-]+ with slashes between");
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err("the tag is not of the form [A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
        }
        let digest = digest.map(|digest| {
            let hex = digest.strip_prefix("sha256:").ok_or("the digest is not of the form sha256:HEX")?;
            Digest::from_hex(Algorithm::Sha256, hex).map_err(|_| "the digest is not 64 hexadecimal digits")
        });
        let owned = str::to_owned;
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(owned),
            digest: digest.transpose()?,
        })
    }
}

impl FromStr for OciName {
    type Err = OciNameError;

    fn from_str(text: &str) -> Result<Self, OciNameError> {
        Self::parse(text).map_err(|what| OciNameError { text: excerpt(text), what })
    }
}

impl fmt::Display for OciName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@sha256:{}", digest.hex())?;
        }
        Ok(())
    }
}

/// A host, perhaps in brackets, perhaps with a port.
fn is_registry(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    !text.is_empty() && text.len() <= NAME_BYTES && text.bytes().all(allowed)
}

/// Alphanumeric words joined by a separator: a dot, up to two underscores, or hyphens.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = text.bytes().next().zip(text.bytes().next_back());
    ends.is_some_and(|(first, last)| is_word(first) && is_word(last))
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'_' | b'-'))
        && !["..", "___", "._", "_.", "-.", ".-", "-_", "_-"].iter().any(|wrong| text.contains(wrong))
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_BYTES
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let hex = "ab".repeat(32);
        for text in [
            "oci://ghcr.io/owner/rule:1.0".to_owned(),
            "oci://localhost:5000/rule".to_owned(),
            format!("oci://[::1]:5000/a/b__c/d-e:v1@sha256:{hex}"),
        ] {
            assert_eq!(text.parse::<OciName>().unwrap().to_string(), text);
        }
        let name: OciName = "oci://h/a/rule".parse().unwrap();
        assert_eq!((name.reference().as_str(), name.short()), ("latest", "rule"));
        let pinned: OciName = format!("oci://h/rule:1@sha256:{hex}").parse().unwrap();
        assert_eq!(pinned.reference(), format!("sha256:{hex}"));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "https://h/a",
            "oci://h",
            "oci:///a",
            "oci://h/",
            "oci://h/A",
            "oci://h/a/../b",
            "oci://h/a//b",
            "oci://h/a:",
            "oci://h/a:b c",
            "oci://h/a@md5:00",
            "oci://h/a@sha256:12",
            "oci://u@h/a",
            "oci://h/a?x",
            "oci://h\r\n/a",
        ] {
            assert!(text.parse::<OciName>().is_err(), "{text}");
        }
    }
}
