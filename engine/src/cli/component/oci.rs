//! `turbo-engine component pull` and `push`: components in OCI registries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use super::sign::signature_path;
use crate::cli::download::NetworkArgs;
use crate::cli::engine::{net_options, runtime};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::settings::{Flag, Settings};
use crate::component::{GivenComponent, Grant, MOST_COMPONENT_BYTES, interfaces};
use crate::model::files::DockerConfig;
use crate::model::{OciName, Secret};
use crate::net::{Net, OciLogin, OciUpload, Trust};
use crate::registry::{ComponentOrigin, FetchOptions, SIGNATURE_ANNOTATION, fetch, read_signature};
use crate::store::{StoreError, read_bounded, sha256, write_atomic};

/// Largest file of logins.
const CONFIG_BYTES: usize = 4 << 20;
/// Annotation that holds the name of the file.
const TITLE_ANNOTATION: &str = "org.opencontainers.image.title";

/// Fetch a component from an OCI registry into a file
///
/// Its digest is checked, and nothing else: `component add` is what installs.
#[derive(Debug, Args)]
pub(in crate::cli) struct PullArgs {
    /// `oci://HOST/NAME[:TAG][@sha256:HEX]`
    #[arg(value_name = "OCI")]
    name: OciName,
    /// File to write; the last part of the name and .wasm without it
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Push a component to an OCI registry
///
/// In the layout of wkg and others: one application/wasm layer. A signature
/// FILE.minisig beside the file goes along.
#[derive(Debug, Args)]
pub(in crate::cli) struct PushArgs {
    /// The component
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// `oci://HOST/NAME:TAG`
    #[arg(value_name = "OCI")]
    name: OciName,
    #[command(flatten)]
    network: NetworkArgs,
}

impl PullArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.network.flags()
    }
}

impl PushArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.network.flags()
    }
}

/// Runs `pull`.
pub(super) fn pull(args: &PullArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let login = login(&args.name, Trust::Typed)?;
    let options = FetchOptions {
        limit: MOST_COMPONENT_BYTES,
        retries: settings.count("retry"),
        trust: Trust::Typed,
        scoped: None,
        login,
    };
    let runtime = runtime()?;
    let fetched = runtime.block_on(fetch(&net, &ComponentOrigin::Oci(args.name.clone()), &options));
    runtime.shutdown_background();
    let fetched = fetched?;
    let path = args.output.clone().unwrap_or_else(|| format!("{}.wasm", args.name.short()).into());
    write_atomic(&path, &fetched.bytes)?;
    if let Some(signature) = &fetched.signature {
        write_atomic(&signature_path(&path), signature.as_bytes())?;
    }
    let (sha256, bytes) = (sha256(&fetched.bytes).hex(), fetched.bytes.len());
    if output.json {
        let is_signed = fetched.signature.is_some();
        return output.json(&json!({
            "v": 1, "event": "pulled", "path": path, "sha256": sha256, "bytes": bytes, "signature": is_signed,
        }));
    }
    output.data(&format!("{sha256}  {}  {bytes} bytes\n", path.display()))
}

/// Runs `push`.
pub(super) fn push(args: &PushArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let bytes = read_bounded(&args.file, usize::try_from(MOST_COMPONENT_BYTES).unwrap_or(usize::MAX))?;
    let title = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let given = GivenComponent { name: title.clone(), path: args.file.clone(), bytes: bytes.clone() };
    let named = interfaces(given, &Grant::most(&settings.limits))?;
    let mut annotations = BTreeMap::from([(TITLE_ANNOTATION.to_owned(), title)]);
    annotations.extend(read_signature(&args.file)?.map(|text| (SIGNATURE_ANNOTATION.to_owned(), text)));
    let upload = OciUpload { bytes, imports: named.imports, exports: named.exports, annotations };
    let net = Net::new(net_options(settings, args.network.resolve.clone())?);
    let login = login(&args.name, Trust::Typed)?;
    let runtime = runtime()?;
    let pushed = runtime.block_on(crate::net::push(&net, &args.name, login.as_ref(), upload));
    runtime.shutdown_background();
    let digest = pushed.map_err(crate::registry::RegistryError::from)?;
    let pinned = OciName { digest: Some(digest), ..args.name.clone() };
    if output.json {
        return output.json(&json!({"v": 1, "event": "pushed", "name": pinned.to_string()}));
    }
    output.data(&format!("{pinned}\n"))
}

/// The user's login at a registry: the variables where the user named it, else
/// the one that docker's own file has for its host.
pub(super) fn login(name: &OciName, trust: Trust) -> Result<Option<OciLogin>, CliError> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Trust::Typed, Some(user), Some(password)) =
        (trust, variable("TURBO_ENGINE_OCI_USER"), variable("TURBO_ENGINE_OCI_PASSWORD"))
    {
        return Ok(Some(OciLogin { user, password: Secret::new(password) }));
    }
    let home = || directories::BaseDirs::new().map(|folders| folders.home_dir().join(".docker"));
    let Some(folder) = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from).or_else(home) else { return Ok(None) };
    let path = folder.join("config.json");
    let Some(bytes) = read_config(&path)? else { return Ok(None) };
    let config = DockerConfig::parse(&bytes);
    let config = config.map_err(|error| {
        CliError::usage(
            format!("{}: {error}", path.display()),
            "correct the file, or name another folder in DOCKER_CONFIG",
        )
    })?;
    Ok(config.login(&name.registry).map(|(user, password)| OciLogin { user, password }))
}

fn read_config(path: &Path) -> Result<Option<Vec<u8>>, CliError> {
    match read_bounded(path, CONFIG_BYTES) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => Ok(Some(read?)),
    }
}
