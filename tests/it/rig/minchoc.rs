//! A real feed of `NuGet` v2 on loopback, `minchoc`, and the real client.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// Variable with the interpreter of a virtual environment that has minchoc.
const PYTHON: &str = "TURBO_ENGINE_MINCHOC_PYTHON";

/// A running feed; dropping it ends the process.
pub struct Minchoc {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Minchoc {
    /// The key of its only user.
    pub const KEY: &str = "5f0c7f3e-3a9b-4c62-9d1e-0a4f6f1b7c21";
    /// One that it does not know.
    pub const STRANGER: &str = "e2b1d0c4-77f5-4b0a-8c36-91d2a6f3b85e";

    /// Starts an empty feed and returns once it accepts connections.
    pub fn start() -> Self {
        let python = std::env::var_os(PYTHON)
            .unwrap_or_else(|| panic!("name in {PYTHON} the python of a virtual environment with minchoc"));
        let folder = tempfile::tempdir().expect("a scratch folder");
        let script = format!("{}/../tests/fixtures/minchoc/serve.py", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(&python)
            .args([script.as_ref(), folder.path().as_os_str(), OsStr::new(Self::KEY)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", python.display()));
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a piped stream");
        BufReader::new(stdout).read_line(&mut line).expect("a line with the port");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("minchoc did not start; is it in {PYTHON}?"));
        Self { child, port, _folder: folder }
    }

    /// The feed as a bare host.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Minchoc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs Debian's `nuget` in a folder, which is its home as well.
pub fn nuget(folder: &std::path::Path, arguments: &[&str]) -> Output {
    Command::new("nuget")
        .args(arguments)
        .arg("-NonInteractive")
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        // Mono would write other names than it is told.
        .env("LANG", "C.UTF-8")
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .output()
        .unwrap_or_else(|error| panic!("cannot run nuget: {error}; install nuget"))
}
