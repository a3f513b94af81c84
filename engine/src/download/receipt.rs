//! The account of a finished download: what, from whom, and on whose word.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::SourceState;
use super::audit::AuditEnd;
use crate::metrics::ProcessUsage;
use crate::plan::Role;

/// Version of the receipt's format.
const VERSION: u32 = 1;

/// On whose word the bytes are called the origin's, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A digest that the user gave.
    Checksum,
    /// A checksum list that the user named.
    ChecksumFile,
    /// A Metalink that the user named.
    Metalink,
    /// The digest that GitHub's API gives for a release asset.
    GithubDigest,
    /// `Repr-Digest` or `Content-Digest` of the origin (RFC 9530).
    ReprDigest,
    /// A checksum file beside the file at the origin.
    Sidecar,
    /// Every byte came from the origin itself.
    Origin,
    /// No digest, and not all bytes from the origin in this run: `sampled_bytes`
    /// of them were compared with it.
    Unverified,
}

impl Proof {
    /// Name as the receipt and messages write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::ChecksumFile => "checksum-file",
            Self::Metalink => "metalink",
            Self::GithubDigest => "github-digest",
            Self::ReprDigest => "repr-digest",
            Self::Sidecar => "sidecar",
            Self::Origin => "origin",
            Self::Unverified => "unverified",
        }
    }
}

impl Proof {
    const ALL: [Self; 8] = [
        Self::Checksum,
        Self::ChecksumFile,
        Self::Metalink,
        Self::GithubDigest,
        Self::ReprDigest,
        Self::Sidecar,
        Self::Origin,
        Self::Unverified,
    ];

    /// The proof of this name; an unknown name proves nothing.
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|proof| proof.name() == name).unwrap_or(Self::Unverified)
    }

    /// Whether a digest proved the bytes.
    pub fn is_digest(self) -> bool {
        !matches!(self, Self::Origin | Self::Unverified)
    }

    /// Whether the origin's own metadata stated a digest, which is strong.
    pub fn is_origins_digest(self) -> bool {
        self.is_digest() && !self.is_users()
    }

    /// Whether the user stated the digest: then each one must hold.
    pub fn is_users(self) -> bool {
        matches!(self, Self::Checksum | Self::ChecksumFile | Self::Metalink)
    }
}

/// How the bytes were verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// On whose word.
    pub by: Proof,
    /// The digest that was compared, as `ALGORITHM:HEX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bytes of mirrors that were compared with the origin's.
    pub sampled_bytes: u64,
}

/// What one source gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceReceipt {
    /// Its URL, without secrets.
    pub url: String,
    /// Its host.
    pub host: String,
    /// The rule that named it.
    pub rule: Option<String>,
    /// Origin or mirror.
    #[serde(serialize_with = "role_name")]
    pub role: Role,
    /// Bytes received from it.
    pub bytes: u64,
    /// Requests sent to it.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// What became of it.
    pub state: SourceState,
    /// The last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn role_name<S: serde::Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match role {
        Role::Origin => "origin",
        Role::Mirror => "mirror",
    })
}

/// The account of a finished download.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    /// Version of this format: 1.
    pub v: u32,
    /// The URL asked for, without secrets.
    pub url: String,
    /// The file; none for standard output.
    pub file: Option<PathBuf>,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the bytes, in hexadecimal; none where a file was left alone
    /// without reading it.
    pub sha256: Option<String>,
    /// How they were verified.
    pub verified: Verified,
    /// What each source gave.
    pub sources: Vec<SourceReceipt>,
    /// How comparing bytes of others with the origin's ended; none where all
    /// came from the origin in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditEnd>,
    /// Seconds from the first request to the final name.
    pub seconds: f64,
    /// Bytes that an earlier run left.
    pub resumed_bytes: u64,
    /// Seconds from the last byte received to all of them verified: what the
    /// digest had still to read. None where nothing was fetched.
    pub hash_tail_seconds: Option<f64>,
    /// Attempts after the first.
    pub retries: u32,
    /// Most memory that the whole process, with every download in it, has had
    /// resident at once so far. None where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// Processor seconds that the whole process, with every download in it, has
    /// used so far: its own and the system's for it. None where the system does
    /// not say.
    pub cpu_seconds: Option<f64>,
    /// The content codings in which the server sent the file, where it did
    /// though none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_coding: Option<String>,
    /// Whether they were undone: then size and digests are of the decoded file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub decoded: bool,
    /// Whether the bytes came out of the cache.
    pub from_cache: bool,
    /// Whether the finished file was there already and was left alone.
    pub already_there: bool,
}

impl Receipt {
    /// The receipt with what the download took: the time since `begun`, and
    /// what the process has used.
    pub(super) fn accounted(self, begun: Instant) -> Self {
        let usage = ProcessUsage::now();
        Self {
            seconds: begun.elapsed().as_secs_f64(),
            peak_memory_bytes: usage.peak_memory_bytes,
            cpu_seconds: usage.cpu.map(|cpu| cpu.as_secs_f64()),
            ..self
        }
    }

    /// A receipt of bytes that needed no transfer; the caller fills in the rest.
    pub fn untransferred(url: String, size: u64, sha256: Option<String>, verified: Verified) -> Self {
        Self {
            v: VERSION,
            url,
            file: None,
            size,
            sha256,
            verified,
            sources: Vec::new(),
            audit: None,
            seconds: 0.0,
            resumed_bytes: 0,
            hash_tail_seconds: None,
            retries: 0,
            peak_memory_bytes: None,
            cpu_seconds: None,
            content_coding: None,
            decoded: false,
            from_cache: false,
            already_there: false,
        }
    }
}
