//! `turbo-engine publish push`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;
use url::Url;

use crate::cli::download::NetworkArgs;
use crate::cli::engine::{net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::secrets::{from_descriptor, from_variable};
use crate::cli::settings::{Flag, Settings};
use crate::model::Secret;
use crate::net::Net;
use crate::publish::deliver::Standing;
use crate::publish::deliver::nuget::{Target, deliver, preview};
use crate::publish::pack::{MOST_BYTES, PackedNupkg};
use crate::store::read_plain;

/// Push a .nupkg to Chocolatey or another feed of `NuGet` v2
///
/// The key comes from a variable or an open file descriptor, and is never an
/// argument: those are for everybody to see. It goes to the host of --source,
/// encrypted, and to no other. A version that the feed has with these bytes is
/// left alone, where the feed tells.
#[derive(Debug, Args)]
pub(in crate::cli) struct PushArgs {
    /// The package
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The feed: `https://HOST`, or the address of its push service
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    source: Url,
    /// Variable that holds the key
    #[arg(long, value_name = "NAME", default_value = "TURBO_ENGINE_NUGET_KEY", conflicts_with = "api_key_fd")]
    api_key_env: String,
    /// Read the key from this file descriptor
    #[arg(long, value_name = "N")]
    api_key_fd: Option<u16>,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    network: NetworkArgs,
}

impl PushArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.network.flags()
    }

    fn key(&self) -> Result<Secret, CliError> {
        if let Some(number) = self.api_key_fd {
            return from_descriptor(number, "key");
        }
        from_variable(&self.api_key_env).ok_or_else(|| {
            let name = &self.api_key_env;
            CliError::usage(
                format!("there is no key in {name}"),
                "put the key of your account there, name another variable with --api-key-env, or use --api-key-fd N",
            )
        })
    }
}

/// Runs the verb.
pub(super) fn run(args: &PushArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let file_name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let package = PackedNupkg { file_name, bytes: read_plain(&args.file, MOST_BYTES)? };
    if args.dry_run {
        let effect = preview(&package, &args.source)?;
        if output.json {
            return output.json(&json!({"v": 1, "event": "dry-run", "effect": effect}));
        }
        return output.data(&effect);
    }
    let key = args.key()?;
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let target = Target { source: &args.source, key: &key, retries: settings.count("retry") };
    let runtime = runtime()?;
    let submission = runtime.block_on(deliver(&net, &package, &target))?;
    runtime.shutdown_background();
    if output.json {
        return output.json(&json!({
            "v": 1, "event": "pushed", "reference": submission.reference, "state": submission.state,
        }));
    }
    let state = if submission.state == Standing::Delivered { "pushed" } else { "is there already, with these bytes" };
    output.data(&format!("{}  {state}\n", submission.reference))
}
