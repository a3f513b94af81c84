//! Progress as a bar, as plain lines, as JSON events, or not at all.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use super::output::{Output, Progress, json_line};
use super::units::{show_bytes, show_count, show_rate};
use crate::component::{Swap, SwapState};
use crate::download::{Event, Observer, Receipt};
use crate::registry::Notice;

/// How often a plain line is printed.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// A pause of so many seconds is told to everybody.
const NOTABLE_WAIT_S: f64 = 3.0;

/// Shows all downloads of a command.
pub(super) struct Reporter {
    output: Output,
    bars: MultiProgress,
    several: bool,
}

impl Reporter {
    /// A reporter for `jobs` downloads.
    pub(super) fn new(output: &Output, jobs: usize) -> Self {
        let target =
            if output.progress == Progress::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { output: output.clone(), bars: MultiProgress::with_draw_target(target), several: jobs > 1 }
    }

    /// The observer of one download.
    pub(super) fn observer<'a>(&'a self, url: &'a str) -> JobObserver<'a> {
        let bar = (self.output.progress == Progress::Bar).then(|| self.bars.add(ProgressBar::no_length()));
        JobObserver { reporter: self, url, bar, state: Mutex::new(PlainState { size: None, printed: Instant::now() }) }
    }

    /// A line above the bars.
    pub(super) fn note(&self, text: &str) {
        self.bars.suspend(|| self.output.note(text));
    }

    /// Tells of a rule that was exchanged.
    pub(super) fn notice(&self, notice: &Notice) {
        let (event, is_trouble) = match notice {
            Notice::Swap(swap) => (json!({"v": 1, "job": null, "event": "rule", "swap": swap}), is_refusal(swap)),
            Notice::Trouble(text) => (json!({"v": 1, "job": null, "event": "warning", "message": text}), true),
        };
        if self.output.json {
            // The next write of data reports a closed output.
            let _ = self.output.json(&event);
        } else if self.output.progress == Progress::Json {
            eprint_line(&event);
        } else if is_trouble {
            self.bars.suspend(|| self.output.warning(&told(notice)));
        } else {
            self.bars.suspend(|| tracing::info!("{}", told(notice)));
        }
    }

    /// The last event on standard error, where progress goes there as JSON.
    pub(super) fn done(&self, receipt: &Receipt) {
        if self.output.progress == Progress::Json {
            eprint_line(&serde_json::json!({"v": 1, "job": receipt.url, "event": "done", "receipt": receipt}));
        }
    }
}

/// Observes one download.
pub(super) struct JobObserver<'a> {
    reporter: &'a Reporter,
    url: &'a str,
    bar: Option<ProgressBar>,
    state: Mutex<PlainState>,
}

struct PlainState {
    size: Option<u64>,
    printed: Instant,
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    job: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

impl Observer for JobObserver<'_> {
    fn event(&self, event: &Event) {
        let output = &self.reporter.output;
        if output.json || output.progress == Progress::Json {
            self.json(event);
            return;
        }
        match event {
            Event::Warning { message } => self.reporter.bars.suspend(|| output.warning(message)),
            Event::Retry { host, why, wait_s } => {
                let text = format!("{host}: {why}; trying again in {wait_s:.1} s");
                if *wait_s >= NOTABLE_WAIT_S {
                    self.reporter.note(&text);
                } else {
                    tracing::info!("{text}");
                }
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("retrying {host}"));
                }
            }
            Event::Source { url, state, why, .. } => {
                tracing::info!(
                    "source {url}: {state:?}{}",
                    why.as_ref().map(|why| format!(", {why}")).unwrap_or_default()
                );
            }
            Event::Start { .. } | Event::Progress { .. } => self.advance(event),
        }
    }
}

impl JobObserver<'_> {
    fn json(&self, event: &Event) {
        let line = Line { v: 1, job: self.url, event };
        if self.reporter.output.json {
            // The next write of data reports a closed output.
            let _ = self.reporter.output.json(&line);
        } else {
            eprint_line(&line);
        }
    }

    fn advance(&self, event: &Event) {
        match (&self.bar, event) {
            (Some(bar), Event::Start { size, resumed_bytes, .. }) => {
                bar.set_style(style(size.is_some()));
                bar.set_prefix(file_name(self.url));
                if let Some(size) = size {
                    bar.set_length(*size);
                }
                bar.set_position(*resumed_bytes);
                bar.reset_eta();
            }
            (Some(bar), Event::Progress { bytes, sources, connections, .. }) => {
                bar.set_position(*bytes);
                bar.set_message(sources_text(*sources, *connections));
            }
            (None, Event::Start { size, resumed_bytes, .. }) => self.plain_start(*size, *resumed_bytes),
            (None, Event::Progress { bytes, rate, sources, connections, .. }) => {
                self.plain_progress(*bytes, *rate, &sources_text(*sources, *connections));
            }
            _ => {}
        }
    }

    fn plain_start(&self, size: Option<u64>, resumed: u64) {
        self.state.lock().expect("no panic while holding it").size = size;
        if self.reporter.output.progress == Progress::Plain && (self.reporter.several || resumed > 0) {
            let size = size.map_or_else(|| "unknown size".into(), show_bytes);
            let resumed = if resumed > 0 { format!(", {} already here", show_bytes(resumed)) } else { String::new() };
            self.reporter.note(&format!("{}: {size}{resumed}", self.url));
        }
    }

    fn plain_progress(&self, bytes: u64, rate: f64, sources: &str) {
        let mut state = self.state.lock().expect("no panic while holding it");
        if self.reporter.output.progress != Progress::Plain || state.printed.elapsed() < PLAIN_INTERVAL {
            return;
        }
        state.printed = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let share = state.size.filter(|size| *size > 0).map(|size| bytes as f64 / size as f64);
        let share = share.map(|share| format!("{:.0} %, ", share * 100.0)).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let left = state.size.filter(|_| rate > 0.0).map(|size| size.saturating_sub(bytes) as f64 / rate);
        let left = left.map(|seconds| format!(", {seconds:.0} s left")).unwrap_or_default();
        let (name, bytes, rate) = (file_name(self.url), show_bytes(bytes), show_rate(rate));
        self.reporter.note(&format!("{name}: {share}{bytes} at {rate}{left}, {sources}"));
    }
}

