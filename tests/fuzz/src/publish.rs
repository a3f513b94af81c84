//! The part of `publish` that reads what anybody wrote.

#[path = "../../../engine/src/publish/check/mod.rs"]
pub mod check;
#[path = "../../../engine/src/publish/package_manager.rs"]
mod package_manager;

pub use package_manager::Manager;
