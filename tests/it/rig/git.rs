//! Repositories of git on this machine, and a real server in front of them:
//! nginx, fcgiwrap and `git http-backend`, with basic authentication.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::nginx::Nginx;

const START_PATIENCE: Duration = Duration::from_secs(20);

/// A bare repository with one commit on `main`.
pub struct Bare {
    pub path: PathBuf,
}

impl Bare {
    /// Makes it at `path`.
    pub fn create(path: &Path) -> Self {
        let bare = Self { path: path.to_owned() };
        let shown = path.to_string_lossy();
        run(Path::new("/"), &["init", "--quiet", "--bare", "--initial-branch=main", &shown]);
        bare.git(&["config", "core.logAllRefUpdates", "always"]);
        bare.git(&["config", "http.receivepack", "true"]);
        bare.git(&["config", "uploadpack.allowFilter", "true"]);
        bare.add("main", &[("README.md", "100644", "# bucket\n")]);
        bare
    }

    /// Runs git in it and gives what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        run(&self.path, arguments)
    }

    /// Adds a commit on top of a branch, as somebody else would.
    pub fn add(&self, branch: &str, files: &[(&str, &str, &str)]) {
        let name = format!("refs/heads/{branch}");
        let parent = Command::new("git").args(["rev-parse", "--verify", "-q", &name]).current_dir(&self.path).output();
        let parent = String::from_utf8(parent.expect("git").stdout).expect("text").trim().to_owned();
        let mut stream = format!("commit {name}\ncommitter Other <o@example.org> 1 +0000\ndata 5\nother\n");
        if !parent.is_empty() {
            stream = stream + "from " + &parent + "\n";
        }
        for (path, mode, content) in files {
            let length = content.len().to_string();
            stream = [&stream, "M ", mode, " inline ", path, "\ndata ", &length, "\n", content, "\n"].concat();
        }
        let mut child = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(&self.path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("git is installed");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), stream.as_bytes()).expect("git reads");
        assert!(child.wait().expect("a child").success());
    }

    /// Commits of a branch, the newest first.
    pub fn log(&self, branch: &str) -> Vec<String> {
        self.git(&["log", "--format=%s", branch]).lines().map(str::to_owned).collect()
    }

    /// How often the branch was moved, by git's own account.
    pub fn moves(&self, branch: &str) -> usize {
        let log = fs::read_to_string(self.path.join("logs/refs/heads").join(branch)).unwrap_or_default();
        log.lines().count()
    }

    /// A file of a branch.
    pub fn show(&self, branch: &str, path: &str) -> String {
        self.git(&["show", &format!("{branch}:{path}")])
    }

    /// Installs a hook.
    pub fn hook(&self, name: &str, script: &str) {
        let path = self.path.join("hooks").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writable");
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    }
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server of repositories; dropping it ends its processes.
pub struct GitServer {
    nginx: Nginx,
    fcgiwrap: Child,
    root: TempDir,
}

impl GitServer {
    /// Serves repositories to the user `x-access-token` with this password.
    pub fn start(password: &str) -> Self {
        let root = tempfile::tempdir().expect("a scratch folder");
        let socket = root.path().join("fcgi.sock");
        let mut fcgiwrap = Command::new("fcgiwrap");
        // A group of its own, so that its workers end with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut fcgiwrap, 0);
        let fcgiwrap = fcgiwrap
            .args(["-c", "4", "-s", &format!("unix:{}", socket.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run fcgiwrap: {error}; install fcgiwrap"));
        let started = Instant::now();
        while !socket.exists() {
            assert!(started.elapsed() < START_PATIENCE, "fcgiwrap does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        fs::create_dir(root.path().join("git")).expect("writable");
        fs::write(root.path().join("users"), format!("x-access-token:{{PLAIN}}{password}\n")).expect("writable");
        let backend = run(Path::new("/"), &["--exec-path"]).trim().to_owned() + "/git-http-backend";
        let folder = root.path().display().to_string();
        let nginx = Nginx::serve(move |_, address| {
            let parameters = [
                ("SCRIPT_FILENAME", backend.as_str()),
                ("GIT_PROJECT_ROOT", &format!("{folder}/git")),
                ("GIT_HTTP_EXPORT_ALL", "1"),
                ("PATH_INFO", "$uri"),
                ("QUERY_STRING", "$query_string"),
                ("REQUEST_METHOD", "$request_method"),
                ("CONTENT_TYPE", "$content_type"),
                ("CONTENT_LENGTH", "$content_length"),
                ("REMOTE_USER", "$remote_user"),
                ("REMOTE_ADDR", "$remote_addr"),
                ("HTTP_CONTENT_ENCODING", "$http_content_encoding"),
                ("GIT_PROTOCOL", "$http_git_protocol"),
            ];
            let parameters = parameters.map(|(name, value)| format!("fastcgi_param {name} \"{value}\"; ")).concat();
            format!(
                "log_format fields '$host\\t$request_uri\\t$status';\naccess_log access.log fields;\n\
                 server {{ listen {address}; client_max_body_size 0; location / {{ auth_basic git; \
                 auth_basic_user_file {folder}/users; fastcgi_pass unix:{folder}/fcgi.sock; {parameters} }} }}\n"
            )
        });
        Self { nginx, fcgiwrap, root }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.nginx.address()
    }

    /// Makes a repository and gives its URL.
    pub fn repository(&self, name: &str) -> (Bare, String) {
        let bare = Bare::create(&self.root.path().join("git").join(name));
        (bare, format!("http://{}/{name}", self.nginx.address()))
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        // By the shell's own `kill`: a small system has no program of that name.
        let _ = Command::new("sh").args(["-c", &format!("kill -KILL -{}", self.fcgiwrap.id())]).status();
        let _ = self.fcgiwrap.wait();
    }
}
