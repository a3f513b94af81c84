//! Where a scenario plays: a scratch folder in memory, the served files, and
//! the servers out of the test suite's rig.

#[path = "../../tests/it/rig/data.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod data;
#[path = "../../tests/it/rig/nginx.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod nginx;
#[path = "../../tests/it/rig/tls.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod tls;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use turbo_engine::store::{hash_file, space};

pub use data::{KIB, MIB};
pub use nginx::Nginx;
pub use tls::Authority;

/// Files here are in memory, so that no disk is measured.
const MEMORY: &str = "/dev/shm";
/// Random files are written in blocks of this length.
const BLOCK_BYTES: usize = 8 * MIB;

/// A file that is served, and how to know it again.
#[derive(Debug, Clone)]
pub struct Served {
    pub name: String,
    pub sha256: String,
}

/// A scratch folder; everything in it goes with it.
pub struct Stage {
    folder: TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let memory = Path::new(MEMORY);
        let below = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(below).expect("a scratch folder");
        for name in ["www", "out", "engine"] {
            fs::create_dir(folder.path().join(name)).expect("scratch is writable");
        }
        fs::write(folder.path().join("engine/config.toml"), "").expect("scratch is writable");
        Self { folder }
    }

    /// A path in the scratch folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An empty folder for what a run leaves.
    pub fn clean_output(&self) -> PathBuf {
        let output = self.path("out");
        fs::remove_dir_all(&output).and_then(|()| fs::create_dir(&output)).expect("scratch is writable");
        output
    }

    /// Whether so many bytes more fit in.
    pub fn has_room(&self, bytes: u64) -> bool {
        space(self.folder.path()).free_bytes.is_some_and(|free| free >= bytes)
    }

    /// Makes a file of bytes that never repeat, another one for every `seed`.
    pub fn random_file(&self, name: &str, bytes: usize, seed: u64) -> Served {
        let mut file = self.create(name);
        for (block, start) in (0..).zip((0..bytes).step_by(BLOCK_BYTES)) {
            let content = data::bytes((bytes - start).min(BLOCK_BYTES), (seed << 32) + block);
            file.write_all(&content).expect("scratch is writable");
        }
        self.served(name)
    }

    /// Makes a file of zeros that takes no room.
    pub fn sparse_file(&self, name: &str, bytes: u64) -> Served {
        self.create(name).set_len(bytes).expect("scratch is writable");
        self.served(name)
    }

    fn create(&self, name: &str) -> File {
        File::create(self.path("www").join(name)).expect("scratch is writable")
    }

    fn served(&self, name: &str) -> Served {
        Served { name: name.to_owned(), sha256: sha256(&self.path("www").join(name)).expect("a readable file") }
    }

    /// An nginx that serves the files; `shared` goes into its `http` block,
    /// `own` into its `server` block.
    pub fn nginx(&self, shared: &str, own: &str) -> Nginx {
        self.serve("", shared, own)
    }

    /// The same over TLS.
    pub fn nginx_tls(&self, authority: &Authority) -> Nginx {
        let certificate = authority.issue(&["127.0.0.1"]);
        let folder = self.path("");
        certificate.write_pem(&folder);
        let names = format!("ssl_certificate {0}cert.pem; ssl_certificate_key {0}key.pem;", folder.display());
        self.serve("ssl", &names, "")
    }

    fn serve(&self, listen: &str, shared: &str, own: &str) -> Nginx {
        let root = self.path("www");
        Nginx::serve(|_, address| {
            format!(
                "access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;\n\
                 keepalive_requests 1000000; {shared}\n\
                 server {{ listen {address} {listen}; root {}; {own} }}\n",
                root.display()
            )
        })
    }
}

/// The SHA-256 of a file; none when it cannot be read.
pub fn sha256(path: &Path) -> Option<String> {
    let digests = hash_file(path, []).ok()?;
    digests.first().map(turbo_engine::model::Digest::hex)
}
