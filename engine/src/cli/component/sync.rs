//! `turbo-engine component sync`.

use clap::Args;
use serde_json::json;

use super::add::shown;
use super::oci::login;
use crate::cli::download::NetworkArgs;
use crate::cli::engine::{component_options, net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::jobs::scoped;
use crate::cli::output::Output;
use crate::cli::registry::{LockArgs, registry};
use crate::cli::settings::{Flag, Settings};
use crate::net::{Net, Trust};
use crate::registry::{ComponentOrigin, FetchOptions, Missing, StrangeGrants, fetch};

/// Fetch what the lockfile names and this machine lacks
///
/// Only the very bytes that the lockfile names are kept. As somebody else may
/// have written it, its URLs reach public addresses alone unless
/// --allow-private-mirrors is set, and what it grants needs --accept-grants. With --frozen nothing is fetched, and
/// anything that is missing is a failure.
#[derive(Debug, Args)]
pub(in crate::cli) struct SyncArgs {
    /// Let the lockfile name private addresses
    #[arg(long)]
    allow_private_mirrors: bool,
    /// Grant components what the lockfile grants them beyond the limits
    #[arg(long)]
    accept_grants: bool,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

impl SyncArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let private = self.allow_private_mirrors.then(|| Flag {
            key: "allow-private-mirrors",
            value: "true".into(),
            name: "allow-private-mirrors",
        });
        self.lock.flags().into_iter().chain(self.network.flags()).chain(private).collect()
    }
}

/// Runs the verb.
pub(super) fn run(args: &SyncArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let registry = registry(settings);
    let grants = if args.accept_grants { StrangeGrants::Accept } else { StrangeGrants::Refuse };
    let missing = registry.missing(grants)?;
    if missing.is_empty() {
        output.note("nothing is missing");
        return Ok(());
    }
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let runtime = runtime()?;
    for component in missing {
        let Missing { name, version, origin, .. } = &component;
        let mut origin = origin.clone();
        let scoped = match &mut origin {
            ComponentOrigin::Url(url) => Some(scoped(url, &[], settings)?),
            _ => None,
        };
        let login = match &origin {
            ComponentOrigin::Oci(name) => login(name, Trust::Named)?,
            _ => None,
        };
        let options = FetchOptions {
            limit: component.limit(&settings.limits),
            retries: settings.count("retry"),
            trust: Trust::Named,
            scoped,
            login,
        };
        let fetched = runtime.block_on(fetch(&net, &origin, &options))?;
        registry.restore(&component, &fetched, (grants, &component_options(settings)))?;
        if output.json {
            let (version, sha256) = (&version.version, &version.sha256);
            output.json(&json!({"v": 1, "event": "fetched", "name": name, "version": version, "sha256": sha256}))?;
        } else {
            output.data(&format!("{name}  {}\n", shown(version)))?;
        }
    }
    runtime.shutdown_background();
    Ok(())
}
