//! `~/.docker/config.json`: logins at OCI registries, as docker and others keep
//! them. Helpers that other programs would have to be run for are not asked.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;

use crate::model::Secret;
use crate::model::excerpt::excerpt;

/// Logins by registry.
#[derive(Debug, Clone, Deserialize)]
pub struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
}

#[derive(Clone, Deserialize)]
struct Login {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a file has no logins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a file of logins as docker writes them: {0}")]
pub struct DockerConfigError(String);

impl DockerConfig {
    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, DockerConfigError> {
        serde_json::from_slice(bytes).map_err(|error| DockerConfigError(excerpt(&error.to_string())))
    }

    /// User and password for a registry, by its host and port.
    pub fn login(&self, registry: &str) -> Option<(String, Secret)> {
        let (_, login) = self.auths.iter().find(|(key, _)| host(key).eq_ignore_ascii_case(registry))?;
        login.read()
    }
}

impl Login {
    fn read(&self) -> Option<(String, Secret)> {
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            return Some((user.clone(), Secret::new(password.as_str())));
        }
        let bytes = base64::engine::general_purpose::STANDARD.decode(self.auth.as_deref()?.trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), Secret::new(password.trim_end_matches('\0'))))
    }
}

/// Host and port of a key, which may be a whole URL.
fn host(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_for_its_registry() {
        let config = r#"{"auths": {"https://a.example/v1/": {"auth": "bWU6cDp3"}, "localhost:5000": {"username": "u",
            "password": "p"}, "c.example": {}}, "credsStore": "desktop"}"#;
        let config = DockerConfig::parse(config.as_bytes()).unwrap();
        let login = |registry| config.login(registry).map(|(user, password)| format!("{user} {}", password.expose()));
        assert_eq!(login("a.example").as_deref(), Some("me p:w"));
        assert_eq!(login("A.example").as_deref(), Some("me p:w"));
        assert_eq!(login("localhost:5000").as_deref(), Some("u p"));
        for other in ["b.example", "localhost", "c.example", "evil.a.example"] {
            assert_eq!(login(other), None, "{other}");
        }
        assert!(!format!("{config:?}").contains("bWU6"), "{config:?}");
    }

    #[test]
    fn another_file_is_told() {
        assert!(DockerConfig::parse(b"{").is_err());
        assert!(DockerConfig::parse(b"{}").unwrap().login("a").is_none());
    }
}
