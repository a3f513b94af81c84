//! A SOCKS5 proxy small enough to read (RFC 1928, RFC 1929): `CONNECT` alone.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const NO_METHOD: u8 = 0xff;

/// A running proxy that remembers where it was asked to connect to. Whatever
/// that is, it connects to one fixed server.
pub struct Socks {
    address: SocketAddr,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Socks {
    /// Forwards everything to `upstream`; `login` is the user and the password
    /// that it asks for.
    pub fn start(upstream: SocketAddr, login: Option<(&'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket");
        let targets = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&targets);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(client, upstream, login, &seen));
            }
        });
        Self { address, targets }
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it was asked to connect to, as `HOST:PORT`; an address is one that
    /// the client has resolved itself.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    login: Option<(&str, &str)>,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    greet(&mut client, login)?;
    let target = target(&mut client)?;
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(target);
    let server = TcpStream::connect(upstream)?;
    // Succeeded; the address it is bound to does not matter.
    client.write_all(&[VERSION, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut &server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    up.join().map_err(|_| io::ErrorKind::Other.into())
}

/// Agrees on how the client logs in, and checks that it does.
fn greet(client: &mut TcpStream, login: Option<(&str, &str)>) -> io::Result<()> {
    expect(read_byte(client)? == VERSION)?;
    let offered = read_counted(client)?;
    let method = if login.is_some() { LOGIN } else { NO_LOGIN };
    if !offered.contains(&method) {
        client.write_all(&[VERSION, NO_METHOD])?;
        return expect(false);
    }
    client.write_all(&[VERSION, method])?;
    let Some((user, password)) = login else { return Ok(()) };
    expect(read_byte(client)? == 1)?;
    let known = read_counted(client)? == user.as_bytes() && read_counted(client)? == password.as_bytes();
    client.write_all(&[1, u8::from(!known)])?;
    expect(known)
}

/// Reads a `CONNECT` and gives where to.
fn target(client: &mut TcpStream) -> io::Result<String> {
    let mut head = [0; 4];
    client.read_exact(&mut head)?;
    expect(head[..2] == [VERSION, 1])?;
    let host = match head[3] {
        1 => std::net::Ipv4Addr::from(read_array::<4>(client)?).to_string(),
        3 => String::from_utf8_lossy(&read_counted(client)?).into_owned(),
        4 => format!("[{}]", std::net::Ipv6Addr::from(read_array::<16>(client)?)),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(format!("{host}:{}", u16::from_be_bytes(read_array(client)?)))
}

fn read_byte(client: &mut TcpStream) -> io::Result<u8> {
    read_array::<1>(client).map(|[byte]| byte)
}

fn read_array<const LENGTH: usize>(client: &mut TcpStream) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    client.read_exact(&mut bytes).map(|()| bytes)
}

/// Bytes behind their number.
fn read_counted(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; read_byte(client)?.into()];
    client.read_exact(&mut bytes).map(|()| bytes)
}

fn expect(holds: bool) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
