//! What `[sign]` of a release file says, with its secrets fetched.

use std::path::Path;
use std::time::Duration;

use super::secrets::secret;
use super::sign::tool;
use crate::cli::error::CliError;
use crate::cli::secrets::open_minisign_key;
use crate::publish::intake::SignTable;
use crate::publish::sign::{IdentityParts, Signer, Signing};

/// Longest time for one script.
const TOOL_TIMEOUT: Duration = Duration::from_mins(2);

/// With what packages are signed; none when nothing is said of it.
pub(super) fn signer(table: &SignTable, scratch: &Path) -> Result<Option<Signer>, CliError> {
    if *table == SignTable::default() {
        return Ok(None);
    }
    let password = table.key_password.as_deref().map(secret).transpose()?;
    let key = table.key.as_deref().map(|path| open_minisign_key(path, password.as_ref())).transpose()?;
    let parts = IdentityParts {
        pfx: table.pfx.clone(),
        certificate: table.certificate.clone(),
        key: table.certificate_key.clone(),
        module: table.pkcs11_module.clone(),
        thumbprint: table.thumbprint.clone(),
    };
    let identity = parts.identity().map_err(|what| CliError::usage(what, "correct [sign] in turbo-release.toml"))?;
    let Some(identity) = identity else {
        return Ok(key.map(|key| Signer { authenticode: None, key: Some(key), scratch: scratch.join("sign") }));
    };
    let program = table.tool.clone().unwrap_or_else(|| identity.program().into());
    let password = table.certificate_password.as_deref().map(secret).transpose()?;
    let signing = Signing { identity, password, timestamp: table.timestamp.clone() };
    let authenticode = Some((tool(program, TOOL_TIMEOUT), signing));
    Ok(Some(Signer { authenticode, key, scratch: scratch.join("sign") }))
}
