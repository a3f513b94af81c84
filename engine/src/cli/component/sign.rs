//! `turbo-engine component sign`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::secrets::minisign_key;
use crate::component::MOST_COMPONENT_BYTES;
use crate::store::{read_bounded, write_atomic};

/// Sign a file with a key of minisign
///
/// Writes FILE.minisig, which minisign verifies as well. The password of the
/// key comes from the variable `TURBO_ENGINE_SIGN_PASSWORD` or an open file
/// descriptor, and is never an argument: those are for everybody to see.
#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    /// Files to sign
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Secret key that `minisign -G` wrote
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// Read the password from this file descriptor
    #[arg(long, value_name = "N")]
    password_fd: Option<u16>,
    /// Comment to sign along; the file's name without it
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

/// Runs the verb.
pub(super) fn run(args: &SignArgs, output: &Output) -> Result<(), CliError> {
    let key = minisign_key(&args.key, args.password_fd)?;
    for file in &args.files {
        let bytes = read_bounded(file, usize::try_from(MOST_COMPONENT_BYTES).unwrap_or(usize::MAX))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let comment = args.comment.clone().unwrap_or_else(|| format!("file:{name}"));
        let signature = signature_path(file);
        write_atomic(&signature, key.sign(&bytes, &comment).as_bytes())?;
        let (id, path) = (key.id().to_string(), signature.display().to_string());
        if output.json {
            output.json(&json!({"v": 1, "event": "signed", "file": file, "signature": signature, "key": id}))?;
        } else {
            output.data(&format!("{path}  by key {id}\n"))?;
        }
    }
    Ok(())
}

/// Where the signature of a file is.
pub(in crate::cli) fn signature_path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}
