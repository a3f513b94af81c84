//! The part of `publish::previous` that compares; what lists needs a destination.

#[path = "../../../engine/src/publish/previous/version.rs"]
pub mod version;
