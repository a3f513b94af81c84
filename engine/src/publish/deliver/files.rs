//! Files beside the release, into a folder of this machine.
//!
//! The key invariant: no file is written outside the folder, not even through
//! a link that lies in it, and none is ever seen half written.

use std::path::Path;

use super::{DeliverError, Standing, Submission, check_path};
use crate::model::delivery::OutputFile;
use crate::publish::diff::unified;
use crate::publish::ledger::{Intent, Ledger};
use crate::store::{StoreError, create_folder_below, read_below, sha256, write_atomic};

/// Largest file that is compared with.
const FILE_BYTES: usize = 64 << 20;

/// Writes files into a folder. Those that are there already are left alone.
pub fn deliver(folder: &Path, files: &[OutputFile], ledger: &mut Ledger<'_>) -> Result<Submission, DeliverError> {
    files.iter().try_for_each(|file| check_path(&file.path))?;
    let mut state = Standing::AlreadyThere;
    for file in files {
        let (effect, target) = (format!("file {}", file.path), folder.join(&file.path).display().to_string());
        if standing(folder, file)?.as_deref() == Some(&file.content) {
            ledger.found((&effect, &target), &target)?;
            continue;
        }
        let digests = [format!("sha256:{}", sha256(&file.content).hex())];
        ledger.intend(&Intent { effect: &effect, target: &target, digests: &digests, facts: &[] })?;
        if let Err(error) = write(folder, file) {
            ledger.failed(&effect, &error.to_string())?;
            return Err(error.into());
        }
        ledger.performed(&effect, &target)?;
        state = Standing::Delivered;
    }
    let submission = Submission { reference: folder.display().to_string(), state };
    ledger.conclude(&submission)?;
    Ok(submission)
}

/// What [`deliver`] would write, as differences.
pub fn dry_run(folder: &Path, files: &[OutputFile]) -> Result<String, DeliverError> {
    files.iter().try_for_each(|file| check_path(&file.path))?;
    let mut shown = format!("files in {}\n", folder.display());
    for file in files {
        shown += &unified(&file.path, standing(folder, file)?.as_deref(), Some(&file.content));
    }
    Ok(shown)
}

fn standing(folder: &Path, file: &OutputFile) -> Result<Option<Vec<u8>>, StoreError> {
    read_below(folder, Path::new(&file.path), FILE_BYTES)
}

fn write(folder: &Path, file: &OutputFile) -> Result<(), StoreError> {
    let path = Path::new(&file.path);
    create_folder_below(folder, path.parent().unwrap_or(Path::new("")))?;
    write_atomic(&folder.join(path), &file.content)
}
