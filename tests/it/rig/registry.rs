//! A real OCI registry on loopback: Debian's docker-registry.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How often a port that another process took in between is replaced.
const PORT_TRIES: usize = 5;
const START_PATIENCE: Duration = Duration::from_secs(20);
/// User `me`, with the password below.
const LOGINS: &str = "me:$2b$04$FW62wa0eciclCCyGH2dIpeFuxY1PLati9Yxpou2ZNRYVxSxnEJnw2\n";

/// A running registry; dropping it ends the process.
pub struct Registry {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// Whom a registry lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Open,
    /// The user `me` with [`Registry::PASSWORD`].
    Locked,
}

impl Registry {
    pub const PASSWORD: &str = "s3cr3t pass:word";

    /// Starts a registry without content and returns once it accepts connections.
    pub fn start(door: Door) -> Self {
        for _ in 0..PORT_TRIES {
            if let Some(registry) = Self::try_start(door) {
                return registry;
            }
        }
        panic!("docker-registry did not start on any of {PORT_TRIES} ports; is it installed?");
    }

    fn try_start(door: Door) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let probe = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = probe.local_addr().expect("a bound socket");
        drop(probe);
        fs::write(folder.path().join("logins"), LOGINS).expect("scratch is writable");
        fs::write(folder.path().join("config.yml"), configuration(folder.path(), address, door))
            .expect("scratch is writable");
        let child = Command::new("docker-registry")
            .args(["serve", "config.yml"])
            .current_dir(folder.path())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run docker-registry: {error}; install docker-registry"));
        let mut registry = Self { child, address, _folder: folder };
        registry.accepts().then_some(registry)
    }

    /// Polls until it accepts; false when it ended instead.
    fn accepts(&mut self) -> bool {
        let started = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if TcpStream::connect(self.address).is_ok() {
                return self.child.try_wait().is_ok_and(|status| status.is_none());
            }
            assert!(started.elapsed() < START_PATIENCE, "docker-registry does not accept");
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Host and port, as names of artifacts begin.
    pub fn host(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, address: SocketAddr, door: Door) -> String {
    let folder = folder.display();
    let auth = match door {
        Door::Open => String::new(),
        Door::Locked => format!("auth:\n  htpasswd:\n    realm: test\n    path: {folder}/logins\n"),
    };
    format!(
        "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {folder}/content\n\
         http:\n  addr: {address}\n{auth}"
    )
}
