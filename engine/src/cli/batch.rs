//! Several downloads at once, and what became of them all.
//!
//! A job that fails stops no other. The first signal stops them all, each with
//! what it needs to go on.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::error::CliError;
use super::jobs::Planned;
use super::output::{Output, Progress};
use super::progress::{Begun, Reporter, TICK, costs, summary};
use super::signals::interrupted;
use super::units::{show_bytes, show_rate};
use crate::download::{DownloadError, Engine, Event, Observer, Output as Destination, Receipt, download};
use crate::model::ExitCode;
use crate::registry::{Watch, Watched};
use crate::store::{RunNames, kept_bytes};

/// How long a stream may take to end after a signal. Its reader, or nobody at
/// the other end of a pipe, may keep it waiting for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What became of one job.
pub(super) type JobOutcome = Result<Receipt, CliError>;

/// Downloads that have ended.
pub(super) struct Batch {
    /// In the order in which they were named.
    pub outcomes: Vec<JobOutcome>,
    /// In the same order.
    left: Vec<Left>,
    seconds: f64,
}

/// What a job that was interrupted left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Nothing to go on from, or it was not interrupted.
    Nothing,
    /// Bytes from which the same command goes on.
    Kept(u64),
    /// It had not begun.
    NotBegun,
}

/// What several downloads came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Tally {
    done: usize,
    /// Files that were there already.
    left_alone: usize,
    failed: usize,
    interrupted: usize,
    /// Interrupted ones that go on where they ended, and what they have.
    kept: usize,
    kept_bytes: u64,
    /// Interrupted ones that had not begun.
    not_begun: usize,
    /// Bytes of the files that were done, from the network or the cache.
    bytes: u64,
    seconds: f64,
}

/// Runs the jobs, at most `at_once` at a time. What changes meanwhile where
/// the rules are from counts for the jobs that have not begun.
pub(super) async fn run(
    (engine, watched): (&Engine, Option<Watched>),
    planned: Vec<Planned>,
    at_once: usize,
    output: &Output,
) -> Batch {
    let begun = Instant::now();
    let engine = &Engine { names: RunNames::shared(), ..engine.clone() };
    let cancel = CancellationToken::new();
    let reporter = Arc::new(Reporter::new(output, planned.len()));
    // Those that begin at once ask the rules as they were when the engine was built.
    let _watch = watched.filter(|_| planned.len() > at_once).and_then(|watched| watch(engine, watched, &reporter));
    // In any order: a slow file must not hold up those behind it.
    let jobs = futures_util::stream::iter(planned.into_iter().enumerate())
        .map(|(nth, planned)| {
            let job = run_one(engine, planned, Arc::clone(&reporter), &cancel, output);
            async move { (nth, job.await) }
        })
        .buffer_unordered(at_once)
        .collect::<Vec<_>>();
    let interrupted = interrupted();
    tokio::pin!(jobs, interrupted);
    let mut ticks = tokio::time::interval(TICK);
    let mut outcomes = loop {
        tokio::select! {
            outcomes = &mut jobs => break outcomes,
            () = &mut interrupted, if !cancel.is_cancelled() => cancel.cancel(),
            _ = ticks.tick() => reporter.tick(),
        }
    };
    reporter.close();
    outcomes.sort_by_key(|(nth, _)| *nth);
    let (outcomes, left) = outcomes.into_iter().map(|(_, ended)| ended).unzip();
    Batch { outcomes, left, seconds: begun.elapsed().as_secs_f64() }
}

fn watch(engine: &Engine, watched: Watched, reporter: &Arc<Reporter>) -> Option<Watch> {
    let reporter = Arc::clone(reporter);
    let started = watched.start(engine.rules.clone()?, move |notice| reporter.notice(&notice));
    started.inspect_err(|error| tracing::warn!("changes of rules go unnoticed: {error}")).ok()
}

async fn run_one(
    engine: &Engine,
    planned: Planned,
    reporter: Arc<Reporter>,
    cancel: &CancellationToken,
    output: &Output,
) -> (JobOutcome, Left) {
    let Planned { job, options, shown, limit_rate, warnings, path, sink, .. } = planned;
    if cancel.is_cancelled() {
        let left = left(None, path.as_deref());
        return (Err(CliError::Download { url: shown, source: DownloadError::Interrupted }), left);
    }
    let net = limit_rate.map_or_else(|| engine.net.clone(), |rate| engine.net.limited(rate));
    let engine = Engine { net, options, ..engine.clone() };
    let observer = reporter.observer(&shown);
    warnings.iter().for_each(|text| observer.event(&Event::warning(text)));
    let is_stream = matches!(job.output, Destination::Stream(_));
    let result = tokio::select! {
        result = download(&engine, job, &observer, cancel) => result,
        () = overdue(cancel), if is_stream => Err(DownloadError::Interrupted),
    };
    let begun = observer.begun();
    drop(observer);
    let left = match &result {
        Err(DownloadError::Interrupted) => left(begun.as_ref(), path.as_deref()),
        _ => Left::Nothing,
    };
    let result = result.map(|receipt| Receipt { file: sink.or(receipt.file), ..receipt });
    (report(result, shown, &reporter, output), left)
}

