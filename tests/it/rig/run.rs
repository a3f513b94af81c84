//! One run of the binary: its streams, its end, and what it reported.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::children::Sampler;
use super::watch::Watch;

/// Far above what any test needs on a busy machine: a hang fails instead of blocking.
const PATIENCE: Duration = Duration::from_mins(2);

/// What one run did.
#[derive(Debug)]
pub struct Run {
    /// `None` when a signal ended the process.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub took: Duration,
    /// Command lines of programs that it started, as far as they were seen.
    pub children: Vec<String>,
}

/// A run under way; dropping it ends the process.
pub struct Running {
    child: Child,
    started: Instant,
    /// Lines of standard output; disconnected at its end.
    lines: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// Lines of standard error, likewise.
    messages: Receiver<Vec<u8>>,
    heard: Vec<u8>,
    watch: Arc<Watch>,
    sampler: Sampler,
}

impl Running {
    pub(super) fn start(mut command: Command, watch: Arc<Watch>) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the built binary starts");
        let lines = stream_lines(child.stdout.take().expect("a piped stream"));
        let messages = stream_lines(child.stderr.take().expect("a piped stream"));
        let sampler = Sampler::start(command, child.id());
        let (seen, heard) = (Vec::new(), Vec::new());
        Self { child, started: Instant::now(), lines, seen, messages, heard, watch, sampler }
    }

    /// Waits for a line of standard error that contains `text`.
    pub fn wait_for_message(&mut self, text: &str) {
        loop {
            let line = match self.messages.recv_timeout(self.patience_left()) {
                Ok(line) => line,
                Err(error) => panic!("{error} before `{text}`; stderr: {}", String::from_utf8_lossy(&self.heard)),
            };
            self.heard.extend_from_slice(&line);
            if String::from_utf8_lossy(&line).contains(text) {
                return;
            }
        }
    }

    /// Waits for a line of standard output that is an event for which `wanted` holds.
    pub fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = match self.lines.recv_timeout(self.patience_left()) {
                Ok(line) => line,
                Err(error) => panic!("{error} before the event; stdout: {}", String::from_utf8_lossy(&self.seen)),
            };
            self.seen.extend_from_slice(&line);
            if let Ok(event) = serde_json::from_slice(&line)
                && wanted(&event)
            {
                return event;
            }
        }
    }

    /// The next event that comes before `end`; none when the time is over or the
    /// process has closed its output.
    pub fn event_before(&mut self, end: Instant) -> Option<Value> {
        loop {
            let line = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            self.seen.extend_from_slice(&line);
            if let Ok(event) = serde_json::from_slice(&line) {
                return Some(event);
            }
        }
    }

    /// Sends the process a signal by its name, for instance `INT`.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &script]).status().expect("a shell");
        assert!(status.success(), "the process was gone before the signal");
    }

    /// Ends the process at once, as a power cut would.
    #[track_caller]
    pub fn kill(mut self) -> Run {
        self.child.kill().expect("a running child");
        self.finish()
    }

    /// Waits for the end, and looks for secrets in what the run left.
    #[track_caller]
    pub fn finish(mut self) -> Run {
        loop {
            match self.lines.recv_timeout(self.patience_left()) {
                Ok(line) => self.seen.extend_from_slice(&line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.give_up(),
            }
        }
        loop {
            match self.messages.recv_timeout(self.patience_left()) {
                Ok(line) => self.heard.extend_from_slice(&line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.give_up(),
            }
        }
        let stderr = String::from_utf8_lossy(&self.heard).into_owned();
        let code = self.child.wait().expect("a child to wait for").code();
        let took = self.started.elapsed();
        self.check();
        Run { code, stdout: std::mem::take(&mut self.seen), stderr, took, children: self.sampler.seen() }
    }

    #[track_caller]
    fn check(&mut self) {
        if let Some(found) = self.sampler.stop() {
            self.watch.report(&found);
        }
        self.watch.check("standard output", &self.seen);
        self.watch.check("standard error", &self.heard);
        self.watch.check_files();
    }

    fn give_up(&mut self) -> ! {
        let _ = self.child.kill();
        self.heard.extend(self.messages.iter().flatten());
        let stderr = String::from_utf8_lossy(&self.heard);
        panic!("still running after {PATIENCE:?}; stdout: {}\nstderr: {stderr}", String::from_utf8_lossy(&self.seen));
    }

    fn patience_left(&self) -> Duration {
        PATIENCE.saturating_sub(self.started.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.sampler.stop();
    }
}

impl Run {
    /// Asserts the exit code; shows both streams when it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.text(), self.stderr);
        self
    }

    /// Asserts that standard error contains `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in stderr:\n{}", self.stderr);
        self
    }

    /// Asserts a failure in the agreed form: the code, an `error:` line and a `hint:` line.
    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        let run = self.exits(code);
        for start in ["error: ", "hint: "] {
            assert!(run.stderr.lines().any(|line| line.starts_with(start)), "no `{start}` line:\n{}", run.stderr);
        }
        run
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output as JSON lines, each checked for its version.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let text = self.text();
        let events = text.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in `{line}`"));
            assert_eq!(event["v"], 1, "an event without a version: {line}");
            event
        });
        events.collect()
    }

    /// The receipt of the only finished download.
    #[track_caller]
    pub fn receipt(&self) -> Value {
        let events = self.events();
        let done: Vec<&Value> = events.iter().filter(|event| event["event"] == "done").collect();
        assert_eq!(done.len(), 1, "not one `done`: {events:#?}");
        done[0]["receipt"].clone()
    }
}

/// The sources of a receipt that gave bytes, as host and bytes.
pub fn bytes_by_host(receipt: &Value) -> Vec<(String, u64)> {
    let sources = receipt["sources"].as_array().expect("a receipt lists its sources");
    let counted = sources.iter().map(|source| {
        let host = source["host"].as_str().expect("a source has a host").to_owned();
        (host, source["bytes"].as_u64().expect("a source has a count of bytes"))
    });
    counted.filter(|(_, bytes)| *bytes > 0).collect()
}

fn stream_lines(stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            let more = stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0);
            if !more || sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
