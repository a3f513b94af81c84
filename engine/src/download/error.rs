//! Why a download failed, in the user's words.

use std::path::PathBuf;

use crate::model::files::SumsError;
use crate::model::{Digest, ExitCode, Explain};
use crate::net::NetError;
use crate::store::StoreError;

/// A download that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// Neither the origin nor a mirror gave the bytes.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A local file or disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes are not the ones promised.
    #[error("the bytes are not the ones promised by the {by}: expected {expected}, got {got}")]
    Mismatch {
        /// Who promised.
        by: &'static str,
        /// What was promised.
        expected: Digest,
        /// What arrived.
        got: Digest,
    },
    /// The length is not the one promised.
    #[error("the file has {got} bytes, {expected} were promised")]
    Size {
        /// Bytes promised.
        expected: u64,
        /// Bytes the origin has.
        got: u64,
    },
    /// The origin cannot deliver, and no digest vouches for anyone else.
    #[error("the origin cannot deliver the file, and its mirrors deliver only files whose digest is known")]
    Unvouched(#[source] Box<DownloadError>),
    /// Bytes went to standard output that were taken back later.
    #[error("bytes of a mirror that proved wrong had already been written to standard output")]
    Streamed,
    /// A digest was required and none was found.
    #[error("no digest of this file is known, and --require-checksum was given")]
    NoDigest,
    /// The checksum list says nothing of this file.
    #[error("the checksum file has no digest for `{0}`")]
    NotListed(String),
    /// The checksum list cannot be read.
    #[error("the checksum file cannot be read")]
    ChecksumFile(#[from] SumsError),
    /// The file at the origin kept changing while it was fetched.
    #[error("the file at the origin changes while it is being downloaded")]
    Changing,
    /// The origin served ranges at first and does not any more.
    #[error("the origin stopped serving ranges")]
    NoRanges,
    /// What answers is not known to be the file that an earlier answer began.
    #[error("{host} answered with {what}, which is not the file of which {} is a part", part.display())]
    NotTheFile {
        /// Who answered.
        host: String,
        /// With what.
        what: String,
        /// The partial file.
        part: PathBuf,
    },
    /// Not in the cache, and the network is not to be used.
    #[error("the file is not in the cache")]
    Offline,
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl Explain for DownloadError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Net(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::Mismatch { .. }
            | Self::Size { .. }
            | Self::Unvouched(_)
            | Self::Streamed
            | Self::NoDigest
            | Self::Changing
            | Self::NotListed(_)
            | Self::ChecksumFile(_) => ExitCode::Verification,
            Self::NoRanges | Self::NotTheFile { .. } => ExitCode::Refused,
            Self::Offline => ExitCode::Network,
            Self::Interrupted => ExitCode::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Net(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Mismatch { by: "checksum", .. } => {
                "compare the checksum with its source; the file may have been replaced since it was published".into()
            }
            Self::Mismatch { .. } | Self::Size { .. } => {
                "the origin contradicts itself: try later, or ask its operator".into()
            }
            Self::Unvouched(_) => {
                "give a digest with --checksum, or accept what the mirrors give unverified with --accept-unverified"
                    .into()
            }
            Self::Streamed => {
                "discard what was written; download to a file with -o PATH, where nothing wrong appears".into()
            }
            Self::NoDigest => "give one with --checksum or --checksum-file, or drop --require-checksum".into(),
            Self::NotListed(_) | Self::ChecksumFile(_) => {
                "check that the list is in the format of sha256sum and names this file".into()
            }
            Self::Changing => "try again when the origin has settled".into(),
            Self::NoRanges => "download to a file with -o PATH, which can begin anew".into(),
            Self::NotTheFile { part, .. } => format!(
                "run the same command again once the server answers as before: what is there is kept; remove {} if the \
                 file has really been replaced",
                part.display()
            ),
            Self::Offline => "run the same command without --offline".into(),
            Self::Interrupted => "run the same command again to resume".into(),
        })
    }
}
