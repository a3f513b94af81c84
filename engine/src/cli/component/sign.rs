//! `turbo-engine component sign`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::component::MOST_COMPONENT_BYTES;
use crate::model::Secret;
use crate::model::minisign::{SecretKey, SecretKeyError};
use crate::store::{read_bounded, write_atomic};

/// Where the password may be.
const PASSWORD_VARIABLE: &str = "TURBO_ENGINE_SIGN_PASSWORD";
/// Largest file of a key or password.
const KEY_BYTES: usize = 16 << 10;

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
    let key = open_key(args)?;
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
pub(super) fn signature_path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}

fn open_key(args: &SignArgs) -> Result<SecretKey, CliError> {
    let text = String::from_utf8_lossy(&read_bounded(&args.key, KEY_BYTES)?).into_owned();
    let password = match args.password_fd {
        Some(number) => Some(read_password(number)?),
        None => std::env::var(PASSWORD_VARIABLE).ok().map(Secret::new),
    };
    SecretKey::open(&text, password.as_ref()).map_err(|error| {
        let hint = match error {
            SecretKeyError::NoPassword | SecretKeyError::Password => {
                format!("give its password in {PASSWORD_VARIABLE}, or by --password-fd N")
            }
            SecretKeyError::Shape | SecretKeyError::Damaged | SecretKeyError::Cost => {
                "give the .key file that `minisign -G` writes".into()
            }
        };
        CliError::usage(format!("the key {}: {error}", args.key.display()), hint)
    })
}

/// Reads an inherited descriptor by the name that the system has for it.
#[cfg(unix)]
fn read_password(number: u16) -> Result<Secret, CliError> {
    let bytes = read_bounded(Path::new(&format!("/dev/fd/{number}")), KEY_BYTES)?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| CliError::usage("the password is not UTF-8", "give it as text"))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

#[cfg(not(unix))]
fn read_password(_: u16) -> Result<Secret, CliError> {
    Err(CliError::usage("--password-fd is for Unix", format!("give the password in {PASSWORD_VARIABLE}")))
}
