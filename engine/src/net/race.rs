//! The addresses of a name race (RFC 8305).
//!
//! The HTTP client tries them one after the other and gives each a share of the
//! time limit: a name whose first address is dead costs seconds. So every
//! connection is watched. One that is not there after a moment is compared with
//! the others by plain TCP connections; when one of those is there sooner, the
//! attempt is given up and the request is sent again, to that address first.
//! A healthy first address costs nothing. The key invariant: only addresses
//! that the resolver has handed out, and so allowed, are connected to.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use dashmap::DashMap;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

use super::error::is_overtaken;

/// How long the first address is tried alone (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// The same where it has answered before: then the network, not the address, is slow.
const KNOWN_HEAD_START: Duration = Duration::from_secs(2);
/// The pause before each further address joins, the least that section 5 recommends.
const STAGGER: Duration = Duration::from_millis(100);
/// Longest wait for one address; the limit of the whole connection is another.
const PROBE: Duration = Duration::from_secs(10);
/// Most addresses of a name that are tried.
const MOST_ADDRESSES: usize = 32;
/// Most times that a request is given up for another address.
const MOST_OVERTAKEN: usize = 4;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

tokio::task_local! {
    /// The connection under way in this task, for the resolver below it.
    static WATCH: Watch;
}

/// Another address was there sooner: to be tried again, by that one.
#[derive(Debug, thiserror::Error)]
#[error("another address of the host answers sooner")]
pub(super) struct Overtaken;

/// Sends a request, again while another address proves to be the better one.
pub(super) async fn dispatch(
    request: impl Fn() -> reqwest::RequestBuilder,
) -> Result<reqwest::Response, reqwest::Error> {
    for _ in 0..MOST_OVERTAKEN {
        match request().send().await {
            Err(error) if is_overtaken(&error) => {}
            answer => return answer,
        }
    }
    request().send().await
}

/// What this run has seen of addresses. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct AddressBook(Arc<DashMap<SocketAddr, Seen>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Answering,
    Unknown,
    Silent,
}

impl AddressBook {
    /// The order to try addresses in: those that have answered, then the
    /// unknown ones with the families in turn (section 4), then the silent ones.
    pub(super) fn order(&self, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let mut ordered = alternate(addresses);
        ordered.truncate(MOST_ADDRESSES);
        ordered.sort_by_key(|address| self.seen(address));
        ordered
    }

    fn seen(&self, address: &SocketAddr) -> Seen {
        self.0.get(address).map_or(Seen::Unknown, |seen| *seen)
    }

    fn note(&self, address: SocketAddr, seen: Seen) {
        self.0.insert(address, seen);
    }

    fn head_start(&self, first: &SocketAddr) -> Duration {
        if self.seen(first) == Seen::Answering { KNOWN_HEAD_START } else { HEAD_START }
    }
}

/// Families in turn, beginning with the one that the system puts first.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (ahead, behind): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = Vec::with_capacity(ahead.len() + behind.len());
    let (mut ahead, mut behind) = (ahead.into_iter(), behind.into_iter());
    loop {
        match (ahead.next(), behind.next()) {
            (None, None) => return ordered,
            pair => ordered.extend([pair.0, pair.1].into_iter().flatten()),
        }
    }
}

/// One connection under way.
#[derive(Debug, Clone, Default)]
struct Watch(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    addresses: Mutex<Vec<SocketAddr>>,
    resolved: Notify,
}

/// Tells the connection under way in this task which addresses it tries.
pub(super) fn tell_addresses(addresses: &[SocketAddr]) {
    // Nobody watches outside of a connection.
    let _ = WATCH.try_with(|watch| {
        *watch.0.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses.to_vec();
        watch.0.resolved.notify_one();
    });
}

