//! The program git, run so that nothing but this module decides what it does.
//!
//! The key invariants: its environment is ours alone, without the user's or
//! the system's configuration, hooks, prompts or filters; of all protocols the
//! one of the repository is allowed; and a secret is in no argument, no
//! variable and no file. It waits in a pipe, of which git's credential helper
//! reads two lines when the server asks. (The common ways all leak: a URL into
//! the arguments, `http.extraHeader` into the environment of every child, and
//! `credential-store` onto the disk.)

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::Remote;
use crate::model::Secret;
use crate::model::excerpt::excerpt_of;
use crate::publish::deliver::DeliverError;

/// Most of an output that is kept; more is read and dropped.
const OUTPUT_BYTES: u64 = 8 << 20;
/// Longest run of one command: a bucket is small, and a silent one is ended by
/// git itself.
const LONGEST_RUN: Duration = Duration::from_mins(10);
/// Most of what git says that is shown.
const MESSAGE_CHARS: usize = 400;
/// How often a process is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// A login for HTTPS.
#[derive(Debug, Clone)]
pub struct GitLogin {
    /// The user; for a token, whatever the server expects.
    pub user: String,
    /// The password or token.
    pub password: Secret,
}

/// What the user decided about git.
#[derive(Debug, Clone, Default)]
pub struct GitOptions {
    /// Variables that git needs: `PATH`, those of proxies without their
    /// passwords, `SSH_AUTH_SOCK`.
    pub environment: Vec<(OsString, OsString)>,
    /// Logins of proxies, each with its `SCHEME://HOST:PORT`.
    pub proxies: Vec<(String, GitLogin)>,
    /// The only authorities to trust.
    pub authorities: Option<PathBuf>,
    /// Longest wait for the next bytes.
    pub stall_timeout: Duration,
}

/// Git in one folder, about one repository.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub folder: PathBuf,
    pub remote: Remote,
    pub login: Option<GitLogin>,
    pub options: GitOptions,
}

/// What a command gave.
#[derive(Debug)]
pub(super) struct Said {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Said {
    /// Standard output as a single line.
    pub(super) fn line(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }
}

/// Whether a command talks to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Local,
    Remote,
}

