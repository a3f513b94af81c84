//! Signatures of what is packed: Authenticode inside of the scripts, and
//! minisign's beside the packages.

use std::path::{Path, PathBuf};

use super::{SignError, Signing, Tool, sign_file, sums};
use crate::model::delivery::OutputFile;
use crate::model::minisign::SecretKey;
use crate::store::{ScratchFolder, read_plain, sha256, write_atomic};

/// Endings of the scripts that PowerShell looks for a signature in.
const SCRIPTS: [&str; 3] = [".ps1", ".psm1", ".psd1"];
/// Largest script with its signature.
const SCRIPT_BYTES: u64 = 4 << 20;
/// The list of checksums, as `sha256sum --check` reads it.
const SUMS: &str = "SHA256SUMS";

/// With what packages are signed.
pub struct Signer {
    /// The tool and the certificate for scripts.
    pub authenticode: Option<(Tool, Signing)>,
    /// The key for packages.
    pub key: Option<SecretKey>,
    /// A folder for scripts on their way; it is made, and removed.
    pub scratch: PathBuf,
}

impl Signer {
    /// Signs the scripts among the files of a package. Blocks.
    pub fn scripts(&self, files: &mut [OutputFile]) -> Result<(), SignError> {
        let Some((tool, signing)) = &self.authenticode else { return Ok(()) };
        let scratch = ScratchFolder::create(&self.scratch)?;
        for (file, nth) in files.iter_mut().zip(0_u32..) {
            let lower = file.path.to_ascii_lowercase();
            let Some(ending) = SCRIPTS.iter().find(|ending| lower.ends_with(**ending)) else { continue };
            let path = scratch.path().join(format!("{nth}{ending}"));
            write_atomic(&path, &file.content)?;
            sign_file(tool, signing, &path)?;
            file.content = read_plain(&path, SCRIPT_BYTES)?;
        }
        Ok(())
    }

    /// Writes a signature beside each package of a folder, and a signed list of
    /// their checksums. Blocks.
    pub fn packages<'a>(
        &self,
        folder: &Path,
        packages: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), SignError> {
        let Some(key) = &self.key else { return Ok(()) };
        let mut digests = Vec::new();
        let sign = |name: &str, bytes: &[u8]| {
            let signature = key.sign(bytes, &format!("file:{name}"));
            write_atomic(&folder.join(format!("{name}.minisig")), signature.as_bytes())
        };
        for (name, bytes) in packages {
            sign(name, bytes)?;
            digests.push((name.to_owned(), sha256(bytes)));
        }
        if digests.is_empty() {
            return Ok(());
        }
        let list = sums(&digests);
        write_atomic(&folder.join(SUMS), list.as_bytes())?;
        Ok(sign(SUMS, list.as_bytes())?)
    }
}
