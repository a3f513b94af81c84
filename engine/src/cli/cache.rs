//! `turbo-engine cache`: keeps the house of the cache.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueHint};
use serde_json::json;

use super::download::{path_text, valued};
use super::error::CliError;
use super::output::Output;
use super::settings::{Flag, Settings, cache_dir};
use super::units::{show_bytes, show_count};
use crate::model::{DisplayUrl, ExitCode};
use crate::store::cache::{Cache, Freed, Listed};

/// Keep the house of the cache.
#[derive(Debug, Args)]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    verb: CacheVerb,
    /// Folder of the cache
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache_dir: Option<PathBuf>,
    /// Most bytes in the cache
    #[arg(long, global = true, value_name = "SIZE")]
    cache_size: Option<String>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum CacheVerb {
    /// List the URLs whose files are kept: digest, size, age since the last use
    List,
    /// Hash every file again and drop what has rotted; exits 6 if there was any
    Verify,
    /// Drop what was not used for longest until the cache is within --cache-size
    Gc,
    /// Drop every file
    Clear,
}

impl CacheArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let flags =
            [valued("cache-dir", path_text(self.cache_dir.as_ref())), valued("cache-size", self.cache_size.clone())];
        flags.into_iter().flatten().collect()
    }
}

/// Runs the verb.
pub(super) fn run(args: &CacheArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    let cache = Cache::open(&cache_dir(settings), settings.bytes("cache-size"))?;
    match args.verb {
        CacheVerb::List => list(&cache, output)?,
        CacheVerb::Verify => verify(&cache, output)?,
        CacheVerb::Gc => tell(cache.gc()?, output)?,
        CacheVerb::Clear => tell(cache.clear()?, output)?,
    }
    Ok(ExitCode::Done)
}

fn list(cache: &Cache, output: &Output) -> Result<(), CliError> {
    let now = SystemTime::now();
    let rows = cache.list()?;
    // One write: a line each would be a system call each.
    let show = if output.json { list_json } else { list_text };
    output.data(&rows.iter().map(|row| show(row, now)).collect::<String>())?;
    let bytes = cache.bytes()?;
    output.note(&format!("{} in all, for {}", show_bytes(bytes), show_count(rows.len(), "URL")));
    Ok(())
}

fn list_json(row: &Listed, now: SystemTime) -> String {
    let entry = &row.entry;
    let value = json!({
        "v": 1, "event": "cached", "url": DisplayUrl(&entry.url).to_string(), "digest": entry.digest,
        "size": entry.size, "unused_s": unused(row, now).as_secs(),
    });
    format!("{value}\n")
}

fn list_text(row: &Listed, now: SystemTime) -> String {
    let (hex, size) = (row.entry.digest.hex(), show_bytes(row.entry.size));
    format!("{}  {size:>10}  {:>5}  {}\n", &hex[..16], age(unused(row, now)), DisplayUrl(&row.entry.url))
}

/// A clock that was set back makes nothing older than now.
fn unused(row: &Listed, now: SystemTime) -> Duration {
    now.duration_since(row.last_used).unwrap_or_default()
}

/// An age in its largest unit.
fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn verify(cache: &Cache, output: &Output) -> Result<(), CliError> {
    let verified = cache.verify()?;
    if output.json {
        output.json(&json!({"v": 1, "event": "verified", "sound": verified.sound, "dropped": verified.dropped}))?;
    } else {
        let mut text = format!("{} sound\n", verified.sound);
        for digest in &verified.dropped {
            // A string takes any write.
            let _ = writeln!(text, "dropped {}", digest.hex());
        }
        output.data(&text)?;
    }
    match verified.dropped.len() {
        0 => Ok(()),
        dropped => Err(CliError::Rotten(dropped)),
    }
}

fn tell(freed: Freed, output: &Output) -> Result<(), CliError> {
    let Freed { blobs, bytes, left_bytes } = freed;
    if output.json {
        return output
            .json(&json!({"v": 1, "event": "freed", "files": blobs, "bytes": bytes, "left_bytes": left_bytes}));
    }
    let (bytes, left) = (show_bytes(bytes), show_bytes(left_bytes));
    output.data(&format!("{} dropped, {bytes}; {left} left\n", show_count(blobs, "file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let shown = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 8_640_000].map(|s| age(Duration::from_secs(s)));
        assert_eq!(shown, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "100 d"]);
    }
}