impl Program {
    /// Runs a command to its end, away from the threads of the runtime.
    pub(super) async fn run(
        &self,
        step: &'static str,
        reach: Reach,
        arguments: &[&str],
        input: Vec<u8>,
    ) -> Result<Said, DeliverError> {
        let program = self.clone();
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let work = move || program.run_here(step, reach, &arguments, input);
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(DeliverError::Git { step, message: "its thread ended".into() }))
    }

    /// As [`Self::run`], and fails when git does.
    pub(super) async fn must(
        &self,
        step: &'static str,
        reach: Reach,
        arguments: &[&str],
        input: Vec<u8>,
    ) -> Result<Said, DeliverError> {
        let said = self.run(step, reach, arguments, input).await?;
        if said.status.success() { Ok(said) } else { Err(self.failure(step, &said)) }
    }

    /// A failure in git's own words, without the secret.
    pub(super) fn failure(&self, step: &'static str, said: &Said) -> DeliverError {
        let lines = said.stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        let told = lines.filter(|line| !line.starts_with("hint:")).collect::<Vec<_>>().join("; ");
        DeliverError::Git { step, message: self.shown(&told) }
    }

    /// Foreign text, fit to be shown.
    pub(super) fn shown(&self, text: &str) -> String {
        let scrubbed = self.login.as_ref().map_or_else(|| text.to_owned(), |login| login.password.scrub(text));
        excerpt_of(&scrubbed, MESSAGE_CHARS)
    }

    fn run_here(
        &self,
        step: &'static str,
        reach: Reach,
        arguments: &[OsString],
        input: Vec<u8>,
    ) -> Result<Said, DeliverError> {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).env_clear().envs(self.options.environment.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut settings = self.settings();
        let logins = if reach == Reach::Remote { self.logins() } else { Vec::new() };
        let waiting: io::Result<Vec<Waiting>> = logins.iter().map(|(_, login)| Waiting::prepare(login)).collect();
        let waiting = waiting.map_err(DeliverError::NoGit)?;
        // Each is for its own place: a proxy that asks is not told the token.
        let helpers = logins.iter().zip(&waiting);
        settings.extend(helpers.map(|((place, _), waiting)| (format!("credential.{place}.helper"), waiting.helper())));
        environment(&mut command, &self.folder, &settings);
        command.args(arguments);
        let started = Instant::now();
        let mut child = command.spawn().map_err(DeliverError::NoGit)?;
        // The child has its own end by now; ours would keep the pipe open.
        drop(waiting);
        let mut stdin = child.stdin.take().expect("a piped stream");
        // A command that needs no input may end without reading it.
        thread::spawn(move || stdin.write_all(&input));
        let stdout = collect(child.stdout.take().expect("a piped stream"));
        let stderr = collect(child.stderr.take().expect("a piped stream"));
        let patience = LONGEST_RUN.max(self.options.stall_timeout);
        let status = loop {
            match child.try_wait().map_err(DeliverError::NoGit)? {
                Some(status) => break status,
                None if started.elapsed() > patience => {
                    let _ = child.kill().and_then(|()| child.wait().map(drop));
                    return Err(DeliverError::GitStalled { step, after: patience });
                }
                None => thread::sleep(GLANCE),
            }
        };
        let left = patience.saturating_sub(started.elapsed()).max(Duration::from_secs(1));
        let stalled = |_: RecvTimeoutError| DeliverError::GitStalled { step, after: patience };
        let stdout = stdout.recv_timeout(left).map_err(stalled)?;
        let stderr = String::from_utf8_lossy(&stderr.recv_timeout(left).map_err(stalled)?).into_owned();
        for line in stderr.lines() {
            tracing::debug!("git {}: {}", arguments[0].to_string_lossy(), self.shown(line));
        }
        Ok(Said { status, stdout, stderr })
    }

    /// The logins that git may ask for, each with where it is for.
    fn logins(&self) -> Vec<(String, &GitLogin)> {
        let own = self.login.as_ref().filter(|_| self.remote.takes_credentials());
        let own = own.and_then(|login| Some((self.remote.origin()?, login)));
        let proxies = self.options.proxies.iter().filter(|_| self.remote.is_web());
        own.into_iter().chain(proxies.map(|(place, login)| (place.clone(), login))).collect()
    }

    /// Settings that hold whatever any file says.
    fn settings(&self) -> Vec<(String, String)> {
        let allowed = format!("protocol.{}.allow", self.remote.scheme.name());
        let stall_s = self.options.stall_timeout.as_secs().max(1).to_string();
        let mut settings: Vec<(String, String)> = [
            ("protocol.allow", "never"),
            (&allowed, "always"),
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("core.symlinks", "false"),
            ("core.attributesFile", "/dev/null"),
            ("core.protectHFS", "true"),
            ("core.protectNTFS", "true"),
            ("core.askPass", ""),
            ("credential.helper", ""),
            ("commit.gpgSign", "false"),
            ("push.gpgSign", "false"),
            ("fetch.recurseSubmodules", "false"),
            ("push.recurseSubmodules", "no"),
            ("fetch.fsckObjects", "true"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("http.followRedirects", "false"),
            ("http.lowSpeedLimit", "1"),
            ("http.lowSpeedTime", &stall_s),
            ("advice.pushUpdateRejected", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        if let Some(path) = &self.options.authorities {
            settings.push(("http.sslCAInfo".into(), path.to_string_lossy().into_owned()));
        }
        settings
    }
}

fn environment(command: &mut Command, folder: &Path, settings: &[(String, String)]) {
    let fixed: [(&str, &OsStr); 12] = [
        ("HOME", folder.as_os_str()),
        ("XDG_CONFIG_HOME", folder.as_os_str()),
        ("GIT_DIR", folder.as_os_str()),
        ("GIT_CONFIG_NOSYSTEM", OsStr::new("1")),
        ("GIT_CONFIG_GLOBAL", OsStr::new(if cfg!(windows) { "NUL" } else { "/dev/null" })),
        ("GIT_ATTR_NOSYSTEM", OsStr::new("1")),
        ("GIT_TERMINAL_PROMPT", OsStr::new("0")),
        ("GIT_LITERAL_PATHSPECS", OsStr::new("1")),
        ("GIT_OPTIONAL_LOCKS", OsStr::new("0")),
        ("GIT_SSH_COMMAND", OsStr::new("ssh -oBatchMode=yes")),
        ("GIT_PROTOCOL_FROM_USER", OsStr::new("0")),
        ("LC_ALL", OsStr::new("C")),
    ];
    command.envs(fixed);
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (index, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}

/// Reads a stream to its end, and keeps its beginning.
fn collect(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, collected) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = stream.by_ref().take(OUTPUT_BYTES).read_to_end(&mut kept);
        let _ = io::copy(&mut stream, &mut io::sink());
        // Whoever waited may have given up.
        let _ = sender.send(kept);
    });
    collected
}

/// A login that waits in a pipe until git asks for it.
struct Waiting {
    #[cfg(unix)]
    end: io::PipeReader,
}

impl Waiting {
    /// Fills a pipe that the next child inherits. A command may ask more than
    /// once: fetching what a partial clone left out is another connection.
    #[cfg(unix)]
    fn prepare(login: &GitLogin) -> io::Result<Self> {
        const ANSWERS: usize = 4;
        let (end, mut input) = io::pipe()?;
        let answer = zeroize::Zeroizing::new(format!("{}\n{}\n", login.user, login.password.expose()));
        for _ in 0..ANSWERS {
            input.write_all(answer.as_bytes())?;
        }
        // For the moment until git has started, any other child would inherit
        // it as well; none of ours reads descriptors that it was not told of.
        rustix::io::fcntl_setfd(&end, rustix::io::FdFlags::empty())?;
        Ok(Self { end })
    }

    /// The helper that git runs by its shell. `read` takes no byte beyond its
    /// line out of a pipe, and `printf` is the shell's own, so that the secret
    /// is in no argument.
    #[cfg(unix)]
    fn helper(&self) -> String {
        use std::os::fd::AsRawFd as _;
        format!(
            "!f() {{ test \"$1\" = get || exit 0; {{ IFS= read -r u && IFS= read -r p; }} </dev/fd/{} || exit 1; \
             printf 'username=%s\\npassword=%s\\n' \"$u\" \"$p\"; }}; f",
            self.end.as_raw_fd()
        )
    }

    #[cfg(not(unix))]
    fn prepare(_: &GitLogin) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a token reaches git on Unix alone: use SSH, or a pull request"))
    }

    #[cfg(not(unix))]
    fn helper(&self) -> String {
        String::new()
    }
}
