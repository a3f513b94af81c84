//! Entries of the cache's index.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::cache_entry(data));
