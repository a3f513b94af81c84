//! `turbo-engine download`.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::batch::{self, JobOutcome};
use super::engine;
use super::error::CliError;
use super::hosts;
use super::jobs::plan;
use super::output::Output;
use super::registry::LockArgs;
use super::settings::{Flag, Settings, joined};
use super::stats;
use crate::download::{NetworkUse, Receipt};
use crate::model::{Digest, ExitCode};
use crate::net::ResolveOverride;
use crate::store::{Outlet, StoreError, StreamFile, outlet, write_atomic};

/// How long a reader of a receipt's pipe is waited for.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(10);

/// Download files over many connections and from many mirrors at once.
///
/// The origin (URL) is always among the sources. Mirrors from rules deliver only
/// files whose digest is known; mirrors given with --mirror are compared with the
/// origin by samples where it is not, and the result is called unverified. The
/// final name appears only when the file is complete.
#[derive(Debug, Args)]
#[command(
    after_help = "Sizes take K, M, G (powers of 1024). Every setting can also stand in the configuration file\nor in a TURBO_ENGINE_* variable; `turbo-engine config show` tells which one counts."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct DownloadArgs {
    /// URLs to download
    #[arg(value_name = "URL", value_hint = ValueHint::Url, required_unless_present = "input_file")]
    pub urls: Vec<String>,
    /// File to write; `-` streams to standard output in order
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub output: Option<PathBuf>,
    /// Directory to write to
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// List of downloads in aria2's format, or a Metalink 4; `-` for standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub input_file: Option<PathBuf>,
    /// What to do when the file exists: resume, skip, overwrite, fail
    #[arg(long, value_name = "WHAT")]
    if_exists: Option<String>,
    /// When the origin cannot say whether a finished file is current: fetch (download it again and
    /// compare) or keep [default: fetch]
    #[arg(long, value_name = "HOW")]
    recheck: Option<String>,
    /// Take the file's room from the disk before anything is fetched: none, full
    #[arg(long, value_name = "HOW")]
    preallocate: Option<String>,
    /// Set the file's modification time to that of the origin (Last-Modified)
    #[arg(long)]
    remote_time: bool,
    /// Also write the receipt as JSON to this file
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    receipt: Option<PathBuf>,

    /// Take files from the cache only, however old, and send nothing
    #[arg(long, conflicts_with = "no_cache")]
    offline: bool,

    /// Decode what a server sends in a content coding (gzip, deflate, br, zstd) that was not asked for; takes one connection
    #[arg(long)]
    decode: bool,

    #[command(flatten)]
    sources: SourceArgs,
    /// Another place with the same bytes
    #[arg(long, value_name = "URL", help_heading = "Sources")]
    pub mirror: Vec<String>,

    /// Digest that the file must have: sha-256, sha-512, sha-1 or md5
    #[arg(long, value_name = "ALGO:HEX", help_heading = "Verification")]
    pub checksum: Vec<Digest>,
    /// List of digests (as of sha256sum) that names the file
    #[arg(long, value_name = "URL|PATH", help_heading = "Verification")]
    pub checksum_file: Option<String>,
    /// Fail when no digest of the file is known
    #[arg(long, help_heading = "Verification")]
    require_checksum: bool,
    /// Accept bytes of mirrors from rules, Link fields and Metalinks without a known digest
    #[arg(long, help_heading = "Verification")]
    accept_unverified: bool,

    /// Header field for the origin, never sent anywhere else
    #[arg(short = 'H', long, value_name = "'K: V'", help_heading = "Network")]
    pub header: Vec<String>,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Which sources are asked, and how many connections they get.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sources")]
pub(super) struct SourceArgs {
    /// Mirror rule (a WebAssembly component) to ask before the built-in ones
    #[arg(long, value_name = "COMPONENT", value_hint = ValueHint::FilePath)]
    rule: Vec<PathBuf>,
    /// Folder of mirror rules to ask after those; what changes there counts at once
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    rules: Option<PathBuf>,
    /// Ask no mirror rules but those named with --rule and --rules
    #[arg(long)]
    no_rules: bool,
    #[command(flatten)]
    lock: LockArgs,
    /// Connections for each file: a number, or auto to find it by measuring
    #[arg(short = 'x', long, value_name = "N")]
    connections: Option<String>,
    /// Connections to one host: a number, or auto
    #[arg(long, value_name = "N")]
    max_per_host: Option<String>,
    /// Connections over all files that are downloaded at once
    #[arg(long, value_name = "N")]
    max_connections: Option<String>,
    /// Where you are: a country code, world, or auto (locale and time zone)
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Let components, redirects and Metalinks name private addresses
    #[arg(long)]
    allow_private_mirrors: bool,
}

/// How servers are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkArgs {
    /// Value of User-Agent
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// Take logins from ~/.netrc
    #[arg(long)]
    netrc: bool,
    /// File of cookies (cookies.txt) for the origin, never sent anywhere else
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cookies: Option<PathBuf>,
    /// Proxy for all URLs: http, https, socks5 or socks5h
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Hosts that are reached directly, separated by commas
    #[arg(long, value_name = "LIST")]
    noproxy: Option<String>,
    /// The only certificate authorities to trust
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath)]
    cacert: Option<PathBuf>,
    /// Do not check certificates
    #[arg(long)]
    insecure: bool,
    /// Client certificate, shown to the origin alone; may hold its key as well
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath)]
    cert: Option<PathBuf>,
    /// Private key of the client certificate
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// Connect to one of the ADDRs for URLs of HOST and PORT; an ADDR may carry a port where PORT
    /// is 80 or 443
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]")]
    pub resolve: Vec<ResolveOverride>,
    /// Bytes per second over all connections
    #[arg(long, value_name = "RATE")]
    limit_rate: Option<String>,
    /// Seconds to wait for a connection
    #[arg(long, value_name = "S")]
    connect_timeout: Option<String>,
    /// Seconds to wait for the next bytes
    #[arg(long, value_name = "S")]
    stall_timeout: Option<String>,
    /// Attempts in a row without progress
    #[arg(long, value_name = "N")]
    retry: Option<String>,
    /// Longest wait that a server may ask for (Retry-After), or for another process that downloads
    /// the same URL: seconds, or 5m, 2h, 1d
    #[arg(long, value_name = "TIME")]
    max_wait: Option<String>,
    /// Neither take files from the cache nor keep them there
    #[arg(long)]
    no_cache: bool,
    /// Folder of the cache
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache_dir: Option<PathBuf>,
}

