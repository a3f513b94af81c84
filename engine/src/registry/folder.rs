//! Components in a folder that the user named, read and let in as those are
//! that are named on the command line.

use std::path::Path;

use super::load::reason;
use super::{LockPolicy, Registry, RegistryError, read_signature};
use crate::component::{GivenComponent, MOST_COMPONENT_BYTES, RefusedComponent};
use crate::store::{read_bounded, sha256};

/// A file of a folder, read.
#[derive(Debug)]
pub(super) struct Candidate {
    /// What tells this state of the file from another: digest and signature,
    /// or why neither could be read.
    pub(super) state: String,
    /// The component, if it may take part.
    pub(super) judged: Result<GivenComponent, RefusedComponent>,
}

impl Registry {
    /// Reads a file of a folder and its signature, and holds it against what
    /// the user demands. A wrong signature is refused, whether or not one is
    /// demanded.
    pub(super) fn candidate(&self, path: &Path) -> Candidate {
        let name = name(path);
        let refuse = |reason: String| RefusedComponent { name: name.clone(), path: path.to_owned(), reason };
        let read = read_both(path);
        match read {
            Err(error) => Candidate { state: reason(&error), judged: Err(refuse(reason(&error))) },
            Ok((bytes, signature)) => {
                let digest = sha256(&bytes).hex();
                let judged = self.let_in(path, &bytes, (&digest, signature.as_deref()));
                let state = format!("{digest} {}", signature.unwrap_or_default());
                let given = || GivenComponent { name: name.clone(), path: path.to_owned(), bytes };
                Candidate { state, judged: judged.map(|()| given()).map_err(refuse) }
            }
        }
    }

    fn let_in(&self, path: &Path, bytes: &[u8], (digest, signature): (&str, Option<&str>)) -> Result<(), String> {
        self.judge(&path.display().to_string(), bytes, signature).map_err(|error| reason(&error))?;
        if self.options.lock == LockPolicy::Open {
            return Ok(());
        }
        let file = self.lock_file().map_err(|error| reason(&error))?;
        let is_listed = file.components.values().any(|locked| locked.current.sha256 == digest);
        let lock = self.options.lock_file.path().display();
        if is_listed { Ok(()) } else { Err(format!("it is not in the lockfile {lock} (--frozen)")) }
    }
}

/// What a file of a folder is called.
pub(super) fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn read_both(path: &Path) -> Result<(Vec<u8>, Option<String>), RegistryError> {
    let most = usize::try_from(MOST_COMPONENT_BYTES).unwrap_or(usize::MAX);
    Ok((read_bounded(path, most)?, read_signature(path)?))
}
