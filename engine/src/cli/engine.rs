//! An engine out of settings.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::registry::registry;
use super::settings::{From, Settings, cache_dir};
use crate::component::{BuiltInTest, RuleOptions, Rules, Shelf};
use crate::download::{Engine, EngineOptions, FileTime, Memory, NetworkUse, Seats, Unverified};
use crate::model::PrivateMirrors;
use crate::net::{
    Authorities, CertificateCheck, ClientIdentity, Coded, Net, NetOptions, ProxyOptions, ProxySetting, ProxyUrlError,
    ResolveOverride,
};
use crate::plan::Ramp;
use crate::registry::Watched;
use crate::store::cache::Cache;
use crate::store::{History, RunNames, read_bounded};

/// Connections where the user named no number.
const CONNECTIONS: usize = 16;
/// Connections to a mirror's host where the user named no number.
const MAX_PER_MIRROR: usize = 6;
/// Rules that find room for warm instances when they are added later.
const MOST_RULES_ADDED: usize = 64;
/// Largest file of certificates.
const PEM_BYTES: usize = 16 << 20;

/// Builds the engine that settings describe.
pub(super) fn build(settings: &Settings, resolve: Vec<ResolveOverride>) -> Result<Engine, CliError> {
    Ok(build_watched(settings, resolve)?.0)
}

/// Builds an engine, and says where its rules may change.
pub(super) fn build_watched(
    settings: &Settings,
    resolve: Vec<ResolveOverride>,
) -> Result<(Engine, Option<Watched>), CliError> {
    let (options, watched) = asked_rules(settings)?.unzip();
    let rules = options.map(|options| Rules::open(&options)).transpose()?;
    Ok((with_rules(settings, resolve, rules)?, watched.flatten()))
}

/// The rules that a download asks, if any, and where they may change.
pub(super) fn asked_rules(settings: &Settings) -> Result<Option<(RuleOptions, Option<Watched>)>, CliError> {
    if settings.switch("rules") {
        return watched_rules(settings).map(|(options, watched)| Some((options, Some(watched))));
    }
    Ok(named_rules(settings)?.map(|options| (options, None)))
}

fn with_rules(settings: &Settings, resolve: Vec<ResolveOverride>, rules: Option<Rules>) -> Result<Engine, CliError> {
    keep_freed_memory();
    let cache = cache_dir(settings);
    let connections = settings.connections("connections");
    let max_per_host = settings.connections("max-per-host");
    Ok(Engine {
        net: Net::new(net_options(settings, resolve)?),
        seats: Seats::new(max_connections(settings, connections), super::hosts::known(settings)),
        rules,
        cache: if settings.switch("cache") { open_cache(settings, &cache) } else { None },
        history: History::new(&cache),
        names: RunNames::default(),
        scratch: cache.join("stream-v1"),
        options: EngineOptions {
            connections: connections.unwrap_or(CONNECTIONS),
            ramp: if connections.is_some() { Ramp::AtOnce } else { Ramp::Adaptive },
            // For all files together: what one of them may have is no less.
            max_per_origin: max_per_host.unwrap_or(CONNECTIONS.max(connections.unwrap_or(0))),
            max_per_mirror: max_per_host.unwrap_or(MAX_PER_MIRROR),
            host_memory: if max_per_host.is_some() { Memory::Overruled } else { Memory::Heeded },
            retry: settings.count("retry"),
            region: settings.region(),
            preallocate: settings.preallocate(),
            network: NetworkUse::Allowed,
            unverified: if settings.switch("accept-unverified") { Unverified::Accepted } else { Unverified::Refused },
            recheck: settings.recheck(),
            file_time: if settings.switch("remote-time") { FileTime::Remote } else { FileTime::Local },
            coded: if settings.switch("decode") { Coded::Decoded } else { Coded::Kept },
            // The rest is for what is read back, and for what lies between.
            buffer_bytes: usize::try_from(settings.bytes("buffer") / 8 * 5).unwrap_or(usize::MAX),
        },
    })
}

