//! Which settings there are: key, default, meaning, and what a value may be.

use crate::cli::units::{parse_bytes, parse_seconds, parse_switch, parse_wait};
use crate::download::Recheck;
use crate::model::Region;
use crate::store::{IfExists, Preallocate};

/// One setting: its key, default, and meaning.
pub(in crate::cli) struct Known {
    pub key: &'static str,
    pub default: &'static str,
    pub help: &'static str,
    pub(super) check: fn(&str) -> Result<(), String>,
}

macro_rules! known {
    ($($key:literal = $default:literal, $check:expr, $help:literal;)*) => {
        /// Every setting, in the order of `config show`.
        pub(in crate::cli) const KNOWN: &[Known] = &[$(Known {
            key: $key,
            default: $default,
            help: $help,
            check: |text| { let check: fn(&str) -> Result<_, String> = $check; check(text).map(drop) },
        }),*];
    };
}

known! {
    "connections" = "auto", parse_connections, "connections for each file: a number, or auto to find it by measuring";
    "max-per-host" = "auto", parse_connections, "connections to one host: a number, or auto (6 to a mirror's)";
    "max-connections" = "64", parse_positive, "connections over all files";
    "jobs" = "8", parse_positive, "files downloaded at once";
    "region" = "auto", parse_region, "where you are: a country code, world, or auto (locale and time zone)";
    "retry" = "5", parse_count, "attempts in a row without progress";
    "connect-timeout" = "10", parse_seconds, "seconds to wait for a connection";
    "stall-timeout" = "30", parse_seconds, "seconds to wait for the next bytes";
    "max-wait" = "5m", parse_wait, "longest wait that a server may ask for, or for another process: seconds, or 5m, 2h, 1d";
    "decode" = "false", parse_switch, "whether a content coding that a server applies unasked is undone";
    "limit-rate" = "0", parse_bytes, "bytes per second over all connections; 0 for no limit";
    "if-exists" = "resume", parse_if_exists, "what to do when the file exists: resume, skip, overwrite, fail";
    "recheck" = "fetch", parse_recheck, "what to do when the origin cannot say whether a finished file is current: fetch it again and compare, or keep it";
    "preallocate" = "none", parse_preallocate, "whether a file takes its room from the disk first: none, full";
    "remote-time" = "false", parse_switch, "whether a file gets the modification time of the origin (Last-Modified)";
    "user-agent" = "", any, "value of User-Agent; empty for the engine's own";
    "proxy" = "", any, "proxy for all URLs: http, https, socks5 or socks5h; empty for http_proxy, https_proxy, all_proxy";
    "noproxy" = "", any, "hosts reached directly, as in NO_PROXY; empty for no_proxy";
    "cacert" = "", any, "PEM file of the only certificate authorities to trust; empty for the system's";
    "insecure" = "false", parse_switch, "whether certificates go unchecked";
    "cert" = "", any, "PEM file of a client certificate, for origins alone; may hold its key as well";
    "key" = "", any, "PEM file of the private key of `cert`";
    "netrc" = "false", parse_switch, "whether logins are read from ~/.netrc";
    "cookies" = "", any, "file of cookies in Netscape's format, for origins alone";
    "allow-private-mirrors" = "false", parse_switch, "whether components, redirects and Metalinks may name private addresses";
    "require-checksum" = "false", parse_switch, "whether a download without a known digest fails";
    "accept-unverified" = "false", parse_switch, "whether mirrors of rules, Link fields and Metalinks deliver without a known digest";
    "rules" = "true", parse_switch, "whether mirror rules are asked; if not, only those named for the run";
    "rule" = "", any, "files of further mirror rules";
    "rules-dir" = "", any, "folder of further mirror rules; what changes there counts at once";
    "components-dir" = "", any, "folder of installed components; empty for the platform's";
    "lock" = "", any, "lockfile of installed components; empty for the user's own";
    "frozen" = "false", parse_switch, "whether components must be as the lockfile says, or fail";
    "trust" = "", any, "list of the keys whose signatures of components count; empty for the user's own";
    "require-signature" = "false", parse_switch, "whether components need a signature by a trusted key";
    "cache" = "true", parse_switch, "whether finished downloads are kept in the cache and taken from it";
    "cache-dir" = "", any, "folder of the cache; empty for the platform's";
    "cache-size" = "10GiB", parse_bytes, "most bytes in the cache";
    "stats" = "true", parse_switch, "whether `turbo-engine stats` counts downloads, and limits of hosts are remembered";
    "sdk" = "", any, "folder of the crate turbo-component for new components; empty for the project's repository";
    "buffer" = "32MiB", parse_bytes, "most bytes between the network and the disk";
}

#[expect(clippy::unnecessary_wraps, reason = "one of the checks, and some can fail")]
fn any(_: &str) -> Result<(), String> {
    Ok(())
}

pub(super) fn parse_count(text: &str) -> Result<u32, String> {
    match text.trim().parse() {
        Ok(count) if count <= 1000 => Ok(count),
        _ => Err(format!("`{text}` is not a number from 0 to 1000")),
    }
}

pub(super) fn parse_positive(text: &str) -> Result<u32, String> {
    parse_count(text).ok().filter(|count| *count > 0).ok_or_else(|| format!("`{text}` is not a number from 1 to 1000"))
}

/// None for `auto`.
pub(super) fn parse_connections(text: &str) -> Result<Option<usize>, String> {
    match text.trim() {
        "auto" => Ok(None),
        number => match number.parse() {
            Ok(count) if (1..=128).contains(&count) => Ok(Some(count)),
            _ => Err(format!("`{text}` is neither auto nor a number from 1 to 128")),
        },
    }
}

/// None for `auto`.
pub(super) fn parse_region(text: &str) -> Result<Option<Region>, String> {
    match text.trim() {
        "auto" => Ok(None),
        code => code.parse().map(Some).map_err(|error: crate::model::RegionError| error.to_string()),
    }
}

pub(in crate::cli) fn parse_if_exists(text: &str) -> Result<IfExists, String> {
    match text.trim() {
        "resume" => Ok(IfExists::Resume),
        "skip" => Ok(IfExists::Skip),
        "overwrite" => Ok(IfExists::Overwrite),
        "fail" => Ok(IfExists::Fail),
        _ => Err(format!("`{text}` is none of resume, skip, overwrite, fail")),
    }
}

pub(super) fn parse_preallocate(text: &str) -> Result<Preallocate, String> {
    match text.trim() {
        "none" => Ok(Preallocate::None),
        "full" => Ok(Preallocate::Full),
        _ => Err(format!("`{text}` is neither none nor full")),
    }
}

pub(super) fn parse_recheck(text: &str) -> Result<Recheck, String> {
    match text.trim() {
        "fetch" => Ok(Recheck::Fetch),
        "keep" => Ok(Recheck::Keep),
        _ => Err(format!("`{text}` is neither fetch nor keep")),
    }
}
