//! The part of `publish` that reads what anybody wrote; what delivers it needs
//! the network.

#[path = "artifact.rs"]
pub mod artifact;
#[path = "../../../engine/src/publish/audit/mod.rs"]
pub mod audit;
#[path = "../../../engine/src/publish/check/mod.rs"]
pub mod check;
#[path = "deliver.rs"]
pub mod deliver;
#[path = "../../../engine/src/publish/intake/mod.rs"]
pub mod intake;
#[path = "../../../engine/src/publish/pack/mod.rs"]
pub mod pack;
#[path = "../../../engine/src/publish/package_manager.rs"]
mod package_manager;
#[path = "previous.rs"]
pub mod previous;
#[path = "../../../engine/src/publish/sign/mod.rs"]
pub mod sign;

pub use package_manager::Manager;
