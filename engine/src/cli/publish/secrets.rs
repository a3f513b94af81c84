//! Secrets from where the user says, by the environment of this process.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::cli::error::CliError;
use crate::model::Secret;
use crate::publish::credentials::{CredentialError, CredentialSource};

/// Secrets that were fetched, each once: a descriptor gives its own no second
/// time.
#[derive(Debug, Default)]
pub(super) struct Secrets(RefCell<BTreeMap<String, Secret>>);

impl Secrets {
    /// The secret of a place.
    pub(super) fn fetch(&self, source: &str) -> Result<Secret, CredentialError> {
        if let Some(known) = self.0.borrow().get(source) {
            return Ok(known.clone());
        }
        let place: CredentialSource = source.parse()?;
        let secret = place.fetch(&|name| std::env::var(name).ok())?;
        self.0.borrow_mut().insert(source.to_owned(), secret.clone());
        Ok(secret)
    }
}

/// Fetches one secret. The text is read here and not by the parser of the
/// command line, which repeats what it does not understand: that may be the
/// secret itself.
pub(super) fn secret(source: &str) -> Result<Secret, CliError> {
    Ok(Secrets::default().fetch(source)?)
}
