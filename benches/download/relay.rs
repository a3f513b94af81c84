//! A long path on loopback: every byte arrives late, and a connection carries
//! no more than a fixed window of bytes that nobody has acknowledged yet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Time that a byte needs for one way.
pub const ONE_WAY: Duration = Duration::from_millis(100);
/// Bytes a second that one connection carries.
pub const BYTES_PER_SECOND: usize = 8 << 20;
/// Bytes under way: what the round trip makes of the rate.
const WINDOW: usize = BYTES_PER_SECOND / 5;
/// Most bytes read at once.
const PIECE: usize = 64 << 10;

/// A running relay; dropping it ends its connections.
pub struct Relay {
    address: SocketAddr,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// Bytes under way, and when they arrive.
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
    window: OwnedSemaphorePermit,
}

impl Relay {
    /// Carries connections to `server`.
    pub fn start(server: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        listener.set_nonblocking(true).expect("a socket of our own");
        let address = listener.local_addr().expect("a bound socket");
        let cancel = CancellationToken::new();
        let stopping = cancel.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            // Dropping the runtime ends every connection.
            runtime.block_on(stopping.run_until_cancelled(accept(listener, server)));
        });
        Self { address, cancel, thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, server: SocketAddr) {
    let listener = TcpListener::from_std(listener).expect("inside a runtime");
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(relay(client, server));
    }
}

async fn relay(client: TcpStream, server: SocketAddr) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    // The handshake took no time on loopback; on the long path it takes a round trip.
    let opened = Instant::now() + 2 * ONE_WAY;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(carry(from_client, to_server, opened), carry(from_server, to_client, opened));
}

/// Carries one direction to its end. Nothing leaves before `opened`.
async fn carry(from: OwnedReadHalf, to: OwnedWriteHalf, opened: Instant) {
    let (leaving, arriving) = mpsc::unbounded_channel();
    let (arrived, acknowledged) = mpsc::unbounded_channel();
    tokio::join!(depart(from, leaving, opened), arrive(arriving, to, arrived), acknowledge(acknowledged));
}

/// Reads while the window is open.
async fn depart(mut from: OwnedReadHalf, leaving: mpsc::UnboundedSender<Parcel>, opened: Instant) {
    let window = Arc::new(Semaphore::new(WINDOW));
    let mut piece = vec![0; PIECE];
    let most = u32::try_from(PIECE).expect("a small piece");
    while let Ok(mut permit) = Arc::clone(&window).acquire_many_owned(most).await {
        let count = match from.read(&mut piece).await {
            Ok(count) if count > 0 => count,
            _ => return,
        };
        drop(permit.split(PIECE - count));
        let due = Instant::now().max(opened) + ONE_WAY;
        if leaving.send(Parcel { due, bytes: piece[..count].to_vec(), window: permit }).is_err() {
            return;
        }
    }
}

/// Writes what is due; at the end closes this direction.
async fn arrive(
    mut arriving: mpsc::UnboundedReceiver<Parcel>,
    mut to: OwnedWriteHalf,
    arrived: mpsc::UnboundedSender<(Instant, OwnedSemaphorePermit)>,
) {
    while let Some(parcel) = arriving.recv().await {
        sleep_until(parcel.due).await;
        if to.write_all(&parcel.bytes).await.is_err() {
            return;
        }
        // Nobody waits for the acknowledgement of the last bytes.
        let _ = arrived.send((Instant::now() + ONE_WAY, parcel.window));
    }
    let _ = to.shutdown().await;
}

/// Opens the window again, another way later.
async fn acknowledge(mut arrived: mpsc::UnboundedReceiver<(Instant, OwnedSemaphorePermit)>) {
    while let Some((due, window)) = arrived.recv().await {
        sleep_until(due).await;
        drop(window);
    }
}
