//! An HTTP/1.1 server in the test's own process, whose every answer the test
//! decides and whose every request it sees.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use super::answer::{Answer, Ending, File, Framing, Head};
use super::request::Request;
use super::tls::{Authority, Strangers, Wire};

/// Bytes written at once; small enough that a paced body flows evenly.
const WRITE_BYTES: usize = 32 * 1024;
const PIECE_AT_ONE_BYTE_PER_SECOND: Duration = Duration::from_secs(WRITE_BYTES as u64);

/// Any free port of it.
const LOOPBACK: &str = "127.0.0.1:0";

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// A running server; dropping it ends every connection.
pub struct Origin {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    handler: Box<Handler>,
    tls: Option<Arc<ServerConfig>>,
    seen: Mutex<Seen>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    connections: usize,
    /// Open connections by number, to end them with the server.
    sockets: BTreeMap<usize, TcpStream>,
}

impl Origin {
    /// Serves plain HTTP on a free loopback port.
    pub fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(LOOPBACK, Box::new(handler), None)
    }

    /// Serves plain HTTP on the loopback of IPv6.
    pub fn start_v6(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen("[::1]:0", Box::new(handler), None)
    }

    /// Serves HTTPS under `names`, certified by `authority`.
    pub fn start_tls(
        authority: &Authority,
        names: &[&str],
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let tls = authority.issue(names).server_config(authority, Strangers::Welcome);
        Self::listen(LOOPBACK, Box::new(handler), Some(tls))
    }

    /// Serves HTTPS under `names` to clients with a certificate of `authority` alone.
    pub fn start_members_only(
        authority: &Authority,
        names: &[&str],
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let tls = authority.issue(names).server_config(authority, Strangers::Refused);
        Self::listen(LOOPBACK, Box::new(handler), Some(tls))
    }

    /// Serves one file, honestly, as `/file.bin` of any folder, and nothing else.
    pub fn file(file: &File) -> Self {
        let file = file.clone();
        Self::start(move |request| file.at(request, "/file.bin"))
    }

    fn listen(address: &str, handler: Box<Handler>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(address).expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared { handler, tls, seen: Mutex::default(), stopping: AtomicBool::new(false) });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        Self { address, scheme, shared, acceptor: Some(acceptor) }
    }

    /// The URL of `path` (with its leading slash) by address and port.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The URL of what [`Origin::file`] serves.
    pub fn file_url(&self) -> String {
        self.url("/file.bin")
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A `--resolve` value that sends `host:port` of URLs here.
    pub fn resolve(&self, host_port: &str) -> String {
        format!("{host_port}:{}", self.address)
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.seen().requests.clone()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.seen().connections
    }

    /// The requests for one path.
    pub fn requests_for(&self, path: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.path == path);
        requests
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it should stop.
        let _ = TcpStream::connect(self.address);
        for socket in self.shared.seen().sockets.values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (number, socket) in listener.incoming().enumerate() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let Ok(socket) = socket else { continue };
            if let Ok(copy) = socket.try_clone() {
                let mut seen = self.seen();
                seen.connections += 1;
                seen.sockets.insert(number, copy);
            }
            let shared = Arc::clone(self);
            thread::spawn(move || {
                shared.converse(socket);
                // The copy goes last: a reset is sent when the last handle closes.
                shared.seen().sockets.remove(&number);
            });
        }
    }

    /// Answers requests until either side ends the connection.
    fn converse(&self, socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let mut wire = BufReader::new(Wire::accept(socket, self.tls.as_ref()));
        while let Some(mut request) = Request::read(&mut wire) {
            if !request.read_body(&mut wire) {
                return;
            }
            request.identified = wire.get_ref().knows_client();
            let request = self.record(request);
            let answer = (self.handler)(&request);
            if send(wire.get_mut(), &request, &answer).is_err() {
                return;
            }
            match answer.ending {
                Ending::KeepAlive => {}
                Ending::Close => return wire.into_inner().close(),
                Ending::Sever => return wire.get_ref().sever(),
                Ending::Reset => return reset_on_close(wire.get_ref().socket()),
                // An endless body ends when writing fails.
                Ending::Stall | Ending::Endless => return wait_for_peer(wire.get_ref().socket()),
            }
        }
        // A refused handshake has told why; a reset would overtake it.
        wire.into_inner().close();
    }

    fn record(&self, mut request: Request) -> Request {
        let mut seen = self.seen();
        request.nth = seen.requests.len();
        seen.requests.push(request.clone());
        request
    }
}

fn send(wire: &mut Wire, request: &Request, answer: &Answer) -> io::Result<()> {
    thread::sleep(answer.delay);
    match answer.head {
        Head::Written => wire.write_all(head(answer).as_bytes())?,
        Head::Trickled => trickle(wire, head(answer).as_bytes())?,
        Head::Absent => {}
    }
    if request.method != "HEAD" {
        send_body(wire, answer)?;
    }
    wire.flush()
}

fn trickle(wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        wire.write_all(&[*byte])?;
        wire.flush()?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn head(answer: &Answer) -> String {
    let framing = match answer.framing {
        Framing::Length(length) => format!("Content-Length: {length}"),
        Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
        Framing::UntilClose => "Connection: close".to_owned(),
    };
    let mut lines = vec![format!("HTTP/1.1 {} Scripted", answer.status)];
    lines.extend(answer.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    // Last, so that a scripted transfer coding is the one applied first.
    lines.push(framing);
    lines.join("\r\n") + "\r\n\r\n"
}

fn send_body(wire: &mut Wire, answer: &Answer) -> io::Result<()> {
    let body = &answer.body[answer.span.clone()];
    let started = Instant::now();
    let rounds = if answer.ending == Ending::Endless { usize::MAX } else { 1 };
    let pieces = std::iter::repeat_n(body, rounds).flat_map(|body| body.chunks(WRITE_BYTES));
    for (piece, pieces_before) in pieces.zip(0..) {
        if let Some(bytes_per_second) = answer.pace {
            let due = PIECE_AT_ONE_BYTE_PER_SECOND * pieces_before / bytes_per_second;
            thread::sleep(due.saturating_sub(started.elapsed()));
        }
        if answer.framing == Framing::Chunked {
            write!(wire, "{:x}\r\n", piece.len())?;
        }
        wire.write_all(piece)?;
        if answer.framing == Framing::Chunked {
            wire.write_all(b"\r\n")?;
        }
    }
    if answer.framing == Framing::Chunked && answer.ending == Ending::KeepAlive {
        wire.write_all(b"0\r\n\r\n")?;
    }
    Ok(())
}

/// Makes the close a reset: what was not yet delivered is lost, as when a NAT
/// forgets a connection.
fn reset_on_close(socket: &TcpStream) {
    let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Says nothing until the peer, or the end of the test, ends the connection.
fn wait_for_peer(mut socket: &TcpStream) {
    let mut ignored = [0; 1024];
    while socket.read(&mut ignored).is_ok_and(|count| count > 0) {}
}
