//! The keyring of the system: Keychain on macOS, Credential Manager on
//! Windows, the Secret Service of a session elsewhere.

use keyring::v1::{Entry, Error};
use zeroize::Zeroizing;

/// Reads one entry; else says why not, without any of its content.
pub(super) fn read(service: &str, account: &str) -> Result<Zeroizing<String>, String> {
    if let Err(error) = Entry::store_status() {
        return Err(explain(error));
    }
    let entry = Entry::new(service, account).map_err(|error| explain(&error))?;
    entry.get_password().map(Zeroizing::new).map_err(|error| explain(&error))
}

fn explain(error: &Error) -> String {
    match error {
        Error::NoEntry => "the keyring has no such entry".into(),
        Error::BadEncoding(_) => "what the keyring has there is not text".into(),
        // What it wraps may tell of the place, never of the secret.
        Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => {
            format!("there is no keyring to ask here: {cause}")
        }
        Error::Ambiguous(entries) => format!("the keyring has {} such entries", entries.len()),
        other => format!("there is no keyring to ask here: {other}"),
    }
}
