//! `turbo-engine component remove`, `pin`, `unpin` and `rollback`.

use clap::Args;
use serde_json::json;

use super::add::shown;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::registry::{LockArgs, registry};
use crate::cli::settings::{Flag, Settings};
use crate::model::files::LockedVersion;
use crate::model::{Algorithm, Digest};

#[derive(Debug, Args)]
pub(in crate::cli) struct NameArgs {
    /// Name under which the component is installed
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    lock: LockArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PinArgs {
    /// Name of the component, and perhaps the digest of a version that is kept
    #[arg(value_name = "NAME[@sha256:HEX]")]
    name: String,
    #[command(flatten)]
    lock: LockArgs,
}

impl NameArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.lock.flags()
    }
}

impl PinArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.lock.flags()
    }
}

/// Removes a component.
pub(super) fn remove(args: &NameArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let removed = registry(settings).remove(&args.name)?;
    tell(("removed", "removed"), &args.name, &removed.current, output)
}

/// Pins a component.
pub(super) fn pin(args: &PinArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let (name, digest) = args.name.split_once('@').map_or((&*args.name, None), |(name, digest)| (name, Some(digest)));
    let wrong = |why: String| CliError::usage(format!("`{}`: {why}", args.name), "write NAME@sha256:HEX");
    let digest = digest.map(|digest| {
        let hex =
            digest.strip_prefix("sha256:").ok_or_else(|| wrong("the digest is not of the form sha256:HEX".into()))?;
        Digest::from_hex(Algorithm::Sha256, hex).map_err(|error| wrong(error.to_string()))
    });
    let pinned = registry(settings).pin(name, digest.transpose()?.as_ref())?;
    tell(("pinned", "pinned to"), name, &pinned, output)
}

/// Lets go of a component.
pub(super) fn unpin(args: &NameArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let version = registry(settings).unpin(&args.name)?;
    tell(("unpinned", "no longer pinned to"), &args.name, &version, output)
}

/// Goes back to the version before.
pub(super) fn rollback(args: &NameArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let version = registry(settings).rollback(&args.name)?;
    tell(("rolled-back", "back at"), &args.name, &version, output)
}

fn tell((event, words): (&str, &str), name: &str, version: &LockedVersion, output: &Output) -> Result<(), CliError> {
    if output.json {
        return output.json(&json!({
            "v": 1, "event": event, "name": name, "version": version.version, "sha256": version.sha256,
        }));
    }
    output.data(&format!("{name}  {words} {}\n", shown(version)))
}
