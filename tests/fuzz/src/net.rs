//! The parts of `net` that read what others wrote, and what `publish::intake`
//! names of the rest: from here nothing can be reached.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::model::{ExitCode, Explain};

#[path = "oci.rs"]
pub mod oci;
#[expect(dead_code, reason = "the client asks for it")]
#[path = "../../../engine/src/net/proxy.rs"]
mod proxy;

pub use proxy::{ProxyOptions, ProxyUrl, ProxyUrlError};

/// A network that is not there.
#[derive(Debug)]
pub struct Net;

/// Why nothing is reached.
#[derive(Debug, thiserror::Error)]
#[error("there is no network here")]
pub struct NetError;

impl Explain for NetError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Network
    }
}

/// Who named a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The user.
    Typed,
    /// Somebody else.
    Named,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    pub method: Method,
    pub url: &'a Url,
    pub trust: Trust,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What a server said.
#[derive(Debug, Clone)]
pub struct Told {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Net {
    /// Reaches nothing.
    pub async fn exchange(&self, _: Exchange<'_>, _: usize) -> Result<Told, NetError> {
        Err(NetError)
    }
}