/// Has the allocator keep what is freed for what arrives next. Left alone, glibc
/// gives the buffers of the network back to the system at once, and each page of
/// the next ones is a fault: a tenth of the processor time of a fast download.
/// A block that is freed raises its thresholds (`mallopt(3)`); elsewhere this
/// does nothing.
fn keep_freed_memory() {
    const LARGEST_BUFFER: usize = 8 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGEST_BUFFER)));
}

/// Connections over all files. Who asks for more of them for one file need not
/// say it twice.
fn max_connections(settings: &Settings, connections: Option<usize>) -> usize {
    let most = settings.count("max-connections") as usize;
    let is_own = settings.value("max-connections").origin != From::Default;
    if is_own { most } else { most.max(connections.unwrap_or(0)) }
}

/// Opens the cache. One that cannot be opened must not stop a download.
fn open_cache(settings: &Settings, folder: &Path) -> Option<Cache> {
    let opened = Cache::open(folder, settings.bytes("cache-size"));
    opened.inspect_err(|error| tracing::warn!("the cache cannot be used: {error}")).ok()
}

/// Which mirror rules settings name, and what those may do.
pub(super) fn rule_options(settings: &Settings) -> Result<RuleOptions, CliError> {
    Ok(watched_rules(settings)?.0)
}

/// The same, and where they may change.
fn watched_rules(settings: &Settings) -> Result<(RuleOptions, Watched), CliError> {
    let user: Vec<PathBuf> = settings.list("rule").into_iter().map(PathBuf::from).collect();
    let mut watched = Watched::new(registry(settings), &settings.limits, &settings.grants);
    let loaded = watched.load(&user)?;
    let folder = settings.path("rules-dir");
    let spare = if folder.is_some() { MOST_RULES_ADDED } else { 0 };
    let options = RuleOptions {
        built_in: true,
        user,
        admission: loaded.admission,
        folder: folder.map(|folder| watched.read_folder(&folder)).transpose()?.unwrap_or_default(),
        installed: loaded.installed,
        spare,
        grants: loaded.grants,
        ..component_options(settings)
    };
    Ok((options, watched))
}

/// The rules that the user named as near as they switched rules off, or nearer:
/// `--no-rules --rule X` asks X alone, and a rule of the configuration file is
/// not asked with `--no-rules`. They are not watched.
fn named_rules(settings: &Settings) -> Result<Option<RuleOptions>, CliError> {
    let switched_off = nearness(&settings.value("rules").origin);
    let is_named = |key| settings.text(key).is_some() && nearness(&settings.value(key).origin) >= switched_off;
    let (named, folder) = (is_named("rule"), is_named("rules-dir"));
    if !named && !folder {
        return Ok(None);
    }
    let (all, _) = watched_rules(settings)?;
    Ok(Some(RuleOptions {
        built_in: false,
        installed: Shelf::default(),
        user: if named { all.user } else { Vec::new() },
        folder: if folder { all.folder } else { Shelf::default() },
        ..all
    }))
}

/// Flag over environment over file over default.
fn nearness(origin: &From) -> u8 {
    match origin {
        From::Default => 0,
        From::File(_) => 1,
        From::Environment(_) => 2,
        From::Flag(_) => 3,
    }
}

/// What settings say of any component.
pub(super) fn component_options(settings: &Settings) -> RuleOptions {
    RuleOptions {
        cache_dir: Some(cache_dir(settings)),
        settings: settings.rules.clone(),
        limits: settings.limits.clone(),
        grants: settings.grants.clone(),
        private_mirrors: private_mirrors(settings),
        built_in_test: BuiltInTest::Past,
        ..RuleOptions::default()
    }
}

fn private_mirrors(settings: &Settings) -> PrivateMirrors {
    if settings.switch("allow-private-mirrors") { PrivateMirrors::Allow } else { PrivateMirrors::Refuse }
}

