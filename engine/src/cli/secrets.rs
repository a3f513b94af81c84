//! Where secrets come from: a variable or an open file descriptor, never an
//! argument, which everybody on the machine can read.

use std::path::Path;

use super::error::CliError;
use crate::model::Secret;
use crate::model::minisign::{SecretKey, SecretKeyError};
use crate::store::read_bounded;

/// Where the password of a minisign key may be.
const PASSWORD_VARIABLE: &str = "TURBO_ENGINE_SIGN_PASSWORD";
/// Largest file of a key or password.
const KEY_BYTES: usize = 16 << 10;

/// Opens a secret key of minisign.
pub(super) fn minisign_key(path: &Path, password_fd: Option<u16>) -> Result<SecretKey, CliError> {
    let password = match password_fd {
        Some(number) => Some(from_descriptor(number, "password")?),
        None => from_variable(PASSWORD_VARIABLE),
    };
    open_minisign_key(path, password.as_ref())
}

/// Opens a secret key of minisign with a password that is known.
pub(super) fn open_minisign_key(path: &Path, password: Option<&Secret>) -> Result<SecretKey, CliError> {
    let text = String::from_utf8_lossy(&read_bounded(path, KEY_BYTES)?).into_owned();
    SecretKey::open(&text, password).map_err(|error| {
        let hint = match error {
            SecretKeyError::NoPassword | SecretKeyError::Password => {
                format!("give its password in {PASSWORD_VARIABLE}, by --password-fd N, or as `key-password` of [sign]")
            }
            SecretKeyError::Shape | SecretKeyError::Damaged | SecretKeyError::Cost => {
                "give the .key file that `minisign -G` writes".into()
            }
        };
        CliError::usage(format!("the key {}: {error}", path.display()), hint)
    })
}

/// The secret in a variable; none when it is not set, or empty.
pub(super) fn from_variable(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new)
}

/// Reads an inherited descriptor by the name that the system has for it.
#[cfg(unix)]
pub(super) fn from_descriptor(number: u16, what: &str) -> Result<Secret, CliError> {
    let bytes = read_bounded(Path::new(&format!("/dev/fd/{number}")), KEY_BYTES)?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| CliError::usage(format!("the {what} is not UTF-8"), "give it as text"))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

#[cfg(not(unix))]
pub(super) fn from_descriptor(_: u16, what: &str) -> Result<Secret, CliError> {
    Err(CliError::usage("file descriptors are for Unix", format!("give the {what} in a variable")))
}
