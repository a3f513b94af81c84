//! Memory is bounded whatever the size of the file and the pace of its reader:
//! an allocator that counts says so, with the library inside the test.

#[path = "../it/rig/data.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod data;
mod server;
mod swap;

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use peak_alloc::PeakAlloc;
use tokio_util::sync::CancellationToken;
use turbo_engine::download::{
    Engine, EngineOptions, Event, FileTime, Job, Memory, NetworkUse, Observer, Output, Receipt, Recheck, Seats,
    Unverified, download,
};
use turbo_engine::model::{PrivateMirrors, Region};
use turbo_engine::net::{CertificateCheck, Coded, Net, NetOptions, ProxyOptions, Trust};
use turbo_engine::plan::{HostLimits, Ramp};
use turbo_engine::store::{Hashes, History, Preallocate, RunNames};

use data::MIB;
use server::Server;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// There is one allocator: the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// The default of the setting `buffer`: five eighths are what the connections
/// have read and the disk has not taken.
const BUFFER_BYTES: usize = 32 * MIB;
const CONNECTIONS_BY_DEFAULT: usize = 16;
/// Everything else: clients, tasks, what the hash reads back, and what a chunk in
/// the queue keeps of the larger buffer that it is a part of.
const FIXED_BYTES: usize = 8 * MIB;

/// Content that a byte from a wrong place changes: its length is no power of two.
static PATTERN: LazyLock<Arc<[u8]>> = LazyLock::new(|| data::bytes(MIB - 3, 1));
static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(&PATTERN));

#[test]
fn a_file_of_any_size_takes_no_more_than_the_buffers() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for size in [64 * MIB, 512 * MIB] {
        for connections in [1, CONNECTIONS_BY_DEFAULT, 64] {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let output = Output::File(folder.path().join("file"));
            assert_bounded(size, connections, output, folder.path());
        }
    }
}

#[test]
fn a_slow_reader_holds_the_network_back() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for connections in [1, CONNECTIONS_BY_DEFAULT, 64] {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let taken = Arc::new(AtomicUsize::new(0));
        let output = Output::Stream(Box::new(SlowReader { taken: Arc::clone(&taken) }));
        assert_bounded(128 * MIB, connections, output, folder.path());
        assert_eq!(taken.load(Ordering::Relaxed), 128 * MIB);
    }
}

/// Downloads a file and asserts that the heap stayed below the bound.
fn assert_bounded(size: usize, connections: usize, output: Output, folder: &Path) {
    let url = SERVER.url(size);
    let digest = digest(size);
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let receipt = fetch(&url, connections, output, folder);
    let peak = ALLOCATOR.peak_usage() - before;
    assert_eq!(receipt.sha256, Some(digest));
    let bound = BUFFER_BYTES + FIXED_BYTES;
    assert!(peak <= bound, "{size} bytes over {connections} connections took {peak} bytes of memory, not {bound}");
}

fn fetch(url: &str, connections: usize, output: Output, folder: &Path) -> Receipt {
    let job = Job::plain(url.parse().expect("a URL"), Trust::Typed, output);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let engine = engine(connections, folder);
    let done = runtime.block_on(download(&engine, job, &Silent, &CancellationToken::new()));
    done.expect("an honest server and a healthy disk")
}

fn engine(connections: usize, folder: &Path) -> Engine {
    let net = Net::new(NetOptions {
        user_agent: "memory".into(),
        connect_timeout: Duration::from_secs(30),
        stall_timeout: Duration::from_secs(30),
        max_wait: Duration::from_secs(30),
        proxy: ProxyOptions::default(),
        authorities: None,
        certificates: CertificateCheck::Enforced,
        identity: None,
        resolve: Vec::new(),
        private_mirrors: PrivateMirrors::Refuse,
        limit_rate: None,
    });
    let options = EngineOptions {
        connections,
        ramp: Ramp::AtOnce,
        max_per_origin: connections,
        max_per_mirror: connections,
        retry: 0,
        region: Region::WORLD,
        buffer_bytes: BUFFER_BYTES / 8 * 5,
        preallocate: Preallocate::None,
        network: NetworkUse::Allowed,
        unverified: Unverified::Refused,
        recheck: Recheck::Fetch,
        coded: Coded::Kept,
        host_memory: Memory::Heeded,
        file_time: FileTime::Local,
    };
    let seats = Seats::new(connections, HostLimits::default());
    let (history, names) = (History::new(folder), RunNames::default());
    Engine { net, seats, rules: None, cache: None, history, names, scratch: folder.to_owned(), options }
}

/// SHA-256 of the served file of `size` bytes.
fn digest(size: usize) -> String {
    let mut hashes = Hashes::new([]);
    for start in (0..size).step_by(PATTERN.len()) {
        hashes.update(&PATTERN[..PATTERN.len().min(size - start)]);
    }
    hashes.finish()[0].hex()
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event) {}
}

/// Takes 80 MiB a second, far less than loopback gives.
struct SlowReader {
    taken: Arc<AtomicUsize>,
}

impl Write for SlowReader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let micros = bytes.len() as u64 * 1_000_000 / (80 * MIB as u64);
        thread::sleep(Duration::from_micros(micros));
        self.taken.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
