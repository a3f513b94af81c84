//! The part of `publish::artifact` that looks into bytes; what gets them needs
//! the network.

#[path = "../../../engine/src/publish/artifact/content/mod.rs"]
pub mod content;
