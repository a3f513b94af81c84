//! `turbo-engine publish sign`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::json;
use url::Url;

use crate::cli::component::sign::signature_path;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::secrets::{from_descriptor, from_variable, minisign_key};
use crate::cli::units::show_count;
use crate::model::minisign::{Prehash, SecretKey};
use crate::model::{Digest, Secret};
use crate::publish::sign::{Identity, IdentityParts, SignError, Signing, Tool, sign_file, sums};
use crate::store::{Hashes, read_pieces, write_atomic};

/// Where the password of a certificate's key may be.
const CERTIFICATE_VARIABLE: &str = "TURBO_ENGINE_CERTIFICATE_PASSWORD";
/// The list of checksums.
const SUMS: &str = "SHA256SUMS";
/// What a signing tool needs of the environment: where programs, libraries and
/// scratch files are, and the configuration of tokens.
const ENVIRONMENT: [&str; 11] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TMP",
    "TEMP",
    "SystemRoot",
    "USERPROFILE",
    "APPDATA",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "SOFTHSM2_CONF",
];

/// Sign the files of a release
///
/// In this order: Authenticode inside of programs and scripts for Windows, then
/// SHA256SUMS over all files, then a signature of minisign beside each of them
/// and beside the list.
#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    /// Files to sign
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Write SHA256SUMS into the folder of the first file
    #[arg(long)]
    sums: bool,
    /// Secret key that `minisign -G` wrote: writes FILE.minisig
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// Read the password of --key from this file descriptor
    #[arg(long, value_name = "N", requires = "key")]
    password_fd: Option<u16>,
    /// Comment that minisign's signatures sign along; the file's name without it
    #[arg(long, value_name = "TEXT", requires = "key")]
    comment: Option<String>,
    #[command(flatten)]
    authenticode: AuthenticodeArgs,
}

/// How Authenticode signatures are made.
#[derive(Debug, Args)]
#[command(next_help_heading = "Authenticode")]
struct AuthenticodeArgs {
    /// Certificate and key of code signing in one file (PKCS #12)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "identity")]
    pfx: Option<PathBuf>,
    /// Certificate of code signing, with --certificate-key or --pkcs11-module
    #[arg(long, value_name = "PEM|URI", group = "identity", requires = "certificate_key")]
    certificate: Option<String>,
    /// Its key: a file, or with --pkcs11-module the URI of one in the token
    #[arg(long, value_name = "PEM|URI", requires = "certificate")]
    certificate_key: Option<String>,
    /// Library of the token that holds the key
    #[arg(long, value_name = "FILE", requires = "certificate", value_hint = ValueHint::FilePath)]
    pkcs11_module: Option<PathBuf>,
    /// SHA-1 of a certificate in the store of Windows, for signtool
    #[arg(long, value_name = "HEX", group = "identity")]
    thumbprint: Option<String>,
    /// Read the password of the key, or the token's PIN, from this file descriptor
    #[arg(long, value_name = "N", requires = "identity")]
    certificate_password_fd: Option<u16>,
    /// Server of timestamps (RFC 3161)
    #[arg(long, value_name = "URL", requires = "identity")]
    timestamp: Option<Url>,
    /// The program that signs; osslsigncode, or signtool with --thumbprint
    #[arg(long, value_name = "PATH", requires = "identity", value_hint = ValueHint::ExecutablePath)]
    tool: Option<PathBuf>,
    /// Longest time for one file
    #[arg(long, value_name = "S", requires = "identity", default_value = "120")]
    tool_timeout: u64,
}

/// Runs the verb.
pub(super) fn run(args: &SignArgs, output: &Output) -> Result<(), CliError> {
    let identity = args.authenticode.identity()?;
    if identity.is_none() && args.key.is_none() && !args.sums {
        return Err(CliError::usage("there is nothing to sign with", "give --key, --sums or a certificate"));
    }
    let key = args.key.as_deref().map(|path| minisign_key(path, args.password_fd)).transpose()?;
    if let Some(identity) = identity {
        authenticode(args, identity, output)?;
    }
    let mut digests = Vec::new();
    for file in &args.files {
        let (digest, prehash) = read(file)?;
        if let Some(key) = &key {
            detached(args, key, file, prehash, output)?;
        }
        digests.push((name(file), digest));
    }
    if args.sums {
        let list = args.files[0].with_file_name(SUMS);
        write_sums(&list, &digests, output)?;
        if let Some(key) = &key {
            detached(args, key, &list, read(&list)?.1, output)?;
        }
    }
    Ok(())
}

