//! What this process has used so far, as the system counts it.

use std::time::Duration;

/// What this process has used so far, whatever for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessUsage {
    /// Most memory that was resident at once; none where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// Processor time of the program and of the system on its behalf; none
    /// where the system does not say.
    pub cpu: Option<Duration>,
}

impl ProcessUsage {
    /// Asks the system. Blocks for microseconds.
    pub fn now() -> Self {
        Self { peak_memory_bytes: peak_memory_bytes(), cpu: cpu() }
    }
}

/// The kernel's own high-water mark. `getrusage` would count what the process
/// was before it became this program.
#[cfg(target_os = "linux")]
fn peak_memory_bytes() -> Option<u64> {
    high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn peak_memory_bytes() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let most = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
    // Apple counts bytes, the others KiB.
    Some(if cfg!(target_vendor = "apple") { most } else { most * 1024 })
}

#[cfg(not(unix))]
fn peak_memory_bytes() -> Option<u64> {
    None
}

#[cfg(unix)]
fn cpu() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().ok()
}

#[cfg(not(unix))]
fn cpu() -> Option<Duration> {
    None
}

/// `VmHWM` of `/proc/PID/status` (`proc_pid_status(5)`).
#[cfg(target_os = "linux")]
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn reads_the_kernels_account() {
        assert_eq!(high_water_mark("Name:\tx\nVmPeak:\t 99 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        for text in ["", "VmHWM:\n", "VmHWM: many kB", "VmHWM: 1 MB", "VmHWM: 18446744073709551615 kB"] {
            assert_eq!(high_water_mark(text), None, "{text}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn usage_only_grows() {
        let before = ProcessUsage::now();
        let filled = vec![1_u8; 64 << 20];
        assert!(filled.iter().all(|byte| *byte == 1));
        let after = ProcessUsage::now();
        assert!(after.cpu > before.cpu, "{before:?} {after:?}");
        assert!(after.peak_memory_bytes >= Some(filled.len() as u64), "{after:?}");
    }
}