/// What an interrupted job left; `path` is where its bytes go as far as that is
/// known without an answer.
fn left(begun: Option<&Begun>, path: Option<&Path>) -> Left {
    let file = begun.and_then(|begun| begun.file.as_deref()).or(path);
    match (file.and_then(kept_bytes), begun) {
        (Some(bytes), _) => Left::Kept(bytes),
        (None, None) => Left::NotBegun,
        (None, Some(_)) => Left::Nothing,
    }
}

/// Tells of a job that has ended.
fn report(result: Result<Receipt, DownloadError>, shown: String, reporter: &Reporter, output: &Output) -> JobOutcome {
    match result {
        Ok(receipt) => {
            reporter.done(&receipt);
            if output.json {
                output.json(&json!({"v": 1, "job": shown, "event": "done", "receipt": receipt}))?;
            } else if output.progress != Progress::None {
                reporter.note(&summary(&receipt));
                if output.verbose > 0 {
                    reporter.note(&format!("  {}", costs(&receipt)));
                }
            }
            Ok(receipt)
        }
        Err(error) => Err(CliError::Download { url: shown, source: error }),
    }
}

/// Ends when a stream that was asked to end has not.
async fn overdue(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}

impl Batch {
    /// Says what failed and what it all came to. Gives the exit code: that of a
    /// single job, 3 when some of several failed.
    pub(super) fn conclude(mut self, output: &Output) -> Result<ExitCode, CliError> {
        if self.outcomes.len() == 1 {
            return self.outcomes.remove(0).map(|_| ExitCode::Done);
        }
        let tally = self.tally();
        let failed: Vec<&CliError> = self.outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        for error in told(&failed) {
            output.error(error);
        }
        output.summary(&tally.line(), &tally.event())?;
        Ok(match failed[..] {
            [] => ExitCode::Done,
            _ if tally.interrupted > 0 => ExitCode::Interrupted,
            [first, ..] if failed.len() == self.outcomes.len() => first.exit_code(),
            _ => ExitCode::Partial,
        })
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally { seconds: self.seconds, ..Tally::default() };
        for left in &self.left {
            match left {
                Left::Nothing => {}
                Left::Kept(bytes) => {
                    tally.kept += 1;
                    tally.kept_bytes += bytes;
                }
                Left::NotBegun => tally.not_begun += 1,
            }
        }
        for outcome in &self.outcomes {
            match outcome {
                Ok(receipt) if receipt.already_there => tally.left_alone += 1,
                Ok(receipt) => {
                    tally.done += 1;
                    tally.bytes += receipt.size - receipt.resumed_bytes.min(receipt.size);
                }
                Err(error) if is_interrupted(error) => tally.interrupted += 1,
                Err(_) => tally.failed += 1,
            }
        }
        tally
    }
}

impl Tally {
    /// Bytes a second over all files.
    fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let bytes = self.bytes as f64;
        bytes / self.seconds.max(1e-3)
    }

    fn event(&self) -> Value {
        let Self { done, left_alone, failed, interrupted, kept, kept_bytes, not_begun, bytes, seconds } = self;
        json!({
            "v": 1, "event": "summary", "done": done, "left_alone": left_alone, "failed": failed,
            "interrupted": interrupted, "kept": kept, "kept_bytes": kept_bytes, "not_begun": not_begun, "bytes": bytes, "seconds": seconds, "rate": self.rate(),
        })
    }

    fn line(&self) -> String {
        let kept = format!("kept for resume ({})", show_bytes(self.kept_bytes));
        let counted = [
            (self.done, "done"),
            (self.left_alone, "already there"),
            (self.failed, "failed"),
            (self.kept, kept.as_str()),
            (self.not_begun, "not begun"),
            (self.interrupted - self.kept - self.not_begun, "interrupted with nothing to resume"),
        ];
        let counts = counted.into_iter().filter(|(count, what)| *count > 0 || *what == "done");
        let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        let all = self.done + self.left_alone + self.failed + self.interrupted;
        let (counts, bytes, rate) = (counts.join(", "), show_bytes(self.bytes), show_rate(self.rate()));
        format!("{all} files: {counts}; {bytes} in {:.1} s ({rate})", self.seconds)
    }
}

/// The errors to print: of those that a signal caused, one is enough.
fn told<'a>(failed: &[&'a CliError]) -> Vec<&'a CliError> {
    let (interrupted, others): (Vec<_>, Vec<_>) = failed.iter().copied().partition(|error| is_interrupted(error));
    others.into_iter().chain(interrupted.into_iter().take(1)).collect()
}

fn is_interrupted(error: &CliError) -> bool {
    matches!(error, CliError::Download { source: DownloadError::Interrupted, .. })
}
