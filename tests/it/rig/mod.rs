//! What the tests stand on: servers that lie on request, the binary under
//! test, file contents that betray every misplaced byte, and the scan of every
//! run for secrets.
//!
//! Nothing here leaves loopback, and everything ends with the test that
//! started it.

mod answer;
mod children;
pub mod data;
mod engine;
mod git;
pub mod github;
mod minchoc;
mod nginx;
mod origin;
mod proxy;
#[cfg(target_os = "linux")]
pub mod pty;
mod registry;
mod request;
mod run;
pub mod secrets;
mod socks;
mod tls;
#[cfg(target_os = "linux")]
mod void;
mod watch;
mod yaml;

pub use answer::{Answer, Ending, File, file};
pub use data::{KIB, MIB, MIB_PER_SECOND, sha256};
pub use engine::{Engine, fixture, impatient};
pub use git::{Bare, GitServer};
pub use github::GitHub;
pub use minchoc::{Minchoc, nuget};
pub use nginx::{Nginx, Site};
pub use origin::Origin;
pub use proxy::Proxy;
pub use registry::{Door, Registry};
pub use request::Request;
pub use run::{Run, Running, bytes_by_host};
pub(crate) use secrets::secret;
pub use secrets::{MARK, basic};
pub use socks::Socks;
pub use tls::Authority;
#[cfg(target_os = "linux")]
pub use void::Void;
pub use yaml::yaml;