impl Drop for JobObserver<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn is_refusal(swap: &Swap) -> bool {
    swap.state == SwapState::Refused
}

/// A notice, for people.
fn told(notice: &Notice) -> String {
    let swap = match notice {
        Notice::Trouble(text) => return text.clone(),
        Notice::Swap(swap) => swap,
    };
    let rule = swap.rule.as_deref().unwrap_or(&swap.component);
    let (version, was) = (swap.version.as_deref().unwrap_or_default(), swap.was.as_deref().unwrap_or_default());
    let from = swap.path.as_ref().map(|path| format!(" ({})", path.display())).unwrap_or_default();
    match (swap.state, &swap.fault) {
        (SwapState::Added, _) => format!("rule {rule}: {version} is asked from now on{from}"),
        (SwapState::Replaced, _) => format!("rule {rule}: {version} takes the place of {was}{from}"),
        (SwapState::Removed, _) => format!("rule {rule}: {was} is asked no more{from}"),
        (SwapState::Refused, Some(fault)) if swap.version.is_some() => format!("{fault}; {rule} {version} stays"),
        (SwapState::Refused, fault) => fault.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn style(sized: bool) -> ProgressStyle {
    let template = if sized {
        "{prefix:.bold} [{bar:30}] {percent:>3} % {bytes}/{total_bytes} {bytes_per_sec} eta {eta} {msg:.dim}"
    } else {
        "{prefix:.bold} {spinner} {bytes} {bytes_per_sec} {msg:.dim}"
    };
    ProgressStyle::with_template(template).expect("a fixed template").progress_chars("=> ")
}

fn sources_text(sources: usize, connections: usize) -> String {
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}", plural(sources, "source"), plural(connections, "connection"))
}

fn file_name(url: &str) -> String {
    url.trim_end_matches("?[redacted]").rsplit('/').next().unwrap_or(url).chars().take(40).collect()
}

/// What a finished download was, for people.
pub(super) fn summary(receipt: &Receipt) -> String {
    let name = receipt.file.as_ref().map_or_else(|| "standard output".into(), |file| file.display().to_string());
    if receipt.already_there {
        return format!("{name} is already there ({})", show_bytes(receipt.size));
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = show_rate((receipt.size - receipt.resumed_bytes.min(receipt.size)) as f64 / receipt.seconds.max(1e-3));
    let from: Vec<_> = receipt
        .sources
        .iter()
        .filter(|source| source.bytes > 0)
        .map(|source| format!("{} {}", source.host, show_bytes(source.bytes)))
        .collect();
    let from = match (receipt.from_cache, from.is_empty()) {
        (true, _) => "from the cache".into(),
        (_, true) => "nothing to fetch".into(),
        _ => format!("from {}", from.join(", ")),
    };
    let size = show_bytes(receipt.size);
    format!("{name}: {size} in {:.1} s ({rate}), {from}; {}", receipt.seconds, proof(receipt))
}

/// What a finished download cost, for people who ask for more.
pub(super) fn costs(receipt: &Receipt) -> String {
    let retries = show_count(receipt.retries as usize, "new attempt");
    let tail = receipt.hash_tail_seconds.map(|seconds| format!("verified {:.0} ms after the last byte", seconds * 1e3));
    let memory = receipt.peak_memory_bytes.map(|bytes| format!("peak memory {}", show_bytes(bytes)));
    let cpu = receipt.cpu_seconds.map(|seconds| format!("{seconds:.2} s of processor time"));
    [Some(retries), tail, memory, cpu].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn proof(receipt: &Receipt) -> String {
    use crate::download::Proof;
    match receipt.verified.by {
        Proof::Origin => "all bytes from the origin".into(),
        Proof::Unverified if receipt.verified.sampled_bytes > 0 => {
            format!("unverified, {} compared with the origin", show_bytes(receipt.verified.sampled_bytes))
        }
        Proof::Unverified => "unverified: the origin could not be asked".into(),
        by => format!("verified by {}", by.name()),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where events go to standard error")]
fn eprint_line(value: &impl Serialize) {
    eprint!("{}", json_line(value));
}
