//! The situations: what is served and how, who downloads it, and which figure
//! comes out.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;

use clap::ValueEnum;

use super::contestant::{self, Contestant, OURS, url};
use super::relay::{BYTES_PER_SECOND, ONE_WAY, Relay};
use super::report::{Figure, Row, beside_the_best, flatness, hash_tail};
use super::stage::{Authority, KIB, MIB, Stage};

/// Name of the receipt in the output folder.
pub const RECEIPT: &str = "receipt.json";
/// Files of `small`, and their length.
const SMALL_FILES: u64 = 1000;
const SMALL_BYTES: usize = 10 * KIB;
const GIB: u64 = 1 << 30;

/// Which situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// A round trip of 200 ms, and so a window that limits each connection
    Relay,
    /// 1000 files of 10 KiB out of a list
    Small,
    /// A host that takes one connection and refuses more
    OneConnection,
    /// 512 MiB over HTTPS
    Tls,
    /// Peak memory of small and large files over few and many connections
    Memory,
    /// What hashing 1 GiB adds after its last byte
    HashTail,
}

/// A situation that stands ready.
pub struct Scenario {
    pub name: Name,
    pub title: String,
    pub contestants: Vec<Contestant>,
    pub verdict: fn(&[Row]) -> Vec<Figure>,
    /// They end with the scenario.
    _servers: Box<dyn Any>,
}

impl Name {
    pub const ALL: [Self; 6] = [Self::Relay, Self::Small, Self::OneConnection, Self::Tls, Self::Memory, Self::HashTail];

    /// Makes the files and starts the servers.
    pub fn prepare(self, stage: &Stage) -> Scenario {
        match self {
            Self::Relay => relay(stage),
            Self::Small => small(stage),
            Self::OneConnection => one_connection(stage),
            Self::Tls => tls(stage),
            Self::Memory => memory(stage),
            Self::HashTail => hash_tail_of_a_gib(stage),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.to_possible_value().expect("every scenario can be named").get_name())
    }
}

fn relay(stage: &Stage) -> Scenario {
    let file = stage.random_file("file", 64 * MIB, 1);
    let nginx = stage.nginx("", "");
    let relay = Relay::start(nginx.address());
    let title = format!(
        "64 MiB, a round trip of {} ms, {} MiB/s a connection",
        2 * ONE_WAY.as_millis(),
        BYTES_PER_SECOND / MIB
    );
    let contestants = contestant::all(&plain(relay.address()), &file);
    Scenario { name: Name::Relay, title, contestants, verdict: beside_the_best, _servers: Box::new((nginx, relay)) }
}

fn small(stage: &Stage) -> Scenario {
    let files: Vec<_> =
        (0..SMALL_FILES).map(|seed| stage.random_file(&format!("{seed}"), SMALL_BYTES, seed + 1)).collect();
    let nginx = stage.nginx("", "");
    let title = format!("{SMALL_FILES} files of {} KiB, {} at once", SMALL_BYTES / KIB, contestant::CONNECTIONS);
    let contestants = contestant::lists(stage, &plain(nginx.address()), &files);
    Scenario { name: Name::Small, title, contestants, verdict: beside_the_best, _servers: Box::new(nginx) }
}

fn one_connection(stage: &Stage) -> Scenario {
    let file = stage.random_file("file", 96 * MIB, 1);
    let nginx = stage.nginx("limit_conn_zone $server_port zone=one:1m;", "limit_conn one 1; limit_rate 32m;");
    let base = plain(nginx.address());
    Scenario {
        name: Name::OneConnection,
        title: "96 MiB at 32 MiB/s from a host that answers 503 to a second connection".into(),
        contestants: vec![contestant::ours(&base, &file), contestant::curl(&base, &file, None)],
        verdict: beside_the_best,
        _servers: Box::new(nginx),
    }
}

fn tls(stage: &Stage) -> Scenario {
    let file = stage.random_file("file", 512 * MIB, 1);
    let authority = Authority::new();
    let nginx = stage.nginx_tls(&authority);
    let (base, pem) = (format!("https://{}", nginx.address()), authority.pem());
    let ours = Contestant::ours(OURS, &["--cacert", &pem, &url(&base, &file)], vec![file.clone()]);
    let peers = [contestant::curl(&base, &file, Some(&pem)), contestant::aria2c(&base, &file, Some(&pem))];
    Scenario {
        name: Name::Tls,
        title: "512 MiB over HTTPS".into(),
        contestants: [ours].into_iter().chain(peers).collect(),
        verdict: beside_the_best,
        _servers: Box::new((nginx, authority)),
    }
}

fn memory(stage: &Stage) -> Scenario {
    let nginx = stage.nginx("", "");
    let base = plain(nginx.address());
    let contestant = |label: &str, bytes: u64, connections: &str| {
        let file = stage.sparse_file(&format!("{label}-{connections}").replace(' ', "-"), bytes);
        let name = format!("{OURS} {label} -x {connections}");
        let ours = Contestant::ours(name, &["-x", connections, &url(&base, &file)], vec![file]);
        if stage.has_room(bytes + GIB) {
            ours
        } else {
            ours.absent(format!("no room for {label} in {}", stage.path("").display()))
        }
    };
    let mut contestants = Vec::new();
    for (label, bytes) in [("256 MiB", GIB / 4), ("8 GiB", 8 * GIB)] {
        contestants.extend(["1", "64"].map(|connections| contestant(label, bytes, connections)));
    }
    Scenario {
        name: Name::Memory,
        title: "peak memory, whatever the size and the connections".into(),
        contestants,
        verdict: flatness,
        _servers: Box::new(nginx),
    }
}

fn hash_tail_of_a_gib(stage: &Stage) -> Scenario {
    let file = stage.random_file("file", 1024 * MIB, 1);
    let nginx = stage.nginx("", "");
    let base = plain(nginx.address());
    let arguments = ["--receipt", RECEIPT, &url(&base, &file)];
    Scenario {
        name: Name::HashTail,
        title: "1 GiB, from its last byte to the verified digest".into(),
        contestants: vec![Contestant::ours(OURS, &arguments, vec![file.clone()]), contestant::curl(&base, &file, None)],
        verdict: hash_tail,
        _servers: Box::new(nginx),
    }
}

fn plain(address: SocketAddr) -> String {
    format!("http://{address}")
}
