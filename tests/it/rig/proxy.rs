//! A forward proxy small enough to read: absolute-form requests and `CONNECT`.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::request::Request;

/// A running proxy that remembers what it was asked for. Whatever the host
/// in the request, it connects to one fixed server.
pub struct Proxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    /// Forwards everything to `upstream`.
    pub fn start(upstream: SocketAddr) -> Self {
        Self::listen(upstream, None)
    }

    /// Forwards what comes with this login, `USER:PASSWORD`.
    pub fn locked(upstream: SocketAddr, login: &str) -> Self {
        Self::listen(upstream, Some(format!("Basic {}", STANDARD.encode(login))))
    }

    fn listen(upstream: SocketAddr, login: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, login) = (Arc::clone(&seen), login.clone());
                thread::spawn(move || forward(&client, (upstream, login.as_deref()), &seen));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves one connection: one tunnel, or one absolute-form request.
fn forward(
    client: &TcpStream,
    (upstream, login): (SocketAddr, Option<&str>),
    seen: &Mutex<Vec<Request>>,
) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let request = Request::read(&mut reader)?;
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    if login.is_some() && request.header("Proxy-Authorization") != login {
        let refusal = "HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Length: 0\r\n\
                       Connection: close\r\n\r\n";
        return (&*client).write_all(refusal.as_bytes()).ok();
    }
    let mut server = TcpStream::connect(upstream).ok()?;
    if request.method == "CONNECT" {
        let mut client = client;
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
    } else {
        server.write_all(origin_form(&request).as_bytes()).ok()?;
        server.write_all(&request.body).ok()?;
    }
    let mut upload = server.try_clone().ok()?;
    let up = thread::spawn(move || {
        let _ = io::copy(&mut reader, &mut upload);
        let _ = upload.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut server, &mut &*client);
    let _ = client.shutdown(Shutdown::Both);
    up.join().ok()
}

/// The request as the server wants it: a path instead of a URL, one request a connection.
fn origin_form(request: &Request) -> String {
    let path = request.path.splitn(4, '/').nth(3).unwrap_or_default();
    let mut lines = vec![format!("{} /{path} HTTP/1.1", request.method), "Connection: close".to_owned()];
    let hop_by_hop = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "connection" || name.starts_with("proxy-")
    };
    let kept = request.headers.iter().filter(|(name, _)| !hop_by_hop(name));
    lines.extend(kept.map(|(name, value)| format!("{name}: {value}")));
    lines.join("\r\n") + "\r\n\r\n"
}
