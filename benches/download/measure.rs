//! One run of one contestant: how long, with how much memory, and whether the
//! bytes are right.

use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::contestant::Contestant;
use super::stage::{Stage, sha256};

/// A run that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(3);
/// How often a run's memory is read: the precision of both figures.
const LOOK: Duration = Duration::from_millis(1);

/// What one run took.
#[derive(Debug)]
pub struct Sample {
    pub seconds: f64,
    /// Largest resident set, where the system tells.
    pub peak_bytes: Option<u64>,
    /// turbo-engine's own account.
    pub receipt: Option<Value>,
}

/// Runs a contestant once.
pub fn run(contestant: &Contestant, stage: &Stage) -> Result<Sample, String> {
    let output = stage.clean_output();
    let mut command = contestant.command(stage, &output);
    let begun = Instant::now();
    let child = command.spawn().map_err(|error| error.to_string())?;
    let (seconds, peak_bytes) = watch(child, begun)?;
    if let Some(wrong) =
        contestant.leaves.iter().find(|file| sha256(&output.join(&file.name)) != Some(file.sha256.clone()))
    {
        return Err(format!("the bytes of {} are wrong", wrong.name));
    }
    Ok(Sample { seconds, peak_bytes, receipt: receipt(&output) })
}

fn watch(mut child: Child, begun: Instant) -> Result<(f64, Option<u64>), String> {
    let mut peak_bytes = None;
    loop {
        peak_bytes = peak_bytes.max(resident_peak(child.id()));
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            let seconds = begun.elapsed().as_secs_f64();
            return if status.success() { Ok((seconds, peak_bytes)) } else { Err(status.to_string()) };
        }
        if begun.elapsed() > LIMIT {
            let _ = child.kill().and_then(|()| child.wait());
            return Err(format!("longer than {} s", LIMIT.as_secs()));
        }
        thread::sleep(LOOK);
    }
}

/// Largest resident set so far; none where the system does not tell.
fn resident_peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn receipt(output: &Path) -> Option<Value> {
    let text = std::fs::read(output.join(super::scenario::RECEIPT)).ok()?;
    serde_json::from_slice(&text).ok()
}
