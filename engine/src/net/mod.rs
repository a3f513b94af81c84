//! The only place that opens sockets.
//!
//! Owns the HTTP clients, redirects, credentials' scope, the address policy
//! and the rate limit. The key invariants: no credential leaves the origin it
//! was given for, and nothing a component, a redirect or a Metalink names is
//! reached at a private address unless the user allowed it.

mod build;
mod client;
mod decode;
mod error;
mod exchange;
mod identity;
mod limit;
pub mod oci;
mod proxy;
mod race;
mod resolve;
mod response;
mod scoped;

pub use client::{
    Authorities, AuthoritiesError, CertificateCheck, Coded, Get, Net, NetOptions, Precondition, Trust, Wanted,
};
pub(crate) use error::shown_wait;
pub use error::{Malformed, NetError};
pub use exchange::{Exchange, Told};
pub use identity::{ClientIdentity, ClientIdentityError};
pub use oci::{OciError, OciFiles, OciLogin, OciUpload, Pulled, pull, push, push_files, standing};
pub use proxy::{ProxyOptions, ProxySetting, ProxyUrl, ProxyUrlError, UnreadableProxy};
pub use resolve::{ResolveOverride, ResolveOverrideError};
pub use response::{Body, Response};
pub use scoped::Scoped;
