//! URLs that are taken without being parsed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::candidate_url(data));
