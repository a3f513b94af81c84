//! The binary on a terminal: a real pseudo terminal, made by `script` (of
//! util-linux, part of every Linux system), and what a person would see on it.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthChar as _;

use super::engine::Engine;

/// Far above what any test needs on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Says where the terminal and the process are, and becomes the binary. Only
/// standard error stays the terminal.
const ON_TERMINAL: &str = "stty rows \"$ROWS\" cols \"$COLUMNS_\" <\"$(tty)\"; tty >\"$PLACE\"; \
    unset ROWS COLUMNS_; echo $$ >>\"$PLACE\"; exec \"$@\" >/dev/null </dev/null";

/// A run whose standard error is a terminal.
pub struct OnTerminal {
    child: Child,
    /// The file with the terminal's path and the process's number.
    place: PathBuf,
    output: Receiver<Vec<u8>>,
    started: Instant,
    pub screen: Screen,
}

impl OnTerminal {
    /// Starts the binary on a terminal of so many rows and columns, with `TERM`
    /// as given.
    pub fn start(engine: &Engine, arguments: &[&str], (rows, columns): (u16, u16), term: Option<&str>) -> Self {
        let place = engine.home().join("tmp/terminal");
        let _ = fs::remove_file(&place);
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let words = [env!("CARGO_BIN_EXE_turbo-engine")].into_iter().chain(arguments.iter().copied());
        let words = words.map(quoted).collect::<Vec<_>>().join(" ");
        let line = format!("sh -c {} sh {words}", quoted(ON_TERMINAL));
        let mut command = engine.program("script");
        command.args(["-q", "-e", "-c", &line, "/dev/null"]);
        command.env("ROWS", rows.to_string()).env("COLUMNS_", columns.to_string()).env("PLACE", &place);
        command.env("SHELL", "/bin/sh");
        match term {
            Some(term) => command.env("TERM", term),
            None => command.env_remove("TERM"),
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("`script` of util-linux");
        let mut reader = child.stdout.take().expect("a piped stream");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = Screen::new(rows.into(), columns.into());
        Self { child, place, output, started: Instant::now(), screen }
    }

    /// The terminal's path and the process's number.
    fn place(&self) -> (String, String) {
        let text = fs::read_to_string(&self.place).expect("the binary was started");
        let mut lines = text.lines().map(str::to_owned);
        (lines.next().expect("a path"), lines.next().expect("a number"))
    }

    /// Waits until the screen is as `wanted`.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: impl Fn(&[String]) -> bool) {
        while !wanted(&self.screen.lines()) {
            let left = PATIENCE.saturating_sub(self.started.elapsed());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.feed(&bytes),
                Err(error) => panic!("{error}; the screen: {:#?}", self.screen.lines()),
            }
        }
    }

    /// Gives the terminal another size, as a person does with a window. The
    /// screen is empty afterwards: what a terminal does with the old rows
    /// differs.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        let terminal = fs::File::open(self.place().0).expect("a terminal");
        let size = ["rows", &rows.to_string(), "cols", &columns.to_string()].map(str::to_owned);
        assert!(Command::new("stty").args(size).stdin(terminal).status().expect("stty").success());
        // What was drawn for the old size is on its way.
        while self.output.recv_timeout(Duration::from_millis(50)).is_ok() {}
        self.screen = Screen::new(rows.into(), columns.into());
    }

    /// Sends the binary a signal by its name.
    pub fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.place().1);
        assert!(Command::new("sh").args(["-c", &script]).status().expect("a shell").success());
    }

    /// Waits for the end; gives the exit code and what is left on the screen.
    pub fn finish(mut self) -> (Option<i32>, Vec<String>) {
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE.saturating_sub(self.started.elapsed())) {
            self.screen.feed(&bytes);
        }
        let code = self.child.wait().expect("a child to wait for").code();
        (code, self.screen.lines())
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a terminal shows, for as much of its language as the binary speaks.
pub struct Screen {
    rows: usize,
    columns: usize,
    /// Each cell's letter; none behind a wide one.
    cells: Vec<Vec<Option<char>>>,
    row: usize,
    column: usize,
    pending: Vec<u8>,
    /// How often a row went on in the next one.
    pub wrapped: usize,
    /// All that was sent.
    pub sent: String,
}

impl Screen {
    fn new(rows: usize, columns: usize) -> Self {
        // One that does not tell its size has one all the same.
        let (rows, columns) = (if rows == 0 { 24 } else { rows }, if columns == 0 { 80 } else { columns });
        let cells = vec![vec![Some(' '); columns]; rows];
        Self { rows, columns, cells, row: 0, column: 0, pending: Vec::new(), wrapped: 0, sent: String::new() }
    }

    /// The rows without the blanks at their ends, up to the last that has text.
    pub fn lines(&self) -> Vec<String> {
        let text = |cells: &Vec<Option<char>>| cells.iter().flatten().collect::<String>().trim_end().to_owned();
        let mut lines: Vec<String> = self.cells.iter().map(text).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let complete = match str::from_utf8(&self.pending) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let text = String::from_utf8(self.pending.drain(..complete).collect()).expect("checked");
        // An escape that is cut waits for its end.
        let end = text.rfind('\x1b').filter(|at| !text[*at..].contains(|c: char| c.is_ascii_alphabetic()));
        let (text, cut) = text.split_at(end.unwrap_or(text.len()));
        self.pending.splice(..0, cut.bytes());
        self.sent.push_str(text);
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' => self.column = 0,
                '\n' => {
                    // As the system's end of a terminal sends it on.
                    self.column = 0;
                    self.feed_line();
                }
                '\x1b' => {
                    let escape: String = letters.by_ref().take_while_inclusive(|c| !c.is_ascii_alphabetic());
                    self.escape(&escape);
                }
                letter => self.put(letter),
            }
        }
    }

    fn feed_line(&mut self) {
        if self.row + 1 < self.rows {
            self.row += 1;
        } else {
            self.cells.remove(0);
            self.cells.push(vec![Some(' '); self.columns]);
        }
    }

    fn escape(&mut self, escape: &str) {
        let number = |text: &str| text.parse().unwrap_or(1);
        match escape.strip_prefix('[').and_then(|rest| rest.split_at_checked(rest.len() - 1)) {
            Some((count, "A")) => self.row = self.row.saturating_sub(number(count)),
            Some(("" | "0", "J")) => {
                self.cells[self.row][self.column.min(self.columns)..].fill(Some(' '));
                self.cells[self.row + 1..].iter_mut().for_each(|row| row.fill(Some(' ')));
            }
            Some((_, "m")) => {}
            _ => panic!("a terminal was sent the escape {escape:?}"),
        }
    }

    fn put(&mut self, letter: char) {
        let width = letter.width().unwrap_or(0);
        if width == 0 {
            return;
        }
        if self.column + width > self.columns {
            self.wrapped += 1;
            self.column = 0;
            self.feed_line();
        }
        self.cells[self.row][self.column] = Some(letter);
        self.cells[self.row][self.column + 1..self.column + width].fill(None);
        self.column += width;
    }
}

trait TakeWhileInclusive {
    fn take_while_inclusive(&mut self, goes_on: impl Fn(char) -> bool) -> String;
}

impl<I: Iterator<Item = char>> TakeWhileInclusive for I {
    fn take_while_inclusive(&mut self, goes_on: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        for letter in self {
            taken.push(letter);
            if !goes_on(letter) {
                break;
            }
        }
        taken
    }
}