pub(super) fn net_options(settings: &Settings, resolve: Vec<ResolveOverride>) -> Result<NetOptions, CliError> {
    Ok(NetOptions { proxy: proxy(settings)?, ..direct_options(settings, resolve)? })
}

/// What settings say of the network, without its proxies.
pub(super) fn direct_options(settings: &Settings, resolve: Vec<ResolveOverride>) -> Result<NetOptions, CliError> {
    let authorities = settings.text("cacert").map(authorities).transpose()?;
    let own_agent = concat!("turbo-engine/", env!("CARGO_PKG_VERSION"));
    Ok(NetOptions {
        user_agent: settings.text("user-agent").unwrap_or(own_agent).to_owned(),
        connect_timeout: settings.seconds("connect-timeout"),
        stall_timeout: settings.seconds("stall-timeout"),
        max_wait: settings.wait("max-wait"),
        proxy: ProxyOptions::default(),
        authorities,
        certificates: if settings.switch("insecure") { CertificateCheck::Skipped } else { CertificateCheck::Enforced },
        identity: identity(settings)?,
        resolve,
        private_mirrors: private_mirrors(settings),
        limit_rate: Some(settings.bytes("limit-rate")).filter(|rate| *rate > 0),
    })
}

fn authorities(path: &str) -> Result<Authorities, CliError> {
    let pem = read_bounded(path.as_ref(), PEM_BYTES)?;
    Authorities::parse(pem).map_err(|error| CliError::usage(format!("{path}: {error}"), "give --cacert a PEM file"))
}

/// The client certificate. Its key may be in the same file.
fn identity(settings: &Settings) -> Result<Option<ClientIdentity>, CliError> {
    let Some(path) = settings.text("cert") else {
        return match settings.text("key") {
            Some(_) => Err(CliError::usage("--key without a certificate", "name its certificate with --cert PEM")),
            None => Ok(None),
        };
    };
    let certificate = read_bounded(path.as_ref(), PEM_BYTES)?;
    let key_path = settings.text("key").unwrap_or(path);
    let key = read_bounded(key_path.as_ref(), PEM_BYTES)?;
    ClientIdentity::parse(&certificate, &key).map(Some).map_err(|error| {
        let path = if error.is_of_key() { key_path } else { path };
        CliError::usage(format!("{path}: {error}"), error.hint())
    })
}

/// The user's proxy, else the ones that curl reads. `HTTP_PROXY` in capitals is
/// not among them: a CGI program would take it from a request header. What the
/// user says has to be a proxy; a variable only where it is used.
pub(super) fn proxy(settings: &Settings) -> Result<ProxyOptions, CliError> {
    let named = |names: &[&str]| {
        let set = |name: &&str| Some(((*name).to_owned(), std::env::var_os(name).filter(|value| !value.is_empty())?));
        names.iter().find_map(set)
    };
    let variable = |names: &[&str]| named(names).map(|(name, value)| ProxySetting::of_variable(&name, &value));
    let wrong = |error: ProxyUrlError| CliError::usage(error.to_string(), "write a proxy as http://HOST:PORT");
    let own = settings.text("proxy").map(str::parse).transpose().map_err(wrong)?.map(ProxySetting::Readable);
    let all = || variable(&["all_proxy", "ALL_PROXY"]);
    let bypass = named(&["no_proxy", "NO_PROXY"]).map(|(_, list)| list.to_string_lossy().into_owned());
    Ok(ProxyOptions {
        http: own.clone().or_else(|| variable(&["http_proxy"])).or_else(all),
        https: own.or_else(|| variable(&["https_proxy", "HTTPS_PROXY"])).or_else(all),
        bypass: settings.text("noproxy").map(str::to_owned).or(bypass),
    })
}

/// The asynchronous runtime of a verb. One thread moves the bytes of all
/// connections: it waits most of the time, and handing chunks to another
/// processor costs more than it gains. Disk and hash have a thread of their own.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
    let within = runtime.enter();
    super::signals::report_file_size_limit();
    drop(within);
    Ok(runtime)
}
