//! Servers, files and inputs as users of other downloaders reported them: one
//! row a case, the outcome through the binary.
//!
//! A row names what curl, wget and aria2 do with the same server where that
//! says something. Whatever the server does, the file under the final name is
//! one that the server had as a whole, or there is none.

mod answers;
mod claims;
mod dates;
mod inputs;
mod names;
#[cfg(target_os = "linux")]
mod screen;
mod wire;
mod writes;

use crate::rig::{Answer, Engine, Origin, Request, Run};

/// One misbehaving server and the outcome it must have.
pub struct Case {
    /// The row, for the message of a failure.
    pub name: &'static str,
    /// The server; `file.bin` is what is asked for.
    pub server: Box<dyn Fn(&Request) -> Answer + Send + Sync>,
    /// Arguments besides `download --json -o out URL` and short timeouts.
    pub arguments: &'static [&'static str],
    /// The exit code.
    pub code: i32,
    /// What standard error has to contain.
    pub says: &'static [&'static str],
    /// The bytes under the final name; none when there must be no file.
    pub bytes: Option<Vec<u8>>,
}

impl Case {
    /// Runs the case; the engine and its run allow for further checks.
    #[track_caller]
    pub fn check(self) -> (Engine, Run, Origin) {
        let engine = Engine::new();
        let origin = Origin::start(self.server);
        let run = engine.fetch(&origin.file_url(), &[&["--no-rules"], self.arguments].concat());
        assert_eq!(run.code, Some(self.code), "{}: {}\n{}", self.name, run.text(), run.stderr);
        for text in self.says {
            assert!(run.stderr.contains(text), "{}: no `{text}` in stderr:\n{}", self.name, run.stderr);
        }
        match &self.bytes {
            Some(bytes) => assert!(engine.read("out") == *bytes, "{}: wrong bytes", self.name),
            None => assert!(!engine.path("out").exists(), "{}: a file under the final name", self.name),
        }
        (engine, run, origin)
    }
}
