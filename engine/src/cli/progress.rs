//! Progress as a bar, as plain lines, as JSON events, or not at all.

mod columns;
mod row;
mod screen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use self::row::Row;
use self::screen::{Board, Screen};
use super::output::{Output, Progress, json_line};
use super::units::{show_bytes, show_count, show_rate};
use crate::component::{Swap, SwapState};
use crate::download::{Event, Observer, Receipt};
use crate::plan::names;
use crate::registry::Notice;

/// How often [`Reporter::tick`] is to be called.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// A pause of so many seconds is told to everybody.
const NOTABLE_WAIT_S: f64 = 3.0;

/// Shows all downloads of a command.
pub(super) struct Reporter {
    output: Output,
    display: Mutex<Display>,
    several: bool,
    warned: Mutex<Warned>,
}

/// Most different warnings of one component that are shown.
const MOST_WARNINGS: usize = 20;

/// What was shown of components in this run, whose rules are asked about every
/// file of a list.
#[derive(Default)]
struct Warned(BTreeMap<String, BTreeSet<String>>);

impl Warned {
    /// What to show of a warning, if anything.
    fn of(&mut self, component: &str, message: &str) -> Option<String> {
        let shown = self.0.entry(component.to_owned()).or_default();
        if shown.len() > MOST_WARNINGS || !shown.insert(message.to_owned()) {
            return None;
        }
        let is_one_too_many = shown.len() > MOST_WARNINGS;
        let more = || format!("further warnings of component `{component}` are not shown");
        Some(if is_one_too_many { more() } else { message.to_owned() })
    }
}

struct Display {
    board: Board,
    /// Where the board is drawn; none where it is not.
    screen: Option<Screen>,
}

impl Display {
    /// Prints something above the rows.
    fn above(&mut self, print: impl FnOnce()) {
        if let Some(screen) = &mut self.screen {
            screen.clear();
        }
        print();
        self.draw();
    }

    fn draw(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.draw(&self.board);
        }
    }

    fn refresh(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.refresh(&self.board);
        }
    }
}

impl Reporter {
    /// A reporter for `jobs` downloads.
    pub(super) fn new(output: &Output, jobs: usize) -> Self {
        let screen = (output.progress == Progress::Bar).then(|| Screen::stderr(output.color)).flatten();
        let display = Mutex::new(Display { board: Board::new(jobs), screen });
        Self { output: output.clone(), display, several: jobs > 1, warned: Mutex::default() }
    }

    fn display(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The observer of one download.
    pub(super) fn observer<'a>(&'a self, url: &'a str) -> JobObserver<'a> {
        let mut display = self.display();
        let row = display.board.add(Row::new(url, Instant::now()));
        display.refresh();
        JobObserver { reporter: self, url, row, begun: Mutex::new(None) }
    }

    /// Shows what only the time has changed: that nothing comes any more.
    pub(super) fn tick(&self) {
        let mut display = self.display();
        display.refresh();
        if self.output.progress == Progress::Plain {
            let now = Instant::now();
            let due: Vec<String> = display.board.rows().filter_map(|row| row.due(now)).collect();
            due.iter().for_each(|line| self.output.note(line));
        }
    }

    /// A line above the rows.
    pub(super) fn note(&self, text: &str) {
        self.display().above(|| self.output.note(text));
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
            self.display().above(|| self.output.warning(&told(notice)));
        } else {
            self.display().above(|| tracing::info!("{}", told(notice)));
        }
    }

    /// A long pause is told to everyone, a short one to those who ask for more. The
    /// caller holds the display.
    fn tell_of_wait(&self, wait_s: f64, text: &str) {
        if wait_s >= NOTABLE_WAIT_S { self.output.note(text) } else { tracing::info!("{text}") }
    }

    /// What to show of a component's warning, if anything.
    fn warning_of(&self, component: &str, message: &str) -> Option<String> {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner).of(component, message)
    }

    /// The last event on standard error, where progress goes there as JSON.
    pub(super) fn done(&self, receipt: &Receipt) {
        if self.output.progress == Progress::Json {
            eprint_line(&serde_json::json!({"v": 1, "job": receipt.url, "event": "done", "receipt": receipt}));
        }
    }

    /// Takes the rows away for good.
    pub(super) fn close(&self) {
        let mut display = self.display();
        if let Some(mut screen) = display.screen.take() {
            screen.clear();
        }
    }
}

/// Observes one download.
pub(super) struct JobObserver<'a> {
    reporter: &'a Reporter,
    url: &'a str,
    row: usize,
    begun: Mutex<Option<Begun>>,
}

