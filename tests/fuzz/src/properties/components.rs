//! What decides which components run: lockfiles, keys and signatures, and what
//! OCI registries say.

use turbo_engine::model::OciName;
use turbo_engine::model::files::{DockerConfig, LockFile, TrustedKeys, is_name};
use turbo_engine::model::http::challenges;
use turbo_engine::model::minisign::{PublicKey, SecretKey, Signature};

/// Reads the data as a lockfile. What it names is fit for a path, and what was
/// read can be written, and read again.
pub fn lock_file(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(file) = LockFile::parse(text) else { return };
    assert!(file.components.keys().all(|name| is_name(name)), "{file:?}");
    let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert!(file.versions().all(|version| is_hex(&version.sha256)), "{file:?}");
    let written = file.text();
    assert_eq!(LockFile::parse(&written).as_ref(), Ok(&file), "{written}");
}

/// Reads the data as a signature, as keys, and as a list of trusted ones. No
/// input is a signature of a file by a key that did not sign it.
pub fn minisign(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(key) = SecretKey::open(text, None) {
        let signature: Signature = key.sign(b"file", "a comment").parse().expect("our own signature");
        assert!(key.public().verify(b"file", &signature).is_ok());
        assert!(key.public().verify(b"fil", &signature).is_err());
    }
    if let Ok(keys) = text.parse::<TrustedKeys>() {
        assert_eq!(keys.text().parse(), Ok(keys));
    }
    if let Ok(signature) = text.parse::<Signature>() {
        let key: PublicKey = SOME_KEY.parse().expect("a key");
        assert!(key.verify(data, &signature).is_err(), "nobody has the secret half");
    }
}

/// The public half of a key whose other half was thrown away.
const SOME_KEY: &str = "RWQ/gBooJjrtsAXkc45uhCVCFDXjEUvNCcDBfC9giqw7VrBNxFiY0dHW";

/// Reads the data as the name of an artifact, as a challenge, and as a file of
/// logins.
pub fn oci(data: &[u8]) {
    if let Ok(config) = DockerConfig::parse(data) {
        assert!(config.login("").is_none_or(|(_, password)| password.expose().len() <= data.len()));
        assert!(!format!("{config:?}").contains("password"), "{config:?}");
    }
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(name) = text.parse::<OciName>() {
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        let url: url::Url = match format!("https://{}/v2/{}/", name.registry, name.repository).parse() {
            Ok(url) => url,
            Err(_) => return,
        };
        assert!(url.path().starts_with("/v2/") && url.query().is_none() && url.username().is_empty(), "{url}");
    }
    for challenge in challenges(text) {
        assert!(!challenge.scheme.is_empty() && challenge.parameters.len() <= 16, "{challenge:?}");
    }
}
