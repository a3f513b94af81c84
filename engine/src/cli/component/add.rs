//! `turbo-engine component add`.

use clap::Args;
use serde_json::{Value, json};

use super::oci::login;
use crate::cli::download::NetworkArgs;
use crate::cli::engine::{component_options, net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::jobs::scoped;
use crate::cli::output::Output;
use crate::cli::registry::{LockArgs, registry};
use crate::cli::settings::{Flag, Settings};
use crate::component::{Examples, Grant, Pattern, asked_about, is_any_host, is_built_in};
use crate::model::files::LockedVersion;
use crate::model::{Algorithm, Digest, quoted};
use crate::net::{Net, Trust};
use crate::registry::{
    ComponentOrigin, FetchOptions, Fetched, Installed, LockPolicy, RegistryError, Signed, Untested, Wish, fetch,
};

/// Digits of a digest that tell it from others.
pub(super) const SHORT_DIGITS: usize = 16;

/// Install a component, or another version of one
///
/// The component is scanned, compiled and passes its own test first; where
/// anything fails, nothing is installed. A mirror rule takes part in downloads
/// from then on, asked before the built-in ones; a manifest generator is known
/// to `publish` by its name. A signature FILE.minisig beside it is
/// held against the trusted keys. Which URLs a rule is asked about, and where
/// its examples lead, is printed; one without a host pattern needs --any-host.
#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    /// A file, an http or https URL, or `oci://HOST/NAME[:TAG][@sha256:HEX]`
    #[arg(value_name = "PATH|URL|OCI")]
    origin: String,
    /// Name to install it under; the rule's own without it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// SHA-256 that the component must have
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Raise a limit for these bytes alone: memory=64MiB, file=32MiB, fuel=20000000, compile=60s, ...
    #[arg(long, value_name = "LIMIT=VALUE")]
    grant: Vec<String>,
    /// Let a rule be asked about URLs of any host: it sees every URL you download
    #[arg(long)]
    any_host: bool,
    /// Install a rule without examples, which no self-test has tried
    #[arg(long)]
    untested: bool,
    /// Header field for the server of the URL, never sent anywhere else
    #[arg(short = 'H', long, value_name = "'K: V'")]
    header: Vec<String>,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

impl AddArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.lock.flags().into_iter().chain(self.network.flags()).collect()
    }

    fn wish(&self) -> Result<Wish, CliError> {
        let grant = Grant::parse(self.grant.iter().map(String::as_str));
        let grant =
            grant.map_err(|error| CliError::usage(error.to_string(), "write for instance --grant memory=64MiB"))?;
        let digest = |hex: &String| Digest::from_hex(Algorithm::Sha256, hex.trim_start_matches("sha256:"));
        let sha256 = self.sha256.as_ref().map(digest).transpose();
        let sha256 =
            sha256.map_err(|error| CliError::usage(format!("--sha256: {error}"), "give 64 hexadecimal digits"))?;
        let grant = if self.any_host { grant.with(&Grant::any_host()) } else { grant };
        let untested = if self.untested { Untested::Accept } else { Untested::Refuse };
        Ok(Wish { name: self.name.clone(), sha256, grant, untested })
    }
}

/// Runs the verb.
pub(super) fn run(args: &AddArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let (wish, registry) = (args.wish()?, registry(settings));
    if registry.options().lock == LockPolicy::Frozen {
        // Before anything is fetched.
        return Err(RegistryError::Frozen(registry.options().lock_file.path().to_owned()).into());
    }
    let mut origin: ComponentOrigin = args.origin.parse()?;
    let scoped = match &mut origin {
        ComponentOrigin::Url(url) => Some(scoped(url, &args.header, settings)?),
        _ => None,
    };
    let login = match &origin {
        ComponentOrigin::Oci(name) => login(name, Trust::Typed)?,
        _ => None,
    };
    let limit = wish.grant.raise(&settings.limits).file_bytes;
    let options = FetchOptions { limit, retries: settings.count("retry"), trust: Trust::Typed, scoped, login };
    let fetched = fetched(args, settings, &origin, &options)?;
    let installed = registry.install(&fetched, &wish, &component_options(settings))?;
    show(&installed, output)
}

