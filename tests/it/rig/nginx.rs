//! A real nginx on loopback: several host names over TLS on one port, or what
//! the caller's configuration says.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::tls::Authority;

/// How often a port that another process took in between is replaced.
const PORT_TRIES: usize = 5;
const START_PATIENCE: Duration = Duration::from_secs(20);

/// One host name and what it serves under every path.
pub struct Site {
    pub name: &'static str,
    pub content: Vec<u8>,
    /// Lines for its `location` block, for instance `limit_rate 1m;`.
    pub directives: &'static str,
}

/// A request in nginx's own log.
#[derive(Debug, Clone)]
pub struct Access {
    pub host: String,
    pub uri: String,
    pub status: u16,
}

/// A running nginx; dropping it ends the process.
pub struct Nginx {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Starts nginx and returns once it accepts connections.
    pub fn start(authority: &Authority, sites: &[Site]) -> Self {
        let names: Vec<&str> = sites.iter().map(|site| site.name).collect();
        let certificate = authority.issue(&names);
        Self::serve(|folder, address| {
            certificate.write_pem(folder);
            for site in sites {
                fs::write(folder.join(site.name), &site.content).expect("scratch is writable");
            }
            servers(folder, address, sites)
        })
    }

    /// Starts nginx with what `http` puts into the block of that name, given
    /// a scratch folder and the address to listen on.
    pub fn serve(http: impl Fn(&Path, SocketAddr) -> String) -> Self {
        for _ in 0..PORT_TRIES {
            if let Some(nginx) = Self::try_serve(&http) {
                return nginx;
            }
        }
        panic!("nginx did not start on any of {PORT_TRIES} ports; is it installed?");
    }

    fn try_serve(http: impl Fn(&Path, SocketAddr) -> String) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let address = free_address();
        let configuration = configuration(folder.path(), &http(folder.path(), address));
        fs::write(folder.path().join("nginx.conf"), configuration).expect("scratch is writable");
        let child = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run nginx: {error}; install nginx-light"));
        let mut nginx = Self { child, address, folder };
        nginx.accepts().then_some(nginx)
    }

    /// Polls until nginx accepts; false when it ended instead.
    fn accepts(&mut self) -> bool {
        let started = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if TcpStream::connect(self.address).is_ok() {
                // Another process may own the port; nginx then ends with "address in use".
                return self.child.try_wait().is_ok_and(|status| status.is_none());
            }
            assert!(started.elapsed() < START_PATIENCE, "nginx does not accept: {}", self.error_log());
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A `--resolve` value that sends `https://name/` here.
    pub fn resolve(&self, name: &str) -> String {
        format!("{name}:443:{}", self.address())
    }

    /// What was asked, by nginx's own account. Ends nginx first, so that the
    /// log is complete.
    pub fn into_accesses(mut self) -> Vec<Access> {
        stop(&mut self.child);
        let log = fs::read_to_string(self.folder.path().join("access.log")).expect("nginx wrote its log");
        log.lines().map(access).collect()
    }

    fn error_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Asks nginx to quit at once but in order, so that it writes its log.
fn stop(child: &mut Child) {
    let script = format!("kill -TERM {}", child.id());
    let asked = matches!(child.try_wait(), Ok(None))
        && Command::new("sh").args(["-c", &script]).status().is_ok_and(|status| status.success());
    if !asked {
        let _ = child.kill();
    }
    let _ = child.wait();
}

fn free_address() -> SocketAddr {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    probe.local_addr().expect("a bound socket")
}

fn access(line: &str) -> Access {
    let fields: Vec<&str> = line.split('\t').collect();
    let [host, uri, status] = fields[..] else { panic!("not a log line of ours: {line}") };
    Access { host: host.to_owned(), uri: uri.to_owned(), status: status.parse().expect("a status") }
}

fn configuration(folder: &Path, http: &str) -> String {
    // A relative temp path would be below nginx's compiled-in prefix, which only root may write.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid nginx.pid;\n\
         events {{ worker_connections 512; }}\nhttp {{\n{temporary}{http}}}\n"
    )
}

fn servers(folder: &Path, address: SocketAddr, sites: &[Site]) -> String {
    let servers = sites.iter().map(|site| server(folder, address, site)).collect::<Vec<_>>().concat();
    format!(
        "  log_format fields '$host\\t$request_uri\\t$status';\n  access_log access.log fields;\n\
         \x20 ssl_certificate {0}/cert.pem;\n  ssl_certificate_key {0}/key.pem;\n{servers}",
        folder.display()
    )
}

fn server(folder: &Path, address: SocketAddr, site: &Site) -> String {
    format!(
        "  server {{\n    listen {address} ssl;\n    server_name {0};\n    root {1};\n\
         \x20   location / {{ rewrite ^ /{0} break; default_type application/octet-stream; {2} }}\n  }}\n",
        site.name,
        folder.display(),
        site.directives
    )
}
