//! Who vouches for a component: signatures held against the trusted keys.

use std::path::Path;

use super::{Registry, RegistryError, SignaturePolicy, read_text, write};
use crate::component::printable;
use crate::model::excerpt::excerpt;
use crate::model::files::{LockedVersion, TrustedKey, TrustedKeys};
use crate::model::minisign::{KeyId, MinisignError, PublicKey, Signature};
use crate::model::visible;
use crate::store::{StoreError, read_bounded};

/// Longest file of a signature.
pub(super) const SIGNATURE_BYTES: usize = 16 << 10;
/// Longest trusted comment that is shown.
const COMMENT_BYTES: usize = 200;

/// Who signed a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// Nobody.
    No,
    /// A key that is not trusted; whether rightly, nobody can tell.
    Unknown(KeyId),
    /// A trusted key, rightly.
    By {
        /// What the user calls the key.
        name: String,
        /// The key's identifier.
        id: KeyId,
        /// What the signer wrote, fit to be shown.
        comment: String,
    },
}

impl Signed {
    /// The signer as the lockfile keeps it.
    pub fn signer(&self) -> Option<String> {
        match self {
            Self::By { name, id, .. } => Some(format!("{name} ({id})")),
            Self::No | Self::Unknown(_) => None,
        }
    }
}

impl Registry {
    /// The keys whose signatures count.
    pub fn trusted_keys(&self) -> Result<TrustedKeys, RegistryError> {
        let path = &self.options.trust_file;
        let text = read_text(path)?.unwrap_or_default();
        text.parse().map_err(|source| RegistryError::Trust { path: path.clone(), source })
    }

    /// Trusts a key.
    pub fn trust(&self, name: &str, key: PublicKey) -> Result<(), RegistryError> {
        self.change_trust(|keys| keys.add(name, key))?
            .map_err(|source| RegistryError::Trust { path: self.options.trust_file.clone(), source })
    }

    /// Trusts a key no more.
    pub fn distrust(&self, name: &str) -> Result<TrustedKey, RegistryError> {
        self.change_trust(|keys| keys.remove(name))?.ok_or_else(|| RegistryError::NoKey(excerpt(name)))
    }

    fn change_trust<T>(&self, change: impl FnOnce(&mut TrustedKeys) -> T) -> Result<T, RegistryError> {
        let _lock = self.store.lock()?;
        let mut keys = self.trusted_keys()?;
        let before = keys.clone();
        let changed = change(&mut keys);
        if keys != before {
            write(&self.options.trust_file, &keys.text())?;
        }
        Ok(changed)
    }

    /// Holds a component against its signature. One that is there has to be
    /// right as far as anybody can tell, whether or not one is demanded.
    pub(super) fn judge(&self, what: &str, bytes: &[u8], signature: Option<&str>) -> Result<Signed, RegistryError> {
        let refuse = |source: MinisignError| RegistryError::Signature { what: what.to_owned(), source };
        let signed = match signature {
            None => Signed::No,
            Some(text) => {
                let signature: Signature = text.parse().map_err(refuse)?;
                match self.trusted_keys()?.find(signature.key_id()) {
                    None => Signed::Unknown(signature.key_id()),
                    Some(TrustedKey { name, key }) => {
                        let comment = key.verify(bytes, &signature).map_err(refuse)?;
                        let comment = printable(&without_hidden(&comment.0), COMMENT_BYTES);
                        Signed::By { name: name.clone(), id: key.id(), comment }
                    }
                }
            }
        };
        match (&signed, self.options.signatures) {
            (Signed::By { .. }, _) | (_, SignaturePolicy::Optional) => Ok(signed),
            (Signed::No, SignaturePolicy::Required) => Err(RegistryError::Unsigned(what.to_owned())),
            (Signed::Unknown(id), SignaturePolicy::Required) => {
                Err(RegistryError::Stranger { what: what.to_owned(), id: *id })
            }
        }
    }

    /// Who vouches for an installed component, by the keys trusted now.
    pub fn signed(&self, version: &LockedVersion, bytes: &[u8]) -> Result<Signed, RegistryError> {
        self.judge(&version.rule, bytes, self.store.signature(&version.sha256).as_deref())
    }
}

/// A signer's comment without what hides or reorders its text: it is a note,
/// and nobody needs to see what was in it besides.
fn without_hidden(comment: &str) -> String {
    let is_visible = |letter: &char| {
        let pair = format!("a{letter}");
        letter.is_whitespace() || visible(&pair) == pair
    };
    comment.chars().filter(is_visible).collect()
}

/// The signature beside a file, where there is one: `FILE.minisig`.
pub fn read_signature(path: &Path) -> Result<Option<String>, RegistryError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    match read_bounded(name.as_ref(), SIGNATURE_BYTES) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // What is no text is no signature either, and is told so.
        read => Ok(Some(String::from_utf8_lossy(&read?).into_owned())),
    }
}
