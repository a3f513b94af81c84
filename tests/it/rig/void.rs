//! An address that takes no connection and says nothing, as behind a firewall
//! that drops what it does not like.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How long a connection is waited for before the address counts as full.
const PATIENCE: Duration = Duration::from_millis(200);

/// A listener whose queue is full: Linux drops what further clients send.
pub struct Void {
    address: SocketAddr,
    _listener: Socket,
    _queued: Vec<TcpStream>,
}

impl Void {
    /// Listens at `host` without ever accepting, until nobody gets through.
    pub fn at(host: &str) -> Self {
        let any: SocketAddr = format!("{host}:0").parse().expect("an address");
        let listener = Socket::new(Domain::for_address(any), Type::STREAM, None).expect("a socket");
        listener.bind(&any.into()).expect("a free loopback port");
        listener.listen(0).expect("a bound socket");
        let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("a bound socket");
        let queued = std::iter::from_fn(|| TcpStream::connect_timeout(&address, PATIENCE).ok()).collect();
        Self { address, _listener: listener, _queued: queued }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
