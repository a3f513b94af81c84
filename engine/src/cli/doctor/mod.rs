//! `turbo-engine doctor`: checks what downloads depend on.
//!
//! Nothing is sent over the network: a check that needs a server would tell
//! more about the server than about this machine.

mod rules;

use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::download::{NetworkArgs, SourceArgs};
use super::engine::{direct_options, proxy};
use super::error::CliError;
use super::output::Output;
use super::settings::{Flag, From, KNOWN, Settings, cache_dir, config_path, unknown_variables};
use super::units::show_bytes;
use crate::download::reason;
use crate::model::{ExitCode, Explain};
use crate::net::{Net, NetError, ProxyOptions, ProxySetting};
use crate::store::{check_writable, space};

/// Less free space than this is worth a warning.
const LITTLE_SPACE_BYTES: u64 = 1 << 30;
/// From 1970 to 2026: no clock that is right shows less.
const EARLIEST: Duration = Duration::from_hours(490_896);
/// A clock that shows more than this is wrong, or its certificates are.
const LATEST: Duration = Duration::from_secs(EARLIEST.as_secs() * 2);

/// Check what downloads depend on, without using the network.
///
/// Takes the flags of `download`, to check what a download with them would
/// meet. Exits 1 if a check failed.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

impl DoctorArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.sources.flags().into_iter().chain(self.network.flags()).collect()
    }
}

/// What a check found.
#[derive(Debug)]
struct Finding {
    check: String,
    verdict: Verdict,
    what: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Finding {
    fn ok(check: impl Into<String>, what: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, what: what.into(), hint: None }
    }

    fn warn(check: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, hint: Some(hint.into()), ..Self::ok(check, what) }
    }

    fn fail(check: impl Into<String>, error: &(impl Explain + 'static)) -> Self {
        Self { verdict: Verdict::Fail, hint: error.hint(), ..Self::ok(check, reason(error)) }
    }

    fn refused(check: impl Into<String>, error: &CliError) -> Self {
        Self { verdict: Verdict::Fail, hint: error.hint(), ..Self::ok(check, reason(error)) }
    }

    fn json(&self) -> Value {
        let Self { check, verdict, what, hint } = self;
        json!({"v": 1, "event": "check", "check": check, "verdict": verdict, "what": what, "hint": hint})
    }

    /// The finding for people, with its check in a column of `width`.
    fn line(&self, width: usize) -> String {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        let hint = self.hint.as_ref().map(|hint| format!("      {:width$}  hint: {hint}\n", "")).unwrap_or_default();
        format!("{verdict:<4}  {:<width$}  {}\n{hint}", self.check, self.what)
    }
}