/// A flag with a value.
pub(super) fn valued(key: &'static str, value: Option<impl Into<String>>) -> Option<Flag> {
    value.map(|value| Flag { key, value: value.into(), name: key })
}

/// A flag that is a switch: `name` sets `key` to `value`.
pub(super) fn switch(set: bool, name: &'static str, key: &'static str, value: &str) -> Option<Flag> {
    set.then(|| Flag { key, value: value.to_owned(), name })
}

/// The value of a flag that is a path.
pub(super) fn path_text(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.to_string_lossy().into_owned())
}

impl SourceArgs {
    pub(super) fn flags(&self) -> Vec<Flag> {
        let rules = self.rule.iter().map(|path| path.to_string_lossy().into_owned());
        let flags = [
            (!self.rule.is_empty()).then(|| Flag { key: "rule", value: joined(rules), name: "rule" }),
            path_text(self.rules.as_ref()).map(|value| Flag { key: "rules-dir", value, name: "rules" }),
            switch(self.no_rules, "no-rules", "rules", "false"),
            valued("connections", self.connections.clone()),
            valued("max-per-host", self.max_per_host.clone()),
            valued("max-connections", self.max_connections.clone()),
            valued("region", self.region.clone()),
            switch(self.allow_private_mirrors, "allow-private-mirrors", "allow-private-mirrors", "true"),
        ];
        flags.into_iter().flatten().chain(self.lock.flags()).collect()
    }
}

impl NetworkArgs {
    pub(super) fn flags(&self) -> Vec<Flag> {
        let flags = [
            valued("user-agent", self.user_agent.clone()),
            switch(self.netrc, "netrc", "netrc", "true"),
            valued("cookies", path_text(self.cookies.as_ref())),
            valued("proxy", self.proxy.clone()),
            valued("noproxy", self.noproxy.clone()),
            valued("cacert", path_text(self.cacert.as_ref())),
            switch(self.insecure, "insecure", "insecure", "true"),
            valued("cert", path_text(self.cert.as_ref())),
            valued("key", path_text(self.key.as_ref())),
            valued("limit-rate", self.limit_rate.clone()),
            valued("connect-timeout", self.connect_timeout.clone()),
            valued("stall-timeout", self.stall_timeout.clone()),
            valued("retry", self.retry.clone()),
            valued("max-wait", self.max_wait.clone()),
            switch(self.no_cache, "no-cache", "cache", "false"),
            valued("cache-dir", path_text(self.cache_dir.as_ref())),
        ];
        flags.into_iter().flatten().collect()
    }
}

impl DownloadArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let own = [
            valued("if-exists", self.if_exists.clone()),
            valued("preallocate", self.preallocate.clone()),
            switch(self.remote_time, "remote-time", "remote-time", "true"),
            switch(self.decode, "decode", "decode", "true"),
            switch(self.require_checksum, "require-checksum", "require-checksum", "true"),
            valued("recheck", self.recheck.clone()),
            switch(self.accept_unverified, "accept-unverified", "accept-unverified", "true"),
        ];
        own.into_iter().flatten().chain(self.sources.flags()).chain(self.network.flags()).collect()
    }
}

/// Runs the verb.
pub(super) fn run(args: &DownloadArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    let (mut engine, watched) = engine::build_watched(settings, args.network.resolve.clone())?;
    if args.offline {
        engine.options.network = NetworkUse::Offline;
    }
    let planned = plan(args, settings, engine.options)?;
    let runtime = engine::runtime()?;
    let at_once = settings.count("jobs") as usize;
    let batch = runtime.block_on(batch::run((&engine, watched), planned, at_once, output));
    // Idle connections are not worth waiting for.
    runtime.shutdown_background();
    stats::remember(settings, &engine, &batch.outcomes);
    hosts::remember(settings, &engine.seats.learned());
    if let Some(path) = &args.receipt {
        write_receipts(path, &batch.outcomes)?;
    }
    batch.conclude(output)
}

fn write_receipts(path: &std::path::Path, outcomes: &[JobOutcome]) -> Result<(), CliError> {
    let receipts: Vec<&Receipt> = outcomes.iter().flatten().collect();
    let text = match receipts[..] {
        [receipt] if outcomes.len() == 1 => serde_json::to_vec_pretty(receipt),
        _ => serde_json::to_vec_pretty(&receipts),
    };
    let text = text.expect("a receipt is plain data");
    match outlet(path)? {
        None => Ok(write_atomic(path, &text)?),
        Some(Outlet::Descriptor(1)) => std::io::stdout().lock().write_all(&text).map_err(CliError::Stdout),
        Some(Outlet::Descriptor(number)) => write_out(StreamFile::descriptor(number)?, &text),
        Some(Outlet::Stream(stream)) => write_out(stream.patient_for(RECEIPT_PATIENCE), &text),
    }
}

fn write_out(mut stream: StreamFile, text: &[u8]) -> Result<(), CliError> {
    Ok(stream.write_all(text).map_err(StoreError::stream)?)
}
