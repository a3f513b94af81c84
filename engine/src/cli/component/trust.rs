//! `turbo-engine component trust`: the keys whose signatures count.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::registry::registry;
use crate::cli::settings::Settings;
use crate::model::files::TrustedKey;
use crate::model::minisign::PublicKey;
use crate::store::read_bounded;

/// Largest file of a key.
const KEY_BYTES: usize = 16 << 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct TrustArgs {
    #[command(subcommand)]
    verb: TrustVerb,
}

#[derive(Debug, Subcommand)]
enum TrustVerb {
    /// Trust a key
    Add {
        /// What to call it
        #[arg(value_name = "NAME")]
        name: String,
        /// The public key, or the file of it that minisign writes
        #[arg(value_name = "KEY|FILE")]
        key: String,
    },
    /// List the keys: name, identifier, key
    List,
    /// Trust a key no more
    Remove {
        /// What it is called
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Runs the verb.
pub(super) fn run(args: &TrustArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let registry = registry(settings);
    match &args.verb {
        TrustVerb::Add { name, key } => {
            let key = read_key(key)?;
            registry.trust(name, key.clone())?;
            tell("trusted", &TrustedKey { name: name.clone(), key }, output)
        }
        TrustVerb::List => registry.trusted_keys()?.iter().try_for_each(|key| tell("key", key, output)),
        TrustVerb::Remove { name } => tell("distrusted", &registry.distrust(name)?, output),
    }
}

/// A key as it is written, or the file that holds it.
fn read_key(text: &str) -> Result<PublicKey, CliError> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let content = read_bounded(Path::new(text), KEY_BYTES)?;
    let key = String::from_utf8_lossy(&content).parse::<PublicKey>();
    key.map_err(|error| CliError::usage(format!("{text}: {error}"), "give the .pub file that `minisign -G` writes"))
}

fn tell(event: &str, key: &TrustedKey, output: &Output) -> Result<(), CliError> {
    let TrustedKey { name, key } = key;
    let id = key.id().to_string();
    if output.json {
        return output.json(&json!({"v": 1, "event": event, "name": name, "id": id, "key": key.to_string()}));
    }
    output.data(&format!("{name}  {id}  {key}\n"))
}