/// Runs the verb. Settings that cannot be loaded are a finding too.
pub(super) fn run(
    args: &DoctorArgs,
    named_config: Option<&Path>,
    loaded: Result<Settings, CliError>,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let mut findings = vec![version(), configuration(named_config, &loaded)];
    findings.extend(environment());
    let settings = loaded.unwrap_or_else(|_| Settings::defaults());
    findings.extend([cache(&settings), certificates(args, &settings), proxies(&settings)]);
    findings.extend([region(&settings), clock(SystemTime::now())]);
    findings.extend(rules::check(&settings));
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    for finding in &findings {
        if output.json {
            output.json(&finding.json())?;
        } else {
            output.data(&finding.line(width))?;
        }
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    Ok(if failed { ExitCode::Failed } else { ExitCode::Done })
}

fn version() -> Finding {
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    Finding::ok("version", format!("{} on {system} {processor}", env!("CARGO_PKG_VERSION")))
}

fn configuration(named: Option<&Path>, loaded: &Result<Settings, CliError>) -> Finding {
    let settings = match loaded {
        Ok(settings) => settings,
        Err(error) => {
            let what = format!("{}; the defaults are checked instead", reason(error));
            return Finding { verdict: Verdict::Fail, hint: error.hint(), ..Finding::ok("configuration", what) };
        }
    };
    let changed = KNOWN.iter().filter(|known| settings.value(known.key).origin != From::Default).count();
    let file = match named.map(Path::to_owned).or_else(config_path) {
        Some(path) if path.exists() => path.display().to_string(),
        Some(path) => format!("no file at {}", path.display()),
        None => "no file: this user has no home".into(),
    };
    Finding::ok("configuration", format!("{file}; {changed} of {} settings are not the default", KNOWN.len()))
}

fn environment() -> Vec<Finding> {
    let warn = |name| {
        Finding::warn(
            "environment",
            format!("{name} is no setting"),
            "`turbo-engine config show --json` lists all variables",
        )
    };
    unknown_variables().into_iter().map(warn).collect()
}

fn cache(settings: &Settings) -> Finding {
    let folder = cache_dir(settings);
    if let Err(error) = check_writable(&folder) {
        let hint = "name a folder that you may write to with --cache-dir";
        return Finding { hint: Some(hint.into()), ..Finding::fail("cache", &error) };
    }
    let space = space(&folder);
    let used = show_bytes(space.used_bytes);
    let free = space.free_bytes.map(|free| format!(", {} free", show_bytes(free))).unwrap_or_default();
    let what = format!("{}: {used} used{free}", folder.display());
    match space.free_bytes {
        Some(free) if free < LITTLE_SPACE_BYTES => {
            Finding::warn("cache", what, "make room, for instance with `turbo-engine cache clear`")
        }
        _ => Finding::ok("cache", what),
    }
}

fn certificates(args: &DoctorArgs, settings: &Settings) -> Finding {
    // Without its proxies, so that a wrong one is not taken for a missing certificate.
    let options = match direct_options(settings, args.network.resolve.clone()) {
        Ok(options) => options,
        Err(error) => return Finding::refused("certificates", &error),
    };
    if let Err(error) = Net::new(options).prepare() {
        let hint = settings.text("cacert").map(|path| format!("{path} must hold certificates in PEM"));
        return Finding { hint: hint.or_else(|| error.hint()), ..Finding::fail("certificates", &error) };
    }
    if settings.switch("insecure") {
        let origin = &settings.value("insecure").origin;
        return Finding::warn("certificates", format!("not checked ({origin})"), "anybody on the way can change files");
    }
    Finding::ok("certificates", settings.text("cacert").unwrap_or("the system's"))
}

fn proxies(settings: &Settings) -> Finding {
    let ProxyOptions { http, https, bypass } = match proxy(settings) {
        Ok(options) => options,
        Err(error) => return Finding::refused("proxies", &error),
    };
    let unreadable = [&http, &https].into_iter().find_map(|setting| match setting {
        Some(ProxySetting::Unreadable(error)) => Some(error.clone()),
        _ => None,
    });
    if let Some(error) = unreadable {
        return Finding::fail("proxies", &NetError::ProxySetting(error));
    }
    let via = |scheme: &str, proxy: Option<ProxySetting>| match proxy {
        Some(ProxySetting::Readable(proxy)) => Some(format!("{scheme} by {proxy}")),
        _ => None,
    };
    let direct = bypass.map(|hosts| format!("directly: {hosts}"));
    let shown: Vec<_> = [via("http", http), via("https", https), direct].into_iter().flatten().collect();
    Finding::ok("proxies", if shown.is_empty() { "none".into() } else { shown.join(", ") })
}

fn region(settings: &Settings) -> Finding {
    let (region, how) = settings.region_and_how();
    Finding::ok("region", format!("{region} ({how})"))
}

fn clock(now: SystemTime) -> Finding {
    let hint = "set the clock: certificates and the freshness of cached files go by it";
    let shown = || httpdate::fmt_http_date(now);
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if (EARLIEST..LATEST).contains(&since) => Finding::ok("clock", shown()),
        Ok(_) => Finding { verdict: Verdict::Fail, ..Finding::warn("clock", shown(), hint) },
        Err(_) => Finding { verdict: Verdict::Fail, ..Finding::warn("clock", "before 1970", hint) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_found() {
        for (seconds, verdict) in [(0, Verdict::Fail), (1_800_000_000, Verdict::Ok), (4_000_000_000, Verdict::Fail)] {
            assert_eq!(clock(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).verdict, verdict, "{seconds}");
        }
    }
}