fn fetched(
    args: &AddArgs,
    settings: &Settings,
    origin: &ComponentOrigin,
    options: &FetchOptions,
) -> Result<Fetched, CliError> {
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let runtime = runtime()?;
    let fetched = runtime.block_on(fetch(&net, origin, options));
    runtime.shutdown_background();
    Ok(fetched?)
}

fn show(installed: &Installed, output: &Output) -> Result<(), CliError> {
    let Installed { name, version, signed, earlier, reach } = installed;
    for text in warnings(installed) {
        output.warning(&text);
    }
    if output.json {
        return output.json(&json!({
            "v": 1, "event": "installed", "name": name, "rule": version.rule, "version": version.version,
            "sha256": version.sha256, "bytes": version.bytes, "source": version.source, "grants": version.grants,
            "signed": signed_json(signed), "earlier": earlier.as_ref().map(|earlier| &earlier.sha256),
            "reach": reach.as_ref().map(|reach| reach_json(&reach.patterns, &reach.examples)),
        }));
    }
    let instead = earlier.as_ref().map(|earlier| format!(", instead of {}", shown(earlier))).unwrap_or_default();
    let reach = reach.as_ref().map(|reach| reach_lines(&reach.patterns, &reach.examples, usize::MAX));
    let reach: String = reach.iter().flatten().map(|line| format!("  {line}\n")).collect();
    output.data(&format!("{name}  {}{instead}{}\n{reach}", shown(version), signed_text(signed)))
}

/// What a rule learns and where it leads, in lines; of its patterns so many.
pub(super) fn reach_lines(patterns: &[Pattern], examples: &Examples, most: usize) -> Vec<String> {
    let asked = asked_about(patterns);
    let mut lines: Vec<String> = asked.iter().take(most).map(|urls| format!("asked about  {urls}")).collect();
    if asked.len() > most {
        lines.push(format!("asked about  {} sets of URLs more", asked.len() - most));
    }
    lines.push(format!("leads to     {}", examples.text()));
    lines
}

/// The same for programs.
pub(super) fn reach_json(patterns: &[Pattern], examples: &Examples) -> Value {
    json!({
        "any_host": is_any_host(patterns), "asked_about": asked_about(patterns), "patterns": patterns,
        "examples": examples.count, "example_hosts": examples.hosts,
    })
}

/// A version in a few words.
pub(super) fn shown(version: &LockedVersion) -> String {
    format!("{} sha256:{}", version.version, &version.sha256[..SHORT_DIGITS])
}

fn warnings(installed: &Installed) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Signed::Unknown(id) = installed.signed {
        warnings.push(format!("{} is signed with the key {id}, which is not trusted", installed.name));
    }
    if is_built_in(&installed.version.rule) {
        warnings.push(format!("{} takes the place of the built-in rule of its name", installed.version.rule));
    }
    let had = installed.earlier.as_ref().filter(|earlier| !earlier.grants.is_empty());
    if let Some(earlier) = had.filter(|_| installed.version.grants.is_empty()) {
        let grants: Vec<String> = earlier.grants.iter().map(|(key, value)| format!("{key}={value}")).collect();
        warnings.push(format!(
            "the grants of the earlier version ({}) do not count for this one, which passed without",
            grants.join(" ")
        ));
    }
    warnings
}

fn signed_json(signed: &Signed) -> Value {
    match signed {
        Signed::No => Value::Null,
        Signed::Unknown(id) => json!({"key": id.to_string(), "trusted": false}),
        Signed::By { name, id, comment } => {
            json!({"key": id.to_string(), "trusted": true, "name": name, "comment": comment})
        }
    }
}

fn signed_text(signed: &Signed) -> String {
    match signed {
        Signed::No | Signed::Unknown(_) => String::new(),
        Signed::By { name, id, comment } => format!("\n  signed by {name} ({id}): {}", quoted(comment)),
    }
}
