//! The built binary, run with a home, a cache and a configuration of its own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::data::sha256;
use super::run::{Run, Running};
use super::watch::Watch;
use super::{children, secrets};

/// A user of the engine: an empty home directory and a place for files.
pub struct Engine {
    home: TempDir,
    variables: Vec<(OsString, OsString)>,
    watch: Arc<Watch>,
}

impl Engine {
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a scratch folder");
        for folder in ["work", "cache", "config", "tmp"] {
            fs::create_dir(home.path().join(folder)).expect("scratch is writable");
        }
        let watch = Arc::new(Watch::new(home.path()));
        Self { home, variables: Vec::new(), watch }
    }

    /// Adds an environment variable to every run.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().into()));
        self
    }

    /// A path below the directory that the binary runs in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file into the working directory.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("scratch is writable");
        path
    }

    /// The bytes under `name`; panics when there is no such file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("cannot read {name}: {error}; {:?}", self.listing()))
    }

    /// Names in the working directory, sorted.
    pub fn listing(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).expect("the working directory exists");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Every file of the cache, whatever it is for.
    pub fn cached_files(&self) -> Vec<PathBuf> {
        files_below(&self.home.path().join("cache"))
    }

    /// Every file below a folder of the working directory.
    pub fn files_below(&self, name: &str) -> Vec<PathBuf> {
        files_below(&self.path(name))
    }

    /// Asserts that `name` holds exactly `bytes`.
    pub fn assert_file(&self, name: &str, bytes: &[u8]) {
        let found = self.read(name);
        assert_eq!(found.len(), bytes.len(), "{name} has the wrong size");
        assert_eq!(sha256(&found), sha256(bytes), "{name} has the wrong bytes");
    }

    /// Asserts that nothing stands under the final name.
    pub fn assert_absent(&self, name: &str) {
        assert!(!self.path(name).exists(), "{name} exists; {:?}", self.listing());
    }

    /// Runs the binary to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.start(arguments).finish()
    }

    /// Runs `download` with the patience of a test: few retries, short timeouts.
    pub fn download<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.run(impatient(arguments))
    }

    /// Downloads `url` to `out` and returns the run, whose output is events.
    pub fn fetch(&self, url: &str, more: &[&str]) -> Run {
        self.download([&["--json", "-o", "out", url], more].concat())
    }

    /// Starts the binary and leaves it running.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let arguments: Vec<OsString> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        secrets::assert_untold(&arguments);
        self.watched(self.command(arguments))
    }

    /// Runs the binary with a secret as an argument, as nobody should.
    pub fn run_carelessly<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.watched(self.command(arguments)).finish()
    }

    /// Starts any command under the scan for secrets.
    pub fn watched(&self, command: Command) -> Running {
        Running::start(command, Arc::clone(&self.watch))
    }

    /// A program as this user starts it, in the working directory.
    pub fn program(&self, program: &str) -> Command {
        let user = self.command(["--version"]);
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.path(""));
        command.envs(user.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    /// Starts a script in which `$0` is the binary, and `$1` and so on the arguments.
    #[cfg(unix)]
    pub fn shell<A: AsRef<OsStr>>(&self, script: &str, arguments: impl IntoIterator<Item = A>) -> Running {
        let mut command = self.program("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_turbo-engine")]).args(arguments);
        self.watched(command)
    }

    /// The command itself, for tests that wire its streams themselves.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let arguments: Vec<OsString> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        secrets::assert_known(&self.variables, &arguments);
        self.watch.check_sources();
        let home = self.home.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_turbo-engine"));
        command.args(arguments).current_dir(home.join("work")).env_clear();
        // Windows starts no process without SystemRoot.
        for kept in ["PATH", "SystemRoot", "SystemDrive"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        for folder in ["HOME", "USERPROFILE"] {
            command.env(folder, home);
        }
        for folder in ["XDG_CONFIG_HOME", "APPDATA"] {
            command.env(folder, home.join("config"));
        }
        for folder in ["XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "LOCALAPPDATA", "TURBO_ENGINE_CACHE_DIR"] {
            command.env(folder, home.join("cache"));
        }
        for folder in ["TMPDIR", "TMP", "TEMP"] {
            command.env(folder, home.join("tmp"));
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        children::record(&mut command, home);
        command
    }
}

impl Drop for Engine {
    /// What was run under somebody else's eyes left files as well.
    fn drop(&mut self) {
        self.watch.check_at_the_end();
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("an existing folder");
    let (folders, mut files): (Vec<_>, Vec<_>) =
        entries.map(|entry| entry.expect("a readable entry").path()).partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

/// A committed component, by its name.
pub fn fixture(name: &str) -> String {
    format!("{}/../tests/fixtures/components/{name}.wasm", env!("CARGO_MANIFEST_DIR"))
}

/// The arguments of a `download` whose every wait is short.
pub fn impatient<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Vec<OsString> {
    let own: Vec<OsString> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    let short = [("--retry", "2"), ("--connect-timeout", "5"), ("--stall-timeout", "2")];
    let fixed = short.into_iter().filter(|(flag, _)| own.iter().all(|argument| argument != flag));
    let fixed = fixed.flat_map(|(flag, value)| [flag, value]).map(OsString::from);
    std::iter::once("download".into()).chain(fixed).chain(own.iter().cloned()).collect()
}
