//! Small files that steer a download: checksum lists, netrc, cookies, input
//! lists, Metalink documents, lockfiles, trusted keys.
//!
//! Parsers only: they take what somebody else read, bound what they keep, and
//! say which line they cannot follow, and not what stands in it. Whatever name or URL they return is raw.

mod cookies;
mod docker_config;
mod input_file;
mod lock_file;
mod metalink;
mod netrc;
mod release_assets;
mod sums;
mod toml_fault;
mod trusted_keys;

pub use cookies::{CookieFile, CookieFileError};
pub use docker_config::{DockerConfig, DockerConfigError};
pub use input_file::{InputEntry, InputFileError, InputOptions, parse_input_file};
pub use lock_file::{LockFile, LockFileError, Locked, LockedKind, LockedVersion, is_name};
pub use metalink::{Fault, MetalinkError, MetalinkFile, MetalinkUrl, Pieces, XmlError, parse_metalink};
pub use netrc::{Netrc, NetrcError, NetrcLogin};
pub use release_assets::asset_digest;
pub use sums::{SumEntry, Sums, SumsError};
pub use toml_fault::toml_fault;
pub use trusted_keys::{TrustedKey, TrustedKeys, TrustedKeysError};
