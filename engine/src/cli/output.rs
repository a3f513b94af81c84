//! What the user sees: data on standard output, messages on standard error.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::error::CliError;
use super::{ColorChoice, GlobalArgs, ProgressChoice};
use crate::download::reason;
use crate::model::ExitCode;
use crate::plan::names::{HIDDEN, is_control};

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
        let builder = tracing_subscriber::fmt().with_env_filter(level).with_writer(io::stderr).with_ansi(self.color);
        // Only a second subscriber fails, and there is none.
        let _ = builder.without_time().try_init();
    }

    /// Prints data.
    #[expect(clippy::unused_self, reason = "every way out leads through this type")]
    pub(super) fn data(&self, text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(CliError::Stdout)
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

/// Text of servers and files must not move the cursor, change colours, or show
/// itself in another order. Our own colours are the only escapes that pass, and
/// of what cannot be seen the joiners, which some scripts are written with.
fn printable(text: &str) -> String {
    let passes = |letter: char| matches!(letter, '\x1b' | '\n' | '\u{200c}' | '\u{200d}');
    let tame = |letter: char| if is_control(letter) && !passes(letter) { HIDDEN } else { letter };
    let mut shown: String = text.chars().map(tame).collect();
    for (at, _) in shown.clone().match_indices('\x1b').collect::<Vec<_>>().into_iter().rev() {
        let ours = ["[33m", "[1;31m", "[36m", "[0m"].iter().any(|code| shown[at + 1..].starts_with(code));
        if !ours {
            shown.replace_range(at..=at, "\u{fffd}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_escapes_are_disarmed() {
        assert_eq!(printable("\x1b[33mwarning:\x1b[0m a\x1b[2Jb\x07"), "\x1b[33mwarning:\x1b[0m a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{2066}c\u{200d}d\n"), "a\u{fffd}b\u{fffd}c\u{200d}d\n");
    }
}
