//! The part of `net::oci` that reads answers; what asks needs the network.

#[expect(dead_code, reason = "what is pushed is written, and not read")]
#[path = "../../../engine/src/net/oci/manifest.rs"]
pub mod manifest;
