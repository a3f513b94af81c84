//! Components and files in OCI registries: the part of the distribution
//! protocol (1.1) that it takes to fetch and to push one artifact.
//!
//! The layout is the one of the ecosystem's own tools (the CNCF's "Wasm OCI
//! artifact"): a manifest with one `application/wasm` layer and a config of
//! `application/vnd.wasm.config.v0+json`. Nothing is believed: the manifest is
//! held against its digest where one was given, the layer always.

pub mod manifest;
mod session;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;

use self::manifest::Manifest;
pub use self::manifest::OciUpload;
use self::session::{Access, Session};
use super::{Net, NetError, Trust};
use crate::model::{Digest, ExitCode, Explain, OciName, Secret};

/// A user's login at a registry.
#[derive(Debug, Clone)]
pub struct OciLogin {
    /// The user.
    pub user: String,
    /// The password or token.
    pub password: Secret,
}

/// A component as a registry gave it.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// SHA-256 of the manifest.
    pub manifest: Digest,
}

/// Files to be pushed as one artifact.
#[derive(Debug, Clone)]
pub struct OciFiles {
    /// Media type of the artifact.
    pub artifact_type: String,
    /// Name and bytes of each file, in order.
    pub files: Vec<(String, Bytes)>,
}

impl OciFiles {
    /// SHA-256 of their manifest: the same files have the same one wherever and
    /// whenever they are pushed.
    pub fn digest(&self) -> Digest {
        manifest::digest(&Manifest::of_files(&self.artifact_type, &self.files).bytes())
    }
}

/// Why a registry gave or took nothing.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The network failed, or the answer contradicts itself.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The registry refuses this user.
    #[error("{registry} refuses access to {repository} ({status})")]
    Denied {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// The status code.
        status: StatusCode,
    },
    /// The registry has no such thing, or fails.
    #[error("{registry} answered {status} for {what}")]
    Status {
        /// The registry.
        registry: String,
        /// What was asked for.
        what: String,
        /// The status code.
        status: StatusCode,
    },
    /// An answer that the protocol does not allow.
    #[error("{registry} sent an answer that cannot be trusted: {what}")]
    Protocol {
        /// The registry.
        registry: String,
        /// The contradiction.
        what: String,
    },
    /// Another artifact than a component.
    #[error("{name} is no WebAssembly component: {what}")]
    NotComponent {
        /// The artifact.
        name: String,
        /// What it is instead.
        what: String,
    },
    /// Longer than the user allows.
    #[error("{name} is longer than a component may be: {bytes} bytes, the limit is {limit} bytes")]
    TooLong {
        /// The artifact.
        name: String,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Other bytes than the digest says.
    #[error("{what} from {registry} is not what its digest says: expected {expected}, got {got}")]
    Mismatch {
        /// The registry.
        registry: String,
        /// The manifest, or the layer.
        what: &'static str,
        /// What was promised.
        expected: Digest,
        /// What came.
        got: Digest,
    },
}

impl Explain for OciError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Net(error) => error.exit_code(),
            Self::Denied { .. } | Self::Status { .. } | Self::Protocol { .. } => ExitCode::Refused,
            Self::NotComponent { .. } | Self::TooLong { .. } => ExitCode::Component,
            Self::Mismatch { .. } => ExitCode::Verification,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Net(error) => return error.hint(),
            Self::Denied { .. } => "log in: a line in ~/.docker/config.json, or TURBO_ENGINE_OCI_USER and \
                 TURBO_ENGINE_OCI_PASSWORD; the name may be misspelt as well"
                .into(),
            Self::Status { status, .. } if *status == StatusCode::NOT_FOUND => {
                "check host, name and tag for a typing error".into()
            }
            Self::Status { .. } => "try again later, or ask the registry's operator".into(),
            Self::Protocol { .. } => "check that the host is a registry, or ask its operator".into(),
            Self::NotComponent { .. } => {
                "components are pushed by `turbo-engine component push`, or wkg, as one layer".into()
            }
            Self::TooLong { bytes, .. } => {
                format!("if you trust it, allow it that with --grant file={}MiB", bytes.div_ceil(1 << 20))
            }
            Self::Mismatch { .. } => "do not use it; tell the registry's operator".into(),
        })
    }
}

/// Fetches a component of at most so many bytes, from a registry that somebody
/// named. Cancel safe.
pub async fn pull(
    net: &Net,
    name: &OciName,
    login: Option<&OciLogin>,
    (trust, limit): (Trust, u64),
) -> Result<Pulled, OciError> {
    let mut session = Session::open(net, name, (login, trust), Access::Pull)?;
    let (manifest, digest) = session.manifest(name).await?;
    let layer = manifest.layer().map_err(|what| OciError::NotComponent { name: name.to_string(), what })?;
    if layer.size > limit {
        return Err(OciError::TooLong { name: name.to_string(), bytes: layer.size, limit });
    }
    let bytes = session.blob(&layer).await?;
    Ok(Pulled { bytes, annotations: manifest.annotations, manifest: digest })
}

/// Pushes a component under its tag, and gives the digest of the manifest. The
/// same component gives the same manifest wherever and whenever it is pushed.
pub async fn push(net: &Net, name: &OciName, login: Option<&OciLogin>, upload: OciUpload) -> Result<Digest, OciError> {
    let mut session = Session::open(net, name, (login, Trust::Typed), Access::Push)?;
    let (manifest, config) = Manifest::of(&upload);
    session.upload(config.into()).await?;
    session.upload(upload.bytes.into()).await?;
    session.publish(name, &manifest).await
}

/// SHA-256 of the manifest that a name stands for now; none where it is free.
/// Cancel safe.
pub async fn standing(net: &Net, name: &OciName, login: Option<&OciLogin>) -> Result<Option<Digest>, OciError> {
    Session::open(net, name, (login, Trust::Typed), Access::Push)?.standing(name).await
}

/// Pushes files under a name, and gives the digest of the manifest.
pub async fn push_files(
    net: &Net,
    name: &OciName,
    login: Option<&OciLogin>,
    upload: &OciFiles,
) -> Result<Digest, OciError> {
    let mut session = Session::open(net, name, (login, Trust::Typed), Access::Push)?;
    session.upload(Bytes::from_static(manifest::EMPTY)).await?;
    for (_, bytes) in &upload.files {
        session.upload(bytes.clone()).await?;
    }
    session.publish(name, &Manifest::of_files(&upload.artifact_type, &upload.files)).await
}
