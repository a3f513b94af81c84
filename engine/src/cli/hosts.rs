//! What hosts have shown of their connection limits, kept from run to run.
//!
//! Nothing depends on it: what cannot be read or written is as good as nothing
//! learned. `stats = false` keeps it from being read and written at all, as it
//! names the hosts that were asked.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::error::CliError;
use super::settings::{Settings, cache_dir};
use crate::download::reason;
use crate::plan::{HostLimits, HostLimitsError};
use crate::store::SharedFile;

/// A limit that still counts.
#[derive(Debug, Serialize)]
pub(super) struct Limit {
    /// Scheme, name and port.
    pub host: String,
    /// Connections to open at most now.
    pub connections: usize,
    /// How long ago it was learned.
    pub age_s: u64,
}

/// What earlier runs have learned.
pub(super) fn known(settings: &Settings) -> HostLimits {
    if settings.switch("stats") { read(settings) } else { HostLimits::default() }
}

/// Adds what this run has learned.
pub(super) fn remember(settings: &Settings, learned: &HostLimits) {
    if learned.is_empty() || !settings.switch("stats") {
        return;
    }
    let updated = file(settings).update(|text| match text.as_deref().map(HostLimits::parse).transpose() {
        // A newer engine knows what to do with its own.
        Err(HostLimitsError::Version(_)) => text.unwrap_or_default(),
        Err(HostLimitsError::Damaged(error)) => {
            tracing::debug!("the learned limits begin anew: {error}");
            learned.to_json()
        }
        Ok(known) => {
            let mut limits = known.unwrap_or_default();
            limits.merge(learned);
            limits.forget(since_1970());
            limits.to_json()
        }
    });
    if let Err(error) = updated {
        tracing::debug!("the learned limits stay as they were: {}", reason(&error));
    }
}

/// Forgets everything.
pub(super) fn forget(settings: &Settings) -> Result<(), CliError> {
    Ok(file(settings).remove()?)
}

/// What counts now, by host.
pub(super) fn shown(settings: &Settings) -> Vec<Limit> {
    let now = since_1970();
    let known = read(settings);
    let limits = known.hosts().filter_map(|(host, learned)| {
        let (connections, age) = (learned.current(now)?, learned.age(now)?);
        Some(Limit { host: host.to_owned(), connections, age_s: age.as_secs() })
    });
    limits.collect()
}

fn read(settings: &Settings) -> HostLimits {
    let text = file(settings).read().ok().flatten();
    text.and_then(|text| HostLimits::parse(&text).ok()).unwrap_or_default()
}

fn file(settings: &Settings) -> SharedFile {
    SharedFile::host_limits(&cache_dir(settings))
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
