//! What the user sees: data on standard output, messages on standard error.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::error::CliError;
use super::{ColorChoice, GlobalArgs, ProgressChoice};
use crate::download::reason;
use crate::model::{ExitCode, visible_lines};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Bar,
    Plain,
    Json,
    None,
}

/// The user's wishes about output.
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub json: bool,
    pub quiet: bool,
    pub progress: Progress,
    pub color: bool,
    pub verbose: u8,
}

impl Output {
    pub(super) fn new(args: &GlobalArgs) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = match args.color.unwrap_or(ColorChoice::Auto) {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                terminal && moves_cursor() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        let progress = match args.progress {
            Some(ProgressChoice::Bar) => Progress::Bar,
            Some(ProgressChoice::Plain) => Progress::Plain,
            Some(ProgressChoice::Json) => Progress::Json,
            Some(ProgressChoice::None) => Progress::None,
            _ if args.quiet || args.json => Progress::None,
            Some(ProgressChoice::Auto) | None if terminal && moves_cursor() => Progress::Bar,
            Some(ProgressChoice::Auto) | None => Progress::Plain,
        };
        Self { json: args.json, quiet: args.quiet, progress, color, verbose: args.verbose }
    }

    /// Sends the engine's diagnostics to standard error.
    pub(super) fn start_log(&self) {
        let level = match self.verbose {
            0 => return,
            1 => "turbo_engine=info,component=info",
            2 => "turbo_engine=debug,component=debug",
            _ => "turbo_engine=trace,component=trace,reqwest=debug,hyper_util=debug",
        };
        let writer = || Shown(io::stderr());
        let builder = tracing_subscriber::fmt().with_env_filter(level).with_writer(writer).with_ansi(self.color);
        // Only a second subscriber fails, and there is none.
        let _ = builder.without_time().try_init();
    }

    /// Prints data. JSON keeps every text as it is; of what people read,
    /// whatever hides or reorders is escaped.
    pub(super) fn data(&self, text: &str) -> Result<(), CliError> {
        if self.json { self.verbatim(text.as_bytes()) } else { self.verbatim(visible_lines(text).as_bytes()) }
    }

    /// Prints what the engine alone wrote.
    #[expect(clippy::unused_self, reason = "every way out leads through this type")]
    pub(super) fn verbatim(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(CliError::Stdout)
    }

    /// Prints one JSON object as a line of data.
    pub(super) fn json(&self, value: &impl Serialize) -> Result<(), CliError> {
        self.data(&json_line(value))
    }

    /// Prints a line for the user.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            print_line(text);
        }
    }

    /// Prints what several jobs came to: an event to where the events go, else
    /// a line.
    pub(super) fn summary(&self, line: &str, event: &Value) -> Result<(), CliError> {
        if self.json {
            return self.json(event);
        }
        if self.progress == Progress::Json {
            print_line(json_line(event).trim_end());
        } else {
            self.note(line);
        }
        Ok(())
    }

    /// Prints a warning.
    pub(super) fn warning(&self, text: &str) {
        if !self.quiet && !self.json {
            print_line(&format!("{} {text}", self.painted("warning:", "33")));
        }
    }

    /// Prints an error: what failed, why, and what to do.
    pub(super) fn error(&self, error: &CliError) {
        if error.exit_code() == ExitCode::Done {
            return;
        }
        if self.json {
            // A closed output has nobody left to tell.
            let _ = self.json(&error_event(error));
        }
        print_line(&format!("{} {error}", self.painted("error:", "1;31")));
        let mut next = error.source();
        while let Some(cause) = next {
            print_line(&format!("  caused by: {cause}"));
            next = cause.source();
        }
        if let Some(hint) = error.hint() {
            print_line(&format!("{} {hint}", self.painted("hint:", "36")));
        }
    }

    fn painted(&self, text: &str, code: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Whether a terminal understands more than lines of text, as far as `TERM`
/// tells. Windows sets none, and understands.
fn moves_cursor() -> bool {
    match std::env::var_os("TERM") {
        Some(term) => !["", "dumb", "none"].iter().any(|name| term.eq_ignore_ascii_case(name)),
        None => cfg!(windows),
    }
}

/// Prints a line on standard error.
fn print_line(text: &str) {
    // One write, so that nobody else's output lands before the line's end.
    let line = printable(text) + "\n";
    // Nobody can be told that standard error is closed.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// A value as one line of JSON.
pub(super) fn json_line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("plain data");
    line.push('\n');
    line
}

/// The last event of a failed command.
pub(super) fn error_event(error: &CliError) -> Value {
    let code = error.exit_code();
    let job = if let CliError::Download { url, .. } = error { Some(url) } else { None };
    let mut event = json!({
        "v": 1, "job": job, "event": "error", "error": reason(error), "hint": error.hint(), "exit_code": code as u8,
    });
    if let Some(channel) = error.channel() {
        event["channel"] = channel.into();
    }
    event
}

/// Text of servers, files and guests must not move the cursor, change colours,
/// hide or reorder. Colours are the only escapes that pass: ours and those of
/// the log, which colours more.
fn printable(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let mut shown = visible_lines(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let (escape, rest) = part.split_at(colour_bytes(part));
        shown.push_str(if escape.is_empty() { "\\u{1b}" } else { "\x1b" });
        shown.push_str(escape);
        shown.push_str(&visible_lines(rest));
    }
    shown
}

/// Length of the colour (`[1;31m`) that a text begins with; 0 when it does not.
fn colour_bytes(text: &str) -> usize {
    let Some((code, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once('m')) else { return 0 };
    let is_colour = code.len() <= 5 && code.bytes().all(|byte| byte.is_ascii_digit() || byte == b';');
    if is_colour { code.len() + 2 } else { 0 }
}

/// A way out to a screen: what is written is made visible first.
pub(super) struct Shown<W>(pub(super) W);

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Each piece of a formatted line is whole text.
        self.0.write_all(printable(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_escapes_are_disarmed() {
        assert_eq!(
            printable("\x1b[33mwarning:\x1b[0m a\x1b[2Jb\x07\u{202e}\x1b"),
            "\x1b[33mwarning:\x1b[0m a\\u{1b}[2Jb\\u{7}\\u{202e}\\u{1b}"
        );
    }

    #[test]
    fn what_is_written_piece_by_piece_is_made_visible() {
        let mut out = Shown(Vec::new());
        let (name, words) = ("\u{200b}name", "two\twords\u{9b}");
        writeln!(out, "{name} says {words}").expect("a vector takes all");
        assert_eq!(String::from_utf8(out.0).expect("text"), "\\u{200b}name says two\twords\\u{9b}\n");
    }
}