/// A download whose first answer was there.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    /// Where its bytes go; none for standard output.
    pub file: Option<PathBuf>,
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
        if let Event::Start { file, .. } = event {
            *self.begun_slot() = Some(Begun { file: file.as_ref().map(PathBuf::from) });
        }
        let output = &self.reporter.output;
        if output.json || output.progress == Progress::Json {
            self.json(event);
            return;
        }
        let mut display = self.reporter.display();
        match event {
            Event::Warning { message } => display.above(|| output.warning(message)),
            Event::OfComponent { component, message } => {
                if let Some(text) = self.reporter.warning_of(component, message) {
                    display.above(|| output.warning(&text));
                }
            }
            Event::Retry { host, why, wait_s } => {
                let text = format!("{host}: {why}; trying again in {wait_s:.1} s");
                display.above(|| self.reporter.tell_of_wait(*wait_s, &text));
                if let Some(row) = display.board.row(self.row) {
                    row.retry(host);
                }
                display.refresh();
            }
            Event::Source { url, state, why, .. } => {
                let why = why.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
                display.above(|| tracing::info!("source {url}: {state:?}{why}"));
            }
            Event::Start { file, size, resumed_bytes, .. } => {
                if let Some(row) = display.board.row(self.row) {
                    row.start(file.as_deref(), *size, *resumed_bytes, Instant::now());
                }
                display.refresh();
                drop(display);
                self.plain_start(*size, *resumed_bytes);
            }
            Event::Progress { bytes, rate, sources, connections, .. } => {
                if let Some(row) = display.board.row(self.row) {
                    row.advance(*bytes, *rate, (*sources, *connections), Instant::now());
                }
                display.refresh();
                // Plain lines are printed at the ticks.
            }
        }
    }
}

impl JobObserver<'_> {
    fn begun_slot(&self) -> MutexGuard<'_, Option<Begun>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the download once its first answer was there.
    pub(super) fn begun(&self) -> Option<Begun> {
        self.begun_slot().clone()
    }

    fn json(&self, event: &Event) {
        let line = Line { v: 1, job: self.url, event };
        if self.reporter.output.json {
            // The next write of data reports a closed output.
            let _ = self.reporter.output.json(&line);
        } else {
            eprint_line(&line);
        }
    }

    fn plain_start(&self, size: Option<u64>, resumed: u64) {
        if self.reporter.output.progress == Progress::Plain && (self.reporter.several || resumed > 0) {
            let size = size.map_or_else(|| "unknown size".into(), show_bytes);
            let resumed = if resumed > 0 { format!(", {} already here", show_bytes(resumed)) } else { String::new() };
            self.reporter.note(&format!("{}: {size}{resumed}", self.url));
        }
    }
}

impl Drop for JobObserver<'_> {
    fn drop(&mut self) {
        let mut display = self.reporter.display();
        display.board.remove(self.row);
        display.draw();
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

/// What a finished download was, for people.
pub(super) fn summary(receipt: &Receipt) -> String {
    let name = receipt.file.as_ref().map_or_else(|| "standard output".into(), |file| shown(file));
    if receipt.already_there {
        return format!("{name} is already there ({}); {}", show_bytes(receipt.size), current(receipt));
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

/// A path on one line, and in the order in which it is read.
fn shown(path: &Path) -> String {
    names::shown(&path.display().to_string())
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
        Proof::Unverified => "unverified".into(),
        by => format!("verified by {}", by.name()),
    }
}

/// What is claimed of a file that was there before.
fn current(receipt: &Receipt) -> String {
    use crate::download::Proof;
    match receipt.verified.by {
        Proof::Origin => "as the origin has it".into(),
        Proof::Unverified => "unverified".into(),
        by => format!("verified by {}", by.name()),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where events go to standard error")]
fn eprint_line(value: &impl Serialize) {
    eprint!("{}", json_line(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_warned_of_once_and_not_without_end() {
        let mut warned = Warned::default();
        assert_eq!(warned.of("a", "text").as_deref(), Some("text"));
        assert_eq!(warned.of("a", "text"), None);
        assert_eq!(warned.of("b", "text").as_deref(), Some("text"));
        let shown: Vec<String> = (0..1_000).filter_map(|number| warned.of("a", &number.to_string())).collect();
        assert_eq!(shown.len(), MOST_WARNINGS);
        assert!(shown[MOST_WARNINGS - 1].contains("not shown"), "{shown:?}");
    }
}
