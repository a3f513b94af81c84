//! `[sign]`: with what the packages of a release are signed.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

/// The table. Paths are seen from the file's folder; of a password it has the
/// place alone: `env:NAME`, `fd:N` or `keyring:SERVICE/ACCOUNT`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignTable {
    /// Secret key of minisign, for signatures beside packages.
    pub key: Option<PathBuf>,
    /// Where its password is.
    pub key_password: Option<String>,
    /// Certificate and key of code signing in one file (PKCS #12), for scripts
    /// inside of packages.
    pub pfx: Option<PathBuf>,
    /// Or the certificate: a file, or an address in a token.
    pub certificate: Option<String>,
    /// And its key: a file, or an address in a token.
    pub certificate_key: Option<String>,
    /// Library of the token.
    pub pkcs11_module: Option<PathBuf>,
    /// Or SHA-1 of a certificate in the store of Windows.
    pub thumbprint: Option<String>,
    /// Where the password of the key, or the token's PIN, is.
    pub certificate_password: Option<String>,
    /// Server of timestamps (RFC 3161).
    pub timestamp: Option<Url>,
    /// The program that signs.
    pub tool: Option<PathBuf>,
}

impl SignTable {
    /// The table with its paths as seen from a folder.
    pub(super) fn rooted(mut self, folder: &Path) -> Self {
        for path in [&mut self.key, &mut self.pfx] {
            *path = path.take().map(|path| folder.join(path));
        }
        for file in [&mut self.certificate, &mut self.certificate_key] {
            let rooted = |file: String| folder.join(file).to_string_lossy().into_owned();
            *file = file.take().map(|file| if file.starts_with("pkcs11:") { file } else { rooted(file) });
        }
        self
    }
}
