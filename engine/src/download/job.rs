//! What a download is asked to do, and with what.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderMap;
use url::Url;

use super::{Memory, PerHost, Seats};
use crate::component::Rules;
use crate::model::files::CookieFile;
use crate::model::{Digest, Region};
use crate::net::{Coded, Net, Scoped, Trust};
use crate::plan::{Connections, Ramp, Role};
use crate::store::cache::Cache;
use crate::store::{History, IfExists, Preallocate, RunNames};

/// What all downloads of a process share.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The network.
    pub net: Net,
    /// The connections that all downloads share.
    pub seats: Seats,
    /// Mirror rules; none for `--no-rules`.
    pub rules: Option<Rules>,
    /// The cache; none for `--no-cache`.
    pub cache: Option<Cache>,
    /// The record of finished downloads.
    pub history: History,
    /// The names that the downloads of this run write to.
    pub names: RunNames,
    /// Where bytes for standard output are staged.
    pub scratch: PathBuf,
    /// Decisions of the user.
    pub options: EngineOptions,
}

impl Engine {
    /// Whether the origin learns who asks by more than the user's header
    /// fields: then its answer is for nobody else.
    pub(super) fn introduces_user(&self, job: &Job) -> bool {
        job.cookies.is_some() || self.net.shows_identity(&job.url)
    }
}

/// Decisions of the user that hold for every download.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// Connections for each file.
    pub connections: usize,
    /// How they grow.
    pub ramp: Ramp,
    /// Connections to the origin's host.
    pub max_per_origin: usize,
    /// Connections to each mirror's host.
    pub max_per_mirror: usize,
    /// Whether limits that hosts have shown in earlier runs count.
    pub host_memory: Memory,
    /// Attempts in a row without progress.
    pub retry: u32,
    /// Where the user is.
    pub region: Region,
    /// Most bytes between the network and the disk.
    pub buffer_bytes: usize,
    /// Whether files take their room from the disk before they are filled.
    pub preallocate: Preallocate,
    /// Whether anything is fetched at all.
    pub network: NetworkUse,
    /// Whether mirrors that the user did not name deliver without a digest.
    pub unverified: Unverified,
    /// What to do about a finished file that may be out of date.
    pub recheck: Recheck,
    /// Which modification time a finished file has.
    pub file_time: FileTime,
    /// What becomes of a content coding that nobody asked for.
    pub coded: Coded,
}

impl EngineOptions {
    /// Who decided on the number of connections. Who asks for one asks for no parts.
    pub(super) fn decided(&self) -> Connections {
        if self.ramp == Ramp::AtOnce && self.connections > 1 { Connections::Named } else { Connections::Measured }
    }

    /// Connections to a host that plays this role.
    pub(super) fn per_host(&self, role: Role) -> PerHost {
        let most = match role {
            Role::Origin => self.max_per_origin,
            Role::Mirror => self.max_per_mirror,
        };
        PerHost { most, memory: self.host_memory }
    }
}

/// Which modification time a finished file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileTime {
    /// That of the download.
    #[default]
    Local,
    /// `--remote-time`: the origin's `Last-Modified`, where it is plausible.
    Remote,
}

/// Whether anything is fetched at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkUse {
    /// As needed.
    Allowed,
    /// `--offline`: the cache or nothing.
    Offline,
}

/// Whether bytes of mirrors that rules, `Link` fields or Metalinks name are
/// taken where no digest is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// The origin alone delivers.
    Refused,
    /// `--accept-unverified`: samples are compared with the origin's bytes.
    Accepted,
}

/// What to do about a finished file of which neither a validator nor a digest
/// says whether the origin still has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recheck {
    /// Download it again next to the file, and compare.
    Fetch,
    /// Keep it, and say so.
    Keep,
}

/// A file to download.
pub struct Job {
    /// What the user asked for: the origin.
    pub url: Url,
    /// Who named it.
    pub trust: Trust,
    /// Other places that have the same bytes, and who named them.
    pub mirrors: Vec<(Url, Trust)>,
    /// Where the bytes go.
    pub output: Output,
    /// Digests that the bytes must have.
    pub digests: Vec<Promised>,
    /// A list of digests, one of which is this file's.
    pub checksum_file: Option<ChecksumFile>,
    /// Whether a digest is needed.
    pub digest_rule: DigestRule,
    /// Length that the bytes must have, where somebody promised one.
    pub size: Option<u64>,
    /// The user's header fields, for the origin alone.
    pub headers: HeaderMap,
    /// The user's cookies, for the origin alone; none where none is its host's.
    pub cookies: Option<Arc<CookieFile>>,
    /// What to do when the final name exists.
    pub if_exists: IfExists,
    /// Whether a shorter file there may be one that another program began.
    pub partial: PlainPartial,
}

/// What a plain file without a journal may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainPartial {
    /// Somebody else's: it is left alone.
    #[default]
    Foreign,
    /// The beginning of this file: the user asked to continue it.
    Continued,
}

impl Job {
    /// A file of which nothing is known but where it is: no mirrors, digests or
    /// credentials, and what stands under the final name is replaced.
    pub fn plain(url: Url, trust: Trust, output: Output) -> Self {
        Self {
            url,
            trust,
            mirrors: Vec::new(),
            output,
            digests: Vec::new(),
            checksum_file: None,
            digest_rule: DigestRule::Optional,
            size: None,
            headers: HeaderMap::new(),
            cookies: None,
            if_exists: IfExists::Overwrite,
            partial: PlainPartial::Foreign,
        }
    }

    /// What the origin alone is sent.
    pub(super) fn scoped(&self) -> Scoped {
        Scoped::new(&self.url, self.headers.clone(), self.cookies.clone())
    }
}

/// Where the bytes go.
pub enum Output {
    /// To this path.
    File(PathBuf),
    /// Into this directory, under the name that the server or the URL gives.
    Directory(PathBuf),
    /// To this stream, in order.
    Stream(Box<dyn Write + Send>),
}

/// A digest and who promised it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// The digest.
    pub digest: Digest,
    /// Who says so.
    pub by: super::Proof,
}

/// A checksum list that the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChecksumFile {
    /// On this machine.
    Path(PathBuf),
    /// On a server.
    Url(Url),
}

/// Whether a digest is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestRule {
    /// Used where there is one.
    Optional,
    /// `--require-checksum`: without one the download fails.
    Required,
}