impl Watch {
    /// Ends when another address than the first was there sooner, and never
    /// otherwise.
    async fn overtaken(self, book: &AddressBook) {
        self.0.resolved.notified().await;
        let addresses = self.0.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let [first, _, ..] = addresses[..] else { return pending().await };
        tokio::time::sleep(book.head_start(&first)).await;
        match quickest(&addresses).await {
            Some(winner) if winner != first => {
                let beaten = addresses.iter().take_while(|address| **address != winner);
                beaten.for_each(|address| book.note(*address, Seen::Silent));
                book.note(winner, Seen::Answering);
            }
            Some(_) => {
                // It answers; what takes so long is TLS, a proxy or the road.
                book.note(first, Seen::Answering);
                pending::<()>().await;
            }
            None => pending().await,
        }
    }
}

/// The first address to take a connection; each joins a moment after the one
/// before it, or at once when that refuses.
async fn quickest(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    running.extend(waiting.next().map(probe));
    loop {
        tokio::select! {
            Some(ended) = running.next() => match ended {
                Some(address) => return Some(address),
                None => running.extend(waiting.next().map(probe)),
            },
            () = tokio::time::sleep(STAGGER), if waiting.len() > 0 => running.extend(waiting.next().map(probe)),
            else => return None,
        }
    }
}

async fn probe(address: SocketAddr) -> Option<SocketAddr> {
    let connected = tokio::time::timeout(PROBE, TcpStream::connect(address)).await;
    connected.is_ok_and(|stream| stream.is_ok()).then_some(address)
}

/// Has every connection of a client watched.
#[derive(Debug, Clone)]
pub(super) struct RaceLayer {
    pub(super) book: AddressBook,
}

impl<S> Layer<S> for RaceLayer {
    type Service = Race<S>;

    fn layer(&self, inner: S) -> Race<S> {
        Race { inner, book: self.book.clone() }
    }
}

/// A connector under watch.
#[derive(Debug, Clone)]
pub(super) struct Race<S> {
    inner: S,
    book: AddressBook,
}

impl<S, R> Service<R> for Race<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let watch = Watch::default();
        let connecting = WATCH.scope(watch.clone(), self.inner.call(request));
        let book = self.book.clone();
        Box::pin(async move {
            tokio::select! {
                biased;
                connected = connecting => connected,
                () = watch.overtaken(&book) => Err(Overtaken.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn families_take_turns_and_silent_addresses_come_last() {
        let book = AddressBook::default();
        let found = addresses(&["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"]);
        let turns = ["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "192.0.2.2:1", "192.0.2.3:1"];
        assert_eq!(book.order(found.clone()), addresses(&turns));
        book.note(found[0], Seen::Silent);
        book.note(found[3], Seen::Answering);
        let learned = ["192.0.2.2:1", "192.0.2.1:1", "[2001:db8::2]:1", "192.0.2.3:1", "[2001:db8::1]:1"];
        assert_eq!(book.order(found), addresses(&learned));
        assert_eq!(book.order(Vec::new()), []);
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let alive = listener.local_addr().expect("bound");
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|closed| closed.local_addr()).expect("a port");
        assert_eq!(quickest(&[closed, alive]).await, Some(alive));
        assert_eq!(quickest(&[closed]).await, None);
        assert_eq!(quickest(&[]).await, None);
    }

    /// A connection that is slow above TCP is left alone; one whose other
    /// address answers while the first does not is given up.
    #[tokio::test]
    async fn only_a_silent_first_address_is_overtaken() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let alive = listener.local_addr().expect("bound");
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|closed| closed.local_addr()).expect("a port");
        let book = AddressBook::default();
        for (order, overtaken) in [([alive, closed], false), ([closed, alive], true)] {
            let watch = Watch::default();
            WATCH.sync_scope(watch.clone(), || tell_addresses(&order));
            let ended = tokio::time::timeout(Duration::from_secs(1), watch.overtaken(&book)).await;
            assert_eq!(ended.is_ok(), overtaken, "{order:?}");
        }
        assert_eq!((book.seen(&alive), book.seen(&closed)), (Seen::Answering, Seen::Silent));
    }
}
