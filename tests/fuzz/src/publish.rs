//! What reads packages and signatures; what delivers them needs the network.

#[path = "../../../engine/src/publish/pack/mod.rs"]
pub mod pack;
#[path = "../../../engine/src/publish/sign/mod.rs"]
pub mod sign;