/// Both hashes of a file, in one pass.
fn read(file: &Path) -> Result<(Digest, Prehash), CliError> {
    let (mut hashes, mut prehash) = (Hashes::default(), Prehash::default());
    read_pieces(file, |piece| {
        hashes.update(piece);
        prehash.update(piece);
    })?;
    Ok((hashes.finish().swap_remove(0), prehash))
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn write_sums(list: &Path, digests: &[(String, Digest)], output: &Output) -> Result<(), CliError> {
    let mut names: Vec<&String> = digests.iter().map(|(name, _)| name).collect();
    names.sort();
    if let Some([twice, _]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let what = format!("two of the files are called {twice}");
        return Err(CliError::usage(what, "a list of checksums tells files by their names: sign them apart"));
    }
    write_atomic(list, sums(digests).as_bytes())?;
    if output.json {
        return output.json(&json!({"v": 1, "event": "sums", "path": list, "files": digests.len()}));
    }
    output.data(&format!("{}  {}\n", list.display(), show_count(digests.len(), "file")))
}

fn detached(args: &SignArgs, key: &SecretKey, file: &Path, hash: Prehash, output: &Output) -> Result<(), CliError> {
    let comment = args.comment.clone().unwrap_or_else(|| format!("file:{}", name(file)));
    let signature = signature_path(file);
    write_atomic(&signature, key.sign_prehashed(hash, &comment).as_bytes())?;
    let id = key.id().to_string();
    if output.json {
        return output.json(&json!({"v": 1, "event": "signed", "file": file, "signature": signature, "key": id}));
    }
    output.data(&format!("{}  by key {id}\n", signature.display()))
}

fn authenticode(args: &SignArgs, identity: Identity, output: &Output) -> Result<(), CliError> {
    let own = &args.authenticode;
    let program = own.tool.clone().unwrap_or_else(|| identity.program().into());
    let tool = tool(program, Duration::from_secs(own.tool_timeout));
    let signing = Signing { identity, password: own.password()?, timestamp: own.timestamp.clone() };
    for file in &args.files {
        let verified = match sign_file(&tool, &signing, file) {
            Err(SignError::Kind(path)) if args.files.len() > 1 => {
                output.note(&format!("{} is not for Windows: no Authenticode in it", path.display()));
                continue;
            }
            signed => signed?,
        };
        let (signer, timestamp) = (&verified.signer, &verified.timestamp);
        if output.json {
            output.json(&json!({
                "v": 1, "event": "authenticode", "file": file, "signer": signer, "certificate": verified.certificate,
                "algorithm": verified.algorithm.to_string(), "timestamp": timestamp,
            }))?;
        } else {
            let when = timestamp.as_ref().map(|when| format!(", stamped {when}")).unwrap_or_default();
            output.data(&format!("{}  Authenticode by {signer}{when}\n", file.display()))?;
        }
    }
    Ok(())
}

/// A program that signs, with the environment that it gets.
pub(super) fn tool(program: PathBuf, timeout: Duration) -> Tool {
    let environment = ENVIRONMENT.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    Tool { program, environment: environment.collect(), timeout }
}

impl AuthenticodeArgs {
    fn identity(&self) -> Result<Option<Identity>, CliError> {
        let parts = IdentityParts {
            pfx: self.pfx.clone(),
            certificate: self.certificate.clone(),
            key: self.certificate_key.clone(),
            module: self.pkcs11_module.clone(),
            thumbprint: self.thumbprint.clone(),
        };
        parts.identity().map_err(|what| {
            CliError::usage(what, "give a PIN by --certificate-password-fd N, and a thumbprint as Windows shows it")
        })
    }

    fn password(&self) -> Result<Option<Secret>, CliError> {
        match self.certificate_password_fd {
            Some(number) => from_descriptor(number, "password").map(Some),
            None => Ok(from_variable(CERTIFICATE_VARIABLE)),
        }
    }
}
