//! `turbo-engine publish verify-audit`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;

use super::secrets::secret;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::publish::audit::{Head, verify};
use crate::publish::state::State;

/// Find whatever was changed, cut or moved in an audit log
///
/// Each line names the digest of the line before; FILE.head and the state files
/// keep the last one. Exits 6 and names the line when something was touched.
#[derive(Debug, Args)]
pub(super) struct VerifyAuditArgs {
    /// The audit log
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// State file whose last line has to be in the log as well
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    state: Vec<PathBuf>,
    /// Where the key is that the log was kept with
    #[arg(long, value_name = "SOURCE")]
    audit_key: Option<String>,
}

/// Runs the verb.
pub(super) fn run(args: &VerifyAuditArgs, output: &Output) -> Result<(), CliError> {
    let key = args.audit_key.as_deref().map(secret).transpose()?;
    let mut heads: Vec<Head> = Vec::new();
    for path in &args.state {
        let state = State::read(path)?;
        let none = || CliError::usage(format!("there is no state file {}", path.display()), "check how it is written");
        heads.extend(state.ok_or_else(none)?.audit);
    }
    let verified = verify(&args.file, key.as_ref(), &heads)?;
    let last = verified.head.as_ref().map(|head| &head.sha256);
    if output.json {
        return output.json(&json!({
            "v": 1, "event": "audit", "records": verified.records, "last_sha256": last,
            "torn_bytes": verified.torn_bytes, "unconfirmed": verified.unconfirmed,
            "authenticated": verified.authenticated,
        }));
    }
    let proof = if verified.authenticated { "authenticated" } else { "not authenticated: no key was given" };
    let last = last.map_or("none", |last| last);
    let mut text = format!("{} records, none was changed; the last is sha256:{last} ({proof})\n", verified.records);
    if verified.torn_bytes > 0 {
        let _ = writeln!(text, "a process ended while it wrote: {} bytes of a line", verified.torn_bytes);
    }
    if let Some(line) = verified.unconfirmed {
        let _ = writeln!(text, "a process ended right after record {line}, which the head does not know yet");
    }
    output.data(&text)
}
