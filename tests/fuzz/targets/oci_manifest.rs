//! Manifests and tokens of OCI registries.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::oci_manifest(data));
