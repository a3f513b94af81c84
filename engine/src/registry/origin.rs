//! Where a component comes from, as the user writes it and the lockfile keeps it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

use super::RegistryError;
use crate::model::excerpt::excerpt;
use crate::model::{DisplayUrl, OciName, is_shareable};

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentOrigin {
    /// A file.
    Path(PathBuf),
    /// A file on a web server.
    Url(Url),
    /// An artifact of an OCI registry.
    Oci(OciName),
}

impl FromStr for ComponentOrigin {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let wrong = |why: String| RegistryError::Origin { text: excerpt(text), why };
        if OciName::is_meant(text) {
            return text.parse().map(Self::Oci).map_err(|error: crate::model::OciNameError| wrong(error.to_string()));
        }
        if !text.contains("://") {
            return Ok(Self::Path(text.into()));
        }
        let url: Url = text.parse().map_err(|error: url::ParseError| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("components come by http, https and oci".into()));
        }
        Ok(Self::Url(url))
    }
}

impl fmt::Display for ComponentOrigin {
    /// Without what may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) if is_shareable(url) => write!(f, "{url}"),
            Self::Url(url) => write!(f, "{}", DisplayUrl(url)),
            Self::Oci(name) => write!(f, "{name}"),
        }
    }
}

impl ComponentOrigin {
    /// The text that a lockfile keeps. A path is kept as seen from the folder
    /// of the lockfile when it lies below, so that a project can be moved.
    pub(super) fn kept(&self, lock_file: &Path) -> String {
        let Self::Path(path) = self else { return self.to_string() };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let folder = std::path::absolute(lock_file).ok().and_then(|file| Some(file.parent()?.to_owned()));
        let below = folder.as_deref().and_then(|folder| path.strip_prefix(folder).ok());
        let text = below.unwrap_or(&path).to_string_lossy().into_owned();
        text.chars().filter(|letter| !letter.is_control()).collect()
    }

    /// The origin that a lockfile keeps.
    pub(super) fn of_kept(text: &str, lock_file: &Path) -> Result<Self, RegistryError> {
        Ok(match text.parse()? {
            Self::Path(path) => Self::Path(lock_file.parent().map_or(path.clone(), |folder| folder.join(&path))),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_kinds_and_nothing_else() {
        for (text, is_right) in [
            ("rule.wasm", true),
            ("https://a.example/rule.wasm", true),
            ("oci://a.example/rule:1", true),
            ("oci://a.example", false),
            ("ftp://a.example/rule.wasm", false),
            ("http://", false),
        ] {
            assert_eq!(text.parse::<ComponentOrigin>().is_ok(), is_right, "{text}");
        }
    }

    #[test]
    fn a_lockfile_keeps_no_secret_and_no_needless_folder() {
        let kept = |text: &str| text.parse::<ComponentOrigin>().unwrap().kept(Path::new("/home/me/project/turbo.lock"));
        assert_eq!(kept("https://me:pw@a.example/r.wasm?sig=1"), "https://[redacted]@a.example/r.wasm?[redacted]");
        assert_eq!(kept("/home/me/project/rules/r.wasm"), "rules/r.wasm");
        assert_eq!(kept("/elsewhere/r.wasm"), "/elsewhere/r.wasm");
        let back = ComponentOrigin::of_kept("rules/r.wasm", Path::new("/home/me/project/turbo.lock")).unwrap();
        assert_eq!(back, ComponentOrigin::Path("/home/me/project/rules/r.wasm".into()));
    }
}
