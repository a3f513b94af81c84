//! The signals that end a command in order, and one that must not end it.
//!
//! A signal asks for an end that can be continued from: the jobs stop, each
//! with its journal, and the exit code is 9.

/// Waits for the first signal that asks the process to end. The system's own
/// handling of a second one is not needed, as jobs end within a tick.
#[cfg(unix)]
pub(super) async fn interrupted() {
    use futures_util::future::select_all;
    use tokio::signal::unix::{SignalKind, signal};
    let hangup = Some(SignalKind::hangup()).filter(|_| hangup_counts());
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()].into_iter().chain(hangup);
    let mut signals: Vec<_> = kinds.filter_map(|kind| signal(kind).ok()).collect();
    if signals.is_empty() {
        std::future::pending::<()>().await;
    }
    select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
}

/// Windows closes a console, logs a user off and shuts down by events of their own.
#[cfg(windows)]
pub(super) async fn interrupted() {
    use tokio::signal::windows;
    let (Ok(mut pause), Ok(mut close), Ok(mut logoff), Ok(mut shutdown)) =
        (windows::ctrl_break(), windows::ctrl_close(), windows::ctrl_logoff(), windows::ctrl_shutdown())
    else {
        return std::future::pending::<()>().await;
    };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        _ = pause.recv() => {}
        _ = close.recv() => {}
        _ = logoff.recv() => {}
        _ = shutdown.recv() => {}
    }
}

/// Whether the end of the terminal is the end of the command: not where `nohup`,
/// or whoever started it, had it ignored. Linux tells in a file; elsewhere the
/// system's own handling stays, which `nohup` has set as well.
#[cfg(unix)]
fn hangup_counts() -> bool {
    /// The bit of signal 1.
    const HANGUP: u64 = 1;
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & HANGUP == 0)
}

/// Turns the signal of a file that grows beyond `ulimit -f` into the error of
/// the write that it is sent for. Must be called within a runtime.
#[cfg(unix)]
pub(super) fn report_file_size_limit() {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays for the life of the process; nobody waits for it.
    let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    if let Err(error) = signal(kind) {
        tracing::debug!("a file beyond the size limit ends the process: {error}");
    }
}

#[cfg(not(unix))]
pub(super) fn report_file_size_limit() {}
